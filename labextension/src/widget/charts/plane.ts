/**
 * Two axes, a pointer and a place to draw. uPlot makes axes, scales and pointer; what
 * is drawn between the axes is ours, as a series for each of 500 trials would be slow.
 */

import uPlot from 'uplot';

import { h, setText, show } from '../dom';

import type { Range } from './extent';
import type { Theme } from '../theme';

export interface PlaneOptions {
  height: number;
  theme: () => Theme;
  /** Draw on uPlot's canvas, inside the axes. */
  draw: (plane: Plane) => void;
  /** Draw what follows the pointer, on a layer above. */
  overlay: (plane: Plane, context: CanvasRenderingContext2D) => void;
  /** The pointer moved, or left (null); in canvas pixels. Answers with what to say. */
  point: (at: { x: number; y: number } | null) => string;
  /** The pointer pressed. */
  press: () => void;
  formatX: (value: number) => string;
  formatY: (value: number) => string;
  xLabel: () => string;
  /** Steps that the x axis may have. */
  stepsX: () => number[];
}

const AXIS_FONT_PX = 11;

export class Plane {
  readonly element = h('div', { class: 'automl-plane', role: 'img' });
  x: Range = { min: 0, max: 1 };
  y: Range = { min: 0, max: 1 };
  private readonly layer = h('canvas', { class: 'automl-layer' });
  private readonly tip = h('div', { class: 'automl-tip', hidden: true });
  private plot: uPlot | null = null;
  private width = 0;
  private moved = 0;

  constructor(private readonly options: PlaneOptions) {}

  /** Where the axes enclose, in pixels of the canvas. */
  get box(): uPlot.BBox {
    return this.plot?.bbox ?? { left: 0, top: 0, width: 0, height: 0 };
  }

  get context(): CanvasRenderingContext2D | null {
    return this.plot?.ctx ?? null;
  }

  /** From a number to a pixel of the canvas. */
  toX(value: number): number {
    const { left, width } = this.box;
    return left + ((value - this.x.min) / (this.x.max - this.x.min)) * width;
  }

  toY(value: number): number {
    const { top, height } = this.box;
    return top + height - ((value - this.y.min) / (this.y.max - this.y.min)) * height;
  }

  /** From a pixel of the canvas to a number. */
  fromX(pixel: number): number {
    const { left, width } = this.box;
    return this.x.min + ((pixel - left) / width) * (this.x.max - this.x.min);
  }

  /** Show these ranges and draw anew. */
  draw(width: number, x: Range, y: Range): void {
    this.x = x;
    this.y = y;
    if (this.plot === null) {
      this.plot = new uPlot(this.settings(width), this.data(), this.element);
      this.plot.over.append(this.layer, this.tip);
      this.plot.over.addEventListener('click', this.options.press);
    } else if (width !== this.width) {
      this.plot.setSize({ width, height: this.options.height });
    }
    this.width = width;
    this.plot.setData(this.data());
  }

  /** Draw the layer above anew. */
  drawOverlay(): void {
    const { left, top, width, height } = this.box;
    if (this.layer.width !== width || this.layer.height !== height) {
      this.layer.width = width;
      this.layer.height = height;
    }
    const context = this.layer.getContext('2d');
    if (context !== null && this.plot !== null) {
      context.clearRect(0, 0, width, height);
      context.save();
      context.translate(-left, -top);
      this.options.overlay(this, context);
      context.restore();
    }
  }

  dispose(): void {
    cancelAnimationFrame(this.moved);
    this.plot?.destroy();
  }

  // uPlot needs a series to have scales; it draws nothing.
  private data(): uPlot.AlignedData {
    return [
      [this.x.min, this.x.max],
      [this.y.min, this.y.max]
    ];
  }

  private settings(width: number): uPlot.Options {
    const { formatX, formatY, xLabel, stepsX } = this.options;
    return {
      width,
      height: this.options.height,
      padding: [12, 20, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [this.x.min, this.x.max] },
        y: { range: () => [this.y.min, this.y.max] }
      },
      series: [{}, { paths: () => null, points: { show: false } }],
      axes: [
        {
          ...this.axis(),
          label: xLabel,
          labelSize: 18,
          labelGap: 0,
          space: 60,
          size: 26,
          incrs: stepsX,
          values: (_, splits) => splits.map(formatX)
        },
        {
          ...this.axis(),
          space: 36,
          // uPlot asks once before there are values, against its own types.
          size: (_, values: string[] | null) =>
            16 + 6.5 * Math.max(0, ...(values ?? []).map(length)),
          values: (_, splits) => splits.map(formatY)
        }
      ],
      hooks: {
        draw: [() => this.options.draw(this), () => this.drawOverlay()],
        setCursor: [() => this.move()]
      }
    };
  }

  private axis(): uPlot.Axis {
    const { theme } = this.options;
    const font = `${AXIS_FONT_PX}px ${theme().font}`;
    return {
      stroke: () => theme().muted,
      font,
      labelFont: font,
      gap: 6,
      ticks: { show: false },
      grid: { stroke: () => theme().grid, width: 1 }
    };
  }

  private move(): void {
    if (this.moved === 0) {
      this.moved = requestAnimationFrame(() => {
        this.moved = 0;
        this.follow();
      });
    }
  }

  private follow(): void {
    const { left = -1, top = -1 } = this.plot?.cursor ?? {};
    const inside = left >= 0 && top >= 0;
    const ratio = devicePixelRatio;
    const said = this.options.point(
      inside ? { x: this.box.left + left * ratio, y: this.box.top + top * ratio } : null
    );
    show(this.tip, said !== '');
    if (said !== '') {
      setText(this.tip, said);
      const room = this.box.width / ratio;
      const flip = left > room / 2;
      this.tip.style.left = flip ? 'auto' : `${left + 12}px`;
      this.tip.style.right = flip ? `${room - left + 12}px` : 'auto';
      this.tip.style.top = `${Math.max(0, top - 14)}px`;
    }
  }
}

/** Steps for an axis of whole numbers. */
export const WHOLE = [1, 2, 5, 1e1, 2e1, 5e1, 1e2, 2e2, 5e2, 1e3, 2e3, 5e3, 1e4, 1e5];

/** Steps for an axis of seconds. */
export const SECONDS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map(minutes => minutes * 60),
  ...[1, 2, 4, 8, 12, 24, 48, 96, 192].map(hours => hours * 3600)
];

function length(text: string): number {
  return text.length;
}
