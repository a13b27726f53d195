// The part of the code builder that touches no machine state: constants, integer arithmetic and
// vectors become expressions. Every consumer of instruction meanings that emits WebAssembly
// builds on it.

import type { IntegerBinary, IntegerCompare, SimdOperation } from '../../base/wasm/opcodes.ts';
import type { I32, I64, Int, V128, Value, Width } from '../../cpu/isa/ops.ts';
import * as code from './expression.ts';
import type { Expression } from './expression.ts';

// Value is what rows see of an Expression.
export const out = <T extends Value>(value: Expression): T => value as unknown as T;
export const x = (value: Value): Expression => value as unknown as Expression;

const SHAPES: Record<number, string> = { 8: 'i8x16', 16: 'i16x8', 32: 'i32x4', 64: 'i64x2' };

export class PureOps {
  // ---- constants

  i32(value: number): I32 {
    return out(code.constant('i32', value));
  }

  i64(value: bigint | number): I64 {
    return out(code.constant('i64', value));
  }

  constant(width: Width, value: bigint | number): Int {
    return width === 64 ? this.i64(value) : out(code.constant('i32', value));
  }

  v128(low: bigint, high: bigint): V128 {
    return out(code.vectorConstant(low, high));
  }

  // ---- integer arithmetic

  binary<T extends Int>(operation: IntegerBinary, a: T, b: T): T {
    return out(code.binary(operation, x(a), x(b)));
  }

  compare(operation: IntegerCompare, a: Int, b: Int): I32 {
    return out(code.compare(operation, x(a), x(b)));
  }

  add<T extends Int>(a: T, b: T): T {
    return this.binary('add', a, b);
  }

  sub<T extends Int>(a: T, b: T): T {
    return this.binary('sub', a, b);
  }

  mul<T extends Int>(a: T, b: T): T {
    return this.binary('mul', a, b);
  }

  and<T extends Int>(a: T, b: T): T {
    return this.binary('and', a, b);
  }

  or<T extends Int>(a: T, b: T): T {
    return this.binary('or', a, b);
  }

  xor<T extends Int>(a: T, b: T): T {
    return this.binary('xor', a, b);
  }

  not<T extends Int>(a: T): T {
    return this.binary('xor', a, this.like(a, -1));
  }

  neg<T extends Int>(a: T): T {
    return this.binary('sub', this.like(a, 0), a);
  }

  shl<T extends Int>(a: T, amount: T): T {
    return this.binary('shl', a, amount);
  }

  shrU<T extends Int>(a: T, amount: T): T {
    return this.binary('shrU', a, amount);
  }

  shrS<T extends Int>(a: T, amount: T): T {
    return this.binary('shrS', a, amount);
  }

  rotr<T extends Int>(a: T, amount: T): T {
    return this.binary('rotr', a, amount);
  }

  clz<T extends Int>(a: T): T {
    return out(code.unary('clz', x(a)));
  }

  popcnt<T extends Int>(a: T): T {
    return out(code.unary('popcnt', x(a)));
  }

  eqz(a: Int): I32 {
    return out(code.eqz(x(a)));
  }

  eq(a: Int, b: Int): I32 {
    return this.compare('eq', a, b);
  }

  ne(a: Int, b: Int): I32 {
    return this.compare('ne', a, b);
  }

  ltU(a: Int, b: Int): I32 {
    return this.compare('ltU', a, b);
  }

  ltS(a: Int, b: Int): I32 {
    return this.compare('ltS', a, b);
  }

  select<T extends Value>(condition: I32, a: T, b: T): T {
    return out(code.select(x(condition), x(a), x(b)));
  }

  wrap(a: I64): I32 {
    return out(code.wrap(x(a)));
  }

  extendU(a: I32): I64 {
    return out(code.extendU(x(a)));
  }

  extendS(a: I32): I64 {
    return out(code.extendS(x(a)));
  }

  signExtend<T extends Int>(a: T, bits: number): T {
    return out(code.signExtend(x(a), bits));
  }

  toWidth(a: Int, width: Width): Int {
    if (a.type === (width === 64 ? 'i64' : 'i32')) return a;
    return width === 64 ? this.extendU(a as I32) : this.wrap(a as I64);
  }

  // ---- vectors

  simd(operation: SimdOperation, ...args: readonly Value[]): V128 {
    return out(code.simd(operation, args.map(x)));
  }

  extractLane(laneBits: 8 | 16 | 32 | 64, vector: V128, lane: number, signed = false): Int {
    const suffix = laneBits >= 32 ? '' : signed ? '_s' : '_u';
    return out(code.simd(`${SHAPES[laneBits]}.extract_lane${suffix}` as SimdOperation, [x(vector)], lane));
  }

  replaceLane(laneBits: 8 | 16 | 32 | 64, vector: V128, lane: number, value: Int): V128 {
    return out(code.simd(`${SHAPES[laneBits]}.replace_lane` as SimdOperation, [x(vector), x(value)], lane));
  }

  splat(laneBits: 8 | 16 | 32 | 64, value: Int): V128 {
    return out(code.simd(`${SHAPES[laneBits]}.splat` as SimdOperation, [x(value)]));
  }

  shuffle(a: V128, b: V128, lanes: readonly number[]): V128 {
    return out(code.shuffle(x(a), x(b), lanes));
  }

  simdTest(operation: SimdOperation, vector: V128): I32 {
    return out(code.simd(operation, [x(vector)]));
  }

  private like<T extends Int>(a: T, value: number): T {
    return out(code.constant(a.type as 'i32' | 'i64', value));
  }
}
