import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { PANELS, commandOf, viewTypeOf } from '../../extension/panels/panels.ts';
import { panelEntries } from '../tools/bundle.ts';
import { renderedManifest } from '../tools/contributes.ts';
import { textsInCode } from '../tools/l10n.ts';
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

test('every text of the extension and its panels can be translated (node test/tools/l10n.ts --write)', () => {
  const used = textsInCode();
  expect(used.length).toBeGreaterThan(40);
  expect(JSON.parse(read('extension/l10n/bundle.l10n.json'))).toEqual(
    Object.fromEntries(used.map((text) => [text, text])),
  );
});

test('every command of the manifest is registered, and the extension wakes up only when it is used', () => {
  const sources = sourceFiles('extension').map(read).join('\n');
  const panels = PANELS.map(commandOf);
  for (const { command } of manifest.contributes.commands) {
    if (!panels.includes(command)) expect(sources).toContain(`'${command}'`);
  }
  for (const command of Object.values(manifest.contributes.debuggers[0].variables)) {
    expect(sources).toContain(`'${command as string}'`);
  }
  expect(manifest.activationEvents).toEqual([
    'onDebugResolve:xen',
    'onDebugDynamicConfigurations:xen',
    ...PANELS.map((row) => `onWebviewPanel:${viewTypeOf(row)}`),
  ]);
});

test('every panel has a row, a folder and a command', () => {
  expect(Object.keys(panelEntries()).sort()).toEqual(PANELS.map(({ id }) => id).sort());
  const commands = manifest.contributes.commands.map(({ command }: { command: string }) => command);
  for (const row of PANELS) expect(commands).toContain(commandOf(row));
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
