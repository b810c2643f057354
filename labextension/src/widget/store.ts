/** All that the page knows of a run; frames are folded into it. No DOM here. */

import { isRanked, ordered } from './rank';

import type { Frame, RunLine, RunStatus, TrialRow } from '../messages';

const FLOAT_BYTES = 4;
const FIRST_EPOCHS = 8;

/** What a frame changed. */
export interface Change {
  reset: boolean;
  /** Trials that ended with this frame; none after a reset. */
  ended: TrialRow[];
  /** The status before, if it is another one now. */
  before: RunStatus | null;
}

/** The epochs of one trial; the arrays are longer than what is used. */
export class Curve {
  length = 0;
  epochs = new Float32Array(FIRST_EPOCHS);
  /** Epoch by epoch, the values of all metrics. */
  values: Float32Array;

  constructor(
    readonly trial: number,
    readonly width: number
  ) {
    this.values = new Float32Array(FIRST_EPOCHS * width);
  }

  /** Take the values of an epoch from a record; a known epoch is replaced. */
  put(epoch: number, records: DataView, offset: number): void {
    const at = this.place(epoch);
    this.epochs[at] = epoch;
    for (let i = 0; i < this.width; i++) {
      const value = records.getFloat32(offset + i * FLOAT_BYTES, true);
      this.values[at * this.width + i] = value;
    }
  }

  value(index: number, metric: number): number {
    return this.values[index * this.width + metric] ?? NaN;
  }

  /** Where an epoch stands, or the nearest one before it; -1 if there is none. */
  indexOf(epoch: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.epochs[middle] ?? 0) <= epoch) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  private place(epoch: number): number {
    const before = this.indexOf(epoch);
    if (before >= 0 && this.epochs[before] === epoch) {
      return before;
    }
    if (this.length === this.epochs.length) {
      this.grow();
    }
    const at = before + 1;
    if (at < this.length) {
      this.epochs.copyWithin(at + 1, at, this.length);
      const from = at * this.width;
      this.values.copyWithin(from + this.width, from, this.length * this.width);
    }
    this.length++;
    return at;
  }

  private grow(): void {
    const epochs = new Float32Array(2 * this.epochs.length);
    epochs.set(this.epochs);
    const values = new Float32Array(epochs.length * this.width);
    values.set(this.values);
    this.epochs = epochs;
    this.values = values;
  }
}

export class Store {
  run: RunLine | null = null;
  /** When run.spent_s was told, in seconds of this page's clock. */
  told_s = 0;
  readonly rows = new Map<number, TrialRow>();
  readonly curves = new Map<number, Curve>();
  frames = 0;
  points = 0;
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
   * @param records The records of epochs that came with it, if any.
   * @param now_s This page's clock.
   */
  apply(frame: Frame, records: DataView | undefined, now_s: number): Change {
    const before = this.run?.status ?? frame.run.status;
    const metrics = this.run?.metrics.join('\n');
    const first = this.run === null;
    if (frame.reset) {
      this.forget();
    } else if (metrics !== undefined && metrics !== frame.run.metrics.join('\n')) {
      this.forgetCurves(); // records have another width from now on
    }
    if (this.run?.mode !== frame.run.mode) {
      this.rowsVersion++;
    }
    this.run = frame.run;
    this.told_s = now_s;
    this.frames++;
    const ended = this.takeRows(frame.trials);
    if (records !== undefined) {
      this.takeRecords(records, frame.run.metrics.length);
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
    const [first] = this.ordered;
    return first !== undefined && isRanked(first) ? first : null;
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
      if (row.state !== 'running' && (known?.state ?? 'running') === 'running') {
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

  private takeRecords(records: DataView, width: number): void {
    const step = (2 + width) * FLOAT_BYTES;
    for (let at = 0; at + step <= records.byteLength; at += step) {
      const trial = records.getFloat32(at, true);
      const epoch = records.getFloat32(at + FLOAT_BYTES, true);
      let curve = this.curves.get(trial);
      if (curve === undefined) {
        curve = new Curve(trial, width);
        this.curves.set(trial, curve);
      }
      const length = curve.length;
      curve.put(epoch, records, at + 2 * FLOAT_BYTES);
      this.points += curve.length - length;
      const grown = curve.length > length && curve.epochs[length] === epoch;
      if (!grown || (this.rows.get(trial)?.state ?? 'running') !== 'running') {
        this.settledVersion++;
      }
    }
  }

  private forget(): void {
    this.rows.clear();
    this.forgetCurves();
    this.rowsVersion++;
  }

  private forgetCurves(): void {
    this.curves.clear();
    this.points = 0;
    this.settledVersion++;
  }
}
