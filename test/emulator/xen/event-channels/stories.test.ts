import { expect, test } from 'vitest';
import { FIFO_MASKED, FIFO_PENDING } from '../../../../emulator/xen/abi/event-channel.ts';
import { EVTCHN_MASK_OFFSET, EVTCHN_PENDING_OFFSET } from '../../../../emulator/xen/abi/shared-info.ts';
import { bootXen, type Guest, RAM_GFN, serveChannel } from '../fake-xen.ts';

const SELF = 0x7ff0;

test('a domain cannot allocate a port in another domain', () => {
  const xen = bootXen({ domU: {}, other: {} });
  expect(xen.guest('domU').call('EVTCHNOP_alloc_unbound', { dom: 0, remote_dom: 1 }).result).toBe('-EPERM');
  expect(xen.guest('domU').call('EVTCHNOP_alloc_unbound', { dom: 2, remote_dom: 1 }).result).toBe('-EPERM');
  expect(xen.guest('domU').call('EVTCHNOP_alloc_unbound', { dom: 77, remote_dom: 1 }).result).toBe('-ESRCH');
});

test('ports are given out lowest first, port 0 never', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  const ports = [1, 2, 3].map(
    () => domU.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 0 }).arg['port'],
  );
  expect(ports).toEqual([1, 2, 3]);
  expect(domU.call('EVTCHNOP_close', { port: 2 }).result).toBe(0);
  expect(domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 }).arg['port']).toBe(2);
});

test('under SILO a domain prepares ports for the control domain only, under dummy for any', () => {
  const offer = (xsm: 'silo' | 'dummy') =>
    bootXen({ one: {}, two: {} }, { xsm })
      .guest('one')
      .call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 2 }).result;
  expect(offer('silo')).toBe('-EPERM');
  expect(offer('dummy')).toBe(0);
});

test('two domains that bind a channel hear each other, and the binder hears at once', () => {
  const xen = bootXen({ one: {}, two: {} }, { xsm: 'dummy' });
  const [one, two] = [xen.guest('one'), xen.guest('two')];
  const offered = one.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 2 }).arg['port'];
  // A notification before anybody bound is dropped, and is no error.
  expect(one.call('EVTCHNOP_send', { port: 1 }).result).toBe(0);
  const bound = two.call('EVTCHNOP_bind_interdomain', { remote_dom: 1, remote_port: Number(offered) });
  expect(bound.arg['local_port']).toBe(1);
  expect(isPending(two, 1)).toBe(true);
  expect(xen.happened).toEqual(['event interrupt d2v0']);

  expect(isPending(one, 1)).toBe(false);
  expect(two.call('EVTCHNOP_send', { port: 1 }).result).toBe(0);
  expect(isPending(one, 1)).toBe(true);
  expect(xen.happened.at(-1)).toBe('event interrupt d1v0');

  expect(one.call('EVTCHNOP_status', { dom: SELF, port: 1 }).arg).toMatchObject({
    status: 2,
    interdomain_dom: 2,
    interdomain_port: 1,
  });
});

test('nobody else can bind a port that waits for another domain', () => {
  const xen = bootXen({ one: {}, two: {}, three: {} }, { xsm: 'dummy' });
  xen.guest('one').call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 2 });
  const stolen = xen.guest('three').call('EVTCHNOP_bind_interdomain', { remote_dom: 1, remote_port: 1 });
  expect(stolen.result).toBe('-EINVAL');
});

test('closing one end lets the other wait for the closer again', () => {
  const xen = bootXen({ one: {}, two: {} }, { xsm: 'dummy' });
  const [one, two] = [xen.guest('one'), xen.guest('two')];
  one.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 2 });
  two.call('EVTCHNOP_bind_interdomain', { remote_dom: 1, remote_port: 1 });
  expect(two.call('EVTCHNOP_close', { port: 1 }).result).toBe(0);
  expect(two.call('EVTCHNOP_close', { port: 1 }).result).toBe('-EINVAL');
  expect(one.call('EVTCHNOP_status', { dom: SELF, port: 1 }).arg).toMatchObject({
    status: 1,
    unbound_dom: 2,
  });
  expect(isPending(two, 1)).toBe(false);
  expect(two.call('EVTCHNOP_bind_interdomain', { remote_dom: 1, remote_port: 1 }).result).toBe(0);
});

test('a masked event stays pending and is raised by unmask, once', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  sharedInfo(domU).setBit(EVTCHN_MASK_OFFSET, 1);
  domU.call('EVTCHNOP_send', { port: 1 });
  expect(isPending(domU, 1)).toBe(true);
  expect(xen.happened).toEqual([]);
  expect(domU.call('EVTCHNOP_unmask', { port: 1 }).result).toBe(0);
  expect(xen.happened).toEqual(['event interrupt d1v0']);
  domU.call('EVTCHNOP_unmask', { port: 1 });
  domU.call('EVTCHNOP_send', { port: 1 });
  expect(xen.happened).toHaveLength(1);
});

