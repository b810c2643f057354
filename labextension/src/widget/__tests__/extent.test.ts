import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Extent, roundUp, steady } from '../charts/extent';

function rangeOf(values: number[]) {
  const extent = new Extent();
  values.forEach(value => extent.add(value));
  return extent.range();
}

test('no finite number has no range', () => {
  assert.equal(rangeOf([]), null);
  assert.equal(rangeOf([NaN, Infinity]), null);
  assert.deepEqual(steady(null, null), { min: 0, max: 1 });
});

test('one number gets room around it', () => {
  const range = rangeOf([0])!;
  assert.ok(range.min < 0 && range.max > 0);
});

test('a few numbers far away do not press the others flat', () => {
  const values = Array.from({ length: 10_000 }, (_, i) => (i % 100) / 100);
  const range = rangeOf([...values, 1e30])!;
  assert.ok(range.max < 10 && range.max > 1);
  assert.ok(range.min < 0 && range.min > -1);
});

test('all numbers are shown where none is far away', () => {
  const range = rangeOf([0.1, 0.5, 0.9])!;
  assert.ok(range.min < 0.1 && range.max > 0.9);
});

test('a range stays while the numbers fill it', () => {
  const before = { min: 0, max: 1 };
  assert.equal(steady(before, { min: 0.1, max: 0.9 }), before);
  const out = { min: 0.1, max: 1.1 };
  assert.equal(steady(before, out), out);
  const small = { min: 0.4, max: 0.5 };
  assert.equal(steady(before, small), small);
});

test('round numbers', () => {
  assert.deepEqual(
    [0, 1, 7, 11, 12, 13, 88, 100, 101].map(roundUp),
    [1, 1, 8, 12, 12, 15, 100, 100, 120]
  );
});
