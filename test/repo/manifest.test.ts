import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { renderedManifest } from '../tools/contributes.ts';
import { ROOT, sourceFiles } from './imports.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json'));
const texts = JSON.parse(read('package.nls.json')) as Record<string, string>;

test("the manifest describes launch.json as the adapter's schema does (node test/tools/contributes.ts --write)", () => {
  for (const [path, text] of renderedManifest()) expect(read(relative(ROOT, path))).toBe(text);
});

test('every text that the manifest refers to exists, and none is left over', () => {
  const referred = new Set([...read('package.json').matchAll(/"%([^%"]+)%"/g)].map(([, key]) => key));
  expect(Object.keys(texts).sort()).toEqual([...referred].sort());
});

test("every text of the extension's code can be translated", () => {
  const bundle = JSON.parse(read('extension/l10n/bundle.l10n.json')) as Record<string, string>;
  const used = sourceFiles('extension').flatMap((file) =>
    [...read(file).matchAll(/\bl10n\.t\(\s*(['"])(.*?)\1/g)].map(([, , text = '']) => text),
  );
  expect(used.length).toBeGreaterThan(0);
  expect(Object.keys(bundle).sort()).toEqual([...new Set(used)].sort());
});

test('every command of the manifest is registered, and the extension wakes up only when it is used', () => {
  const sources = sourceFiles('extension').map(read).join('\n');
  for (const { command } of manifest.contributes.commands) expect(sources).toContain(`'${command}'`);
  for (const command of Object.values(manifest.contributes.debuggers[0].variables)) {
    expect(sources).toContain(`'${command as string}'`);
  }
  expect(manifest.activationEvents).toEqual(['onDebugResolve:xen', 'onDebugDynamicConfigurations:xen']);
});

test('versions are exact, and the types of VS Code are those of the oldest one supported', () => {
  const versions = { ...manifest.dependencies, ...manifest.devDependencies } as Record<string, string>;
  for (const [name, version] of Object.entries(versions)) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  expect(manifest.engines.vscode).toBe(`^${versions['@types/vscode']}`);
});

test('the lock file names no place that packages come from', () => {
  expect(read('package-lock.json')).not.toMatch(/https?:\/\/(?!.*"(url|funding))[^"]*\.tgz/);
});

test('files that the manifest names are in the repository', () => {
  expect(existsSync(join(ROOT, manifest.icon))).toBe(true);
  expect(existsSync(join(ROOT, manifest.l10n))).toBe(true);
});
