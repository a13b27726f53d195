// Expressions: pure WebAssembly values as trees, with constant folding. They are written to a
// code buffer where they are used; see FunctionBuilder for what happens in order.

import type { CodeBuffer } from '../../base/wasm/code.ts';
import {
  INTEGER_BINARY,
  INTEGER_COMPARE,
  INTEGER_UNARY,
  type IntegerBinary,
  type IntegerCompare,
  type IntegerUnary,
  SIMD,
  type SimdOperation,
  type ValueType,
} from '../../base/wasm/opcodes.ts';

export type Expression<T extends ValueType = ValueType> =
  | { readonly type: T; readonly kind: 'constant'; readonly value: bigint }
  | { readonly type: T; readonly kind: 'vector'; readonly bytes: Uint8Array }
  | { readonly type: T; readonly kind: 'local'; readonly index: number }
  | {
      readonly type: T;
      readonly kind: 'operation';
      /** Opcode bytes with their immediates, written after the arguments. */
      readonly opcode: readonly number[];
      readonly args: readonly Expression[];
    };

type IntegerType = 'i32' | 'i64';

const asInteger = (type: IntegerType, value: bigint): bigint =>
  BigInt.asIntN(type === 'i32' ? 32 : 64, value);
const isInteger = (type: ValueType): type is IntegerType => type === 'i32' || type === 'i64';

export function constant<T extends IntegerType>(type: T, value: bigint | number): Expression<T> {
  return { type, kind: 'constant', value: asInteger(type, BigInt(value)) };
}

export function vectorConstant(low: bigint, high: bigint): Expression<'v128'> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, low), true);
  view.setBigUint64(8, BigInt.asUintN(64, high), true);
  return { type: 'v128', kind: 'vector', bytes };
}

export const local = <T extends ValueType>(type: T, index: number): Expression<T> => ({
  type,
  kind: 'local',
  index,
});

export const operation = <T extends ValueType>(
  type: T,
  opcode: readonly number[],
  ...args: readonly Expression[]
): Expression<T> => ({ type, kind: 'operation', opcode, args });

const FOLD: Partial<Record<IntegerBinary, (a: bigint, b: bigint, bits: bigint) => bigint>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, bits) => a << (b & (bits - 1n)),
  shrS: (a, b, bits) => a >> (b & (bits - 1n)),
  shrU: (a, b, bits) => BigInt.asUintN(Number(bits), a) >> (b & (bits - 1n)),
};

/** a op 0 = a. */
const RIGHT_ZERO_IS_NEUTRAL = new Set<IntegerBinary>([
  'add',
  'sub',
  'or',
  'xor',
  'shl',
  'shrS',
  'shrU',
  'rotl',
  'rotr',
]);

export function binary(name: IntegerBinary, a: Expression, b: Expression): Expression {
  const { type } = a;
  if (!isInteger(type) || b.type !== type) throw new Error(`${name} of ${a.type} and ${b.type}`);
  const fold = FOLD[name];
  if (fold && a.kind === 'constant' && b.kind === 'constant') {
    return constant(type, fold(a.value, b.value, type === 'i32' ? 32n : 64n));
  }
  if (b.kind === 'constant' && b.value === 0n && RIGHT_ZERO_IS_NEUTRAL.has(name)) return a;
  return operation(type, [INTEGER_BINARY[name][type === 'i32' ? 0 : 1]], a, b);
}

export function compare(name: IntegerCompare, a: Expression, b: Expression): Expression<'i32'> {
  if (!isInteger(a.type) || b.type !== a.type) throw new Error(`${name} of ${a.type} and ${b.type}`);
  return operation('i32', [INTEGER_COMPARE[name][a.type === 'i32' ? 0 : 1]], a, b);
}

export function unary(name: IntegerUnary, a: Expression): Expression {
  if (!isInteger(a.type)) throw new Error(`${name} of ${a.type}`);
  return operation(a.type, [INTEGER_UNARY[name][a.type === 'i32' ? 0 : 1]], a);
}

export function eqz(a: Expression): Expression<'i32'> {
  if (!isInteger(a.type)) throw new Error(`eqz of ${a.type}`);
  return operation('i32', [a.type === 'i32' ? 0x45 : 0x50], a);
}

export const wrap = (a: Expression): Expression<'i32'> =>
  a.kind === 'constant' ? constant('i32', a.value) : operation('i32', [0xa7], expect('i64', a));
export const extendU = (a: Expression): Expression<'i64'> =>
  a.kind === 'constant'
    ? constant('i64', BigInt.asUintN(32, a.value))
    : operation('i64', [0xad], expect('i32', a));
export const extendS = (a: Expression): Expression<'i64'> =>
  a.kind === 'constant' ? constant('i64', a.value) : operation('i64', [0xac], expect('i32', a));

const SIGN_EXTEND: Record<IntegerType, Record<number, number>> = {
  i32: { 8: 0xc0, 16: 0xc1 },
  i64: { 8: 0xc2, 16: 0xc3, 32: 0xc4 },
};

export function signExtend(a: Expression, bits: number): Expression {
  if (!isInteger(a.type)) throw new Error(`sign extension of ${a.type}`);
  if (bits === (a.type === 'i32' ? 32 : 64)) return a;
  const code = SIGN_EXTEND[a.type][bits];
  if (code === undefined) throw new Error(`sign extension of ${bits} bits in ${a.type}`);
  return operation(a.type, [code], a);
}

export function select(condition: Expression, a: Expression, b: Expression): Expression {
  if (a.type !== b.type || condition.type !== 'i32') throw new Error(`select of ${a.type} and ${b.type}`);
  return operation(a.type, a.type === 'v128' ? [0x1c, 0x01, 0x7b] : [0x1b], a, b, condition);
}

export function simd(name: SimdOperation, args: readonly Expression[], lane?: number): Expression {
  const row = SIMD[name];
  if (row.params.length !== args.length || row.params.some((type, i) => args[i]?.type !== type)) {
    throw new Error(`${name} of ${args.map((arg) => arg.type).join()}`);
  }
  const opcode = [0xfd, ...leb(row.code), ...(row.lane ? [lane ?? 0] : [])];
  return operation(row.result, opcode, ...args);
}

export function shuffle(a: Expression, b: Expression, lanes: readonly number[]): Expression<'v128'> {
  if (lanes.length !== 16) throw new Error('shuffle takes 16 lanes');
  return operation('v128', [0xfd, 13, ...lanes], expect('v128', a), expect('v128', b));
}

/** Unsigned LEB128 as a list, for opcodes with immediates. */
export function leb(value: number): number[] {
  const out: number[] = [];
  let rest = value >>> 0;
  while (rest >= 0x80) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
  return out;
}

/** Writes the expression: its value is then on the WebAssembly stack. */
export function emit(expression: Expression, code: CodeBuffer): void {
  switch (expression.kind) {
    case 'constant':
      if (expression.type === 'i32') {
        code.byte(0x41);
        code.signed(Number(expression.value));
      } else {
        code.byte(0x42);
        code.signed64(expression.value);
      }
      return;
    case 'vector':
      code.bytes([0xfd, 0x0c]);
      code.bytes(expression.bytes);
      return;
    case 'local':
      code.byte(0x20);
      code.unsigned(expression.index);
      return;
    case 'operation':
      for (const arg of expression.args) emit(arg, code);
      code.bytes(expression.opcode);
  }
}

function expect(type: ValueType, value: Expression): Expression {
  if (value.type !== type) throw new Error(`${value.type} where ${type} is needed`);
  return value;
}
