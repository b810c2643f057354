import { CodeCell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';

/** Show the first of some cells, if their notebook is in front. */
export function revealCell(panel: NotebookPanel, id: string | undefined): void {
  const index = panel.content.widgets.findIndex(cell => cell.model.id === id);
  if (index >= 0 && panel.isVisible) {
    void panel.content.scrollToItem(index, 'smart');
  }
}

/**
 * Run the last code cell of some, unless it runs or waits for its turn; how it went is
 * shown in the cell itself.
 */
export function runLast(panel: NotebookPanel, ids: string[]): void {
  const cell = panel.content.widgets
    .filter(widget => widget instanceof CodeCell && ids.includes(widget.model.id))
    .pop();
  const waits = cell?.promptNode?.textContent.includes('*') ?? false;
  if (cell instanceof CodeCell && !waits) {
    CodeCell.execute(cell, panel.sessionContext).catch(() => undefined);
  }
}
