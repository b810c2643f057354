/** What stands in a field: from text to what is sent, and when it may be replaced. */

import type { Field, FieldValue } from '../messages';

/** What a text means to the kernel; what is no number goes as it is, to be refused. */
export function parseValue(kind: Field['kind'], text: string): FieldValue | null {
  const trimmed = text.trim();
  if (trimmed === '') {
    return null;
  }
  if (kind !== 'int' && kind !== 'float') {
    return text;
  }
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}

/** What the kernel's value looks like in a field. */
export function valueText(value: FieldValue | null): string {
  return value === null ? '' : String(value);
}

/** What is known when the kernel tells a field's value. */
export interface FieldMoment {
  /** The person typed since the last message was sent. */
  typing: boolean;
  /** Messages that the kernel has not answered yet. */
  waiting: number;
  focused: boolean;
  /** What the kernel says is wrong with the value. */
  error: string;
  /** What was sent last, as text; null if nothing was. */
  sent: string | null;
  /** What stands in the field, and what it means. */
  text: string;
  typed: FieldValue | null;
}

/** Whether the kernel's value may replace what stands in the field. */
export function mayReplace(moment: FieldMoment, value: FieldValue | null): boolean {
  if (moment.typing || moment.waiting > 0 || valueText(value) === moment.text) {
    return false;
  }
  if (moment.error !== '' && moment.text === moment.sent) {
    return false; // what was typed stays, beside what is wrong with it
  }
  // 5.0 on its way to 5.05 must not become 5.
  return !moment.focused || moment.typed !== value;
}
