// A domain as Xen knows it: its number, privileges, vCPUs' Xen-side state, event channels, grant
// table, shared_info, HVM parameters, watchdogs and how it ended. Registers, stage 2 and the vGIC
// are elsewhere; they come in through sockets. Xen common/domain.c.

import type { Gfn, Mfn } from '../base/address.ts';
import { invariant } from '../base/errors.ts';
import type { Errno } from './abi/errno.ts';
import { GNTMAP_readonly } from './abi/grant-table.ts';
import { SHUTDOWN_WATCHDOG } from './abi/sched.ts';
import { WC_NSEC_OFFSET, WC_SEC_HI_OFFSET, WC_SEC_OFFSET, WC_VERSION_OFFSET } from './abi/shared-info.ts';
import { PrintBuffer } from './console/print-buffer.ts';
import { DomainVcpu } from './domain-vcpu.ts';
import { EventChannels } from './event-channels/event-channels.ts';
import { GrantTable } from './grant-table/grant-table.ts';
import { Page } from './page.ts';
import type { DomainMemory, XenSockets } from './sockets.ts';

export interface DomainConfig {
  readonly id: number;
  readonly name: string;
  /** xen_domain_handle_t: the UUID, 16 bytes. */
  readonly handle: Uint8Array;
  /** 0 for a domain without guest code: domain 0 when the embedded toolstack stands in for it. */
  readonly vcpuCount: number;
  /** The control domain: may act on others. */
  readonly privileged?: boolean;
  /** May write Xen's console (dom0, and domains that dom0less gave the console). */
  readonly console?: boolean;
  /** RAM at its own physical addresses (dom0). */
  readonly directMapped?: boolean;
  /** Default 1023, as libxl's max_event_channels. */
  readonly maxEventPort?: number;
  /** Default 64 and 1024, as Xen's gnttab_max_frames and gnttab_max_maptrack_frames. */
  readonly maxGrantFrames?: number;
  readonly maxMaptrackFrames?: number;
}

const WATCHDOGS = 2;

export class Domain {
  readonly id: number;
  /** As the toolstack calls it; it may rename a domain. */
  name: string;
  readonly handle: Uint8Array;
  readonly privileged: boolean;
  readonly console: boolean;
  readonly directMapped: boolean;
  readonly memory: DomainMemory;
  readonly vcpus: readonly DomainVcpu[];
  readonly eventChannels: EventChannels;
  readonly grantTable: GrantTable;
  /** Xen's page with shared_info; undefined for a domain without guest code. */
  readonly sharedInfo: Page | undefined;
  /** The line the guest is writing to Xen's console. */
  readonly printBuffer = new PrintBuffer();
  /** VMASST_TYPE_* that are on. */
  readonly vmAssists = new Set<number>();

  private readonly sockets: XenSockets;
  private readonly params = new Map<number, bigint>();
  private sharedInfoGfn: Gfn | undefined;
  private wallclock = { version: 0, seconds: 0, nanoseconds: 0 };
  /** Deadlines in ns of system time; undefined is free. */
  private readonly watchdogs: (number | undefined)[] = new Array(WATCHDOGS).fill(undefined);
  private code: number | undefined;
  private isShutDown = false;

  constructor(
    config: DomainConfig,
    memory: DomainMemory,
    sockets: XenSockets,
    find: (domid: number) => Domain | undefined,
  ) {
    this.id = config.id;
    this.name = config.name;
    this.handle = config.handle;
    this.privileged = config.privileged ?? false;
    this.console = config.console ?? false;
    this.directMapped = config.directMapped ?? false;
    this.memory = memory;
    this.sockets = sockets;
    this.sharedInfo = config.vcpuCount > 0 ? this.allocateXenPage() : undefined;
    this.vcpus = Array.from(
      { length: config.vcpuCount },
      (_, vcpu) => new DomainVcpu(vcpu, vcpu === 0 ? this.sharedInfo : undefined),
    );
    this.eventChannels = new EventChannels({
      domid: config.id,
      vcpus: this.vcpus,
      sharedInfo: this.sharedInfo,
      maxPort: config.maxEventPort ?? 1023,
      peer: (domid) => (domid === config.id ? this : find(domid))?.eventChannels,
      raiseInterrupt: (vcpu) => sockets.vcpus.raiseEventInterrupt(config.id, vcpu),
      wake: (vcpu) => sockets.vcpus.wake(config.id, vcpu),
      observer: sockets.observer,
    });
    this.grantTable = new GrantTable({
      domid: config.id,
      vcpuCount: config.vcpuCount,
      machine: sockets.machine,
      heap: sockets.heap,
      memory,
      observer: sockets.observer,
      maximumFrames: config.vcpuCount > 0 ? (config.maxGrantFrames ?? 64) : 0,
      maximumMaptrackFrames: config.maxMaptrackFrames ?? 1024,
    });
  }

