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
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder, LoadKind, StoreKind } from '../code/function-builder.ts';
import { out, PureOps, x } from '../code/pure-ops.ts';
import { FoundPages } from './found-pages.ts';
import { type InlineFrame, inlineKernels } from './inline-kernels.ts';
import { MemoryProbes } from './memory-probes.ts';
import { RegionFlags } from './region-flags.ts';
import type { RegionFrame } from './region-frame.ts';
import { RegisterPlaces } from './register-places.ts';

/** The instruction is left to the interpreter. */
export class NotTranslatable extends Error {}

/** How an instruction goes on when not to the next one. */
export type Flow =
  | { readonly kind: 'jump'; readonly offset: number; readonly isCall: boolean }
  | { readonly kind: 'branch'; readonly condition: Expression; readonly offset: number }
  | { readonly kind: 'indirect'; readonly address: Expression; readonly purpose: 'jump' | 'call' | 'return' };

/** Flags that one side of a run-time condition sets. */
type FlagsOfBranch =
  | { readonly kind: FlagKind; readonly width: Width; readonly operands: readonly [Int, Int, Int] }
  | { readonly kind: 'raw'; readonly nzcv: Expression };

const LINK = 30;
const STACK_POINTER = 31;
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
  /** Whatever happens, the instruction leaves the region. */
  alwaysLeaves = false;
  /** It looked at the flags. */
  readsFlags = false;
  /** Whatever happens, it sets the flags. */
  setsFlags = false;
  /** FP is known not to trap. */
  fpChecked = false;
  readonly flags: RegionFlags;
  readonly pages = new FoundPages();
  /** Inside how many run-time conditions the instruction is. */
  private conditions = 0;
  private flagsOfBranch: FlagsOfBranch | undefined;
  private readonly frame: RegionFrame;
  private readonly b: FunctionBuilder;
  /** Offset of the instruction in its page. */
  private offsetInPage = 0;
  /** Something was changed: the instruction cannot be begun again. */
  private changed = false;
  /** The link register was written. */
  private linked = false;
  private readonly places = new RegisterPlaces();
  private readonly probes: MemoryProbes;
  private readonly inlineFrame: InlineFrame;

  constructor(frame: RegionFrame) {
    super();
    this.frame = frame;
    this.b = frame.builder;
    this.probes = new MemoryProbes(frame, this.pages, this.places, (why, condition) =>
      this.leave(why, condition),
    );
    this.inlineFrame = {
      builder: this.b,
      leave: (why, condition) => this.leave(why, condition),
      probe: (va, tag, size, aligned) => {
        const { host, offset } = this.probes.probe(va, tag, size, { aligned });
        return this.b.pin(code.binary('add', host, code.constant('i32', offset)));
      },
    };
    this.flags = new RegionFlags(frame.builder, frame.materializeFlags);
  }

  begin(offsetInPage: number, probesAlone = false): void {
    this.probes.begin(probesAlone);
    this.offsetInPage = offsetInPage;
    this.changed = false;
    this.linked = false;
    this.alwaysLeaves = false;
    this.readsFlags = false;
    this.setsFlags = false;
    this.conditions = 0;
    this.flow = undefined;
    this.places.clear();
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

  isSameRegister(a: Register, b: Register): boolean {
    return a === b;
  }

  testBit(a: I64, position: Field): I32 {
    const number = numberOf(position);
    if (number === 63) return this.ltS(a, this.i64(0));
    const word = this.wrap(number < 32 ? a : this.shrU(a, this.i64(32)));
    return this.and(word, this.i32(1 << (number & 31)));
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
    this.changed = true;
    if (this.conditions > 0) this.flagsOfBranch = { kind, width, operands: [a, b, result] };
    else {
      this.setsFlags = true;
      this.flags.set(kind, width, x(a), x(b), x(result));
    }
  }

  setFlagsNzcv(nzcv: I32): void {
    this.changed = true;
    if (this.conditions > 0) this.flagsOfBranch = { kind: 'raw', nzcv: x(nzcv) };
    else {
      this.setsFlags = true;
      this.flags.setRaw(x(nzcv));
    }
  }

  setFlagsWithCarry(width: Width, a: Int, b: Int, carry: I32, _result: Int): void {
    if (this.conditions > 0) throw new NotTranslatable('flags of an addition with carry under a condition');
    this.changed = true;
    this.setsFlags = true;
    this.flags.setWithCarry(width, x(a), x(b), x(carry));
  }

  nzcv(): I32 {
    if (this.conditions > 0) throw new NotTranslatable('flags as a number under a condition');
    this.readsFlags = true;
    return out(this.flags.nzcv());
  }

  carry(): I32 {
    return this.condition(2);
  }

  condition(conditionCode: number): I32 {
    if (conditionCode >= 14) return this.i32(1);
    this.readsFlags = true;
    return out(this.flags.condition(conditionCode));
  }

  // ---- memory

  load(size: 1 | 2 | 4 | 8, address: I64, options: AccessOptions = {}): I64 {
    const { host, offset } = this.probes.probe(x(address), layout.TLB_READ_TAG, size, options);
    return out(this.b.pin(this.b.load(LOAD_KINDS[size] as LoadKind, host, offset)));
  }

  store(size: 1 | 2 | 4 | 8, address: I64, value: I64, options: AccessOptions = {}): void {
    const { host, offset } = this.probes.probe(x(address), layout.TLB_WRITE_TAG, size, options);
    this.changed = true;
    this.b.store(STORE_KINDS[size] as StoreKind, host, offset, x(value));
  }

  loadV(address: I64, options: AccessOptions = {}): V128 {
    const { host, offset } = this.probes.probe(x(address), layout.TLB_READ_TAG, 16, options);
    return out(this.b.pin(this.b.load('v128', host, offset)));
  }

  storeV(address: I64, value: V128, options: AccessOptions = {}): void {
    const { host, offset } = this.probes.probe(x(address), layout.TLB_WRITE_TAG, 16, options);
    this.changed = true;
    this.b.store('v128', host, offset, x(value));
  }

  loadPair(size: 4 | 8, address: I64): readonly [I64, I64] {
    const { host, offset } = this.probes.probe(x(address), layout.TLB_READ_TAG, 2 * size, {});
    const first = this.b.pin(this.b.load(LOAD_KINDS[size] as LoadKind, host, offset));
    const second = this.b.pin(this.b.load(LOAD_KINDS[size] as LoadKind, host, offset + size));
    return [out(first), out(second)];
  }

  storePair(size: 4 | 8, address: I64, first: I64, second: I64): void {
    const { host, offset } = this.probes.probe(x(address), layout.TLB_WRITE_TAG, 2 * size, {});
    this.changed = true;
    this.b.store(STORE_KINDS[size] as StoreKind, host, offset, x(first));
    this.b.store(STORE_KINDS[size] as StoreKind, host, offset + size, x(second));
  }

  prepare(access: 'read' | 'write', address: I64, bytes: number, options: AccessOptions = {}): void {
    this.probes.probe(
      x(address),
      access === 'read' ? layout.TLB_READ_TAG : layout.TLB_WRITE_TAG,
      bytes,
      options,
    );
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
    this.flow = { kind: 'indirect', address: x(address), purpose: kind };
  }

  // ---- structure

  let<T extends Value>(value: T): T {
    const place = this.places.placeOf(x(value));
    const pinned = this.b.pin(x(value));
    if (place) this.places.pinned(pinned, place);
    return out(pinned);
  }

  when(condition: I32, then: () => void, otherwise: () => void = () => {}): void {
    const { b } = this;
    const before = this.changed;
    const start = b.code.length;
    b.if(x(condition));
    const first = this.emitBranch(then);
    const after = this.changed;
    this.changed = before;
    const between = b.code.length;
    b.else();
    const second = this.emitBranch(otherwise);
    if (!second.emits && !second.flags) b.rewind(between);
    b.end();
    this.changed ||= after;
    if (!first.flags && !second.flags) return;
    if (!first.flags || !second.flags || this.conditions > 0) throw new NotTranslatable('flags on one side');
    this.setsFlags = true;
    this.flags.known = undefined;
    if (first.emits || second.emits || first.flags.kind === 'raw' || first.flags.kind === 'logic') return;
    if (second.flags.kind !== 'raw' || second.flags.nzcv.kind !== 'constant') return;
    // Nothing but flags, so nothing has to be done here and now.
    b.rewind(start);
    const { kind, width, operands } = first.flags;
    const [a, other] = operands.map(x) as [Expression, Expression];
    this.flags.setIf(x(condition), kind, width, [a, other], Number(second.flags.nzcv.value));
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
    if (name === 'stackPointerWritten') {
      this.checkStackPointer();
      return out(code.constant('i32', 0));
    }
    const kernel: Kernel = kernels[name];
    const inline = inlineKernels[name]?.(this.inlineFrame, args.map(x));
    if (inline) {
      this.changed = true;
      return out(inline.result ?? code.constant('i32', 0));
    }
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

  /** The last thing that an instruction does. An aligned SP changes nothing, unless it was misaligned before. */
  private checkStackPointer(): void {
    const { b } = this;
    const sp = code.local('i64', this.frame.registerLocal(STACK_POINTER, false));
    const bits = code.binary('and', code.wrap(sp), code.constant('i32', 15));
    const wasMisaligned = code.compare('eq', this.frame.tlbBase, code.constant('i32', layout.TLB_EMPTY));
    b.if(code.binary('or', bits, wasMisaligned));
    b.storeAt('i64', layout.SP, sp);
    b.call(this.frame.kernelIndex('stackPointerWritten'), []);
    this.frame.leaveBehind('misaligned SP');
    b.end();
  }

  /** FP and AdvSIMD instructions trap while they are disabled. */
  requireFp(): void {
    if (this.fpChecked) return;
    this.frame.interpret('fp trapped', this.b.loadAt('i32', layout.FP_TRAP));
    this.fpChecked = true;
  }

  /** One side of a condition: whether any code came of it beside that of the flags that it sets. */
  private emitBranch(branch: () => void): { emits: boolean; flags: FlagsOfBranch | undefined } {
    const start = this.b.code.length;
    this.flagsOfBranch = undefined;
    this.conditions++;
    this.probes.isConditional = true;
    branch();
    this.conditions--;
    this.probes.isConditional = this.conditions > 0;
    const emits = this.b.code.length > start;
    const flags = this.flagsOfBranch as FlagsOfBranch | undefined;
    if (flags) this.storeFlags(flags);
    this.flagsOfBranch = undefined;
    return { emits, flags };
  }

  private storeFlags(set: FlagsOfBranch): void {
    if (set.kind === 'raw') this.flags.storeRaw(set.nzcv);
    else
      this.flags.storeDirectly(
        set.kind,
        set.width,
        x(set.operands[0]),
        x(set.operands[1]),
        x(set.operands[2]),
      );
  }

  private readLocal(number: number, width: Width): I64 {
    const value = code.local('i64', this.frame.registerLocal(number, false));
    this.places.read(number, value);
    return out(width === 64 ? value : code.wrap(value));
  }

  private writeLocal(number: number, width: Width, value: Int): void {
    if (value.type !== (width === 64 ? 'i64' : 'i32')) {
      throw new Error(`${value.type} into a ${width}-bit register`);
    }
    this.changed = true;
    this.b.set(this.frame.registerLocal(number, true), width === 64 ? x(value) : code.extendU(x(value)));
    this.pages.written(
      number,
      width === 64 && this.conditions === 0 ? this.places.placeOf(x(value)) : undefined,
    );
    this.places.written(number);
  }

  private leave(why: string, condition?: Expression): void {
    if (this.changed) throw new NotTranslatable('may leave after it has changed something');
    this.frame.interpret(why, condition);
  }
}

const addressOfVector = (register: Register): number => layout.V + 16 * numberOf(register);
