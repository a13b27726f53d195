// What only the hypervisor knows, as plain data for the debugger and the panels. The embedded
// hypervisor answers from its own state; a reader of a real Xen's structures can answer as well.

import { PAGE_SIZE } from '../../base/address.ts';
import type { Runstate } from '../abi/shared-info.ts';
import type { DeviceView } from '../backends/device-view.ts';
import type { Domain } from '../domain.ts';
import type { DomainVcpu } from '../domain-vcpu.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { accessOf } from '../p2m.ts';
import type { FrameKind } from '../sockets.ts';
import type { VgicState } from '../vgic/vgic.ts';
import type { GrantDetails } from '../grant-table/grant-table.ts';
import { type EventChannelsView, eventChannelsViewOf } from './event-channel-view.ts';
import { type GrantTableView, grantTableViewOf } from './grant-view.ts';
import type { HostedDomain } from './hosted-domain.ts';
import { type MemoryView, memoryViewOf } from './memory-view.ts';
import { type SchedulerView, schedulerViewOf } from './scheduler-view.ts';
import type { XenstoreView } from './xenstore-view.ts';

export interface HypervisorView {
  /** By domid, the control domain first. */
  domains(): DomainView[];
  /** What the domain's p2m maps, lowest first; empty for a domain that does not exist. */
  p2mRanges(domid: number): P2mRangeView[];
  /** Undefined for a domain that does not exist. */
  eventChannels(domid: number): EventChannelsView | undefined;
  /** Undefined for a domain that does not exist. */
  grantTable(domid: number): GrantTableView | undefined;
  /** What the guest wrote into its table alone: every entry that is not invalid. */
  grantEntries(domid: number): readonly GrantDetails[];
  /** GTF_* of one entry. */
  grantFlags(domid: number, reference: number): number | undefined;
  /** A HVM parameter; 0 when it was never set, and of a domain that does not exist. */
  parameter(domid: number, index: number): bigint;
  /** The daemons of domain 0; undefined where there are none. */
  readonly daemons: DaemonsView | undefined;
  readonly memory: MemoryView;
  /** Physical CPUs, pools and who runs where. */
  scheduler(): SchedulerView;
  /** The emulated interrupt controller of a domain; undefined for one without guest code. */
  vgic(domid: number): VgicView | undefined;
}

/** What the vGIC knows beside the list registers, which are the processor's. */
export interface VgicView extends VgicState {
  readonly version: 2 | 3;
}

/** What the daemons in the control domain know. */
export interface DaemonsView {
  readonly xenstore: XenstoreView;
  /** The rings that the toolstack made: each domain's xenstore ring and first console, as they were connected. */
  rings(): DaemonRingView[];
  /** The backends of devices, in the order in which the devices were attached. */
  devices(): DeviceView[];
}

export interface DaemonRingView {
  readonly domid: number;
  readonly use: 'console' | 'xenstore';
  readonly reference: number;
  readonly mfn: number;
  /** The domain's port, and domain 0's. */
  readonly guestPort: number;
  readonly port: number;
  /** Bytes that found no room in the ring yet. */
  readonly waiting: number;
}

export interface DomainView {
  readonly id: number;
  readonly name: string;
  readonly state: 'running' | 'paused' | 'shutdown';
  /** SHUTDOWN_* reason, once it was given. */
  readonly shutdownCode?: number;
  readonly pages: number;
  readonly maximumPages: number;
  readonly gicVersion?: 2 | 3;
  /** VTTBR_EL2 of its vCPUs. */
  readonly vttbr?: bigint;
  readonly privileged: boolean;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly vcpus: readonly VcpuView[];
}

export interface VcpuView {
  readonly id: number;
  /** The context that holds its registers. */
  readonly cpu: number;
  readonly state: 'running' | 'blocked' | 'offline' | 'paused';
  /** VMPIDR_EL2. */
  readonly mpidr: bigint;
  readonly runstate: Runstate;
  /** Nanoseconds in each runstate. */
  readonly runstateTimes: Readonly<Record<Runstate, number>>;
  /** End of a SCHEDOP_poll with a time, in ns of system time. */
  readonly blockedUntil?: number;
  /** Ports of a SCHEDOP_poll in progress. */
  readonly polls?: readonly number[];
}

