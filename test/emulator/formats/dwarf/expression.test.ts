import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  evaluateExpression,
  evaluateLocation,
  evaluateValue,
} from '../../../../emulator/formats/dwarf/expression.ts';
import type { EvaluationContext, Place } from '../../../../emulator/formats/dwarf/expression.ts';
import type { BaseType } from '../../../../emulator/formats/dwarf/model.ts';
import { littleEndian, littleEndianBytes } from '../../../../emulator/formats/dwarf/operations.ts';

const base = (name: string, size: number, encoding: BaseType['encoding']): BaseType => ({
  kind: 'base',
  name,
  size,
  encoding,
  isSigned: encoding === 'signed',
});
const TYPES: Readonly<Record<number, BaseType>> = {
  1: base('int', 4, 'signed'),
  2: base('unsigned int', 4, 'unsigned'),
  3: base('double', 8, 'float'),
  4: base('float', 4, 'float'),
};
const DATA = 0x410000n;

function context(more: Partial<EvaluationContext> = {}): EvaluationContext {
  return {
    register: async (n) => (n <= 31 ? 0x1000n + BigInt(n) : undefined),
    memory: async (address, length) =>
      littleEndianBytes(0xf1f2f3f4f5f6f7f8n, 8).subarray(
        Number(address - DATA),
        Number(address - DATA) + length,
      ),
    cfa: async () => 0x9000n,
    frameBase: async () => ({ kind: 'expression', expression: expression([0x9c]) }),
    entryValue: async () => undefined,
    indexedAddress: async (_unit, index) => 0x5000n + BigInt(index),
    type: async (entry) => TYPES[entry - 0x100] ?? { kind: 'unspecified', name: 'void' },
    toRuntime: (link) => link,
    ...more,
  };
}

const expression = (bytes: readonly number[] | Uint8Array) => ({
  bytes: Uint8Array.from(bytes),
  version: 5,
  unit: 0x100,
});

const place = (bytes: readonly number[], more: Partial<EvaluationContext> = {}): Promise<Place> =>
  evaluateExpression(expression(bytes), context(more));

/** As a reader of a variable of 8 bytes puts it together. */
async function longOf(where: Place): Promise<bigint> {
  switch (where.kind) {
    case 'value':
      return BigInt.asIntN(64, littleEndian(where.bytes));
    case 'memory':
      return littleEndian(await context().memory(where.address, 8));
    case 'pieces': {
      let value = 0n;
      let shift = 0n;
      for (const piece of where.pieces) {
        const whole = BigInt.asUintN(64, await longOf(piece.place));
        value |= BigInt.asUintN(piece.bits, whole >> BigInt(piece.bitOffset)) << shift;
        shift += BigInt(piece.bits);
      }
      return BigInt.asIntN(64, value);
    }
    default:
      throw new Error(where.kind);
  }
}

