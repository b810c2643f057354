import type {
  FindRequest,
  InsertRequest,
  KernelMessage,
  ReadRequest,
  Reply,
  SourceMessage,
  WatchRequest,
  WriteRequest
} from '../messages';
import { findPart, insertCells, writeCell } from './cells';
import { editable, type Notebooks, type Place } from './notebooks';
import type { Notices } from './notices';
import { setStill } from './outputs';
import { revealCell, runLast } from './shown';
import { Watch } from './watch';

type Send = (message: Reply | SourceMessage) => void;

/** Does what one kernel asks of one page. */
export class Requests {
  /**
   * @param kernelId - Which kernel asks.
   * @param page - The id by which it knows this page.
   * @param send - Takes what is to be sent to it.
   */
  constructor(
    private readonly kernelId: string,
    private readonly page: string,
    private readonly notebooks: Notebooks,
    private readonly notices: Notices,
    private readonly send: Send
  ) {}

  /** Do it, and reply where a reply is due. */
  handle(message: KernelMessage): void {
    if ('page' in message && message.page !== this.page) {
      return;
    }
    try {
      this.dispatch(message);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.send({ ...this.head(message), ok: false, error: text });
    }
  }

  /** Stop watching cells. */
  dispose(): void {
    for (const watch of this.watches.values()) {
      watch.dispose();
    }
    this.watches.clear();
  }

  private dispatch(message: KernelMessage): void {
    switch (message.op) {
      case 'find':
        return this.find(message);
      case 'insert':
        return this.insert(message);
      case 'read':
        return this.read(message);
      case 'watch':
        return this.watch(message);
      case 'write':
        return this.write(message);
      case 'still':
        for (const panel of this.notebooks.of(this.kernelId)) {
          setStill(panel, message.handle, message.data);
        }
        return;
      case 'notice':
        return this.notices.show(message);
    }
  }

  private find(message: FindRequest): void {
    const place = this.notebooks.find(this.kernelId, message.anchor);
    if (place !== null) {
      this.send({ ...this.head(message), ok: true, cell: place.cell.id });
    }
  }

  private insert(message: InsertRequest): void {
    const place = this.place(message.anchor.cell);
    const done = insertCells(editable(place.panel), message);
    for (const id of done.cells) {
      this.watches.get(id)?.accept();
    }
    revealCell(place.panel, done.cells[0]);
    this.send({ ...this.head(message), ok: true, ...done });
    if (message.run) {
      runLast(place.panel, done.cells);
    }
  }

  private read(message: ReadRequest): void {
    const place = this.notebooks.find(this.kernelId, message.anchor);
    if (place !== null) {
      const notebook = place.panel.model?.sharedModel;
      const cell =
        notebook === undefined
          ? null
          : findPart(notebook, message.export, message.part);
      const found = { cell: cell?.id ?? null, source: cell?.getSource() ?? null };
      this.send({ ...this.head(message), ok: true, ...found });
    }
  }

  private watch(message: WatchRequest): void {
    const { cell } = message;
    const { panel } = this.place(cell);
    this.watches.get(cell)?.dispose();
    const tell = (source: string | null) =>
      this.send({ op: 'source', page: this.page, cell, source });
    this.watches.set(cell, new Watch(panel, cell, tell));
    this.send({ ...this.head(message), ok: true });
  }

  private write(message: WriteRequest): void {
    const { panel, cell } = this.place(message.cell);
    const source = cell.sharedModel.getSource();
    if (source !== message.was) {
      const error = 'The cell was edited meanwhile.';
      this.send({ ...this.head(message), ok: false, error, source });
      return;
    }
    writeCell(editable(panel), message.cell, message.source);
    this.watches.get(message.cell)?.accept();
    this.send({ ...this.head(message), ok: true });
  }

  private place(cell: string | null): Place {
    const place = this.notebooks.find(this.kernelId, { cell });
    if (place === null) {
      throw new Error(
        `Expected a cell of an open notebook of this kernel, got ${JSON.stringify(cell)}, ` +
          'which was deleted or whose notebook was closed. Run it again from a cell.'
      );
    }
    return place;
  }

  private head({ request }: KernelMessage) {
    return { op: 'reply', request, page: this.page } as const;
  }

  private readonly watches = new Map<string, Watch>();
}
