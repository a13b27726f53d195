// Expressions: pure WebAssembly values as trees, with constant folding. They are written to a
// code buffer where they are used; see FunctionBuilder for what happens in order.
//
// All nodes have the same fields, since a translator makes and reads millions of them.

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

export interface Expression<T extends ValueType = ValueType> {
  readonly type: T;
  /** `pinned`: a local that is assigned once in an instruction. */
  readonly kind: 'constant' | 'vector' | 'local' | 'pinned' | 'load' | 'operation';
  /** Constants: a bigint where a number would not be exact. Locals: the index. Loads: the offset. */
  value: number | bigint;
  /** First byte of the opcode. */
  readonly opcode: number;
  /** What follows it, or the bytes of a vector. */
  readonly immediates: ArrayLike<number> | undefined;
  readonly a: Expression | undefined;
  readonly b: Expression | undefined;
  readonly c: Expression | undefined;
}

type IntegerType = 'i32' | 'i64';

const isInteger = (type: ValueType): type is IntegerType => type === 'i32' || type === 'i64';

function normalized(type: IntegerType, value: bigint | number): bigint | number {
  if (typeof value === 'number') {
    if (type === 'i32') return value | 0;
    if (Number.isSafeInteger(value)) return value;
  }
  const exact = BigInt.asIntN(type === 'i32' ? 32 : 64, BigInt(value));
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

const leaf = <T extends ValueType>(
  type: T,
  kind: Expression['kind'],
  value: number | bigint,
): Expression<T> => ({
  type,
  kind,
  value,
  opcode: 0,
  immediates: undefined,
  a: undefined,
  b: undefined,
  c: undefined,
});

export const constant = <T extends IntegerType>(type: T, value: bigint | number): Expression<T> =>
  leaf(type, 'constant', normalized(type, value));

export function vectorConstant(low: bigint, high: bigint): Expression<'v128'> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, low), true);
  view.setBigUint64(8, BigInt.asUintN(64, high), true);
  return { ...leaf('v128', 'vector', 0), immediates: bytes };
}

export const local = <T extends ValueType>(type: T, index: number): Expression<T> =>
  leaf(type, 'local', index);

export const pinned = <T extends ValueType>(type: T, index: number): Expression<T> =>
  leaf(type, 'pinned', index);

function operation<T extends ValueType>(
  type: T,
  opcode: number,
  a: Expression,
  b?: Expression,
  c?: Expression,
): Expression<T> {
  return { type, kind: 'operation', value: 0, opcode, immediates: undefined, a, b, c };
}

/** The local gets another value: nobody may use this expression any more. */
export function forget(expression: Expression): void {
  expression.value = -1;
}

/** From base + offset. Opcodes beyond a byte are those of vectors. */
export const load = (
  type: ValueType,
  opcode: number,
  alignment: readonly number[],
  base: Expression,
  offset: number,
): Expression => ({
  type,
  kind: 'load',
  value: offset,
  opcode,
  immediates: alignment,
  a: base,
  b: undefined,
  c: undefined,
});

type Fold = (a: bigint, b: bigint, bits: bigint) => bigint;

