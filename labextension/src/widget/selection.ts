/** Which trial the person looks at; leaderboard, charts and buttons share it. */

import type { Store } from './store';
import type { TrialChoice } from '../messages';

export class Selection {
  /** Chosen by the person; null follows the best. */
  chosen: number | null = null;
  /** Under the pointer or the keyboard's focus. */
  hovered: number | null = null;

  private readonly listeners: (() => void)[] = [];

  constructor(private readonly store: Store) {}

  /** The trial that insert and export mean, as a number. */
  get trial(): number | null {
    return this.chosen ?? this.store.best?.trial ?? null;
  }

  get choice(): TrialChoice {
    return this.chosen ?? 'best';
  }

  choose(trial: number | null): void {
    if (this.chosen !== trial) {
      this.chosen = trial;
      this.tell();
    }
  }

  /** Choose a trial, or go back to the best if it is chosen already. */
  toggle(trial: number): void {
    this.choose(this.chosen === trial ? null : trial);
  }

  hover(trial: number | null): void {
    if (this.hovered !== trial) {
      this.hovered = trial;
      this.tell();
    }
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  private tell(): void {
    this.listeners.forEach(listener => listener());
  }
}
