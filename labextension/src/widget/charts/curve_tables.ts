/** The numbers behind the learning curves. */

import { formatCount, formatMetric } from '../format';
import { descending } from '../rank';

import type { ChartContext, TableData } from './chart';
import type { Curve, Store } from '../store';

/** All trials in a line each, and the epochs of the one that is selected. */
export function curveTables(context: ChartContext, metric: string): TableData[] {
  const { store, selection } = context;
  const index = store.run?.metrics.indexOf(metric) ?? -1;
  const curve = store.curves.get(selection.hovered ?? selection.trial ?? -1);
  const tables = [perTrial(store, metric, index)];
  if (curve !== undefined) {
    tables.push(perEpoch(store, curve));
  }
  return tables;
}

function perTrial(store: Store, metric: string, index: number): TableData {
  const rows = [];
  for (const row of store.ordered) {
    const curve = store.curves.get(row.trial);
    if (curve !== undefined) {
      rows.push([String(row.trial), row.state, ...ends(curve, index, metric, store)]);
    }
  }
  return {
    caption: `Learning curves of ${metric}`,
    columns: [
      { name: 'trial', number: true },
      { name: 'state', number: false },
      { name: 'epochs', number: true },
      { name: 'first', number: true },
      { name: 'best', number: true },
      { name: 'at epoch', number: true },
      { name: 'last', number: true }
    ],
    rows
  };
}

function ends(curve: Curve, index: number, metric: string, store: Store): string[] {
  const sign = betterSign(metric, store);
  let best = 0;
  for (let i = 1; i < curve.length; i++) {
    if (descending(sign * curve.value(i, index), sign * curve.value(best, index)) < 0) {
      best = i;
    }
  }
  return [
    formatCount(curve.length),
    numberAt(curve, 0, index),
    numberAt(curve, best, index),
    formatCount(best + 1),
    numberAt(curve, curve.length - 1, index)
  ];
}

/** Only the objective's direction is told; of a loss or an error less is better. */
function betterSign(metric: string, store: Store): 1 | -1 {
  if (metric === store.run?.metric) {
    return store.run.mode === 'max' ? 1 : -1;
  }
  return /loss|error|mae|mse/i.test(metric) ? -1 : 1;
}

function perEpoch(store: Store, curve: Curve): TableData {
  const metrics = store.run?.metrics ?? [];
  return {
    caption: `Epochs of trial ${curve.trial}`,
    columns: ['epoch', ...metrics].map(name => ({ name, number: true })),
    rows: Array.from({ length: curve.length }, (_, i) => [
      formatCount(i + 1),
      ...metrics.map((_name, metric) => numberAt(curve, i, metric))
    ])
  };
}

/** A buffer does not tell a missing number from one that is NaN. */
function numberAt(curve: Curve, index: number, metric: number): string {
  const value = curve.value(index, metric);
  return Number.isNaN(value) ? '–' : formatMetric(value);
}
