// Tables for terminals: columns as wide as their widest cell.

import { plainText } from '../plain-text.ts';

export type Cell = string | number | undefined;

/** One line for each row, with a headline; numbers stand to the right. Ends with a line feed. */
export function textTable(headline: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (cell === undefined ? '' : plainText(String(cell)))));
  const isNumber = headline.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  const widths = headline.map((title, column) =>
    texts.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return `${[line(headline), ...texts.map(line)].join('\n')}\n`;
}
