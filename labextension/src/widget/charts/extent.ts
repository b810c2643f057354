/** What part of the numbers a chart shows. */

export interface Range {
  min: number;
  max: number;
}

const SAMPLE = 2000;
const MARGIN = 0.08;
// How far from the middle nine tenths a number may be and still belong to the picture.
const REACH = 3;

/** Collects numbers, keeps their ends and an even sample of them. */
export class Extent {
  min = Infinity;
  max = -Infinity;
  private readonly sample: number[] = [];
  private seen = 0;
  private stride = 1;

  add(value: number): void {
    if (!Number.isFinite(value)) {
      return;
    }
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
    if (this.seen++ % this.stride === 0) {
      this.sample.push(value);
      if (this.sample.length === SAMPLE) {
        this.halve();
      }
    }
  }

  /**
   * The range to show: all of it, unless a few numbers are so far away that they would
   * press the others flat.
   */
  range(): Range | null {
    if (this.min > this.max) {
      return null;
    }
    const sorted = Float64Array.from(this.sample).sort();
    const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
    const spread = at(0.95) - at(0.05);
    const reach = spread > 0 ? REACH * spread : Infinity;
    const min = Math.max(this.min, at(0.05) - reach);
    const max = Math.min(this.max, at(0.95) + reach);
    const pad = max > min ? (max - min) * MARGIN : Math.abs(max) * MARGIN || 0.5;
    return { min: min - pad, max: max + pad };
  }

  private halve(): void {
    for (let i = 0; 2 * i < this.sample.length; i++) {
      this.sample[i] = this.sample[2 * i] ?? 0;
    }
    this.sample.length = SAMPLE / 2;
    this.stride *= 2;
  }
}

/** Keep the range of before while the new one fills most of it: a calm picture. */
export function steady(before: Range | null, next: Range | null): Range {
  if (next === null) {
    return { min: 0, max: 1 };
  }
  if (before === null) {
    return next;
  }
  const holds = before.min <= next.min && next.max <= before.max;
  const filled = (next.max - next.min) / (before.max - before.min);
  return holds && filled > 0.7 ? before : next;
}

const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The next round number, so that an axis does not move with each epoch. */
export function roundUp(value: number): number {
  if (!(value > 0)) {
    return 1;
  }
  const unit = 10 ** Math.floor(Math.log10(value));
  const step = STEPS.find(factor => factor * unit >= value * (1 - 1e-9)) ?? 10;
  return step * unit;
}
