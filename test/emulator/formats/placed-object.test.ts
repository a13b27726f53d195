import fc from 'fast-check';
import { expect, test } from 'vitest';

import { UserError } from '../../../emulator/base/errors.ts';
import { DebugInfo } from '../../../emulator/formats/dwarf/debug-info.ts';
import { openProgramInfo } from '../../../emulator/formats/dwarf/program-info.ts';
import { placeObject } from '../../../emulator/formats/placed-object.ts';
import { SymbolTable } from '../../../emulator/formats/symbols.ts';
import { fixture, gdbAnswers, openElf } from './dwarf/fixtures.ts';
import { compare } from './dwarf/gdb-comparison.ts';

const linked = await openElf(fixture('gcc5.elf'), 'gcc5.elf');
const placeOf = (name: string): bigint | undefined => linked.section(name)?.address;

for (const name of ['module.o', 'module-zlib.o']) {
  test(`${name}: an object where the linker would have put it says what the linked program says`, async () => {
    const module = await placeObject(await openElf(fixture(name), name), placeOf);
    const info = openProgramInfo(module);
    if (info === undefined) throw new Error('no debug information');
    const { questions, answers } = gdbAnswers('gcc5');
    for (const { title, different } of await compare(info, questions, answers))
      expect(different, title).toEqual([]);
    const [address = ''] = questions.addresses;
    const line = await DebugInfo.open(module)?.locate(BigInt(address));
    expect(line).toEqual(await DebugInfo.open(linked)?.locate(BigInt(address)));
    const symbols = await SymbolTable.fromElf(module);
    const expected = await SymbolTable.fromElf(linked);
    for (const symbol of ['many', 'hidden', 'start'])
      expect(symbols.find(symbol)).toEqual(expected.find(symbol));
  });
}

test('what is in a section that was not loaded has no address', async () => {
  const module = await openElf(fixture('module.o'), 'module.o');
  const placed = await placeObject(module, (name) => (name === '.text' ? placeOf(name) : undefined));
  const symbols = await SymbolTable.fromElf(placed);
  expect(symbols.find('many')).toHaveLength(1);
  expect(symbols.find('hidden')).toEqual([]);
});

test('a linked program stays as it is', async () => {
  expect(await placeObject(linked, () => 0n)).toBe(linked);
});

test('a damaged object is an error of the file, or an answer', async () => {
  const original = fixture('module.o');
  const edits = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const bytes = Uint8Array.from(original);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        const placed = await placeObject(await openElf(bytes, 'module.o'), placeOf);
        await SymbolTable.fromElf(placed);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
    { numRuns: 300 },
  );
});
