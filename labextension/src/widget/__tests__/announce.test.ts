import assert from 'node:assert/strict';
import { test } from 'node:test';

import { frame, trialRow } from './helpers';
import { announcement } from '../announce';
import { Store } from '../store';

import type { RunLine, TrialRow } from '../../messages';

function storeWith(rows: TrialRow[], run: Partial<RunLine> = {}): Store {
  const store = new Store();
  store.apply(frame(rows, run), undefined, 0);
  return store;
}

const nine = trialRow(9, { objective: 0.9444 });
const twelve = trialRow(12, { objective: 0.9312 });

test('a finished trial is told with the best so far', () => {
  assert.equal(
    announcement(storeWith([nine, twelve]), [twelve], false),
    'Trial 12 finished: val_accuracy 0.9312. Best so far 0.9444, trial 9.'
  );
});

test('several at once are counted', () => {
  assert.equal(
    announcement(storeWith([nine, twelve]), [nine, twelve], false),
    '2 trials ended. Best so far 0.9444, trial 9.'
  );
});

test('a failed trial is told with its reason', () => {
  const failed = trialRow(3, { state: 'failed', reason: 'out of memory' });
  assert.equal(
    announcement(storeWith([failed]), [failed], false),
    'Trial 3 failed: out of memory.'
  );
});

test('the end of a run is told with its note', () => {
  const ended = storeWith([nine], {
    status: 'completed',
    note: 'The budget is spent.'
  });
  assert.equal(
    announcement(ended, [], true),
    'The search is completed. The budget is spent. Best so far 0.9444, trial 9.'
  );
});

test('nothing is said where nothing ended', () => {
  assert.equal(announcement(storeWith([nine]), [], false), '');
  assert.equal(announcement(storeWith([nine]), [], true), '');
  assert.equal(announcement(new Store(), [nine], true), '');
});

test('a reason of any length stays a sentence', () => {
  const failed = trialRow(3, { state: 'failed', reason: 'é🙂'.repeat(5000) });
  assert.ok(announcement(storeWith([failed]), [failed], false).length < 600);
});
