// Accesses to system registers that generated code and kernels leave to TypeScript: the check, the
// trap, the effect. And the table of what they may do themselves (SYSREG_ACCESS).

import {
  ATTENTION_INTERRUPT,
  CPU,
  FPCR,
  FPSR,
  HCR_EL2,
  LINE_FIQ,
  LINE_IRQ,
  LINE_VFIQ,
  LINE_VIRQ,
  LINES,
  PSTATE_EL,
  PSTATE_SP,
  SP,
  SP_EL0,
  SP_EL0_OBSERVED,
  SYSREG_ACCESS,
  SYSREG_ACCESS_STRIDE,
  SYSREG_VALUE,
  SYSREGS,
} from '../../memory/layout.ts';
import type { Clock } from '../../devices/clock.ts';
import type { GenericTimer } from '../../devices/generic-timer.ts';
import type { GicV3CpuInterface } from '../../devices/gic-v3/cpu-interface.ts';
import type { FeatureSet } from '../features.ts';
import type { AccessResult, RegisterContext, SystemRegisterRow, Trap } from './define.ts';
import { INDEX_COUNT, INDEX_FIRST, INDEX_FPCR, INDEX_FPSR } from './indexes.ts';
import { lookupName, type NumberedRow, numberedRows } from './lookup.ts';

/** The kernels that accesses need. */
export interface SystemRegisterKernels {
  undefinedInstruction(): void;
  trapSystemRegister(targetEl: number): void;
  trapSystemRegisterToEl1(): void;
  translationControlChanged(el: number): void;
  updateRegime(): void;
  raiseAttention(bits: number): void;
  kernelRead(index: number): bigint;
  kernelWrite(index: number, value: bigint): void;
}

/** Is told of an access of the running CPU by MRS, MSR or SYS that takes no exception of its own by what it is. */
export interface RegisterObserver {
  /** Has been read. */
  read?(index: number, low: number, high: number): void;
  /** Is about to be written, or executed with this value; what it holds is still there. */
  write?(index: number, low: number, high: number): void;
}

export interface SystemRegisterSockets {
  readonly memory: WebAssembly.Memory;
  readonly kernels: SystemRegisterKernels;
  readonly features: FeatureSet;
  readonly clock: Clock;
  /** Which CPU is running. */
  currentCpu(): number;
  timerOf(cpu: number): GenericTimer;
  /** Undefined on a machine without GICv3. */
  gicOf(cpu: number): GicV3CpuInterface | undefined;
  /** Host address of the block of a CPU: CPU for the running one. */
  blockOf(cpu: number): number;
}

/** The kernels that read these take the trap of FP instead while it is on. A debugger looks past it. */
const FLOAT_STATE: Readonly<Record<number, number>> = { [INDEX_FPCR]: FPCR, [INDEX_FPSR]: FPSR };
/** As the kernels write them: AHP, DN, FZ, RMode, Stride, FZ16, Len; NZCV, QC and the flags of exceptions. */
const FPCR_WRITABLE = 0x07ff_0000;
const FPCR_FZ16 = 1 << 19;
const FPSR_WRITABLE = 0xf800_009f;

const DIRECT_READ = 1;
const DIRECT_WRITE = 2;
const KERNEL_READ = 4;
const KERNEL_WRITE = 8;
const READS = DIRECT_READ | KERNEL_READ;
const WRITES = DIRECT_WRITE | KERNEL_WRITE;
const SP_EL0_INDEX = (SP_EL0 - SYSREGS) >> 3;

const ALL_INDEXES = Array.from({ length: INDEX_COUNT }, (_, index) => index);

/** A trap with its control bits found. */
interface CompiledTrap {
  readonly controls: readonly { readonly slot: number; readonly shift: number }[];
  readonly value: 0 | 1;
  readonly onRead: boolean;
  readonly onWrite: boolean;
  readonly from0: boolean;
  readonly from1: boolean;
  readonly to: 1 | 2;
}

