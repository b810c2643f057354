import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { addCommands } from './commands';
import { Connections } from './connection';
import { passOnEvents } from './events';
import { Notebooks } from './notebooks';
import { Notices } from './notices';
import { renderViews } from './renderer';

export const kernelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'notebook-automl:kernel',
  description: 'Does in open notebooks what their kernels ask, and passes on to them.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker) => {
    const notebooks = new Notebooks(tracker);
    const connections = new Connections({
      app: `${app.name} ${app.version}`,
      notebooks,
      notices: new Notices()
    });
    passOnEvents(notebooks, connections);
    forEachNotebook(tracker, panel => connections.attach(panel));
  }
};

export const viewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'notebook-automl:view',
  description: 'Renders the view of a run: live, or as it was saved.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_: JupyterFrontEnd, tracker: INotebookTracker) => {
    forEachNotebook(tracker, renderViews);
  }
};

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'notebook-automl:commands',
  description: 'The command that opens the AutoML panel.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette],
  activate: addCommands
};

function forEachNotebook(
  tracker: INotebookTracker,
  attach: (panel: NotebookPanel) => void
): void {
  tracker.widgetAdded.connect((_, panel) => attach(panel));
  tracker.forEach(attach);
}
