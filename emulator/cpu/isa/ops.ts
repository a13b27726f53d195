// The code builder that the meaning of every instruction is written over.
//
// `execute(ops, fields)` of an instruction row describes what the instruction does by calling
// these methods; who implements them decides what comes of it: a handler of the generated
// interpreter, translated code, or a list of the operands an instruction touches.
//
// Order: whatever reads machine state (registers, flags, memory) or calls a kernel happens where
// it is called, once. Everything else is a pure expression of such values, may be used any
// number of times, and is computed where it is used; `let` computes it once, now.
//
// Faults: an access or a kernel that takes an exception abandons the instruction at that point.
// So everything that may fault comes before the first write of a register: base write-back last.

import type { IntegerBinary, IntegerCompare, SimdOperation, ValueType } from '../../base/wasm/opcodes.ts';
import type { KernelName } from '../kernels.ts';

declare const dynamic: unique symbol;
/** A field of the instruction word that is only known at run time to the interpreter. May only be handed to `ops`. */
export interface Field {
  readonly [dynamic]: true;
}

declare const typed: unique symbol;
/** A WebAssembly value computed at run time. */
export interface Value<T extends ValueType = ValueType> {
  readonly type: T;
  readonly [typed]?: T;
}
export type I32 = Value<'i32'>;
export type I64 = Value<'i64'>;
export type V128 = Value<'v128'>;
/** i32 for 32-bit forms, i64 for 64-bit forms. */
export type Int = Value<'i32'> | Value<'i64'>;
export type Width = 32 | 64;

/** A register: a field of the word, or a fixed number. */
export type Register = Field | number;

/** How the flags follow from an operation on a and b. */
export type FlagKind = 'add' | 'sub' | 'logic';

export interface AccessOptions {
  /** LDTR, STTR: as if at EL0. */
  readonly unprivileged?: boolean;
  /** The address must be a multiple of the size (acquire, release, atomics): else an alignment fault. */
  readonly aligned?: boolean;
  /** The 8 or 16 bytes are elements of a vector, of that many bytes each. */
  readonly element?: I32;
}

export interface Ops {
  // ---- constants and fields
  i32(value: number): I32;
  i64(value: bigint | number): I64;
  /** A constant of the given width. */
  constant(width: Width, value: bigint | number): Int;
  v128(low: bigint, high: bigint): V128;
  /** A dynamic field (or derived value) of up to 16 bits, unsigned. */
  small(field: Field): I32;
  /** A dynamic derived value of 32 bits, sign-extended: offsets. */
  offset(field: Field): I64;
  /** A dynamic derived value of 64 bits, or its low half for width 32. */
  immediate(field: Field, width: Width): Int;

  /** Whether two registers are known to be the same one: never, where they are known at run time only. */
  isSameRegister(a: Register, b: Register): boolean;

  // ---- general registers
  readX(register: Register, width: 64): I64;
  readX(register: Register, width: Width): Int;
  /** A 32-bit value clears the upper half. */
  writeX(register: Register, width: Width, value: Int): void;
  readXOrSp(register: Register, width: 64): I64;
  readXOrSp(register: Register, width: Width): Int;
  writeXOrSp(register: Register, width: Width, value: Int): void;

  // ---- vector registers
  readV(register: Register): V128;
  writeV(register: Register, value: V128): void;
  /** Writes the low 64 bits of the value and clears the upper half (the "D" forms with Q = 0). */
  writeVLow(register: Register, value: V128): void;
  /** Lane 0 of 8, 16, 32 (i32, zero-extended) or 64 bits (i64). */
  readVLane0(register: Register, bits: 64): I64;
  readVLane0(register: Register, bits: 8 | 16 | 32): I32;
  readVLane0(register: Register, bits: number): Int;
  /** Writes lane 0 of 8, 16, 32 (i32) or 64 bits (i64) and clears the rest of the register. */
  writeVLane0(register: Register, bits: number, value: Int): void;
  /** Host address (i32) of a vector register or of the X register file's slot, for kernels that work in place. */
  addressOfV(register: Register): I32;

