/** What each trial reached, and the best so far. */

import { Extent, roundUp, steady } from './extent';
import { applyInk, inkOf, nameTrial } from './ink';
import { SECONDS, WHOLE } from './plane';
import { PlaneChart } from './plane_chart';
import { emptyOfTrials, objectiveOf, rankedRows, tick, titleOf } from './shared';
import { Switch } from './switch';
import { formatClock, formatMetric, plural, toNumber } from '../format';
import { nameOf } from '../rank';

import type { ChartContext, ChartType, TableData } from './chart';
import type { Range } from './extent';
import type { Store } from '../store';
import type { TrialRow } from '../../messages';

const NEAR_PX = 16;

export interface HistoryPoint {
  row: TrialRow;
  trial: number;
  /** Seconds since the run began; NaN if it is not known when the trial ended. */
  ended_s: number;
  value: number;
  /** The best of all that ended until then. */
  best: number;
}

/** The finished trials in the order in which they ended, with the best so far. */
export function collectHistory(store: Store): HistoryPoint[] {
  const run = store.run;
  const start_s = run?.started_s ?? firstStart(store);
  const points = rankedRows(store).map(row => ({
    row,
    trial: row.trial,
    ended_s: row.ended_s === null ? NaN : row.ended_s - start_s,
    value: toNumber(row.objective),
    best: NaN
  }));
  const known = points.every(point => Number.isFinite(point.ended_s));
  points.sort((a, b) => (known && a.ended_s - b.ended_s) || a.trial - b.trial);
  const better = run?.mode === 'min' ? Math.min : Math.max;
  let best = run?.mode === 'min' ? Infinity : -Infinity;
  for (const point of points) {
    best = better(best, point.value);
    point.best = best;
  }
  return points;
}

function firstStart(store: Store): number {
  let first = Infinity;
  for (const row of store.rows.values()) {
    first = Math.min(first, row.started_s ?? Infinity);
  }
  return first;
}

class History extends PlaneChart {
  readonly options: HTMLElement;
  private readonly against: Switch;
  private points: HistoryPoint[] = [];
  private y: Range | null = null;
  private byTime = true;

  constructor(context: ChartContext) {
    super(context, 'history', ['so-far', 'trial', 'stopped', 'baseline'], {
      formatX: value => (this.byTime ? formatClock(value) : String(value)),
      formatY: tick,
      xLabel: () => (this.byTime ? 'time since the start' : 'trial'),
      stepsX: () => (this.byTime ? SECONDS : WHOLE)
    });
    this.against = new Switch('Against', ['time', 'trial'], context.redraw);
    this.options = this.against.element;
  }

  draw(width: number): void {
    const { store } = this.context;
    this.points = collectHistory(store);
    const known = this.points.every(point => Number.isFinite(point.ended_s));
    this.byTime = this.against.value === 'time' && known;
    const none = this.points.length === 0;
    this.frame(store.run?.metric ?? '', none ? emptyOfTrials(store.run) : '');
    if (none) {
      return;
    }
    const values = new Extent();
    let last = 1;
    for (const point of this.points) {
      values.add(point.value);
      values.add(point.best);
      last = Math.max(last, this.x(point));
    }
    if (store.baseline !== null) {
      values.add(toNumber(store.baseline.objective));
    }
    this.y = steady(this.y, values.range());
    this.plane.draw(width, { min: 0, max: roundUp(last * 1.02) }, this.y);
    this.plane.element.setAttribute('aria-label', this.describe());
  }

  describe(): string {
    const { store } = this.context;
    const { best, baseline } = store;
    const endings = [
      best === null ? '' : ` Best: trial ${best.trial}, ${objectiveOf(best)}.`,
      baseline === null ? '' : ` ${nameOf(baseline)}: ${objectiveOf(baseline)}.`
    ].join('');
    const count = plural(this.points.length, 'finished trial');
    return `${store.run?.metric ?? 'Objective'} of ${count}, with the best so far.${endings}`;
  }

  note(): string {
    return '';
  }

  tables(): TableData[] {
    return [
      {
        caption: `${this.context.store.run?.metric ?? 'Objective'} of the finished trials`,
        columns: [
          { name: 'trial', number: true },
          { name: 'ended at', number: true },
          { name: 'objective', number: true },
          { name: 'best so far', number: true }
        ],
        rows: collectHistory(this.context.store).map(point => [
          String(point.trial),
          Number.isFinite(point.ended_s) ? formatClock(point.ended_s) : '–',
          formatMetric(point.value),
          formatMetric(point.best)
        ])
      }
    ];
  }

