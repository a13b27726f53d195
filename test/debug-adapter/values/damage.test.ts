// Damaged debug information and memory that has gone wild: values are said not to be there, and nothing hangs.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../../emulator/base/errors.ts';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import { ElfFile, PT_LOAD } from '../../../emulator/formats/elf.ts';
import { decompress } from '../../../debug-adapter/node/files.ts';
import { check } from '../support/round-trips.ts';
import type { RoundTrips } from '../support/round-trips.ts';
import { fixture, standing } from './standing.ts';

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'things.elf': ['thing', '*thing.self', 'GREEN', 'thing.points[1]', 'words', 'sizeof(thing)', '&add_one'],
  'containers.elf': [
    '$list(things, struct thing, link)',
    '$list(bucket, struct thing, hashed.node)',
    '$rbtree(&root, struct thing, sorted)',
    '$xarray(&array, struct thing)',
    'things',
  ],
  'kinds.elf': [
    'derived',
    '(shapes::Other)derived',
    'point.*member',
    'method',
    'quads',
    'complex_double',
    'flexible',
  ],
  'rust.elf': ['alloc::EVERYTHING', 'alloc::EVERYTHING.inner.0', 'alloc::STRING', 'alloc::NUMBERS[1]'],
  'marks.elf': ['request', 'request.buffer'],
};

test.each(Object.entries(PROGRAMS))('damage in %s is an answer or a sentence', async (file, expressions) => {
  const original = fixture(file);
  const { sections, segments } = await ElfFile.open(memorySource(original, file), decompress);
  const debug = sections.filter(({ name, size }) => name.startsWith('.debug_') && size > 0);
  const loaded = segments
    .filter(({ type }) => type === PT_LOAD)
    .map(({ offset, fileSize }) => ({ offset: Math.max(offset, 0x200), size: fileSize - 0x200 }))
    .filter(({ size }) => size > 0);
  const place = fc
    .constantFrom(...debug, ...debug, ...loaded)
    .chain(({ offset, size }) => fc.nat(size - 1).map((at) => offset + at));
  const value = fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff));
  const edits = fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const bytes = Uint8Array.from(original);
      for (const [at, byte] of changes) bytes[at] = byte;
      const result: RoundTrips = { checked: 0, broken: [] };
      const program = await standing(file, { pc: 0x400000n }, bytes);
      for (const expression of expressions) {
        try {
          expect((await program.print(expression)).value.length).toBeLessThan(100_000);
          const found = await program.evaluate(expression);
          await check(program.scope, { name: '', value: found, expression }, 2, result);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }
    }),
    { numRuns: 40 },
  );
});
