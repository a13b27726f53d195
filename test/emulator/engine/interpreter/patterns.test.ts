import { expect, test } from 'vitest';
import { featureSet } from '../../../../emulator/cpu/features.ts';
import { instructions } from '../../../../emulator/cpu/isa/catalog.ts';
import type { InstructionRow } from '../../../../emulator/cpu/isa/define.ts';
import { Engine } from '../../../../emulator/engine/engine.ts';
import { Decoder, RecordWriter } from '../../../../emulator/engine/interpreter/decode.ts';
import { RECORD_SIZE, RECORDS } from '../../../../emulator/memory/layout.ts';
import { modules } from '../../machine/guests.ts';
import { Random } from '../translator/random-program.ts';

const features = featureSet('a53', { gicV3: true, el2: true });
const { kernels, memory } = new Engine(
  modules,
  { cpus: 1, ramBase: 0x4000_0000, ramSize: 1 << 20, features },
  {
    readDevice: () => 0,
    readDeviceHigh: () => 0,
    writeDevice: () => 0,
    readSystemRegister: () => {},
    writeSystemRegister: () => {},
  },
);

test('what the kernels decode is what TypeScript decodes', () => {
  const own = new WebAssembly.Memory({ initial: 1 });
  const writer = new RecordWriter(instructions, modules.tables, features, own);
  const expected = new Int32Array(own.buffer, 0, RECORD_SIZE / 4);
  const actual = new Int32Array(memory.buffer, RECORDS, RECORD_SIZE / 4);
  const wrong = new Set<string>();
  for (const row of instructions) {
    for (const word of wordsOf(row)) {
      actual.fill(0);
      if (kernels.decodeWord(RECORDS, word) === 0) continue;
      expected.fill(0);
      writer.write(0, word);
      if (expected.some((part, i) => part !== actual[i])) wrong.add(`${row.name}: ${word.toString(16)}`);
    }
  }
  expect([...wrong].slice(0, 20)).toEqual([]);
});

test('the kernels decode most words of the instructions that are executed often', () => {
  const decoder = new Decoder(instructions);
  const known = new Set(
    instructions
      .filter((row) =>
        wordsOf(row).some(
          (word) => decoder.decode(word)?.row === row && kernels.decodeWord(RECORDS, word) === 1,
        ),
      )
      .map(({ name }) => name),
  );
  for (const name of [
    'B, BL',
    'B.cond',
    'CBZ, CBNZ',
    'TBZ, TBNZ',
    'ADR, ADRP',
    'ADD, ADDS, SUB, SUBS (immediate)',
    'MOVN, MOVZ',
    'STR, LDR, LDRS (unsigned offset)',
    'STP, LDP, LDPSW, STNP, LDNP',
  ]) {
    expect(known).toContain(name);
  }
});

test('a word without meaning is left to TypeScript', () => {
  // MOVN of 32 bits, shifted by 32.
  expect(kernels.decodeWord(RECORDS, 0x12c0_0100)).toBe(0);
  expect(kernels.decodeWord(RECORDS, 0xffff_ffff)).toBe(0);
});

/** Words of the row's pattern: every single bit that it leaves open and every pair of them, and random ones. */
function wordsOf({ mask, value }: InstructionRow): number[] {
  const open = Array.from({ length: 32 }, (_, bit) => 1 << bit).filter((bit) => (mask & bit) === 0);
  const pairs = open.flatMap((first) => open.map((second) => first | second));
  const random = new Random(value);
  const others = Array.from({ length: 400 }, () => random.next());
  return [0, -1, ...pairs, ...pairs.map((bits) => ~bits), ...others].map(
    (bits) => ((bits & ~mask) | value) >>> 0,
  );
}
