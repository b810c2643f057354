/** Stop, pause and extend. */

import { Action } from './action';
import { h, setText, show, uniqueId } from './dom';
import { isLive } from './rank';

import type { Request, Say, StatusLine } from './action';
import type { Link } from './link';
import type { Store } from './store';

export class RunControls {
  readonly element = h('div', {
    class: 'automl-controls',
    role: 'group',
    'aria-label': 'The search'
  });
  private readonly stop: Action;
  private readonly pause: Action;
  private readonly extend: Action;
  private readonly amount: HTMLInputElement;
  private readonly unit: HTMLSelectElement;
  private readonly unitText = h('span', { class: 'automl-muted' });
  private stopping = false;

  constructor(
    private readonly store: Store,
    link: Link,
    say: StatusLine
  ) {
    const tell = (text: string, ok: boolean) => {
      say.say(text, ok);
      this.update();
    };
    this.stop = new Action(
      link,
      tell,
      () => this.askStop(),
      answer => {
        this.stopping ||= answer.ok;
        this.update();
      }
    );
    this.pause = new Action(link, tell, () =>
      this.pauses
        ? { request: { do: 'pause' }, busy: 'Pausing…' }
        : { request: { do: 'resume' }, busy: 'Resuming…' }
    );
    this.extend = new Action(link, tell, () => this.askExtend(tell));
    this.amount = h('input', {
      id: uniqueId('amount'),
      type: 'number',
      min: 1,
      step: 'any',
      value: 5
    });
    this.unit = h(
      'select',
      { 'aria-label': 'Unit' },
      h('option', { value: 'minutes' }, 'minutes'),
      h('option', { value: 'trials' }, 'trials')
    );
    this.element.append(this.stop.button, this.pause.button, this.adding());
  }

  update(): void {
    const run = this.store.run;
    const status = run?.status;
    const live = run !== null && isLive(run);
    this.stopping &&= live;
    const over = status === undefined ? 'Not known yet' : `The search is ${status}`;
    this.stop.update(
      this.stopping ? 'Stop now' : 'Stop',
      live ? '' : over,
      this.stopping
        ? 'Do not wait for the end of the running epochs'
        : 'Running trials end after their epoch and count'
    );
    const canPause = live || status === 'interrupted';
    this.pause.update(this.pauses ? 'Pause' : 'Resume', canPause ? '' : over);
    const both = run != null && run.minutes !== null && run.trials !== null;
    show(this.unit, both);
    show(this.unitText, !both);
    setText(this.unitText, this.unitName === 'minutes' ? 'min' : 'trials');
    this.extend.update('Add', status === 'deleted' ? over : '', 'More budget');
  }

  /** How much to add, and the button. */
  private adding(): HTMLElement {
    this.amount.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        this.extend.button.click();
      }
    });
    const label = h('label', { for: this.amount.id, class: 'automl-hidden' });
    label.textContent = 'How much to add';
    const add = h('span', { class: 'automl-joined' }, label, this.amount, this.unit);
    add.append(this.unitText, this.extend.button);
    return add;
  }

  private get pauses(): boolean {
    const status = this.store.run?.status;
    return status !== 'paused' && status !== 'interrupted';
  }

  private get unitName(): 'minutes' | 'trials' {
    const run = this.store.run;
    if (run?.minutes != null && run.trials !== null) {
      return this.unit.value === 'trials' ? 'trials' : 'minutes';
    }
    return run?.minutes == null && run?.trials != null ? 'trials' : 'minutes';
  }

  private askStop(): { request: Request; busy: string } {
    return { request: { do: 'stop' }, busy: 'Stopping…' };
  }

  private askExtend(tell: Say): { request: Request; busy: string } | null {
    const amount = Number(this.amount.value);
    const trials = this.unitName === 'trials';
    if (!(amount > 0) || (trials && !Number.isInteger(amount))) {
      const unit = trials ? 'a whole number of trials' : 'a number of minutes';
      tell(`Expected ${unit} above 0, got '${this.amount.value}'. Type 5, say.`, false);
      this.amount.focus();
      return null;
    }
    return {
      request: trials
        ? { do: 'extend', trials: amount }
        : { do: 'extend', minutes: amount },
      busy: 'Adding…'
    };
  }
}
