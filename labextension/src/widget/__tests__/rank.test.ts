import assert from 'node:assert/strict';
import { test } from 'node:test';

import { trialRow } from './helpers';
import { isRanked, nameOf, ordered } from '../rank';

import type { TrialRow } from '../../messages';

function numbers(rows: TrialRow[], mode: 'max' | 'min'): number[] {
  return ordered(rows, mode).map(row => row.trial);
}

test('the best first, ties by number, those without a number last', () => {
  const rows = [
    trialRow(1, { objective: null }),
    trialRow(2, { objective: 0.5 }),
    trialRow(3, { objective: 'nan' }),
    trialRow(4, { objective: 0.9 }),
    trialRow(5, { objective: 0.5 }),
    trialRow(6, { objective: 0.7, state: 'stopped' })
  ];
  assert.deepEqual(numbers(rows, 'max'), [4, 6, 2, 5, 1, 3]);
  assert.deepEqual(numbers(rows, 'min'), [2, 5, 6, 4, 1, 3]);
});

test('infinities count, NaN does not', () => {
  const rows = [
    trialRow(1, { objective: '-inf' }),
    trialRow(2, { objective: 'inf' }),
    trialRow(3, { objective: 1 }),
    trialRow(4, { objective: 'inf' })
  ];
  assert.deepEqual(numbers(rows, 'max'), [2, 4, 3, 1]);
  assert.deepEqual(numbers(rows, 'min'), [1, 3, 2, 4]);
  assert.ok(rows.every(isRanked));
  assert.ok(!isRanked(trialRow(5, { objective: 'nan' })));
});

test('finished ones, then running, interrupted, and those that failed', () => {
  const rows = [
    trialRow(1, { state: 'failed', objective: 1 }),
    trialRow(2, { state: 'interrupted', objective: 1 }),
    trialRow(3, { state: 'running', objective: 1 }),
    trialRow(4, { state: 'stopped', objective: 0.1 }),
    trialRow(5, { state: 'pruned', objective: 0.2 }),
    trialRow(6, { state: 'completed', objective: null })
  ];
  assert.deepEqual(numbers(rows, 'max'), [4, 6, 3, 2, 1, 5]);
  assert.deepEqual(rows.filter(isRanked).length, 1);
});

test('baselines stand between trials, and have no place', () => {
  const linear = trialRow(-1, { role: 'baseline', name: 'linear', objective: 0.7 });
  const rows = [
    trialRow(0, { objective: 0.7 }),
    linear,
    trialRow(1, { objective: 0.9 }),
    trialRow(-2, { role: 'baseline', name: 'majority', state: 'failed' })
  ];
  assert.deepEqual(numbers(rows, 'max'), [1, -1, 0, -2]);
  assert.deepEqual(numbers(rows, 'min'), [-1, 0, 1, -2]);
  assert.ok(!isRanked(linear));
  assert.equal(nameOf(linear), 'Baseline linear');
});
