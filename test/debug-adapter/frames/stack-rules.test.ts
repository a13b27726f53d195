// Stacks by call frame information, and across exceptions.

import { expect, test } from 'vitest';
import { exceptionInWords } from '../../../debug-adapter/frames/exception-words.ts';
import { walkStack } from '../../../debug-adapter/frames/stack.ts';
import type { Frame, StackSource } from '../../../debug-adapter/frames/stack.ts';
import type { FrameRules, RegisterRule } from '../../../emulator/formats/dwarf/frame-rules.ts';
import { b, assemble, NOP, RET } from '../support/assemble.ts';

const SP = 31;
const STACK = 0xffff_0000_0000_8000n;
const INNER = 0xffff_8000_0000_1000n;
const OUTER = 0xffff_8000_0000_2000n;

/** Memory of 64-bit words. */
function words(all: Readonly<Record<string, bigint>>): StackSource['read'] {
  const known = new Map(Object.entries(all).map(([address, word]) => [BigInt(address), word]));
  return async (address, length) => {
    const bytes = new DataView(new ArrayBuffer(Math.ceil(length / 8) * 8));
    for (let at = 0; at < length; at += 8) {
      const word = known.get(address + BigInt(at));
      if (word === undefined) return new Uint8Array(bytes.buffer, 0, Math.min(at, length));
      bytes.setBigUint64(at, word, true);
    }
    return new Uint8Array(bytes.buffer, 0, length);
  };
}

const at = (base: bigint, list: readonly bigint[]): Record<string, bigint> =>
  Object.fromEntries(list.map((word, i) => [String(base + BigInt(8 * i)), word]));

function rules(
  cfa: FrameRules['cfa'],
  registers: Readonly<Record<number, RegisterRule>>,
  more: Partial<FrameRules> = {},
): FrameRules {
  const byNumber = new Map(Object.entries(registers).map(([n, rule]) => [Number(n), rule]));
  return { cfa, registers: byNumber, returnAddress: 30, isSigned: false, isSignalFrame: false, ...more };
}

const saved = (offset: number): RegisterRule => ({ kind: 'offset', offset });
const fromSp = (offset: number): FrameRules['cfa'] => ({ kind: 'register', register: SP, offset });

/** The function at INNER has 48 bytes, that at OUTER 32; both saved X29, X30 and X19. */
const plain = {
  [String(INNER)]: rules(fromSp(48), { 19: saved(-32), 29: saved(-48), 30: saved(-40) }),
  [String(OUTER)]: rules(fromSp(32), { 20: saved(-16), 29: saved(-32), 30: saved(-24) }),
};
const rulesOf =
  (all: Readonly<Record<string, FrameRules>>): NonNullable<StackSource['rulesAt']> =>
  async (address) =>
    all[String(address & ~0xfffn)];

function registers(pc: bigint, x: Readonly<Record<number, bigint>> = {}, el = 1) {
  const file = new BigUint64Array(31);
  for (const [n, value] of Object.entries(x)) file[Number(n)] = value;
  return { x: file, sp: STACK, pc, pstate: (el << 2) | (el > 0 ? 1 : 0) };
}

const shown = ({ pc, by }: Frame): string => `${pc.toString(16)} ${by}`;

test('callers have the registers that were saved, and SP', async () => {
  const read = words({
    ...at(STACK, [STACK + 48n, OUTER + 0x10n, 0x1919n, 0n, 0n, 0n]),
    ...at(STACK + 48n, [0n, 0n, 0x2020n, 0n]),
  });
  const frames = await walkStack(
    registers(INNER + 8n, { 19: 1n, 20: 2n, 29: STACK }),
    { read, rulesAt: rulesOf(plain) },
    10,
  );
  expect(frames.map(shown)).toEqual([
    `${(INNER + 8n).toString(16)} registers`,
    `${(OUTER + 16n).toString(16)} cfi`,
  ]);
  const [inner, outer] = frames;
  expect(inner?.cfa).toBe(STACK + 48n);
  expect([19, 20, 29, SP].map((n) => outer?.register(n))).toEqual([0x1919n, 2n, STACK + 48n, STACK + 48n]);
  // What a call may change is not known, nor is X30 behind it.
  expect([0, 18, 30].map((n) => outer?.register(n))).toEqual([undefined, undefined, undefined]);
  expect(outer).toMatchObject({ cfa: STACK + 80n, standing: false, lookupPc: OUTER + 15n });
});

test('a rule that the return address is not known ends the stack', async () => {
  const source = {
    read: words({}),
    rulesAt: rulesOf({ [String(INNER)]: rules(fromSp(0), { 30: { kind: 'undefined' } }) }),
  };
  expect(await walkStack(registers(INNER, { 29: STACK, 30: OUTER }), source, 10)).toHaveLength(1);
});

