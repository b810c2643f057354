/** The columns of the leaderboard, and by what they are sorted. No DOM here. */

import { formatCount, formatScore, formatSeconds, toNumber } from './format';
import { descending, isTrial, merit } from './rank';

import type { Store } from './store';
import type { TrialRow } from '../messages';

export type ColumnId =
  | 'rank'
  | 'trial'
  | 'state'
  | 'objective'
  | 'test'
  | 'epochs'
  | 'seconds'
  | 'parameters'
  | 'flops'
  | 'memory'
  | 'reason';

export interface Column {
  id: ColumnId;
  /** Numbers stand at the right. */
  number: boolean;
  /** Its heading, if that is not its id. */
  title?: (store: Store) => string;
  text: (row: TrialRow, store: Store) => string;
  /** Rows with a smaller key come first when it is sorted upwards; NaN comes last. */
  key: (row: TrialRow, store: Store) => number | string;
}

export const COLUMNS: readonly Column[] = [
  {
    id: 'rank',
    number: true,
    text: (row, store) => String(store.place(row.trial) ?? ''),
    key: (row, store) => store.place(row.trial) ?? NaN
  },
  {
    id: 'trial',
    number: true,
    text: labelOf,
    key: row => row.trial
  },
  {
    id: 'state',
    number: false,
    text: row => row.state,
    key: row => row.state
  },
  {
    id: 'objective',
    number: true,
    title: store => store.run?.metric ?? 'objective',
    text: row => formatScore(row.objective, row.spread),
    key: (row, store) => -merit(row, store.run?.mode ?? 'max')
  },
  {
    id: 'test',
    number: true,
    text: row => formatScore(row.test),
    key: (row, store) => {
      const value = toNumber(row.test);
      return store.run?.mode === 'min' ? value : -value;
    }
  },
  {
    id: 'epochs',
    number: true,
    text: row =>
      !isTrial(row)
        ? ''
        : row.planned > 0
          ? `${row.epochs} of ${row.planned}`
          : String(row.epochs),
    key: row => (isTrial(row) ? row.epochs : NaN)
  },
  {
    id: 'seconds',
    number: true,
    title: () => 'time',
    text: row => formatSeconds(row.seconds),
    key: row => row.seconds
  },
  {
    id: 'parameters',
    number: true,
    text: row => (row.parameters === null ? '' : formatCount(row.parameters)),
    key: row => row.parameters ?? NaN
  },
  {
    id: 'flops',
    number: true,
    title: () => 'FLOPs',
    text: row => (row.flops === null ? '' : formatCount(row.flops)),
    key: row => row.flops ?? NaN
  },
  {
    id: 'memory',
    number: true,
    title: () => 'memory',
    text: row =>
      row.memory_mib === null ? '' : `${formatCount(Math.ceil(row.memory_mib))} MiB`,
    key: row => row.memory_mib ?? NaN
  },
  {
    id: 'reason',
    number: false,
    text: row => row.reason,
    key: row => row.reason || '\uffff'
  }
];

/** A trial's number, or an entry's name and what it is. */
function labelOf(row: TrialRow): string {
  if (isTrial(row)) {
    return String(row.trial);
  }
  return row.name === row.role ? row.name : `${row.name} · ${row.role}`;
}

/** Columns of which something is known. */
export function columnsOf(store: Store): Column[] {
  let test = false;
  let flops = false;
  let memory = false;
  let reason = false;
  for (const row of store.rows.values()) {
    test ||= row.test !== null;
    flops ||= row.flops !== null;
    memory ||= row.memory_mib !== null;
    reason ||= row.reason !== '';
  }
  const known: Partial<Record<ColumnId, boolean>> = { test, flops, memory, reason };
  return COLUMNS.filter(column => known[column.id] ?? true);
}

export interface Sorting {
  column: ColumnId;
  down: boolean;
}

/** The rows in the order of a column; ties as on the leaderboard. */
export function sorted(store: Store, sorting: Sorting): readonly TrialRow[] {
  const column = COLUMNS.find(candidate => candidate.id === sorting.column);
  const rows = store.ordered;
  if (column === undefined || (column.id === 'rank' && !sorting.down)) {
    return rows;
  }
  const keyed = rows.map((row, place) => ({
    row,
    place,
    key: column.key(row, store)
  }));
  const sign = sorting.down ? -1 : 1;
  keyed.sort((a, b) => compare(a.key, b.key, sign) || a.place - b.place);
  return keyed.map(entry => entry.row);
}

function compare(a: number | string, b: number | string, sign: 1 | -1): number {
  if (typeof a === 'string' || typeof b === 'string') {
    return sign * (a === b ? 0 : a < b ? -1 : 1);
  }
  return sign > 0 ? descending(-a, -b) : descending(a, b);
}
