// The code builder of translated code: an instruction's meaning becomes part of a region. Fields are
// constants here, general registers and flags are WebAssembly locals.
//
// Regions call no kernel that may take an exception, and none that looks at registers. An instruction that
// needs one (or whose access misses the TLB) leaves the region before it has changed anything, and the
// interpreter executes it. An instruction that cannot promise that throws NotTranslatable.

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
import { type Kernel, type KernelName, kernels } from '../../cpu/kernels.ts';
import { floatKernels } from '../../cpu/float/kernels.ts';
import * as layout from '../../memory/layout.ts';
import { afterAddition, afterSubtraction, emitCondition, fromNzcv } from '../code/conditions.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder, LoadKind, StoreKind } from '../code/function-builder.ts';
import { out, PureOps, x } from '../code/pure-ops.ts';

/** The instruction is left to the interpreter. */
export class NotTranslatable extends Error {}

/** How an instruction goes on when not to the next one. */
export type Flow =
  | { readonly kind: 'jump'; readonly offset: number; readonly isCall: boolean }
  | { readonly kind: 'branch'; readonly condition: Expression; readonly offset: number }
  | { readonly kind: 'indirect'; readonly address: Expression; readonly isReturn: boolean };

/** What the flags follow from, where it is known. */
export type KnownFlags = FlagKind | 'raw' | undefined;

/** The region that instructions become part of. */
export interface RegionFrame {
  readonly builder: FunctionBuilder;
  /** Local of X0..X30, or of SP (31). */
  registerLocal(register: number, written: boolean): number;
  flagLocals(written: boolean): { readonly op: number; readonly a: number; readonly b: number };
  readonly pageVa: Expression;
  readonly tlbBase: Expression;
  kernelIndex(name: KernelName): number;
  materializeFlags(): number;
  /** Leaves the region: the interpreter executes this instruction. */
  interpret(why: string): void;
}

const LINK = 30;
const LOAD_KINDS: Record<number, LoadKind> = { 1: 'u8x64', 2: 'u16x64', 4: 'u32x64', 8: 'i64' };
const STORE_KINDS: Record<number, StoreKind> = { 1: 'i64as8', 2: 'i64as16', 4: 'i64as32', 8: 'i64' };

/** Kernels that work on their arguments, FPCR, FPSR and vector registers only. */
const PURE_KERNELS: ReadonlySet<string> = new Set([
  ...Object.keys(floatKernels),
  'crc32',
  'setSaturated',
  'shiftLanes',
  'multiplyPolynomials',
  'aesSubBytes',
  'aesInverseSubBytes',
  'sm4SubBytes',
]);

const numberOf = (field: Field | number): number => field as unknown as number;

export class TranslatorOps extends PureOps implements Ops {
  /** Set by `begin` and by what the instruction does. */
  flow: Flow | undefined;
  flags: KnownFlags;
  /** Whatever happens, the instruction leaves the region. */
  alwaysLeaves = false;
  /** Inside how many run-time conditions the instruction is. */
  private conditions = 0;
  private readonly frame: RegionFrame;
  private readonly b: FunctionBuilder;
  /** Offset of the instruction in its page. */
  private offsetInPage = 0;
  /** Something was changed: the instruction cannot be begun again. */
  private changed = false;
  /** The link register was written. */
  private linked = false;
  /** FP is known not to trap since the start of the block. */
  private fpChecked = false;

  constructor(frame: RegionFrame) {
    super();
    this.frame = frame;
    this.b = frame.builder;
  }

  beginBlock(flags: KnownFlags): void {
    this.flags = flags;
    this.fpChecked = false;
  }

  begin(offsetInPage: number): void {
    this.offsetInPage = offsetInPage;
    this.changed = false;
    this.linked = false;
    this.alwaysLeaves = false;
    this.conditions = 0;
    this.flow = undefined;
  }

  // ---- fields

  small(field: Field): I32 {
    return this.i32(numberOf(field));
  }

  offset(field: Field): I64 {
    return this.i64(numberOf(field));
  }

  immediate(field: Field, width: Width): Int {
    return this.constant(width, field as unknown as bigint);
  }

