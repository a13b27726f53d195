// Call frame information of compiled programs, against what readelf says of it (fixtures/frames).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { memorySource } from '../../../../emulator/formats/byte-source.ts';
import { FrameInfo } from '../../../../emulator/formats/dwarf/frame-info.ts';
import type { FrameRules, RegisterRule } from '../../../../emulator/formats/dwarf/frame-rules.ts';
import { ElfFile } from '../../../../emulator/formats/elf.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/frames');
const TEXT = 0x4008_0000n;

const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, `${name}.elf`)));

async function open(bytes: Uint8Array): Promise<{ info: FrameInfo; told: string[]; elf: ElfFile }> {
  const told: string[] = [];
  const elf = await ElfFile.open(memorySource(bytes, 'frames.elf'));
  const info = FrameInfo.open(elf, (message) => told.push(message));
  if (!info) throw new Error('no call frame information');
  return { info, told, elf };
}

/** A rule as readelf writes it. */
function inWords(rule: RegisterRule | undefined): string {
  const signed = (offset: number): string => (offset < 0 ? `${offset}` : `+${offset}`);
  switch (rule?.kind) {
    case undefined:
    case 'undefined':
      return 'u';
    case 'same':
      return 's';
    case 'offset':
      return `c${signed(rule.offset)}`;
    case 'val_offset':
      return `v${signed(rule.offset)}`;
    case 'register':
      return `r${rule.register}`;
    case 'expression':
      return 'exp';
    case 'val_expression':
      return 'vexp';
  }
}

function cfaInWords({ cfa }: FrameRules): string {
  if (cfa.kind === 'expression') return 'exp';
  return `${cfa.register === 31 ? 'sp' : `x${cfa.register}`}+${cfa.offset}`;
}

/** `ra` is X30, `v8` register 72 (AADWARF64). */
function numberOf(column: string): number {
  if (column === 'ra') return 30;
  return Number(column.slice(1)) + (column.startsWith('v') ? 64 : 0);
}

test.each(['debug_frame', 'eh_frame', 'signed'])('%s: every row is what readelf says', async (name) => {
  const { info, told } = await open(fixture(name));
  let columns: string[] = [];
  let rows = 0;
  let inCode = false;
  for (const line of readFileSync(join(FOLDER, `${name}.txt`), 'utf8').split('\n')) {
    if (/ (?:CIE|FDE) /.test(line)) inCode = line.includes(' FDE ');
    const header = /^ +LOC +CFA(.*)$/.exec(line)?.[1];
    if (header !== undefined) columns = header.trim().split(/\s+/).filter(Boolean);
    const [, address, cfa = '', rest = ''] = /^([0-9a-f]{16}) (\S+) *(.*)$/.exec(line) ?? [];
    if (!inCode || address === undefined) continue;
    const rules = await info.rulesAt(BigInt(`0x${address}`));
    if (!rules) throw new Error(`no rules at ${address}`);
    const found = columns.map((column) => inWords(rules.registers.get(numberOf(column))));
    // readelf names a register twice: `r9 (x9)`.
    const wanted = rest
      .replaceAll(/ \(\w+\)/g, '')
      .split(/\s+/)
      .filter(Boolean);
    expect({ address, cfa: cfaInWords(rules), found }).toEqual({ address, cfa, found: wanted });
    expect(rules.returnAddress).toBe(30);
    rows++;
  }
  expect(rows).toBeGreaterThan(30);
  expect(told).toEqual([]);
});

test('a row holds up to the next one, and code without information has no rules', async () => {
  const { info } = await open(fixture('debug_frame'));
  const sizes: (string | undefined)[] = [];
  for (const offset of [0x10n, 0x13n, 0x14n, 0x18n, 0x1cn, 0xdbn, 0xdcn]) {
    const rules = await info.rulesAt(TEXT + offset);
    sizes.push(rules && cfaInWords(rules));
  }
  expect(sizes).toEqual(['sp+0', 'sp+0', 'sp+432', 'sp+432', 'sp+432', 'sp+432', 'sp+0']);
  for (const address of [0n, TEXT - 4n, TEXT + 0xcn, TEXT + 0x1000n, 0xffff_8000_0000_0000n]) {
    expect(await info.rulesAt(address)).toBeUndefined();
  }
});

test('signed return addresses and frames of signals are told', async () => {
  const { info } = await open(fixture('signed'));
  const { elf } = await open(fixture('signed'));
  const states = new Set<boolean | undefined>();
  const text = elf.section('.text');
  for (let at = 0n; at < BigInt(text?.size ?? 0); at += 4n) {
    states.add((await info.rulesAt((text?.address ?? 0n) + at))?.isSigned);
  }
  expect(states).toEqual(new Set([true, false, undefined]));

  const { info: plain } = await open(fixture('debug_frame'));
  expect(await plain.rulesAt(TEXT + 0x10n)).toMatchObject({ isSignalFrame: false, isSigned: false });
  expect(await plain.rulesAt(TEXT + 0x200n)).toMatchObject({ isSignalFrame: true });
});

test('damage is told once and never thrown', async () => {
  const original = fixture('debug_frame');
  const section = (await open(original)).elf.section('.debug_frame');
  if (!section) throw new Error('no .debug_frame');
  let damaged = 0;
  for (let at = 0; at < section.size; at++) {
    for (const value of [0x00, 0xff, 0x0b, 0x7f]) {
      const bytes = original.slice();
      bytes[section.offset + at] = value;
      const { info, told } = await open(bytes);
      for (let offset = 0n; offset < 0x240n; offset += 0x10n) {
        await info.rulesAt(TEXT + offset);
        await info.rulesAt(TEXT + offset);
      }
      expect(new Set(told).size).toBe(told.length);
      if (told.length > 0) damaged++;
    }
  }
  expect(damaged).toBeGreaterThan(50);
});
