import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import { ElfFile } from '../../../emulator/formats/elf.ts';
import { UserError } from '../../../emulator/base/errors.ts';
import { readKallsyms } from '../../../emulator/formats/kallsyms.ts';
import { SymbolTable } from '../../../emulator/formats/symbols.ts';
import { fixtureText, openFixture } from './elf-fixture.ts';
import { imageWithKallsyms } from './kallsyms-image.ts';

const ROOT = join(import.meta.dirname, '../../..');
const nm = fixtureText('nm.txt');
const nmRows = [...nm.matchAll(/^([0-9a-f]+) (\w) (\S+)$/gm)].map(([, address, letter, name]) => ({
  address: BigInt(`0x${address}`),
  letter: letter ?? '',
  name: name ?? '',
}));

test('every symbol of nm is found by name and by address', async () => {
  const symbols = await SymbolTable.fromElf(await openFixture('dwarf5.elf'));
  for (const { address, letter, name } of nmRows.filter((row) => row.name !== '_GLOBAL_OFFSET_TABLE_')) {
    expect(symbols.find(name).map((place) => place.address)).toEqual([address]);
    const isFunction = letter.toLowerCase() === 't';
    expect(symbols.addressesOf(name)).toEqual(isFunction ? [address] : []);
    if (isFunction) expect(symbols.lookup(address)).toMatchObject({ name, offset: 0 });
  }
});

test('an address inside a function is its name and an offset', async () => {
  const symbols = await SymbolTable.fromElf(await openFixture('dwarf5.elf'));
  const [main] = symbols.addressesOf('kernel_main');
  expect(symbols.lookup((main ?? 0n) + 8n)).toMatchObject({
    name: 'kernel_main',
    offset: 8,
    kind: 'function',
  });
  expect(symbols.lookup(0xffff_8000_0808_0004n)).toMatchObject({ name: '_start', offset: 4 });
  expect(symbols.lookupAny(symbols.find('total')[0]?.address ?? 0n)).toMatchObject({
    name: 'total',
    kind: 'object',
  });
});

test('an address outside of the program has no name', async () => {
  const symbols = await SymbolTable.fromElf(await openFixture('dwarf5.elf'));
  for (const address of [
    0n,
    0x4000_0000n,
    0xffff_8000_0800_0000n,
    0xffff_8000_0900_0000n,
    0xffff_ffff_ffff_fffcn,
  ]) {
    expect(symbols.lookup(address)).toBeUndefined();
  }
});

test('mapping symbols are no names', async () => {
  const symbols = await SymbolTable.fromElf(await openFixture('dwarf5.elf'));
  expect(symbols.namesWithPrefix('$', 10)).toEqual([]);
  expect(symbols.namesWithPrefix('', 100)).not.toContain('');
  expect(symbols.namesWithPrefix('k', 10)).toEqual(['kernel_main']);
});

test('mapping symbols tell data from code', async () => {
  // Behind the branch at its start an Image has a header (nm --special-syms: $d at +4, $x at +0x40).
  const file = readFileSync(join(ROOT, 'media/samples/hello-xen/hello-xen.elf'));
  const symbols = await SymbolTable.fromElf(await ElfFile.open(memorySource(file, 'hello-xen.elf')));
  const text = 0xffff_ff80_0000_0000n;
  const isData = [0n, 4n, 0x3cn, 0x40n].map((at) => symbols.isData(text + at));
  expect(isData).toEqual([false, true, true, false]);
  expect(symbols.relocated(0x1000n).isData(text + 0x1004n)).toBe(true);
  expect(symbols.isData(0n)).toBe(false);
});

test('a program that runs elsewhere has its names there', async () => {
  const linked = await SymbolTable.fromElf(await openFixture('dwarf5.elf'));
  for (const slide of [0x20_0000n, -0xffff_8000_0000_0000n]) {
    const moved = linked.relocated(slide);
    const [main] = moved.addressesOf('kernel_main');
    expect(main).toBe((linked.addressesOf('kernel_main')[0] ?? 0n) + slide);
    expect(moved.lookup((main ?? 0n) + 4n)).toMatchObject({ name: 'kernel_main', offset: 4 });
  }
  expect(linked.relocated(0x20_0000n).lookup(0xffff_8000_0808_0000n)).toBeUndefined();
});

