// A lock between processes: a file that names its owner. One whose owner is gone is taken over.

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 15 * 60 * 1000;
/** An owner creates the file a moment before its number is in it. */
const BIRTH_MS = 5000;

export async function withLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  await take(path);
  try {
    return await action();
  } finally {
    rmSync(path, { force: true });
  }
}

async function take(path: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (!ownerLives(path)) rmSync(path, { force: true });
    else if (Date.now() > deadline) throw new Error(`another process has held ${path} for too long`);
    else await sleep(200);
  }
}

function ownerLives(path: string): boolean {
  try {
    const owner = Number(readFileSync(path, 'utf8'));
    if (!(owner > 0)) return Date.now() - statSync(path).mtimeMs < BIRTH_MS;
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
