import fc from 'fast-check';
import { expect, test } from 'vitest';

import { UserError } from '../../../emulator/base/errors.ts';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import { ElfFile, PT_LOAD } from '../../../emulator/formats/elf.ts';
import { fixtureBytes, inflate, openBytes, openFixture } from './elf-fixture.ts';

test('headers say where the program stands', async () => {
  const elf = await openFixture('dwarf5.elf');
  expect(elf.entry).toBe(0xffff_8000_0808_0000n);
  expect(elf.window.base).toBe(0xffff_8000_0808_0000n);
  const [text] = elf.segments.filter((segment) => segment.type === PT_LOAD);
  expect(text).toMatchObject({ virtualAddress: 0xffff_8000_0808_0000n, physicalAddress: 0x4008_0000n });
  expect(elf.section('.text')).toMatchObject({ address: 0xffff_8000_0808_0000n, type: 1, flags: 6 });
});

test('the build-id is that of the note', async () => {
  expect(await (await openFixture('dwarf5.elf')).buildId()).toMatch(/^[0-9a-f]{40}$/);
  expect(await (await openFixture('stripped.elf')).buildId()).toBe(
    await (await openFixture('dwarf5.elf')).buildId(),
  );
});

test('compressed sections have the content of plain ones', async () => {
  const sections = async (file: string, prefix: string) => {
    const elf = await openFixture(file);
    const found = elf.sections.filter((section) => section.name.startsWith(prefix));
    expect(found.length).toBeGreaterThan(4);
    return Promise.all(
      found.map(async (s) => [s.name.replace('.z', '.'), await elf.readSection(s)] as const),
    );
  };
  expect(await sections('dwarf5-zlib.elf', '.debug_')).toEqual(await sections('dwarf5.elf', '.debug_'));
  expect(await sections('dwarf4-zdebug.elf', '.zdebug_')).toEqual(await sections('dwarf4.elf', '.debug_'));
});

test('opening a file reads headers only', async () => {
  const bytes = fixtureBytes('dwarf5.elf');
  let read = 0;
  const source = memorySource(bytes, 'dwarf5.elf');
  await ElfFile.open({
    ...source,
    read: (offset, length) => ((read += length), source.read(offset, length)),
  });
  expect(read).toBeLessThan(4096);
});

test('what is no arm64 ELF is refused by what it is', async () => {
  const told = async (change: (bytes: Uint8Array) => Uint8Array | void) => {
    const bytes = fixtureBytes('dwarf5.elf');
    return openBytes(change(bytes) ?? bytes).then(() => 'accepted', String);
  };
  expect([
    await told((bytes) => void (bytes[0] = 0)),
    await told((bytes) => void (bytes[4] = 1)),
    await told((bytes) => void (bytes[5] = 2)),
    await told((bytes) => void (bytes[18] = 62)),
    await told((bytes) => bytes.subarray(0, 50)),
    await told((bytes) => bytes.subarray(0, 8000)),
    await told((bytes) => void bytes.fill(0xff, 40, 48)),
  ]).toMatchInlineSnapshot(`
    [
      "program.elf at offset 0: this is not an ELF file. Use a file built for arm64 (aarch64-linux-gnu).",
      "program.elf at offset 4: this is a 32-bit ELF file. Use a file built for arm64 (aarch64-linux-gnu).",
      "program.elf at offset 5: this is a big-endian ELF file. Use a file built for arm64 (aarch64-linux-gnu).",
      "program.elf at offset 18: this ELF file is for x86-64. Use a file built for arm64 (aarch64-linux-gnu).",
      "program.elf at offset 0: the ELF header needs 64 bytes at offset 0, but the file has 50 bytes. The file is truncated or damaged: copy or build it again.",
      "program.elf at offset 8000: the section headers needs 1152 bytes at offset 14024, but the file has 8000 bytes. The file is truncated or damaged: copy or build it again.",
      "program.elf at offset 40: the ELF file names a place or size of 0xffffffffffffffff. The file is damaged: build it again.",
    ]
  `);
});

test('a damaged file gives one error with an offset, or opens', async () => {
  const original = fixtureBytes('dwarf5-zlib.elf');
  const header = fc.nat(400);
  const tail = fc.integer({ min: original.length - 1000, max: original.length - 1 });
  const edits = fc.array(fc.tuple(fc.oneof(header, tail), fc.nat(255)), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(edits, fc.option(fc.nat(original.length)), async (changes, cut) => {
      const bytes = Uint8Array.from(original.subarray(0, cut ?? original.length));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      try {
        const elf = await ElfFile.open(memorySource(bytes, 'x.elf'), inflate);
        for (const section of elf.sections) await elf.readSection(section);
        for (const segment of elf.segments) await elf.readSegment(segment);
        await elf.buildId();
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).place.offset).toBeDefined();
      }
    }),
    { numRuns: 500 },
  );
});
