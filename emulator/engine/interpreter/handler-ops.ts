// The code builder of the interpreter: an instruction's meaning becomes one handler, which finds
// its operands in the record it executes.
//
// Every handler exists as a function of its own; the hot ones also stand inline in the switch of
// run(). The two differ only in how control leaves them: see HandlerFrame.

import type {
  AccessOptions,
  Field,
  FlagKind,
  I32,
  I64,
  Int,
  Ops,
  Register,
  V128,
  Value,
  Width,
} from '../../cpu/isa/ops.ts';
import { addWithCarryFlags } from '../../cpu/isa/operands.ts';
import { type Kernel, type KernelName, kernels } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import { afterSubtraction, emitCondition } from '../code/conditions.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder, LoadKind, StoreKind } from '../code/function-builder.ts';
import { out, PureOps, x } from '../code/pure-ops.ts';
import type { OperandUse } from './shape.ts';

/** What differs between a handler in the switch and one that is a function. */
export interface HandlerFrame {
  readonly builder: FunctionBuilder;
  /** Local that holds the address of the record. */
  readonly record: number;
  /** Where an operand lies in the record. */
  operandPlace(field: string, use: OperandUse): number;
  kernelIndex(name: KernelName): number;
  /** Function index of nzcv(op, a, b): i32. */
  readonly materializeFlags: number;
  /**
   * Where the handler may call nothing: leaves the instruction to the handler's function, which
   * begins it again.
   */
  readonly leaveToFunction?: () => void;
  /** Leaves the handler: the instruction has taken an exception. */
  abandon(): void;
  /** To this instruction's address plus an offset in bytes (i32). */
  jumpRelative(offset: Expression): void;
  jumpAbsolute(address: Expression): void;
}

/** Flags as those of the subtraction a - b (less 0 after a logical operation, but for C). */
export interface KnownFlags {
  readonly kind: FlagKind;
  readonly a: Expression;
  readonly b: Expression;
}

/** A field that is only known at run time: its name. */
class RecordField {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export const recordField = (name: string): Field => new RecordField(name) as unknown as Field;

const nameOf = (field: Field): string => {
  const value: unknown = field;
  if (value instanceof RecordField) return value.name;
  throw new Error('a number stands where a dynamic field is expected: is the field static by mistake?');
};

const LOAD_KINDS: Record<number, LoadKind> = { 1: 'u8x64', 2: 'u16x64', 4: 'u32x64', 8: 'i64' };
const STORE_KINDS: Record<number, StoreKind> = { 1: 'i64as8', 2: 'i64as16', 4: 'i64as32', 8: 'i64' };

/** Of a vector the slow kernels want the size of an element, of a single value its own. */
const elementOf = (size: number, { element }: AccessOptions): Expression =>
  element ? x(element) : code.constant('i32', size);

function slowKernel<Access extends 'load' | 'store'>(
  access: Access,
  { unprivileged, element }: AccessOptions,
) {
  return `${access}Slow${unprivileged ? 'Unprivileged' : element ? 'Elements' : ''}` as const;
}

export class InterpreterOps extends PureOps implements Ops {
  private readonly frame: HandlerFrame;
  private readonly b: FunctionBuilder;
  /** Something was changed: the instruction cannot be begun again. */
  private changed = false;
  /** The operation that the flags follow from, where this or the instruction before has set them. */
  flags: KnownFlags | undefined;

  constructor(frame: HandlerFrame, flags?: KnownFlags) {
    super();
    this.flags = flags;
    this.frame = frame;
    this.b = frame.builder;
  }

  // ---- fields

  small(field: Field): I32 {
    return out(this.b.pin(this.operand(field, 'small', 'u16')));
  }

  offset(field: Field): I64 {
    return out(this.b.pin(this.operand(field, 'offset', 's32x64')));
  }

  immediate(field: Field, width: Width): Int {
    return out(this.b.pin(this.operand(field, 'immediate', width === 64 ? 'i64' : 'i32')));
  }

  isSameRegister(): boolean {
    return false;
  }

  testBit(a: I64, position: Field): I32 {
    return this.and(this.wrap(this.shrU(a, this.extendU(this.small(position)))), this.i32(1));
  }

  // ---- general registers

  readX(register: Register, width: Width): I64 {
    return this.readSlot(register, 'read', layout.X, width);
  }

