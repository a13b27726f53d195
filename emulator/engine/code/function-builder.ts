// Builds one WebAssembly function: locals, structured control flow, stores, in order.

import { CodeBuffer } from '../../base/wasm/code.ts';
import { VALUE_TYPE_CODE, type ValueType } from '../../base/wasm/opcodes.ts';
import { constant, emit, type Expression, load, pinned } from './expression.ts';

/** A block or loop to branch to; the number is its nesting depth. */
export type Label = number & { readonly label?: true };

export type LoadKind = 'u8' | 'u16' | 'i32' | 'i64' | 'u8x64' | 'u16x64' | 'u32x64' | 's32x64' | 'v128';

interface Load {
  readonly type: ValueType;
  readonly opcode: number;
  /** Alignment exponent, behind what else belongs to the opcode. */
  readonly immediates: readonly number[];
}

const LOADS: Record<LoadKind, Load> = {
  u8: { type: 'i32', opcode: 0x2d, immediates: [0] },
  u16: { type: 'i32', opcode: 0x2f, immediates: [1] },
  i32: { type: 'i32', opcode: 0x28, immediates: [2] },
  i64: { type: 'i64', opcode: 0x29, immediates: [3] },
  u8x64: { type: 'i64', opcode: 0x31, immediates: [0] },
  u16x64: { type: 'i64', opcode: 0x33, immediates: [0] },
  u32x64: { type: 'i64', opcode: 0x35, immediates: [0] },
  s32x64: { type: 'i64', opcode: 0x34, immediates: [2] },
  v128: { type: 'v128', opcode: 0xfd, immediates: [0x00, 0] },
};

export type StoreKind = 'i32' | 'i64' | 'i32as8' | 'i32as16' | 'i64as8' | 'i64as16' | 'i64as32' | 'v128';

/** Opcode and alignment exponent. */
const STORES: Record<StoreKind, readonly number[]> = {
  i32: [0x36, 2],
  i64: [0x37, 3],
  i32as8: [0x3a, 0],
  i32as16: [0x3b, 1],
  i64as8: [0x3c, 0],
  i64as16: [0x3d, 0],
  i64as32: [0x3e, 0],
  v128: [0xfd, 0x0b, 0],
};

export class FunctionBuilder {
  readonly code: CodeBuffer;
  readonly locals: ValueType[] = [];
  private depth = 0;
  private readonly parameterCount: number;
  private readonly pools = new Map<ValueType, { indexes: number[]; used: number }>();

  /** So many bytes of code are expected. */
  constructor(parameterCount: number, capacity = 8192) {
    this.code = new CodeBuffer(capacity);
    this.parameterCount = parameterCount;
  }

  // ---- locals

  newLocal(type: ValueType): number {
    return this.parameterCount + this.locals.push(type) - 1;
  }

  /** A local that may be handed out again after `recycle`. */
  temporary(type: ValueType): number {
    let pool = this.pools.get(type);
    if (!pool) {
      pool = { indexes: [], used: 0 };
      this.pools.set(type, pool);
    }
    let index = pool.indexes[pool.used];
    if (index === undefined) {
      index = this.newLocal(type);
      pool.indexes.push(index);
    }
    pool.used++;
    return index;
  }

  /** All temporaries are free again: what they held is no longer used. */
  recycle(): void {
    for (const pool of this.pools.values()) pool.used = 0;
  }

  /** Computes the expression now, once. Constants, and what was computed so before, stay as they are. */
  pin<T extends ValueType>(value: Expression<T>): Expression<T> {
    const { kind } = value;
    if (kind === 'constant' || kind === 'vector' || kind === 'pinned') return value;
    const index = this.temporary(value.type);
    this.set(index, value);
    return pinned(value.type, index);
  }

  /** Leaves the value on the stack. */
  push(value: Expression): void {
    emit(value, this.code);
  }

  set(index: number, value: Expression): void {
    emit(value, this.code);
    this.code.byte(0x21);
    this.code.unsigned(index);
  }

  // ---- memory; the address is base + offset

  load(kind: LoadKind, base: Expression, offset = 0): Expression {
    const { type, opcode, immediates } = LOADS[kind];
    return load(type, opcode, immediates, base, offset);
  }

  /** From a constant address. */
  loadAt(kind: LoadKind, address: number): Expression {
    return this.load(kind, constant('i32', 0), address);
  }

