// The inspection `gic`: an interrupt controller as one processor sees it, and why what is pending is not taken.

import type { VirtualInterface } from '../../../devices/gic/virtual-interface.ts';
import type { LoadedMachine } from '../../../machine/guest.ts';
import { BARE_DOMAIN, type DomainInfo } from '../../../machine/messages.ts';
import type { DomainView } from '../../../xen/hypervisor/view.ts';
import { hex } from '../../../base/address.ts';
import { cpuOf, DOMAIN, domainOf, inspection, type Subject, VCPU, vcpuOf } from '../inspection.ts';
import { interfaceFacts, interfaceView, type Interface, summaryOf } from './cpu-interface.ts';
import { gicText } from './gic-text.ts';
import type { GicView, InterruptRow, PendingInterrupt } from './gic-view.ts';
import {
  hypervisorFacts,
  listRegisterOf,
  listRegisterRows,
  listRegisterVerdict,
  virtualInterface,
} from './list-registers.ts';
import {
  distributorFacts,
  pendingCount,
  physicalGic,
  physicalInterface,
  physicalPending,
  physicalRows,
} from './physical.ts';
import { type Processor, processorOf } from './processor.ts';
import {
  vgicFacts,
  type VirtualGic,
  virtualPending,
  virtualPendingCount,
  virtualProcessor,
  virtualRows,
} from './virtual.ts';

export const gicInspection = inspection('gic', {
  doc: 'interrupt controller: every INTID, list registers, priorities, and why a pending interrupt is not taken',
  arguments: {
    domain: DOMAIN,
    vcpu: VCPU,
    all: { kind: 'flag', doc: 'INTIDs that nobody uses too' },
    physical: { kind: 'flag', doc: "the machine's own controller, not the domain's virtual one" },
  },
  inspect(subject, { domain: domid, vcpu: id, all = false, physical = false }): GicView {
    const domain = domainOf(subject, domid);
    const vcpu = vcpuOf(domain, id);
    const isBare = domain.domain === BARE_DOMAIN;
    return isBare || physical
      ? physicalView(subject, domain, vcpu, all)
      : virtualView(subject, domain, vcpu, all);
  },
  text: gicText,
});

// -------------------------------------------------------------------- of a domain

function virtualView(subject: Subject, domain: DomainInfo, vcpu: number, all: boolean): GicView {
  const { loaded, record } = subject;
  const known = loaded.view?.domains().find(({ id }) => id === domain.domain);
  const vgic = loaded.view?.vgic(domain.domain);
  if (known === undefined || vgic === undefined) throw new Error('a domain with guest code has a vGIC');
  const names = record.interrupts.namesOf(domain.domain);
  const gic: VirtualGic = {
    domain: domain.domain,
    vgic,
    names,
    record: record.interrupts,
    processors: known.vcpus.map(({ id, cpu, state }) =>
      virtualProcessor(
        processorOf(loaded.machine, cpu, {
          label: `vCPU ${id}`,
          vcpu: id,
          state: state === 'offline' ? 'off' : state,
          stands: standsFor(known, id, state),
        }),
        virtualSide(loaded, cpu),
        vgic.version,
        names,
      ),
    ),
  };
  const one = gic.processors[vcpu];
  if (one === undefined) throw new Error(`vCPU ${vcpu} has a CPU`);
  const rows = virtualRows(gic, vcpu);
  return {
    ...viewOf(domain, one.processor, one.guest),
    kind: 'virtual',
    version: vgic.version,
    title: `vGICv${vgic.version} of domain ${domain.domain} '${domain.name}', vCPU ${vcpu}`,
    processors: gic.processors.map(({ processor }) => ({
      vcpu: processor.vcpu,
      state: processor.state,
      pending: virtualPendingCount(gic, processor.vcpu),
    })),
    registers: [...vgicFacts(gic), ...interfaceFacts(one.guest), ...hypervisorFacts(one.side, vgic.version)],
    pending: virtualPending(rows, gic, vcpu),
    ...shown(rows, all),
    listRegisters: listRegisterRows(one.side, vgic.version, names),
  };
}

