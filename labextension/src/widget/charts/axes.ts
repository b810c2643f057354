/** Which parameters parallel coordinates show, and where a value stands. No DOM here. */

import { shortNames, formatMetric, formatValue, toNumber } from '../format';
import { merit } from '../rank';

import type { Mode } from '../rank';
import type { TrialRow } from '../../messages';

export type AxisKind = 'category' | 'linear' | 'log';

export interface AxisTick {
  /** From 0, the bottom, to 1. */
  at: number;
  text: string;
}

export interface ParallelAxis {
  name: string;
  label: string;
  kind: AxisKind;
  ticks: AxisTick[];
  /** Where a trial stands, from 0 to 1; NaN if it has no such value. */
  place: (row: TrialRow) => number;
  /** Its value as text. */
  text: (row: TrialRow) => string;
}

type Value = TrialRow['values'][string] | undefined;
type Known = Exclude<Value, undefined | null>;

const LOG_FACTOR = 100;
const MOST_CATEGORIES = 12;
const BINS = 5;

/**
 * The axes for some finished trials, those first that the objective depends on most.
 *
 * @param rows Trials with a finite objective.
 * @param mode What is better.
 * @param most How many parameters there is room for.
 * @returns The axes, the objective's last, and how many parameters vary.
 */
export function chooseAxes(
  rows: readonly TrialRow[],
  mode: Mode,
  most: number,
  metric: string
): { axes: ParallelAxis[]; varying: number } {
  const names = new Set(rows.flatMap(row => Object.keys(row.values)));
  const found = [];
  for (const name of names) {
    const axis = axisOf(rows, name);
    if (axis !== null) {
      found.push({ axis, weight: dependence(rows, axis, mode) });
    }
  }
  found.sort((a, b) => b.weight - a.weight);
  const axes = found.slice(0, most).map(({ axis }) => axis);
  nameShortly(axes);
  return { axes: [...axes, objectiveAxis(rows, metric)], varying: found.length };
}

/** Labels that tell the axes apart. */
function nameShortly(axes: ParallelAxis[]): void {
  const names = shortNames(
    axes.map(axis => axis.name),
    1
  );
  axes.forEach((axis, at) => {
    axis.label = names[at] ?? axis.name;
  });
}

/** An axis for a parameter; null if all trials have the same value. */
export function axisOf(rows: readonly TrialRow[], name: string): ParallelAxis | null {
  const values = rows.map(row => row.values[name]).filter(isKnown);
  if (new Set(values).size < 2) {
    return null;
  }
  const numeric = values.every(value => Number.isFinite(numberOf(value)));
  const scale = numeric ? numbers(values.map(numberOf)) : categories(values);
  return {
    name,
    label: name,
    kind: scale.kind,
    ticks: scale.ticks,
    place: row => scale.place(row.values[name]),
    text: row => {
      const value = row.values[name];
      return isKnown(value) ? formatValue(value) : '–';
    }
  };
}

function objectiveAxis(rows: readonly TrialRow[], metric: string): ParallelAxis {
  const [min, max] = spans(rows.map(row => toNumber(row.objective)));
  const span = max - min;
  return {
    name: metric,
    label: metric,
    kind: 'linear',
    ticks: [0, 0.25, 0.5, 0.75, 1]
      .filter(at => span > 0 || at === 0.5)
      .map(at => ({ at, text: formatMetric(min + at * span) })),
    place: row => (span > 0 ? (toNumber(row.objective) - min) / span : 0.5),
    text: row => formatMetric(toNumber(row.objective))
  };
}

interface Scale {
  kind: AxisKind;
  ticks: AxisTick[];
  place: (value: Value) => number;
}

/** Values that span more than two decades stand on a logarithmic axis. */
function numbers(values: number[]): Scale {
  const [low, high] = spans(values);
  const log = low > 0 && high / low > LOG_FACTOR;
  const map = log ? Math.log10 : (value: number) => value;
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  const place = (value: number) => (map(value) - map(low)) / (map(high) - map(low));
  const shown =
    distinct.length <= 6 ? distinct : log ? decades(low, high) : evenly(low, high);
  return {
    kind: log ? 'log' : 'linear',
    ticks: shown.map(value => ({ at: place(value), text: formatValue(value) })),
    place: value => (isKnown(value) ? place(numberOf(value)) : NaN)
  };
}

/** Words stand evenly, in the order of the alphabet, false before true. */
function categories(values: Known[]): Scale {
  const words = [...new Set(values.map(value => formatValue(value)))].sort();
  const shown = words.slice(0, MOST_CATEGORIES);
  const more = words.length > shown.length;
  const slots = shown.length + (more ? 1 : 0);
  const at = (index: number) => (index + 0.5) / slots;
  const index = new Map(words.map((word, i) => [word, at(Math.min(i, slots - 1))]));
  return {
    kind: 'category',
    ticks: [
      ...shown.map((text, i) => ({ at: at(i), text })),
      ...(more
        ? [{ at: at(slots - 1), text: `${words.length - shown.length} others` }]
        : [])
    ],
    place: value => (isKnown(value) ? index.get(formatValue(value)) : null) ?? NaN
  };
}

/** The share of the objective's variance that lies between bins of an axis. */
function dependence(rows: readonly TrialRow[], axis: ParallelAxis, mode: Mode): number {
  const groups = new Map<number, number[]>();
  for (const row of rows) {
    const at = axis.place(row);
    const bins = axis.kind === 'category' ? MOST_CATEGORIES + 1 : BINS;
    const bin = Number.isNaN(at) ? -1 : Math.min(bins - 1, Math.floor(at * bins));
    const group = groups.get(bin) ?? [];
    group.push(merit(row, mode));
    groups.set(bin, group);
  }
  const all = [...groups.values()].flat();
  const mean = average(all);
  const total = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  let between = 0;
  for (const group of groups.values()) {
    between += group.length * (average(group) - mean) ** 2;
  }
  return total > 0 ? between / total : 0;
}

function isKnown(value: Value): value is Known {
  return value !== undefined && value !== null;
}

function numberOf(value: Value): number {
  return typeof value === 'number' ? value : NaN;
}

function average(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The ends; a spread of an array of 10,000 into Math.min is slow and may fail. */
function spans(values: number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity]
  );
}

function decades(low: number, high: number): number[] {
  const found = [low];
  for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high; power++) {
    const value = 10 ** power;
    if (value > low * 1.5 && value < high / 1.5) {
      found.push(value);
    }
  }
  return [...found, high];
}

function evenly(low: number, high: number): number[] {
  return [0, 0.25, 0.5, 0.75, 1].map(share => low + share * (high - low));
}
