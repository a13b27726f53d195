// The file of --stats, and the table in ARCHITECTURE.md that explains it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, scratchFolder } from '../../cli/command-line.ts';
import { benchGuest } from '../../tools/build-bench-guest.ts';

const scratch = scratchFolder();
const PAGE = join(import.meta.dirname, '../../../ARCHITECTURE.md');

/** Figures whose members are what happened to be counted. */
const OPEN = new Set(['exits', 'exceptions', 'translator.counted.regions']);

function namesOf(figures: object, prefix = ''): string[] {
  return Object.entries(figures).flatMap(([key, value]) => {
    const name = prefix + key;
    const isGroup = typeof value === 'object' && !Array.isArray(value) && !OPEN.has(name);
    return isGroup ? namesOf(value, `${name}.`) : [name];
  });
}

test('every figure has its row in the table, and every row its figure', async () => {
  const file = join(scratch.path, 'stats.json');
  const guest = ['--bare', benchGuest, '--machine', 'gic=3,memory=64M', '--append', 'bench=alu:2'];
  const { status, stderr } = await runCli('run', ...guest, '--stats', file, '--stats-detail');
  expect(status, stderr).toBe(0);
  const figures = JSON.parse(readFileSync(file, 'utf8')) as object;

  const page = readFileSync(PAGE, 'utf8');
  const table = page.slice(page.indexOf('| figure | is |')).split('\n\n')[0] ?? '';
  const explained = [...table.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  expect(explained.toSorted()).toEqual(namesOf(figures).toSorted());
});
