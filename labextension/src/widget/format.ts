/** Numbers, times and names as a person reads them. */

import type { JSONNumber, TrialRow } from '../messages';

const GROUPED = new Intl.NumberFormat('en-US');

/** From JSON's spelling to a number; what is missing is NaN. */
export function toNumber(value: JSONNumber | null | undefined): number {
  switch (value) {
    case 'inf':
      return Infinity;
    case '-inf':
      return -Infinity;
    case 'nan':
    case null:
    case undefined:
      return NaN;
    default:
      return value;
  }
}

/** A metric; four decimals wherever they fit, so that columns line up. */
export function formatMetric(value: number): string {
  if (Number.isNaN(value)) {
    return 'NaN';
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? '∞' : '−∞';
  }
  const size = Math.abs(value);
  const far = size !== 0 && (size >= 1e6 || size < 1e-3);
  const text = far
    ? value.toExponential(3)
    : value.toFixed(size >= 1000 ? 1 : size >= 100 ? 2 : 4);
  return text.replace('-', '−');
}

/** A metric that may be missing, which is shown as nothing; with its spread, if any. */
export function formatScore(
  value: JSONNumber | null,
  spread: JSONNumber | null = null
): string {
  if (value === null) {
    return '';
  }
  const after = spread === null ? '' : ` ± ${formatMetric(toNumber(spread))}`;
  return formatMetric(toNumber(value)) + after;
}

export function formatCount(value: number): string {
  return GROUPED.format(value);
}

/** A value of the search space: short, but never ambiguous. */
export function formatValue(value: TrialRow['values'][string]): string {
  if (value === 'inf' || value === '-inf' || value === 'nan') {
    return formatMetric(toNumber(value));
  }
  if (typeof value !== 'number') {
    return value === null ? 'none' : String(value);
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e9) {
    return String(value).replace('-', '−');
  }
  const text = String(Number(value.toPrecision(4)));
  return text.replace('-', '−');
}

/** 151 is 2:31, 3751 is 1:02:31. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

/** How long a trial took: tenths below a minute, a clock above. */
export function formatSeconds(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : formatClock(seconds);
}

/** One trial, 2 trials. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Cut in the middle: the beginning and the end of a name tell most. */
export function shorten(text: string, most: number): string {
  const signs = Array.from(text.slice(0, 4 * most + 4).replace(/\s+/g, ' '));
  if (signs.length <= most && text.length <= 4 * most) {
    return signs.join('');
  }
  const head = Math.ceil((most - 1) * 0.6);
  const tail = Array.from(text.slice(-2 * most)).slice(1 + head - most);
  return `${signs.slice(0, head).join('')}…${tail.join('')}`;
}

/** Paths such as `image/dense_block_1/units` by as few last parts as tell them apart. */
export function shortNames(paths: readonly string[], least: number): string[] {
  const parts = paths.map(path => path.split('/').filter(part => part !== ''));
  const ends = (count: number) => parts.map(each => each.slice(-count).join('/'));
  return paths.map((path, at) => {
    for (let count = least; count < (parts[at]?.length ?? 0); count++) {
      const names = ends(count);
      const name = names[at];
      if (name !== undefined && names.indexOf(name) === names.lastIndexOf(name)) {
        return name;
      }
    }
    return path;
  });
}
