/** All trials as a table: the best on top, sortable, a row can be selected. */

import { columnsOf, sorted } from './columns';
import { h, setAttribute, setText, show } from './dom';
import { formatCount } from './format';
import { LeaderboardRow } from './leaderboard_row';
import { moveSmoothly } from './motion';

import type { Column, ColumnId, Sorting } from './columns';
import type { Selection } from './selection';
import type { Store } from './store';

const PAGE_ROWS = 200;

export class Leaderboard {
  readonly element = h('section', {
    class: 'automl-leaderboard',
    'aria-label': 'Leaderboard'
  });
  private readonly head = h('tr');
  private readonly body = h('tbody');
  private readonly more = h('button', { type: 'button', class: 'automl-quiet' });
  private readonly empty = h('p', { class: 'automl-note' }, 'No trial has begun yet.');
  private readonly scroll: HTMLElement;
  private readonly rows = new Map<number, LeaderboardRow>();
  private columns: Column[] = [];
  private headKey = '';
  private sorting: Sorting = { column: 'rank', down: false };
  private shown = PAGE_ROWS;
  /** The row that the keyboard stands on. */
  private current: number | null = null;

  constructor(
    private readonly store: Store,
    private readonly selection: Selection
  ) {
    const caption = h('caption', { class: 'automl-hidden' });
    caption.textContent = 'Trials, the best first. Arrows move, Enter selects.';
    const table = h(
      'table',
      { role: 'grid' },
      caption,
      h('thead', {}, this.head),
      this.body
    );
    this.scroll = h('div', { class: 'automl-scroll' }, table);
    this.more.addEventListener('click', () => {
      this.shown += PAGE_ROWS;
      this.update();
    });
    this.body.addEventListener('click', event => this.onClick(event));
    this.body.addEventListener('keydown', event => this.onKey(event));
    this.body.addEventListener('focusin', event => this.onFocus(event));
    this.body.addEventListener('focusout', () => selection.hover(null));
    this.body.addEventListener('pointerover', event =>
      selection.hover(this.trialOf(event))
    );
    this.body.addEventListener('pointerleave', () => selection.hover(null));
    this.element.append(this.scroll, this.empty, this.more);
  }

  update(): void {
    const all = sorted(this.store, this.sorting);
    show(this.empty, all.length === 0);
    show(this.scroll, all.length > 0);
    this.updateHead();
    const trials = all.slice(0, this.shown).map(row => row.trial);
    const kept = new Set(trials);
    for (const [trial, row] of this.rows) {
      if (!kept.has(trial)) {
        row.element.remove();
        this.rows.delete(trial);
      }
    }
    moveSmoothly(this.body, trials, () => this.place(trials));
    this.mark();
    const next = Math.min(PAGE_ROWS, all.length - trials.length);
    show(this.more, next > 0);
    setText(this.more, `Show ${next} more of ${formatCount(all.length)} trials`);
  }

  /** Show which rows are selected and pointed at. */
  mark(): void {
    const { hovered, trial } = this.selection;
    const [first] = this.body.rows;
    const known = this.current !== null && this.rows.has(this.current);
    for (const [number, row] of this.rows) {
      setAttribute(row.element, 'aria-selected', String(number === trial));
      setAttribute(row.element, 'data-hovered', number === hovered);
      const stop = known ? number === this.current : row.element === first;
      setAttribute(row.element, 'tabindex', stop ? 0 : -1);
    }
  }

  private place(trials: number[]): void {
    const focused = document.activeElement;
    trials.forEach((trial, index) => {
      const data = this.store.rows.get(trial);
      if (data === undefined) {
        return;
      }
      let row = this.rows.get(trial);
      if (row === undefined) {
        row = new LeaderboardRow(trial);
        this.rows.set(trial, row);
      }
      row.update(data, this.columns, this.store);
      const there = this.body.rows[index];
      if (there !== row.element) {
        this.body.insertBefore(row.element, there ?? null);
      }
    });
    // A row that moves in the document loses the focus.
    if (focused instanceof HTMLElement && this.body.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  }

  private updateHead(): void {
    this.columns = columnsOf(this.store);
    const titles = this.columns.map(column => column.title?.(this.store) ?? column.id);
    const key = titles.join('\n');
    if (key !== this.headKey) {
      this.headKey = key;
      this.head.replaceChildren(
        ...this.columns.map((column, i) => this.heading(column, titles[i] ?? ''))
      );
    }
    this.columns.forEach((column, i) => {
      const { down } = this.sorting;
      const by = this.sorting.column === column.id;
      const sort = by ? (down ? 'descending' : 'ascending') : null;
      const cell = this.head.cells[i];
      if (cell !== undefined) {
        setAttribute(cell, 'aria-sort', sort);
      }
    });
  }

  private heading(column: Column, title: string): HTMLElement {
    const button = h('button', { type: 'button', title });
    button.append(h('span', {}, title));
    button.addEventListener('click', () => this.sort(column.id));
    return h(
      'th',
      {
        scope: 'col',
        class: column.number ? 'number' : null,
        'data-column': column.id
      },
      button
    );
  }

  private sort(column: ColumnId): void {
    const again = this.sorting.column === column;
    this.sorting = { column, down: again && !this.sorting.down };
    this.update();
  }

  private trialOf(event: Event): number | null {
    const row = event.target instanceof Element ? event.target.closest('tr') : null;
    const trial = row?.dataset['trial'];
    return trial === undefined ? null : Number(trial);
  }

  private onClick(event: MouseEvent): void {
    const trial = this.trialOf(event);
    // Whoever marks text in a row does not mean to select it.
    if (trial !== null && (getSelection()?.isCollapsed ?? true)) {
      this.current = trial;
      this.selection.toggle(trial);
    }
  }

  private onFocus(event: FocusEvent): void {
    const trial = this.trialOf(event);
    if (trial !== null) {
      this.current = trial;
      this.selection.hover(trial);
      this.mark();
    }
  }

  private onKey(event: KeyboardEvent): void {
    const row = event.target instanceof HTMLElement ? event.target.closest('tr') : null;
    const trial = this.trialOf(event);
    if (row === null || trial === null) {
      return;
    }
    const targets: Record<string, Element | null> = {
      ArrowDown: row.nextElementSibling,
      ArrowUp: row.previousElementSibling,
      Home: this.body.firstElementChild,
      End: this.body.lastElementChild
    };
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.selection.toggle(trial);
    } else if (event.key in targets) {
      event.preventDefault();
      const target = targets[event.key];
      if (target instanceof HTMLElement) {
        target.focus();
      }
    } else if (event.key === 'Escape') {
      this.selection.choose(null);
    }
  }
}
