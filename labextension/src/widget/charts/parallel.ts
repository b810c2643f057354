/** Parallel coordinates: what was tried, and what came of it. */

import { chooseAxes } from './axes';
import { applyInk, inkOf } from './ink';
import { Legend } from './legend';
import { emptyOfTrials, rankedRows, titleOf } from './shared';
import { isTrial } from '../rank';
import { h, setText, show } from '../dom';
import { formatCount, plural, shorten, toNumber } from '../format';

import type { ParallelAxis } from './axes';
import type { Chart, ChartContext, ChartType, TableData } from './chart';
import type { TrialRow } from '../../messages';

const HEIGHT = 300;
const TOP = 40;
const BOTTOM = 14;
const LEFT = 8;
const RIGHT = 64;
const TICK_PX = 14;
const LETTER_PX = 7.5;
const AXIS_PX = 108;
const MOST_LINES = 1000;
const NEAR_PX = 8;

class Parallel implements Chart {
  readonly element = h('div', { class: 'automl-parallel' });
  readonly options = h('span');
  private readonly frame = h('div', { class: 'automl-plane', role: 'img' });
  private readonly lines = h('canvas');
  private readonly layer = h('canvas', { class: 'automl-layer' });
  private readonly labels = h('div', {
    class: 'automl-axis-labels',
    'aria-hidden': 'true'
  });
  private readonly tip = h('div', { class: 'automl-tip', hidden: true });
  private readonly empty = h('div', { class: 'automl-empty', hidden: true });
  private readonly legend = new Legend(['best', 'finished', 'dim']);
  private rows: TrialRow[] = [];
  private axes: ParallelAxis[] = [];
  private varying = 0;
  private finished = 0;
  private width = 0;
  private key = '';

  constructor(private readonly context: ChartContext) {
    this.frame.append(this.lines, this.layer, this.labels, this.tip);
    this.element.append(this.frame, this.empty, this.legend.element);
    this.frame.addEventListener('pointermove', event => this.follow(event));
    this.frame.addEventListener('pointerleave', () => this.leave());
    this.frame.addEventListener('click', () => {
      const { hovered } = context.selection;
      if (hovered !== null) {
        context.selection.toggle(hovered);
      }
    });
  }

  draw(width: number): void {
    const { store } = this.context;
    const key = JSON.stringify([store.settledVersion, width, this.context.theme()]);
    if (key === this.key) {
      return;
    }
    this.key = key;
    this.width = width;
    this.collect();
    const none = this.rows.length === 0 || this.axes.length < 2;
    show(this.empty, none);
    show(this.frame, !none);
    show(this.legend.element, !none);
    if (none) {
      setText(
        this.empty,
        this.rows.length === 0
          ? emptyOfTrials(store.run)
          : 'All finished trials have the same values: there is nothing to compare yet.'
      );
      return;
    }
    this.drawLines();
    this.drawLabels();
    this.highlight();
    this.frame.setAttribute('aria-label', this.describe());
  }

  highlight(): void {
    const context = this.canvas(this.layer);
    const { selection, store } = this.context;
    const theme = this.context.theme();
    for (const trial of new Set([selection.trial, selection.hovered])) {
      const row = trial === null ? undefined : store.rows.get(trial);
      if (context !== null && row !== undefined && isTrial(row) && trial !== null) {
        const plain = store.place(trial) === 1 && trial !== selection.hovered;
        const colour = plain ? theme.best : theme.text;
        applyInk(context, { colour, alpha: 1, width: 2.5 });
        this.trace(context, row);
      }
    }
  }

  describe(): string {
    const names = this.axes.map(axis => shorten(axis.label, 40)).join(', ');
    return `Parallel coordinates of ${plural(this.rows.length, 'finished trial')}: ${names}.`;
  }

  note(): string {
    const notes = [];
    const shown = this.axes.length - 1;
    if (shown > 0 && shown < this.varying) {
      notes.push(
        `The ${shown} of ${this.varying} parameters that tell most are shown; all are in the table.`
      );
    }
    if (this.rows.length < this.finished) {
      const count = formatCount(this.rows.length);
      notes.push(
        `The best ${count} of ${formatCount(this.finished)} trials are drawn.`
      );
    }
    return notes.join(' ');
  }

  tables(): TableData[] {
    const { store } = this.context;
    const rows = finite(rankedRows(store));
    const metric = store.run?.metric ?? 'objective';
    const { axes } = chooseAxes(rows, store.run?.mode ?? 'max', Infinity, metric);
    return [
      {
        caption: 'Values that vary, and what came of them',
        columns: [
          { name: 'trial', number: true },
          ...axes.map(axis => ({
            name: axis.name,
            number: axis.kind !== 'category'
          }))
        ],
        rows: rows.map(row => [String(row.trial), ...axes.map(axis => axis.text(row))])
      }
    ];
  }

  dispose(): void {
    this.rows = [];
  }

  private collect(): void {
    const { store } = this.context;
    const all = finite(rankedRows(store));
    const room = Math.max(1, Math.floor((this.width - LEFT - RIGHT) / AXIS_PX));
    const metric = store.run?.metric ?? 'objective';
    this.finished = all.length;
    this.rows = all.slice(0, MOST_LINES);
    const chosen = chooseAxes(this.rows, store.run?.mode ?? 'max', room, metric);
    this.axes = chosen.axes;
    this.varying = chosen.varying;
  }

