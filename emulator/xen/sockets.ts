// What the hypercall half of the embedded Xen needs from the rest of the machine. The parts that
// own event channels, grants, xenstore and the console know only these sockets: no registers, no
// guest page tables, no scheduler. Domids and vCPU numbers travel with every call.

import type { Gfn, Ipa, Mfn, Pa } from '../base/address.ts';
import type { Logger } from '../base/log.ts';
import type { ObserverCalls } from './observer.ts';

/**
 * The machine's RAM by physical address. `PhysicalMemory` fits. Whoever writes guest memory writes
 * through this, so that predecoded code of the page is invalidated.
 */
export interface MachineMemory {
  read8(address: Pa): number;
  read16(address: Pa): number;
  /** Unsigned. */
  read32(address: Pa): number;
  write8(address: Pa, value: number): void;
  write16(address: Pa, value: number): void;
  write32(address: Pa, value: number): void;
  /** A view for reading; not kept across a growth of the memory. */
  bytes(address: Pa, length: number): Uint8Array;
  /** A view that is filled at once; what was decoded from there is forgotten already. */
  writable(address: Pa, length: number): Uint8Array;
}

/** Pages that Xen owns itself (Xen's heap): shared_info, grant table frames. Handed out zeroed. */
export interface XenHeap {
  allocatePage(): Mfn | undefined;
  freePage(mfn: Mfn): void;
  /** Keeps a page from being reused while Xen or another domain has it mapped (get_page, put_page). */
  addReference(mfn: Mfn): void;
  dropReference(mfn: Mfn): void;
  /** The highest mfn of the machine plus one (max_page). */
  readonly maximumPage: number;
}

/**
 * What a p2m entry maps, by Xen's p2m types: `ram` the domain's own pages (RWX), `xen` a page of
 * Xen's heap shown to the domain (shared_info, grant frames: p2m_ram_rw too), `grant-rw` and
 * `grant-ro` another domain's granted page (XN), `foreign-rw` a page mapped by the control domain
 * (XN), `device` a device's registers.
 */
export type FrameKind = 'ram' | 'xen' | 'grant-rw' | 'grant-ro' | 'foreign-rw' | 'device';

export interface FrameMapping {
  readonly mfn: Mfn;
  readonly kind: FrameKind;
}

/** A domain's p2m (stage 2) and the pages it owns. */
export interface DomainMemory {
  /** What the p2m holds at a gfn; undefined for a hole and for a gfn beyond the IPA range. */
  frame(gfn: Gfn): FrameMapping | undefined;
  /** Maps one page, replacing what was there. A replaced page of RAM stays allocated to the domain. */
  mapPage(gfn: Gfn, mfn: Mfn, kind: FrameKind): 'ENOMEM' | undefined;
  /** Makes the gfn a hole. The page that was there stays allocated. */
  unmapPage(gfn: Gfn): void;
  /** A zeroed page for the domain; undefined beyond its maximum or when the machine has none left. */
  allocatePage(): Mfn | undefined;
  /** Gives a page of the domain back to the machine. */
  freePage(mfn: Mfn): void;
  /** Pages the domain owns (domain_tot_pages). */
  readonly totalPages: number;
  /** Pages it may own at most (d->max_pages). */
  readonly maximumPages: number;
  /** The highest gfn ever mapped (p2m->max_mapped_gfn). */
  readonly highestGfn: number;
}

/** The caller's memory, by the virtual addresses of its current stage 1 (EL1&0). */
export interface GuestMemory {
  /** A copy of the bytes; undefined when any of them is not readable (the caller gets -EFAULT). */
  readVa(va: bigint, length: number): Uint8Array | undefined;
  /** False when any byte is not writable; then nothing or a part was written, as in Xen. */
  writeVa(va: bigint, bytes: Uint8Array): boolean;
  /** The IPA behind a VA, for areas Xen keeps mapped (runstate). */
  translateVa(va: bigint, access: 'read' | 'write'): Ipa | undefined;
}

/** What hypercalls do to vCPUs. The scheduler and the vGIC stand behind it. */
export interface VcpuControl {
  /**
   * An edge on the event-channel PPI of a vCPU, which ends its block as any interrupt does.
   * Dropped when the vCPU is offline.
   */
  raiseEventInterrupt(domid: number, vcpu: number): void;
  /** False before CPU_ON and after CPU_OFF (VPF_down). */
  isOnline(domid: number, vcpu: number): boolean;
  /**
   * SCHEDOP_block and SCHEDOP_poll: the calling vCPU stops until an interrupt is pending for it,
   * wake() is called, or the time comes. With `unmaskInterrupts` PSTATE.I is cleared first. False
   * when an interrupt can be taken already; then the vCPU goes on.
   * Obligation: when the block ends, DomainVcpu.enterRunstate() is called with another state.
   */
  block(domid: number, vcpu: number, options: { unmaskInterrupts: boolean; untilNs?: number }): boolean;
  /** Ends the block of a vCPU; no effect on one that is not blocked. */
  wake(domid: number, vcpu: number): void;
  /** The rest of the caller's slice may go to another vCPU. */
  yield(domid: number, vcpu: number): void;
}

/** What hypercalls do to whole domains. The hypervisor's core implements it. */
export interface DomainControl {
  /** Every vCPU of the domain stops for good; Domain.shutdownCode is set already. */
  domainShutDown(domid: number, reason: number): void;
}

/** System time of Xen (NOW()): virtual nanoseconds since the machine started. */
export interface XenClock {
  nanoseconds(): number;
  /** Domain.nextDeadline of this domain moved; Domain.expireTimers() is due when it has come. */
  deadlineChanged(domid: number): void;
}

/** Bytes that leave the machine (a console). */
export interface ByteSink {
  write(bytes: Uint8Array): void;
}

/** Everything a domain is plugged into. */
export interface XenSockets {
  readonly machine: MachineMemory;
  readonly heap: XenHeap;
  readonly vcpus: VcpuControl;
  readonly domains: DomainControl;
  readonly clock: XenClock;
  readonly log: Logger;
  readonly observer: ObserverCalls;
}
