import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { attachCode } from '../attach';
import { viewOf } from '../notebooks';
import { VIEW_MIME } from '../../messages';

const HOSTILE = [
  'wine',
  `"); import os; os.abort() #`,
  '\'"""\\N{BULLET}\\x41{run}%s',
  'line\nfeed\r\u2028\u0000\u001b[0m',
  'Größe 🍷 שלום',
  '<img src=x onerror=alert(1)>'
];

test('Python reads back names as they are', () => {
  for (const run of HOSTILE) {
    const code = attachCode({ version: 1, handle: 'h', run, folder: run });
    const read =
      'import ast, json, sys; call = ast.parse(sys.argv[1], mode="eval").body; ' +
      'print(json.dumps([call.args[0].value, call.keywords[0].value.value]))';
    const said = execFileSync('python3', ['-c', read, code], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(said), [run, run]);
  }
});

test('without a folder Python gets None', () => {
  const code = attachCode({ version: 1, handle: 'h', run: 'a', folder: null });
  assert.equal(code, '__import__("notebook_automl").attach("a", folder=None)');
});

test('an output is ours only with a handle, and a view only with a run', () => {
  const view = { version: 1, handle: 'h', run: 'a', folder: '/runs' };
  assert.deepEqual(viewOf({ [VIEW_MIME]: view }), view);
  assert.equal(viewOf({ [VIEW_MIME]: { ...view, folder: 3 } })?.folder, null);
  assert.equal(viewOf({ [VIEW_MIME]: { ...view, run: 1 } })?.run, null);
  for (const broken of [undefined, null, 'x', {}, { handle: 3, run: 'a' }]) {
    assert.equal(viewOf({ [VIEW_MIME]: broken }), null);
  }
});
