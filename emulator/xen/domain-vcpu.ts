// What Xen keeps for each vCPU beside its registers: where its vcpu_info and runstate areas lie,
// how long it was in which runstate, and what it polls for. Xen common/domain.c, common/sched/core.c.

import {
  EVTCHN_PENDING_SEL_OFFSET,
  EVTCHN_UPCALL_PENDING_OFFSET,
  RUNSTATE_ENTRY_TIME_OFFSET,
  RUNSTATE_INFO_SIZE,
  RUNSTATE_STATE_OFFSET,
  RUNSTATE_TIMES_OFFSET,
  RUNSTATES,
  type Runstate,
  VCPU_INFO_SIZE,
} from './abi/shared-info.ts';
import type { Page } from './page.ts';

/** A piece of a page, or two pieces of neighbouring pages. */
export interface AreaPiece {
  readonly page: Page;
  readonly offset: number;
  readonly length: number;
}

export class DomainVcpu {
  readonly id: number;
  /** Where the guest reads its vcpu_info. Undefined: Xen's dummy, which nobody reads. */
  private info: { page: Page; offset: number } | undefined;
  private infoRegistered = false;
  private runstateArea: readonly AreaPiece[] | undefined;
  private runstate: Runstate = 'offline';
  private runstateSince = 0;
  private readonly runstateTimes = [0, 0, 0, 0];
  /** Ports of a SCHEDOP_poll in progress. Invariant: undefined unless the vCPU is blocked. */
  private polled: readonly number[] | undefined;

  /** vCPU 0 starts with the vcpu_info inside shared_info, the others with Xen's dummy. */
  constructor(id: number, legacyInfo: Page | undefined) {
    this.id = id;
    this.info = legacyInfo && { page: legacyInfo, offset: 0 };
  }

  get hasRegisteredInfo(): boolean {
    return this.infoRegistered;
  }

  /** VCPUOP_register_vcpu_info: the old contents move, or zeroes where there was only the dummy. */
  registerInfo(page: Page, offset: number): void {
    const contents = this.info?.page.read(this.info.offset, VCPU_INFO_SIZE) ?? new Uint8Array(VCPU_INFO_SIZE);
    page.write(offset, contents);
    this.info = { page, offset };
    this.infoRegistered = true;
    // Everything counts as pending, so that nothing gets lost: one spurious event.
    page.write32(offset + EVTCHN_PENDING_SEL_OFFSET, 0xffff_ffff);
    page.write32(offset + EVTCHN_PENDING_SEL_OFFSET + 4, 0xffff_ffff);
  }

  /** Sets a bit of evtchn_pending_sel; returns what it was. In the dummy it is as if it were set. */
  selectWord(word: number): boolean {
    if (!this.info) return true;
    return this.info.page.setBit(this.info.offset + EVTCHN_PENDING_SEL_OFFSET, word);
  }

  /** Sets evtchn_upcall_pending; returns whether it was set. In the dummy it is as if it were set. */
  markUpcallPending(): boolean {
    if (!this.info) return true;
    const at = this.info.offset + EVTCHN_UPCALL_PENDING_OFFSET;
    const before = this.info.page.read8(at);
    this.info.page.write8(at, before | 1);
    return (before & 1) !== 0;
  }

  /** For inspectors: where the guest reads its vcpu_info. */
  get infoPlace(): 'registered' | 'shared_info' | 'none' {
    if (this.infoRegistered) return 'registered';
    return this.info ? 'shared_info' : 'none';
  }

  /** Whether a bit of evtchn_pending_sel is set. */
  selects(word: number): boolean {
    return this.info?.page.testBit(this.info.offset + EVTCHN_PENDING_SEL_OFFSET, word) ?? false;
  }

  /** evtchn_pending_sel. */
  get selector(): bigint {
    if (!this.info) return 0n;
    const at = this.info.offset + EVTCHN_PENDING_SEL_OFFSET;
    return BigInt(this.info.page.read32(at)) | (BigInt(this.info.page.read32(at + 4)) << 32n);
  }