export interface P2mRangeView {
  readonly ipa: number;
  readonly pa: number;
  readonly size: number;
  /** `rwx`, with `-` for what is not allowed. */
  readonly access: string;
  /** `ram`, `xen page`, `grant`, `foreign`, `device`. */
  readonly memory: string;
}

/** The view of the embedded hypervisor. */
export function viewOf(
  { domains, heap, platform, scheduler, daemons }: Hypervisor,
  hosted: ReadonlyMap<number, HostedDomain>,
): HypervisorView {
  return {
    memory: memoryViewOf(heap, hosted),
    daemons,
    scheduler: () => schedulerViewOf(scheduler, [...hosted.values()]),
    domains: () =>
      domains.all().map((domain) => domainView(domain, hosted.get(domain.id), scheduler.nanoseconds())),
    eventChannels: (domid) => eventChannelsViewOf(domid, domains, hosted.get(domid), platform.gic),
    grantTable: (domid) => grantTableViewOf(domid, domains),
    parameter: (domid, index) => domains.find(domid)?.getParam(index) ?? 0n,
    grantEntries: (domid) => domains.find(domid)?.grantTable.list() ?? [],
    grantFlags: (domid, reference) => domains.find(domid)?.grantTable.flagsOf(reference),
    p2mRanges(domid) {
      const domain = hosted.get(domid);
      if (domain === undefined) return [];
      return domain.p2m.ranges().map(({ gfn, mfn, pages, type }) => ({
        ipa: gfn * PAGE_SIZE,
        pa: mfn * PAGE_SIZE,
        size: pages * PAGE_SIZE,
        access: accessOf(type),
        memory: MEMORY_NAMES[domain.pages.frame(gfn)?.kind ?? 'ram'],
      }));
    },
    vgic(domid) {
      const vgic = hosted.get(domid)?.vgic;
      return vgic && { version: vgic.version, ...vgic.save() };
    },
  };
}

const MEMORY_NAMES: Readonly<Record<FrameKind, string>> = {
  ram: 'ram',
  xen: 'xen page',
  'grant-rw': 'grant',
  'grant-ro': 'grant',
  'foreign-rw': 'foreign',
  device: 'device',
};

function domainView(domain: Domain, hosted: HostedDomain | undefined, now: number): DomainView {
  const paused = hosted?.vcpus.every((vcpu) => vcpu.paused) ?? false;
  return {
    id: domain.id,
    name: domain.name,
    state: domain.shutDown ? 'shutdown' : paused ? 'paused' : 'running',
    ...(domain.shutdownCode === undefined ? {} : { shutdownCode: domain.shutdownCode }),
    pages: domain.memory.totalPages,
    maximumPages: domain.memory.maximumPages,
    ...(hosted === undefined ? {} : { gicVersion: hosted.vgic.version, vttbr: hosted.p2m.vttbr }),
    privileged: domain.privileged,
    uuid: domain.handle,
    vcpus: (hosted?.vcpus ?? []).map((vcpu) => ({
      ...runstateView(domain.vcpus[vcpu.id], now),
      ...(vcpu.blockedUntilNs !== undefined && { blockedUntil: vcpu.blockedUntilNs }),
      id: vcpu.id,
      cpu: vcpu.cpu.index,
      state: vcpu.down ? 'offline' : vcpu.paused ? 'paused' : vcpu.blocked ? 'blocked' : 'running',
      mpidr: vcpu.vmpidr,
    })),
  };
}

function runstateView(
  vcpu: DomainVcpu | undefined,
  now: number,
): Pick<VcpuView, 'runstate' | 'runstateTimes' | 'polls'> {
  const times = vcpu?.runstateTimesAt(now) ?? [];
  const [running = 0, runnable = 0, blocked = 0, offline = 0] = times;
  return {
    runstate: vcpu?.currentRunstate ?? 'offline',
    runstateTimes: { running, runnable, blocked, offline },
    ...(vcpu?.polledPorts && { polls: vcpu.polledPorts }),
  };
}
