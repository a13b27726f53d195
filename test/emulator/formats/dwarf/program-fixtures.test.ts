import { expect, test } from 'vitest';

import type { UserError } from '../../../../emulator/base/errors.ts';
import { memorySource } from '../../../../emulator/formats/byte-source.ts';
import { NO_FILES, separateDebugFile } from '../../../../emulator/formats/dwarf/debug-files.ts';
import { openProgramInfo } from '../../../../emulator/formats/dwarf/program-info.ts';
import { SymbolTable } from '../../../../emulator/formats/symbols.ts';
import { filesFor, fixture, gdbAnswers, openElf, openProgram } from './fixtures.ts';
import { compare } from './gdb-comparison.ts';

/** Programs, and which one of the same code gdb was asked about. */
const PROGRAMS: readonly (readonly [program: string, asked: string])[] = [
  ['gcc5.elf', 'gcc5'],
  ['gcc5-zstd.elf', 'gcc5'],
  ['gcc4.elf', 'gcc5'],
  ['gcc3.elf', 'gcc3'],
  ['types5.elf', 'gcc5'],
  ['types4.elf', 'gcc5'],
  ['split5.elf', 'gcc5'],
  ['split4.elf', 'gcc5'],
  ['dwz.elf', 'gcc5'],
  ['clang5.elf', 'clang5'],
  ['package5.elf', 'clang5'],
  ['classes5.elf', 'classes5'],
];

for (const [program, asked] of PROGRAMS) {
  test(`${program}: scopes, structures and variables are those that gdb knows`, async () => {
    const reports: UserError[] = [];
    const info = await openProgram(program, reports);
    const { questions, answers } = gdbAnswers(asked);
    for (const { title, same, different } of await compare(info, questions, answers)) {
      expect(different, title).toEqual([]);
      expect(same, title).toBeGreaterThan(0);
    }
    expect(reports).toEqual([]);
  });
}

test('types are read one entry at a time, with the names of their members and what these refer to', async () => {
  const info = await openProgram('gcc5.elf');
  const [entry = 0] = await info.types('struct outer');
  const outer = await info.type(entry);
  if (outer.kind !== 'structure') throw new Error('a structure');
  expect(outer.members.map(({ name }) => name)).toContain('tail');
  const typeOf = async (name: string) => {
    const type = outer.members.find((member) => member.name === name)?.type;
    return type === undefined ? undefined : info.type(type);
  };
  expect(await typeOf('matrix')).toMatchObject({ kind: 'array', counts: [2, 3, 4] });
  expect(await typeOf('tail')).toMatchObject({ kind: 'array', counts: [undefined] });
  expect(await typeOf('empty')).toMatchObject({ kind: 'array', counts: [0] });
  expect(await typeOf('next')).toMatchObject({ kind: 'pointer', form: 'pointer', size: 8, target: entry });
  expect(await typeOf('power')).toMatchObject({ kind: 'typedef', name: 'power_t' });
  const compare = await typeOf('compare');
  if (compare?.kind !== 'pointer') throw new Error('a pointer');
  expect(await info.type(compare.target ?? 0)).toMatchObject({ kind: 'function', isVariadic: true });
});

test('qualifiers and base types are what they are called', async () => {
  const info = await openProgram('gcc5.elf');
  const words = async (name: string): Promise<string[]> => {
    const [variable] = await info.variables(name);
    const found: string[] = [];
    for (let next = variable?.type; next !== undefined; ) {
      const type = await info.type(next);
      if (type.kind === 'base') found.push(`${type.name} ${type.encoding} ${type.size}`);
      else found.push(type.kind === 'qualified' ? type.qualifier : type.kind);
      next = type.kind === 'qualified' || type.kind === 'pointer' ? type.target : undefined;
    }
    return found;
  };
  expect((await words('constant')).sort()).toEqual(['const', 'int signed 4', 'volatile']);
  expect(await words('atomic')).toEqual(['_Atomic', 'int signed 4']);
  expect(await words('handler')).toEqual(['pointer', 'function']);
});

test('a declaration leads to the definition in another unit', async () => {
  for (const program of ['gcc5.elf', 'types4.elf', 'split5.elf', 'clang5.elf']) {
    const info = await openProgram(program);
    const outer = (await info.types('struct outer')).map((entry) => info.type(entry));
    const members = (await Promise.all(outer)).flatMap((type) =>
      type.kind === 'structure' ? type.members : [],
    );
    const hidden = members.find(({ name }) => name === 'hidden')?.type ?? 0;
    const pointer = await info.type(hidden);
    if (pointer.kind !== 'pointer') throw new Error('a pointer');
    const target = pointer.target ?? 0;
    expect(await info.type(target)).toMatchObject({ name: 'hidden', isDeclaration: true });
    const definition = await info.type(await info.definitionOf(target));
    expect(definition).toMatchObject({ kind: 'structure', isDeclaration: false, size: 24 });
  }
});

test('what a name means depends on the file around', async () => {
  const info = await openProgram('gcc5.elf');
  const [many] = await info.names('many', 1);
  expect(many).toMatchObject({ name: 'many', kind: 'function' });
  const everywhere = await info.variables('hidden_static');
  expect(everywhere.map(({ kind }) => kind)).toEqual(['static', 'static']);
  const [asked] = gdbAnswers('gcc5').questions.addresses;
  const here = await info.variables('hidden_static', BigInt(asked ?? 0));
  expect(here.map(({ declared }) => declared?.file)).toEqual(['/fixture/types.c']);
  expect((await info.enumerator('BACK'))?.value).toBe(-1n);
  expect((await info.enumerator('LARGE'))?.value).toBe(0x1234_5678_9abc_def0n);
  expect(await info.functionType('sink')).toMatchObject({ parameters: [expect.any(Number)] });
});