  /** A page of the domain that Xen may keep mapped: its own RAM or a page of Xen's shown to it. */
  ownPage(gfn: Gfn): Page | undefined {
    const mapping = this.memory.frame(gfn);
    if (mapping?.kind !== 'ram' && mapping?.kind !== 'xen') return undefined;
    return new Page(this.sockets.machine, mapping.mfn);
  }

  /** The same, kept from being reused: for what Xen maps until the domain ends (vcpu_info, event words). */
  holdOwnPage(gfn: Gfn): Page | undefined {
    const page = this.ownPage(gfn);
    if (page) this.sockets.heap.addReference(page.mfn);
    return page;
  }

  releasePage(page: Page): void {
    this.sockets.heap.dropReference(page.mfn);
  }

  /** A page of machine memory: for a pinned grant. */
  machinePage(mfn: Mfn): Page {
    return new Page(this.sockets.machine, mfn);
  }

  getParam(index: number): bigint {
    return this.params.get(index) ?? 0n;
  }

  setParam(index: number, value: bigint): void {
    this.params.set(index, BigInt.asUintN(64, value));
  }

  /**
   * Maps shared_info or a grant frame. Xen refuses a second place while the first is mapped: the
   * guest has to remove it there before, so that no unwanted hole appears.
   */
  mapXenPage(
    gfn: Gfn,
    what: { space: 'shared_info' } | { space: 'grant_table'; index: number },
  ): Errno | undefined {
    const mfn = what.space === 'shared_info' ? this.sharedInfo?.mfn : this.grantTable.frame(what.index);
    if (mfn === undefined) return 'EINVAL';
    if (typeof mfn === 'string') return mfn;
    const current = what.space === 'shared_info' ? this.sharedInfoAt : this.grantTable.frameGfn(what.index);
    if (current !== undefined) return 'EBUSY';
    const error = this.memory.mapPage(gfn, mfn, 'xen');
    if (error) return error;
    if (what.space === 'shared_info') this.sharedInfoGfn = gfn;
    else this.grantTable.noteFrameMapped(what.index, gfn);
    return undefined;
  }

  /** Where the guest sees its shared_info. */
  get sharedInfoAt(): Gfn | undefined {
    const at = this.sharedInfoGfn;
    return at !== undefined && this.memory.frame(at)?.mfn === this.sharedInfo?.mfn ? at : undefined;
  }

  /** UTC at the domain's system-time zero, into shared_info by the even/odd version protocol. */
  setWallclock(seconds: number, nanoseconds: number): void {
    this.wallclock = { version: this.wallclock.version + 2, seconds, nanoseconds };
    const page = this.sharedInfo;
    if (!page) return;
    page.write32(WC_VERSION_OFFSET, this.wallclock.version - 1);
    page.write32(WC_SEC_OFFSET, seconds % 0x1_0000_0000);
    page.write32(WC_SEC_HI_OFFSET, Math.floor(seconds / 0x1_0000_0000));
    page.write32(WC_NSEC_OFFSET, nanoseconds);
    page.write32(WC_VERSION_OFFSET, this.wallclock.version);
  }

  /** Undefined while the domain runs; the first code given stays. */
  get shutdownCode(): number | undefined {
    return this.code;
  }

  get shutDown(): boolean {
    return this.isShutDown;
  }

  /** SCHEDOP_shutdown_code: the reason that a later shutdown will have. */
  setShutdownCode(reason: number): void {
    this.code ??= reason & 0xff;
  }