  /** A canvas of the right size, cleared, in units of the page's pixels. */
  private canvas(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
    canvas.width = Math.round(this.width * devicePixelRatio);
    canvas.height = Math.round(HEIGHT * devicePixelRatio);
    canvas.style.width = `${this.width}px`;
    canvas.style.height = `${HEIGHT}px`;
    return canvas.getContext('2d');
  }

  private drawLines(): void {
    const context = this.canvas(this.lines);
    if (context === null) {
      return;
    }
    const theme = this.context.theme();
    context.strokeStyle = theme.grid;
    context.lineWidth = devicePixelRatio;
    for (let i = 0; i < this.axes.length; i++) {
      const x = Math.round(this.x(i) * devicePixelRatio) + 0.5;
      context.beginPath();
      context.moveTo(x, TOP * devicePixelRatio);
      context.lineTo(x, (HEIGHT - BOTTOM) * devicePixelRatio);
      context.stroke();
    }
    for (const row of [...this.rows].reverse()) {
      applyInk(context, inkOf(this.context.store, row, theme));
      this.trace(context, row);
    }
  }

  private trace(context: CanvasRenderingContext2D, row: TrialRow): void {
    let pen = false;
    context.beginPath();
    this.axes.forEach((axis, i) => {
      const at = axis.place(row);
      if (Number.isNaN(at)) {
        pen = false; // a value that this trial was not asked for
        return;
      }
      const x = this.x(i) * devicePixelRatio;
      const y = this.y(at) * devicePixelRatio;
      if (pen) {
        context.lineTo(x, y);
      } else {
        context.moveTo(x, y);
        context.lineTo(x + 0.01, y);
      }
      pen = true;
    });
    context.stroke();
  }

  private drawLabels(): void {
    this.labels.replaceChildren();
    this.axes.forEach((axis, i) => {
      const name = h('div', { class: 'automl-axis-name', title: axis.name });
      name.textContent = shorten(axis.label, Math.floor(this.room / LETTER_PX));
      if (i === this.axes.length - 1) {
        name.style.right = '0';
      } else {
        name.style.left = `${this.x(i)}px`;
      }
      name.style.maxWidth = `${this.room - 14}px`;
      this.labels.append(name, ...this.ticksOf(axis, i));
    });
  }

  /** The labels along an axis, without those that would lie on others. */
  private ticksOf(axis: ParallelAxis, index: number): HTMLElement[] {
    const last = index === this.axes.length - 1;
    const ends = [axis.ticks[0], axis.ticks.at(-1)];
    const kept: number[] = [];
    const made: HTMLElement[] = [];
    for (const tick of new Set([...ends, ...axis.ticks])) {
      const y = tick === undefined ? NaN : this.y(tick.at);
      if (tick === undefined || kept.some(other => Math.abs(other - y) < TICK_PX)) {
        continue;
      }
      kept.push(y);
      const label = h('div', { class: 'automl-axis-tick' }, shorten(tick.text, 40));
      label.style.top = `${y}px`;
      label.style.left = `${this.x(index) + 5}px`;
      label.style.maxWidth = `${last ? RIGHT - 8 : this.room - 14}px`;
      made.push(label);
    }
    return made;
  }

  /** How far axes are from each other. */
  private get room(): number {
    const gaps = Math.max(1, this.axes.length - 1);
    return (this.width - LEFT - RIGHT) / gaps;
  }

  private x(index: number): number {
    return LEFT + index * this.room;
  }

  private y(at: number): number {
    return HEIGHT - BOTTOM - at * (HEIGHT - TOP - BOTTOM);
  }

  private follow(event: PointerEvent): void {
    const bounds = this.frame.getBoundingClientRect();
    const x = event.clientX - bounds.left;
    const y = event.clientY - bounds.top;
    const row = this.nearest(x, y);
    this.context.selection.hover(row?.trial ?? null);
    show(this.tip, row !== null);
    if (row !== null) {
      const values = this.axes.map(
        axis => `${shorten(axis.label, 40)}: ${shorten(axis.text(row), 40)}`
      );
      setText(this.tip, [titleOf(this.context.store, row), ...values].join('\n'));
      const flip = x > this.width / 2;
      this.tip.style.left = flip ? 'auto' : `${x + 12}px`;
      this.tip.style.right = flip ? `${this.width - x + 12}px` : 'auto';
      this.tip.style.top = `${Math.min(y, HEIGHT / 2)}px`;
    }
  }

  private leave(): void {
    this.context.selection.hover(null);
    show(this.tip, false);
  }

  /** The line nearest to the pointer, of equally near ones the best. */
  private nearest(x: number, y: number): TrialRow | null {
    const left = Math.floor((x - LEFT) / this.room);
    const from = this.axes[left];
    const to = this.axes[left + 1];
    if (from === undefined || to === undefined) {
      return null;
    }
    const share = (x - this.x(left)) / this.room;
    let found = null;
    let distance = NEAR_PX;
    for (const row of this.rows) {
      const at = from.place(row) * (1 - share) + to.place(row) * share;
      const away = Math.abs(this.y(at) - y);
      if (away < distance) {
        distance = away;
        found = row;
      }
    }
    return found;
  }
}

function finite(rows: TrialRow[]): TrialRow[] {
  return rows.filter(row => Number.isFinite(toNumber(row.objective)));
}

export const parallel: ChartType = {
  id: 'parallel',
  label: 'Parallel',
  make: context => new Parallel(context)
};
