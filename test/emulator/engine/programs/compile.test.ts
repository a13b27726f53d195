// Programs against a second implementation in BigInts, over random ones.

import { expect, test } from 'vitest';
import { compilePrograms, matches } from '../../../../emulator/engine/programs/compile.ts';
import type { BinaryOperator, Program } from '../../../../emulator/engine/programs/program.ts';
import * as layout from '../../../../emulator/memory/layout.ts';
import { Processor, RAM } from '../../cpu/processor.ts';
import { Random } from '../translator/random-program.ts';

const DATA = RAM + 0x10_0000;
const FIELDS: Record<string, bigint | string> = { intid: 27n, ret: -22n, name: 'event_channel_op' };

class Failed extends Error {}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);
const truth = (holds: boolean): bigint => (holds ? 1n : 0n);

const OPERATORS: Record<BinaryOperator, (a: bigint, b: bigint) => bigint> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << (b & 63n),
  '/s': (a, b) => signed(a) / nonZero(signed(b)),
  '/u': (a, b) => unsigned(a) / nonZero(unsigned(b)),
  '%s': (a, b) => signed(a) % nonZero(signed(b)),
  '%u': (a, b) => unsigned(a) % nonZero(unsigned(b)),
  '>>s': (a, b) => signed(a) >> (b & 63n),
  '>>u': (a, b) => unsigned(a) >> (b & 63n),
  '==': (a, b) => truth(signed(a) === signed(b)),
  '!=': (a, b) => truth(signed(a) !== signed(b)),
  '<s': (a, b) => truth(signed(a) < signed(b)),
  '<u': (a, b) => truth(unsigned(a) < unsigned(b)),
  '<=s': (a, b) => truth(signed(a) <= signed(b)),
  '<=u': (a, b) => truth(unsigned(a) <= unsigned(b)),
  '>s': (a, b) => truth(signed(a) > signed(b)),
  '>u': (a, b) => truth(unsigned(a) > unsigned(b)),
  '>=s': (a, b) => truth(signed(a) >= signed(b)),
  '>=u': (a, b) => truth(unsigned(a) >= unsigned(b)),
};

function nonZero(value: bigint): bigint {
  if (value === 0n) throw new Failed();
  return value;
}

/** What a program means, or Failed. */
function reference(program: Program, processor: Processor): bigint {
  const of = (part: Program): bigint => reference(part, processor);
  switch (program.kind) {
    case 'constant':
      return program.value;
    case 'register':
      if (program.name === 'sp') return processor.cpu.sp;
      if (program.name === 'TTBR0_EL1') return processor.get('TTBR0_EL1');
      return processor.cpu.x(Number(program.name.slice(1)));
    case 'load': {
      const at = Number(unsigned(of(program.address)));
      let value = 0n;
      for (let i = program.size - 1; i >= 0; i--) {
        if (!processor.memory.contains(at + i)) throw new Failed();
        value = (value << 8n) | BigInt(processor.memory.read8(at + i));
      }
      return program.signed ? BigInt.asIntN(8 * program.size, value) : value;
    }
    case 'unary': {
      const value = of(program.operand);
      if (program.operator === '!') return truth(signed(value) === 0n);
      return program.operator === '-' ? -value : ~value;
    }
    case 'binary': {
      const left = of(program.left);
      return OPERATORS[program.operator](left, of(program.right));
    }
    case 'extend':
      return (program.signed ? BigInt.asIntN : BigInt.asUintN)(program.bits, of(program.operand));
    case 'and':
      return truth(signed(of(program.left)) !== 0n && signed(of(program.right)) !== 0n);
    case 'or':
      return truth(signed(of(program.left)) !== 0n || signed(of(program.right)) !== 0n);
    case 'choose':
      return of(signed(of(program.condition)) === 0n ? program.no : program.yes);
    case 'hits':
      return 7n;
    case 'old':
      return 1000n;
    case 'new':
      return -5n;
    case 'event': {
      const value = FIELDS[program.field];
      if (typeof value !== 'bigint') throw new Failed();
      return value;
    }
    case 'event-text':
      return truth(program.field === 'name' && program.pattern.endsWith('*'));
  }
}

