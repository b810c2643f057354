import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { toNumber } from '../format';
import { Store } from '../store';

import type { Frame, JSONNumber, TrialRow } from '../../messages';

interface Line {
  content: Frame;
  buffer: string;
}

interface Expected {
  trials: TrialRow[];
  curves: Record<string, Record<string, (JSONNumber | null)[]>>;
  best: number | null;
}

function folder(): string {
  const path = process.env['NOTEBOOK_AUTOML_FRAMES'];
  assert.ok(
    path,
    'Expected a folder with frames.jsonl and expected.json in the environment variable ' +
      'NOTEBOOK_AUTOML_FRAMES, got nothing. pytest writes them and runs this test; type ' +
      'jlpm test:unit for the tests that need no Python.'
  );
  return path;
}

function play(path: string): Store {
  const store = new Store();
  for (const text of readFileSync(join(path, 'frames.jsonl'), 'utf8').split('\n')) {
    if (text !== '') {
      const { content, buffer } = JSON.parse(text) as Line;
      const bytes = Buffer.from(buffer, 'base64');
      const records = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      store.apply(content, records, 0);
    }
  }
  return store;
}

test('frames that Python wrote give what Python expects', () => {
  const path = folder();
  const text = readFileSync(join(path, 'expected.json'), 'utf8');
  const expected = JSON.parse(text) as Expected;
  const store = play(path);

  assert.deepEqual(
    store.ordered.map(row => row.trial),
    expected.trials.map(row => row.trial)
  );
  for (const row of expected.trials) {
    assert.deepEqual(store.rows.get(row.trial), row);
  }
  assert.equal(store.best?.trial ?? null, expected.best);

  const metrics = store.run?.metrics ?? [];
  assert.equal(store.curves.size, Object.keys(expected.curves).length);
  for (const [trial, values] of Object.entries(expected.curves)) {
    const curve = store.curves.get(Number(trial));
    assert.ok(curve, `trial ${trial} has no curve`);
    for (const [metric, numbers] of Object.entries(values)) {
      const index = metrics.indexOf(metric);
      assert.notEqual(index, -1, `${metric} is not among the metrics`);
      const got: number[] = Array.from({ length: curve.length }, (_, i) =>
        curve.value(i, index)
      );
      const wanted = numbers.map(number => Math.fround(toNumber(number)));
      assert.deepEqual(got, wanted, `trial ${trial}, ${metric}`);
    }
  }
});
