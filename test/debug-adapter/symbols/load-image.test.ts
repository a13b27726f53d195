import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { GuestModule, ModuleContents } from '../../../debug-adapter/guest-os/guest-os.ts';
import { decompress } from '../../../debug-adapter/node/files.ts';
import { ImageLoader } from '../../../debug-adapter/symbols/load-image.ts';
import { LoadMap } from '../../../debug-adapter/symbols/load-map.ts';
import { SourceMap } from '../../../debug-adapter/symbols/source-map.ts';
import { Target } from '../../../debug-adapter/symbols/target.ts';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import { fixture, openElf } from '../../emulator/formats/dwarf/fixtures.ts';

const TEXT = 0xffff_8000_7a00_0000n;
const DATA = TEXT + 0x10_0000n;

const kernel = (): Target =>
  new Target(
    { domain: 1, name: 'guest', vcpus: 1, segments: [], ram: [] },
    { name: 'vmlinux', path: '/vmlinux', id: 'd1:kernel' },
    new LoadMap([], true),
    undefined,
    undefined,
    new SourceMap({}),
  );

const MODULE: GuestModule = {
  descriptor: DATA,
  name: 'some_thing',
  address: TEXT,
  size: 0x1_0000,
  state: 'coming',
  ranges: [{ start: TEXT, size: 0x20_0000 }],
};

const contents = (more: Partial<ModuleContents> = {}): ModuleContents => ({
  sections: new Map([
    ['.text', TEXT],
    ['.data', DATA],
  ]),
  buildId: undefined,
  symbols: [
    { name: 'known_anyway', address: TEXT + 0x40n, isFunction: true },
    { name: 'a_table', address: DATA + 8n, isFunction: false },
  ],
  ...more,
});

/** A loader over these files, and what it said. */
function loaderOf(files: Readonly<Record<string, Uint8Array>>): { loader: ImageLoader; said: string[] } {
  const said: string[] = [];
  const open = async (path: string) => {
    const bytes = files[path];
    if (!bytes) throw new Error('no such file');
    return memorySource(bytes, path);
  };
  const host = {
    openFile: open,
    fileExists: async (path: string) => path in files,
    listFiles: async (folder: string) => {
      const found = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      if (found.length === 0) throw new Error('no such file');
      return found;
    },
    decompress,
  };
  return { loader: new ImageLoader(host, (message) => said.push(message)), said };
}

test('of several files of a module that with debug information is taken, unpacked, at the addresses of its sections', async () => {
  const { loader, said } = loaderOf({
    '/lib/modules/kernel/some-thing.ko': fixture('../elf/stripped.elf'),
    '/lib/modules/kernel/something.ko': fixture('module.o'),
    '/debug/deep/er/some-thing.ko.gz': gzipSync(fixture('module.o')),
  });
  const image = await loader.module(kernel(), ['/lib/modules', '/debug'], MODULE, contents());
  expect(image.image).toEqual({
    name: 'some_thing',
    path: '/debug/deep/er/some-thing.ko.gz',
    id: 'd1:module:some_thing',
  });
  const original = await openElf(fixture('module.o'), 'module.o');
  const text = original.section('.text');
  const [many = 0n] = image.addressesOf('many');
  expect(many).toBeGreaterThanOrEqual(TEXT);
  expect(many).toBeLessThan(TEXT + BigInt(text?.size ?? 0));
  expect((await image.lineAt(many))?.path).toMatch(/\.c$/);
  // What lies in sections that were not loaded, or are gone, is nowhere.
  expect(image.remapped(new LoadMap([], true)).addressesOf('many')).toEqual([]);
  expect(said).toEqual([]);
});

test('without a file the table of the kernel says what the functions are called', async () => {
  const { loader, said } = loaderOf({ '/other/thing.ko': fixture('module.o') });
  const image = await loader.module(kernel(), ['/missing', '/other'], MODULE, contents());
  expect(image.addressesOf('known_anyway')).toEqual([TEXT + 0x40n]);
  expect(image.symbolAt(TEXT + 0x48n)?.name).toBe('known_anyway');
  expect(image.lines).toBeUndefined();
  await loader.module(kernel(), ['/missing', '/other'], MODULE, contents({ symbols: [] }));
  expect(said).toEqual([expect.stringMatching(/^The folder '\/missing' of modules cannot be read/)]);
});

test('a file of another build is not used, and neither is one that is damaged', async () => {
  const other = fixture('separate.elf');
  const { loader, said } = loaderOf({
    '/a/some_thing.ko': other,
    '/b/some_thing.ko': new Uint8Array(64),
    '/c/some_thing.ko.gz': new Uint8Array(64),
  });
  const image = await loader.module(kernel(), ['/a', '/b', '/c'], MODULE, contents({ buildId: '00ff' }));
  expect(image.addressesOf('known_anyway')).toHaveLength(1);
  expect(said.some((text) => text.startsWith("'/a/some_thing.ko' is not what 'some_thing'"))).toBe(true);
  expect(said).toHaveLength(3);
});

test('a program is moved as far as its entry is, unless its code says that it is another', async () => {
  const { loader, said } = loaderOf({ '/build/tool': fixture('gcc5.elf') });
  const elf = await openElf(fixture('gcc5.elf'), 'gcc5.elf');
  const slide = 0x10_0000n;
  const first = elf.segments.find(({ type, flags }) => type === 1 && flags & 1)?.virtualAddress ?? 0n;
  const running = {
    table: 0x4000n,
    pid: 7,
    path: '/bin/tool',
    entry: elf.entry + slide,
    code: first + slide,
  };
  const file = { file: '/build/tool', guest: '/bin/tool' };
  const image = await loader.program(kernel(), file, running);
  expect(image?.map.slide).toBe(slide);
  expect(image?.as).toEqual({ kind: 'program', name: 'tool', table: 0x4000n });
  expect(await loader.program(kernel(), file, { ...running, code: first })).toBeUndefined();
  expect(await loader.program(kernel(), file, running)).toBeUndefined();
  expect(said).toEqual([expect.stringMatching(/^'\/build\/tool' is not what '\/bin\/tool' in the guest/)]);
  expect(await loader.program(kernel(), { file: '/build/none', guest: 'none' }, running)).toBeUndefined();
  expect(said).toHaveLength(2);
});
