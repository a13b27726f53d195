// What regions do themselves of exclusives, interrupt masks, cache maintenance and system registers: as the kernels
// do it, at EL1 and at EL0, also where it is trapped, faults, or lets a pending interrupt in.

import { expect, test } from 'vitest';
import { RandomMachine } from './random-machine.ts';
import { Random } from './random-program.ts';

const END = 0xd4000001 | (0x77 << 5);
const REPEATED = 40;

/** ADD X4, X4, Xn; ROR X4, X4, #7: what was seen is remembered. */
const remember = (register: number): number[] => [0x8b000084 | (register << 16), 0x93c41c84];
const addImmediate = (to: number, from: number, value: number): number =>
  0x91000000 | (value << 10) | (from << 5) | to;

/** The body again and again; X18 counts down. */
function repeated(body: readonly number[]): Uint32Array {
  const back = -(body.length + 1);
  return Uint32Array.from([
    0xd2800000 | (REPEATED << 5) | 18,
    ...body,
    0xd1000652, // SUB X18, X18, #1
    0xb5000000 | ((back & 0x7ffff) << 5) | 18,
    END,
  ]);
}

const exclusive = (
  size: number,
  isPair: boolean,
  load: number,
  status: number,
  other: number,
  base: number,
) =>
  ((size << 30) |
    0x08000000 |
    (isPair ? 0x200000 : 0) |
    (load << 22) |
    (status << 16) |
    (other << 10) |
    (base << 5)) >>>
  0;
const LOAD_8 = exclusive(3, false, 1, 31, 31, 20) | 1; // LDXR X1, [X20]
const STORE_8 = exclusive(3, false, 0, 2, 31, 21) | 31; // STXR W2, XZR, [X21]
/** Everything that is loaded and stored is 0, so that only the monitor decides. */
const CLEARED = [0xa9007f1f, 0xa9017f1f]; // STP XZR, XZR, [X24]; [X24, #16]
const BASES = [
  0x92400250, // AND X16, X18, #1
  0x8b100f14, // ADD X20, X24, X16, LSL #3
  0x92410250, // AND X16, X18, #2
  0x8b100b15, // ADD X21, X24, X16, LSL #2
];

