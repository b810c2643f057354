import assert from 'node:assert/strict';
import { test } from 'node:test';

import { trialRow } from './helpers';
import { axisOf, chooseAxes } from '../charts/axes';

import type { TrialRow } from '../../messages';

type Values = TrialRow['values'];

function rowsOf(...values: Values[]): TrialRow[] {
  return values.map((row, i) => trialRow(i, { objective: i / 10, values: row }));
}

test('only values that vary get an axis', () => {
  const rows = rowsOf({ a: 1, b: 1 }, { a: 2, b: 1 });
  assert.equal(axisOf(rows, 'b'), null);
  assert.deepEqual(
    chooseAxes(rows, 'max', 9, 'm').axes.map(axis => axis.name),
    ['a', 'm']
  );
});

test('two decades of positive numbers make a logarithmic axis', () => {
  const log = axisOf(rowsOf({ lr: 0.0001 }, { lr: 0.001 }, { lr: 0.1 }), 'lr')!;
  assert.equal(log.kind, 'log');
  assert.ok(Math.abs(log.place(rowsOf({ lr: 0.001 })[0]!) - 1 / 3) < 1e-9);
  assert.equal(axisOf(rowsOf({ n: 1 }, { n: 100 }), 'n')?.kind, 'linear');
  assert.equal(axisOf(rowsOf({ n: 0 }, { n: 1000 }), 'n')?.kind, 'linear');
  assert.equal(axisOf(rowsOf({ n: -1 }, { n: 1000 }), 'n')?.kind, 'linear');
});

test('words, truths and infinities stand as categories with their names', () => {
  const words = axisOf(rowsOf({ o: 'sgd' }, { o: 'adam' }), 'o')!;
  assert.equal(words.kind, 'category');
  assert.deepEqual(words.ticks, [
    { at: 0.25, text: 'adam' },
    { at: 0.75, text: 'sgd' }
  ]);
  assert.equal(axisOf(rowsOf({ o: true }, { o: false }), 'o')?.kind, 'category');
  assert.equal(axisOf(rowsOf({ o: 1 }, { o: 'inf' }), 'o')?.kind, 'category');
});

test('many words: the last place is for the others', () => {
  const many = Array.from({ length: 40 }, (_, i) => ({ o: `w${10 + i}` }));
  const axis = axisOf(rowsOf(...many), 'o')!;
  assert.equal(axis.ticks.length, 13);
  assert.equal(axis.ticks.at(-1)?.text, '28 others');
  const places = rowsOf(...many).map(axis.place);
  assert.ok(places.every(at => at > 0 && at < 1));
});

test('a value that a trial was not asked for has no place', () => {
  const rows = rowsOf({ a: 1 }, { a: 2 }, {});
  const axis = axisOf(rows, 'a')!;
  assert.equal(axis.place(rows[2]!), NaN);
  assert.equal(axis.text(rows[2]!), '–');
});

test('where room is short, those stay on which the objective depends', () => {
  const rows = Array.from({ length: 60 }, (_, i) =>
    trialRow(i, {
      objective: i % 2,
      values: { noise: (i * 7) % 5, cause: i % 2 === 0 ? 'yes' : 'no' }
    })
  );
  const { axes, varying } = chooseAxes(rows, 'max', 1, 'score');
  assert.deepEqual(
    axes.map(axis => axis.name),
    ['cause', 'score']
  );
  assert.equal(varying, 2);
});

test('names are short where that is clear', () => {
  const rows = rowsOf(
    { 'a/x': 1, 'b/x': 1, 'b/units': 1 },
    { 'a/x': 2, 'b/x': 2, 'b/units': 2 }
  );
  const labels = chooseAxes(rows, 'max', 9, 'm').axes.map(axis => axis.label);
  assert.deepEqual(labels.sort(), ['a/x', 'b/x', 'm', 'units']);
});

test('no trial, one trial and equal objectives', () => {
  assert.equal(chooseAxes([], 'max', 9, 'm').axes.length, 1);
  const [only] = rowsOf({ a: 1 });
  const { axes } = chooseAxes([only!], 'max', 9, 'm');
  assert.equal(axes[0]?.place(only!), 0.5);
});