  store(kind: StoreKind, base: Expression, offset: number, value: Expression): void {
    emit(base, this.code);
    emit(value, this.code);
    for (const byte of STORES[kind]) this.code.byte(byte);
    this.code.unsigned(offset);
  }

  storeAt(kind: StoreKind, address: number, value: Expression): void {
    this.store(kind, constant('i32', 0), address, value);
  }

  // ---- control flow

  block(): Label {
    this.code.byte(0x02);
    this.code.byte(0x40);
    return ++this.depth;
  }

  loop(): Label {
    this.code.byte(0x03);
    this.code.byte(0x40);
    return ++this.depth;
  }

  if(condition: Expression): void {
    emit(condition, this.code);
    this.code.byte(0x04);
    this.code.byte(0x40);
    this.depth++;
  }

  /** An if that leaves a value. */
  ifValue(condition: Expression, type: ValueType): void {
    emit(condition, this.code);
    this.code.byte(0x04);
    this.code.byte(VALUE_TYPE_CODE[type]);
    this.depth++;
  }

  /** A label around all of the code, whose block is opened elsewhere. */
  outerLabel(): Label {
    return ++this.depth;
  }

  /** What stands behind this place was written in vain. */
  rewind(length: number): void {
    this.code.length = length;
  }

  else(): void {
    this.code.byte(0x05);
  }

  end(): void {
    this.code.byte(0x0b);
    this.depth--;
  }

  /** Branches out of this many blocks beyond the depth of `label`: known later, and written by `patchBranch`. */
  branchToPatch(condition: Expression | undefined): { readonly at: number; readonly depth: number } {
    if (condition) emit(condition, this.code);
    this.code.byte(condition ? 0x0d : 0x0c);
    const at = this.code.length;
    this.code.byte(0x80);
    this.code.byte(0x00);
    return { at, depth: this.depth };
  }

  patchBranch(at: number, relativeDepth: number): void {
    this.code.patch(at, (relativeDepth & 0x7f) | 0x80);
    this.code.patch(at + 1, relativeDepth >> 7);
  }

  drop(): void {
    this.code.byte(0x1a);
  }

  branch(label: Label): void {
    this.code.byte(0x0c);
    this.code.unsigned(this.depth - label);
  }

  branchIf(label: Label, condition: Expression): void {
    emit(condition, this.code);
    this.code.byte(0x0d);
    this.code.unsigned(this.depth - label);
  }

  /** The last label is the default. */
  branchTable(labels: readonly Label[], selector: Expression): void {
    emit(selector, this.code);
    this.code.byte(0x0e);
    this.code.unsigned(labels.length - 1);
    for (const label of labels) this.code.unsigned(this.depth - label);
  }

  return(value?: Expression): void {
    if (value) emit(value, this.code);
    this.code.byte(0x0f);
  }

  unreachable(): void {
    this.code.byte(0x00);
  }

  /** The call's result, if it has one, is left on the stack: use `callValue` to keep it. */
  call(functionIndex: number, args: readonly Expression[]): void {
    for (const arg of args) emit(arg, this.code);
    this.code.byte(0x10);
    this.code.unsigned(functionIndex);
  }

  callValue<T extends ValueType>(functionIndex: number, args: readonly Expression[], type: T): Expression<T> {
    this.call(functionIndex, args);
    const index = this.temporary(type);
    this.code.byte(0x21);
    this.code.unsigned(index);
    return pinned(type, index);
  }

  /** Keeps what the call before has left on the stack. */
  takeResult(index: number): void {
    this.code.byte(0x21);
    this.code.unsigned(index);
  }

  callIndirect(typeIndex: number, args: readonly Expression[], selector: Expression): void {
    for (const arg of args) emit(arg, this.code);
    emit(selector, this.code);
    this.code.byte(0x11);
    this.code.unsigned(typeIndex);
    this.code.byte(0x00);
  }

  /** A call in place of this function: the callee's results are its results. */
  returnCallIndirect(typeIndex: number, args: readonly Expression[], selector: Expression): void {
    for (const arg of args) emit(arg, this.code);
    emit(selector, this.code);
    this.code.byte(0x13);
    this.code.unsigned(typeIndex);
    this.code.byte(0x00);
  }
}