test('a pointer authentication code is no part of the return address', async () => {
  const signed = rules(fromSp(16), { 29: saved(-16), 30: saved(-8) }, { isSigned: true });
  const read = words(at(STACK, [0n, 0xf2a5_8000_0000_2010n]));
  const source: StackSource = { read, rulesAt: rulesOf({ [String(INNER)]: signed }) };
  const [, caller] = await walkStack(registers(INNER + 8n), source, 10);
  expect(caller?.pc).toBe(OUTER + 0x10n);
  // A kernel with 39 bits of address has a longer code.
  const narrow = words(at(STACK, [0n, 0xf2a5_8f55_0000_2010n]));
  const systemRegister = async (name: string) => (name === 'TCR_EL1' ? 25n << 16n : undefined);
  const [, other] = await walkStack(registers(INNER + 8n), { ...source, read: narrow, systemRegister }, 10);
  expect(other?.pc).toBe(0xffff_ffd5_0000_2010n);
});

test('SP, lost behind a frame record, is found again by where the next function saved X29', async () => {
  const record = STACK + 0x40n;
  const read = words({
    ...at(STACK, [record, OUTER + 0x10n]),
    ...at(record, [0n, 0n, 0x2020n, 0n]),
  });
  const only = { [String(OUTER)]: plain[String(OUTER)] as FrameRules };
  const frames = await walkStack(registers(INNER, { 29: STACK }), { read, rulesAt: rulesOf(only) }, 10);
  expect(frames.map(shown).slice(1)).toEqual([`${(OUTER + 16n).toString(16)} frame-record`]);
  expect(frames[1]?.cfa).toBe(record + 32n);
});

test('where nothing leads on, words that stand behind a call are guessed to be return addresses', async () => {
  const CALL = 0x94000010_94000010n;
  const source: StackSource = {
    guesses: true,
    read: words({
      ...at(STACK, [5n, OUTER + 8n, INNER + 0x104n, OUTER + 0x10cn, OUTER + 0x20cn, 0n]),
      // No calls before the first address; calls before the others, of which INNER's is in no function.
      ...at(OUTER, [0xd503201f_d503201fn, 0n]),
      ...at(INNER + 0x100n, [CALL]),
      ...at(OUTER + 0x108n, [CALL]),
      ...at(OUTER + 0x208n, [CALL]),
    }),
    symbolAt: (address) =>
      address >= OUTER && address < OUTER + 0x1000n ? { start: OUTER, end: OUTER + 0x1000n } : undefined,
  };
  const X29 = 29;
  const frames = await walkStack(registers(INNER, { [X29]: 0x123n }), source, 16);
  expect(frames.map(shown)).toEqual([
    `${INNER.toString(16)} registers`,
    `${(OUTER + 0x10cn).toString(16)} scan`,
    `${(OUTER + 0x20cn).toString(16)} scan`,
  ]);
  expect(frames[1]?.register(SP)).toBe(STACK + 32n);
  // The end of a stack is its end, and who steps is not to guess.
  expect(await walkStack(registers(INNER), source, 16)).toHaveLength(1);
  const { guesses: _, ...sure } = source;
  expect(await walkStack(registers(INNER, { [X29]: 0x123n }), sure, 16)).toHaveLength(1);
});

test('stacks that lead to where they have been end', async () => {
  const loop = rules(fromSp(0), { 30: { kind: 'same' } }, { isSignalFrame: true });
  const source = { read: words({}), rulesAt: rulesOf({ [String(INNER)]: loop }) };
  const frames = await walkStack(registers(INNER, { 30: INNER }), source, 100);
  expect(frames.length).toBeLessThan(4);
});

// ---------------------------------------------------------------- exceptions

/** struct pt_regs of Linux up to its record, which is zero for a program. */
function ptRegs(pc: bigint, sp: bigint, pstate: bigint, syscall: bigint): bigint[] {
  const all = new Array<bigint>(41).fill(0n);
  for (let n = 0; n <= 30; n++) all[n] = BigInt(n) * 0x1_0001n;
  all[29] = 0n;
  all[31] = sp;
  all[32] = pc;
  all[33] = pstate;
  all[35] = syscall;
  return all;
}

test('below a system call of Linux lies the program', async () => {
  const base = STACK + 0x100n;
  const read = words(at(base, ptRegs(0x40_1000n, 0x7ff0n, 0n, 64n)));
  const source: StackSource = { read, rulesAt: async () => undefined };
  const frames = await walkStack(registers(INNER, { 29: base + 304n }), source, 10);
  expect(frames).toHaveLength(2);
  expect(frames[1]).toMatchObject({ pc: 0x40_1000n, el: 0, standing: true, taken: { from: 0, syscall: 64 } });
  expect([0, 19, 30, SP].map((n) => frames[1]?.register(n))).toEqual([0n, 0x13_0013n, 0x1e_001en, 0x7ff0n]);
  expect(exceptionInWords(frames[1]?.taken ?? { from: 1 }, [])).toBe('system call write (64) from EL0');
});

