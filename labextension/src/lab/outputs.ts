import type { IDisplayData } from '@jupyterlab/nbformat';
import type { IOutputModel } from '@jupyterlab/rendermime';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { type OutputPlace, outputsOf, viewOf } from './notebooks';

type Data = IDisplayData['data'];

/** Replace entries in all outputs of a notebook that show a view. */
export function setStill(
  panel: NotebookPanel,
  handle: string,
  data: Record<string, string | object>
): void {
  for (const place of outputsOf(panel)) {
    const held = place.output.data;
    const shows = viewOf(held)?.handle === handle;
    if (shows && Object.entries(data).some(([mime, value]) => held[mime] !== value)) {
      setOutput(place, {
        ...place.output.toJSON(),
        data: { ...held, ...data } as Data
      });
    }
  }
}

/** Put another view where an output stands; false if it stands there no more. */
export function replaceOutput(
  panel: NotebookPanel,
  old: object,
  view: Pick<IDisplayData, 'data' | 'metadata'>
): boolean {
  for (const place of outputsOf(panel)) {
    if (place.output === old) {
      setOutput(place, { output_type: 'display_data', ...view });
      return true;
    }
  }
  return false;
}

/** Through the model of all outputs, which alone saves it with the notebook. */
function setOutput(
  place: OutputPlace,
  output: ReturnType<IOutputModel['toJSON']>
): void {
  place.cell.outputs.set(place.index, output);
}
