// A Xen with one domain, its daemons, and a guest that makes hypercalls by name: for the inspections of what the
// hypervisor knows. There is no processor; the vGIC and its list registers are real.

import type { XenObserver } from '../../../../../emulator/xen/observer.ts';
import type { Inspections } from '../../../../../emulator/debug/inspect/catalog.ts';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import type { LoadedMachine } from '../../../../../emulator/machine/guest.ts';
import { Page } from '../../../../../emulator/xen/page.ts';
import { ControlDomain } from '../../../../../emulator/xen/toolstack/control-domain.ts';
import { writeDomainNodes } from '../../../../../emulator/xen/xenstore/domain-nodes.ts';
import { XenstoreClient } from '../../../../../emulator/xen/xenstore/client.ts';
import { Guest, RAM_GFN } from '../../../xen/fake-xen.ts';
import { FakeMachine, type FakeMachineOptions } from '../../../xen/traps/fake-platform.ts';

export const SELF = 0x7ff0;
/** Where guests of these tests map their grant table. */
const GRANT_WINDOW = 0x38000;

export interface ProcessorState {
  pstate: number;
  el: number;
  pc: bigint;
}

export function inspectedXen(options: FakeMachineOptions = {}) {
  const machine = new FakeMachine(options);
  const { hypervisor, domain } = machine;
  const control = new ControlDomain(hypervisor, () => ({ write: () => {} }));
  const guest = new Guest(domain.domain, machine.memory as never, hypervisor.services);
  const processors: ProcessorState[] = machine.cpus.map(() => ({ pstate: 5, el: 1, pc: 0x4000_0000n }));
  const loaded = {
    machine: {
      engine: { instructions: 0 },
      clock: { nanoseconds: () => machine.nanoseconds },
      cpus: processors.map((state, cpu) => ({
        get pstate() {
          return state.pstate;
        },
        get el() {
          return state.el;
        },
        get pc() {
          return state.pc;
        },
        x: machine.cpus[cpu]?.x,
        sysreg: machine.cpus[cpu]?.sysreg,
      })),
    },
    info: {
      domains: [{ domain: 1, name: 'guest', vcpus: domain.vcpus.length, segments: [], ram: [] }],
    },
    view: hypervisor.view,
    deviceTree: () => undefined,
    observe: (observer: XenObserver) => hypervisor.observer.add(observer),
  } as unknown as LoadedMachine;

  writeDomainNodes(control.client, {
    domid: 1,
    name: 'guest',
    uuid: '00000000-0000-0000-0000-000000000000',
    maximumMemory: 4096,
    targetMemory: 4096,
    vcpusOnline: [true],
    store: { port: 0, gfn: 0 },
    startTime: '0.00',
  });
  const inspector = createInspector(loaded);
  return {
    machine,
    hypervisor,
    domain: domain.domain,
    vgic: domain.vgic,
    guest,
    control,
    processors,
    toolstack: control.client,
    /** The guest's own connection to xenstore, without a ring. */
    own: new XenstoreClient(control.xenstore, 1),
    inspect: <Name extends keyof Inspections>(
      name: Name,
      args: Inspections[Name]['arguments'] = {},
    ): Inspections[Name]['view'] =>
      inspector.inspect(name, args as Record<string, unknown>) as Inspections[Name]['view'],
    text: (line: string): string => inspector.command(line, { domain: 1, vcpu: 0 }),
    /** Virtual time passes; nothing else happens. */
    wait(nanoseconds: number): void {
      machine.nanoseconds += nanoseconds;
    },
    /** A backend of ours in domain 0, at an unbound port of the guest. */
    backend(port: number, onEvent: () => void = () => {}) {
      const domain0 = hypervisor.domains.find(0)!.eventChannels;
      const bound = domain0.bindInterdomain(domain.domain.eventChannels, port, () => undefined);
      if (typeof bound === 'string') throw new Error(bound);
      domain0.serve(bound.port, onEvent);
      return { port: bound.port, notify: () => void domain0.send(bound.port) };
    },
    /** A port of the guest that waits for domain 0. */
    offer(): number {
      return guest.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 0 }).arg['port'] as number;
    },
    sharedInfo(): Page {
      const page = domain.domain.sharedInfo;
      if (!page) throw new Error('the domain has a shared_info');
      return page;
    },
    /** A frame of the guest's grant table, as the guest sees it. */
    grantFrame(index = 0): Page {
      const at = GRANT_WINDOW + index;
      if (!guest.pageAt(at)) {
        guest.call('XENMEM_add_to_physmap', { domid: SELF, space: 1, idx: BigInt(index), gpfn: BigInt(at) });
      }
      const page = guest.pageAt(at);
      if (!page) throw new Error('the grant frame is mapped');
      return new Page(machine.memory, page.mfn);
    },
    /** The guest writes an entry of version 1. */
    grant(reference: number, { flags = 1, to = 0, frame = RAM_GFN + 3 } = {}): void {
      const page = this.grantFrame(Math.floor(reference / 512));
      const at = (reference % 512) * 8;
      page.write32(at + 4, frame);
      page.write16(at + 2, to);
      page.write16(at, flags);
    },
    /** Domain 0 maps a grant of the guest. */
    map(reference: number, readOnly = false) {
      const pinned = domain.domain.grantTable.pin(reference, 0, readOnly, 'map');
      if (typeof pinned === 'string') throw new Error(pinned);
      return { unmap: () => domain.domain.grantTable.unpin(reference, readOnly) };
    },
  };
}
