import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keptFiles } from '../../../debug-adapter/node/kept-files.ts';

test('what is kept comes back, and the oldest goes when there is much of it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kept-'));
  try {
    const kept = keptFiles(join(folder, 'deep'));
    expect(await kept.load('a')).toBeUndefined();
    await kept.store('a', new Uint8Array([1, 2, 3]));
    expect([...((await kept.load('a')) ?? [])]).toEqual([1, 2, 3]);
    for (let i = 0; i < 40; i++) await kept.store(`b${i}`, new Uint8Array([i]));
    expect(readdirSync(join(folder, 'deep'))).toHaveLength(32);
    expect(await kept.load('b39')).toBeDefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a folder that cannot be written keeps nothing, and says nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kept-'));
  try {
    writeFileSync(join(folder, 'file'), '');
    const kept = keptFiles(join(folder, 'file'));
    await kept.store('a', new Uint8Array(1));
    expect(await kept.load('a')).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