export class SystemRegisters {
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly sockets: SystemRegisterSockets;
  private readonly traps: readonly (readonly CompiledTrap[])[];
  /** Indexes of the registers that have any. */
  private readonly trapped: readonly number[];
  /** Slots of the registers with control bits of traps, and their values when SYSREG_ACCESS was computed. */
  private readonly controlSlots: readonly number[];
  private readonly computedFor: Int32Array;
  private readonly context: RegisterContext;
  private computed = false;
  private observer: RegisterObserver | undefined;
  /** By index: what generated code and kernels may not do themselves, because somebody wants to be told of it. */
  private readonly observed = new Uint8Array(INDEX_COUNT);

  constructor(sockets: SystemRegisterSockets) {
    this.sockets = sockets;
    this.i32 = new Int32Array(sockets.memory.buffer);
    this.u8 = new Uint8Array(sockets.memory.buffer);
    this.traps = numberedRows.map((numbered) =>
      (numbered?.row.traps ?? []).filter(({ to }) => to === 1 || sockets.features.el2).map(compileTrap),
    );
    this.trapped = ALL_INDEXES.filter((index) => (this.traps[index]?.length ?? 0) > 0);
    this.controlSlots = [
      ...new Set(this.traps.flat().flatMap(({ controls }) => controls.map(({ slot }) => slot))),
    ];
    this.computedFor = new Int32Array(this.controlSlots.length);
    this.context = this.makeContext();
  }

  /** Sets every register with storage to its value after reset. */
  reset(cpu: number): void {
    const { features } = this.sockets;
    const block = this.sockets.blockOf(cpu) - CPU;
    for (const numbered of numberedRows) {
      if (numbered === undefined || numbered.slot === 0) continue;
      const { reset = 0n } = numbered.row;
      const value = typeof reset === 'bigint' ? reset : reset(features, cpu);
      this.i32[(block + numbered.slot) >> 2] = Number(BigInt.asIntN(32, value));
      this.i32[(block + numbered.slot + 4) >> 2] = Number(BigInt.asIntN(32, value >> 32n));
    }
    if (cpu === this.sockets.currentCpu()) this.accessChanged();
  }

  /** MRS of generated code: the value goes to SYSREG_VALUE, or an exception is taken. */
  read(index: number): void {
    const numbered = numberedRows[index];
    if (numbered === undefined) return this.sockets.kernels.undefinedInstruction();
    if (!this.enter(this.settle(numbered, false))) return;
    this.readRow(numbered);
    if (((this.observed[index] as number) & READS) === 0) return;
    const { i32 } = this;
    const [low, high] = [i32[SYSREG_VALUE >> 2] as number, i32[(SYSREG_VALUE + 4) >> 2] as number];
    this.observer?.read?.(index, low >>> 0, high >>> 0);
    i32[SYSREG_VALUE >> 2] = low;
    i32[(SYSREG_VALUE + 4) >> 2] = high;
  }

  private readRow({ row, slot, index }: NumberedRow): void {
    const { context, i32 } = this;
    if (row.read !== undefined) {
      i32[SYSREG_VALUE >> 2] = row.read(context);
      i32[(SYSREG_VALUE + 4) >> 2] = row.readHigh?.(context) ?? 0;
    } else if (row.kernel === 'read' || row.kernel === 'both') {
      this.storeValue(this.sockets.kernels.kernelRead(index));
    } else {
      i32[SYSREG_VALUE >> 2] = i32[slot >> 2] as number;
      i32[(SYSREG_VALUE + 4) >> 2] = i32[(slot + 4) >> 2] as number;
    }
  }

  /** MSR and SYS of generated code, with the value in SYSREG_VALUE. */
  write(index: number): void {
    const numbered = numberedRows[index];
    if (numbered === undefined) return this.sockets.kernels.undefinedInstruction();
    if (!this.enter(this.settle(numbered, true))) return;
    const low = (this.i32[SYSREG_VALUE >> 2] as number) >>> 0;
    const high = (this.i32[(SYSREG_VALUE + 4) >> 2] as number) >>> 0;
    if (((this.observed[index] as number) & WRITES) === 0) return this.writeRow(numbered, low, high);
    this.observer?.write?.(index, low, high);
    const { kernel } = numbered.row;
    if (kernel === 'write' || kernel === 'both') this.sockets.kernels.kernelWrite(index, join(low, high));
    else this.writeRow(numbered, low, high);
  }

