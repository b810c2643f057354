/** A plain table of text that is rewritten as numbers come, 200 rows at first. */

import { h, setText, show } from './dom';
import { formatCount, shorten } from './format';

import type { TableData } from './charts/chart';

const PAGE_ROWS = 200;
const LONGEST = 200;

export class DataTable {
  readonly element = h('div', { class: 'automl-table-box' });
  private readonly caption = h('caption');
  private readonly head = h('tr');
  private readonly body = h('tbody');
  private readonly more = h('button', { type: 'button', class: 'automl-quiet' });
  private shown = PAGE_ROWS;
  private columns = '';
  private data: TableData | null = null;

  constructor() {
    const table = h('table', {}, this.caption, h('thead', {}, this.head), this.body);
    const scroll = h('div', { class: 'automl-scroll', tabindex: 0 }, table);
    this.more.addEventListener('click', () => {
      this.shown += PAGE_ROWS;
      if (this.data !== null) {
        this.update(this.data);
      }
    });
    this.element.append(scroll, this.more);
  }

  update(data: TableData): void {
    this.data = data;
    setText(this.caption, shorten(data.caption, LONGEST));
    const columns = JSON.stringify(data.columns);
    if (columns !== this.columns) {
      this.columns = columns;
      this.body.replaceChildren();
      this.head.replaceChildren(
        ...data.columns.map(({ name, number }) =>
          h(
            'th',
            { scope: 'col', class: number ? 'number' : null, title: name },
            shorten(name, 60)
          )
        )
      );
    }
    const rows = data.rows.slice(0, this.shown);
    while (this.body.rows.length > rows.length) {
      this.body.deleteRow(-1);
    }
    rows.forEach((row, index) => this.write(index, row, data.columns));
    const left = data.rows.length - rows.length;
    show(this.more, left > 0);
    const next = Math.min(PAGE_ROWS, left);
    setText(this.more, `Show ${next} more of ${formatCount(data.rows.length)}`);
  }

  private write(index: number, row: string[], columns: TableData['columns']): void {
    let line = this.body.rows[index];
    if (line === undefined) {
      line = h('tr');
      const cells = columns.map(({ number }) =>
        h('td', { class: number ? 'number' : null })
      );
      line.append(...cells);
      this.body.append(line);
    }
    row.forEach((text, i) => {
      const cell = line.cells[i];
      if (cell !== undefined) {
        setText(cell, shorten(text, LONGEST));
      }
    });
  }
}
