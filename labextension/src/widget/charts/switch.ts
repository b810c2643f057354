/** One of two or three words, as radio buttons that look like one control. */

import { h, uniqueId } from '../dom';

export class Switch {
  readonly element: HTMLElement;
  value: string;

  constructor(label: string, words: readonly string[], changed: () => void) {
    this.value = words[0] ?? '';
    const name = uniqueId('switch');
    this.element = h('fieldset', { class: 'automl-switch' }, h('legend', {}, label));
    for (const word of words) {
      const input = h('input', { type: 'radio', name, value: word });
      input.checked = word === this.value;
      input.addEventListener('change', () => {
        this.value = word;
        changed();
      });
      this.element.append(h('label', {}, input, h('span', {}, word)));
    }
  }
}