  /**
   * From now on accesses to these registers and instructions are told of; the empty lists end it. They then come to
   * TypeScript, whatever the kernels could do themselves; all others are as fast as ever. accessChanged() is to be
   * called for every CPU.
   */
  observe(reads: readonly number[], writes: readonly number[], observer: RegisterObserver | undefined): void {
    this.observer = observer;
    this.observed.fill(0);
    for (const index of reads) this.observed[index] = READS;
    for (const index of writes) this.observed[index] = (this.observed[index] as number) | WRITES;
    this.i32[SP_EL0_OBSERVED >> 2] = this.observed[SP_EL0_INDEX] as number;
    this.computed = false;
  }

  /** What a debugger shows of the running CPU; undefined for an unknown name and for instructions. */
  peek(name: string): bigint | undefined {
    const numbered = lookupName(name);
    if (numbered === undefined || numbered.row.access === 'wo') return undefined;
    const { row, slot, index } = numbered;
    const read = row.peek ?? row.read;
    if (read) return join(read(this.context), row.readHigh?.(this.context) ?? 0);
    const floatState = FLOAT_STATE[index];
    if (floatState !== undefined) return join(this.i32[floatState >> 2] as number, 0);
    if (row.storage === false)
      return row.kernel === undefined
        ? undefined
        : BigInt.asUintN(64, this.sockets.kernels.kernelRead(index));
    const address = this.isStackPointerInUse(slot) ? SP : slot;
    return join(this.i32[address >> 2] as number, this.i32[(address + 4) >> 2] as number);
  }

  /** The stack pointer in use is kept as SP, not in its bank. */
  private isStackPointerInUse(slot: number): boolean {
    return slot === SP_EL0 + 8 * (this.i32[PSTATE_SP >> 2] === 0 ? 0 : (this.i32[PSTATE_EL >> 2] as number));
  }

