// How wide the columns of a table are.

import { type Column, type ListedRow, widthOf } from './rows.ts';

/** CSS pixels, of both sides. */
const CELL_PADDING = 12;
/** The editor's font is a little wider than that of the interface, in which a table measures. */
const MONO = 1.05;

/** Width of a column in characters of the interface. */
const charactersOf = <Row>(column: Column<Row>, rows: readonly ListedRow<Row>[]): number =>
  widthOf(column, rows) * (column.mono === true ? MONO : 1);

/** `grid-template-columns`, and the least width of a row. */
export function trackSizes<Row>(
  columns: readonly Column<Row>[],
  rows: readonly ListedRow<Row>[],
): { columns: string; total: string } {
  const characters = columns.map((column) => charactersOf(column, rows));
  const tracks = columns.map(({ grow }, i) => {
    const width = `calc(${characters[i]}ch + ${CELL_PADDING}px)`;
    return grow ? `minmax(${width}, 1fr)` : width;
  });
  if (!columns.some(({ grow }) => grow)) tracks.push('minmax(0, 1fr)');
  const total = characters.reduce((sum, width) => sum + width, 0);
  return { columns: tracks.join(' '), total: `calc(${total}ch + ${columns.length * CELL_PADDING}px)` };
}