const programs: Readonly<Record<string, Uint32Array>> = {
  'exclusives at the same place and at another': repeated([
    ...CLEARED,
    ...BASES,
    LOAD_8,
    STORE_8,
    ...remember(2),
    STORE_8, // The monitor is open.
    ...remember(2),
  ]),
  'exclusives of two sizes': repeated([
    ...CLEARED,
    0xaa1803f4, // MOV X20, X24
    0xaa1803f5, // MOV X21, X24
    LOAD_8 & ~(1 << 30),
    STORE_8,
    ...remember(2),
    LOAD_8,
    STORE_8,
    ...remember(2),
  ]),
  'exclusives and a store in between': repeated([
    ...CLEARED,
    ...BASES,
    LOAD_8,
    0xf9000292, // STR X18, [X20]
    STORE_8,
    ...remember(2),
    0xf94002a5, // LDR X5, [X21]
    ...remember(5),
    LOAD_8,
    0xd503305f | (15 << 8), // CLREX
    STORE_8,
    ...remember(2),
  ]),
  'pairs of exclusives': repeated([
    ...CLEARED,
    ...BASES,
    0x927cee94, // AND X20, X20, #~15
    0x927cee95, // AND X21, X21, #~15
    exclusive(3, true, 1, 31, 3, 20) | 1, // LDXP X1, X3, [X20]
    exclusive(3, true, 0, 2, 18, 21) | 18, // STXP W2, X18, X18, [X21]
    ...remember(2),
    ...remember(3),
    exclusive(3, true, 1, 31, 3, 20) | 1,
    0xf900069f, // STR XZR, [X20, #8]
    exclusive(3, true, 0, 2, 31, 20) | 31,
    ...remember(2),
    exclusive(2, true, 1, 31, 3, 20) | 1, // LDXP W1, W3, [X20]
    0xb9000692, // STR W18, [X20, #4]
    exclusive(2, true, 0, 2, 18, 21) | 18, // STXP W2, W18, W18, [X21]
    ...remember(2),
  ]),
  'exclusives that are misaligned, or not of memory that may be written': repeated([
    0x927d0250, // AND X16, X18, #8
    0x8b100715, // ADD X21, X24, X16, LSL #1
    0xd344fe10, // LSR X16, X16, #4 (0)
    0x92400651, // AND X17, X18, #3
    0x8b113314, // ADD X20, X24, X17, LSL #12
    0x91401294, // ADD X20, X20, #4, LSL #12: pages 4 to 7, of which 4 is read-only and 5 is not there
    LOAD_8,
    exclusive(3, false, 0, 2, 31, 20) | 18, // STXR W2, X18, [X20]
    ...remember(2),
    addImmediate(20, 24, 4),
    LOAD_8,
    ...remember(1),
  ]),
  'interrupts that are masked for a while': repeated([
    0xd53b4225, // MRS X5, DAIF
    ...remember(5),
    0xd50342df, // MSR DAIFSet, #2
    0xd53b4226, // MRS X6, DAIF
    ...remember(6),
    0x92401650, // AND X16, X18, #63
    0x91000610, // ADD X16, X16, #1
    0xd1000610, // SUB X16, X16, #1
    0xb5fffff0, // CBNZ X16, .-4
    0x36000072, // TBZ W18, #0, .+12
    0xd51b4225, // MSR DAIF, X5
    0x14000002,
    0xd50342ff, // MSR DAIFClr, #2
    ...remember(18),
  ]),
  'a stack pointer that is misaligned for a while': repeated([
    0x910003e5, // MOV X5, SP
    0x92400a50, // AND X16, X18, #7
    0xcb3063ff, // SUB SP, SP, X16
    0xf94003e6, // LDR X6, [SP]: faults in seven of eight
    ...remember(6),
    0x910003e7, // MOV X7, SP
    ...remember(7),
    0xd10083ff, // SUB SP, SP, #32
    0xa90067e6, // STP X6, X25, [SP]
    0x910000bf, // MOV SP, X5
    0xf94003e6, // LDR X6, [SP]
    ...remember(6),
    0xf81f8ff2, // STR X18, [SP, #-8]!
    0xf84087e6, // LDR X6, [SP], #8
    ...remember(6),
    0x910000bf, // MOV SP, X5
    0xd53b4405, // MRS X5, FPCR
    ...remember(5),
    0xd53b4425, // MRS X5, FPSR
    ...remember(5),
  ]),
  'DC ZVA and cache maintenance': repeated([
    0x92401250, // AND X16, X18, #31
    0xd37bea14, // LSL X20, X16, #5 …
    0x8b140314, // ADD X20, X24, X20
    0xf9000292, // STR X18, [X20]
    0xf9001e92, // STR X18, [X20, #56]
    0xd50b7434, // DC ZVA, X20
    0xf9400285, // LDR X5, [X20]
    ...remember(5),
    0xf9401e85, // LDR X5, [X20, #56]
    ...remember(5),
    0xd50b7b34, // DC CVAU, X20
    0xd50b7534, // IC IVAU, X20
    0xd508751f, // IC IALLU: UNDEFINED at EL0
    0x92400a51, // AND X17, X18, #7
    0x8b113314, // ADD X20, X24, X17, LSL #12: page 5 is not there, 4 is read-only
    0xd50b7e34, // DC CIVAC, X20
    0xd50b7a34, // DC CVAC, X20
    0xd50b7434, // DC ZVA, X20
    0xd53b00e5, // MRS X5, DCZID_EL0
    ...remember(5),
    0xd5384245, // MRS X5, CurrentEL: UNDEFINED at EL0
    ...remember(5),
    0xd5384205, // MRS X5, SPSel
    ...remember(5),
  ]),
};

for (const [name, program] of Object.entries(programs)) {
  test.each([1, 1_000])(`${name}, threshold %i`, (threshold) => {
    const [interpreted, translated] = [undefined, { threshold }].map(
      (translate) => new RandomMachine({ program, seed: 3, translate }),
    ) as [RandomMachine, RandomMachine];
    const random = new Random(5);
    for (let cut = 0, count = 0; cut < 12; cut++) {
      count += 1 + random.below(6_000);
      interpreted.runTo(count, () => 100_000);
      translated.runTo(count, () => 1 + random.below(4_000));
      expect(translated.registers(), `at ${count}`).toEqual(interpreted.registers());
      expect(translated.hash(), `at ${count}`).toBe(interpreted.hash());
    }
    expect(translated.machine.engine.statistics?.regions).toBeGreaterThan(0);
  });
}
