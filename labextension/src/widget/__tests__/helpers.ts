/** Frames as the kernel sends them, made by hand. */

import type { Frame, RunLine, TrialRow } from '../../messages';

export const METRICS = ['accuracy', 'val_accuracy'];

export function runLine(changes: Partial<RunLine> = {}): RunLine {
  return {
    name: 'calm-fox',
    status: 'running',
    stage: '',
    note: '',
    metric: 'val_accuracy',
    mode: 'max',
    metrics: METRICS,
    task: 'tabular_classification',
    target: 'species',
    spent_s: 10,
    clock_runs: true,
    minutes: 10,
    trials: null,
    device: 'cpu',
    workers: 2,
    best: null,
    models: [],
    started_s: 1000,
    lines: [],
    ...changes
  };
}

export function trialRow(trial: number, changes: Partial<TrialRow> = {}): TrialRow {
  return {
    trial,
    role: 'trial',
    name: '',
    state: 'completed',
    objective: null,
    spread: null,
    test: null,
    epochs: 0,
    planned: 0,
    seconds: 0,
    started_s: null,
    ended_s: null,
    parameters: null,
    flops: null,
    memory_mib: null,
    best_epoch: null,
    reason: '',
    worker: '',
    values: {},
    ...changes
  };
}

export function frame(
  trials: TrialRow[] = [],
  run: Partial<RunLine> = {},
  reset = false
): Frame {
  return {
    kind: 'frame',
    reset,
    again: reset,
    more: false,
    sent_s: 0,
    run: runLine(run),
    trials,
    columns: [],
    pieces: 0
  };
}

/** A piece of a curve: its trial, its first epoch, and a list of values a metric. */
export type Piece = [trial: number, first: number, ...columns: number[][]];

/** A frame and its buffer, whose bytes are not aligned to four: no comm promises that. */
export function withPieces(told: Frame, ...pieces: Piece[]): [Frame, DataView] {
  const columns = told.run.metrics;
  const heads = pieces.flatMap(([trial, first, values]) => [
    trial,
    first,
    values?.length ?? 0
  ]);
  const values = columns.flatMap((_, i) => pieces.flatMap(piece => piece[i + 2] ?? []));
  const numbers = [...heads, ...values] as number[];
  const view = new DataView(new ArrayBuffer(4 * numbers.length + 1), 1);
  numbers.forEach((number, i) => view.setFloat32(4 * i, number, true));
  return [{ ...told, columns, pieces: pieces.length }, view];
}
