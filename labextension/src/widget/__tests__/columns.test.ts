import assert from 'node:assert/strict';
import { test } from 'node:test';

import { frame, trialRow } from './helpers';
import { columnsOf, sorted } from '../columns';
import { Store } from '../store';

import type { ColumnId } from '../columns';

const store = new Store();
store.apply(
  frame([
    trialRow(1, { objective: 0.9, seconds: 3, parameters: null, reason: 'b' }),
    trialRow(2, { objective: null, seconds: 1, parameters: 10 }),
    trialRow(3, { objective: 0.7, seconds: 3, parameters: 5, reason: 'a' })
  ]),
  undefined,
  0
);

function by(column: ColumnId, down: boolean): number[] {
  return sorted(store, { column, down }).map(row => row.trial);
}

test('sorted by a column, ties as on the leaderboard, unknown ones last', () => {
  assert.deepEqual(by('rank', false), [1, 3, 2]);
  assert.deepEqual(by('rank', true), [3, 1, 2]);
  assert.deepEqual(by('seconds', false), [2, 1, 3]);
  assert.deepEqual(by('seconds', true), [1, 3, 2]);
  assert.deepEqual(by('parameters', false), [3, 2, 1]);
  assert.deepEqual(by('parameters', true), [2, 3, 1]);
  assert.deepEqual(by('objective', false), [1, 3, 2]);
  assert.deepEqual(by('reason', false), [3, 1, 2]);
});

test('columns of which nothing is known are left out', () => {
  const ids = columnsOf(store).map(column => column.id);
  assert.ok(ids.includes('reason'));
  assert.ok(!ids.includes('test'));
  assert.ok(!ids.includes('flops') && !ids.includes('memory'));
});

test('what a model takes is told before it trains', () => {
  const known = new Store();
  const row = trialRow(1, { flops: 1_500_000, memory_mib: 2.2 });
  known.apply(frame([row]), undefined, 0);
  const texts = columnsOf(known).map(column => column.text(row, known));
  assert.ok(texts.some(text => /^1.500.000$/.test(text)));
  assert.ok(texts.includes('3 MiB'));
});