  writeX(register: Register, width: Width, value: Int): void {
    this.writeSlot(register, 'write', layout.X, width, value);
  }

  readXOrSp(register: Register, width: Width): I64 {
    return this.readSlot(register, 'sp', layout.X, width);
  }

  writeXOrSp(register: Register, width: Width, value: Int): void {
    this.writeSlot(register, 'sp', layout.X, width, value);
  }

  // ---- vector registers

  readV(register: Register): V128 {
    return out(this.b.pin(this.loadSlot('v128', register)));
  }

  writeV(register: Register, value: V128): void {
    this.storeSlot('v128', register, 0, x(value));
  }

  writeVLow(register: Register, value: V128): void {
    const low = this.extractLane(64, value, 0);
    this.writeVLane0(register, 64, low);
  }

  readVLane0(register: Register, bits: number): I64 & I32 {
    const kind = ({ 8: 'u8', 16: 'u16', 32: 'i32', 64: 'i64' } as const)[bits];
    if (kind === undefined) throw new Error(`a lane of ${bits} bits`);
    return out(this.b.pin(this.loadSlot(kind, register)));
  }

  writeVLane0(register: Register, bits: number, value: Int): void {
    const expected = bits === 64 ? 'i64' : 'i32';
    if (value.type !== expected) throw new Error(`lane of ${bits} bits from ${value.type}`);
    let low = x(value);
    if (bits < 64) low = code.extendU(low);
    if (bits < 32) low = code.binary('and', low, code.constant('i64', (1 << bits) - 1));
    this.storeSlot('i64', register, 0, low);
    this.storeSlot('i64', register, 8, code.constant('i64', 0));
  }

  addressOfV(register: Register): I32 {
    if (typeof register === 'number') return this.i32(layout.V + 16 * register);
    return out(this.b.pin(this.operand(register, 'vector', 'u16')));
  }

  // ---- flags

  setFlags(kind: FlagKind, width: Width, a: Int, b: Int, result: Int): void {
    this.flags =
      kind === 'logic'
        ? { kind, a: x(result), b: code.constant(result.type, 0) }
        : { kind, a: x(a), b: x(b) };
    this.changed = true;
    const widen = (value: Int): Expression =>
      width === 64 ? x(value) : code.binary('shl', code.extendU(x(value)), code.constant('i64', 32));
    this.b.storeAt('i64', layout.FLAGS_A, widen(kind === 'logic' ? result : a));
    // The result less 0 has the flags of a logical operation, except C.
    this.b.storeAt('i64', layout.FLAGS_B, kind === 'logic' ? code.constant('i64', 0) : widen(b));
    const operations = { add: layout.FLAGS_ADD, sub: layout.FLAGS_SUB, logic: layout.FLAGS_LOGIC };
    this.b.storeAt('i32', layout.FLAGS_OP, code.constant('i32', operations[kind]));
  }

  setFlagsNzcv(nzcv: I32): void {
    this.flags = undefined;
    this.changed = true;
    this.b.storeAt('i64', layout.FLAGS_A, code.extendU(x(nzcv)));
    this.b.storeAt('i32', layout.FLAGS_OP, code.constant('i32', layout.FLAGS_RAW));
  }

  setFlagsWithCarry(_width: Width, a: Int, b: Int, carry: I32, result: Int): void {
    this.setFlagsNzcv(addWithCarryFlags(this, a, b, carry, result));
  }

  nzcv(): I32 {
    if (this.frame.leaveToFunction) return out(this.leave());
    const op = this.b.loadAt('i32', layout.FLAGS_OP);
    const a = this.b.loadAt('i64', layout.FLAGS_A);
    const b = this.b.loadAt('i64', layout.FLAGS_B);
    return out(this.b.callValue(this.frame.materializeFlags, [op, a, b], 'i32'));
  }

  carry(): I32 {
    return this.condition(2);
  }

  condition(conditionCode: number): I32 {
    if (conditionCode >= 14) return this.i32(1);
    const usesCarry = conditionCode >> 1 === 1 || conditionCode >> 1 === 4;
    const known = this.flags;
    if (known && known.kind !== 'add' && !(usesCarry && known.kind === 'logic')) {
      return out(this.b.pin(afterSubtraction(conditionCode, known.a, known.b)));
    }
    const stored = {
      op: this.b.loadAt('i32', layout.FLAGS_OP),
      a: this.b.loadAt('i64', layout.FLAGS_A),
      b: this.b.loadAt('i64', layout.FLAGS_B),
    };
    return out(emitCondition(this.b, conditionCode, stored));
  }

