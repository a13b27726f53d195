import { expect, test } from 'vitest';

import { openProgramInfo } from '../../../../emulator/formats/dwarf/program-info.ts';
import type { ProgramInfo } from '../../../../emulator/formats/dwarf/model.ts';
import { SymbolTable } from '../../../../emulator/formats/symbols.ts';
import { openFixture } from '../elf-fixture.ts';

async function program(name: string): Promise<{ info: ProgramInfo; symbols: SymbolTable }> {
  const elf = await openFixture(name);
  const info = openProgramInfo(elf);
  if (info === undefined) throw new Error(`${name} has no debug information`);
  return { info, symbols: await SymbolTable.fromElf(elf) };
}

for (const file of [
  'dwarf5.elf',
  'dwarf4.elf',
  'dwarf5-zlib.elf',
  'dwarf4-zdebug.elf',
  'dwarf5-no-aranges.elf',
]) {
  test(`${file}: the scopes of an inlined call are those of its caller as well`, async () => {
    const { info, symbols } = await program(file);
    const both = symbols.find('both')[0]?.address ?? 0n;
    const scopes = await info.scopesAt(both + 0x1cn);
    expect(scopes.map(({ kind, name }) => [kind, name])).toEqual([
      ['block', undefined],
      ['inlined', 'scale'],
      ['function', 'both'],
    ]);
    expect(scopes.map(({ variables }) => variables.map((v) => `${v.kind} ${v.name}`))).toEqual([
      ['local result'],
      ['parameter value', 'parameter by'],
      ['parameter a', 'parameter b', 'local x', 'local y'],
    ]);
    expect(scopes[1]?.call).toMatchObject({ file: '/fixture/main.c' });
  });

  test(`${file}: statics, types and names are found`, async () => {
    const { info, symbols } = await program(file);
    const main = symbols.find('kernel_main')[0]?.address ?? 0n;
    const statics = await info.staticsAt(main);
    expect(statics.map(({ name, kind }) => [name, kind])).toContainEqual(['total', 'global']);
    const [type] = await info.types('int', main);
    expect(await info.type(type ?? 0)).toMatchObject({
      kind: 'base',
      name: 'int',
      size: 4,
      encoding: 'signed',
    });
    expect(await info.functionType('list_sum')).toMatchObject({ kind: 'function', isVariadic: false });
    expect((await info.names('s', 10)).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['scale', 'scale_step', 'sink']),
    );
  });
}
