/** A choice of one of several names; keeps what the person chose while names come. */

import { h, uniqueId } from '../dom';
import { shorten } from '../format';

export class Picker {
  readonly element: HTMLElement;
  value = '';
  private readonly select: HTMLSelectElement;
  private chosen = false;
  private known = '';

  constructor(label: string, changed: () => void) {
    const id = uniqueId('picker');
    this.select = h('select', { id });
    this.select.addEventListener('change', () => {
      this.chosen = true;
      this.value = this.select.value;
      changed();
    });
    this.element = h(
      'span',
      { class: 'automl-picker' },
      h('label', { for: id }, label),
      this.select
    );
  }

  /** Offer these names; the first time, and until a person chooses, take `preferred`. */
  set(names: readonly string[], preferred: string): void {
    const known = names.join('\n');
    const kept = this.chosen && names.includes(this.value);
    if (known !== this.known) {
      this.known = known;
      this.select.replaceChildren(
        ...names.map(name => h('option', { value: name }, shorten(name, 40)))
      );
    }
    if (!kept) {
      this.value = names.includes(preferred) ? preferred : (names[0] ?? preferred);
    }
    this.select.value = this.value;
  }
}
