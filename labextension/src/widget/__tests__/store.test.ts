import assert from 'node:assert/strict';
import { test } from 'node:test';

import { frame, METRICS, trialRow, withPieces } from './helpers';
import { Store } from '../store';

function bestOf(store: Store): number | null {
  return store.best?.trial ?? null;
}

function valuesOf(store: Store, trial: number, metric: string): number[] {
  const curve = store.curves.get(trial)!;
  const index = METRICS.indexOf(metric);
  return Array.from({ length: curve.length }, (_, i) => curve.value(i, index));
}

test('pieces become curves, with NaN and infinities', () => {
  const store = new Store();
  const told = frame([trialRow(3, { state: 'running' })]);
  const made = withPieces(
    told,
    [3, 1, [0.5, Infinity], [NaN, -Infinity]],
    [4, 1, [0], [1]]
  );
  store.apply(...made, 0);
  assert.deepEqual(valuesOf(store, 3, 'accuracy'), [0.5, Infinity]);
  assert.deepEqual(valuesOf(store, 3, 'val_accuracy'), [NaN, -Infinity]);
  assert.deepEqual(valuesOf(store, 4, 'val_accuracy'), [1]);
  assert.equal(store.points, 3);
  assert.equal(store.values, 6);
});

test('epochs may come before the row of their trial, and after its end', () => {
  const store = new Store();
  store.apply(...withPieces(frame(), [1, 1, [0.1], [0.1]]), 0);
  const done = frame([trialRow(1, { objective: 0.2 })]);
  store.apply(done, undefined, 0);
  const settled = store.settledVersion;
  store.apply(...withPieces(frame(), [1, 2, [0.2], [0.2]]), 0);
  assert.equal(store.curves.get(1)?.length, 2);
  assert.ok(store.settledVersion > settled);
});

test('an epoch of a running trial does not ask for all curves to be drawn anew', () => {
  const store = new Store();
  const told = frame([trialRow(1, { state: 'running' })]);
  store.apply(...withPieces(told, [1, 1, [0], [0]]), 0);
  const settled = store.settledVersion;
  store.apply(...withPieces(told, [1, 2, [0], [0]]), 0);
  assert.equal(store.settledVersion, settled);
  store.apply(...withPieces(told, [1, 2, [1], [1]]), 0);
  assert.ok(store.settledVersion > settled, 'a replaced epoch must');
});

test('epochs out of order and twice stand once, in order', () => {
  const store = new Store();
  store.apply(
    ...withPieces(
      frame(),
      [1, 3, [3], [3]],
      [1, 1, [1], [1]],
      [1, 2, [9], [9]],
      [1, 2, [2], [2]]
    ),
    0
  );
  assert.deepEqual(valuesOf(store, 1, 'accuracy'), [1, 2, 3]);
  assert.equal(store.points, 3);
});

test('an epoch that is not told has no value', () => {
  const store = new Store();
  store.apply(...withPieces(frame(), [1, 3, [0.3], [0.4]]), 0);
  assert.deepEqual(valuesOf(store, 1, 'accuracy'), [NaN, NaN, Math.fround(0.3)]);
  assert.equal(store.curves.get(1)?.indexOf(7), 2);
  assert.equal(store.curves.get(1)?.indexOf(0), -1);
});

test('a reset forgets, and chunks after it add up', () => {
  const store = new Store();
  store.apply(...withPieces(frame([trialRow(9)]), [9, 1, [0], [0]]), 0);
  const anew = frame([trialRow(1)], {}, true);
  store.apply(...withPieces(anew, [1, 1, [1], [1]]), 0);
  const more = frame([trialRow(2)]);
  store.apply(...withPieces(more, [1, 2, [2], [2]], [2, 1, [5], [5]]), 0);
  assert.deepEqual([...store.rows.keys()], [1, 2]);
  assert.deepEqual([...store.curves.keys()], [1, 2]);
  assert.deepEqual(valuesOf(store, 1, 'accuracy'), [1, 2]);
  assert.equal(store.points, 3);
});

test('the objective may come first, and the other metrics after it', () => {
  const store = new Store();
  const [told, buffer] = withPieces(frame([], { metrics: ['val_accuracy'] }), [
    1,
    1,
    [0.5, 0.25]
  ]);
  store.apply({ ...told, run: frame().run }, buffer, 0);
  assert.deepEqual(valuesOf(store, 1, 'val_accuracy'), [0.5, 0.25]);
  assert.deepEqual(valuesOf(store, 1, 'accuracy'), [NaN, NaN]);
  const [later, rest] = withPieces(frame([], { metrics: ['accuracy'] }), [
    1,
    1,
    [1, 0]
  ]);
  store.apply({ ...later, run: frame().run }, rest, 0);
  assert.deepEqual(valuesOf(store, 1, 'val_accuracy'), [0.5, 0.25]);
  assert.deepEqual(valuesOf(store, 1, 'accuracy'), [1, 0]);
  assert.equal(store.points, 2);
});

