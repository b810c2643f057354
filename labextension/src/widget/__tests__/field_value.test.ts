import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mayReplace, parseValue } from '../field_value';

const still = {
  typing: false,
  waiting: 0,
  focused: false,
  error: '',
  sent: null,
  text: '5',
  typed: 5
};

test('numbers are sent as numbers, nothing as null, the rest to be refused', () => {
  assert.equal(parseValue('int', ' 12 '), 12);
  assert.equal(parseValue('float', '1e-3'), 0.001);
  assert.equal(parseValue('float', ''), null);
  assert.equal(parseValue('int', 'ten'), 'ten');
  assert.equal(parseValue('float', 'Infinity'), 'Infinity');
  assert.equal(parseValue('text', '12'), '12');
});

test('what the cell says comes into the field', () => {
  assert.ok(mayReplace(still, 7));
  assert.ok(mayReplace({ ...still, focused: true, sent: '5' }, 7));
});

test('nothing is overwritten while it is typed or on its way', () => {
  assert.ok(!mayReplace({ ...still, typing: true, focused: true }, 7));
  assert.ok(!mayReplace({ ...still, waiting: 1, sent: '5' }, 7));
});

test('what means the same does not move the caret', () => {
  assert.ok(!mayReplace({ ...still, focused: true }, 5));
  const longer = { ...still, text: '5.0', sent: '5.0' };
  assert.ok(!mayReplace({ ...longer, focused: true }, 5));
  assert.ok(mayReplace(longer, 5), 'it is written plainly when the focus is gone');
});

test('what is wrong stays beside its error', () => {
  const wrong = {
    ...still,
    text: 'ten',
    typed: 'ten',
    sent: 'ten',
    error: 'Expected a number'
  };
  assert.ok(!mayReplace(wrong, 10));
  assert.ok(mayReplace({ ...wrong, error: '' }, 10));
});
