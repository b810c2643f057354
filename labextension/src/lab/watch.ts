import type { NotebookPanel } from '@jupyterlab/notebook';
import { findCell } from './notebooks';

const QUIET_MS = 150;

/**
 * Tells each change of a cell's source that we did not make ourselves, when it has
 * rested for a moment; null while the cell is deleted.
 *
 * It looks the cell up by its id each time: moving a cell, or undoing its deletion,
 * makes a new object of the same id.
 */
export class Watch {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly cell: string,
    private readonly tell: (source: string | null) => void
  ) {
    this.known = this.seen = this.look();
    panel.model?.contentChanged.connect(this.onChange, this);
    panel.disposed.connect(this.dispose, this);
  }

  /** Take the present source for known: we wrote it. */
  accept(): void {
    this.known = this.seen = this.look();
  }

  dispose(): void {
    window.clearTimeout(this.timer);
    this.panel.model?.contentChanged.disconnect(this.onChange, this);
    this.panel.disposed.disconnect(this.dispose, this);
  }

  private look(): string | null {
    return findCell(this.panel, this.cell)?.cell.sharedModel.getSource() ?? null;
  }

  private onChange(): void {
    const source = this.look();
    if (source !== this.seen) {
      this.seen = source;
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.settle(), QUIET_MS);
    }
  }

  private settle(): void {
    if (!this.panel.isDisposed && this.seen !== this.known) {
      this.known = this.seen;
      this.tell(this.known);
    }
  }

  private known: string | null;
  private seen: string | null;
  private timer = 0;
}
