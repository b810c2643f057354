/** Keys that are meant for the widget, and those that are JupyterLab's. */

// Lumino runs no command for a key inside an element with this attribute.
const SUPPRESS = 'data-lm-suppress-shortcuts';

/** Saving, running a cell and the like still work with the focus in the widget. */
function isOurs(event: KeyboardEvent): boolean {
  const runs = event.shiftKey && event.key === 'Enter';
  return !(event.ctrlKey || event.metaKey || event.altKey || runs);
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
  window.addEventListener('keydown', before, true);
  el.addEventListener('keydown', after);
  return () => {
    window.removeEventListener('keydown', before, true);
    el.removeEventListener('keydown', after);
  };
}
