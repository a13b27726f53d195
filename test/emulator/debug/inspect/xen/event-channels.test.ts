// What the view of event channels says of states made on purpose.

import { expect, test } from 'vitest';
import { ELR_EL2 } from '../../../../../emulator/memory/layout.ts';
import { EVTCHN_MASK_OFFSET, EVTCHN_PENDING_OFFSET } from '../../../../../emulator/xen/abi/shared-info.ts';
import { RAM_GFN } from '../../../xen/fake-xen.ts';
import { inspectedXen, SELF } from './inspected-xen.ts';

const EVTCHN_PPI = 31;
const MILLISECOND = 1_000_000;

test('every binding is named, with its other end and what it is for', () => {
  const xen = inspectedXen({ vcpus: 2 });
  const offered = xen.offer();
  const bound = xen.offer();
  xen.backend(bound);
  const virq = xen.guest.call('EVTCHNOP_bind_virq', { virq: 1, vcpu: 0 }).arg['port'];
  const ipi = xen.guest.call('EVTCHNOP_bind_ipi', { vcpu: 1 }).arg['port'];
  xen.domain.setParam(18, BigInt(bound));
  const view = xen.inspect('eventChannels');
  expect(view).toMatchObject({ domain: 1, abi: '2-level', total: 4, maximumPort: 1023 });
  expect(view.ports.map(({ port, stateWords, peer, use }) => [port, stateWords, peer?.words, use])).toEqual([
    [offered, 'waits for d0 to bind it', 'd0, not bound yet', undefined],
    [bound, 'bound to d0 port 1', 'd0 port 1 (console daemon)', 'console'],
    [virq, 'bound to VIRQ_DEBUG', undefined, undefined],
    [ipi, 'from any vCPU to vCPU 1', undefined, undefined],
  ]);
  expect(view.ports[2]?.virq).toEqual({ number: 1, name: 'VIRQ_DEBUG' });
  expect(view.links).toEqual([
    {
      from: { domain: 1, port: bound },
      to: { domain: 0, port: 1 },
      use: 'console',
      pending: false,
      masked: false,
      raised: 0,
      // Xen makes up an event for who binds.
      raisedBack: 1,
    },
  ]);
  const other = xen.inspect('eventChannels', { domain: 0 });
  expect(other.abi).toBe('embedded');
  expect(other.ports[0]).toMatchObject({
    peer: { words: `d1 port ${bound} (console)` },
    use: 'console daemon',
    embedded: true,
    canMask: false,
  });
});

test('counts, the last sender and from where it sent', () => {
  const xen = inspectedXen();
  const port = xen.offer();
  const backend = xen.backend(port);
  xen.wait(5 * MILLISECOND);
  backend.notify();
  backend.notify();
  xen.wait(MILLISECOND);
  const [row] = xen.inspect('eventChannels').ports;
  expect(row).toMatchObject({ raised: 2, coalesced: 1, pending: true });
  expect(row?.sender).toEqual({ domain: 0, port: backend.port, words: 'd0 through its port 1' });
  expect(row?.last).toMatchObject({
    virtualNanoseconds: 5 * MILLISECOND,
    ago: '1.00 ms ago',
    at: '0.005000 s',
  });
  expect(row?.pendingSince?.virtualNanoseconds).toBe(5 * MILLISECOND);
  xen.machine.cpu.setSysreg(ELR_EL2, 0x4000_1004n);
  xen.machine.cpu.setX(30, 0x4000_2000n);
  xen.guest.call('EVTCHNOP_send', { port });
  const [far] = xen.inspect('eventChannels', { domain: 0 }).ports;
  expect(far?.sender).toEqual({
    domain: 1,
    vcpu: 0,
    port,
    words: `d1 vCPU 0 through its port ${port}`,
    pc: '0x40001000',
    lr: '0x40002000',
  });
});

test('a masked port: what it is, and for how long', () => {
  const xen = inspectedXen();
  const port = xen.offer();
  xen.sharedInfo().setBit(EVTCHN_MASK_OFFSET, port);
  xen.backend(port).notify();
  xen.wait(20 * MILLISECOND);
  const view = xen.inspect('eventChannels');
  expect(view.ports[0]).toMatchObject({
    pending: true,
    masked: true,
    delay: { sentence: 'the port is masked' },
  });
  expect(view.findings).toEqual([
    {
      severity: 'warning',
      kind: 'masked',
      port,
      sentence: `Port ${port} is pending and masked for 20.0 ms: the guest does not hear of it until the port is unmasked.`,
    },
  ]);
  expect(xen.text('eventChannels')).toContain('the port is masked');
});

