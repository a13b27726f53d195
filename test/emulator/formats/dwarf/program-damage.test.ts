import fc from 'fast-check';
import { expect, test } from 'vitest';

import { UserError } from '../../../../emulator/base/errors.ts';
import { memorySource } from '../../../../emulator/formats/byte-source.ts';
import type { DebugFiles } from '../../../../emulator/formats/dwarf/debug-files.ts';
import type { ProgramInfo } from '../../../../emulator/formats/dwarf/model.ts';
import { openProgramInfo } from '../../../../emulator/formats/dwarf/program-info.ts';
import { filesFor, fixture, gdbAnswers, openElf, openProgram } from './fixtures.ts';

const PROGRAMS: readonly (readonly [program: string, damaged: string])[] = [
  ['gcc5.elf', 'gcc5.elf'],
  ['gcc4.elf', 'gcc4.elf'],
  ['types4.elf', 'types4.elf'],
  ['clang5.elf', 'clang5.elf'],
  ['classes5.elf', 'classes5.elf'],
  ['variants5.elf', 'variants5.elf'],
  ['split5.elf', 'split5-types.dwo'],
  ['package5.elf', 'package5.elf.dwp'],
  ['dwz.elf', 'dwz.supplement'],
];

const START = 0xffff_8000_0808_0000n;

/** Asks everything there is to ask; damage may only show as a UserError. */
async function askAll(info: ProgramInfo): Promise<void> {
  const ask = async <T>(question: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return undefined;
    }
  };
  const entries: number[] = [];
  for (let at = START; at < START + 0x200n; at += 0x48n) {
    const scopes = await ask(() => info.scopesAt(at));
    for (const { variables } of scopes ?? []) for (const { type } of variables) if (type) entries.push(type);
    await ask(() => info.callSiteBefore(at));
  }
  for (const variable of (await ask(() => info.staticsAt(START))) ?? []) entries.push(variable.type ?? 0);
  for (const { name, kind, entry } of (await ask(() => info.names('', 60))) ?? []) {
    if (kind === 'type') entries.push(entry);
    if (kind === 'variable') await ask(() => info.variables(name));
    if (kind === 'enumerator') await ask(() => info.enumerator(name));
    if (kind === 'function') await ask(() => info.functionType(name, START));
  }
  for (const entry of entries) {
    await ask(() => info.definitionOf(entry));
    const type = await ask(() => info.type(entry));
    if (type?.kind === 'structure')
      for (const member of type.members) await ask(() => info.type(member.type ?? 0));
  }
  await ask(() => info.indexedAddress(0, 3));
}

for (const [program, damaged] of PROGRAMS) {
  test(`damage in ${damaged} is an error of the user's file, or an answer`, async () => {
    const original = fixture(damaged);
    const { sections } = await openElf(original, damaged);
    const debug = sections.filter(({ name, size }) => name.startsWith('.debug_') && size > 0);
    const place = fc
      .constantFrom(...debug)
      .chain((section) => fc.nat(section.size - 1).map((offset) => section.offset + offset));
    const value = fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff));
    const edits = fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const bytes = Uint8Array.from(original);
        for (const [at, byte] of changes) bytes[at] = byte;
        const reported: string[] = [];
        const known = filesFor(program);
        const files: DebugFiles = {
          open: async (path) => {
            const source = await known.open(path);
            return source?.size === original.length ? memorySource(bytes, path) : source;
          },
          folders: [],
        };
        const elf = await openElf(program === damaged ? bytes : fixture(program), program);
        const info = openProgramInfo(elf, (error) => reported.push(error.toString()), { files });
        if (info !== undefined) await askAll(info);
        expect(new Set(reported).size).toBe(reported.length);
      }),
      { numRuns: 25 },
    );
  });
}

test('a damaged unit is passed over, and named once', async () => {
  const bytes = fixture('gcc5.elf');
  const elf = await openElf(bytes, 'gcc5.elf');
  const info = elf.section('.debug_info');
  // An abbreviation that is not declared, for the first entry behind the root of the first unit: types.c.
  bytes.fill(0x7f, (info?.offset ?? 0) + 0x30, (info?.offset ?? 0) + 0x60);
  const reported: UserError[] = [];
  const program = openProgramInfo(await openElf(bytes, 'gcc5.elf'), (error) => reported.push(error));
  for (const address of gdbAnswers('gcc5').questions.addresses) await program?.scopesAt(BigInt(address));
  expect(await program?.variables('many')).toEqual([]);
  expect(reported.map(({ message }) => message)).toEqual([expect.stringContaining('.debug_info is damaged')]);
  // The other unit is there.
  const whole = await openProgram('gcc5.elf');
  expect(await program?.variables('hidden')).toEqual(await whole.variables('hidden'));
  expect(await program?.variables('hidden')).toHaveLength(1);
});

test('a type unit that is not there is named once', async () => {
  const bytes = fixture('types5.elf');
  const { section } = await openElf(bytes, 'types5.elf').then((elf) => ({
    section: elf.section('.debug_info'),
  }));
  const view = new DataView(bytes.buffer, section?.offset ?? 0, section?.size ?? 0);
  const DW_UT_type = 2;
  let changed = 0;
  for (let at = 0; at < view.byteLength; at += 4 + view.getUint32(at, true)) {
    if (view.getUint8(at + 6) !== DW_UT_type) continue;
    view.setUint8(at + 12, view.getUint8(at + 12) ^ 0xff);
    changed++;
  }
  expect(changed).toBeGreaterThan(3);
  const reported: UserError[] = [];
  const program = openProgramInfo(await openElf(bytes, 'types5.elf'), (error) => reported.push(error));
  for (const name of ['first', 'bits', 'hidden', 'packed']) {
    const [variable] = (await program?.variables(name)) ?? [];
    // A reference to a type unit leads nowhere; a stub in the unit is there still.
    if (variable?.type === undefined) continue;
    expect(await program?.type(variable.type)).toMatchObject({ isDeclaration: true, members: [] });
  }
  expect(reported.map(({ message }) => message)).toEqual([expect.stringMatching(/type unit [0-9a-f]+/)]);
});
