import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { YNotebook } from '@jupyter/ydoc';
import type { CellSpec, InsertRequest } from '../../messages';
import { insertCells, writeCell } from '../cells';
import { isEdited, markOf } from '../mark';

const opened: YNotebook[] = [];

afterEach(() => opened.splice(0).forEach(notebook => notebook.dispose()));

function notebookOf(...sources: string[]): YNotebook {
  const notebook = YNotebook.create();
  notebook.insertCells(
    0,
    sources.map(source => ({ cell_type: 'code', id: `id ${source}`, source }))
  );
  notebook.clearUndoHistory();
  opened.push(notebook);
  return notebook;
}

function request(cells: CellSpec[], anchor = 'id one'): InsertRequest {
  return {
    op: 'insert',
    request: 'r',
    page: 'p',
    export: 'x',
    anchor: { cell: anchor },
    cells,
    undoable: true,
    run: false
  };
}

const code = (part: string, source: string): CellSpec => ({
  part,
  type: 'code',
  source
});
const sources = (notebook: YNotebook) => notebook.cells.map(cell => cell.getSource());
const PARTS = [
  { ...code('doc', '# Title'), type: 'markdown' as const },
  code('a', 'a = 1')
];

test('cells stand below their anchor, in order, marked as ours', () => {
  const notebook = notebookOf('one', 'two');
  const done = insertCells(notebook, request(PARTS));
  assert.deepEqual(sources(notebook), ['one', '# Title', 'a = 1', 'two']);
  const added = notebook.cells.slice(1, 3);
  assert.deepEqual(
    done.cells,
    added.map(cell => cell.id)
  );
  assert.deepEqual(
    added.map(cell => cell.cell_type),
    ['markdown', 'code']
  );
  assert.deepEqual(added[0]!.getMetadata('tags'), ['notebook-automl']);
  assert.equal(markOf(added[1]!)?.part, 'a');
  assert.equal(done.inserted, 2);
});

test('one undo takes all cells away, and one redo brings them back', () => {
  const notebook = notebookOf('one');
  insertCells(notebook, request(PARTS));
  notebook.undo();
  assert.deepEqual(sources(notebook), ['one']);
  notebook.redo();
  assert.deepEqual(sources(notebook), ['one', '# Title', 'a = 1']);
});

test('an undo of ours leaves alone what was done a moment before', () => {
  const notebook = notebookOf('one');
  notebook.insertCell(1, { cell_type: 'code', source: 'mine' });
  insertCells(notebook, request(PARTS));
  notebook.undo();
  assert.deepEqual(sources(notebook), ['one', 'mine']);
});

test('what is not undoable leaves no step behind', () => {
  const notebook = notebookOf('one');
  insertCells(notebook, { ...request(PARTS), undoable: false });
  assert.equal(notebook.canUndo(), false);
  writeCell(notebook, notebook.cells[2]!.id, 'a = 9');
  assert.equal(notebook.canUndo(), false);
});

test('the same parts are replaced where the person moved them', () => {
  const notebook = notebookOf('one', 'two');
  const { cells } = insertCells(notebook, request(PARTS));
  notebook.moveCell(2, 0);
  const done = insertCells(notebook, request([PARTS[0]!, code('a', 'a = 2')]));
  assert.deepEqual(sources(notebook), ['a = 2', 'one', '# Title', 'two']);
  assert.deepEqual(done.cells, cells);
  assert.deepEqual([done.inserted, done.replaced, done.kept], [0, 2, 0]);
});

test('an edited cell is kept, also when its part is gone', () => {
  const notebook = notebookOf('one');
  insertCells(notebook, request([...PARTS, code('b', 'b = 1')]));
  notebook.cells[2]!.setSource('a = 1  # mine');
  const again = insertCells(notebook, request([PARTS[0]!, code('a', 'a = 2')]));
  assert.deepEqual(sources(notebook), ['one', '# Title', 'a = 1  # mine']);
  assert.deepEqual([again.kept, again.removed], [1, 1]);
  const gone = insertCells(notebook, request([PARTS[0]!]));
  assert.deepEqual(sources(notebook), ['one', '# Title', 'a = 1  # mine']);
  assert.equal(gone.removed, 0);
});

test('a new part goes below the part before it', () => {
  const notebook = notebookOf('one', 'two');
  insertCells(notebook, request(PARTS));
  insertCells(notebook, request([PARTS[0]!, code('new', 'n'), PARTS[1]!]));
  assert.deepEqual(sources(notebook), ['one', '# Title', 'n', 'a = 1', 'two']);
});

test('another export touches nothing of this one', () => {
  const notebook = notebookOf('one');
  insertCells(notebook, request(PARTS));
  insertCells(notebook, { ...request([code('a', 'a = 3')]), export: 'y' });
  assert.deepEqual(sources(notebook), ['one', 'a = 3', '# Title', 'a = 1']);
});

test('what the kernel writes does not count as edited', () => {
  const notebook = notebookOf('one');
  const [, id] = insertCells(notebook, request(PARTS)).cells;
  writeCell(notebook, id!, 'a = 5');
  const cell = notebook.cells[2]!;
  assert.equal(cell.getSource(), 'a = 5');
  assert.equal(isEdited(cell, markOf(cell)!), false);
});