test('2-level: the selector gets the word of the port, and the upcall is raised only when it was clear', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  for (let port = 1; port <= 70; port++) domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  domU.call('EVTCHNOP_send', { port: 70 });
  const info = sharedInfo(domU);
  expect(info.read(EVTCHN_PENDING_OFFSET, 16)).toEqual(
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0),
  );
  // vcpu_info of vCPU 0: upcall pending, selector word 1.
  expect(info.read(0, 16)).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0));
});

test('a VIRQ can be bound once for each vCPU, a global one at vCPU 0 only', () => {
  const xen = bootXen({ domU: { vcpus: 2 } });
  const domU = xen.guest('domU');
  expect(domU.call('EVTCHNOP_bind_virq', { virq: 1, vcpu: 1 }).arg['port']).toBe(1);
  expect(domU.call('EVTCHNOP_bind_virq', { virq: 1, vcpu: 1 }).result).toBe('-EEXIST');
  expect(domU.call('EVTCHNOP_bind_virq', { virq: 2, vcpu: 1 }).result).toBe('-EINVAL');
  expect(domU.call('EVTCHNOP_bind_virq', { virq: 0, vcpu: 9 }).result).toBe('-ENOENT');
  expect(domU.call('EVTCHNOP_bind_virq', { virq: 24, vcpu: 0 }).result).toBe('-EINVAL');
  domU.domain.eventChannels.raiseVirq(1, 1);
  expect(isPending(domU, 1)).toBe(true);
  expect(domU.call('EVTCHNOP_send', { port: 1 }).result).toBe('-EINVAL');
  domU.call('EVTCHNOP_close', { port: 1 });
  expect(domU.call('EVTCHNOP_bind_virq', { virq: 1, vcpu: 1 }).result).toBe(0);
});

test('an event moves to another vCPU, an IPI does not', () => {
  const xen = bootXen({ domU: { vcpus: 2, pages: 8 } });
  const domU = xen.guest('domU');
  domU.call('VCPUOP_register_vcpu_info', { mfn: RAM_GFN + 1, offset: 0 }, { vcpu: 1 });
  domU.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 0 });
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  expect(domU.call('EVTCHNOP_bind_vcpu', { port: 1, vcpu: 1 }).result).toBe(0);
  expect(domU.call('EVTCHNOP_bind_vcpu', { port: 1, vcpu: 2 }).result).toBe('-ENOENT');
  expect(domU.call('EVTCHNOP_bind_vcpu', { port: 2, vcpu: 1 }).result).toBe('-EINVAL');
  expect(domU.call('EVTCHNOP_status', { dom: SELF, port: 1 }).arg['vcpu']).toBe(1);
});

test('max_evtchn_port is where ports end', () => {
  const domU = bootXen({ domU: { maxEventPort: 3 } }).guest('domU');
  const results = [1, 2, 3, 4].map(() => domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 }).result);
  expect(results).toEqual([0, 0, 0, '-ENOSPC']);
});

test('a backend of ours answers within the call that rings it', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  domU.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 0 });
  let rung = 0;
  const channel = serveChannel(xen, domU, 1, () => {
    rung++;
    channel.notify();
  });
  domU.call('EVTCHNOP_send', { port: 1 });
  expect(rung).toBe(1);
  expect(isPending(domU, 1)).toBe(true);
  expect(domU.call('EVTCHNOP_status', { dom: SELF, port: 1 }).arg).toMatchObject({
    status: 2,
    interdomain_dom: 0,
    interdomain_port: channel.port,
  });
});

test('a port that Xen itself serves is out of reach for the guest', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  domU.domain.eventChannels.allocateXenAttached(0, 0);
  expect(domU.call('EVTCHNOP_status', { dom: SELF, port: 1 }).result).toBe('-EACCES');
  expect(domU.call('EVTCHNOP_send', { port: 1 }).result).toBe('-EINVAL');
  expect(domU.call('EVTCHNOP_close', { port: 1 }).result).toBe('-EINVAL');
});

test('poll returns at once for a pending port, else it blocks until an event comes', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  const info = sharedInfo(domU);
  info.setBit(EVTCHN_MASK_OFFSET, 1);
  info.setBit(EVTCHN_MASK_OFFSET, 2);
  const ports = RAM_GFN * 4096 + 0x800;
  domU.write(ports, Uint8Array.of(1, 0, 0, 0));
  const poll = { ports: BigInt(ports), nr_ports: 1, timeout: 5000n };
  expect(domU.call('SCHEDOP_poll', poll).result).toBe(0);
  expect(xen.happened).toEqual(['block d1v0 until 5000']);
  domU.call('EVTCHNOP_send', { port: 2 });
  expect(xen.happened).toHaveLength(1);
  domU.call('EVTCHNOP_send', { port: 1 });
  expect(xen.happened.at(-1)).toBe('wake d1v0');
  expect(domU.call('SCHEDOP_poll', poll).result).toBe(0);
  expect(xen.happened).toHaveLength(2);
  expect(domU.call('SCHEDOP_poll', { ...poll, nr_ports: 129 }).result).toBe('-EINVAL');
});