  // ---- general registers

  readX(register: Register, width: Width): I64 {
    const number = numberOf(register);
    if (number === 31) return out(code.constant(width === 64 ? 'i64' : 'i32', 0));
    return this.readLocal(number, width);
  }

  writeX(register: Register, width: Width, value: Int): void {
    const number = numberOf(register);
    if (number !== 31) this.writeLocal(number, width, value);
    if (number === LINK) this.linked = true;
  }

  readXOrSp(register: Register, width: Width): I64 {
    return this.readLocal(numberOf(register), width);
  }

  writeXOrSp(register: Register, width: Width, value: Int): void {
    this.writeLocal(numberOf(register), width, value);
  }

  // ---- vector registers

  readV(register: Register): V128 {
    return out(this.b.pin(this.b.loadAt('v128', addressOfVector(register))));
  }

  writeV(register: Register, value: V128): void {
    this.changed = true;
    this.b.storeAt('v128', addressOfVector(register), x(value));
  }

  writeVLow(register: Register, value: V128): void {
    this.writeVLane0(register, 64, this.extractLane(64, value, 0));
  }

  readVLane0(register: Register, bits: number): I64 & I32 {
    const kind = ({ 8: 'u8', 16: 'u16', 32: 'i32', 64: 'i64' } as const)[bits];
    if (kind === undefined) throw new Error(`a lane of ${bits} bits`);
    return out(this.b.pin(this.b.loadAt(kind, addressOfVector(register))));
  }

  writeVLane0(register: Register, bits: number, value: Int): void {
    let low = x(value);
    if (bits < 64) low = code.extendU(low);
    if (bits < 32) low = code.binary('and', low, code.constant('i64', (1 << bits) - 1));
    const pinned = this.b.pin(low);
    this.changed = true;
    this.b.storeAt('i64', addressOfVector(register), pinned);
    this.b.storeAt('i64', addressOfVector(register) + 8, code.constant('i64', 0));
  }

  addressOfV(register: Register): I32 {
    return this.i32(addressOfVector(register));
  }

  // ---- flags

  setFlags(kind: FlagKind, width: Width, a: Int, b: Int, result: Int): void {
    const locals = this.frame.flagLocals(true);
    const widen = (value: Int): Expression =>
      width === 64 ? x(value) : code.binary('shl', code.extendU(x(value)), code.constant('i64', 32));
    // The operands may depend on nothing that is set here: they are pinned or constants.
    this.b.set(locals.a, widen(kind === 'logic' ? result : a));
    // The result less 0 has the flags of a logical operation, except C.
    this.b.set(locals.b, kind === 'logic' ? code.constant('i64', 0) : widen(b));
    const operations = { add: layout.FLAGS_ADD, sub: layout.FLAGS_SUB, logic: layout.FLAGS_LOGIC };
    this.b.set(locals.op, code.constant('i32', operations[kind]));
    this.flags = kind;
    this.changed = true;
  }

  setFlagsNzcv(nzcv: I32): void {
    const locals = this.frame.flagLocals(true);
    this.b.set(locals.a, code.extendU(x(nzcv)));
    this.b.set(locals.op, code.constant('i32', layout.FLAGS_RAW));
    this.flags = 'raw';
    this.changed = true;
  }

  nzcv(): I32 {
    const { op, a, b } = this.frame.flagLocals(false);
    const args = [code.local('i32', op), code.local('i64', a), code.local('i64', b)];
    return out(this.b.callValue(this.frame.materializeFlags(), args, 'i32'));
  }

  carry(): I32 {
    return this.condition(2);
  }

