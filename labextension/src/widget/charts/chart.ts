/** What a chart must do. A new chart is a file beside this one, named in `all.ts`. */

import type { Selection } from '../selection';
import type { Store } from '../store';
import type { Theme } from '../theme';

/** What a chart may read, and what it may ask for. */
export interface ChartContext {
  store: Store;
  selection: Selection;
  theme: () => Theme;
  /** Ask to be drawn again soon, say when another metric was chosen. */
  redraw: () => void;
}

/** The numbers of a chart as a person reads them. */
export interface TableData {
  caption: string;
  columns: { name: string; number: boolean }[];
  rows: string[][];
}

/**
 * A chart. It is made when it is first shown, and kept.
 *
 * Laws: `draw` works with any number of trials, also none; nothing that a person gave
 * becomes markup; all that it registers is released by `dispose`.
 */
export interface Chart {
  readonly element: HTMLElement;
  /** Its own choices, say of the metric; they stand beside the tabs. */
  readonly options: HTMLElement;
  /** Draw what the store holds now; the element is in the page and `width` wide. */
  draw(width: number): void;
  /** Draw only what depends on selection and pointer. */
  highlight(): void;
  /** One sentence on what is to be seen, for those who cannot. */
  describe(): string;
  tables(): TableData[];
  /** What was left out of the drawing, or nothing. */
  note(): string;
  dispose(): void;
}

export interface ChartType {
  id: string;
  label: string;
  make: (context: ChartContext) => Chart;
}
