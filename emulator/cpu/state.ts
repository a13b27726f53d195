// A CPU's registers as TypeScript sees them, whether the CPU is the running one (its block stands
// at CPU) or waits in CPU_BANKS. For tests, the debugger, the hypervisor and snapshots; nothing
// hot. PC and PSTATE are exact whenever generated code is not running.

import * as layout from '../memory/layout.ts';

/** Addresses a block: the offset of a register inside it is its layout constant less CPU. */
export type BlockOf = (cpu: number) => number;

export class CpuState {
  readonly index: number;
  private readonly view: DataView;
  private readonly blockOf: BlockOf;

  constructor(memory: WebAssembly.Memory, index: number, blockOf: BlockOf) {
    this.index = index;
    this.view = new DataView(memory.buffer);
    this.blockOf = blockOf;
  }

  /** X0..X30; 31 reads as zero. */
  x(register: number): bigint {
    return register === 31 ? 0n : this.read64(layout.X + 8 * register);
  }

  /** 31 is discarded. */
  setX(register: number, value: bigint): void {
    if (register !== 31) this.write64(layout.X + 8 * register, value);
  }

  /** The 128 bits of V0..V31, lane 0 lowest. */
  v(register: number): bigint {
    const at = layout.V + 16 * register;
    return this.read64(at) | (this.read64(at + 8) << 64n);
  }

  setV(register: number, value: bigint): void {
    const at = layout.V + 16 * register;
    this.write64(at, value);
    this.write64(at + 8, value >> 64n);
  }

  get pc(): bigint {
    return this.read64(layout.PC);
  }

  set pc(value: bigint) {
    this.write64(layout.PC, value);
  }

  /** The stack pointer in use. */
  get sp(): bigint {
    return this.read64(layout.SP);
  }

  set sp(value: bigint) {
    this.write64(layout.SP, value);
  }

  get fpcr(): number {
    return this.readU32(layout.FPCR);
  }

  set fpcr(value: number) {
    this.write32(layout.FPCR, value);
  }

  get fpsr(): number {
    return this.readU32(layout.FPSR);
  }

  set fpsr(value: number) {
    this.write32(layout.FPSR, value);
  }

  get el(): number {
    return this.read32(layout.PSTATE_EL);
  }

  get waiting(): number {
    return this.read32(layout.WAITING);
  }

  set waiting(value: number) {
    this.write32(layout.WAITING, value);
  }

  /** N, Z, C, V at bits 3..0. */
  get nzcv(): number {
    return nzcvOf(this.read32(layout.FLAGS_OP), this.read64(layout.FLAGS_A), this.read64(layout.FLAGS_B));
  }

  set nzcv(value: number) {
    this.write32(layout.FLAGS_OP, layout.FLAGS_RAW);
    this.write64(layout.FLAGS_A, BigInt(value & 15));
  }

  /** PSTATE in the form of SPSR_ELx. */
  get pstate(): number {
    const mode = (this.el << 2) | this.read32(layout.PSTATE_SP);
    const masks = this.read32(layout.PSTATE_OTHER) | this.read32(layout.PSTATE_DAIF);
    return ((this.nzcv << 28) | masks | mode) >>> 0;
  }

  /**
   * Sets PSTATE and changes the stack pointer in use with it. Obligation: for the running CPU the
   * kernel updateRegime() is called before it goes on.
   */
  set pstate(value: number) {
    this.write64(this.bankOfSp(), this.sp);
    this.nzcv = value >>> 28;
    this.write32(layout.PSTATE_OTHER, value & 0xf0_0000);
    this.write32(layout.PSTATE_DAIF, value & 0x3c0);
    this.write32(layout.PSTATE_EL, (value >> 2) & 3);
    this.write32(layout.PSTATE_SP, value & 1);
    this.sp = this.read64(this.bankOfSp());
  }

  /** The stack pointer of an EL, in use or banked. */
  spOf(el: 0 | 1 | 2): bigint {
    const bank = layout.SP_EL0 + 8 * el;
    return bank === this.bankOfSp() ? this.sp : this.read64(bank);
  }

  setSpOf(el: 0 | 1 | 2, value: bigint): void {
    const bank = layout.SP_EL0 + 8 * el;
    if (bank === this.bankOfSp()) this.sp = value;
    else this.write64(bank, value);
  }

  /** Storage of a system register by its constant of memory/layout.ts. Stack pointers: spOf(). */
  sysreg(register: number): bigint {
    return this.read64(register);
  }

  /** Storage only: what depends on the register is the caller's to update. */
  setSysreg(register: number, value: bigint): void {
    this.write64(register, value);
  }

  read32(address: number): number {
    return this.view.getInt32(this.place(address), true);
  }

  write32(address: number, value: number): void {
    this.view.setInt32(this.place(address), value, true);
  }

  read64(address: number): bigint {
    return this.view.getBigUint64(this.place(address), true);
  }

  write64(address: number, value: bigint): void {
    this.view.setBigUint64(this.place(address), BigInt.asUintN(64, value), true);
  }

  readU32(address: number): number {
    return this.view.getUint32(this.place(address), true);
  }

  private place(address: number): number {
    return this.blockOf(this.index) + (address - layout.CPU);
  }

  private bankOfSp(): number {
    return this.read32(layout.PSTATE_SP) === 0 ? layout.SP_EL0 : layout.SP_EL0 + 8 * this.el;
  }
}

/** The lazy flags made explicit; the plain version of the kernel nzcv(). */
function nzcvOf(operation: number, a: bigint, b: bigint): number {
  if (operation === layout.FLAGS_RAW) return Number(a & 15n);
  const isLogic = operation === layout.FLAGS_LOGIC;
  const isAdd = operation === layout.FLAGS_ADD;
  const result = BigInt.asUintN(64, isLogic ? a : isAdd ? a + b : a - b);
  const n = result >> 63n === 1n ? 8 : 0;
  const z = result === 0n ? 4 : 0;
  if (isLogic) return n | z;
  const carry = isAdd ? result < a : a >= b;
  const overflow = isAdd ? (a ^ result) & (b ^ result) : (a ^ b) & (a ^ result);
  return n | z | (carry ? 2 : 0) | (overflow >> 63n === 1n ? 1 : 0);
}
