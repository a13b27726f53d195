import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Import, ROOT, importsBelow, sourceFiles } from './imports.ts';

/** Lowest first. Folders of one row do not know each other. */
const FLOORS = [
  ['base'],
  ['arch', 'formats'],
  ['memory'],
  ['mmu', 'devices'],
  ['cpu'],
  ['engine'],
  ['xen'],
  ['machine'],
  ['debug'],
] as const;

/** Packages that need no host: any JavaScript engine runs them. */
const HOST_FREE = ['@lezer/common', '@lezer/lr'];
/** The same for the adapter outside of `node/`. */
const ADAPTER_PACKAGES = [
  '@alexaltea/capstone-js',
  '@lezer/common',
  '@lezer/lr',
  '@vscode/debugadapter/lib',
  '@vscode/debugprotocol',
  'zod',
];

/** Packages for webviews. */
const VIEW_PACKAGES = ['lit', '@tanstack/lit-virtual', '@vscode-elements/elements', 'uplot'];

test('every relative import names a file that is there', () => {
  const imports = ['emulator', 'debug-adapter', 'extension', 'media', 'test'].flatMap(importsBelow);
  expect(imports.length).toBeGreaterThan(500);
  const dangling = imports.filter(({ target }) => target !== undefined && !existsSync(join(ROOT, target)));
  expect(dangling.map(described)).toEqual([]);
});

test('inside the emulator imports only go down', () => {
  const imports = importsBelow('emulator');
  expect(imports.length).toBeGreaterThan(300);
  expect(imports.filter(goesUp).map(described)).toEqual([]);
});

test('every folder of the emulator stands on a floor', () => {
  const folders = new Set(sourceFiles('emulator').map((file) => folderOf(file)));
  folders.delete('index.ts');
  folders.delete('catalog.ts');
  for (const folder of folders) expect(FLOORS.flat()).toContain(folder);
});

test('the emulator knows itself and host-free packages, nothing else', () => {
  const wrong = importsBelow('emulator').filter(({ target, specifier }) =>
    target === undefined ? !isOneOf(specifier, HOST_FREE) : !target.startsWith('emulator/'),
  );
  expect(wrong.map(described)).toEqual([]);
});

test('the debug adapter needs Node in its folder `node` only, and never VS Code or the extension', () => {
  const imports = importsBelow('debug-adapter');
  expect(imports.length).toBeGreaterThan(100);
  const wrong = imports.filter(({ file, target, specifier }) => {
    if (target !== undefined) return !/^(emulator|debug-adapter)\//.test(target);
    if (specifier === 'vscode') return true;
    return !file.startsWith('debug-adapter/node/') && !isOneOf(specifier, ADAPTER_PACKAGES);
  });
  expect(wrong.map(described)).toEqual([]);
});

test('host-free parts of the adapter do not import its Node parts', () => {
  const wrong = importsBelow('debug-adapter').filter(
    ({ file, target }) =>
      !file.startsWith('debug-adapter/node/') && target?.startsWith('debug-adapter/node/'),
  );
  expect(wrong.map(described)).toEqual([]);
});

test('the extension reaches the adapter and the emulator through their doors', () => {
  const doors =
    /^(extension\/|debug-adapter\/(main|protocol)\.ts$|media\/messages\.ts$|emulator\/(catalog\.ts$|formats\/))/;
  const imports = importsBelow('extension');
  expect(imports.length).toBeGreaterThan(0);
  const wrong = imports.filter(({ target }) => target !== undefined && !doors.test(target));
  expect(wrong.map(described)).toEqual([]);
});

test('panels know themselves, packages for views, and the types of the protocol', () => {
  const imports = importsBelow('media').filter(({ file }) => !file.startsWith('media/samples/'));
  expect(imports.length).toBeGreaterThan(20);
  const wrong = imports.filter(({ target, specifier, typeOnly }) => {
    if (target === undefined) return !isOneOf(specifier, VIEW_PACKAGES);
    return !target.startsWith('media/') && !(typeOnly && target === 'debug-adapter/protocol.ts');
  });
  expect(wrong.map(described)).toEqual([]);
});

test('a panel does not know another one', () => {
  const wrong = importsBelow('media').filter(({ file, target }) => {
    const to = target?.split('/')[1] ?? '';
    return target !== undefined && to !== 'panel' && to !== 'messages.ts' && to !== file.split('/')[1];
  });
  expect(
    wrong
      .filter(({ file, target }) => target?.startsWith('media/') && !file.startsWith('media/samples/'))
      .map(described),
  ).toEqual([]);
});

test('the language server knows no editor, and of the product the formats and the catalogue', () => {
  const imports = importsBelow('extension/language-server');
  expect(imports.length).toBeGreaterThan(10);
  const wrong = imports.filter(({ file, target, specifier }) => {
    if (target !== undefined) {
      return !/^(extension\/language-server\/|emulator\/(catalog\.ts$|formats\/))/.test(target);
    }
    if (isOneOf(specifier, ['vscode-languageserver-textdocument']) || specifier === 'vscode-languageserver') {
      return false;
    }
    // Its entry is a program of Node.
    return file !== 'extension/language-server/node.ts' || specifier === 'vscode';
  });
  expect(wrong.map(described)).toEqual([]);
});

test('nothing but tests imports tests', () => {
  const wrong = ['emulator', 'debug-adapter', 'extension', 'media']
    .flatMap(importsBelow)
    .filter(({ target }) => target?.startsWith('test/'));
  expect(wrong.map(described)).toEqual([]);
});

function goesUp({ file, target }: Import): boolean {
  if (target === undefined || !target.startsWith('emulator/')) return false;
  const from = folderOf(file);
  const to = folderOf(target);
  // The doors at the top know everything below.
  if (from.endsWith('.ts') || from === to) return false;
  return floorOf(to) >= floorOf(from);
}

/** `emulator/cpu/isa/ops.ts` is in `cpu`. */
const folderOf = (file: string): string => file.split('/')[1] ?? '';

const floorOf = (folder: string): number => {
  const floor = FLOORS.findIndex((row) => (row as readonly string[]).includes(folder));
  return floor < 0 ? Number.POSITIVE_INFINITY : floor;
};

const isOneOf = (specifier: string, packages: readonly string[]): boolean =>
  packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));

const described = ({ file, specifier }: Import): string => `${file} imports ${specifier}`;
