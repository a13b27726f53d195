import { expect, test } from 'vitest';
import { instructions } from '../../emulator/cpu/isa/catalog.ts';
import type { InstructionRow } from '../../emulator/cpu/isa/define.ts';
import { Decoder } from '../../emulator/engine/interpreter/decode.ts';

/** Words tried for each pair of rows whose fixed bits do not tell them apart. */
const WORDS_PER_PAIR = 4000;

test('no two rows have one name', () => {
  const names = instructions.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(300);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

test('no instruction word matches two rows', () => {
  const random = words(1);
  const overlaps: string[] = [];
  for (const [first, second] of undistinguishedPairs()) {
    const pair = new Decoder([first, second]);
    const fixed = (first.mask | second.mask) >>> 0;
    const value = (first.value | second.value) >>> 0;
    for (let i = 0; i < WORDS_PER_PAIR; i++) {
      const word = ((random() & ~fixed) | value) >>> 0;
      if (pair.matches(word).length < 2) continue;
      overlaps.push(`${first.name} and ${second.name}: 0x${word.toString(16).padStart(8, '0')}`);
      break;
    }
  }
  expect(overlaps).toEqual([]);
});

test('the decoder finds the row that matches, for any word', () => {
  const decoder = new Decoder(instructions);
  const random = words(2);
  for (let i = 0; i < 20_000; i++) {
    const word = random();
    expect(decoder.decode(word)?.row).toBe(decoder.matches(word)[0]);
  }
});

test('derive names the same values for every word', () => {
  const random = words(3);
  for (const row of instructions) {
    const named = new Set<string>();
    for (let i = 0; i < 200 && row.derive; i++) {
      const word = ((random() & ~row.mask) | row.value) >>> 0;
      const fields = Object.fromEntries(
        row.fields.map(({ name, shift, width }) => [name, (word >>> shift) & ((1 << width) - 1)]),
      );
      if (row.accept?.(fields) ?? true) named.add(Object.keys(row.derive(fields)).join());
    }
    expect(named.size, row.name).toBeLessThan(2);
  }
});

function* undistinguishedPairs(): Generator<readonly [InstructionRow, InstructionRow]> {
  for (const [i, first] of instructions.entries()) {
    for (const second of instructions.slice(i + 1)) {
      if (((first.value ^ second.value) & first.mask & second.mask) === 0) yield [first, second];
    }
  }
}

/** Pseudo-random words (mulberry32), the same in every run. */
function words(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}
