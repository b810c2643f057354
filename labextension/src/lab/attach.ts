import type { IDisplayData } from '@jupyterlab/nbformat';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { SavedView } from '../messages';
import { viewOf } from './notebooks';

/** Python that shows a run; JSON's strings are Python's as well. */
export function attachCode({ run, folder }: SavedView): string {
  const where = folder === null ? 'None' : JSON.stringify(folder);
  return `__import__("notebook_automl").attach(${JSON.stringify(run)}, folder=${where})`;
}

/**
 * Let the kernel show a run again.
 *
 * @param cellId - The cell that the view will stand in.
 * @returns The view.
 * @throws What the kernel says of the failure.
 */
export async function attachView(
  kernel: Kernel.IKernelConnection,
  view: SavedView,
  cellId: string
): Promise<Pick<IDisplayData, 'data' | 'metadata'>> {
  const content = { code: attachCode(view), store_history: false };
  const future = kernel.requestExecute(content, true, { cellId });
  const found: Pick<IDisplayData, 'data' | 'metadata'>[] = [];
  let failed = '';
  future.onIOPub = (message: KernelMessage.IIOPubMessage) => {
    const { msg_type: type } = message.header;
    if (type === 'display_data' || type === 'execute_result') {
      const { data, metadata } = (message as KernelMessage.IDisplayDataMsg).content;
      if (viewOf(data) !== null) {
        found.push({ data, metadata });
      }
    } else if (type === 'error') {
      failed = (message as KernelMessage.IErrorMsg).content.evalue;
    }
  };
  await future.done;
  const [first] = found;
  if (first === undefined) {
    throw new Error(
      failed ||
        `Expected a view of run ${view.run}, got none. Update notebook-automl where the ` +
          'kernel runs: pip install -U notebook-automl'
    );
  }
  return first;
}
