/** Small helpers for elements; text only ever becomes a text node. */

type Attributes = Record<string, string | number | boolean | null | undefined>;

/** Make an element; `true` sets an attribute without a value, others that are unset are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    setAttribute(element, name, value);
  }
  element.append(...children);
  return element;
}

/** Set or remove an attribute; nothing is touched if it is so already. */
export function setAttribute(
  element: Element,
  name: string,
  value: string | number | boolean | null | undefined
): void {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) {
      element.removeAttribute(name);
    }
    return;
  }
  const text = value === true ? '' : String(value);
  if (element.getAttribute(name) !== text) {
    element.setAttribute(name, text);
  }
}

/** Set an element's text; nothing is touched if it is so already. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Show or hide an element. */
export function show(element: HTMLElement, shown: boolean): void {
  if (element.hidden === shown) {
    element.hidden = !shown;
  }
}

let made = 0;

/** An id for `for` and `aria-describedby` that no other view in the page has. */
export function uniqueId(prefix: string): string {
  made += 1;
  return `automl-${prefix}-${made}`;
}

/** Random enough for a request; crypto.randomUUID is missing where the page is not secure. */
export function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}
