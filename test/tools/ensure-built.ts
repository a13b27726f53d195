// Builds dist/ when it is missing or older than what it is made from.

import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build, buildFolder, outputs } from './build.ts';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = ['emulator', 'debug-adapter', 'extension', 'media', 'test/tools', 'package-lock.json'];

export async function ensureBuilt(log: (line: string) => void): Promise<void> {
  if (isCurrent()) return;
  log('Building …');
  await build();
}

function isCurrent(): boolean {
  const files = outputs.map((name) => join(buildFolder, name));
  if (!files.every((path) => existsSync(path))) return false;
  const oldest = Math.min(...files.map((path) => statSync(path).mtimeMs));
  return SOURCES.every((name) => newestUnder(join(ROOT, name)) <= oldest);
}

function newestUnder(path: string): number {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  const entries: Dirent[] = readdirSync(path, { withFileTypes: true });
  return Math.max(0, ...entries.map((entry) => newestUnder(join(path, entry.name))));
}