  // ---- integer arithmetic; operands of one type
  binary<T extends Int>(operation: IntegerBinary, a: T, b: T): T;
  compare(operation: IntegerCompare, a: Int, b: Int): I32;
  add<T extends Int>(a: T, b: T): T;
  sub<T extends Int>(a: T, b: T): T;
  mul<T extends Int>(a: T, b: T): T;
  and<T extends Int>(a: T, b: T): T;
  or<T extends Int>(a: T, b: T): T;
  xor<T extends Int>(a: T, b: T): T;
  not<T extends Int>(a: T): T;
  neg<T extends Int>(a: T): T;
  /** Shift amounts are of the same type as the value and are taken modulo its width. */
  shl<T extends Int>(a: T, amount: T): T;
  shrU<T extends Int>(a: T, amount: T): T;
  shrS<T extends Int>(a: T, amount: T): T;
  rotr<T extends Int>(a: T, amount: T): T;
  clz<T extends Int>(a: T): T;
  /** Not 0 if the bit at this position is set. */
  testBit(a: I64, position: Field): I32;
  popcnt<T extends Int>(a: T): T;
  eqz(a: Int): I32;
  eq(a: Int, b: Int): I32;
  ne(a: Int, b: Int): I32;
  ltU(a: Int, b: Int): I32;
  ltS(a: Int, b: Int): I32;
  /** a where the condition is not 0, else b. Both are computed. */
  select<T extends Value>(condition: I32, a: T, b: T): T;
  /** Low 32 bits. */
  wrap(a: I64): I32;
  extendU(a: I32): I64;
  extendS(a: I32): I64;
  /** Sign-extends the low 8, 16 or 32 bits within the type. */
  signExtend<T extends Int>(a: T, bits: number): T;
  /** Converts between the integer types: i32 to i64 zero-extends. */
  toWidth(a: Int, width: Width): Int;

  // ---- vectors: operations by their WebAssembly name; never floating point
  simd(operation: SimdOperation, ...args: readonly Value[]): V128;
  extractLane(laneBits: 8 | 16 | 32 | 64, vector: V128, lane: number, signed?: boolean): Int;
  replaceLane(laneBits: 8 | 16 | 32 | 64, vector: V128, lane: number, value: Int): V128;
  splat(laneBits: 8 | 16 | 32 | 64, value: Int): V128;
  /** `lanes` has 16 byte indexes, 0..15 of a, 16..31 of b. */
  shuffle(a: V128, b: V128, lanes: readonly number[]): V128;
  /** Result i32 of v128.any_true, all_true, bitmask. */
  simdTest(operation: SimdOperation, vector: V128): I32;

  // ---- flags
  setFlags(kind: FlagKind, width: Width, a: Int, b: Int, result: Int): void;
  /** Those of a + b + carry, where the carry is 0 or 1. */
  setFlagsWithCarry(width: Width, a: Int, b: Int, carry: I32, result: Int): void;
  /** N, Z, C, V at bits 3..0. */
  setFlagsNzcv(nzcv: I32): void;
  nzcv(): I32;
  /** Whether condition code 0..15 holds. */
  condition(code: number): I32;
  carry(): I32;

  // ---- memory; sizes in bytes, 1, 2, 4, 8 zero-extended to i64
  load(size: 1 | 2 | 4 | 8, address: I64, options?: AccessOptions): I64;
  store(size: 1 | 2 | 4 | 8, address: I64, value: I64, options?: AccessOptions): void;
  loadV(address: I64, options?: AccessOptions): V128;
  storeV(address: I64, value: V128, options?: AccessOptions): void;
  /** Two neighbours of 4 or 8 bytes: both or none. */
  loadPair(size: 4 | 8, address: I64): readonly [I64, I64];
  storePair(size: 4 | 8, address: I64, first: I64, second: I64): void;
  /** Takes the fault of writing (or reading) that many bytes, up to 64, if there is one. Before the first of several accesses. */
  prepare(access: 'read' | 'write', address: I64, bytes: number, options?: AccessOptions): void;

  // ---- processor state by its address in memory/layout.ts (a constant, or a small field)
  loadState(type: 'i32', address: number | Field): I32;
  loadState(type: 'i64', address: number | Field): I64;
  /** A byte of a table: base + index. */
  loadByte(base: number, index: I32): I32;
  storeState(address: number | Field, value: Int): void;

  // ---- control flow; ends the instruction
  /** Address of this instruction. */
  pc(): I64;
  /** To pc + offset, where offset is a derived field in bytes. */
  jump(offset: Field): void;
  branchIf(condition: I32, offset: Field): void;
  jumpTo(address: I64, kind: 'jump' | 'call' | 'return'): void;

  // ---- structure
  let<T extends Value>(value: T): T;
  /** Run-time condition around effects. */
  when(condition: I32, then: () => void, otherwise?: () => void): void;
  /** A mutable temporary, for accumulation. */
  variable<T extends Value>(initial: T): { get(): T; set(value: T): void };
  /** A kernel of `cpu/kernels.ts`. What a kernel without a result returns may not be used. */
  call<T extends Value = Value>(kernel: KernelName, ...args: readonly Value[]): T;
}