  condition(conditionCode: number): I32 {
    if (conditionCode >= 14) return this.i32(1);
    const usesCarry = conditionCode >> 1 === 1 || conditionCode >> 1 === 4;
    const locals = this.frame.flagLocals(false);
    const op = code.local('i32', locals.op);
    const a = code.local('i64', locals.a);
    const b = code.local('i64', locals.b);
    switch (this.flags) {
      case 'add':
        return out(this.b.pin(afterAddition(conditionCode, a, b)));
      case 'logic':
        // C is clear: LO and LS hold.
        if (usesCarry) return this.i32(conditionCode & 1);
        return out(this.b.pin(afterSubtraction(conditionCode, a, code.constant('i64', 0))));
      case 'sub':
        return out(this.b.pin(afterSubtraction(conditionCode, a, b)));
      case 'raw':
        return out(this.b.pin(fromNzcv(conditionCode, code.wrap(a))));
      default:
    }
    return out(emitCondition(this.b, conditionCode, { op, a, b }));
  }

  // ---- memory

  load(size: 1 | 2 | 4 | 8, address: I64, options: AccessOptions = {}): I64 {
    const va = this.b.pin(x(address));
    const host = this.probe(va, layout.TLB_READ_TAG, size, options);
    return out(this.b.pin(this.b.load(LOAD_KINDS[size] as LoadKind, host)));
  }

  store(size: 1 | 2 | 4 | 8, address: I64, value: I64, options: AccessOptions = {}): void {
    const va = this.b.pin(x(address));
    const host = this.probe(va, layout.TLB_WRITE_TAG, size, options);
    this.changed = true;
    this.b.store(STORE_KINDS[size] as StoreKind, host, 0, x(value));
  }

  loadV(address: I64, options: AccessOptions = {}): V128 {
    const va = this.b.pin(x(address));
    const host = this.probe(va, layout.TLB_READ_TAG, 16, options);
    return out(this.b.pin(this.b.load('v128', host)));
  }

  storeV(address: I64, value: V128, options: AccessOptions = {}): void {
    const va = this.b.pin(x(address));
    const host = this.probe(va, layout.TLB_WRITE_TAG, 16, options);
    this.changed = true;
    this.b.store('v128', host, 0, x(value));
  }

  loadPair(size: 4 | 8, address: I64): readonly [I64, I64] {
    const va = this.b.pin(x(address));
    const host = this.b.pin(this.probe(va, layout.TLB_READ_TAG, 2 * size, {}));
    const first = this.b.pin(this.b.load(LOAD_KINDS[size] as LoadKind, host));
    const second = this.b.pin(this.b.load(LOAD_KINDS[size] as LoadKind, host, size));
    return [out(first), out(second)];
  }

  storePair(size: 4 | 8, address: I64, first: I64, second: I64): void {
    const va = this.b.pin(x(address));
    const host = this.b.pin(this.probe(va, layout.TLB_WRITE_TAG, 2 * size, {}));
    this.changed = true;
    this.b.store(STORE_KINDS[size] as StoreKind, host, 0, x(first));
    this.b.store(STORE_KINDS[size] as StoreKind, host, size, x(second));
  }

  prepare(access: 'read' | 'write', address: I64, bytes: number, options: AccessOptions = {}): void {
    const va = this.b.pin(x(address));
    this.probe(va, access === 'read' ? layout.TLB_READ_TAG : layout.TLB_WRITE_TAG, bytes, options);
  }

  // ---- processor state

  loadState(type: 'i32' | 'i64', address: number | Field): I32 & I64 {
    return out(this.b.pin(this.b.loadAt(type, numberOf(address))));
  }

  loadByte(base: number, index: I32): I32 {
    return out(this.b.pin(this.b.load('u8', x(index), base)));
  }

  storeState(address: number | Field, value: Int): void {
    this.changed = true;
    this.b.storeAt(value.type === 'i32' ? 'i32' : 'i64', numberOf(address), x(value));
  }

  // ---- control flow

  pc(): I64 {
    return out(this.b.pin(code.binary('add', this.frame.pageVa, code.constant('i64', this.offsetInPage))));
  }

  jump(offset: Field): void {
    this.flow = { kind: 'jump', offset: numberOf(offset), isCall: this.linked };
  }

  branchIf(condition: I32, offset: Field): void {
    this.flow = { kind: 'branch', condition: x(condition), offset: numberOf(offset) };
  }

  jumpTo(address: I64, kind: 'jump' | 'call' | 'return'): void {
    this.flow = { kind: 'indirect', address: x(address), isReturn: kind === 'return' };
  }

