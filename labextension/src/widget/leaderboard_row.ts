/** A row of the leaderboard; it keeps its identity while the order changes. */

import { h, setAttribute, setText } from './dom';
import { shorten } from './format';
import { StateMark } from './shapes';

import type { Column } from './columns';
import type { Store } from './store';
import type { TrialRow } from '../messages';

const LONGEST = 4000;

export class LeaderboardRow {
  readonly element: HTMLTableRowElement;
  private readonly state = new StateMark();
  private columns: Column[] = [];

  constructor(trial: number) {
    this.element = h('tr', { 'data-trial': trial });
  }

  update(row: TrialRow, columns: Column[], store: Store): void {
    if (columns.map(column => column.id).join() !== this.ids) {
      this.columns = columns;
      this.element.replaceChildren(...columns.map(column => this.cell(column)));
    }
    this.state.set(row.state);
    const place = store.place(row.trial);
    setAttribute(this.element, 'data-state', row.state);
    setAttribute(this.element, 'data-role', row.role);
    setAttribute(this.element, 'data-best', place === 1);
    columns.forEach((column, i) => {
      const cell = this.element.cells[i]?.firstElementChild;
      if (column.id !== 'state' && cell) {
        const text = column.text(row, store);
        setText(cell, text.length > LONGEST ? shorten(text, LONGEST) : text);
      }
    });
  }

  private get ids(): string {
    return this.columns.map(column => column.id).join();
  }

  private cell(column: Column): HTMLElement {
    const cell = h('td', {
      class: column.number ? 'number' : null,
      'data-column': column.id
    });
    cell.append(column.id === 'state' ? this.state.element : h('span'));
    return cell;
  }
}
