/** What the run is, how it stands, and how much of its budget is used. */

import { h, setAttribute, setText, show } from './dom';
import { formatClock, formatCount, plural, shorten } from './format';
import { Progress } from './progress';
import { isLive, isTrial } from './rank';
import { StateMark } from './shapes';

import type { Store } from './store';
import type { RunLine, TrialRow } from '../messages';

const TICK_MS = 1000;
const LONGEST_LINE = 1000;

export class Header {
  readonly element: HTMLElement;
  private readonly name = h('h3', { class: 'automl-name', dir: 'auto' });
  private readonly status = new StateMark();
  private readonly stage = h('span', { class: 'automl-muted' });
  private readonly facts = h('p', { class: 'automl-facts' });
  private readonly time = new Progress('Time used of the budget');
  private readonly trials = new Progress('Trials of the budget');
  private readonly note = h('p', { class: 'automl-run-note', dir: 'auto' });
  private readonly lines = h('ul', { class: 'automl-lines' });
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly store: Store,
    visible: () => boolean,
    controls: HTMLElement
  ) {
    const title = h(
      'div',
      { class: 'automl-title' },
      this.name,
      this.status.element,
      this.stage
    );
    const budget = h(
      'div',
      { class: 'automl-budget' },
      this.time.element,
      this.trials.element
    );
    this.element = h(
      'header',
      { class: 'automl-header' },
      title,
      controls,
      this.facts,
      budget,
      this.note,
      this.lines
    );
    this.timer = setInterval(() => {
      if (visible() && this.store.run?.clock_runs === true) {
        this.tick(this.store.run);
      }
    }, TICK_MS);
  }

  update(): void {
    const run = this.store.run;
    if (run === null) {
      return;
    }
    setText(this.name, shorten(run.name, 200));
    setAttribute(this.name, 'title', run.name);
    this.status.set(run.status);
    setText(this.stage, stageOf(run));
    this.updateFacts(run);
    this.tick(run);
    this.updateTrials(run);
    setText(this.note, shorten(run.note, LONGEST_LINE));
    show(this.note, run.note !== '');
    this.updateLines(run.lines);
  }

  dispose(): void {
    clearInterval(this.timer);
  }

  private updateFacts(run: RunLine): void {
    const target = run.target === '' ? '' : ` → ${shorten(run.target, 60)}`;
    const facts = [
      `${run.task.replaceAll('_', ' ')}${target}`,
      `${run.metric} (${run.mode === 'max' ? 'more' : 'less'} is better)`,
      run.device,
      run.workers > 0 ? plural(run.workers, 'worker') : ''
    ].filter(fact => fact !== '');
    if (this.facts.dataset['key'] !== facts.join('\n')) {
      this.facts.dataset['key'] = facts.join('\n');
      this.facts.replaceChildren(...facts.map(fact => h('bdi', {}, fact)));
    }
  }

  private tick(run: RunLine): void {
    const spent_s = this.store.spent_s(performance.now() / 1000);
    const spent = formatClock(spent_s);
    if (run.minutes === null) {
      this.time.element.dataset['open'] = '';
      this.time.set(0, spent);
    } else {
      delete this.time.element.dataset['open'];
      const all_s = run.minutes * 60;
      this.time.set(spent_s / all_s, `${spent} of ${formatClock(all_s)}`);
    }
  }

  private updateTrials(run: RunLine): void {
    const rows = [...this.store.rows.values()].filter(isTrial);
    const ended = rows.filter(row => row.state !== 'running').length;
    if (run.trials === null) {
      this.trials.element.dataset['open'] = '';
      this.trials.set(0, plural(ended, 'trial'));
    } else {
      delete this.trials.element.dataset['open'];
      const text = `${formatCount(ended)} of ${plural(run.trials, 'trial')}`;
      this.trials.set(ended / run.trials, text);
    }
  }

  private updateLines(lines: string[]): void {
    const key = lines.join('\n');
    if (this.lines.dataset['key'] !== key) {
      this.lines.dataset['key'] = key;
      this.lines.replaceChildren(
        ...lines.map(line => h('li', { dir: 'auto' }, shorten(line, LONGEST_LINE)))
      );
      show(this.lines, lines.length > 0);
    }
  }
}

/** The stage, where it says more than the status does. */
function stageOf(run: RunLine): string {
  return isLive(run) && run.stage !== 'searching' ? shorten(run.stage, 80) : '';
}

/** The trials that run now, each with its epochs. */
export class Running {
  readonly element = h('ul', { class: 'automl-running', 'aria-label': 'Running' });
  private readonly bars = new Map<number, { item: HTMLElement; bar: Progress }>();

  constructor(private readonly store: Store) {}

  update(): void {
    const running = this.store.ordered
      .filter(row => row.state === 'running')
      .sort((a, b) => a.trial - b.trial)
      .slice(0, MOST_RUNNING);
    const kept = new Set(running.map(row => row.trial));
    for (const [trial, { item }] of this.bars) {
      if (!kept.has(trial)) {
        item.remove();
        this.bars.delete(trial);
      }
    }
    running.forEach(row => this.write(row));
    show(this.element, running.length > 0);
  }

  private write(row: TrialRow): void {
    let entry = this.bars.get(row.trial);
    if (entry === undefined) {
      const bar = new Progress(`Epochs of trial ${row.trial}`);
      const item = h('li', {}, h('span', {}, `Trial ${row.trial}`), bar.element);
      entry = { item, bar };
      this.bars.set(row.trial, entry);
      this.element.append(item);
    }
    if (row.planned > 0) {
      const text = `epoch ${row.epochs} of ${row.planned}`;
      entry.bar.set(row.epochs / row.planned, text);
    } else {
      entry.bar.set(0, row.epochs > 0 ? `epoch ${row.epochs}` : 'building the model');
    }
  }
}

// As many as there is room for: one a worker.
const MOST_RUNNING = 16;
