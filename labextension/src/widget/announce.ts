/** What a screen reader says while a run goes on. */

import { h } from './dom';
import { formatMetric, plural, shorten, toNumber } from './format';

import type { Change, Store } from './store';
import type { TrialRow } from '../messages';

const PAUSE_MS = 2000;
const LONGEST = 160;

const ENDINGS: Partial<Record<string, string>> = {
  completed: 'The search is completed.',
  stopped: 'The search was stopped.',
  failed: 'The search failed.',
  interrupted: 'The search was interrupted.',
  paused: 'The search is paused.',
  deleted: 'The run was deleted.'
};

/** The sentences about what a frame changed; empty if there is nothing to say. */
export function announcement(store: Store, ended: TrialRow[], status: boolean): string {
  const run = store.run;
  if (run === null) {
    return '';
  }
  const said: string[] = [];
  const [first] = ended;
  if (ended.length === 1 && first !== undefined) {
    said.push(ofTrial(first, run.metric));
  } else if (ended.length > 1) {
    said.push(`${plural(ended.length, 'trial')} ended.`);
  }
  const ending = status ? ENDINGS[run.status] : undefined;
  if (ending !== undefined) {
    said.push(ending, shorten(run.note, LONGEST));
  }
  const best = store.best;
  if (said.length > 0 && best !== null) {
    const score = formatMetric(toNumber(best.objective));
    said.push(`Best so far ${score}, trial ${best.trial}.`);
  }
  return said.filter(sentence => sentence !== '').join(' ');
}

function ofTrial(row: TrialRow, metric: string): string {
  if (row.state === 'completed' && row.objective !== null) {
    const score = formatMetric(toNumber(row.objective));
    return `Trial ${row.trial} finished: ${shorten(metric, 40)} ${score}.`;
  }
  const reason = row.reason === '' ? '' : `: ${shorten(row.reason, LONGEST)}`;
  return `Trial ${row.trial} ${row.state}${reason}.`;
}

/** A live region that speaks at most every two seconds, and then of all since. */
export class Announcer {
  readonly element = h('div', {
    class: 'automl-hidden',
    role: 'log',
    'aria-live': 'polite',
    'aria-atomic': 'true'
  });
  private ended: TrialRow[] = [];
  private status = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly store: Store) {}

  take(change: Change): void {
    this.ended.push(...change.ended);
    this.status ||= change.before !== null && !change.reset;
    if (this.timer === undefined && (this.status || this.ended.length > 0)) {
      this.speak();
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private speak(): void {
    this.timer = undefined;
    const text = announcement(this.store, this.ended, this.status);
    this.ended = [];
    this.status = false;
    if (text !== '') {
      this.element.textContent = text;
      this.timer = setTimeout(() => this.speak(), PAUSE_MS);
    }
  }
}
