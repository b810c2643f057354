/** The live view of a run. */

import { StatusLine } from './action';
import { Announcer } from './announce';
import { Board } from './charts/board';
import { Details } from './details';
import { h } from './dom';
import { Header, Running } from './header';
import { Leaderboard } from './leaderboard';
import { Link } from './link';
import { Painter } from './painter';
import { RunControls } from './run_controls';
import { Selection } from './selection';
import { Store } from './store';
import { TrialControls } from './trial_controls';

import type { AnyModel } from '@anywidget/types';
import type { WidgetInbox, WidgetState } from '../messages';

const PATIENCE_MS = 500;

class View {
  private readonly store = new Store();
  private readonly selection = new Selection(this.store);
  private readonly painter: Painter;
  private readonly link: Link;
  private readonly announcer = new Announcer(this.store);
  private readonly header: Header;
  private readonly running = new Running(this.store);
  private readonly board: Board;
  private readonly details: Details;
  private readonly leaderboard: Leaderboard;
  private readonly runControls: RunControls;
  private readonly trialControls: TrialControls;
  private readonly runStatus = new StatusLine();
  private status = '';
  private painted_ms = performance.now();

  constructor(
    model: AnyModel<WidgetState>,
    private readonly el: HTMLElement
  ) {
    const { store, selection } = this;
    this.painter = new Painter(el, () => this.paint());
    this.link = new Link(model, el, (message, buffers) => this.take(message, buffers));
    // An answer stands beside the buttons that it answers.
    const trialStatus = new StatusLine();
    this.runControls = new RunControls(store, this.link, this.runStatus);
    this.trialControls = new TrialControls(store, selection, this.link, trialStatus);
    const visible = () => this.painter.visible;
    this.header = new Header(store, visible, this.runControls.element);
    this.board = new Board(store, selection, this.painter);
    this.details = new Details(store, selection, this.trialControls.element);
    this.leaderboard = new Leaderboard(store, selection);
    selection.onChange(() => this.onSelection());
    const root = h('div', { class: 'automl automl-view' });
    root.append(
      this.header.element,
      this.runStatus.element,
      this.running.element,
      this.board.element,
      this.details.element,
      trialStatus.element,
      this.leaderboard.element,
      this.announcer.element
    );
    el.append(root);
    this.link.ready();
  }

  dispose(): void {
    this.link.dispose();
    this.painter.dispose();
    this.header.dispose();
    this.board.dispose();
    this.announcer.dispose();
    this.el.replaceChildren();
  }

  private take(message: WidgetInbox, buffers: DataView[]): void {
    if (message.kind !== 'frame') {
      return;
    }
    const now_ms = performance.now();
    this.announcer.take(this.store.apply(message, buffers[0], now_ms / 1000));
    // Half a picture costs as much as a whole one: it is for who waits long for more.
    if (!message.more || now_ms - this.painted_ms > PATIENCE_MS) {
      this.painter.request();
    }
  }

  private paint(): void {
    this.header.update();
    this.forgetAnswer();
    this.runControls.update();
    this.running.update();
    this.board.update();
    this.details.update();
    this.trialControls.update();
    this.leaderboard.update();
    this.count();
    this.painted_ms = performance.now();
  }

  /** What was answered under another status is no news any more. */
  private forgetAnswer(): void {
    const status = this.store.run?.status ?? '';
    if (status !== this.status) {
      this.status = status;
      this.runStatus.forget();
    }
  }

  private onSelection(): void {
    this.details.update();
    this.trialControls.update();
    this.leaderboard.mark();
    this.board.highlight();
  }

  /** What tests and benchmarks read. */
  private count(): void {
    const { dataset } = this.el;
    dataset['frames'] = String(this.store.frames);
    dataset['trials'] = String(this.store.rows.size);
    dataset['points'] = String(this.store.points);
    dataset['values'] = String(this.store.values);
    dataset['drawnS'] = String(performance.now() / 1000);
  }
}

/** Show a run; returns what ends it. */
export function createView(model: AnyModel<WidgetState>, el: HTMLElement): () => void {
  const view = new View(model, el);
  return () => view.dispose();
}
