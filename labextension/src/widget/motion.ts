/** Rows that change places glide there, so that the eye can follow. */

const MOST_ROWS = 60;
const GLIDE_MS = 250;

/**
 * Change the order of rows.
 *
 * @param body Holds the rows, which name their trial.
 * @param trials The order that comes of it.
 * @param change Brings the rows into that order.
 */
export function moveSmoothly(
  body: HTMLElement,
  trials: readonly number[],
  change: () => void
): void {
  const rows = Array.from(body.children) as HTMLElement[];
  const same = rows.map(row => row.dataset['trial']).join() === trials.join();
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (same || calm || rows.length === 0 || trials.length > MOST_ROWS) {
    change();
    return;
  }
  const before = new Map(rows.map(row => [row, row.offsetTop]));
  change();
  const after = Array.from(body.children) as HTMLElement[];
  const moves = after.map(row => (before.get(row) ?? row.offsetTop) - row.offsetTop);
  after.forEach((row, i) => {
    const move = moves[i] ?? 0;
    if (move !== 0) {
      const from = { transform: `translateY(${move}px)` };
      const to = { transform: 'none' };
      row.animate([from, to], { duration: GLIDE_MS, easing: 'ease-out' });
    }
  });
}