  // ---- memory

  load(size: 1 | 2 | 4 | 8, address: I64, options: AccessOptions = {}): I64 {
    const va = this.b.pin(x(address));
    this.checkAlignment(va, size, false, options);
    const result = this.b.temporary('i64');
    const entry = this.tlbEntry(va, options);
    this.b.if(this.tlbHit(va, entry, layout.TLB_READ_TAG, size));
    this.b.set(result, this.b.load(LOAD_KINDS[size] as LoadKind, this.hostAddress(va, entry)));
    this.b.else();
    const slow = slowKernel('load', options);
    this.b.set(result, this.faulting(slow, [va, elementOf(size, options)], 'i64'));
    this.b.end();
    return out(code.local('i64', result));
  }

  store(size: 1 | 2 | 4 | 8, address: I64, value: I64, options: AccessOptions = {}): void {
    const va = this.b.pin(x(address));
    this.checkAlignment(va, size, true, options);
    const entry = this.tlbEntry(va, options);
    this.b.if(this.tlbHit(va, entry, layout.TLB_WRITE_TAG, size));
    this.b.store(STORE_KINDS[size] as StoreKind, this.hostAddress(va, entry), 0, x(value));
    this.b.else();
    const slow = slowKernel('store', options);
    this.faulting(slow, [va, elementOf(size, options), x(value)]);
    this.b.end();
  }

  loadV(address: I64, options: AccessOptions = {}): V128 {
    const va = this.b.pin(x(address));
    this.checkAlignment(va, 16, false, options);
    const result = this.b.temporary('v128');
    const entry = this.tlbEntry(va, options);
    this.b.if(this.tlbHit(va, entry, layout.TLB_READ_TAG, 16));
    this.b.set(result, this.b.load('v128', this.hostAddress(va, entry)));
    this.b.else();
    this.faulting('loadSlowV', [va, code.constant('i32', layout.SCRATCH), elementOf(16, options)]);
    this.b.set(result, this.b.loadAt('v128', layout.SCRATCH));
    this.b.end();
    return out(code.local('v128', result));
  }

  storeV(address: I64, value: V128, options: AccessOptions = {}): void {
    const va = this.b.pin(x(address));
    this.checkAlignment(va, 16, true, options);
    const entry = this.tlbEntry(va, options);
    this.b.if(this.tlbHit(va, entry, layout.TLB_WRITE_TAG, 16));
    this.b.store('v128', this.hostAddress(va, entry), 0, x(value));
    this.b.else();
    this.b.storeAt('v128', layout.SCRATCH, x(value));
    this.faulting('storeSlowV', [va, code.constant('i32', layout.SCRATCH), elementOf(16, options)]);
    this.b.end();
  }

  loadPair(size: 4 | 8, address: I64): readonly [I64, I64] {
    const va = this.b.pin(x(address));
    const first = this.b.temporary('i64');
    const second = this.b.temporary('i64');
    const entry = this.tlbEntry(va, {});
    this.b.if(this.tlbHit(va, entry, layout.TLB_READ_TAG, 2 * size));
    const host = this.b.pin(this.hostAddress(va, entry));
    this.b.set(first, this.b.load(LOAD_KINDS[size] as LoadKind, host));
    this.b.set(second, this.b.load(LOAD_KINDS[size] as LoadKind, host, size));
    this.b.else();
    const bytes = code.constant('i32', size);
    this.b.set(first, this.faulting('loadSlow', [va, bytes], 'i64'));
    const next = code.binary('add', va, code.constant('i64', size));
    this.b.set(second, this.faulting('loadSlow', [next, bytes], 'i64'));
    this.b.end();
    return [out(code.local('i64', first)), out(code.local('i64', second))];
  }

