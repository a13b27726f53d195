// Priority mask, binary points and active priorities: who may interrupt whom. The same rules hold
// in a physical and a virtual CPU interface, of GICv2 and of GICv3.
//
// Five priority bits give 32 preemption levels, so the active priorities fit one word: bit n
// stands for priority 8 * n.

import { IDLE_PRIORITY, PRIORITY_MASK } from './interrupt-bank.ts';

/** Least values of the binary points: below them all five bits are group priority. */
const MIN_BINARY_POINT_0 = 2;
const MIN_BINARY_POINT_1 = 3;

const LEVEL_SHIFT = 3;

export interface PrioritiesState {
  readonly mask: number;
  readonly binaryPoint0: number;
  readonly binaryPoint1: number;
  readonly commonBinaryPoint: boolean;
  readonly active0: number;
  readonly active1: number;
}

export class Priorities {
  /** PMR: only interrupts of a lower value are signalled. */
  mask = 0;
  /** CBPR: group 1 uses binary point 0 too. */
  commonBinaryPoint = false;
  /** AP0R0, or APR of a GICv2. */
  active0 = 0;
  /** AP1R0. */
  active1 = 0;
  private point0 = MIN_BINARY_POINT_0;
  private point1 = MIN_BINARY_POINT_1;
  /** A GICv2 keeps the active priorities of both groups in one register. */
  private readonly combined: boolean;

  constructor(options: { combined: boolean }) {
    this.combined = options.combined;
  }

  get binaryPoint0(): number {
    return this.point0;
  }

  get binaryPoint1(): number {
    return this.point1;
  }

  setMask(value: number): void {
    this.mask = value & PRIORITY_MASK;
  }

  setBinaryPoint0(value: number): void {
    this.point0 = Math.max(value & 7, MIN_BINARY_POINT_0);
  }

  setBinaryPoint1(value: number): void {
    this.point1 = Math.max(value & 7, MIN_BINARY_POINT_1);
  }

  /** What BPR1 reads: with CBPR it mirrors binary point 0, one higher, at most 7. */
  readBinaryPoint1(): number {
    return this.commonBinaryPoint ? Math.min(this.point0 + 1, 7) : this.point1;
  }

  /** A write of BPR1 has no effect while CBPR is set. */
  writeBinaryPoint1(value: number): void {
    if (!this.commonBinaryPoint) this.setBinaryPoint1(value);
  }

  /** The priority of the innermost active interrupt, or IDLE_PRIORITY. */
  running(): number {
    const active = this.active0 | this.active1;
    if (active === 0) return IDLE_PRIORITY;
    return (31 - Math.clz32(active & -active)) << LEVEL_SHIFT;
  }

  /** May a pending interrupt be signalled now? */
  permits(priority: number, group: number): boolean {
    if (priority >= this.mask) return false;
    const active = this.active0 | this.active1;
    if (active === 0) return true;
    const groupMask = this.groupMask(group);
    return (priority & groupMask) < (this.running() & groupMask);
  }

  /** An interrupt was acknowledged. */
  activate(priority: number, group: number): void {
    const bit = 1 << ((priority & this.groupMask(group)) >>> LEVEL_SHIFT);
    if (group === 0 || this.combined) this.active0 = (this.active0 | bit) >>> 0;
    else this.active1 = (this.active1 | bit) >>> 0;
  }

  /** Which group the innermost active interrupt belongs to: 0, 1, or -1 when idle. */
  highestActiveGroup(): number {
    const { active0, active1 } = this;
    if (active0 === 0 && active1 === 0) return -1;
    if (active1 === 0) return 0;
    if (active0 === 0) return 1;
    // The lower bit is the higher priority.
    return (active0 & -active0) >>> 0 <= (active1 & -active1) >>> 0 ? 0 : 1;
  }

  /** Priority drop. Returns the priority that was dropped, or IDLE_PRIORITY if none was active. */
  drop(): number {
    const dropped = this.running();
    if (this.highestActiveGroup() === 1) this.active1 = (this.active1 & (this.active1 - 1)) >>> 0;
    else if (this.active0 !== 0) this.active0 = (this.active0 & (this.active0 - 1)) >>> 0;
    return dropped;
  }

  /** The bits of a priority that decide about preemption. For group 1 the binary point counts one lower. */
  groupMask(group: number): number {
    const point = group === 1 && !this.commonBinaryPoint ? this.point1 - 1 : this.point0;
    return (0xff << (point + 1)) & 0xff;
  }

  save(): PrioritiesState {
    return {
      mask: this.mask,
      binaryPoint0: this.point0,
      binaryPoint1: this.point1,
      commonBinaryPoint: this.commonBinaryPoint,
      active0: this.active0,
      active1: this.active1,
    };
  }

  restore(state: PrioritiesState): void {
    this.mask = state.mask;
    this.point0 = state.binaryPoint0;
    this.point1 = state.binaryPoint1;
    this.commonBinaryPoint = state.commonBinaryPoint;
    this.active0 = state.active0;
    this.active1 = state.active1;
  }
}
