/** How the widget speaks with the kernel. */

import { requestId } from './dom';
import { SEND_EVENT } from '../messages';

import type { AnyModel } from '@anywidget/types';
import type {
  Answer,
  PanelContent,
  SendDetail,
  ViewContent,
  WidgetContent,
  WidgetInbox,
  WidgetState
} from '../messages';

const CONNECT_MS = 20;
const LATE_MS = 15_000;

type Request = Extract<ViewContent | PanelContent, { request: string }>;
type WithoutId<T> = T extends unknown ? Omit<T, 'request'> : never;
type Inbox = Exclude<WidgetInbox, Answer>;

export class Link {
  private readonly waiting = new Map<string, (answer: Answer) => void>();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  /**
   * @param model The widget's model in the page.
   * @param el The widget's root, on which the Lab extension listens.
   * @param take Takes what the kernel sends by itself.
   */
  constructor(
    private readonly model: AnyModel<WidgetState>,
    private readonly el: HTMLElement,
    private readonly take: (message: Inbox, buffers: DataView[]) => void
  ) {
    model.on('msg:custom', this.receive);
  }

  /** Say that a view is here, once its element stands in the page. */
  ready(): void {
    if (this.el.isConnected) {
      this.send({ do: 'ready' });
    } else {
      this.later(CONNECT_MS, () => this.ready());
    }
  }

  /**
   * The Lab extension reaches a busy kernel, the widget's own comm does not: so it is
   * asked first.
   */
  send(content: WidgetContent): void {
    const detail: SendDetail = { handle: this.model.get('handle'), content };
    const event = new CustomEvent(SEND_EVENT, {
      bubbles: true,
      cancelable: true,
      detail
    });
    if (this.el.dispatchEvent(event)) {
      this.model.send(content);
    }
  }

  /**
   * Ask for something.
   *
   * @param content What is asked.
   * @param done Takes the answer.
   * @param late Called when the answer takes long; it may still come.
   */
  request(
    content: WithoutId<Request>,
    done: (answer: Answer) => void,
    late?: () => void
  ): void {
    const request = requestId();
    const timer = late && this.later(LATE_MS, late);
    this.waiting.set(request, answer => {
      if (timer !== undefined) {
        clearTimeout(timer);
        this.timers.delete(timer);
      }
      done(answer);
    });
    this.send({ ...content, request });
  }

  dispose(): void {
    this.model.off('msg:custom', this.receive);
    this.timers.forEach(timer => clearTimeout(timer));
    this.waiting.clear();
  }

  private readonly receive = (message: WidgetInbox, buffers: DataView[]): void => {
    if (message.kind !== 'answer') {
      this.take(message, buffers);
      return;
    }
    const done = this.waiting.get(message.request);
    this.waiting.delete(message.request);
    done?.(message);
  };

  private later(wait_ms: number, act: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, wait_ms);
    this.timers.add(timer);
    return timer;
  }
}
