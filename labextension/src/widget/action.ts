/** A button that asks the kernel: it shows at once that it was pressed, then the answer. */

import { h, setAttribute, setText } from './dom';
import { shorten } from './format';

import type { Link } from './link';
import type { Answer } from '../messages';

export type Request = Parameters<Link['request']>[0];

/** Takes what came of a request. */
export type Say = (text: string, ok: boolean) => void;

const LONGEST = 1000;
const NEWS_MS = 3000;
const LATE =
  'No answer yet: the kernel is busy or gone. What was asked is done as soon as it can.';

/** A button that is busy until the kernel answers. */
export class Action {
  readonly button: HTMLButtonElement;
  private busy = '';

  /**
   * @param link Carries the request.
   * @param say Takes what came of it.
   * @param make The request, made when it is pressed; null if nothing is to be asked.
   */
  constructor(
    private readonly link: Link,
    private readonly say: Say,
    private readonly make: () => { request: Request; busy: string } | null,
    private readonly done: (answer: Answer) => void = () => undefined
  ) {
    this.button = h('button', { type: 'button' });
    this.button.addEventListener('click', () => this.press());
  }

  /** @param why Why it cannot be pressed; empty if it can. */
  update(text: string, why: string, title = ''): void {
    const busy = this.busy !== '';
    setText(this.button, busy ? this.busy : text);
    setAttribute(this.button, 'aria-busy', busy ? 'true' : null);
    // Stays in the order of tabs, so that a reader finds it and hears why not.
    setAttribute(this.button, 'aria-disabled', why !== '' || busy ? 'true' : null);
    setAttribute(this.button, 'title', why || title || null);
  }

  private press(): void {
    if (this.button.getAttribute('aria-disabled') === 'true') {
      return;
    }
    const made = this.make();
    if (made === null) {
      return;
    }
    this.busy = made.busy;
    this.update(made.busy, '');
    this.say(made.busy, true);
    this.link.request(
      made.request,
      answer => {
        this.busy = '';
        this.say(answer.message, answer.ok);
        this.done(answer);
      },
      () => this.say(LATE, true)
    );
  }
}

/** One line that says what came of the last request. */
export class StatusLine {
  private said_ms = 0;
  readonly element = h('p', { class: 'automl-answer', role: 'status', dir: 'auto' });

  /** Take the line away, unless it tells why things changed just now. */
  forget(): void {
    if (performance.now() - this.said_ms > NEWS_MS) {
      this.say('', true);
    }
  }

  say(text: string, ok: boolean): void {
    this.said_ms = performance.now();
    setText(this.element, shorten(text, LONGEST));
    setAttribute(this.element, 'data-ok', String(ok));
  }
}
