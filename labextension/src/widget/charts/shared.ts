/** Sentences and labels that several charts have in common. */

import { formatMetric, shorten, toNumber } from '../format';
import { isLive, isRanked, nameOf } from '../rank';

import type { Store } from '../store';
import type { RunLine, TrialRow } from '../../messages';

/** A number on an axis. */
export function tick(value: number): string {
  const text = Math.abs(value) >= 1e5 ? value.toExponential(1) : String(value);
  return text.replace('-', '−');
}

/** A trial in a line: its state, and its rank if it has one. */
export function titleOf(store: Store, row: TrialRow): string {
  const place = store.place(row.trial);
  return `${nameOf(row)}, ${row.state}${place === null ? '' : `, rank ${place}`}`;
}

/** The finished trials that have a number, the best first. */
export function rankedRows(store: Store): TrialRow[] {
  return store.ordered.filter(isRanked);
}

export function objectiveOf(row: TrialRow): string {
  return formatMetric(toNumber(row.objective));
}

/** Why a chart of epochs is still empty. */
export function emptyOfEpochs(run: RunLine | null): string {
  return empty(run, 'Curves begin with the first epoch.', 'No epoch was recorded.');
}

/** Why a chart of finished trials is still empty. */
export function emptyOfTrials(run: RunLine | null): string {
  const later = 'This chart begins with the first finished trial.';
  return empty(run, later, 'No trial has finished with a number.');
}

function empty(run: RunLine | null, later: string, never: string): string {
  if (run === null) {
    return 'Asking the kernel …';
  }
  if (!isLive(run)) {
    return never;
  }
  const stage = run.stage || (run.status === 'starting' ? 'starting' : '');
  return stage === '' ? later : `${capital(shorten(stage, 80))} …\n${later}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
