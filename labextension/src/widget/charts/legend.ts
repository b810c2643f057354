/** What the strokes of a chart mean, in one line. */

import { h } from '../dom';

const MEANINGS = {
  best: 'best',
  finished: 'finished, the better the brighter',
  running: 'running',
  dim: 'stopped, pruned or failed',
  'so-far': 'best so far',
  trial: 'a finished trial',
  stopped: 'a stopped trial',
  baseline: 'the best baseline'
};

export type Entry = keyof typeof MEANINGS;

export class Legend {
  readonly element = h('div', { class: 'automl-legend', 'aria-hidden': 'true' });

  constructor(entries: Entry[]) {
    for (const entry of entries) {
      const stroke = h('i', { class: `automl-stroke automl-stroke-${entry}` });
      this.element.append(h('span', {}, stroke, MEANINGS[entry]));
    }
  }
}