  /** domain_shutdown(): every vCPU stops. */
  shutdown(reason: number): void {
    this.setShutdownCode(reason);
    if (this.isShutDown) return;
    this.isShutDown = true;
    this.sockets.domains.domainShutDown(this.id, this.code ?? reason);
  }

  /** domain_kill(): nothing of it runs any more, and nobody is told why. */
  kill(): void {
    this.isShutDown = true;
  }

  /** SCHEDOP_watchdog: id 0 starts a free one and returns its number. */
  setWatchdog(id: number, seconds: number): number | Errno {
    if (id > WATCHDOGS) return 'EINVAL';
    const deadline = this.sockets.clock.nanoseconds() + seconds * 1e9;
    if (id === 0) {
      const free = this.watchdogs.indexOf(undefined);
      if (free < 0) return 'ENOSPC';
      this.watchdogs[free] = deadline;
      this.sockets.clock.deadlineChanged(this.id);
      return free + 1;
    }
    if (this.watchdogs[id - 1] === undefined) return 'EINVAL';
    this.watchdogs[id - 1] = seconds === 0 ? undefined : deadline;
    this.sockets.clock.deadlineChanged(this.id);
    return 0;
  }

  /** When expireTimers() is due, in ns of system time. */
  get nextDeadline(): number | undefined {
    const deadlines = this.watchdogs.filter((deadline) => deadline !== undefined);
    return deadlines.length > 0 && !this.isShutDown ? Math.min(...deadlines) : undefined;
  }

  expireTimers(nowNs: number): void {
    const due = this.nextDeadline;
    if (due !== undefined && due <= nowNs) this.shutdown(SHUTDOWN_WATCHDOG);
  }

  /**
   * The domain ends: its ports close, the grants it mapped are given back, Xen lets go of its pages.
   * Its p2m and its own pages are the owner of its memory's to free, afterwards.
   */
  destroy(find: (domid: number) => Domain | undefined): void {
    const held = [...this.eventChannels.reset('xen'), ...this.vcpus.flatMap((vcpu) => vcpu.heldPages())];
    for (const page of held) this.releasePage(page);
    for (const { domid, ref, flags } of this.grantTable.maptrack.takeAll()) {
      const granter = domid === this.id ? this : find(domid);
      granter?.grantTable.unpin(ref, (flags & GNTMAP_readonly) !== 0);
    }
    for (const page of this.grantTable.takeFrames()) this.sockets.heap.freePage(page.mfn);
    if (this.sharedInfo) this.sockets.heap.freePage(this.sharedInfo.mfn);
  }

  save(): unknown {
    return {
      id: this.id,
      name: this.name,
      handle: [...this.handle],
      privileged: this.privileged,
      console: this.console,
      directMapped: this.directMapped,
      sharedInfo: this.sharedInfo?.mfn ?? null,
      sharedInfoGfn: this.sharedInfoGfn ?? null,
      wallclock: { ...this.wallclock },
      params: [...this.params].map(([index, value]) => ({ index, value: `0x${value.toString(16)}` })),
      vmAssists: [...this.vmAssists].sort((a, b) => a - b),
      watchdogs: this.watchdogs.map((deadline) => deadline ?? null),
      shutdownCode: this.code ?? null,
      isShutDown: this.isShutDown,
      printBuffer: this.printBuffer.save(),
      vcpus: this.vcpus.map((vcpu) => vcpu.save()),
      eventChannels: this.eventChannels.save(),
      grantTable: this.grantTable.save(),
    };
  }

  private allocateXenPage(): Page {
    const mfn = this.sockets.heap.allocatePage();
    invariant(mfn !== undefined, 'Xen has a page for shared_info before it creates a domain');
    return new Page(this.sockets.machine, mfn);
  }
}

/** A domain without guest code has no memory of its own. */
export const noMemory: DomainMemory = {
  frame: () => undefined,
  mapPage: () => 'ENOMEM',
  unmapPage: () => {},
  allocatePage: () => undefined,
  freePage: () => {},
  totalPages: 0,
  maximumPages: 0,
  highestGfn: 0,
};
