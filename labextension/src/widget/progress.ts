/** A slim bar beside words that say the same. */

import { h, setAttribute, setText } from './dom';

export class Progress {
  readonly element: HTMLElement;
  private readonly fill = h('span', { class: 'automl-fill' });
  private readonly text = h('span', { class: 'automl-progress-text' });
  private readonly bar: HTMLElement;

  constructor(label: string) {
    this.bar = h(
      'span',
      { class: 'automl-track', role: 'progressbar', 'aria-label': label },
      this.fill
    );
    this.element = h('span', { class: 'automl-progress' }, this.bar, this.text);
  }

  /** @param share From 0 to 1. */
  set(share: number, text: string): void {
    const percent = Math.round(1000 * Math.min(1, Math.max(0, share))) / 10;
    this.fill.style.width = `${percent}%`;
    setAttribute(this.bar, 'aria-valuemin', 0);
    setAttribute(this.bar, 'aria-valuemax', 100);
    setAttribute(this.bar, 'aria-valuenow', Math.round(percent));
    setAttribute(this.bar, 'aria-valuetext', text);
    setText(this.text, text);
  }
}
