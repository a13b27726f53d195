// Regions over several pages: procedures on other pages, code that runs on into the next page, pages that are
// exchanged, rewritten or watched by a debugger while the regions that go through them are hot.

import { expect, test } from 'vitest';
import { PROGRAM, RandomMachine, type Translate } from './random-machine.ts';
import { Random } from './random-program.ts';

const PAGE_WORDS = 1024;
/** Where other versions of the program's pages lie in RAM. */
const OTHER = PROGRAM + 0x1_0000;
const NOP = 0xd503201f;
const SETTINGS: readonly Translate[] = [{ threshold: 1 }, { threshold: 1_000 }];

const branch = (from: number, to: number): number => (0x14000000 | ((to - from) & 0x3ffffff)) >>> 0;
const call = (from: number, to: number): number => (branch(from, to) | 0x80000000) >>> 0;
const addImmediate = (register: number, value: number): number =>
  (0x91000000 | (value << 10) | (register << 5) | register) >>> 0;
const addRegister = (to: number, other: number): number =>
  (0x8b000000 | (other << 16) | (to << 5) | to) >>> 0;
const moveRegister = (to: number, from: number): number => (0xaa0003e0 | (from << 16) | to) >>> 0;
const here = (register: number): number => (0x10000000 | register) >>> 0;

/** On page 1; its second instruction is rewritten. */
const LEAF = PAGE_WORDS + 4;
/** Begins near the end of page 2 and ends on page 3. */
const OVER = 3 * PAGE_WORDS - 4;

interface Variant {
  /** What the procedures add: a page's versions differ in it. */
  readonly amount: number;
  readonly rewrites: boolean;
  readonly maintains: boolean;
}

function program({ amount, rewrites, maintains }: Variant): Uint32Array {
  const words = new Uint32Array(4 * PAGE_WORDS).fill(NOP);
  let at = 0;
  const put = (...list: number[]): void => {
    for (const word of list) words[at++] = word;
  };
  // The TLBs are flushed in each round at EL1, so that another version of a page comes to light.
  put(0xd508871f, 0xd5033f9f, 0xd5033fdf); // TLBI VMALLE1; DSB; ISB
  put(0xd2800000 | (60 << 5) | 18); // MOV X18, #60
  const loop = at;
  put(call(at, LEAF), addRegister(3, 1));
  put(call(at, OVER), addRegister(3, 1));
  put(0xf9000303); // STR X3, [X24]
  if (rewrites) {
    // Into the leaf, each eighth time: ADD X1, X1, #(X18 + 1).
    put(0xf2400a5f, 0x54000001 | ((maintains ? 10 : 7) << 5)); // TST X18, #7; B.NE
    put(0x91000650, 0xd2800000 | (0x21 << 5) | 17, 0xf2b22000 | 17); // ADD X16, X18, #1; MOV X17, #0x91000021
    put(0x0b000000 | (16 << 16) | (10 << 10) | (17 << 5) | 17); // ADD W17, W17, W16, LSL #10
    put(0x10000000 | (((LEAF + 1 - at) & 0x7ffff) << 5) | 16, 0xb9000211); // ADR X16; STR W17, [X16]
    if (maintains) put(0xd50b7530, 0xd5033f9f, 0xd5033fdf); // IC IVAU, X16; DSB; ISB
  }
  put(0xd1000652, 0xb5000000 | (((loop - at - 1) & 0x7ffff) << 5) | 18); // SUB X18, X18, #1; CBNZ X18
  put(0xd4000001 | (0x77 << 5)); // SVC: the end of the round

  at = LEAF;
  put(here(2), addImmediate(1, amount), addRegister(1, 2), 0xd65f03c0);
  at = OVER;
  put(moveRegister(21, 30), call(at, LEAF), addImmediate(1, 2 * amount), here(4));
  put(addRegister(1, 4), addImmediate(1, 3 * amount), moveRegister(30, 21), 0xd65f03c0);
  return words;
}

function machines(variant: Variant, translate: Translate): [RandomMachine, RandomMachine] {
  const others = program({ ...variant, amount: variant.amount + 100 });
  return [undefined, translate].map((setting) => {
    const machine = new RandomMachine({ program: program(variant), seed: 1, translate: setting });
    others.forEach((word, i) => machine.machine.memory.write32(OTHER + 4 * i, word));
    return machine;
  }) as [RandomMachine, RandomMachine];
}

const variants: readonly (readonly [string, Variant])[] = [
  ['left alone', { amount: 1, rewrites: false, maintains: false }],
  ['rewritten', { amount: 2, rewrites: true, maintains: false }],
  ['rewritten with maintenance', { amount: 3, rewrites: true, maintains: true }],
];

for (const translate of SETTINGS) {
  const threshold = translate?.threshold;
  for (const [name, variant] of variants) {
    test(`pages that are exchanged, the code ${name}, threshold ${threshold}`, () => {
      const both = machines(variant, translate);
      const random = new Random(variant.amount);
      for (let round = 0, count = 0; round < 30; round++) {
        count += 1 + random.below(6_000);
        for (const machine of both) machine.runTo(count, () => 700);
        expect(both[1].registers(), `at ${count}`).toEqual(both[0].registers());
        expect(both[1].hash(), `at ${count}`).toBe(both[0].hash());
        const page = 1 + random.below(3);
        // Its own RAM, the other version, or that of another page.
        const from =
          (random.once(2) ? PROGRAM : OTHER) + 4096 * (random.once(5) ? 1 + random.below(3) : page);
        for (const machine of both) machine.remapProgram(page, from);
        if (!random.once(4)) continue;
        // A debugger writes into one version of the leaf.
        const address = (random.once(2) ? PROGRAM : OTHER) + 4 * (LEAF + 1);
        const word = addImmediate(1, random.below(100));
        for (const { machine } of both) machine.memory.write32(address, word);
      }
      expect(both[1].machine.engine.statistics?.regions).toBeGreaterThan(0);
    });
  }

  test(`breakpoints on the other pages, threshold ${threshold}`, () => {
    const both = machines({ amount: 1, rewrites: false, maintains: false }, translate);
    for (const machine of both) machine.runTo(60_000, () => 700);
    const random = new Random(9);
    let stops = 0;
    for (let round = 0; round < 12; round++) {
      const place = random.pick([0, LEAF + 1, LEAF + 3, OVER, OVER + 2, OVER + 4, OVER + 6]);
      const breakpoints = random.once(4)
        ? []
        : [{ kind: 'va' as const, address: BigInt(PROGRAM + 4 * place) }];
      const seen = both.map(({ machine }) => {
        machine.engine.setBreakpoints(breakpoints);
        const end = machine.engine.instructions + 3_000;
        const at: number[] = [];
        while (machine.engine.instructions < end) {
          const result = machine.runSlice(end - machine.engine.instructions);
          if (result.kind === 'idle') machine.skipTo(result.deadline);
          if (result.kind !== 'breakpoint') continue;
          at.push(machine.engine.instructions);
          machine.passBreakpoint();
        }
        machine.settle();
        return at;
      });
      expect(seen[1]).toEqual(seen[0]);
      expect(both[1].hash()).toBe(both[0].hash());
      stops += seen[0]?.length ?? 0;
    }
    expect(stops).toBeGreaterThan(0);
  });
}
