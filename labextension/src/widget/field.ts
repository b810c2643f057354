/** A field of the form: label, control, what it means, and what is wrong with it. */

import { h, setAttribute, setText, show, uniqueId } from './dom';
import { mayReplace, parseValue, valueText } from './field_value';
import { shorten } from './format';

import type { Link } from './link';
import type { Field, FieldChoice, FieldValue } from '../messages';

const DEBOUNCE_MS = 300;
const LONGEST = 1000;

export class FormField {
  readonly element: HTMLElement;
  private readonly label: HTMLLabelElement;
  private readonly help = h('p', { class: 'automl-help', dir: 'auto' });
  private readonly error = h('p', {
    class: 'automl-error',
    role: 'alert',
    'aria-live': 'polite'
  });
  private readonly box = h('div', { class: 'automl-control' });
  private readonly id = uniqueId('field');
  private control: HTMLInputElement | HTMLSelectElement;
  private refresh: HTMLButtonElement | null = null;
  private field: Field | null = null;
  private choicesKey = '';
  private choices: (FieldValue | null)[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting = 0;
  private sent: string | null = null;
  private sentValue: FieldValue | null = null;
  /** What the kernel told while an answer was due. */
  private held: { value: FieldValue | null; error: string } | null = null;

  constructor(
    private readonly name: string,
    private readonly link: Link
  ) {
    this.label = h('label', { for: this.id, dir: 'auto' });
    this.help.id = `${this.id}-help`;
    this.error.id = `${this.id}-error`;
    this.control = this.input('text');
    this.box.append(this.control);
    this.element = h('div', { class: 'automl-field', 'data-field': name });
    this.element.append(this.label, this.box, this.help, this.error);
  }

  update(field: Field, value: FieldValue | null, error: string): void {
    const kind = this.field?.kind;
    this.field = field;
    this.held = this.waiting > 0 ? { value, error } : null;
    setText(this.label, shorten(field.label, 60));
    if (kind !== field.kind) {
      this.replaceControl(field);
    }
    if (this.control instanceof HTMLSelectElement) {
      this.updateChoices(this.control, field, value);
    } else {
      const placeholder = valueText(field.default ?? field.proposed);
      setAttribute(this.control, 'placeholder', shorten(placeholder, 60));
      this.updateInput(this.control, value, error);
    }
    const none = field.kind === 'choice' && (field.choices ?? []).length === 0;
    if (this.refresh !== null) {
      show(this.refresh, none || field.name === 'data');
    }
    setText(this.help, shorten(helpOf(field, value), LONGEST));
    show(this.help, this.help.textContent !== '');
    setText(this.error, shorten(error, LONGEST));
    show(this.error, error !== '');
    setAttribute(this.control, 'aria-invalid', error === '' ? null : 'true');
    const described = error === '' ? this.help.id : `${this.error.id} ${this.help.id}`;
    setAttribute(this.control, 'aria-describedby', described);
    setAttribute(this.control, 'title', field.help === '' ? null : field.help);
  }

  /** Send what was typed and not sent yet. */
  flush(): void {
    if (this.timer !== undefined) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.sendText();
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private replaceControl(field: Field): void {
    this.choicesKey = '';
    this.control =
      field.kind === 'choice'
        ? this.select()
        : this.input(field.kind === 'text' ? 'text' : 'decimal');
    this.box.replaceChildren(this.control);
    this.refresh = null;
    if (field.kind === 'choice') {
      const said = { 'aria-label': 'Look again', title: 'Look again' };
      this.refresh = h(
        'button',
        { type: 'button', class: 'automl-quiet', ...said },
        '↻'
      );
      this.refresh.addEventListener('click', () => this.link.send({ do: 'refresh' }));
      this.box.append(this.refresh);
    }
  }

  // Not type=number: that one hides what was typed wrong.
  private input(mode: 'text' | 'decimal'): HTMLInputElement {
    const input = h('input', {
      id: this.id,
      type: 'text',
      inputmode: mode,
      class: mode === 'decimal' ? 'automl-number' : null,
      autocomplete: 'off',
      spellcheck: 'false'
    });
    input.addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.flush(), DEBOUNCE_MS);
    });
    input.addEventListener('change', () => this.flush());
    input.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        this.flush();
      }
    });
    return input;
  }

  private select(): HTMLSelectElement {
    const select = h('select', { id: this.id });
    select.addEventListener('change', () => {
      const value = this.choices[select.selectedIndex] ?? null;
      this.send(value);
    });
    return select;
  }

  private updateInput(
    input: HTMLInputElement,
    value: FieldValue | null,
    error: string
  ): void {
    const moment = {
      typing: this.timer !== undefined,
      waiting: this.waiting,
      focused: document.activeElement === input,
      error,
      sent: this.sent,
      text: input.value,
      typed: parseValue(this.field?.kind ?? 'text', input.value)
    };
    if (mayReplace(moment, value)) {
      input.value = valueText(value);
    }
  }

  private updateChoices(
    select: HTMLSelectElement,
    field: Field,
    value: FieldValue | null
  ): void {
    const options = optionsOf(field, value);
    // A list that is made anew forgets what the person is typing to find an option.
    const key = JSON.stringify(options.filter(option => option.value !== null));
    const [first] = options;
    if (key === this.choicesKey && first?.value === null && select.options[0]) {
      select.options[0].text = first.text;
    } else if (key !== this.choicesKey) {
      this.choicesKey = key;
      this.choices = options.map(option => option.value);
      select.replaceChildren(
        ...options.map(({ text, detail }) =>
          h('option', { title: detail }, shorten(text, 80))
        )
      );
    }
    // The choice of a moment ago is on its way to the kernel.
    const chosen = this.waiting > 0 ? this.sentValue : value;
    select.selectedIndex = this.choices.indexOf(chosen);
  }

  private sendText(): void {
    const text = this.control.value;
    this.send(parseValue(this.field?.kind ?? 'text', text), text);
  }

  private send(value: FieldValue | null, text = valueText(value)): void {
    this.sent = text;
    this.sentValue = value;
    this.waiting++;
    let open = true;
    const done = () => {
      this.waiting -= open ? 1 : 0;
      open = false;
      if (this.waiting === 0 && this.field !== null && this.held !== null) {
        this.update(this.field, this.held.value, this.held.error);
      }
    };
    this.link.request({ do: 'set', field: this.name, value }, done, done);
  }
}

