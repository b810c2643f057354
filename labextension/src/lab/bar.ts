import { Widget } from '@lumino/widgets';

/** The line above a saved view: what it is, and a button that brings it to life. */
export class SavedBar extends Widget {
  /**
   * @param attach - Called by the button; it rejects with what is to be shown.
   */
  constructor(
    run: string,
    private readonly attach: () => Promise<void>
  ) {
    super();
    this.addClass('notebook-automl-saved');
    const text = document.createElement('span');
    text.className = 'notebook-automl-saved-text';
    text.textContent = `Saved view of run ${run}.`;
    this.button.type = 'button';
    this.button.textContent = 'Attach';
    this.button.title = 'Show the run as it is now';
    this.button.addEventListener('click', () => void this.onClick());
    this.alert.setAttribute('role', 'alert');
    this.node.append(text, this.button, this.alert);
  }

  /** Offer the button: a kernel is there. */
  set canAttach(possible: boolean) {
    this.button.hidden = !possible;
  }

  private async onClick(): Promise<void> {
    this.button.disabled = true;
    this.button.textContent = 'Attaching…';
    this.button.setAttribute('aria-busy', 'true');
    this.alert.textContent = '';
    try {
      await this.attach();
    } catch (error) {
      this.alert.textContent = error instanceof Error ? error.message : String(error);
    }
    this.button.disabled = false;
    this.button.textContent = 'Attach';
    this.button.removeAttribute('aria-busy');
  }

  private readonly button = document.createElement('button');
  private readonly alert = document.createElement('div');
}