  /** Writes a register of the running CPU as an MSR at EL2 would. False where that is not possible. */
  poke(name: string, value: bigint): boolean {
    const numbered = lookupName(name);
    const floatState = numbered && FLOAT_STATE[numbered.index];
    if (floatState !== undefined) {
      const half = this.sockets.features.has('FEAT_FP16');
      const mask = floatState === FPSR ? FPSR_WRITABLE : half ? FPCR_WRITABLE : FPCR_WRITABLE & ~FPCR_FZ16;
      this.i32[floatState >> 2] = Number(BigInt.asIntN(32, value)) & mask;
      return true;
    }
    if (
      numbered === undefined ||
      numbered.row.access === 'ro' ||
      (numbered.row.storage === false && !numbered.row.write)
    ) {
      return false;
    }
    this.writeRow(numbered, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
    return true;
  }

  /**
   * SYSREG_ACCESS holds for the running CPU: to be called after another CPU was selected, and
   * after anything wrote a trap control past this class (the embedded hypervisor).
   */
  accessChanged(): void {
    this.controlsChanged();
    // The byte of SP_EL0 follows PSTATE.
    this.sockets.kernels.updateRegime();
  }

  /** As accessChanged() where PSTATE and the regime are what the kernels last saw of them. */
  controlsMayHaveChanged(): void {
    if (this.controlsChanged()) this.sockets.kernels.updateRegime();
  }

  /** Brings SYSREG_ACCESS up to the controls: true when one of them is another than before. */
  private controlsChanged(): boolean {
    const { controlSlots, computedFor, i32 } = this;
    let same = this.computed;
    for (let i = 0; i < controlSlots.length; i++) {
      const value = i32[(controlSlots[i] as number) >> 2] as number;
      if (computedFor[i] === value) continue;
      computedFor[i] = value;
      same = false;
    }
    if (same) return false;
    // At EL2, and for registers that nothing traps, what was computed once holds.
    for (let el = 0; el <= (this.computed ? 1 : 2); el++) {
      this.computeAccess(el, this.computed ? this.trapped : ALL_INDEXES);
    }
    this.computed = true;
    return true;
  }

  private computeAccess(el: number, indexes: readonly number[]): void {
    const base = SYSREG_ACCESS + el * SYSREG_ACCESS_STRIDE;
    for (const index of indexes) {
      const numbered = numberedRows[index];
      const access = numbered === undefined ? 0 : this.directAccess(numbered, el);
      this.u8[base + index] = access & ~(this.observed[index] as number);
    }
  }

  /** What generated code may do itself at this EL under the present controls. */
  private directAccess({ row, index }: NumberedRow, el: number): number {
    if (el < row.minEl || row.check !== undefined || !this.isPresent(row)) return 0;
    if (row.minEl === 2 && !this.sockets.features.el2) return 0;
    let access = 0;
    if (row.access !== 'wo' && this.trapOf(index, el, false) === undefined) {
      if (row.kernel === 'read' || row.kernel === 'both') access |= KERNEL_READ;
      else if (index < INDEX_FIRST && row.read === undefined) access |= DIRECT_READ;
    }
    if (row.access !== 'ro' && this.trapOf(index, el, true) === undefined) {
      if (row.kernel === 'write' || row.kernel === 'both') access |= KERNEL_WRITE;
      else if (index < INDEX_FIRST && row.write === undefined && row.writable === undefined)
        access |= DIRECT_WRITE;
    }
    return access;
  }

  private isPresent({ since }: SystemRegisterRow): boolean {
    return since === undefined || this.sockets.features.has(since);
  }

  /** What becomes of an access at the current EL. UNDEFINED comes before traps. */
  private settle({ row, index }: NumberedRow, isWrite: boolean): AccessResult {
    const { el } = this.context;
    if (el < row.minEl || !this.isPresent(row)) return 'undefined';
    if (isWrite ? row.access === 'ro' : row.access === 'wo') return 'undefined';
    const trap = this.trapOf(index, el, isWrite);
    if (trap !== undefined) return trap === 1 ? 'trap-to-el1' : 'trap-to-el2';
    return row.check?.(this.context, isWrite) ?? 'ok';
  }

  /** The EL of the first trap that applies. Traps to EL1 stand before those to EL2 in a row. */
  private trapOf(index: number, el: number, isWrite: boolean): 1 | 2 | undefined {
    if (el === 2) return undefined;
    for (const trap of this.traps[index] as readonly CompiledTrap[]) {
      if (!(isWrite ? trap.onWrite : trap.onRead) || !(el === 0 ? trap.from0 : trap.from1)) continue;
      if (
        trap.controls.every(
          ({ slot, shift }) => (((this.i32[slot >> 2] as number) >>> shift) & 1) === trap.value,
        )
      )
        return trap.to;
    }
    return undefined;
  }

  /** False when an exception was taken instead. */
  private enter(result: AccessResult): boolean {
    const { kernels } = this.sockets;
    switch (result) {
      case 'ok':
        return true;
      case 'undefined':
        kernels.undefinedInstruction();
        return false;
      case 'trap-to-el1':
        kernels.trapSystemRegisterToEl1();
        return false;
      case 'trap-to-el2':
        kernels.trapSystemRegister(2);
        return false;
    }
  }

  private writeRow({ row, slot }: NumberedRow, low: number, high: number): void {
    if (row.write !== undefined) {
      row.write(this.context, low, high);
      return;
    }
    const writable = row.writable ?? 0xffff_ffff_ffff_ffffn;
    const maskLow = Number(writable & 0xffff_ffffn) | 0;
    const maskHigh = Number(writable >> 32n) | 0;
    const { i32 } = this;
    const at = (this.isStackPointerInUse(slot) ? SP : slot) >> 2;
    i32[at] = ((i32[at] as number) & ~maskLow) | (low & maskLow);
    i32[at + 1] = ((i32[at + 1] as number) & ~maskHigh) | (high & maskHigh);
    if (row.kernel !== undefined) this.sockets.kernels.updateRegime();
  }

  private storeValue(value: bigint): void {
    this.i32[SYSREG_VALUE >> 2] = Number(BigInt.asIntN(32, value));
    this.i32[(SYSREG_VALUE + 4) >> 2] = Number(BigInt.asIntN(32, value >> 32n));
  }

  private makeContext(): RegisterContext {
    const { sockets, i32 } = this;
    const slotOf = (register: number | string): number => {
      if (typeof register === 'number') return register;
      const numbered = lookupName(register);
      if (numbered === undefined || numbered.slot === 0) throw new RangeError(`${register} has no storage`);
      return numbered.slot;
    };
    const low = (register: number | string): number => (i32[slotOf(register) >> 2] as number) >>> 0;
    return {
      features: sockets.features,
      get el() {
        return i32[PSTATE_EL >> 2] as number;
      },
      get cpu() {
        return sockets.currentCpu();
      },
      get timer() {
        return sockets.timerOf(sockets.currentCpu());
      },
      get gic() {
        return sockets.gicOf(sockets.currentCpu());
      },
      low,
      high: (register) => (i32[(slotOf(register) + 4) >> 2] as number) >>> 0,
      store: (register, lowHalf, highHalf = 0) => {
        const slot = slotOf(register);
        i32[slot >> 2] = lowHalf | 0;
        i32[(slot + 4) >> 2] = highHalf | 0;
      },
      field: (register, field) => {
        const { slot, shift } = controlBit(`${register}.${field}`);
        return ((i32[slot >> 2] as number) >>> shift) & 1;
      },
      now: () => sockets.clock.nanoseconds(),
      pendingLines: () => pendingLines(i32, sockets.features.el2),
      accessChanged: () => this.accessChanged(),
      translationControlChanged: (el) => sockets.kernels.translationControlChanged(el),
      updateRegime: () => sockets.kernels.updateRegime(),
      recheckInterrupts: () => sockets.kernels.raiseAttention(ATTENTION_INTERRUPT),
    };
  }
}

/** As ISR_EL1 sees them: at EL1 the virtual interrupts where HCR_EL2 routes the physical ones away. */
function pendingLines(i32: Int32Array, el2: boolean): number {
  const lines = i32[LINES >> 2] as number;
  const hcr = el2 ? (i32[HCR_EL2 >> 2] as number) : 0;
  const atEl1 = i32[PSTATE_EL >> 2] === 1;
  let pending = 0;
  const irq =
    atEl1 && (hcr & 0x10) !== 0 ? (lines & LINE_VIRQ) !== 0 || (hcr & 0x80) !== 0 : (lines & LINE_IRQ) !== 0;
  const fiq =
    atEl1 && (hcr & 8) !== 0 ? (lines & LINE_VFIQ) !== 0 || (hcr & 0x40) !== 0 : (lines & LINE_FIQ) !== 0;
  if (irq) pending |= LINE_IRQ;
  if (fiq) pending |= LINE_FIQ;
  return pending;
}

/** Where the bit `REGISTER.FIELD` stands. */
function controlBit(control: string): { slot: number; shift: number } {
  const [register = '', field = ''] = control.split('.');
  const numbered = lookupName(register);
  const declared = numbered?.row.fields?.[field];
  if (numbered === undefined || numbered.slot < SYSREGS || declared === undefined || declared.low > 31) {
    throw new RangeError(`${control} is no control bit`);
  }
  return { slot: numbered.slot, shift: declared.low };
}

function compileTrap({ control, value = 1, from, on, to }: Trap): CompiledTrap {
  const names = typeof control === 'string' ? [control] : control;
  return {
    controls: names.map(controlBit),
    value,
    onRead: on !== 'write',
    onWrite: on !== 'read',
    from0: from.includes(0),
    from1: from.includes(1),
    to,
  };
}

const join = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
