// The pictures of README.md, which are part of every clone and of no package.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PANELS } from '../../extension/panels/panels.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = 'media/pictures';
const MOST_BYTES = 250_000;

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const pictures = readdirSync(join(ROOT, FOLDER));

test('every picture that the README shows is there, and has a text for those who do not see it', () => {
  const shown = [...readme.matchAll(/media\/pictures\/([\w-]+\.png)/g)].map(([, name]) => name);
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.filter((name) => !pictures.includes(name ?? ''))).toEqual([]);
  expect(readme.match(/<img (?![^>]*alt="[^"]+")[^>]*>|!\[\]/g) ?? []).toEqual([]);
});

test('every panel has its picture in light, dark and high contrast', () => {
  const wanted = PANELS.flatMap(({ id }) =>
    ['light', 'dark', 'high-contrast'].map((theme) => `${id}-${theme}.png`),
  );
  expect(wanted.filter((name) => !pictures.includes(name))).toEqual([]);
  expect(PANELS.filter(({ id }) => !readme.includes(`${FOLDER}/${id}-light.png`))).toEqual([]);
});

test('pictures are small, and no package has them', () => {
  expect(pictures.filter((name) => statSync(join(ROOT, FOLDER, name)).size > MOST_BYTES)).toEqual([]);
  const packed = readFileSync(join(ROOT, '.vscodeignore'), 'utf8').split('\n');
  expect(packed[0]).toBe('**');
  expect(packed.filter((line) => line === '!media/**' || line.startsWith(`!${FOLDER}`))).toEqual([]);
});
