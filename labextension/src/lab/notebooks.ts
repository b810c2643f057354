import type { ISharedNotebook } from '@jupyter/ydoc';
import type { ICellModel, ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IOutputModel } from '@jupyterlab/rendermime';
import { type Anchor, type SavedView, VIEW_MIME } from '../messages';

/** A cell of an open notebook. */
export interface Place {
  panel: NotebookPanel;
  cell: ICellModel;
  index: number;
}

/** An output of a cell of an open notebook. */
export interface OutputPlace {
  cell: ICodeCellModel;
  index: number;
  output: IOutputModel;
}

/** The open notebooks, by kernel. */
export class Notebooks {
  constructor(private readonly tracker: INotebookTracker) {}

  /** Those that a kernel runs: several may share one. */
  of(kernelId: string): NotebookPanel[] {
    return this.tracker.filter(
      panel =>
        panel.sessionContext.session?.kernel?.id === kernelId && panel.model !== null
    );
  }

  /** The notebook around an element, or around an output with a handle. */
  around(element: Node, handle: string): NotebookPanel | null {
    return (
      this.tracker.find(panel => panel.node.contains(element)) ??
      this.tracker.find(panel => findHandle(panel, handle) !== null) ??
      null
    );
  }

  /** The id of the cell around an element, or around an output with a handle. */
  cellAround(panel: NotebookPanel, element: Node, handle: string): string | null {
    const cell = panel.content.widgets.find(widget => widget.node.contains(element));
    return cell?.model.id ?? findHandle(panel, handle)?.cell.id ?? null;
  }

  /** The cell that an anchor names; null if no notebook of this kernel holds it. */
  find(kernelId: string, anchor: Anchor): Place | null {
    for (const panel of this.of(kernelId)) {
      const place = anchor.cell === null ? null : findCell(panel, anchor.cell);
      if (place !== null) {
        return place;
      }
    }
    return null;
  }
}

export function findCell(panel: NotebookPanel, id: string): Place | null {
  let index = 0;
  for (const cell of panel.model?.cells ?? []) {
    if (cell.id === id) {
      return { panel, cell, index };
    }
    index += 1;
  }
  return null;
}

/** The cells of a notebook, to be changed. */
export function editable(panel: NotebookPanel): ISharedNotebook {
  if (panel.model === null || panel.model.readOnly) {
    throw new Error(
      `Expected a notebook that can be changed, got ${panel.context.path}, which is ` +
        'read-only. Save a copy of it and work there.'
    );
  }
  return panel.model.sharedModel;
}

function findHandle(panel: NotebookPanel, handle: string): Place | null {
  for (const { cell, output } of outputsOf(panel)) {
    if (viewOf(output.data)?.handle === handle) {
      return findCell(panel, cell.id);
    }
  }
  return null;
}

/** All outputs of a notebook. */
export function* outputsOf(panel: NotebookPanel): Generator<OutputPlace> {
  for (const cell of panel.model?.cells ?? []) {
    if (cell.type === 'code') {
      const { outputs } = cell as ICodeCellModel;
      for (let index = 0; index < outputs.length; index += 1) {
        yield { cell: cell as ICodeCellModel, index, output: outputs.get(index) };
      }
    }
  }
}

/** Our entry in the data of an output; they come from a file that anybody wrote. */
export function viewOf(data: Readonly<Record<string, unknown>>): SavedView | null {
  const view = (data[VIEW_MIME] ?? {}) as Partial<Record<keyof SavedView, unknown>>;
  if (typeof view.handle !== 'string') {
    return null;
  }
  return {
    version: Number(view.version),
    handle: view.handle,
    run: typeof view.run === 'string' ? view.run : null,
    folder: typeof view.folder === 'string' ? view.folder : null
  };
}