test('a stripped file has no symbols', async () => {
  expect((await SymbolTable.fromElf(await openFixture('stripped.elf'))).functionCount).toBe(0);
});

test('a System.map gives the same functions as the file it was made from', async () => {
  const map = SymbolTable.fromSystemMap(nm, 'System.map');
  expect(map.addressesOf('kernel_main')).toEqual([nmRows.find((row) => row.name === 'kernel_main')?.address]);
  expect(map.lookup(0xffff_8000_0808_0014n)).toMatchObject({ name: 'halt', offset: 4 });
});

test('of two names of one place the plain one is shown, and both are found', () => {
  const rows = ['W strcmp', 'T __pi_strcmp', 't __local', 'T global'];
  for (const order of [rows, rows.toReversed()]) {
    const text = order.map((row) => `ffff800008c9b470 ${row}\n`).join('');
    const map = SymbolTable.fromSystemMap(
      `ffff800008c90000 T _text\n${text}ffff800008c9b480 T after\n`,
      'map',
    );
    expect(map.lookup(0xffff_8000_08c9_b474n)?.name).not.toMatch(/^__/);
    expect(map.addressesOf('__pi_strcmp')).toEqual([0xffff_8000_08c9_b470n]);
    expect(map.addressesOf('strcmp')).toEqual([0xffff_8000_08c9_b470n]);
  }
});

test('the placeholder that distributions install as System.map is refused', () => {
  const placeholder = 'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n';
  expect(() => SymbolTable.fromSystemMap(placeholder, '/boot/System.map')).toThrow(UserError);
});

for (const layout of ['6.1', '6.4'] as const) {
  test(`kallsyms inside an Image give its functions, in the layout of ${layout}`, () => {
    const names = Array.from({ length: 600 }, (_, i) => ({
      offset: 0x1_0000 + 64 * i,
      text: `Tfunction_${i}`,
    }));
    names.push({ offset: 0x2_0000, text: 'Tprimary_entry' }, { offset: 0x2_0040, text: 'tstart_kernel' });
    names.push({ offset: 0x2_0080, text: `t${'very_long_'.repeat(20)}name` });
    const base = 0xffff_8000_0800_0000n;
    const found = readKallsyms(imageWithKallsyms(layout, base, names));
    const symbols = found?.symbols;
    expect(found?.imageBase).toBe(base);
    expect(symbols?.functionCount).toBe(names.length);
    expect(symbols?.addressesOf('start_kernel')).toEqual([base + 0x2_0040n]);
    expect(symbols?.addressesOf('function_599')).toEqual([base + 0x1_0000n + 64n * 599n]);
    expect(symbols?.lookup(base + 0x1_0044n)).toMatchObject({ name: 'function_1', offset: 4 });
    expect(symbols?.lookup(base + 0x2_0084n)?.name).toHaveLength(204);
  });
}

test('an Image without kallsyms has none', () => {
  expect(readKallsyms(new Uint8Array(1 << 16))).toBeUndefined();
  expect(readKallsyms(new Uint8Array())).toBeUndefined();
  const damaged = imageWithKallsyms('6.1', 0xffff_8000_0800_0000n, [{ offset: 0, text: 'Tonly' }]);
  expect(readKallsyms(damaged)).toBeUndefined();
});

test('mapping symbols name nothing, with or without a prefix', () => {
  const text = ['$x', '__kvm_nvhe_$x', '__efistub_$d', 'cost_in_$', 'a$xyz', '$x.3', 'last']
    .map((name, i) => `ffff80000808000${i} t ${name}`)
    .join('\n');
  const table = SymbolTable.fromSystemMap(text, 'System.map');
  const found = [...text.matchAll(/\S+$/gm)]
    .map(([name]) => name)
    .filter((name) => table.find(name).length > 0);
  expect(found).toEqual(['cost_in_$', 'a$xyz', 'last']);
});