  storePair(size: 4 | 8, address: I64, first: I64, second: I64): void {
    const va = this.b.pin(x(address));
    const entry = this.tlbEntry(va, {});
    this.b.if(this.tlbHit(va, entry, layout.TLB_WRITE_TAG, 2 * size));
    const host = this.b.pin(this.hostAddress(va, entry));
    this.b.store(STORE_KINDS[size] as StoreKind, host, 0, x(first));
    this.b.store(STORE_KINDS[size] as StoreKind, host, size, x(second));
    this.b.else();
    const bytes = code.constant('i32', size);
    this.faulting('prepareWrite', [va, code.constant('i32', 2 * size)], 'i32');
    this.faulting('storeSlow', [va, bytes, x(first)]);
    const next = code.binary('add', va, code.constant('i64', size));
    this.faulting('storeSlow', [next, bytes, x(second)]);
    this.b.end();
  }

  prepare(access: 'read' | 'write', address: I64, bytes: number, options: AccessOptions = {}): void {
    const va = this.b.pin(x(address));
    const tag = access === 'read' ? layout.TLB_READ_TAG : layout.TLB_WRITE_TAG;
    this.b.if(code.eqz(this.tlbHit(va, this.tlbEntry(va, options), tag, bytes)));
    const kernel = access === 'read' ? 'prepareRead' : 'prepareWrite';
    this.faulting(kernel, [va, code.constant('i32', bytes)], 'i32');
    this.b.end();
  }

  // ---- processor state

  loadState(type: 'i32' | 'i64', address: number | Field): I32 & I64 {
    if (typeof address === 'number') return out(this.b.pin(this.b.loadAt(type, address)));
    return out(this.b.pin(this.b.load(type, this.operand(address, 'small', 'u16'))));
  }

  loadByte(base: number, index: I32): I32 {
    return out(this.b.pin(this.b.load('u8', x(index), base)));
  }

  storeState(address: number | Field, value: Int): void {
    this.changed = true;
    const kind = value.type === 'i32' ? 'i32' : 'i64';
    if (typeof address === 'number') this.b.storeAt(kind, address, x(value));
    else this.b.store(kind, this.operand(address, 'small', 'u16'), 0, x(value));
  }

  // ---- control flow

  pc(): I64 {
    const record = code.local('i32', this.frame.record);
    const distance = code.binary('sub', record, this.b.loadAt('i32', layout.PAGE_RECORDS));
    const offset = code.binary('shrU', distance, code.constant('i32', 2));
    return out(this.b.pin(code.binary('add', this.b.loadAt('i64', layout.PAGE_VA), code.extendU(offset))));
  }

  jump(offset: Field): void {
    this.frame.jumpRelative(this.operand(offset, 'offset', 'i32'));
  }

  branchIf(condition: I32, offset: Field): void {
    this.b.if(x(condition));
    this.jump(offset);
    this.b.end();
  }

  jumpTo(address: I64, _kind: 'jump' | 'call' | 'return'): void {
    this.frame.jumpAbsolute(this.b.pin(x(address)));
  }

  // ---- structure

  let<T extends Value>(value: T): T {
    return out(this.b.pin(x(value)));
  }

  when(condition: I32, then: () => void, otherwise?: () => void): void {
    this.b.if(x(condition));
    then();
    if (otherwise) {
      this.b.else();
      otherwise();
    }
    this.b.end();
    this.flags = undefined;
  }

  variable<T extends Value>(initial: T): { get(): T; set(value: T): void } {
    const index = this.b.temporary(initial.type);
    this.b.set(index, x(initial));
    return {
      // A copy, so that a value read before a later set stays what it was.
      get: () => out(this.b.pin(code.local(initial.type, index))),
      set: (value) => this.b.set(index, x(value)),
    };
  }

  call<T extends Value = Value>(name: KernelName, ...args: readonly Value[]): T {
    const kernel: Kernel = kernels[name];
    if (kernel.params.length !== args.length || kernel.params.some((type, i) => args[i]?.type !== type)) {
      throw new Error(`kernel ${name} called with ${args.map((arg) => arg.type).join()}`);
    }
    if (kernel.faults) return out(this.faulting(name, args.map(x), kernel.result));
    if (this.frame.leaveToFunction) return out(this.leave(kernel.result));
    const index = this.frame.kernelIndex(name);
    if (kernel.result) return out(this.b.callValue(index, args.map(x), kernel.result));
    this.b.call(index, args.map(x));
    return out(code.constant('i32', 0));
  }

  // ---- what the above is made of

  /** FP and AdvSIMD instructions trap while they are disabled. */
  requireFp(): void {
    this.b.if(this.b.loadAt('i32', layout.FP_TRAP));
    this.faulting('fpTrap', []);
    this.b.end();
  }

