/** The form: its fields are told by the kernel, and so is the line of code. */

import { Action, StatusLine } from './action';
import { h, setAttribute, setText, show, uniqueId } from './dom';
import { FormField } from './field';
import { shorten } from './format';
import { Link } from './link';

import type { AnyModel } from '@anywidget/types';
import type { Field, Form, WidgetInbox, WidgetState } from '../messages';

const LONGEST = 1000;
const COPIED_MS = 1500;

class Panel {
  private readonly link: Link;
  private readonly fields = new Map<string, FormField>();
  private readonly main = h('div', { class: 'automl-fields' });
  private readonly moreFields = h('div', { class: 'automl-fields' });
  private readonly more: HTMLDetailsElement;
  private readonly line = new CodeLine();
  private readonly general = h('p', {
    class: 'automl-error',
    role: 'alert',
    'aria-live': 'polite'
  });
  private readonly note = h('p', { class: 'automl-note', dir: 'auto' });
  private readonly waiting = h('p', { class: 'automl-note' }, 'Asking the kernel …');
  private readonly body: HTMLElement;
  private readonly start: Action;
  private readonly why = h('span', { class: 'automl-muted', id: uniqueId('why') });
  private readonly status = new StatusLine();
  private form: Form | null = null;

  constructor(
    model: AnyModel<WidgetState>,
    private readonly el: HTMLElement
  ) {
    this.link = new Link(model, el, message => this.take(message));
    const tell = (text: string, ok: boolean) => {
      this.status.say(text, ok);
      this.updateStart();
    };
    this.start = new Action(this.link, tell, () => this.askStart());
    this.start.button.classList.add('automl-primary');
    this.more = h(
      'details',
      { class: 'automl-more' },
      h('summary', {}, 'More options')
    );
    this.more.append(this.moreFields);
    const actions = h('div', { class: 'automl-actions' }, this.start.button, this.why);
    this.body = h('div', { class: 'automl-form', hidden: true });
    this.body.append(this.main, this.more, this.line.element, this.general);
    this.body.append(this.note, actions, this.status.element);
    el.append(h('div', { class: 'automl automl-panel' }, this.waiting, this.body));
    this.link.ready();
  }

  dispose(): void {
    this.link.dispose();
    this.fields.forEach(field => field.dispose());
    this.line.dispose();
    this.el.replaceChildren();
  }

  private take(message: WidgetInbox): void {
    if (message.kind !== 'form') {
      return;
    }
    if (this.form !== null && this.form.line !== message.line) {
      this.status.say('', true); // what came of the last start is past
    }
    this.form = message;
    show(this.waiting, false);
    show(this.body, true);
    this.updateFields(message);
    this.line.update(message);
    this.updateGeneral(message);
    setText(this.note, shorten(message.note, LONGEST));
    show(this.note, message.note !== '');
    this.updateStart();
    const { dataset } = this.el;
    dataset['forms'] = String(Number(dataset['forms'] ?? '0') + 1);
  }

  private updateFields(form: Form): void {
    const names = form.fields.map(field => field.name);
    for (const [name, control] of this.fields) {
      if (!names.includes(name)) {
        control.dispose();
        control.element.remove();
        this.fields.delete(name);
      }
    }
    for (const field of form.fields) {
      const control = this.control(field);
      const group = field.group === 'main' ? this.main : this.moreFields;
      if (control.element.parentElement !== group) {
        group.append(control.element);
      }
      const value = form.values[field.name] ?? null;
      control.update(field, value, form.errors[field.name] ?? '');
    }
    show(this.more, this.moreFields.childElementCount > 0);
    // An error that nobody sees helps nobody.
    const hidden = form.fields.some(
      field => field.group === 'more' && form.errors[field.name] !== undefined
    );
    this.more.open ||= hidden;
  }

  private control(field: Field): FormField {
    let control = this.fields.get(field.name);
    if (control === undefined) {
      control = new FormField(field.name, this.link);
      this.fields.set(field.name, control);
    }
    return control;
  }

  private updateGeneral(form: Form): void {
    const general = Object.entries(form.errors)
      .filter(([name]) => !this.fields.has(name))
      .map(([, message]) => shorten(message, LONGEST));
    setText(this.general, general.join('\n'));
    show(this.general, general.length > 0);
  }

  private updateStart(): void {
    const form = this.form;
    if (form === null) {
      return;
    }
    const why = whyNot(form);
    this.start.update('Start', why);
    setAttribute(
      this.start.button,
      'aria-describedby',
      why === '' ? null : this.why.id
    );
    setText(this.why, why);
  }

  private askStart(): { request: { do: 'start' }; busy: string } {
    this.fields.forEach(field => field.flush());
    return { request: { do: 'start' }, busy: 'Starting…' };
  }
}

/** Why it cannot be started; empty if it can. */
export function whyNot(form: Form): string {
  if (form.ready) {
    return '';
  }
  const wrong = form.fields.find(field => form.errors[field.name] !== undefined);
  if (wrong !== undefined) {
    return `${shorten(wrong.label, 40)} needs another value.`;
  }
  if (Object.keys(form.errors).length > 0) {
    return 'See above what is wrong.';
  }
  const empty = form.fields.find(
    field => field.group === 'main' && (form.values[field.name] ?? null) === null
  );
  return empty === undefined
    ? 'Something is still missing.'
    : `Choose ${shorten(empty.label, 40).toLowerCase()} first.`;
}

/** The line of Python that says the same as the form. */
class CodeLine {
  readonly element: HTMLElement;
  private readonly code = h('code');
  private readonly hint = h('span', { class: 'automl-muted' });
  private readonly copy = h(
    'button',
    { type: 'button', class: 'automl-quiet', 'aria-live': 'polite' },
    'Copy'
  );
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.copy.addEventListener('click', () => void this.onCopy());
    const pre = h('pre', { tabindex: 0, 'aria-label': 'Python' }, this.code);
    const foot = h('div', { class: 'automl-code-foot' }, this.hint, this.copy);
    this.element = h('div', { class: 'automl-code' }, pre, foot);
  }

  update(form: Form): void {
    setText(this.code, form.line);
    setText(this.hint, form.cell ? hintOf(form) : '');
    show(this.element, form.line !== '');
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private async onCopy(): Promise<void> {
    const copied = await copyText(this.code);
    setText(this.copy, copied ? 'Copied' : 'Press Ctrl+C');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => setText(this.copy, 'Copy'), COPIED_MS);
  }
}

function hintOf(form: Form): string {
  return form.ready
    ? 'In the cell below; edit it there, and the form follows.'
    : 'The cell below keeps what it had until this is right.';
}

/** Pages that are not secure have no clipboard: then the text is marked. */
async function copyText(element: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(element.innerText);
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return false;
  }
}

/** Show the form; returns what ends it. */
export function createPanel(model: AnyModel<WidgetState>, el: HTMLElement): () => void {
  const panel = new Panel(model, el);
  return () => panel.dispose();
}