test('types and enumerators of a function are known inside of it', async () => {
  for (const program of ['gcc5.elf', 'clang5.elf']) {
    const info = await openProgram(program);
    const symbols = await SymbolTable.fromElf(await openElf(fixture(program), program));
    const [other] = symbols.addressesOf('other');
    const [entry = 0] = await info.types('struct local', other);
    expect(await info.type(entry)).toMatchObject({ kind: 'structure', name: 'local', size: 8 });
    expect((await info.enumerator('FAR', other))?.value).toBe(18n);
    expect(await info.types('struct local')).toEqual([]);
    expect(await info.enumerator('FAR')).toBeUndefined();
  }
});

test('a caller knows what it passed', async () => {
  for (const program of ['gcc5.elf', 'gcc4.elf', 'clang5.elf']) {
    const info = await openProgram(program);
    const { questions } = gdbAnswers(program === 'clang5.elf' ? 'clang5' : 'gcc5');
    const start = BigInt(questions.addresses[0] ?? 0);
    let parameters = 0;
    for (let returns = start; returns < start + 0x400n; returns += 4n) {
      const site = await info.callSiteBefore(returns);
      if (site === undefined) continue;
      expect(site.returns).toBe(returns);
      parameters += site.parameters.length;
    }
    expect(parameters).toBeGreaterThan(5);
  }
});

test('a Rust enumeration has its variants, told apart by the discriminant', async () => {
  const info = await openProgram('variants5.elf');
  const variants = async (name: string): Promise<(readonly [string | undefined, unknown])[]> => {
    const [entry = 0] = await info.types(name);
    const type = await info.type(entry);
    return type.kind === 'structure' ? type.members.map((member) => [member.name, member.when?.values]) : [];
  };
  expect(await variants('variants::shapes::Shape')).toEqual([
    ['Circle', [[0n, 0n]]],
    ['Rectangle', [[1n, 1n]]],
    ['Nothing', [[2n, 2n]]],
  ]);
  // The null pointer stands for None.
  expect(await variants('variants::shapes::Maybe')).toEqual([
    ['Some', []],
    ['None', [[0n, 0n]]],
  ]);
});

test('the debug information of a stripped program is found by its build-id or its link', async () => {
  const program = await openElf(fixture('separate.elf'), 'separate.elf');
  expect(openProgramInfo(program)).toBeUndefined();
  const linked = await separateDebugFile(program, filesFor('separate.elf'));
  expect(linked?.source.name).toBe('/fixture/separate.debug');
  const id = (await program.buildId()) ?? '';
  const path = `/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
  const open = async (asked: string) =>
    asked === path ? memorySource(fixture('separate.debug'), path) : undefined;
  const byId = await separateDebugFile(program, { open, folders: ['/nowhere', '/usr/lib/debug'] });
  expect(byId?.source.name).toBe(path);
  const info = byId && openProgramInfo(byId);
  expect((await info?.enumerator('BLUE'))?.value).toBe(6n);
  // A file of another build is not taken.
  const other = async () => memorySource(fixture('gcc4.elf'), path);
  expect(await separateDebugFile(program, { open: other, folders: ['/usr/lib/debug'] })).toBeUndefined();
});

test('a missing file beside the program is named once, and the rest is there', async () => {
  for (const [program, missing] of [
    ['split5.elf', 'types.dwo'],
    ['split4.elf', 'types.dwo'],
    ['dwz.elf', 'dwz.supplement'],
  ]) {
    const reports: UserError[] = [];
    const info = await openProgram(program ?? '', reports, NO_FILES);
    for (const address of gdbAnswers('gcc5').questions.addresses) await info.scopesAt(BigInt(address));
    expect(reports.filter(({ message }) => message.includes(missing ?? ''))).toHaveLength(1);
  }
});

test('the index of names comes back from a cache, and a damaged one is built anew', async () => {
  const kept = new Map<string, Uint8Array>();
  const cache = {
    load: async (key: string) => kept.get(key),
    store: async (key: string, bytes: Uint8Array) => void kept.set(key, bytes),
  };
  const names = async () => {
    const elf = await openElf(fixture('gcc5.elf'), 'gcc5.elf');
    return openProgramInfo(elf, () => {}, { cache })?.names('', 1000);
  };
  const first = await names();
  expect(first?.length).toBeGreaterThan(50);
  const [[key, saved] = ['', new Uint8Array()]] = kept;
  expect(key).toMatch(/^[0-9a-f]{40}-\d+\.names$/);
  // What is in the cache is what answers.
  const marked = Uint8Array.from(saved);
  marked.fill(0, 24, 32);
  kept.set(key, marked);
  expect(await names()).not.toEqual(first);
  kept.set(key, saved);
  expect(await names()).toEqual(first);
  for (const damaged of [
    saved.subarray(0, 100),
    new Uint8Array(5),
    saved.map((byte, i) => (i < 24 ? byte ^ 1 : byte)),
  ]) {
    kept.set(key, damaged);
    expect(await names()).toEqual(first);
  }
});