const FOLD: Partial<Record<IntegerBinary, Fold>> = {
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

/** 0 op a = a. */
const LEFT_ZERO_IS_NEUTRAL = new Set<IntegerBinary>(['add', 'or', 'xor']);

export function binary(name: IntegerBinary, a: Expression, b: Expression): Expression {
  const { type } = a;
  if (!isInteger(type) || b.type !== type) throw new Error(`${name} of ${a.type} and ${b.type}`);
  if (b.kind === 'constant') {
    if (b.value === 0 && RIGHT_ZERO_IS_NEUTRAL.has(name)) return a;
    if (a.kind === 'constant') {
      const fold = FOLD[name];
      if (fold) return constant(type, fold(BigInt(a.value), BigInt(b.value), type === 'i32' ? 32n : 64n));
    } else if (a.kind === 'operation' && a.b?.kind === 'constant') {
      const simpler = shiftOfShift(name, a as Expression<IntegerType>, b);
      if (simpler) return simpler;
    }
  } else if (a.kind === 'constant' && a.value === 0 && LEFT_ZERO_IS_NEUTRAL.has(name)) return b;
  return operation(type, INTEGER_BINARY[name][type === 'i32' ? 0 : 1], a, b);
}

/** Shifts by constants of what was shifted to the left by one: fields of words. */
function shiftOfShift(
  name: IntegerBinary,
  shifted: Expression<IntegerType>,
  b: Expression,
): Expression | undefined {
  const { type, a, b: first } = shifted;
  const bits = type === 'i32' ? 32 : 64;
  if (!a || !first || shifted.opcode !== INTEGER_BINARY.shl[type === 'i32' ? 0 : 1]) return undefined;
  const left = Number(first.value) & (bits - 1);
  const by = Number(b.value) & (bits - 1);
  if (name === 'shl')
    return left + by < bits ? binary('shl', a, constant(type, left + by)) : constant(type, 0);
  if (left !== by) return undefined;
  const kept = bits - by;
  if (name === 'shrU') {
    if (kept === 32) return extendU(wrap(a));
    return kept < 32 ? binary('and', a, constant(type, 2 ** kept - 1)) : undefined;
  }
  return name === 'shrS' && SIGN_EXTEND[type][kept] !== undefined ? signExtend(a, kept) : undefined;
}

export function compare(name: IntegerCompare, a: Expression, b: Expression): Expression<'i32'> {
  if (!isInteger(a.type) || b.type !== a.type) throw new Error(`${name} of ${a.type} and ${b.type}`);
  return operation('i32', INTEGER_COMPARE[name][a.type === 'i32' ? 0 : 1], a, b);
}

export function unary(name: IntegerUnary, a: Expression): Expression {
  if (!isInteger(a.type)) throw new Error(`${name} of ${a.type}`);
  return operation(a.type, INTEGER_UNARY[name][a.type === 'i32' ? 0 : 1], a);
}

export function eqz(a: Expression): Expression<'i32'> {
  if (!isInteger(a.type)) throw new Error(`eqz of ${a.type}`);
  return operation('i32', a.type === 'i32' ? 0x45 : 0x50, a);
}

export const wrap = (a: Expression): Expression<'i32'> =>
  a.kind === 'constant' ? constant('i32', a.value) : operation('i32', 0xa7, expect('i64', a));
export const extendU = (a: Expression): Expression<'i64'> =>
  a.kind === 'constant' ? constant('i64', Number(a.value) >>> 0) : operation('i64', 0xad, expect('i32', a));
export const extendS = (a: Expression): Expression<'i64'> =>
  a.kind === 'constant' ? constant('i64', a.value) : operation('i64', 0xac, expect('i32', a));

const SIGN_EXTEND: Record<IntegerType, Record<number, number>> = {
  i32: { 8: 0xc0, 16: 0xc1 },
  i64: { 8: 0xc2, 16: 0xc3, 32: 0xc4 },
};

export function signExtend(a: Expression, bits: number): Expression {
  if (!isInteger(a.type)) throw new Error(`sign extension of ${a.type}`);
  if (bits === (a.type === 'i32' ? 32 : 64)) return a;
  const code = SIGN_EXTEND[a.type][bits];
  if (code === undefined) throw new Error(`sign extension of ${bits} bits in ${a.type}`);
  return operation(a.type, code, a);
}

const SELECT_V128 = [0x01, 0x7b];

export function select(condition: Expression, a: Expression, b: Expression): Expression {
  if (a.type !== b.type || condition.type !== 'i32') throw new Error(`select of ${a.type} and ${b.type}`);
  if (a.type !== 'v128') return operation(a.type, 0x1b, a, b, condition);
  return { ...operation(a.type, 0x1c, a, b, condition), immediates: SELECT_V128 };
}

export function simd(name: SimdOperation, args: readonly Expression[], lane?: number): Expression {
  const row = SIMD[name];
  if (row.params.length !== args.length || row.params.some((type, i) => args[i]?.type !== type)) {
    throw new Error(`${name} of ${args.map((arg) => arg.type).join()}`);
  }
  const immediates = leb(row.code);
  if (row.lane) immediates.push(lane ?? 0);
  const [a, b, c] = args;
  return { ...operation(row.result, 0xfd, a as Expression, b, c), immediates };
}

export function shuffle(a: Expression, b: Expression, lanes: readonly number[]): Expression<'v128'> {
  if (lanes.length !== 16) throw new Error('shuffle takes 16 lanes');
  const immediates = [13, ...lanes];
  return { ...operation('v128', 0xfd, expect('v128', a), expect('v128', b)), immediates };
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
  const { kind, value } = expression;
  if (kind === 'local' || kind === 'pinned') {
    if ((value as number) < 0) throw new Error('a register was written before its old value was used');
    code.byte(0x20);
    code.unsigned(value as number);
    return;
  }
  if (kind === 'constant') {
    if (expression.type === 'i32') {
      code.byte(0x41);
      code.signed(value as number);
    } else {
      code.byte(0x42);
      code.signed64(value);
    }
    return;
  }
  const { a, b, c, immediates } = expression;
  if (a) emit(a, code);
  if (b) emit(b, code);
  if (c) emit(c, code);
  if (kind === 'vector') {
    code.byte(0xfd);
    code.byte(0x0c);
  } else code.byte(expression.opcode);
  if (immediates) for (let i = 0; i < immediates.length; i++) code.byte(immediates[i] as number);
  if (kind === 'load') code.unsigned(value as number);
}

function expect(type: ValueType, value: Expression): Expression {
  if (value.type !== type) throw new Error(`${value.type} where ${type} is needed`);
  return value;
}