test('a reset closes every port and goes back to the 2-level ABI', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  expect(
    domU.call('EVTCHNOP_init_control', { control_gfn: RAM_GFN + 1, offset: 0, vcpu: 0 }).arg['link_bits'],
  ).toBe(17);
  domU.call('EVTCHNOP_expand_array', { array_gfn: RAM_GFN + 2 });
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  expect(domU.domain.eventChannels.abi).toBe('fifo');
  expect(xen.machine.references.size).toBe(2);
  expect(domU.call('EVTCHNOP_reset', { dom: SELF }).result).toBe(0);
  expect(domU.domain.eventChannels.abi).toBe('2-level');
  expect(domU.domain.eventChannels.list()).toEqual([]);
  expect(xen.machine.references.size).toBe(0);
  expect(domU.call('EVTCHNOP_reset', { dom: 0 }).result).toBe('-EPERM');
});

test('FIFO: the control block must fit its page, and be given once for each vCPU', () => {
  const domU = bootXen({ domU: { vcpus: 2 } }).guest('domU');
  const init = (members: Record<string, number>) =>
    domU.call('EVTCHNOP_init_control', { control_gfn: RAM_GFN + 1, offset: 0, vcpu: 0, ...members }).result;
  expect(domU.call('EVTCHNOP_expand_array', { array_gfn: RAM_GFN + 2 }).result).toBe('-EOPNOTSUPP');
  expect(init({ vcpu: 2 })).toBe('-ENOENT');
  expect(init({ offset: 4096 - 64 })).toBe('-EINVAL');
  expect(init({ offset: 4 })).toBe('-EINVAL');
  expect(init({ control_gfn: 5 })).toBe('-EINVAL');
  expect(init({})).toBe(0);
  expect(init({})).toBe('-EINVAL');
  expect(init({ vcpu: 1, offset: 72 })).toBe(0);
});

test('FIFO: what was pending in the 2-level ABI is raised when its word appears', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  domU.call('EVTCHNOP_send', { port: 1 });
  sharedInfo(domU).write8(0, 0);
  domU.call('EVTCHNOP_init_control', { control_gfn: RAM_GFN + 1, offset: 8, vcpu: 0 });
  expect(xen.happened).toHaveLength(1);
  domU.call('EVTCHNOP_expand_array', { array_gfn: RAM_GFN + 2 });
  expect(domU.page(2).testBit(4, FIFO_PENDING)).toBe(true);
  // Ready bit and head of priority 7.
  expect(domU.page(1).read32(8)).toBe(1 << 7);
  expect(domU.page(1).read32(8 + 8 + 7 * 4)).toBe(1);
  expect(xen.happened).toHaveLength(2);
});

test('FIFO: an event that is linked behind a live tail raises nothing', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  domU.call('EVTCHNOP_init_control', { control_gfn: RAM_GFN + 1, offset: 0, vcpu: 0 });
  domU.call('EVTCHNOP_expand_array', { array_gfn: RAM_GFN + 2 });
  for (let i = 0; i < 3; i++) domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  for (const port of [1, 2, 3]) domU.call('EVTCHNOP_send', { port });
  expect(xen.happened).toEqual(['event interrupt d1v0']);
  const words = [1, 2, 3].map((port) =>
    domU
      .page(2)
      .read32(port * 4)
      .toString(16),
  );
  expect(words).toEqual(['a0000002', 'a0000003', 'a0000000']);
});

test('FIFO: a closed port that the guest has not unlinked yet is not given out again', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  domU.call('EVTCHNOP_init_control', { control_gfn: RAM_GFN + 1, offset: 0, vcpu: 0 });
  domU.call('EVTCHNOP_expand_array', { array_gfn: RAM_GFN + 2 });
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  domU.call('EVTCHNOP_send', { port: 1 });
  domU.call('EVTCHNOP_close', { port: 1 });
  expect(domU.page(2).testBit(4, FIFO_PENDING)).toBe(false);
  expect(domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 }).arg['port']).toBe(2);
  domU.page(2).write32(4, 1 << FIFO_MASKED);
  expect(domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 }).arg['port']).toBe(1);
});

test('the old form of the hypercall does the same', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  const at = RAM_GFN * 4096 + 0x100;
  // {cmd = alloc_unbound, dom = SELF, remote_dom = 0, port}
  domU.write(at, Uint8Array.of(6, 0, 0, 0, 0xf0, 0x7f, 0, 0, 0, 0, 0, 0));
  expect(domU.raw(16, [BigInt(at)])).toBe(0);
  expect(domU.read(at + 8, 4)).toEqual(Uint8Array.of(1, 0, 0, 0));
});

function isPending(guest: Guest, port: number): boolean {
  return guest.domain.eventChannels.isPending(port);
}

function sharedInfo(guest: Guest) {
  const page = guest.domain.sharedInfo;
  if (!page) throw new Error('a guest has shared_info');
  return page;
}
