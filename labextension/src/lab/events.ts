import { SEND_EVENT, type SendDetail } from '../messages';
import type { Connections } from './connection';
import type { Notebooks } from './notebooks';

/**
 * Pass on what widgets say. Their own comms do not reach a kernel whose cell is busy;
 * a widget whose event nobody takes uses its own.
 */
export function passOnEvents(notebooks: Notebooks, connections: Connections): void {
  // Not on each notebook's node: an output may have been moved to a tab of its own.
  document.body.addEventListener(SEND_EVENT, event => {
    const { handle, content } = (event as CustomEvent<SendDetail>).detail;
    const element = event.target as Element;
    const panel = notebooks.around(element, handle);
    const kernel = panel?.sessionContext.session?.kernel;
    const connection = connections.to(kernel?.id);
    if (panel === null || connection === null) {
      return;
    }
    event.preventDefault();
    const cell = notebooks.cellAround(panel, element, handle);
    connection.send({ op: 'widget', handle, page: connection.page, cell, content });
  });
}
