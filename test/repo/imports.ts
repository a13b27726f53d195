// Finds what a source file imports, and where that lies. The compiler has no API for it, and a scanner of
// import statements is enough for our own sources.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

export interface Import {
  /** The importing file, from the root of the repository. */
  readonly file: string;
  /** As written. */
  readonly specifier: string;
  /** The imported file, from the root; undefined for a package. */
  readonly target: string | undefined;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
}

/** Every source file below a folder, kernels included. */
export function sourceFiles(folder: string): string[] {
  const root = join(ROOT, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name))
    .sort();
}

export const importsBelow = (folder: string): Import[] => sourceFiles(folder).flatMap(importsOf);

const STATEMENT = /^\s*(?:import|export)\s+(type\s)?(?:[^'";()]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

export function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
  const found = [
    ...[...text.matchAll(STATEMENT)].map(([, type, specifier = '']) => ({
      specifier,
      typeOnly: type !== undefined,
    })),
    ...[...text.matchAll(DYNAMIC)].map(([, specifier = '']) => ({ specifier, typeOnly: false })),
  ];
  return found.map(({ specifier, typeOnly }) => ({
    file,
    specifier,
    typeOnly,
    target: targetOf(file, specifier),
  }));
}

function targetOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = join(ROOT, dirname(file), specifier);
  // Kernels import without an extension.
  const found = [path, `${path}.ts`].find((candidate) => candidate.endsWith('.ts') && existsSync(candidate));
  return relative(ROOT, found ?? path);
}
