import type { ISharedCell } from '@jupyter/ydoc';

const KEY = 'notebook_automl';

/** What a cell that we wrote carries in its metadata. */
export interface Mark {
  export: string;
  part: string;
  /** Of the source as we last wrote it. */
  hash: string;
}

/** 32-bit FNV-1a over UTF-8; crypto.subtle is missing on pages without HTTPS. */
export function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  }
  return value.toString(16).padStart(8, '0');
}

/** The metadata of a cell that we write. */
export function marked(owner: string, part: string, source: string) {
  return {
    tags: ['notebook-automl'],
    [KEY]: { export: owner, part, hash: hash(source) }
  };
}

/** The mark of a cell; null if we did not write it. */
export function markOf(cell: ISharedCell): Mark | null {
  return asMark(cell.getMetadata(KEY));
}

/** Metadata come from a file, which anybody may have written. */
export function asMark(value: unknown): Mark | null {
  const { export: owner, part, hash } = (value ?? {}) as Record<string, unknown>;
  return typeof owner === 'string' &&
    typeof part === 'string' &&
    typeof hash === 'string'
    ? { export: owner, part, hash }
    : null;
}

/** Whether somebody changed the cell since we wrote it. */
export function isEdited(cell: ISharedCell, mark: Mark): boolean {
  return hash(cell.getSource()) !== mark.hash;
}

/** Set the source of a cell of ours and remember it as written by us. */
export function rewrite(cell: ISharedCell, source: string): void {
  const mark = markOf(cell);
  if (cell.getSource() !== source) {
    cell.setSource(source);
  }
  if (mark !== null && mark.hash !== hash(source)) {
    cell.setMetadata(KEY, { ...mark, hash: hash(source) });
  }
}
