import type { NotebookPanel } from '@jupyterlab/notebook';
import { type IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Kernel } from '@jupyterlab/services';
import { PanelLayout, Widget } from '@lumino/widgets';
import { VIEW_MIME, WIDGET_MIME } from '../messages';
import { attachView } from './attach';
import { SavedBar } from './bar';
import { outputsOf, viewOf } from './notebooks';
import { replaceOutput } from './outputs';

/** Below all others, so that it is chosen before the widget and the picture. */
const RANK = -20;
const SAVED_MIMES = ['text/html', 'image/png', 'text/plain'];
const FIRST_LOOK_MS = 100;
const LAST_LOOK_MS = 6400;

/** Render the views of a notebook: live ones, or what was saved of them. */
export function renderViews(panel: NotebookPanel): void {
  const { rendermime } = panel.content;
  rendermime.addFactory(
    {
      // Saved HTML is sanitised below, a live widget is the kernel's.
      safe: true,
      mimeTypes: [VIEW_MIME],
      createRenderer: () => new LiveOrSaved(panel, rendermime)
    },
    RANK
  );
}

/** The live widget while the kernel has it, and what was saved of it otherwise. */
class LiveOrSaved extends Widget implements IRenderMime.IRenderer {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly rendermime: IRenderMimeRegistry
  ) {
    super();
    this.layout = new PanelLayout();
    this.addClass('notebook-automl-view');
    panel.sessionContext.statusChanged.connect(this.onKernel, this);
    panel.sessionContext.kernelChanged.connect(this.onKernel, this);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    const id = this.liveId();
    if (id === null) {
      this.lookAgain(FIRST_LOOK_MS);
      return this.showSaved(model);
    }
    if (id !== this.shownId) {
      return this.showLive(model, id);
    }
  }

  override dispose(): void {
    window.clearTimeout(this.timer);
    const { sessionContext } = this.panel;
    sessionContext.statusChanged.disconnect(this.onKernel, this);
    sessionContext.kernelChanged.disconnect(this.onKernel, this);
    super.dispose();
  }

  private get kernel(): Kernel.IKernelConnection | null {
    return this.panel.sessionContext.session?.kernel ?? null;
  }

  /** The widget's id, if the kernel has it. */
  private liveId(): string | null {
    const data = this.model?.data[WIDGET_MIME] as { model_id?: unknown } | undefined;
    const id = data?.model_id;
    const known = typeof id === 'string' && this.kernel?.hasComm(id) === true;
    return known && this.rendermime.mimeTypes.includes(WIDGET_MIME) ? id : null;
  }

  private onKernel(): void {
    if (this.bar !== null) {
      this.bar.canAttach = this.kernel !== null;
    }
    this.lookAgain(FIRST_LOOK_MS);
  }

  /** Nothing tells that comms were restored or thrown away, but the kernel is busy then. */
  private lookAgain(wait_ms: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.model !== null && this.liveId() !== this.shownId) {
        void this.renderModel(this.model);
      } else if (this.shownId === null && wait_ms < LAST_LOOK_MS) {
        this.lookAgain(2 * wait_ms);
      }
    }, wait_ms);
  }

  private async showLive(model: IRenderMime.IMimeModel, id: string): Promise<void> {
    this.shownId = id;
    this.bar = null;
    await this.place(WIDGET_MIME, model, null);
  }

  private async showSaved(model: IRenderMime.IMimeModel): Promise<void> {
    this.shownId = null;
    const mime = SAVED_MIMES.find(candidate => candidate in model.data) ?? 'text/plain';
    const run = viewOf(model.data)?.run ?? null;
    this.bar = run === null ? null : new SavedBar(run, () => this.attach());
    if (this.bar !== null) {
      this.bar.canAttach = this.kernel !== null;
    }
    // Never trusted: whoever wrote the file wrote this HTML.
    const saved = new MimeModel({ data: { ...model.data }, trusted: false });
    await this.place(mime, saved, this.bar);
  }

  private async place(
    mime: string,
    model: IRenderMime.IMimeModel,
    bar: SavedBar | null
  ): Promise<void> {
    const layout = this.layout as PanelLayout;
    const old = [...layout.widgets];
    const child = this.rendermime.createRenderer(mime);
    if (bar !== null) {
      layout.addWidget(bar);
    }
    layout.addWidget(child);
    for (const widget of old) {
      widget.dispose();
    }
    await child.renderModel(model);
  }

  private async attach(): Promise<void> {
    const { kernel, model } = this;
    const view = model === null ? null : viewOf(model.data);
    const standing = [...outputsOf(this.panel)].find(({ output }) => output === model);
    if (kernel === null || model === null || view === null || standing === undefined) {
      throw new Error(
        'Expected a kernel and a saved view, got none. Run the cell again.'
      );
    }
    const fresh = await attachView(kernel, view, standing.cell.id);
    replaceOutput(this.panel, model, fresh);
  }

  private model: IRenderMime.IMimeModel | null = null;
  private bar: SavedBar | null = null;
  private shownId: string | null = null;
  private timer = 0;
}