  // ---- structure

  let<T extends Value>(value: T): T {
    return out(this.b.pin(x(value)));
  }

  when(condition: I32, then: () => void, otherwise?: () => void): void {
    const before = this.changed;
    this.b.if(x(condition));
    this.conditions++;
    then();
    const after = this.changed;
    if (otherwise) {
      this.changed = before;
      this.b.else();
      otherwise();
    }
    this.b.end();
    this.conditions--;
    this.changed ||= after;
    this.flags = undefined;
  }

  variable<T extends Value>(initial: T): { get(): T; set(value: T): void } {
    const index = this.b.temporary(initial.type);
    this.b.set(index, x(initial));
    return {
      get: () => out(this.b.pin(code.local(initial.type, index))),
      set: (value) => this.b.set(index, x(value)),
    };
  }

  call<T extends Value = Value>(name: KernelName, ...args: readonly Value[]): T {
    const kernel: Kernel = kernels[name];
    if (kernel.faults) {
      this.alwaysLeaves ||= this.conditions === 0;
      this.leave(name);
      const { result = 'i32' } = kernel;
      return out(result === 'v128' ? code.vectorConstant(0n, 0n) : code.constant(result as 'i32' | 'i64', 0));
    }
    if (!PURE_KERNELS.has(name)) throw new NotTranslatable(name);
    this.changed = true;
    const index = this.frame.kernelIndex(name);
    if (kernel.result) return out(this.b.callValue(index, args.map(x), kernel.result));
    this.b.call(index, args.map(x));
    return out(code.constant('i32', 0));
  }

  // ---- what the above is made of

  /** FP and AdvSIMD instructions trap while they are disabled. */
  requireFp(): void {
    if (this.fpChecked) return;
    this.b.if(this.b.loadAt('i32', layout.FP_TRAP));
    this.frame.interpret('fp trapped');
    this.b.end();
    this.fpChecked = true;
  }

  private readLocal(number: number, width: Width): I64 {
    const value = code.local('i64', this.frame.registerLocal(number, false));
    return out(this.b.pin(width === 64 ? value : code.wrap(value)));
  }

  private writeLocal(number: number, width: Width, value: Int): void {
    if (value.type !== (width === 64 ? 'i64' : 'i32')) {
      throw new Error(`${value.type} into a ${width}-bit register`);
    }
    this.changed = true;
    this.b.set(this.frame.registerLocal(number, true), width === 64 ? x(value) : code.extendU(x(value)));
  }

  /** Host address of an access that hits the TLB; whatever does not leaves the region. */
  private probe(va: Expression, tag: number, size: number, options: AccessOptions): Expression {
    if (options.aligned && size > 1) {
      this.b.if(code.binary('and', code.wrap(va), code.constant('i32', size - 1)));
      this.leave('misaligned');
      this.b.end();
    }
    const base = options.unprivileged
      ? this.b.loadAt('i32', layout.TLB_BASE_UNPRIVILEGED)
      : this.frame.tlbBase;
    // ((va >> 12) % TLB_ENTRIES) * TLB_ENTRY_SIZE, in one shift.
    const shifted = code.wrap(code.binary('shrU', va, code.constant('i64', 7)));
    const mask = (layout.TLB_ENTRIES - 1) * layout.TLB_ENTRY_SIZE;
    const slot = code.binary('and', shifted, code.constant('i32', mask));
    const entry = this.b.pin(code.binary('add', slot, base));
    const distance = code.binary('sub', va, this.b.load('i64', entry, tag));
    this.b.if(code.compare('gtU', distance, code.constant('i64', 4096 - size)));
    this.leave('tlb');
    this.b.end();
    return this.b.pin(code.binary('add', code.wrap(va), this.b.load('i32', entry, layout.TLB_ADDEND)));
  }

  private leave(why: string): void {
    if (this.changed) throw new NotTranslatable('may leave after it has changed something');
    this.frame.interpret(why);
  }
}

const addressOfVector = (register: Register): number => layout.V + 16 * numberOf(register);
