/** Insert and export, for the trial that is selected. */

import { Action } from './action';
import { h } from './dom';
import { isFinished, nameOf } from './rank';

import type { StatusLine } from './action';
import type { Link } from './link';
import type { Selection } from './selection';
import type { Store } from './store';

export class TrialControls {
  readonly element = h('div', {
    class: 'automl-controls',
    role: 'group',
    'aria-label': 'The selected trial'
  });
  private readonly insert: Action;
  private readonly export: Action;

  constructor(
    private readonly store: Store,
    private readonly selection: Selection,
    link: Link,
    say: StatusLine
  ) {
    const tell = (text: string, ok: boolean) => {
      say.say(text, ok);
      this.update();
    };
    this.insert = new Action(link, tell, () => ({
      request: { do: 'insert', trial: selection.choice },
      busy: 'Inserting…'
    }));
    this.export = new Action(link, tell, () => ({
      request: { do: 'export', trial: selection.choice },
      busy: 'Exporting…'
    }));
    this.insert.button.classList.add('automl-primary');
    this.element.append(this.insert.button, this.export.button);
  }

  update(): void {
    const why = this.why();
    this.insert.update(
      'Insert code',
      why,
      'The trial as plain Keras code in cells below'
    );
    this.export.update(
      'Export notebook',
      why || this.withoutModel(),
      'The trial as a notebook of its own'
    );
  }

  /** Why a finished trial is no notebook: that holds the numbers of its model. */
  private withoutModel(): string {
    const { trial } = this.selection;
    // Below 0 stand baselines, whose notebooks need no model, and the ensemble.
    const kept = trial === null || this.store.run?.models.includes(trial);
    return kept || trial < 0
      ? ''
      : `The models of the best trials alone are kept, not that of trial ${trial}: ` +
          'insert its code';
  }

  private why(): string {
    if (this.store.run?.status === 'deleted') {
      return 'The run is deleted';
    }
    const { trial } = this.selection;
    const row = trial === null ? undefined : this.store.rows.get(trial);
    if (row === undefined) {
      return 'No trial is finished yet';
    }
    return isFinished(row) ? '' : `${nameOf(row)} is ${row.state}: it has no result`;
  }
}
