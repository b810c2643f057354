/** A shape for each state, so that nothing is told by colour alone. */

import { h, setAttribute } from './dom';

import type { RunStatus, TrialState } from '../messages';

export type State = RunStatus | TrialState;

const SVG = 'http://www.w3.org/2000/svg';

// On a square of 12: filled where the path is closed, a line otherwise.
const PATHS: Record<State, string> = {
  starting: 'M6 1.6a4.4 4.4 0 1 0 .01 0M6 3.8v2.5l1.6 1',
  running: 'M3.5 2.2 10 6 3.5 9.8Z',
  paused: 'M3 2.5h2.2v7H3ZM6.8 2.5H9v7H6.8Z',
  completed: 'M2.2 6.4 5 9.2 9.8 3.4',
  stopped: 'M3 3h6v6H3Z',
  pruned: 'M2.5 6h7',
  skipped: 'M2.5 3 6 6 2.5 9M6.5 3 10 6 6.5 9',
  failed: 'M3 3l6 6M9 3l-6 6',
  interrupted: 'M6 2v5M6 9.2v.6',
  deleted: 'M3 9l6-6'
};

/** A state as a shape and its name; `set` changes it. */
export class StateMark {
  readonly element = h('span', { class: 'automl-state' });
  private readonly path = document.createElementNS(SVG, 'path');
  private readonly text = h('span');

  constructor() {
    const svg = document.createElementNS(SVG, 'svg');
    setAttribute(svg, 'viewBox', '0 0 12 12');
    setAttribute(svg, 'aria-hidden', 'true');
    svg.append(this.path);
    this.element.append(svg, this.text);
  }

  set(state: State): void {
    if (this.element.dataset['state'] === state) {
      return;
    }
    this.element.dataset['state'] = state;
    const path = PATHS[state];
    this.path.setAttribute('d', path);
    this.path.setAttribute('class', path.endsWith('Z') ? 'filled' : 'line');
    this.text.textContent = state;
  }
}