test.each([
  ['a kernel thread', ptRegs(0n, 0n, 5n, 0n)],
  ['something else', ptRegs(0x40_1001n, 0x7ff0n, 0n, 64n)],
  ['interrupts off', ptRegs(0x40_1000n, 0x7ff0n, 0x80n, 64n)],
  ['no stack', ptRegs(0x40_1000n, 0n, 0n, 64n)],
])('a last record with %s before it is the end', async (_what, saves) => {
  const base = STACK + 0x100n;
  const source: StackSource = { read: words(at(base, saves)) };
  expect(await walkStack(registers(INNER, { 29: base + 304n }), source, 10)).toHaveLength(1);
});

test('an exception that has just been taken is told by the vector, ELR_EL1 and SPSR_EL1', async () => {
  const vectors = 0xffff_8000_0001_0000n;
  const system: Record<string, bigint> = {
    VBAR_EL1: vectors,
    ELR_EL1: 0x40_2000n,
    SPSR_EL1: 0n,
    SP_EL0: 0x7fe0n,
    ESR_EL1: 0x24n << 26n,
  };
  const source: StackSource = { read: words({}), systemRegister: async (name) => system[name] };
  const inVector = (offset: bigint) => walkStack(registers(vectors + offset, { 5: 55n }), source, 10);
  const [, program] = await inVector(0x400n);
  expect(program).toMatchObject({
    pc: 0x40_2000n,
    el: 0,
    by: 'exception',
    taken: { from: 0, cause: 'data abort' },
  });
  expect([5, SP].map((n) => program?.register(n))).toEqual([55n, 0x7fe0n]);
  const [, byInterrupt] = await inVector(0x480n);
  expect(byInterrupt?.taken).toMatchObject({ cause: 'interrupt' });
  system['SPSR_EL1'] = 5n;
  system['ELR_EL1'] = OUTER;
  const [, kernel] = await inVector(0x280n);
  expect(kernel).toMatchObject({ pc: OUTER, el: 1 });
  expect(kernel?.register(SP)).toBe(STACK);
  // Outside of the vectors ELR_EL1 is of some exception long ago.
  expect(await walkStack(registers(INNER), source, 10)).toHaveLength(1);
});

test('a long leaf keeps its return address in X30, wherever it stands', async () => {
  const code = assemble([...new Array<number>(200).fill(NOP), RET]);
  const bytes = new Uint8Array(new Uint32Array(code.words).buffer);
  const inCode = async (address: bigint, length: number) => {
    const offset = Number(address - INNER);
    return offset >= 0 && offset < bytes.length ? bytes.slice(offset, offset + length) : new Uint8Array();
  };
  const symbol = { start: INNER, end: INNER + BigInt(bytes.length) };
  const stack = await walkStack(
    registers(INNER + 8n, { 30: OUTER }),
    { read: inCode, symbolAt: () => symbol },
    9,
  );
  expect(stack.map(shown)).toContain(`${OUTER.toString(16)} link-register`);
});

test('what a vector branches to belongs to it', async () => {
  const vectors = 0xffff_8000_0001_0000n;
  const code = assemble([
    ...new Array<number>(0x480 / 4).fill(NOP),
    b('handler'),
    'filler',
    ...new Array<number>(0x100).fill(NOP),
    'handler',
    NOP,
    RET,
  ]);
  const handler = vectors + BigInt(code.labels.get('handler') ?? 0);
  const bytes = new Uint8Array(new Uint32Array(code.words).buffer);
  const system: Record<string, bigint> = {
    VBAR_EL1: vectors,
    ELR_EL1: 0x40_2000n,
    SPSR_EL1: 0n,
    SP_EL0: 0x7fe0n,
  };
  const source: StackSource = {
    read: async (address, length) => {
      const offset = Number(address - vectors);
      return offset >= 0 && offset < bytes.length ? bytes.slice(offset, offset + length) : new Uint8Array();
    },
    symbolAt: (address) => (address >= handler ? { start: handler, end: handler + 8n } : undefined),
    systemRegister: async (name) => system[name],
  };
  const [, program] = await walkStack(registers(handler + 4n, { 30: OUTER }), source, 10);
  expect(program).toMatchObject({ pc: 0x40_2000n, el: 0, taken: { from: 0, cause: 'interrupt' } });
});

test('the functions of Linux say what happened', () => {
  const words_ = (from: 0 | 1, ...functions: string[]) => exceptionInWords({ from }, functions);
  expect(words_(0, 'el0t_64_sync', 'el0t_64_sync_handler', 'el0_da', 'do_mem_abort')).toBe(
    'data abort from EL0',
  );
  expect(words_(0, 'el0t_64_irq', 'el0t_64_irq_handler')).toBe('interrupt from EL0');
  expect(words_(1, 'el1h_64_irq')).toBe('interrupt');
  expect(words_(1, 'el1h_64_sync', 'el1h_64_sync_handler', 'el1_abort')).toBe('abort');
  expect(words_(1, 'handler')).toBe('exception');
  expect(exceptionInWords({ from: 0, syscall: 9999 }, [])).toBe('system call 9999 from EL0');
});
