import type { ISharedCell, ISharedCodeCell, ISharedNotebook } from '@jupyter/ydoc';
import type { CellSpec, InsertRequest } from '../messages';
import { isEdited, marked, markOf, rewrite } from './mark';

export interface Inserted {
  cells: string[];
  inserted: number;
  replaced: number;
  kept: number;
  removed: number;
}

/**
 * Put cells below another one. Those of the same export are replaced where they stand,
 * and those that a person edited are kept.
 *
 * It changes the model and not the view: no focus moves, and a tab in the background
 * takes cells as well.
 */
export function insertCells(
  notebook: ISharedNotebook,
  request: InsertRequest
): Inserted {
  const done: Inserted = { cells: [], inserted: 0, replaced: 0, kept: 0, removed: 0 };
  if (request.undoable) {
    endUndoStep(notebook);
  }
  notebook.transact(() => {
    done.removed = removeLeftovers(notebook, request);
    let at = notebook.cells.findIndex(cell => cell.id === request.anchor.cell) + 1;
    for (const spec of request.cells) {
      at = putCell(notebook, request.export, spec, at, done) + 1;
    }
  }, request.undoable);
  return done;
}

/** Set a cell's source so that no undo brings the old one back. */
export function writeCell(notebook: ISharedNotebook, id: string, source: string): void {
  const cell = notebook.cells.find(candidate => candidate.id === id);
  if (cell !== undefined) {
    notebook.transact(() => rewrite(cell, source), false);
  }
}

/** Without this, what was typed within the last half second would go with our undo. */
function endUndoStep(notebook: ISharedNotebook): void {
  const { undoManager } = notebook as { undoManager?: { stopCapturing: () => void } };
  undoManager?.stopCapturing();
}

/** Take away the unedited cells of an earlier export that are no part of it any more. */
function removeLeftovers(notebook: ISharedNotebook, request: InsertRequest): number {
  const parts = new Set(request.cells.map(spec => spec.part));
  const leftovers = notebook.cells.filter(cell => {
    const mark = markOf(cell);
    const ours = mark?.export === request.export && !parts.has(mark.part);
    return ours && cell.id !== request.anchor.cell && !isEdited(cell, mark);
  });
  for (const cell of leftovers) {
    notebook.deleteCell(notebook.cells.findIndex(other => other.id === cell.id));
  }
  return leftovers.length;
}

/** Insert or replace one cell; returns where it stands. */
function putCell(
  notebook: ISharedNotebook,
  owner: string,
  spec: CellSpec,
  at: number,
  done: Inserted
): number {
  const standing = findPart(notebook, owner, spec.part);
  if (standing === null) {
    const metadata = marked(owner, spec.part, spec.source);
    const cell = notebook.insertCell(at, {
      cell_type: spec.type,
      source: spec.source,
      // As Lab marks a new cell: it did not come with a file.
      metadata: spec.type === 'code' ? { ...metadata, trusted: true } : metadata
    });
    done.cells.push(cell.id);
    done.inserted += 1;
    return at;
  }
  const mark = markOf(standing);
  if (mark !== null && isEdited(standing, mark)) {
    done.kept += 1;
  } else {
    forgetOutputs(standing, spec.source);
    rewrite(standing, spec.source);
    done.replaced += 1;
  }
  done.cells.push(standing.id);
  return notebook.cells.findIndex(cell => cell.id === standing.id);
}

/** What another trial's code has shown must not stand below this one's. */
function forgetOutputs(cell: ISharedCell, source: string): void {
  if (cell.cell_type === 'code' && cell.getSource() !== source) {
    const code = cell as ISharedCodeCell;
    code.setOutputs([]);
    code.execution_count = null;
  }
}

/** The cell that stands for a part of an export, wherever it was moved to. */
export function findPart(
  notebook: ISharedNotebook,
  owner: string,
  part: string
): ISharedCell | null {
  const cell = notebook.cells.find(candidate => {
    const mark = markOf(candidate);
    return mark?.export === owner && mark.part === part;
  });
  return cell ?? null;
}
