// What a table does with its rows before it draws any: order, filter, unfold, compare, copy. Pure functions.

/** A column; `text` is what is shown, filtered, copied and compared unless something else is given. */
export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly text: (row: Row) => string;
  /** What is shown instead of the text: a template, for links and chips. */
  readonly render?: (row: Row) => unknown;
  /** Orders rows; without it the text does, numbers in it by value. `false`: this column cannot sort. */
  readonly sortValue?: ((row: Row) => string | number | bigint) | false;
  /** In characters. Without it as wide as the widest text, within bounds. */
  readonly width?: number;
  /** Takes what is left of the width. */
  readonly grow?: boolean;
  readonly align?: 'end';
  readonly mono?: boolean;
  /** Explains the column, as a tooltip of its head. */
  readonly hint?: string;
}

export interface SortOrder {
  readonly column: string;
  readonly descending: boolean;
}

/** A row as it is listed: at its depth in the tree, with what can be unfolded below it. */
export interface ListedRow<Row> {
  readonly row: Row;
  readonly key: string;
  readonly level: number;
  /** Undefined for leaves. */
  readonly expanded: boolean | undefined;
  /** Key of the row above it in the tree. */
  readonly parent: string | undefined;
}

export interface Listing<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  readonly children?: ((row: Row) => readonly Row[] | undefined) | undefined;
  readonly isExpanded?: (key: string) => boolean;
  readonly sort?: SortOrder | undefined;
  readonly filter?: string;
}

/** Rows in the order in which they are shown. A filter keeps the rows above its matches and unfolds them. */
export function listed<Row>(listing: Listing<Row>): ListedRow<Row>[] {
  const { columns, rowKey, children, isExpanded = () => false } = listing;
  const words = wordsOf(listing.filter);
  const compare = comparison(columns, listing.sort);
  const result: ListedRow<Row>[] = [];

  const list = (rows: readonly Row[], level: number, parent: string | undefined, all: boolean): boolean => {
    let found = false;
    for (const row of compare ? rows.toSorted(compare) : rows) {
      const key = rowKey(row);
      const below = children?.(row);
      const matches = all || matchesWords(row, columns, words);
      const at = result.length;
      // With a filter what lies below has to be looked at, whether unfolded or not.
      const filtering = words.length > 0 && !matches;
      const expanded = below === undefined ? undefined : filtering || isExpanded(key);
      result.push({ row, key, level, expanded, parent });
      const foundBelow = below && (expanded || filtering) ? list(below, level + 1, key, matches) : false;
      if (matches || foundBelow) found = true;
      else result.length = at;
    }
    return found;
  };
  list(listing.rows, 1, undefined, words.length === 0);
  return result;
}

const wordsOf = (filter: string | undefined): string[] =>
  (filter ?? '').toLowerCase().split(/\s+/).filter(Boolean);

function matchesWords<Row>(row: Row, columns: readonly Column<Row>[], words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = columns
    .map((column) => column.text(row))
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

type Comparison<Row> = (a: Row, b: Row) => number;

const natural = new Intl.Collator('en', { numeric: true });

function comparison<Row>(
  columns: readonly Column<Row>[],
  sort: SortOrder | undefined,
): Comparison<Row> | undefined {
  const column = columns.find(({ key }) => key === sort?.column);
  if (!sort || !column || column.sortValue === false) return undefined;
  const valueOf = column.sortValue ?? column.text;
  const sign = sort.descending ? -1 : 1;
  return (a, b) => sign * compareValues(valueOf(a), valueOf(b));
}

function compareValues(a: string | number | bigint, b: string | number | bigint): number {
  if (typeof a === 'string' && typeof b === 'string') {
    if (isHex(a) && isHex(b)) return compareValues(BigInt(a), BigInt(b));
    return natural.compare(a, b);
  }
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const isHex = (text: string): boolean => /^0x[0-9a-f]{1,32}$/i.test(text);

/** All rows by key, those that are folded away included. */
export function rowsByKey<Row>({
  rows,
  rowKey,
  children,
}: Pick<Listing<Row>, 'rows' | 'rowKey' | 'children'>): Map<string, Row> {
  const result = new Map<string, Row>();
  const add = (some: readonly Row[]): void => {
    for (const row of some) {
      result.set(rowKey(row), row);
      const below = children?.(row);
      if (below) add(below);
    }
  };
  add(rows);
  return result;
}

/** Keys of the rows above one, the outermost first; undefined when there is no such row. */
export function pathTo<Row>(
  wanted: string,
  { rows, rowKey, children }: Pick<Listing<Row>, 'rows' | 'rowKey' | 'children'>,
): string[] | undefined {
  const search = (some: readonly Row[], above: string[]): string[] | undefined => {
    for (const row of some) {
      const key = rowKey(row);
      if (key === wanted) return above;
      const found = search(children?.(row) ?? [], [...above, key]);
      if (found) return found;
    }
    return undefined;
  };
  return search(rows, []);
}

/** Rows as tab-separated values with a line of titles, as spreadsheets take it. */
export function tabSeparated<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cell = (text: string): string => text.replaceAll(/[\t\r\n]+/g, ' ');
  const lines = [columns.map(({ title }) => cell(title))];
  for (const row of rows) lines.push(columns.map(({ text }) => cell(text(row))));
  return lines.map((line) => `${line.join('\t')}\n`).join('');
}

const NARROWEST = 3;
const WIDEST = 44;
/** So many rows are measured: enough to look right, few enough to cost nothing. */
const MEASURED = 200;

/** Width of a column in characters. */
export function widthOf<Row>(column: Column<Row>, rows: readonly ListedRow<Row>[]): number {
  if (column.width !== undefined) return column.width;
  let width = Math.max(NARROWEST, column.title.length + 2);
  for (const { row } of rows.slice(0, MEASURED)) width = Math.max(width, column.text(row).length + 1);
  return Math.min(width, WIDEST);
}