  get upcallPending(): boolean {
    if (!this.info) return false;
    return this.info.page.read8(this.info.offset + EVTCHN_UPCALL_PENDING_OFFSET) !== 0;
  }

  /** The scheduler moved the vCPU. Leaving `blocked` ends a poll. */
  enterRunstate(state: Runstate, nowNs: number): void {
    if (state !== 'blocked') this.polled = undefined;
    if (state === this.runstate) return;
    const index = RUNSTATES.indexOf(this.runstate);
    this.runstateTimes[index] = (this.runstateTimes[index] ?? 0) + (nowNs - this.runstateSince);
    this.runstate = state;
    this.runstateSince = nowNs;
    // Xen writes the area when it switches to the vCPU, not before.
    if (state === 'running') this.writeRunstate();
  }

  get currentRunstate(): Runstate {
    return this.runstate;
  }

  /** Nanoseconds in each runstate up to now, in the order of RUNSTATES. */
  runstateTimesAt(nowNs: number): number[] {
    const current = RUNSTATES.indexOf(this.runstate);
    return this.runstateTimes.map(
      (time, index) => time + (index === current ? nowNs - this.runstateSince : 0),
    );
  }

  /** Ports of a SCHEDOP_poll in progress. */
  get polledPorts(): readonly number[] | undefined {
    return this.polled;
  }

  /** VCPUOP_register_runstate_memory_area, at pages that Xen keeps mapped. Returns the area before. */
  registerRunstate(area: readonly AreaPiece[]): readonly AreaPiece[] {
    const before = this.runstateArea ?? [];
    this.runstateArea = area;
    this.writeRunstate();
    return before;
  }

  /** Pages that Xen keeps mapped for this vCPU. */
  heldPages(): Page[] {
    const info = this.infoRegistered && this.info ? [this.info.page] : [];
    return [...info, ...(this.runstateArea ?? []).map(({ page }) => page)];
  }

  startPolling(ports: readonly number[]): void {
    this.polled = ports;
  }

  /** Whether an event on the port ends the poll this vCPU is in. */
  polls(port: number): boolean {
    if (!this.polled) return false;
    // Xen remembers a single port only; a vCPU that polls several wakes for any event.
    return this.polled.length !== 1 || this.polled[0] === port;
  }

  stopPolling(): void {
    this.polled = undefined;
  }

  /** struct vcpu_runstate_info. */
  runstateBytes(): Uint8Array {
    const bytes = new Uint8Array(RUNSTATE_INFO_SIZE);
    const view = new DataView(bytes.buffer);
    view.setInt32(RUNSTATE_STATE_OFFSET, RUNSTATES.indexOf(this.runstate), true);
    view.setBigUint64(RUNSTATE_ENTRY_TIME_OFFSET, BigInt(this.runstateSince), true);
    for (const [index, time] of this.runstateTimes.entries()) {
      view.setBigUint64(RUNSTATE_TIMES_OFFSET + index * 8, BigInt(time), true);
    }
    return bytes;
  }

  // VMASST_TYPE_runstate_update_flag makes no difference: no instruction of the guest runs in between,
  // so nobody could see state_entry_time with its bit 63 set.
  private writeRunstate(): void {
    if (!this.runstateArea) return;
    const bytes = this.runstateBytes();
    let done = 0;
    for (const { page, offset, length } of this.runstateArea) {
      page.write(offset, bytes.subarray(done, done + length));
      done += length;
    }
  }

  save(): unknown {
    return {
      id: this.id,
      info: this.info && { mfn: this.info.page.mfn, offset: this.info.offset },
      infoRegistered: this.infoRegistered,
      runstateArea: this.runstateArea?.map(({ page, offset, length }) => ({ mfn: page.mfn, offset, length })),
      runstate: this.runstate,
      runstateSince: this.runstateSince,
      runstateTimes: [...this.runstateTimes],
      polled: this.polled && [...this.polled],
    };
  }
}
