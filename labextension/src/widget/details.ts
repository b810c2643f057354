/** The selected trial: what it reached, with which values. */

import { h, setAttribute, setText, show } from './dom';
import { formatScore, formatValue, shorten, shortNames } from './format';
import { nameOf } from './rank';

import type { Selection } from './selection';
import type { Store } from './store';
import type { TrialRow } from '../messages';

const LONGEST_REASON = 4000;

export class Details {
  readonly element: HTMLElement;
  private readonly title = h('strong');
  private readonly score = h('span', { class: 'automl-muted', dir: 'auto' });
  private readonly back = h(
    'button',
    { type: 'button', class: 'automl-quiet', title: 'Select the best trial again' },
    'Back to the best'
  );
  private readonly values = h('dl', { class: 'automl-values' });
  private readonly reason = h('p', { class: 'automl-reason', dir: 'auto' });

  constructor(
    private readonly store: Store,
    private readonly selection: Selection,
    controls: HTMLElement
  ) {
    this.back.addEventListener('click', () => selection.choose(null));
    const line = h('div', { class: 'automl-details-line' });
    line.append(this.title, this.score, this.back);
    this.element = h(
      'section',
      { class: 'automl-details', 'aria-label': 'Selected trial' },
      line,
      controls,
      this.values,
      this.reason
    );
  }

  update(): void {
    const { chosen, trial } = this.selection;
    const row = trial === null ? undefined : this.store.rows.get(trial);
    show(this.element, this.store.rows.size > 0);
    show(this.back, chosen !== null);
    setText(this.title, titleOf(row, chosen !== null, trial));
    setText(this.score, row === undefined ? '' : this.scores(row));
    const reason = row?.reason ?? '';
    setText(this.reason, shorten(reason, LONGEST_REASON));
    show(this.reason, reason !== '');
    this.updateValues(row);
  }

  private scores(row: TrialRow): string {
    const metric = shorten(this.store.run?.metric ?? '', 60);
    const parts = [`${metric} ${formatScore(row.objective, row.spread) || '–'}`];
    if (row.test !== null) {
      parts.push(`test ${formatScore(row.test)}`);
    }
    if (row.best_epoch !== null) {
      parts.push(`best epoch ${row.best_epoch}`);
    }
    return parts.join(' · ');
  }

  private updateValues(row: TrialRow | undefined): void {
    const entries = Object.entries(row?.values ?? {});
    const key = JSON.stringify(entries);
    if (this.values.dataset['key'] === key) {
      return;
    }
    this.values.dataset['key'] = key;
    const names = shortNames(Object.keys(row?.values ?? {}), 2);
    this.values.replaceChildren(
      ...entries.map(([name, value], at) => {
        const label = shorten(names[at] ?? name, 60);
        const pair = h('div', {}, h('dt', { dir: 'auto' }, label));
        pair.append(h('dd', { dir: 'auto' }, shorten(formatValue(value), 60)));
        setAttribute(pair, 'title', `${name} = ${formatValue(value)}`);
        return pair;
      })
    );
  }
}

function titleOf(
  row: TrialRow | undefined,
  chosen: boolean,
  trial: number | null
): string {
  if (row === undefined) {
    return trial === null ? 'No trial is finished yet' : `Trial ${trial}`;
  }
  return chosen ? nameOf(row) : `Best: trial ${row.trial}`;
}
