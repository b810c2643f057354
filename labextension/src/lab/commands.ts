import type { JupyterFrontEnd } from '@jupyterlab/application';
import { type ICommandPalette, ToolbarButton } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import {
  type INotebookModel,
  type INotebookTracker,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import { panelIcon } from './icon';

const OPEN_PANEL = 'notebook-automl:open-panel';
const LABEL = 'AutoML panel';
const CAPTION = 'Insert a cell with the AutoML panel';
const SOURCE = 'import notebook_automl as automl\n\nautoml.Panel()';

/** The command that opens the panel, in the palette and in each notebook's toolbar. */
export function addCommands(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(OPEN_PANEL, {
    label: LABEL,
    caption: CAPTION,
    icon: panelIcon,
    isEnabled: () => tracker.currentWidget !== null,
    execute: () =>
      tracker.currentWidget === null ? undefined : openPanel(tracker.currentWidget)
  });
  palette?.addItem({ command: OPEN_PANEL, category: 'Notebook Operations' });
  app.docRegistry.addWidgetExtension('Notebook', new PanelButton());
}

/** A button in a notebook's toolbar. */
class PanelButton implements DocumentRegistry.IWidgetExtension<
  NotebookPanel,
  INotebookModel
> {
  createNew(panel: NotebookPanel): ToolbarButton {
    const button = new ToolbarButton({
      icon: panelIcon,
      tooltip: CAPTION,
      onClick: () => void openPanel(panel)
    });
    if (!panel.toolbar.insertAfter('cellType', OPEN_PANEL, button)) {
      panel.toolbar.insertItem(10, OPEN_PANEL, button);
    }
    return button;
  }
}

/** Put a cell with the panel below the active one, and run it. */
async function openPanel(panel: NotebookPanel): Promise<void> {
  const notebook = panel.content;
  const model = panel.model;
  if (model === null || model.readOnly) {
    return;
  }
  const at = Math.min(notebook.activeCellIndex + 1, model.cells.length);
  model.sharedModel.insertCell(at, {
    cell_type: 'code',
    source: SOURCE,
    metadata: { trusted: true }
  });
  notebook.deselectAll();
  notebook.activeCellIndex = at;
  await NotebookActions.run(notebook, panel.sessionContext);
}