// What there must be before there is something to choose.
const FIRST: Partial<Record<string, string>> = {
  data:
    'No variable holds a table or arrays yet. Run a cell such as ' +
    'df = pd.read_csv("data.csv").',
  target: 'Columns of a table stand here; other data bring their labels.'
};

function helpOf(field: Field, value: FieldValue | null): string {
  const none = field.choices?.length === 0 && value === null;
  return (none ? FIRST[field.name] : undefined) ?? (field.detail || field.help);
}

interface Option {
  value: FieldValue | null;
  text: string;
  detail: string;
}

/** The options of a choice; also what was chosen and is not there any more. */
function optionsOf(field: Field, value: FieldValue | null): Option[] {
  const choices = field.choices ?? [];
  const options: Option[] = choices.map(choice => ({
    value: choice.value,
    text: textOf(choice, field),
    detail: choice.detail
  }));
  if (value !== null && !choices.some(choice => choice.value === value)) {
    options.unshift({ value, text: `${value} (not found)`, detail: '' });
  }
  if (value === null || field.default === null) {
    const text = value === null ? emptyText(choices) : 'None';
    options.unshift({ value: null, text, detail: '' });
  }
  return options;
}

function textOf(choice: FieldChoice, field: Field): string {
  const stands = choice.value === field.default && field.proposed !== null;
  const proposed = stands ? `: ${String(field.proposed)}` : '';
  const detail = choice.detail === '' ? '' : ` (${choice.detail})`;
  return `${choice.label}${proposed}${detail}`;
}

function emptyText(choices: FieldChoice[]): string {
  return choices.length === 0 ? 'Nothing to choose' : 'Choose …';
}
