/** Learning curves: one line a trial. */

import { Extent, roundUp, steady } from './extent';
import { applyInk, inkOf, nameTrial } from './ink';
import { WHOLE } from './plane';
import { PlaneChart } from './plane_chart';
import { formatCount, formatMetric, plural } from '../format';
import { curveTables } from './curve_tables';
import { Picker } from './picker';
import { emptyOfEpochs, objectiveOf, tick, titleOf } from './shared';

import type { ChartContext, ChartType, TableData } from './chart';
import type { Range } from './extent';
import type { Ink } from './ink';
import type { Curve } from '../store';
import type { TrialRow } from '../../messages';

// More lines than that cannot be told apart, and cost time.
const MOST_CURVES = 1000;
const NEAR_PX = 24;
const RECOLOUR_MS = 1000;

class Curves extends PlaneChart {
  readonly options: HTMLElement;
  private readonly picker: Picker;
  private drawn: Curve[] = [];
  private left = 0;
  private y: Range | null = null;
  /** The lines as they were drawn last, and up to which point of each curve. */
  private readonly lines = document.createElement('canvas');
  private readonly linesTo = new Map<number, number>();
  private linesKey = '';
  private linesVersion = -1;
  private lines_ms = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: ChartContext) {
    super(context, 'curves', ['best', 'finished', 'running', 'dim'], {
      formatX: String,
      formatY: tick,
      xLabel: () => 'epoch',
      stepsX: () => WHOLE
    });
    this.picker = new Picker('Metric', () => {
      this.y = null;
      context.redraw();
    });
    this.options = this.picker.element;
  }

  draw(width: number): void {
    const { store } = this.context;
    const run = store.run;
    this.picker.set(run?.metrics ?? [], run?.metric ?? '');
    this.drawn = this.choose();
    const none = this.drawn.length === 0;
    this.frame(this.picker.value, none ? emptyOfEpochs(run) : '');
    if (none) {
      return;
    }
    const [x, y] = this.ranges();
    this.y = steady(this.y, y);
    this.plane.draw(width, x, this.y);
    this.plane.element.setAttribute('aria-label', this.describe());
  }

  describe(): string {
    const { store } = this.context;
    const best = store.best;
    const ending =
      best === null ? '' : ` Best: trial ${best.trial}, ${objectiveOf(best)}.`;
    const count = plural(this.drawn.length, 'trial');
    return `Learning curves of ${this.picker.value} against epochs, ${count}.${ending}`;
  }

  note(): string {
    const all = this.drawn.length + this.left;
    return this.left === 0
      ? ''
      : `The best ${formatCount(this.drawn.length)} of ${formatCount(all)} curves are drawn.`;
  }

  tables(): TableData[] {
    return curveTables(this.context, this.picker.value);
  }

  override dispose(): void {
    clearTimeout(this.timer);
    super.dispose();
  }

  private get metric(): number {
    return this.context.store.run?.metrics.indexOf(this.picker.value) ?? -1;
  }

  /** The curves that are drawn: what runs, and of the others the best ones. */
  private choose(): Curve[] {
    const { store } = this.context;
    const chosen: Curve[] = [];
    this.left = 0;
    for (const row of store.ordered) {
      const curve = store.curves.get(row.trial);
      if (curve === undefined) {
        continue;
      }
      if (chosen.length < MOST_CURVES || row.state === 'running') {
        chosen.push(curve);
      } else {
        this.left++;
      }
    }
    return chosen;
  }

  private ranges(): [Range, Range | null] {
    const metric = this.metric;
    const extent = new Extent();
    let last = 1;
    for (const curve of this.drawn) {
      last = Math.max(last, curve.length);
      for (let i = 0; i < curve.length; i++) {
        extent.add(curve.value(i, metric));
      }
    }
    const x = last <= 1 ? { min: 0, max: 2 } : { min: 1, max: roundUp(last) };
    return [x, extent.range()];
  }

  protected drawMarks(): void {
    const canvas = this.plane.context;
    if (canvas === null) {
      return;
    }
    this.drawLines();
    const { left, top } = this.plane.box;
    canvas.drawImage(this.lines, left, top);
    canvas.save();
    this.clip(canvas);
    for (const curve of this.drawn) {
      applyInk(canvas, this.ink(curve));
      this.dot(canvas, curve);
    }
    canvas.restore();
  }

  /** Bring the lines up to date: all of them if need be, else what is new of them. */
  private drawLines(): void {
    const { x, y, box } = this.plane;
    const theme = this.context.theme();
    const layer = this.lines.getContext('2d');
    if (layer === null) {
      return;
    }
    if (this.mustRedraw(JSON.stringify([x, y, box, theme, this.metric]))) {
      this.linesTo.clear();
      this.lines.width = Math.max(1, box.width);
      this.lines.height = Math.max(1, box.height);
      layer.translate(-box.left, -box.top);
    }
    // The best last, on top.
    for (let i = this.drawn.length - 1; i >= 0; i--) {
      const curve = this.drawn[i];
      const from = this.linesTo.get(curve?.trial ?? -1) ?? 0;
      if (curve !== undefined && from < curve.length - 1) {
        applyInk(layer, this.ink(curve));
        this.linesTo.set(curve.trial, this.trace(layer, curve, from));
      }
    }
  }

  /**
   * Whether all lines must be drawn anew: at once in another picture, and some time
   * after a trial ended, as ranks and so colours change with each.
   */
  private mustRedraw(key: string): boolean {
    const { settledVersion } = this.context.store;
    const now_ms = performance.now();
    if (key === this.linesKey) {
      const wait_ms = this.lines_ms + RECOLOUR_MS - now_ms;
      if (settledVersion === this.linesVersion) {
        return false;
      }
      if (wait_ms > 0) {
        this.timer ??= setTimeout(() => {
          this.timer = undefined;
          this.context.redraw();
        }, wait_ms);
        return false;
      }
    }
    this.linesKey = key;
    this.linesVersion = settledVersion;
    this.lines_ms = now_ms;
    return true;
  }

  private ink(curve: Curve): Ink {
    return inkOf(this.context.store, this.row(curve), this.context.theme());
  }

  /** Draw a curve from one of its points on; answers with the last that is drawn. */
  private trace(canvas: CanvasRenderingContext2D, curve: Curve, from = 0): number {
    const { plane, metric } = this;
    const step = Math.max(1, Math.floor((1.5 * curve.length) / plane.box.width));
    let pen = false;
    let last = from;
    canvas.beginPath();
    for (let i = from; i < curve.length; i += step) {
      last = i;
      const value = curve.value(i, metric);
      if (!Number.isFinite(value)) {
        pen = false;
        continue;
      }
      const x = plane.toX(i + 1);
      const y = plane.toY(value);
      if (pen) {
        canvas.lineTo(x, y);
      } else {
        canvas.moveTo(x, y);
      }
      pen = true;
    }
    canvas.stroke();
    return last;
  }

  /** The end of a curve that runs, and a curve that is a point only. */
  private dot(canvas: CanvasRenderingContext2D, curve: Curve): void {
    const value = curve.value(curve.length - 1, this.metric);
    const runs = this.row(curve)?.state === 'running';
    if (Number.isFinite(value) && (runs || curve.length === 1)) {
      const x = this.plane.toX(curve.length);
      canvas.beginPath();
      canvas.arc(x, this.plane.toY(value), 2.5 * devicePixelRatio, 0, 2 * Math.PI);
      canvas.fill();
    }
  }

  protected drawOverlay(layer: CanvasRenderingContext2D): void {
    const { selection, store } = this.context;
    const theme = this.context.theme();
    this.clip(layer);
    for (const trial of new Set([selection.trial, selection.hovered])) {
      const curve = trial === null ? undefined : store.curves.get(trial);
      if (curve === undefined || trial === null) {
        continue;
      }
      const best = store.place(trial) === 1;
      const plain = best && trial !== selection.hovered;
      applyInk(layer, { colour: theme.surface, alpha: 0.8, width: 5.5 });
      this.trace(layer, curve);
      const colour = plain ? theme.best : theme.text;
      applyInk(layer, { colour, alpha: 1, width: 2.5 });
      this.trace(layer, curve);
      this.name(layer, curve, best);
    }
  }

  /** A trial's number at the end of its curve. */
  private name(layer: CanvasRenderingContext2D, curve: Curve, best: boolean): void {
    let last = curve.length - 1;
    while (last >= 0 && !Number.isFinite(curve.value(last, this.metric))) {
      last--;
    }
    if (last < 0) {
      return;
    }
    const { plane } = this;
    nameTrial(
      layer,
      `${best ? 'best: ' : ''}trial ${curve.trial}`,
      {
        x: plane.toX(last + 1),
        y: plane.toY(curve.value(last, this.metric)),
        above: false
      },
      plane.box,
      this.context.theme()
    );
  }

  protected point(at: { x: number; y: number } | null): string {
    const found = at && this.nearest(at.x, at.y);
    this.context.selection.hover(found?.curve.trial ?? null);
    if (!found) {
      return '';
    }
    const { curve, index } = found;
    const row = this.row(curve);
    const value = formatMetric(curve.value(index, this.metric));
    const said = `epoch ${index + 1}: ${value}`;
    return row === undefined ? said : `${titleOf(this.context.store, row)}\n${said}`;
  }

  /** The curve whose point at the pointer's epoch is nearest. */
  private nearest(x: number, y: number): { curve: Curve; index: number } | null {
    const epoch = Math.round(this.plane.fromX(x));
    let found = null;
    let distance = NEAR_PX * devicePixelRatio;
    for (const curve of this.drawn) {
      const index = curve.indexOf(epoch);
      if (index < 0 || index + 1 !== epoch) {
        continue;
      }
      const away = Math.abs(this.plane.toY(curve.value(index, this.metric)) - y);
      if (away < distance) {
        distance = away;
        found = { curve, index };
      }
    }
    return found;
  }

  private row(curve: Curve): TrialRow | undefined {
    return this.context.store.rows.get(curve.trial);
  }
}

export const curves: ChartType = {
  id: 'curves',
  label: 'Curves',
  make: context => new Curves(context)
};
