// Tables for terminals: columns as wide as their widest cell.

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

/** What a guest wrote, harmless to a terminal: control characters as `\x1b`. */
export function plainText(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
