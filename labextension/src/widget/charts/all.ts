/** The charts, in the order of their tabs. */

import { curves } from './curves';
import { history } from './history';
import { parallel } from './parallel';

import type { ChartType } from './chart';

export const CHARTS: readonly ChartType[] = [curves, history, parallel];