  private operand(field: Field, use: OperandUse, kind: LoadKind): Expression {
    return this.b.load(
      kind,
      code.local('i32', this.frame.record),
      this.frame.operandPlace(nameOf(field), use),
    );
  }

  private readSlot(register: Register, use: OperandUse, base: number, width: Width): I64 {
    const kind = width === 64 ? 'i64' : 'i32';
    if (typeof register === 'number') return out(this.b.pin(this.b.loadAt(kind, base + 8 * register)));
    return out(this.b.pin(this.b.load(kind, this.operand(register, use, 'u16'))));
  }

  private writeSlot(register: Register, use: OperandUse, base: number, width: Width, value: Int): void {
    if (value.type !== (width === 64 ? 'i64' : 'i32'))
      throw new Error(`${value.type} into a ${width}-bit register`);
    const whole = width === 64 ? x(value) : code.extendU(x(value));
    this.changed = true;
    if (typeof register === 'number') this.b.storeAt('i64', base + 8 * register, whole);
    else this.b.store('i64', this.operand(register, use, 'u16'), 0, whole);
  }

  private loadSlot(kind: LoadKind, register: Register): Expression {
    if (typeof register === 'number') return this.b.loadAt(kind, layout.V + 16 * register);
    return this.b.load(kind, this.operand(register, 'vector', 'u16'));
  }

  private storeSlot(kind: StoreKind, register: Register, offset: number, value: Expression): void {
    this.changed = true;
    if (typeof register === 'number') this.b.storeAt(kind, layout.V + 16 * register + offset, value);
    else this.b.store(kind, this.operand(register, 'vector', 'u16'), offset, value);
  }

  /** Address of the TLB entry that a VA selects. */
  private tlbEntry(va: Expression, options: AccessOptions): Expression {
    const base = options.unprivileged ? layout.TLB_BASE_UNPRIVILEGED : layout.TLB_BASE;
    // ((va >> 12) % TLB_ENTRIES) * TLB_ENTRY_SIZE, in one shift.
    const shifted = code.wrap(code.binary('shrU', va, code.constant('i64', 7)));
    const masked = code.binary(
      'and',
      shifted,
      code.constant('i32', (layout.TLB_ENTRIES - 1) * layout.TLB_ENTRY_SIZE),
    );
    return this.b.pin(code.binary('add', masked, this.b.loadAt('i32', base)));
  }

  private tlbHit(va: Expression, entry: Expression, tag: number, size: number): Expression {
    const distance = code.binary('sub', va, this.b.load('i64', entry, tag));
    return code.compare('leU', distance, code.constant('i64', 4096 - size));
  }

  private hostAddress(va: Expression, entry: Expression): Expression {
    return code.binary('add', code.wrap(va), this.b.load('i32', entry, layout.TLB_ADDEND));
  }

  private checkAlignment(va: Expression, size: number, write: boolean, options: AccessOptions): void {
    if (!options.aligned || size === 1) return;
    const low = code.binary('and', code.wrap(va), code.constant('i32', size - 1));
    this.b.if(low);
    this.faulting(
      'requireAligned',
      [va, code.constant('i32', size), code.constant('i32', write ? 1 : 0)],
      'i32',
    );
    this.b.end();
  }

  /** In the switch of run(), instead of a call. The value is never used. */
  private leave(result: Expression['type'] = 'i32'): Expression {
    if (this.changed) throw new Error('calls a kernel after it has changed something: it cannot be hot');
    this.frame.leaveToFunction?.();
    if (result === 'v128') return code.vectorConstant(0n, 0n);
    return code.constant(result as 'i32' | 'i64', 0);
  }

  /** Calls a kernel that may take an exception, and abandons the instruction if it did. */
  private faulting(name: KernelName, args: readonly Expression[], result?: Expression['type']): Expression {
    if (this.frame.leaveToFunction) return this.leave(result);
    const index = this.frame.kernelIndex(name);
    let value: Expression = code.constant('i32', 0);
    if (result) value = this.b.callValue(index, args, result);
    else this.b.call(index, args);
    const attention = this.b.loadAt('i32', layout.ATTENTION);
    this.b.if(code.binary('and', attention, code.constant('i32', layout.ATTENTION_PC)));
    this.frame.abandon();
    this.b.end();
    return value;
  }
}
