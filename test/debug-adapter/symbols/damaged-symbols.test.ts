// A symbol file whose sections lie: what can be read is used, the rest is told in a sentence.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dwarfLines } from '../../../debug-adapter/symbols/dwarf-lines.ts';
import { UserError } from '../../../emulator/base/errors.ts';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import { ElfFile } from '../../../emulator/formats/elf.ts';

const good = readFileSync(join(import.meta.dirname, '../../../media/samples/hello-xen/hello-xen.elf'));
const SOURCE = ['/hello-xen/src/main.c'];

/** Offset and size of a section, as the section header says them. */
const OFFSET = 24;
const SIZE = 32;

/** The file with one field of the header of one section replaced. */
async function withField(section: string, field: number, value: bigint): Promise<ElfFile> {
  const bytes = new Uint8Array(good);
  const view = new DataView(bytes.buffer);
  const index = (await ElfFile.open(memorySource(bytes))).section(section)?.index ?? 0;
  view.setBigUint64(Number(view.getBigUint64(40, true)) + 64 * index + field, value, true);
  return ElfFile.open(memorySource(bytes, 'damaged.elf'));
}

const lies: [string, number, bigint][] = [
  ['.debug_line', SIZE, 0xffff_ffffn],
  ['.debug_line', SIZE, 1n << 52n],
  ['.debug_line', OFFSET, 1n << 40n],
  ['.debug_info', SIZE, 0xffff_ffffn],
  ['.debug_abbrev', SIZE, 1n],
  ['.debug_str', SIZE, 1n],
  ['.debug_line_str', SIZE, 0xffff_ffffn],
  ['.debug_aranges', SIZE, 0xffff_ffffn],
];

test.each(lies)('%s with %i = %i', async (section, field, value) => {
  const lines = dwarfLines(await withField(section, field, value), undefined);
  if (!lines) return;
  const asked = [
    lines.addressesOfLine(SOURCE, 60),
    lines.lineAt(0x4008_0000n),
    lines.functionsAt(0x4008_0000n),
  ];
  for (const result of await Promise.allSettled(asked)) {
    if (result.status === 'fulfilled') continue;
    expect(result.reason).toBeInstanceOf(UserError);
    expect(String(result.reason)).toMatch(/^damaged\.elf/);
  }
});
