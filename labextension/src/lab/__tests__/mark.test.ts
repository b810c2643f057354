import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asMark, hash } from '../mark';

test('a hash is FNV-1a over UTF-8', () => {
  // From the table of the algorithm's authors.
  assert.equal(hash(''), '811c9dc5');
  assert.equal(hash('a'), 'e40c292c');
  assert.equal(hash('foobar'), 'bf9cf968');
  assert.notEqual(hash('é'), hash('e'));
});

test('metadata of another hand are no mark', () => {
  const mark = { export: 'x', part: 'a', hash: '1' };
  assert.deepEqual(asMark(mark), mark);
  for (const value of [
    undefined,
    null,
    'x',
    1,
    [],
    { ...mark, hash: 1 },
    { part: 'a' }
  ]) {
    assert.equal(asMark(value), null);
  }
});
