import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as format from '../format';

test('metrics line up where they fit, and say what they are where not', () => {
  const shown: [number, string][] = [
    [0.9312345, '0.9312'],
    [1, '1.0000'],
    [-0.5, '−0.5000'],
    [123.456, '123.46'],
    [12345.678, '12345.7'],
    [0.00001234, '1.234e−5'],
    [12345678, '1.235e+7'],
    [0, '0.0000'],
    [NaN, 'NaN'],
    [Infinity, '∞'],
    [-Infinity, '−∞']
  ];
  for (const [value, text] of shown) {
    assert.equal(format.formatMetric(value), text);
  }
});

test('spelled numbers are read, what is missing is NaN', () => {
  assert.equal(format.toNumber('inf'), Infinity);
  assert.equal(format.toNumber('-inf'), -Infinity);
  assert.equal(format.toNumber('nan'), NaN);
  assert.equal(format.toNumber(null), NaN);
  assert.equal(format.toNumber(0), 0);
  assert.equal(format.formatScore(null), '');
  assert.equal(format.formatScore('nan'), 'NaN');
  assert.equal(format.formatScore(0.9512, 0.0123), '0.9512 ± 0.0123');
});

test('clocks and durations', () => {
  assert.equal(format.formatClock(0), '0:00');
  assert.equal(format.formatClock(151.9), '2:31');
  assert.equal(format.formatClock(600), '10:00');
  assert.equal(format.formatClock(3751), '1:02:31');
  assert.equal(format.formatClock(-3), '0:00');
  assert.equal(format.formatSeconds(4.24), '4.2 s');
  assert.equal(format.formatSeconds(61), '1:01');
});

test('values of a search space', () => {
  assert.equal(format.formatValue(512), '512');
  assert.equal(format.formatValue(0.000319876), '0.0003199');
  assert.equal(format.formatValue(-2), '−2');
  assert.equal(format.formatValue(true), 'true');
  assert.equal(format.formatValue('inf'), '∞');
  assert.equal(format.formatValue('adam'), 'adam');
  assert.equal(format.formatValue(null), 'none');
});

test('counts', () => {
  assert.equal(format.formatCount(1234567), '1,234,567');
  assert.equal(format.plural(1, 'trial'), '1 trial');
  assert.equal(format.plural(0, 'trial'), '0 trials');
});

test('long names keep their beginning and end, whole signs only', () => {
  assert.equal(format.shorten('short', 10), 'short');
  assert.equal(format.shorten('abcdefghijklmnop', 8), 'abcde…op');
  assert.equal(format.shorten('a\n\tb', 10), 'a b');
  const faces = format.shorten('🙂'.repeat(500), 9);
  assert.equal(Array.from(faces).length, 9);
  assert.ok(!/[\ud800-\udbff](?![\udc00-\udfff])/.test(faces), 'no half of a pair');
  assert.equal(Array.from(format.shorten('x'.repeat(100_000), 50)).length, 50);
});

test('paths are as short as tells them apart', () => {
  const paths = ['a/block_1/units', 'b/block_1/units', 'a/block_1/rate', 'optimizer'];
  const told = ['a/block_1/units', 'b/block_1/units', 'block_1/rate', 'optimizer'];
  assert.deepEqual(format.shortNames(paths, 2), told);
  assert.equal(format.shortNames(paths, 1)[2], 'rate');
  assert.deepEqual(format.shortNames(['/', '/', ''], 1), ['/', '/', '']);
});
