// What only the hypervisor knows, as plain data for the debugger and the panels. The embedded
// hypervisor answers from its own state; a reader of a real Xen's structures can answer as well.

import { PAGE_SIZE } from '../../base/address.ts';
import type { DomainList } from '../domain-list.ts';
import type { Domain } from '../domain.ts';
import type { Heap } from '../heap.ts';
import { accessOf } from '../p2m.ts';
import type { FrameKind } from '../sockets.ts';
import type { VgicState } from '../vgic/vgic.ts';
import type { HostedDomain } from './hosted-domain.ts';
import { type MemoryView, memoryViewOf } from './memory-view.ts';

export interface HypervisorView {
  /** By domid, the control domain first. */
  domains(): DomainView[];
  /** What the domain's p2m maps, lowest first; empty for a domain that does not exist. */
  p2mRanges(domid: number): P2mRangeView[];
  readonly memory: MemoryView;
  /** The emulated interrupt controller of a domain; undefined for one without guest code. */
  vgic(domid: number): VgicView | undefined;
}

/** What the vGIC knows beside the list registers, which are the processor's. */
export interface VgicView extends VgicState {
  readonly version: 2 | 3;
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
  readonly vcpus: readonly VcpuView[];
}

export interface VcpuView {
  readonly id: number;
  /** The physical CPU that holds its registers. */
  readonly cpu: number;
  readonly state: 'running' | 'blocked' | 'offline' | 'paused';
  /** VMPIDR_EL2. */
  readonly mpidr: bigint;
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
  domains: DomainList,
  hosted: ReadonlyMap<number, HostedDomain>,
  heap: Heap,
): HypervisorView {
  return {
    memory: memoryViewOf(heap, hosted),
    domains: () => domains.all().map((domain) => domainView(domain, hosted.get(domain.id))),
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

function domainView(domain: Domain, hosted: HostedDomain | undefined): DomainView {
  const paused = hosted?.vcpus.every((vcpu) => vcpu.paused) ?? false;
  return {
    id: domain.id,
    name: domain.name,
    state: domain.shutDown ? 'shutdown' : paused ? 'paused' : 'running',
    ...(domain.shutdownCode === undefined ? {} : { shutdownCode: domain.shutdownCode }),
    pages: domain.memory.totalPages,
    maximumPages: domain.memory.maximumPages,
    ...(hosted === undefined ? {} : { gicVersion: hosted.vgic.version, vttbr: hosted.p2m.vttbr }),
    vcpus: (hosted?.vcpus ?? []).map((vcpu) => ({
      id: vcpu.id,
      cpu: vcpu.cpu.index,
      state: vcpu.down ? 'offline' : vcpu.paused ? 'paused' : vcpu.blocked ? 'blocked' : 'running',
      mpidr: vcpu.vmpidr,
    })),
  };
}
