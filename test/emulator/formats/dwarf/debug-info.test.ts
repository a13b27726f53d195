import fc from 'fast-check';
import { expect, test } from 'vitest';

import { UserError } from '../../../../emulator/base/errors.ts';
import { DebugInfo } from '../../../../emulator/formats/dwarf/debug-info.ts';
import { SymbolTable } from '../../../../emulator/formats/symbols.ts';
import { addr2line, fixtureBytes, openBytes, openFixture } from '../elf-fixture.ts';

async function debugInfo(name: string): Promise<DebugInfo> {
  const info = DebugInfo.open(await openFixture(name));
  if (info === undefined) throw new Error(`${name} has no debug information`);
  return info;
}

const hex = (addresses: readonly bigint[]) => addresses.map((address) => address.toString(16));

const FILES: readonly (readonly [file: string, oracle: string])[] = [
  ['dwarf5.elf', 'dwarf5.addr2line.txt'],
  ['dwarf4.elf', 'dwarf4.addr2line.txt'],
  ['dwarf5-zlib.elf', 'dwarf5.addr2line.txt'],
  ['dwarf4-zdebug.elf', 'dwarf4.addr2line.txt'],
  ['dwarf5-no-aranges.elf', 'dwarf5.addr2line.txt'],
];

for (const [file, oracle] of FILES) {
  test(`${file}: every instruction has the line and the functions that addr2line says`, async () => {
    const info = await debugInfo(file);
    const symbols = await SymbolTable.fromElf(await openFixture(file));
    for (const { address, frames } of addr2line(oracle)) {
      const location = await info.locate(address);
      const functions = await info.functionsAt(address);
      // Assembly has lines, and names only in the symbol table.
      const names = functions.length > 0 ? functions.map((f) => f.name) : [symbols.lookup(address)?.name];
      const calls = functions.filter((f) => f.inlined).map((f) => `${f.call?.file}:${f.call?.line}`);
      const places = [location ? `${location.file}:${location.line}` : '??:0', ...calls];
      const found = names.map((name, i) => ({ name: name ?? '??', place: places[i] ?? '' }));
      expect([address, found]).toEqual([
        address,
        frames.map((f) => ({ ...f, place: f.place.replace(/:\?$/, ':0') })),
      ]);
      if (location) expect(address >= location.start && address < location.end).toBe(true);
    }
  });
}

test('a line has one address in each function and each inlined copy', async () => {
  const info = await debugInfo('dwarf5.elf');
  const symbols = await SymbolTable.fromElf(await openFixture('dwarf5.elf'));
  const homes = async (file: string, line: number) =>
    (await info.addressesOf(file, line)).map((address) => symbols.lookup(address)?.name);
  // The body of scale() stands in twice, twice in both, in list_sum; never_called was dropped.
  expect(await homes('scale.h', 7)).toEqual(['twice', 'both', 'both', 'list_sum']);
  // The loop's first value and its increment are one stop.
  expect(await homes('main.c', 29)).toEqual(['kernel_main']);
  expect(await homes('/fixture/list.c', 14)).toEqual([]);
});

test('a line breaks where gdb breaks', async () => {
  // gdb-multiarch -batch -ex 'break main.c:10' dwarf5.elf, and so on. For line 29 it also stops at
  // 0x10c, the end of the loop, because it takes the loop's lexical block for a place of its own.
  const info = await debugInfo('dwarf5.elf');
  const expected = { 10: '20', 15: '50', 29: 'b0', 30: 'd8', 31: 'f8', 33: '114', 34: '12c' };
  for (const [line, offset] of Object.entries(expected)) {
    expect(hex(await info.addressesOf('main.c', Number(line)))).toEqual([
      `ffff800008080${offset.padStart(3, '0')}`,
    ]);
  }
  const scale = ['ffff800008080034', 'ffff800008080070', 'ffff80000808007c', 'ffff80000808018c'];
  expect(hex(await info.addressesOf('scale.h', 7))).toEqual(scale);
});

test('a line without code moves down to the next one that has some', async () => {
  const info = await debugInfo('dwarf5.elf');
  const [resolved] = await info.resolveSourceLine('main.c', 28);
  expect(resolved).toMatchObject({ file: '/fixture/main.c', line: 29 });
  expect(await info.addressesOf('main.c', 28)).toEqual([]);
  expect(await info.resolveSourceLine('main.c', 1000)).toEqual([]);
  expect(await info.resolveSourceLine('ain.c', 29)).toEqual([]);
  expect(await info.resolveSourceLine('fixture/./main.c', 29)).toHaveLength(1);
});

test('the source files are those of the program', async () => {
  for (const name of ['dwarf5.elf', 'dwarf4.elf']) {
    const info = await debugInfo(name);
    const files = (await info.sourceFiles()).map((file) => file.split('/').at(-1));
    expect(files.sort()).toEqual(['list.c', 'main.c', 'scale.h', 'start.S']);
  }
});

test('a program that runs elsewhere has its lines there', async () => {
  const linked = await debugInfo('dwarf5.elf');
  const moved = linked.relocated(0x1_0000_0000n);
  const [address] = await linked.addressesOf('main.c', 22);
  expect(hex(await moved.addressesOf('main.c', 22))).toEqual(hex([(address ?? 0n) + 0x1_0000_0000n]));
  expect(await moved.locate((address ?? 0n) + 0x1_0000_0000n)).toMatchObject({ line: 22 });
  expect(await moved.locate(address ?? 0n)).toBeUndefined();
});

test('addresses outside of the program have no line', async () => {
  const info = await debugInfo('dwarf5.elf');
  for (const address of [0n, 0x4008_0000n, 0xffff_8000_0808_1434n, 0xffff_ffff_ffff_ffffn]) {
    expect(await info.locate(address)).toBeUndefined();
    expect(await info.functionsAt(address)).toEqual([]);
  }
});

test('a stripped file has no debug information', async () => {
  expect(DebugInfo.open(await openFixture('stripped.elf'))).toBeUndefined();
});

test('damaged debug information gives one error with an offset, or an answer', async () => {
  for (const file of ['dwarf5.elf', 'dwarf4.elf']) {
    const original = fixtureBytes(file);
    const elf = await openBytes(original);
    const sections = elf.sections.filter((section) => section.name.startsWith('.debug_'));
    const place = fc
      .constantFrom(...sections)
      .chain((s) => fc.nat(s.size - 1).map((offset) => s.offset + offset));
    const edits = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const bytes = Uint8Array.from(original);
        for (const [at, value] of changes) bytes[at] = value;
        const info = DebugInfo.open(await openBytes(bytes));
        const ask = async (question: () => Promise<unknown>) => {
          try {
            await question();
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
            expect((error as UserError).place.offset).toBeDefined();
          }
        };
        await ask(async () => info?.locate(0xffff_8000_0808_0060n));
        await ask(async () => info?.functionsAt(0xffff_8000_0808_0060n));
        await ask(async () => info?.resolveSourceLine('scale.h', 6));
        await ask(async () => info?.locate(0xffff_8000_0808_01b0n));
      }),
      { numRuns: 300 },
    );
  }
});
