// What keys mean in a table: rows by arrows and page keys, cells by the right arrow, and in a tree grid folding first
// (ARIA Authoring Practices, "Treegrid Pattern").

import type { ListedRow } from './rows.ts';

/** Where the cursor is. */
export interface Cursor {
  /** -1: nowhere. */
  readonly index: number;
  /** Undefined: on the row as a whole. */
  readonly column: number | undefined;
  readonly item:
    | (Pick<ListedRow<unknown>, 'key'> & Partial<Pick<ListedRow<unknown>, 'expanded' | 'parent'>>)
    | undefined;
  /** Rows that a page key moves by. */
  readonly page: number;
}

export type Meaning =
  /** May lie beyond the first or last row. */
  | { readonly to: 'row'; readonly index: number }
  | { readonly to: 'parent'; readonly key: string }
  /** May lie beyond the last column; -1 is the row as a whole. */
  | { readonly to: 'column'; readonly column: number }
  | { readonly to: 'fold'; readonly key: string }
  | { readonly to: 'enter' }
  | { readonly to: 'menu' }
  /** Of the table, but without effect here. */
  | { readonly to: 'nowhere' };

/** Undefined when the key is none of the table's. */
export function meaningOf(key: string, shift: boolean, cursor: Cursor): Meaning | undefined {
  const { index, item, page } = cursor;
  switch (key) {
    case 'ArrowDown':
      return { to: 'row', index: index + 1 };
    case 'ArrowUp':
      return { to: 'row', index: index - 1 };
    case 'PageDown':
      return { to: 'row', index: index + page };
    case 'PageUp':
      return { to: 'row', index: index - page };
    case 'Home':
      return { to: 'row', index: 0 };
    case 'End':
      return { to: 'row', index: Number.POSITIVE_INFINITY };
    case 'ArrowRight':
      return right(cursor);
    case 'ArrowLeft':
      return left(cursor);
    case 'Enter':
      return { to: 'enter' };
    case ' ':
      return item?.expanded === undefined ? undefined : { to: 'fold', key: item.key };
    case 'ContextMenu':
      return { to: 'menu' };
    case 'F10':
      return shift ? { to: 'menu' } : undefined;
    default:
      return undefined;
  }
}

function right({ item, column }: Cursor): Meaning {
  if (!item) return { to: 'nowhere' };
  if (item.expanded === false && column === undefined) return { to: 'fold', key: item.key };
  return { to: 'column', column: (column ?? -1) + 1 };
}

function left({ item, column }: Cursor): Meaning {
  if (!item) return { to: 'nowhere' };
  if (column !== undefined) return { to: 'column', column: column - 1 };
  if (item.expanded) return { to: 'fold', key: item.key };
  return item.parent === undefined ? { to: 'nowhere' } : { to: 'parent', key: item.parent };
}
