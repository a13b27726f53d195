import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { ICONS } from '../../../media/panel/icons.ts';

test("icons are the characters that the font's own list gives their names", () => {
  const list = createRequire(import.meta.url).resolve('@vscode/codicons/dist/codicon.csv');
  const rows = readFileSync(list, 'utf8')
    .split('\n')
    .map((line) => line.split(','));
  for (const [name, code] of Object.entries(ICONS)) {
    const row = rows.find(([short]) => short === name);
    expect(Number.parseInt(row?.at(-1) ?? '', 16), name).toBe(code);
  }
});
