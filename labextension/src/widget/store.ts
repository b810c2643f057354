/** All that the page knows of a run; frames are folded into it. No DOM here. */

import { toNumber } from './format';
import { isFinished, isRanked, isTrial, ordered } from './rank';

import type { Frame, RunLine, RunStatus, TrialRow } from '../messages';

const FLOAT_BYTES = 4;
const HEAD_FLOATS = 3;
const FIRST_EPOCHS = 8;

/** What a frame changed. */
export interface Change {
  reset: boolean;
  /** Trials that ended with this frame; none after a reset. */
  ended: TrialRow[];
  /** The status before, if it is another one now. */
  before: RunStatus | null;
}

/** The epochs of one trial, from 1 on: a column a metric. */
export class Curve {
  length = 0;
  /** Each longer than what is used, or missing as long as nothing is known. */
  private readonly columns: (Float32Array | undefined)[] = [];

  constructor(readonly trial: number) {}

  /** There are so many epochs at least. */
  reach(length: number): void {
    this.length = Math.max(this.length, length);
  }

  /** Take a metric's values from an epoch on; those that are known are replaced. */
  put(metric: number, first: number, values: Float32Array): void {
    const from = first - 1;
    let column = this.columns[metric];
    if (column === undefined || column.length < from + values.length) {
      column = grown(column, from + values.length);
      this.columns[metric] = column;
    }
    column.set(values, from);
  }

  value(index: number, metric: number): number {
    return this.columns[metric]?.[index] ?? NaN;
  }

  /** Where an epoch stands, or the nearest one before it; -1 if there is none. */
  indexOf(epoch: number): number {
    return Math.min(Math.floor(epoch), this.length) - 1;
  }
}

/** A longer column with what is known; a first one is as long as it must be. */
function grown(column: Float32Array | undefined, length: number): Float32Array {
  const least = column === undefined ? FIRST_EPOCHS : 2 * column.length;
  const longer = new Float32Array(Math.max(length, least)).fill(NaN);
  longer.set(column ?? []);
  return longer;
}

export class Store {
  run: RunLine | null = null;
  /** When run.spent_s was told, in seconds of this page's clock. */
  told_s = 0;
  readonly rows = new Map<number, TrialRow>();
  readonly curves = new Map<number, Curve>();
  frames = 0;
  /** Epochs of all trials. */
  points = 0;
  /** Numbers that came of them, of all metrics. */
  values = 0;
  /** Counts up with each change of the rows, and so of the order. */
  rowsVersion = 0;
  /** Counts up with each change but epochs that a running trial appends. */
  settledVersion = 0;

  private order: TrialRow[] = [];
  private places = new Map<number, number>();
  private orderVersion = -1;

  /**
   * Fold in a frame.
   *
   * @param frame What the kernel said.
   * @param buffer The numbers of epochs that came with it, if any.
   * @param now_s This page's clock.
   */
  apply(frame: Frame, buffer: DataView | undefined, now_s: number): Change {
    const before = this.run?.status ?? frame.run.status;
    const known = this.run?.metrics ?? [];
    const first = this.run === null;
    if (frame.reset) {
      this.forget();
    } else if (known.some((name, i) => name !== frame.run.metrics[i])) {
      this.forgetCurves(); // their columns have other places from now on
    }
    if (this.run?.mode !== frame.run.mode) {
      this.rowsVersion++;
    }
    this.run = frame.run;
    this.told_s = now_s;
    this.frames++;
    const ended = this.takeRows(frame.trials);
    if (buffer !== undefined) {
      this.takePieces(frame, floatsOf(buffer));
    }
    return {
      reset: frame.again || first,
      ended: frame.again || first ? [] : ended,
      before: before === frame.run.status ? null : before
    };
  }

  /** All trials, in the order of the leaderboard. */
  get ordered(): readonly TrialRow[] {
    this.rank();
    return this.order;
  }

  /** The place of a finished trial, 1 is the best. */
  place(trial: number): number | null {
    this.rank();
    return this.places.get(trial) ?? null;
  }

  /** How many trials have a place. */
  get ranked(): number {
    this.rank();
    return this.places.size;
  }

  /** The best finished trial. */
  get best(): TrialRow | null {
    return this.ordered.find(isRanked) ?? null;
  }

  /** The best baseline that has a number. */
  get baseline(): TrialRow | null {
    const counts = (row: TrialRow) => row.role === 'baseline' && isFinished(row);
    const known = (row: TrialRow) => !Number.isNaN(toNumber(row.objective));
    return this.ordered.find(row => counts(row) && known(row)) ?? null;
  }

  /** Seconds of the budget used by now. */
  spent_s(now_s: number): number {
    if (this.run === null) {
      return 0;
    }
    const since_s = this.run.clock_runs ? Math.max(0, now_s - this.told_s) : 0;
    return this.run.spent_s + since_s;
  }

  private rank(): void {
    if (this.orderVersion === this.rowsVersion) {
      return;
    }
    this.orderVersion = this.rowsVersion;
    this.order = ordered(this.rows.values(), this.run?.mode ?? 'max');
    this.places = new Map(
      this.order.filter(isRanked).map((row, index) => [row.trial, index + 1])
    );
  }

  private takeRows(rows: TrialRow[]): TrialRow[] {
    const ended: TrialRow[] = [];
    for (const row of rows) {
      const known = this.rows.get(row.trial);
      const over = isTrial(row) && row.state !== 'running';
      if (over && (known?.state ?? 'running') === 'running') {
        ended.push(row);
      }
      if (row.state !== 'running' || known?.state !== 'running') {
        this.settledVersion++;
      }
      this.rows.set(row.trial, row);
    }
    if (rows.length > 0) {
      this.rowsVersion++;
    }
    return ended;
  }

  private takePieces(frame: Frame, floats: Float32Array): void {
    const metrics = frame.columns.map(name => frame.run.metrics.indexOf(name));
    let at = HEAD_FLOATS * frame.pieces;
    const rows = (floats.length - at) / Math.max(1, metrics.length);
    for (let piece = 0; piece < frame.pieces; piece++) {
      const head = piece * HEAD_FLOATS;
      const [trial, first, count] = floats.subarray(head, head + HEAD_FLOATS);
      if (trial === undefined || first === undefined || count === undefined) {
        return;
      }
      const curve = this.curve(trial);
      const { length } = curve;
      metrics.forEach((metric, column) => {
        const from = at + column * rows;
        curve.put(metric, first, floats.subarray(from, from + count));
      });
      at += count;
      this.values += count * metrics.length;
      curve.reach(first - 1 + count);
      this.points += curve.length - length;
      const appended = first === length + 1;
      if (!appended || (this.rows.get(trial)?.state ?? 'running') !== 'running') {
        this.settledVersion++;
      }
    }
  }

  private curve(trial: number): Curve {
    let curve = this.curves.get(trial);
    if (curve === undefined) {
      curve = new Curve(trial);
      this.curves.set(trial, curve);
    }
    return curve;
  }

  private forget(): void {
    this.rows.clear();
    this.forgetCurves();
    this.rowsVersion++;
  }

  private forgetCurves(): void {
    this.curves.clear();
    this.points = 0;
    this.values = 0;
    this.settledVersion++;
  }
}

/** A buffer's numbers; where it begins is nothing that a typed array could view. */
function floatsOf(buffer: DataView): Float32Array {
  const from = buffer.byteOffset;
  const size = buffer.byteLength - (buffer.byteLength % FLOAT_BYTES);
  return new Float32Array(buffer.buffer.slice(from, from + size));
}
