// What DOMCTL_createdomain and DOMCTL_max_vcpus do: a domain with its stage 2, vGIC and vCPUs, but
// without memory or a program.

import { gfn, mfn, PAGE_SIZE } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { P2M_MMIO_DIRECT_DEV, P2m } from '../p2m.ts';
import type { ByteSink } from '../sockets.ts';
import { GUEST_GICV2, GUEST_GICV3, GUEST_PL011 } from '../toolstack/guest-layout.ts';
import { Vcpu } from '../vcpu.ts';
import { Vgic } from '../vgic/vgic.ts';
import { Vpl011 } from '../vpl011.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { type DomainScheduling, poolFor } from '../scheduling/configuration.ts';
import type { SchedulingCore } from '../scheduling/core.ts';
import { ALL_CPUS, cpusOf } from '../scheduling/scheduled-vcpu.ts';
import { DomainPages } from './domain-pages.ts';
import { HostedDomain } from './hosted-domain.ts';
import type { HostCpu } from './platform.ts';

export interface NewDomain {
  readonly id: number;
  readonly name: string;
  /** The UUID, 16 bytes. */
  readonly handle: Uint8Array;
  readonly vcpus: number;
  readonly gicVersion: 2 | 3;
  readonly maximumPages: number;
  readonly maxGrantFrames?: number;
  readonly maxEventPort?: number;
  /** May write Xen's own console. */
  readonly console?: boolean;
  readonly scheduling?: DomainScheduling;
  /** An emulated PL011 whose output goes here. */
  readonly vuart?: ByteSink;
}

export function buildHostedDomain(hypervisor: Hypervisor, config: NewDomain): HostedDomain {
  const { platform, heap, scheduler } = hypervisor;
  checkScheduling(scheduler.core, config);
  const cpus = takeContexts(hypervisor, config);
  if (platform.gic.version !== config.gicVersion) {
    throw new UserError(
      `domain '${config.name}' asks for a GICv${config.gicVersion}, but the machine has a GICv${platform.gic.version}`,
      'Give all domains of a machine the same gic_version.',
    );
  }

  const vmid = freeVmid(hypervisor);
  const p2m = new P2m(platform.memory, heap, platform.tlbs, vmid, platform.paBits, () =>
    hypervisor.observer.memoryMapped(config.id),
  );
  const pages = new DomainPages(config.id, p2m, heap, config.maximumPages);
  const domain = hypervisor.domains.create(
    {
      id: config.id,
      name: config.name,
      handle: config.handle,
      vcpuCount: config.vcpus,
      ...(config.console === undefined ? {} : { console: config.console }),
      ...(config.maxEventPort === undefined ? {} : { maxEventPort: config.maxEventPort }),
      ...(config.maxGrantFrames === undefined ? {} : { maxGrantFrames: config.maxGrantFrames }),
    },
    pages,
  );
  const vgic = new Vgic({
    domid: config.id,
    version: config.gicVersion,
    vcpus: config.vcpus,
    spis: config.vuart ? GUEST_PL011.spi - 31 : 0,
    gic: platform.gic,
    kick: (vcpu) => scheduler.kick(config.id, vcpu),
    observer: hypervisor.observer,
  });
  const vcpus = cpus.map((cpu, id) => new Vcpu(config.id, id, cpu));
  const hosted = new HostedDomain(
    { domain, p2m, pages, vgic, vcpus, virtualOffset: BigInt(scheduler.count()) },
    { v2: GUEST_GICV2, v3: GUEST_GICV3 },
    hypervisor.once,
  );
  scheduler.addDomain(config.id, vcpus, config.scheduling);
  for (const vcpu of vcpus) {
    vgic.cpus[vcpu.id]?.listRegisters.placeOn(vcpu.cpu.index);
  }
  mapVirtualCpuInterface(hypervisor, hosted);
  if (config.vuart) {
    const uart = new Vpl011(() => vgic.injectShared(GUEST_PL011.spi), config.vuart);
    hosted.vpl011 = uart;
    hosted.mmio.add(uart.region(GUEST_PL011.base, hypervisor.once));
  }
  return hosted;
}

function checkScheduling(core: SchedulingCore, { name, vcpus, scheduling = {} }: NewDomain): void {
  const pool = poolFor(core, scheduling.pool);
  if (pool.policy.cpus === 0) {
    throw new UserError(`domain '${name}' is in the pool '${pool.name}', which has no CPU`, 'Give it one.');
  }
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const set = scheduling.hardAffinity?.[vcpu] ?? ALL_CPUS;
    if ((set & pool.policy.cpus) !== 0) continue;
    throw new UserError(
      `vCPU ${vcpu} of domain '${name}' may run on none of the CPUs of the pool '${pool.name}'`,
      `The pool has ${cpusOf(pool.policy.cpus).join(', ')}.`,
    );
  }
}

function takeContexts({ scheduler, platform }: Hypervisor, config: NewDomain): HostCpu[] {
  const free = scheduler.freeContexts().slice(0, config.vcpus);
  const cpus = free.map((index) => platform.cpus[index]).filter((cpu) => cpu !== undefined);
  if (cpus.length === config.vcpus) return cpus;
  throw new UserError(
    `domain '${config.name}' has ${config.vcpus} vCPUs, but the machine has room for ${cpus.length} more`,
    `Give the domains together no more than ${platform.cpus.length} vCPUs.`,
  );
}

/** VMIDs have eight bits; 0 is no domain's. One that was destroyed has its own until it is released. */
function freeVmid(hypervisor: Hypervisor): number {
  const used = new Set(hypervisor.hostedDomains().map(({ p2m }) => p2m.vmid));
  let vmid = 1;
  while (used.has(vmid)) vmid++;
  return vmid;
}

/** A GICv2 guest reaches the virtual CPU interface of the hardware where it expects its GICC. */
function mapVirtualCpuInterface({ platform }: Hypervisor, domain: HostedDomain): void {
  const base = platform.gic.virtualCpuInterface;
  if (domain.vgic.version !== 2 || base === undefined) return;
  domain.p2m.map(
    gfn(GUEST_GICV2.cpu / PAGE_SIZE),
    mfn(base / PAGE_SIZE),
    GUEST_GICV2.cpuSize / PAGE_SIZE,
    P2M_MMIO_DIRECT_DEV,
  );
}
