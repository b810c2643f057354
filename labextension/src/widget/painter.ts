/** When to draw: at most ten times a second, and never what nobody sees. */

const INTERVAL_MS = 100;

export class Painter {
  private dirty = false;
  private frame = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private drawn_ms = -Infinity;
  private onScreen = true;
  private readonly observer: IntersectionObserver;

  constructor(
    el: HTMLElement,
    private readonly paint: () => void
  ) {
    this.observer = new IntersectionObserver(entries => {
      this.onScreen = entries.at(-1)?.isIntersecting ?? true;
      this.wake();
    });
    this.observer.observe(el);
    document.addEventListener('visibilitychange', this.wake);
  }

  /** Whether anybody can see it. */
  get visible(): boolean {
    return this.onScreen && !document.hidden;
  }

  /** Draw with the next frame that is due; `now` does not wait for the interval. */
  request(now = false): void {
    this.dirty = true;
    if (now) {
      this.drawn_ms = -Infinity;
      clearTimeout(this.timer);
      this.timer = undefined;
    }
    this.wake();
  }

  dispose(): void {
    this.observer.disconnect();
    document.removeEventListener('visibilitychange', this.wake);
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
  }

  private readonly wake = (): void => {
    if (!this.dirty || !this.visible || this.frame !== 0 || this.timer !== undefined) {
      return;
    }
    const wait_ms = this.drawn_ms + INTERVAL_MS - performance.now();
    if (wait_ms > 0) {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.wake();
      }, wait_ms);
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.dirty = false;
      this.drawn_ms = performance.now();
      this.paint();
    });
  };
}