  private x(point: HistoryPoint): number {
    return this.byTime ? point.ended_s : point.trial;
  }

  protected drawMarks(): void {
    const canvas = this.plane.context;
    if (canvas === null) {
      return;
    }
    canvas.save();
    this.clip(canvas);
    this.drawBaseline(canvas);
    this.drawBest(canvas);
    const { store } = this.context;
    const theme = this.context.theme();
    const size = this.points.length > 500 ? 2 : 3.5;
    for (const point of this.points) {
      const ink = inkOf(store, point.row, theme);
      applyInk(canvas, { ...ink, alpha: Math.max(0.45, ink.alpha) });
      this.dot(canvas, point, size);
    }
    canvas.restore();
  }

  /** What the best baseline reached, without any search. */
  private drawBaseline(canvas: CanvasRenderingContext2D): void {
    const { baseline } = this.context.store;
    if (baseline === null) {
      return;
    }
    const { left, width } = this.plane.box;
    const y = this.plane.toY(toNumber(baseline.objective));
    applyInk(canvas, { colour: this.context.theme().muted, alpha: 1, width: 1 });
    canvas.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    canvas.beginPath();
    canvas.moveTo(left, y);
    canvas.lineTo(left + width, y);
    canvas.stroke();
    canvas.setLineDash([]);
  }

  /** The best so far is a staircase: it holds until a better trial ends. */
  private drawBest(canvas: CanvasRenderingContext2D): void {
    const theme = this.context.theme();
    applyInk(canvas, { colour: theme.best, alpha: 1, width: 2 });
    const steps = [...this.points].sort((a, b) => this.x(a) - this.x(b));
    const better = this.context.store.run?.mode === 'min' ? Math.min : Math.max;
    let best: number | null = null;
    canvas.beginPath();
    for (const point of steps) {
      const x = this.plane.toX(this.x(point));
      if (best === null) {
        canvas.moveTo(x, this.plane.toY(point.value));
      } else {
        canvas.lineTo(x, this.plane.toY(best));
      }
      best = best === null ? point.value : better(best, point.value);
      canvas.lineTo(x, this.plane.toY(best));
    }
    if (best !== null) {
      const { left, width } = this.plane.box;
      canvas.lineTo(left + width, this.plane.toY(best));
    }
    canvas.stroke();
  }

  private dot(
    canvas: CanvasRenderingContext2D,
    point: HistoryPoint,
    size: number
  ): void {
    const x = this.plane.toX(this.x(point));
    canvas.beginPath();
    canvas.arc(x, this.plane.toY(point.value), size * devicePixelRatio, 0, 2 * Math.PI);
    canvas.fill();
  }

  protected drawOverlay(layer: CanvasRenderingContext2D): void {
    const { selection, store } = this.context;
    const theme = this.context.theme();
    for (const trial of new Set([selection.trial, selection.hovered])) {
      const point = this.points.find(candidate => candidate.trial === trial);
      if (point === undefined || !Number.isFinite(point.value)) {
        continue;
      }
      const best = store.place(point.trial) === 1;
      const colour = best ? theme.best : theme.text;
      applyInk(layer, { colour, alpha: 1, width: 2 });
      this.dot(layer, point, 5);
      this.name(layer, point, best);
    }
  }

  private name(
    layer: CanvasRenderingContext2D,
    point: HistoryPoint,
    best: boolean
  ): void {
    nameTrial(
      layer,
      `${best ? 'best: ' : ''}trial ${point.trial}`,
      {
        x: this.plane.toX(this.x(point)),
        y: this.plane.toY(point.value),
        above: true
      },
      this.plane.box,
      this.context.theme()
    );
  }

  protected point(at: { x: number; y: number } | null): string {
    const found = at && this.nearest(at.x, at.y);
    this.context.selection.hover(found?.trial ?? null);
    if (!found) {
      return '';
    }
    const when = Number.isFinite(found.ended_s)
      ? ` at ${formatClock(found.ended_s)}`
      : '';
    const said = `${formatMetric(found.value)}${when}`;
    return `${titleOf(this.context.store, found.row)}\n${said}`;
  }

  private nearest(x: number, y: number): HistoryPoint | null {
    let found = null;
    let distance = NEAR_PX * devicePixelRatio;
    for (const point of this.points) {
      const away = Math.hypot(
        this.plane.toX(this.x(point)) - x,
        this.plane.toY(point.value) - y
      );
      if (away < distance) {
        distance = away;
        found = point;
      }
    }
    return found;
  }
}

export const history: ChartType = {
  id: 'history',
  label: 'History',
  make: context => new History(context)
};
