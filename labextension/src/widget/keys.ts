/** Keys that are meant for the widget, and those that are JupyterLab's. */

// Lumino runs no command for a key inside an element with this attribute.
const SUPPRESS = 'data-lm-suppress-shortcuts';

// With Ctrl or Cmd these edit the text in a field, and without one the notebook.
const EDITING = ['a', 'c', 'v', 'x', 'y', 'z'];

/** Saving, running a cell and the like still work with the focus in the widget. */
function isOurs(event: KeyboardEvent): boolean {
  const control = event.ctrlKey || event.metaKey;
  if (control && event.target instanceof HTMLInputElement) {
    return EDITING.includes(event.key.toLowerCase());
  }
  const runs = event.shiftKey && event.key === 'Enter';
  return !(control || event.altKey || runs);
}

/**
 * Keep plain keys from JupyterLab: typing `dd` in a list would delete the cell.
 *
 * @param el The widget's root.
 * @returns What ends it.
 */
export function keepKeys(el: HTMLElement): () => void {
  // The window hears a key before the document, where Lumino listens.
  const before = (event: KeyboardEvent) => {
    if (event.target instanceof Node && el.contains(event.target)) {
      el.toggleAttribute(SUPPRESS, isOurs(event));
    }
  };
  const after = (event: KeyboardEvent) => {
    if (isOurs(event)) {
      event.stopPropagation();
    }
  };
  // JupyterLab takes the undo of any field in a notebook for that of a cell.
  const keepUndo = (event: InputEvent) => {
    const ours = event.target instanceof Node && el.contains(event.target);
    if (ours && event.inputType.startsWith('history')) {
      event.stopImmediatePropagation();
    }
  };
  window.addEventListener('keydown', before, true);
  el.addEventListener('keydown', after);
  window.addEventListener('beforeinput', keepUndo, true);
  return () => {
    window.removeEventListener('keydown', before, true);
    el.removeEventListener('keydown', after);
    window.removeEventListener('beforeinput', keepUndo, true);
  };
}
