/** How trials look, in all charts alike: the better, the brighter. */

import type { Store } from '../store';
import type { Theme } from '../theme';
import type { TrialRow } from '../../messages';

export interface Ink {
  colour: string;
  alpha: number;
  width: number;
}

// Of few trials all may be seen well; of many only the first ones stand out.
const BRIGHT = 30;
const MOST_ALPHA = 0.8;

/** How the curve of a trial is drawn. */
export function inkOf(store: Store, row: TrialRow | undefined, theme: Theme): Ink {
  if (row === undefined || row.state === 'running') {
    return { colour: theme.running, alpha: 0.9, width: 1.5 };
  }
  const place = store.place(row.trial);
  if (place === 1) {
    return { colour: theme.best, alpha: 1, width: 2.5 };
  }
  const crowd = Math.min(1, 8 / Math.max(1, store.rows.size));
  if (row.state !== 'completed' || place === null) {
    return { colour: theme.dim, alpha: Math.max(0.15, 0.5 * crowd), width: 1 };
  }
  const faintest = Math.max(0.14, 0.3 * crowd);
  const depth = Math.max(8, Math.min(BRIGHT, store.ranked));
  const share = Math.max(0, 1 - (place - 1) / depth);
  const alpha = faintest + (MOST_ALPHA - faintest) * share ** 3;
  return { colour: theme.good, alpha, width: place <= 5 ? 1.5 : 1 };
}

export function applyInk(context: CanvasRenderingContext2D, ink: Ink): void {
  context.strokeStyle = ink.colour;
  context.fillStyle = ink.colour;
  context.globalAlpha = ink.alpha;
  context.lineWidth = ink.width * devicePixelRatio;
  context.lineJoin = 'round';
}

/**
 * A trial's name at a point: right of it if there is room, above it otherwise.
 *
 * @param box Where the axes enclose, in the canvas's pixels.
 */
export function nameTrial(
  context: CanvasRenderingContext2D,
  text: string,
  at: { x: number; y: number; above: boolean },
  box: { left: number; top: number; width: number; height: number },
  theme: Theme
): void {
  const ratio = devicePixelRatio;
  context.globalAlpha = 1;
  context.font = `600 ${11 * ratio}px ${theme.font}`;
  context.lineWidth = 4 * ratio;
  context.strokeStyle = theme.surface;
  context.fillStyle = theme.text;
  context.textBaseline = 'middle';
  const beside = at.x + 9 * ratio;
  const room = box.left + box.width - beside;
  const width = context.measureText(text).width;
  const fits = !at.above && width < room;
  context.textAlign = fits || at.x - width < box.left ? 'left' : 'right';
  const x = fits ? beside : Math.min(at.x, box.left + box.width);
  const y = Math.max(fits ? at.y : at.y - 14 * ratio, box.top + 7 * ratio);
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