/** Why Xen does not let a vCPU run, in words. */
function standsFor(domain: DomainView, vcpu: number, state: string): string | undefined {
  if (domain.state === 'shutdown') return `Domain ${domain.id} is shut down: its vCPUs stand`;
  if (state === 'offline') return `vCPU ${vcpu} is off: PSCI CPU_ON starts it, and forgets what is pending`;
  if (state === 'paused') return `Domain ${domain.id} is paused: its vCPUs stand`;
  return undefined;
}

// -------------------------------------------------------------------- of the machine

function physicalView(subject: Subject, domain: DomainInfo, vcpu: number, all: boolean): GicView {
  const { loaded, record } = subject;
  const { machine, view } = loaded;
  const cpu = cpuOf(subject, domain, vcpu);
  const names = record.interrupts.namesOf(BARE_DOMAIN);
  const processors = machine.cpus.map((_, index) =>
    processorOf(machine, index, { label: `CPU ${index}`, vcpu: index }),
  );
  const processor = processors[cpu];
  if (processor === undefined) throw new Error(`the machine has a CPU ${cpu}`);
  const gic = physicalGic(
    machine.devices,
    names,
    processors,
    view === undefined ? record.interrupts : undefined,
  );
  const side = physicalInterface(gic, cpu);
  const rows = physicalRows(gic, cpu);
  const owner = view === undefined ? `bare machine '${domain.name}'` : 'the machine';
  return {
    ...viewOf(domain, processor, side),
    kind: 'physical',
    version: gic.version,
    title: `GICv${gic.version} of ${owner}, CPU ${cpu}`,
    processors: processors.map(({ vcpu: index, state }) => ({
      vcpu: index,
      state,
      pending: pendingCount(gic, index),
    })),
    registers: [...distributorFacts(gic), ...interfaceFacts(side)],
    pending: physicalPending(rows, gic, cpu),
    ...shown(rows, all),
    ...(machine.features.el2 && ownVirtualSide(loaded, gic.version, processor)),
  };
}

/** List registers of a CPU whose EL2 belongs to guest code, or to Xen when the machine's own side is asked for. */
function ownVirtualSide(
  loaded: LoadedMachine,
  version: 2 | 3,
  processor: Processor,
): Pick<GicView, 'listRegisters' | 'virtualPending'> {
  const side = virtualSide(loaded, processor.cpu);
  const nameless = new Map();
  const guest = virtualInterface(side, version, nameless);
  const rows = listRegisterRows(side, version, nameless);
  const pending: PendingInterrupt[] = rows
    .filter(({ index }) => listRegisterOf(side, index).pending)
    .map(({ index, intid }) => ({
      intid,
      vcpu: processor.vcpu,
      ...listRegisterVerdict(side, index, guest, processor),
    }));
  return { listRegisters: rows, virtualPending: pending };
}

// -------------------------------------------------------------------- common

function viewOf(domain: DomainInfo, processor: Processor, side: Interface) {
  return {
    domain: domain.domain,
    domainName: domain.name,
    vcpu: processor.vcpu,
    cpu: processor.cpu,
    summary: summaryOf(side, processor),
    state: processor.state,
    el: processor.el,
    pc: hex(processor.pc),
    maskedIrq: processor.maskedIrq,
    maskedFiq: processor.maskedFiq,
    interface: interfaceView(side),
  };
}

function shown(rows: readonly InterruptRow[], all: boolean): Pick<GicView, 'interrupts' | 'leftOut'> {
  const interrupts = all ? rows : rows.filter(isOfInterest);
  return { interrupts, leftOut: rows.length - interrupts.length };
}

function isOfInterest(row: InterruptRow): boolean {
  return (
    row.enabled ||
    row.pending ||
    row.active ||
    row.lineHigh === true ||
    row.name !== undefined ||
    row.listRegister !== undefined ||
    row.count !== undefined
  );
}

function virtualSide({ machine: { devices } }: LoadedMachine, cpu: number): VirtualInterface {
  const side = devices.gicV3?.cpus[cpu]?.virtual ?? devices.gicV2?.virtual[cpu];
  if (side === undefined) throw new Error(`CPU ${cpu} has a virtual interface`);
  return side;
}