test('an event on its way: each place where it can be held up is named', () => {
  const xen = inspectedXen();
  const port = xen.offer();
  const why = (): string | undefined => xen.inspect('eventChannels').ports[0]?.delay?.sentence;
  xen.backend(port).notify();
  expect(why()).toBe('the event interrupt 31 of vCPU 0 is not enabled in the GIC');

  const interrupt = xen.vgic.interrupt(0, EVTCHN_PPI)!;
  interrupt.configuredPriority = 0xa0;
  const virtual = xen.machine.virtual[0]!;
  xen.vgic.clearPending(0);
  xen.vgic.enable(0, interrupt);
  xen.vgic.injectPrivate(0, EVTCHN_PPI);
  expect(why()).toContain('does not let its group through');
  virtual.setEnables(3);
  virtual.priorities.setMask(0x80);
  expect(why()).toContain('priority 0xa0, which the priority mask 0x80 holds back');

  virtual.priorities.setMask(0xf0);
  xen.processors[0]!.pstate = 0x85;
  expect(why()).toBe('vCPU 0 has PSTATE.I set');
  xen.processors[0]!.pstate = 0x05;
  expect(why()).toContain('will be taken with the next instruction');
  virtual.acknowledge(1);
  expect(why()).toBe('vCPU 0 is in its handler of the event interrupt 31');

  // The guest ends the interrupt, but leaves evtchn_upcall_pending as it is: no event ever comes again.
  virtual.endInterrupt(EVTCHN_PPI, 1);
  xen.machine.trap(0x01, 0);
  expect(why()).toContain('ended it without clearing evtchn_upcall_pending');
  const { findings } = xen.inspect('eventChannels');
  expect(findings[0]).toMatchObject({ severity: 'warning', kind: 'not-delivered' });

  xen.sharedInfo().write8(0, 0);
  expect(why()).toBe('vCPU 0 cleared evtchn_upcall_pending and is about to look for events');
  xen.sharedInfo().write32(8, 0);
  expect(why()).toContain('its bit of evtchn_pending_sel is clear');
  xen.sharedInfo().clearBit(EVTCHN_PENDING_OFFSET, port);
  expect(why()).toBeUndefined();
});

test('vCPUs that cannot hear of events', () => {
  const xen = inspectedXen({ vcpus: 2 });
  const port = xen.offer();
  xen.guest.call('EVTCHNOP_bind_vcpu', { port, vcpu: 1 });
  xen.backend(port).notify();
  const view = xen.inspect('eventChannels');
  expect(view.ports[0]?.delay?.sentence).toBe('vCPU 1 has not registered its vcpu_info');
  expect(view.vcpus[1]?.sentence).toBe('the vCPU is switched off');
  xen.hypervisor.scheduler.pauseDomain(xen.hypervisor.domain(1)!);
  const [first] = xen.inspect('eventChannels').vcpus;
  expect(first?.sentence).toBe('no upcall is pending; the event interrupt 31 is not enabled');
});

test('FIFO: priorities, queues, and an event before its page was given', () => {
  const xen = inspectedXen();
  const port = xen.offer();
  const control = BigInt(RAM_GFN + 10);
  const words = BigInt(RAM_GFN + 11);
  xen.guest.call('EVTCHNOP_init_control', { control_gfn: control, offset: 0, vcpu: 0 });
  xen.backend(port).notify();
  const row = () => xen.inspect('eventChannels').ports[0];
  expect(xen.inspect('eventChannels').abi).toBe('fifo');
  expect(row()?.delay?.sentence).toBe('an event came before the guest gave the page with its event word');
  xen.hypervisor.domains.find(0)?.eventChannels.send(1);
  expect(row()).toMatchObject({ raised: 2, coalesced: 1 });
  xen.guest.call('EVTCHNOP_expand_array', { array_gfn: words });
  xen.guest.call('EVTCHNOP_set_priority', { port, priority: 3 });
  expect(row()).toMatchObject({ pending: true, priority: 3 });
  expect(xen.inspect('eventChannels').vcpus[0]?.readyPriorities).toEqual([7]);
  // The guest takes the word off its queue, and forgets the event.
  const page = xen.guest.pageAt(RAM_GFN + 11)!;
  page.write32(port * 4, page.read32(port * 4) & ~(1 << 29));
  expect(row()?.delay?.sentence).toContain('it is not linked into a queue');
});

test('whatever the guest writes into its pages, there is a view, and nothing changes', () => {
  for (const abi of ['2-level', 'fifo'] as const) {
    const xen = inspectedXen();
    const ports = Array.from({ length: 40 }, () => xen.offer());
    for (const port of ports.slice(0, 20)) xen.backend(port).notify();
    if (abi === 'fifo') {
      xen.guest.call('EVTCHNOP_init_control', { control_gfn: BigInt(RAM_GFN + 10), offset: 0, vcpu: 0 });
      xen.guest.call('EVTCHNOP_expand_array', { array_gfn: BigInt(RAM_GFN + 11) });
      xen.guest.call('EVTCHNOP_expand_array', { array_gfn: BigInt(RAM_GFN + 11) });
    }
    for (const fill of [0xff, 0x00, 0xa5, 0x5a]) {
      for (const page of [
        xen.sharedInfo(),
        xen.guest.pageAt(RAM_GFN + 10)!,
        xen.guest.pageAt(RAM_GFN + 11)!,
      ]) {
        page.write(0, new Uint8Array(4096).fill(fill));
      }
      const before = JSON.stringify(xen.hypervisor.save());
      const view = xen.inspect('eventChannels', { count: 10, start: 5 });
      expect(view.total).toBe(40);
      expect(view.ports).toHaveLength(10);
      expect(JSON.parse(JSON.stringify(view))).toEqual(view);
      expect(xen.text('eventChannels')).toContain('40 ports of 1023');
      expect(JSON.stringify(xen.hypervisor.save())).toBe(before);
    }
  }
});

test('arguments that name nothing are refused', () => {
  const xen = inspectedXen();
  expect(() => xen.inspect('eventChannels', { domain: 7 })).toThrow('there is no domain 7');
  expect(() => xen.inspect('eventChannels', { start: -1 })).toThrow('are not a part of a list');
  expect(() => xen.inspect('eventChannels', { count: 0.5 })).toThrow('is not a whole number');
  expect(xen.guest.call('EVTCHNOP_status', { dom: SELF, port: 0 }).result).toBe(0);
});