test('a new metric leaves what is known, and others without a reset do not', () => {
  const store = new Store();
  store.apply(...withPieces(frame(), [1, 1, [0.5], [0.25]]), 0);
  const wider = frame([], { metrics: [...METRICS, 'loss'] });
  store.apply(...withPieces(wider, [1, 2, [1], [1], [2]]), 0);
  assert.deepEqual(valuesOf(store, 1, 'accuracy'), [0.5, 1]);
  assert.ok(Number.isNaN(store.curves.get(1)?.value(0, 2)));
  assert.equal(store.curves.get(1)?.value(1, 2), 2);
  const other = frame([], { metrics: ['loss'] });
  store.apply(...withPieces(other, [1, 2, [0.25]]), 0);
  assert.equal(store.curves.get(1)?.value(1, 0), 0.25);
  assert.ok(Number.isNaN(store.curves.get(1)?.value(0, 0)));
});

test('curves grow to any length and keep what they had', () => {
  const store = new Store();
  for (let epoch = 1; epoch <= 1000; epoch++) {
    store.apply(...withPieces(frame(), [7, epoch, [epoch], [-epoch]]), 0);
  }
  assert.equal(valuesOf(store, 7, 'accuracy')[999], 1000);
  assert.equal(valuesOf(store, 7, 'val_accuracy')[0], -1);
});

test('18,000 frames that repeat what is known do not make the store larger', () => {
  const store = new Store();
  for (let k = 0; k < 18_000; k++) {
    const told = frame([trialRow(k % 20, { objective: (k % 97) / 97 })]);
    store.apply(...withPieces(told, [k % 20, 1 + (k % 100), [0], [0]]), 0);
  }
  assert.equal(store.frames, 18_000);
  assert.equal(store.rows.size, 20);
  for (const curve of store.curves.values()) {
    assert.ok(curve.length <= 100);
  }
});

test('ended names the trials that a frame ended, and none after a reset', () => {
  const store = new Store();
  const running = trialRow(1, { state: 'running' });
  const first = store.apply(frame([running, trialRow(2)]), undefined, 0);
  assert.deepEqual(first, { reset: true, ended: [], before: null });
  const next = store.apply(frame([trialRow(1), trialRow(2)]), undefined, 0);
  assert.deepEqual(
    next.ended.map(row => row.trial),
    [1]
  );
  const again = store.apply(frame([trialRow(3)], {}, true), undefined, 0);
  assert.deepEqual(again.ended, []);
});

test('a change of status tells the one before', () => {
  const store = new Store();
  store.apply(frame(), undefined, 0);
  assert.equal(store.apply(frame(), undefined, 0).before, null);
  const change = store.apply(frame([], { status: 'completed' }), undefined, 0);
  assert.equal(change.before, 'running');
});

test('the clock goes on by itself only while it runs', () => {
  const store = new Store();
  assert.equal(store.spent_s(5), 0);
  store.apply(frame([], { spent_s: 10 }), undefined, 100);
  assert.equal(store.spent_s(103), 13);
  assert.equal(store.spent_s(90), 10);
  store.apply(frame([], { spent_s: 14, clock_runs: false }), undefined, 104);
  assert.equal(store.spent_s(200), 14);
});

test('best and places follow the rows', () => {
  const store = new Store();
  assert.equal(bestOf(store), null);
  store.apply(
    frame([
      trialRow(1, { objective: 0.8 }),
      trialRow(2, { objective: 0.9 }),
      trialRow(3, { objective: 0.99, state: 'running' })
    ]),
    undefined,
    0
  );
  assert.equal(bestOf(store), 2);
  assert.deepEqual(
    [1, 2, 3].map(trial => store.place(trial)),
    [2, 1, null]
  );
  store.apply(frame([trialRow(3, { objective: 0.99 })]), undefined, 0);
  assert.equal(bestOf(store), 3);
  assert.equal(store.ranked, 3);
  store.apply(frame([], { mode: 'min' }), undefined, 0);
  assert.equal(bestOf(store), 1);
});

test('the best is a trial, whatever a baseline reached', () => {
  const store = new Store();
  const linear = trialRow(-1, { role: 'baseline', name: 'linear', objective: 0.9 });
  const change = store.apply(frame([linear]), undefined, 0);
  assert.deepEqual(change.ended, []);
  assert.equal(bestOf(store), null);
  store.apply(frame([trialRow(0, { objective: 0.5 })]), undefined, 0);
  assert.equal(bestOf(store), 0);
  assert.equal(store.baseline?.name, 'linear');
  assert.equal(store.place(-1), null);
  assert.equal(store.place(0), 1);
});
