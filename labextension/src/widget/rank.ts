/** The one order in which trials are shown; the same as in the kernel. */

import { shorten, toNumber } from './format';

import type { RunLine, RunStatus, TrialRow, TrialState } from '../messages';

export type Mode = RunLine['mode'];

const GROUPS: Record<TrialState, number> = {
  completed: 0,
  stopped: 0,
  running: 1,
  interrupted: 2,
  pruned: 3,
  skipped: 3,
  failed: 3
};

const LIVE: readonly RunStatus[] = ['starting', 'running', 'paused'];

/** Whether a run may still bring something new. */
export function isLive(run: RunLine): boolean {
  return LIVE.includes(run.status);
}

/** Whether a trial came to an end that counts. */
export function isFinished(row: TrialRow): boolean {
  return GROUPS[row.state] === 0;
}

/** Whether an entry is a trial, and no baseline nor ensemble. */
export function isTrial(row: TrialRow): boolean {
  return row.role === 'trial';
}

/** Whether a trial has a place: finished, with a number. */
export function isRanked(row: TrialRow): boolean {
  return isTrial(row) && isFinished(row) && !Number.isNaN(toNumber(row.objective));
}

/** What an entry is called at the beginning of a sentence. */
export function nameOf(row: TrialRow): string {
  if (isTrial(row)) {
    return `Trial ${row.trial}`;
  }
  return row.role === 'ensemble' ? 'Ensemble' : `Baseline ${shorten(row.name, 40)}`;
}

/** How well a trial did, more is better; NaN without a number. */
export function merit(row: TrialRow, mode: Mode): number {
  const value = toNumber(row.objective);
  return mode === 'max' ? value : -value;
}

/** Finished ones, running ones, then the others; the best first, ties by number. */
export function ordered(rows: Iterable<TrialRow>, mode: Mode): TrialRow[] {
  const keyed = Array.from(rows, row => ({
    row,
    group: GROUPS[row.state],
    merit: merit(row, mode)
  }));
  keyed.sort(
    (a, b) =>
      a.group - b.group || descending(a.merit, b.merit) || a.row.trial - b.row.trial
  );
  return keyed.map(key => key.row);
}

/** Larger first, NaN last; works for infinities, whose difference is NaN. */
export function descending(a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) {
    return 0;
  }
  return Number.isNaN(b) || a > b ? -1 : 1;
}