function randomProgram(random: Random, depth: number): Program {
  const part = (): Program => randomProgram(random, depth - 1);
  if (depth === 0 || random.once(6)) {
    return random.pick<() => Program>([
      () => ({ kind: 'constant', value: signed(BigInt(random.next()) << BigInt(random.below(60))) }),
      () => ({ kind: 'constant', value: random.pick([0n, 1n, -1n, 63n, -(1n << 63n), (1n << 63n) - 1n]) }),
      () => ({ kind: 'register', name: random.pick(['x0', 'x1', 'x7', 'x30', 'sp', 'TTBR0_EL1']) }),
      () => ({ kind: random.pick(['hits', 'old', 'new'] as const) }),
      () => ({ kind: 'event', field: random.pick(['intid', 'ret', 'nothing']) }),
      () => ({ kind: 'event-text', field: 'name', pattern: random.pick(['event*', 'grant']) }),
    ])();
  }
  return random.pick<() => Program>([
    () => ({ kind: 'unary', operator: random.pick(['-', '~', '!'] as const), operand: part() }),
    () => ({
      kind: 'binary',
      operator: random.pick(Object.keys(OPERATORS) as BinaryOperator[]),
      left: part(),
      right: part(),
    }),
    () => ({ kind: 'extend', bits: 1 + random.below(64), signed: random.once(2), operand: part() }),
    () => ({ kind: random.pick(['and', 'or'] as const), left: part(), right: part() }),
    () => ({ kind: 'choose', condition: part(), yes: part(), no: part() }),
    () => {
      // Mostly in RAM.
      const offset: Program = { kind: 'extend', bits: 13, signed: false, operand: part() };
      const base: Program = { kind: 'constant', value: BigInt(DATA) };
      return {
        kind: 'load',
        address: random.once(8) ? part() : { kind: 'binary', operator: '+', left: base, right: offset },
        size: random.pick([1, 2, 4, 8] as const),
        signed: random.once(2),
      };
    },
  ])();
}

test('random programs mean what they say', async () => {
  const processor = await Processor.create();
  const random = new Random(17);
  for (let at = 0; at < 0x3000; at += 4) processor.memory.write32(DATA + at, random.next());
  for (const n of [0, 1, 7, 30])
    processor.cpu.setX(n, (BigInt(random.next()) << 32n) | BigInt(random.next()));
  processor.cpu.sp = 0xffff_8000_1234_5670n;
  processor.msr('TTBR0_EL1', 0x7_0000_41a2_0000n);
  processor.atEl(1);
  processor.raw.setBigInt64(layout.PROGRAM_HITS, 7n, true);
  processor.raw.setBigInt64(layout.PROGRAM_OLD, 1000n, true);
  processor.raw.setBigInt64(layout.PROGRAM_NEW, -5n, true);
  const programs = Array.from({ length: 1500 }, () => randomProgram(random, 5));
  const compiled = compilePrograms(programs, processor.wasmMemory, processor.kernels as WebAssembly.Exports, {
    readRegister: () => undefined,
    eventNumber: (field) => {
      const value = FIELDS[field];
      return typeof value === 'bigint' ? value : undefined;
    },
    eventText: (field) => {
      const value = FIELDS[field];
      return typeof value === 'string' ? value : undefined;
    },
  });
  let failures = 0;
  programs.forEach((program, i) => {
    let expected: bigint | undefined;
    try {
      expected = unsigned(reference(program, processor));
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      failures++;
    }
    const value = compiled[i]?.value();
    const got = { value: value === undefined ? undefined : unsigned(value), test: compiled[i]?.test() };
    const test = expected === undefined ? -1 : Number(expected !== 0n);
    expect(
      got,
      JSON.stringify(program, (_, part) => (typeof part === 'bigint' ? `${part}` : part)),
    ).toEqual({
      value: expected,
      test,
    });
  });
  expect(failures).toBeGreaterThan(50);
  expect(failures).toBeLessThan(1200);
});

test('a pattern matches as a whole, and a star stands for anything', () => {
  expect(matches('/local/domain/1/state', '/local/domain/*/state')).toBe(true);
  expect(matches('/local/domain/1/state', '*state')).toBe(true);
  expect(matches('/local/domain/1/state', '*domain*')).toBe(true);
  expect(matches('/local/domain/1/state', '/local/domain/1')).toBe(false);
  expect(matches('aba', 'ab*ba')).toBe(false);
  expect(matches('abba', 'ab*ba')).toBe(true);
  expect(matches('', '*')).toBe(true);
});

test('what does not exist is refused by name, and so is a program without end', async () => {
  const processor = await Processor.create();
  const compile = (program: Program) =>
    compilePrograms([program], processor.wasmMemory, processor.kernels, {
      readRegister: () => undefined,
      eventNumber: () => undefined,
      eventText: () => undefined,
    });
  expect(() => compile({ kind: 'register', name: 'x31' })).toThrow("there is no register 'x31'");
  let deep: Program = { kind: 'constant', value: 1n };
  for (let i = 0; i < 1000; i++) deep = { kind: 'unary', operator: '-', operand: deep };
  expect(() => compile(deep)).toThrow('nested too deeply');
});