const rows = readFileSync(join(import.meta.dirname, 'fixtures/expressions.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(' | '));

test.each(rows)('%s: %s is %s, as gdb says', async (_name, hex = '', wanted = '') => {
  expect(await longOf(await place([...Buffer.from(hex, 'hex')]))).toBe(BigInt(wanted));
});

test('places: memory by frame base, registers and addresses; registers; pieces', async () => {
  expect(await place([0x91, 0x70])).toEqual({ kind: 'memory', address: 0x8ff0n });
  expect(await place([0x8f, 0x08])).toEqual({ kind: 'memory', address: 0x1027n });
  expect(await place([0x92, 0x1d, 0x08])).toEqual({ kind: 'memory', address: 0x1025n });
  expect(await place([0x9c])).toEqual({ kind: 'memory', address: 0x9000n });
  expect(await place([0xa1, 2])).toEqual({ kind: 'memory', address: 0x5002n });
  expect(await place([0x53])).toEqual({ kind: 'register', register: 3 });
  expect(await place([0x90, 0x40])).toEqual({ kind: 'register', register: 64 });
  expect(await place([0x50, 0x93, 8, 0x93, 8])).toEqual({
    kind: 'pieces',
    pieces: [
      { place: { kind: 'register', register: 0 }, bits: 64, bitOffset: 0 },
      { place: { kind: 'optimised-out' }, bits: 64, bitOffset: 0 },
    ],
  });
  expect(await place([0xa0, 0x34, 0x12, 0, 0, 0x7c])).toEqual({
    kind: 'implicit-pointer',
    entry: 0x1234,
    offset: -4,
  });
  const frameBase = async () => ({ kind: 'expression' as const, expression: expression([0x6d]) });
  expect(await place([0x91, 0x08], { frameBase })).toEqual({ kind: 'memory', address: 0x1025n });
});

test('where the program is loaded counts for addresses, not for constants', async () => {
  const toRuntime = (link: bigint): bigint => link + 0x100000n;
  const address = [0x03, 0, 0x50, 0, 0, 0, 0, 0, 0];
  expect(await place(address, { toRuntime })).toEqual({ kind: 'memory', address: 0x105000n });
  expect(await place([0xa1, 2], { toRuntime })).toEqual({ kind: 'memory', address: 0x105002n });
  expect(await place([0xa2, 2, 0x9f], { toRuntime })).toEqual({
    kind: 'value',
    bytes: littleEndianBytes(0x5002n, 8),
  });
});

test('entry values come from the caller; what has none is optimised out', async () => {
  const asked: Uint8Array[] = [];
  const entryValue: EvaluationContext['entryValue'] = async ({ bytes }) => {
    asked.push(bytes);
    return 41n;
  };
  for (const op of [0xa3, 0xf3]) {
    const found = await place([op, 1, 0x50, 0x23, 1, 0x9f], { entryValue });
    expect(await longOf(found)).toBe(42n);
  }
  expect(asked).toEqual([Uint8Array.of(0x50), Uint8Array.of(0x50)]);
  expect(await place([0xa3, 1, 0x50, 0x9f])).toEqual({ kind: 'unavailable', reason: 'optimised out' });
});

test('what is not there is said', async () => {
  const reason = async (bytes: readonly number[]) => {
    const found = await place(bytes);
    return found.kind === 'unavailable' ? found.reason : found.kind;
  };
  expect(await reason([])).toBe('optimised-out');
  expect(await reason([0x08, 1, 0x9b])).toContain('thread-local');
  expect(await reason([0x97])).toContain('object');
  expect(await reason([0x92, 0x30, 0])).toBe('register 48 is not saved');
  expect(await reason([0x08, 1, 0x06])).toBe('unreadable 0x1');
  expect(await reason([0x31, 0x30, 0x1b, 0x9f])).toContain('divides by zero');
  expect(await reason([0x22])).toContain('damaged');
  expect(await reason([0xe9])).toContain('damaged');
  expect(await reason([0x03, 1, 2])).toContain('damaged');
  // An endless loop.
  expect(await reason([0x2f, 0xfd, 0xff])).toContain('damaged');
});

// gdb rounds down here (5); C, which the expression computes for, rounds towards zero.
test('a signed remainder has the sign of the dividend', async () => {
  const found = await place([
    0xa4, 1, 4, 0x9c, 0xff, 0xff, 0xff, 0xa4, 1, 4, 7, 0, 0, 0, 0x1d, 0xa8, 0, 0x9f,
  ]);
  expect(await longOf(found)).toBe(-2n);
});

test('constants keep their sign and width', async () => {
  const constant = async (value: bigint | Uint8Array) => {
    const found = await evaluateLocation({ kind: 'constant', value }, context());
    return found.kind === 'value' ? [...found.bytes] : found.kind;
  };
  expect(await constant(-1n)).toEqual(new Array(8).fill(255));
  expect(await constant(Uint8Array.of(1, 2, 3))).toEqual([1, 2, 3]);
  expect((await evaluateLocation({ kind: 'none' }, context())).kind).toBe('optimised-out');
});

test('rules of call frame information start with the CFA, and answer a value', async () => {
  const value = (bytes: readonly number[]) => evaluateValue(expression(bytes), context(), [0x9000n]);
  expect(await value([0x23, 0x10])).toBe(0x9010n);
  expect(await value([0x06])).toBe(undefined);
  expect(await evaluateValue(expression([0x53]), context())).toBe(0x1003n);
  expect(await evaluateValue(expression([0x35, 0x9f]), context())).toBe(5n);
});

test('no bytes make the evaluation throw or hang', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
      const { kind } = await evaluateExpression({ bytes, version: 5, unit: 0x100 }, context());
      expect(kind).toMatch(/^(memory|register|value|pieces|implicit-pointer|optimised-out|unavailable)$/);
    }),
  );
});
