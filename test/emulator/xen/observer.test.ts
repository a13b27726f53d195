import { expect, test } from 'vitest';
import { ObserverRelay, type XenObserver } from '../../../emulator/xen/observer.ts';
import { XenstoreClient } from '../../../emulator/xen/xenstore/client.ts';
import { XenstoreServer } from '../../../emulator/xen/xenstore/server.ts';
import { bootXen, type FakeXen, RAM_GFN } from './fake-xen.ts';
import { FakeMachine } from './traps/fake-platform.ts';

/** Writes down what it is told. */
function listening(): { observer: XenObserver; heard: string[] } {
  const heard: string[] = [];
  const observer: XenObserver = {
    eventRaised: (domid, port, byDomid, byVcpu, byPort, wasPending) =>
      heard.push(
        `d${domid} port ${port} by d${byDomid}v${byVcpu} port ${byPort}${wasPending ? ' again' : ''}`,
      ),
    interruptRaised: (domid, vcpu, intid) => heard.push(`raised d${domid}v${vcpu} ${intid}`),
    interruptEnded: (domid, vcpu, intid) => heard.push(`ended d${domid}v${vcpu} ${intid}`),
    grantUsed: (granter, reference, user, use, isReadOnly) =>
      heard.push(`d${user} ${use} d${granter}:${reference}${isReadOnly ? ' read-only' : ''}`),
    grantUnmapped: (granter, reference, user) => heard.push(`d${user} unmap d${granter}:${reference}`),
    xenstoreChanged: (path, change, byDomid) => heard.push(`${path} ${change} by d${byDomid}`),
  };
  return { observer, heard };
}

function listen(xen: FakeXen): string[] {
  const { observer, heard } = listening();
  (xen.services.sockets.observer as ObserverRelay).add(observer);
  return heard;
}

test('events are told with their sender, before they are delivered', () => {
  const xen = bootXen({ a: { vcpus: 2 }, b: {} }, { xsm: 'dummy' });
  const [a, b] = [xen.guest('a'), xen.guest('b')];
  const heard = listen(xen);
  const unbound = a.call('EVTCHNOP_alloc_unbound', { dom: 0x7ff0, remote_dom: b.id }).arg['port'] as number;
  const bound = b.call('EVTCHNOP_bind_interdomain', { remote_dom: a.id, remote_port: unbound }).arg[
    'local_port'
  ] as number;
  b.call('EVTCHNOP_send', { port: bound });
  b.call('EVTCHNOP_send', { port: bound });
  const ipi = a.call('EVTCHNOP_bind_ipi', { vcpu: 1 }).arg['port'] as number;
  a.call('EVTCHNOP_send', { port: ipi }, { vcpu: 1 });
  const virq = a.call('EVTCHNOP_bind_virq', { virq: 1, vcpu: 0 }).arg['port'] as number;
  a.domain.eventChannels.raiseVirq(1, 0);
  expect(heard).toEqual([
    `d2 port ${bound} by d-1v-1 port 0`,
    `d1 port ${unbound} by d2v0 port ${bound}`,
    `d1 port ${unbound} by d2v0 port ${bound} again`,
    `d1 port ${ipi} by d1v1 port ${ipi}`,
    `d1 port ${virq} by d-1v-1 port 0`,
  ]);
});

test('grants are told when they are mapped, copied and unmapped', () => {
  const xen = bootXen({ a: {}, b: {} }, { xsm: 'dummy' });
  const [a, b] = [xen.guest('a'), xen.guest('b')];
  const heard = listen(xen);
  a.domain.grantTable.seed(9, b.id, (RAM_GFN + 3) as never);
  const address = BigInt(0x50000) << 12n;
  const mapped = b.call('GNTTABOP_map_grant_ref', { host_addr: address, flags: 6, ref: 9, dom: a.id });
  b.call('GNTTABOP_unmap_grant_ref', { host_addr: address, handle: mapped.arg['handle'] as number });
  b.call('GNTTABOP_copy', {
    source_ref: 9,
    source_domid: a.id,
    dest_gmfn: BigInt(RAM_GFN + 4),
    dest_domid: 0x7ff0,
    len: 16,
    flags: 1,
  });
  expect(heard).toEqual(['d2 map d1:9 read-only', 'd2 unmap d1:9', 'd2 copy d1:9 read-only']);
});

test('changes of xenstore are told with who made them; a transaction tells at its end', () => {
  const { observer, heard } = listening();
  const server = new XenstoreServer({ domainExists: () => true, observer });
  const toolstack = new XenstoreClient(server);
  const guest = new XenstoreClient(server, 5);
  heard.length = 0;
  toolstack.write('/a/b', 'one');
  toolstack.setPermissions('/a/b', 'b5');
  guest.write('/a/b', 'one');
  toolstack.transaction((transaction) => {
    toolstack.write('/a/c', 'two', transaction);
    expect(heard).toHaveLength(4);
  });
  toolstack.remove('/a');
  expect(heard).toEqual([
    '/a written by d0',
    '/a/b written by d0',
    '/a/b permissions by d0',
    '/a/b written by d5',
    '/a/c written by d0',
    '/a/b removed by d0',
    '/a/c removed by d0',
    '/a removed by d0',
  ]);
});

test('an interrupt is told when it is raised, and once Xen finds that the guest ended it', () => {
  const { observer, heard } = listening();
  const machine = new FakeMachine();
  machine.hypervisor.observer.add(observer);
  const { vgic } = machine.domain;
  const virtual = machine.virtual[0]!;
  virtual.setEnables(3);
  virtual.priorities.setMask(0xf0);
  vgic.enable(0, vgic.interrupt(0, 31)!);
  vgic.injectPrivate(0, 31);
  expect(heard).toEqual(['raised d1v0 31']);
  virtual.acknowledge(1);
  machine.trap(0x01, 0);
  expect(heard).toHaveLength(1);
  virtual.endInterrupt(31, 1);
  machine.trap(0x01, 0);
  expect(heard).toEqual(['raised d1v0 31', 'ended d1v0 31']);
});
