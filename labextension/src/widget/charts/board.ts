/** The charts as tabs, each with its table behind it. */

import { CHARTS } from './all';
import { h, setAttribute, setText, show, uniqueId } from '../dom';
import { DataTable } from '../data_table';
import { onThemeChange, readTheme } from '../theme';

import type { Chart, ChartType } from './chart';
import type { Painter } from '../painter';
import type { Selection } from '../selection';
import type { Store } from '../store';
import type { Theme } from '../theme';

const LEAST_WIDTH = 200;

export class Board {
  readonly element = h('section', { class: 'automl-board', 'aria-label': 'Charts' });
  private readonly tabs = new Map<string, HTMLButtonElement>();
  private readonly charts = new Map<string, Chart>();
  private readonly options = h('div', { class: 'automl-board-options' });
  private readonly body = h('div', { role: 'tabpanel', id: uniqueId('chart') });
  private readonly note = h('p', { class: 'automl-note', hidden: true });
  private readonly tables = h('div', { class: 'automl-tables', hidden: true });
  private readonly tableButton = h(
    'button',
    { type: 'button', class: 'automl-quiet', 'aria-pressed': 'false' },
    'Table'
  );
  private readonly drawnTables: DataTable[] = [];
  private readonly observer: ResizeObserver;
  private readonly unwatch: () => void;
  private type: ChartType | undefined = CHARTS[0];
  private theme: Theme | null = null;
  private width = 0;
  private table = false;

  constructor(
    private readonly store: Store,
    private readonly selection: Selection,
    private readonly painter: Painter
  ) {
    const list = h('div', { role: 'tablist', 'aria-label': 'Chart' });
    CHARTS.forEach(type => list.append(this.tab(type)));
    list.addEventListener('keydown', event => this.onKey(event));
    this.tableButton.addEventListener('click', () => this.toggleTable());
    const bar = h('div', { class: 'automl-bar' }, list, this.options);
    this.element.append(bar, this.body, this.tables, this.note);
    this.observer = new ResizeObserver(() => painter.request(true));
    this.observer.observe(this.body);
    this.unwatch = onThemeChange(() => {
      this.theme = null;
      painter.request(true);
    });
    this.choose(CHARTS[0]);
  }

  update(): void {
    this.width = Math.floor(this.body.clientWidth);
    const chart = this.chart;
    if (chart === undefined || this.width < LEAST_WIDTH) {
      return;
    }
    if (this.table) {
      this.updateTables(chart);
      return;
    }
    chart.draw(this.width);
    const note = chart.note();
    setText(this.note, note);
    show(this.note, note !== '');
  }

  /** The selection changed: cheaper than a drawing. */
  highlight(): void {
    if (this.width >= LEAST_WIDTH && !this.table) {
      this.chart?.highlight();
    }
  }

  dispose(): void {
    this.observer.disconnect();
    this.unwatch();
    this.charts.forEach(chart => chart.dispose());
  }

  private get chart(): Chart | undefined {
    return this.charts.get(this.type?.id ?? '');
  }

  private tab(type: ChartType): HTMLButtonElement {
    const button = h('button', {
      type: 'button',
      role: 'tab',
      id: uniqueId('tab'),
      'aria-controls': this.body.id
    });
    button.textContent = type.label;
    button.addEventListener('click', () => this.choose(type));
    this.tabs.set(type.id, button);
    return button;
  }

  private choose(type: ChartType | undefined): void {
    if (type === undefined) {
      return;
    }
    this.type = type;
    let chart = this.charts.get(type.id);
    if (chart === undefined) {
      chart = type.make({
        store: this.store,
        selection: this.selection,
        theme: () => (this.theme ??= readTheme(this.element)),
        redraw: () => this.painter.request(true)
      });
      this.charts.set(type.id, chart);
    }
    for (const [id, tab] of this.tabs) {
      const chosen = id === type.id;
      setAttribute(tab, 'aria-selected', String(chosen));
      setAttribute(tab, 'tabindex', chosen ? 0 : -1);
      if (chosen) {
        setAttribute(this.body, 'aria-labelledby', tab.id);
      }
    }
    this.body.replaceChildren(chart.element);
    this.options.replaceChildren(chart.options, this.tableButton);
    this.painter.request(true);
  }

  /** Arrows move between tabs, as they do in every list of tabs. */
  private onKey(event: KeyboardEvent): void {
    const at = CHARTS.findIndex(type => type.id === this.type?.id);
    const steps: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: CHARTS.length - 1
    };
    const next = steps[event.key];
    if (next !== undefined) {
      event.preventDefault();
      const type = CHARTS[(next + CHARTS.length) % CHARTS.length];
      this.choose(type);
      this.tabs.get(type?.id ?? '')?.focus();
    }
  }

  private toggleTable(): void {
    this.table = !this.table;
    setAttribute(this.tableButton, 'aria-pressed', String(this.table));
    show(this.tables, this.table);
    show(this.body, true);
    setAttribute(this.body, 'data-table', this.table);
    show(this.note, false);
    this.painter.request(true);
  }

  private updateTables(chart: Chart): void {
    const data = chart.tables();
    while (this.drawnTables.length < data.length) {
      const table = new DataTable();
      this.drawnTables.push(table);
      this.tables.append(table.element);
    }
    this.drawnTables.forEach((table, i) => {
      const shown = data[i];
      show(table.element, shown !== undefined);
      if (shown !== undefined) {
        table.update(shown);
      }
    });
  }
}
