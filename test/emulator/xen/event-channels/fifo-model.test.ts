// The FIFO ABI against a guest that consumes events as Linux does (drivers/xen/events/
// events_fifo.c): whatever the order of sends, masks and scans, no event is lost, none comes twice,
// and each queue is taken in the order of the sends.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  FIFO_LINK_MASK,
  FIFO_LINKED,
  FIFO_MASKED,
  FIFO_PENDING,
} from '../../../../emulator/xen/abi/event-channel.ts';
import { bootXen, type Guest, RAM_GFN } from '../fake-xen.ts';

const PORTS = 6;
const SELF = 0x7ff0;
const PENDING = 1 << FIFO_PENDING;
const MASKED = 1 << FIFO_MASKED;
const LINKED = 1 << FIFO_LINKED;

type Step =
  | { kind: 'send'; port: number }
  | { kind: 'mask'; port: number }
  | { kind: 'unmask'; port: number }
  | { kind: 'priority'; port: number; priority: number }
  | { kind: 'scan'; vcpu: number; most: number }
  | { kind: 'move'; port: number; vcpu: number };

const port = fc.integer({ min: 1, max: PORTS });
const vcpu = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), port }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mask' as const), port }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unmask' as const), port }) },
  fc.record({ kind: fc.constant('priority' as const), port, priority: fc.integer({ min: 0, max: 15 }) }),
  fc.record({ kind: fc.constant('move' as const), port, vcpu }),
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('scan' as const), vcpu, most: fc.integer({ min: 1, max: 9 }) }),
  },
);

test('no event is lost and none is invented', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new ModelGuest();
      const owed = new Set<number>();
      for (const next of steps) {
        switch (next.kind) {
          case 'send':
            model.send(next.port);
            owed.add(next.port);
            break;
          case 'mask':
            model.mask(next.port);
            break;
          case 'unmask':
            model.unmask(next.port);
            break;
          case 'priority':
            model.guest.call('EVTCHNOP_set_priority', { port: next.port, priority: next.priority });
            break;
          case 'move':
            model.guest.call('EVTCHNOP_bind_vcpu', { port: next.port, vcpu: next.vcpu });
            break;
          case 'scan':
            for (const handled of model.scan(next.vcpu, next.most)) {
              expect(owed.delete(handled), `port ${handled} had been sent`).toBe(true);
            }
            break;
        }
      }
      for (let each = 1; each <= PORTS; each++) model.unmask(each);
      for (const handled of [...model.scan(0, 1000), ...model.scan(1, 1000)]) owed.delete(handled);
      expect([...owed]).toEqual([]);
    }),
    { numRuns: 300, seed: 417 },
  );
});

test('events of one queue come in the order they were sent, higher priorities first', () => {
  const model = new ModelGuest();
  model.guest.call('EVTCHNOP_set_priority', { port: 5, priority: 1 });
  for (const each of [3, 1, 5, 2]) model.send(each);
  expect(model.scan(0, 100)).toEqual([5, 3, 1, 2]);
});

/** Three channels of a domain with itself (ports 1 and 2, 3 and 4, 5 and 6), taken as Linux takes them. */
class ModelGuest {
  readonly guest: Guest;
  /** Linux's own copy of each queue's head, by vCPU and priority. */
  private readonly heads = [new Array<number>(16).fill(0), new Array<number>(16).fill(0)];
  private readonly ready = [0, 0];

  constructor() {
    this.guest = bootXen({ domU: { vcpus: 2 } }).guest('domU');
    for (const id of [0, 1]) {
      this.guest.call('EVTCHNOP_init_control', { control_gfn: RAM_GFN + 1, offset: id * 128, vcpu: id });
      this.guest.call('VCPUOP_register_vcpu_info', { mfn: RAM_GFN + 3, offset: id * 64 }, { vcpu: id });
      this.guest.page(3).write8(id * 64, 0);
    }
    const words = this.guest.page(2);
    for (let each = 0; each < 1024; each++) words.write32(each * 4, MASKED);
    this.guest.call('EVTCHNOP_expand_array', { array_gfn: RAM_GFN + 2 });
    for (let each = 1; each <= PORTS; each += 2) {
      this.guest.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: SELF });
      const { arg } = this.guest.call('EVTCHNOP_bind_interdomain', { remote_dom: SELF, remote_port: each });
      expect(arg['local_port']).toBe(each + 1);
    }
    for (let each = 1; each <= PORTS; each++) this.guest.call('EVTCHNOP_unmask', { port: each });
    this.scan(0, 1000);
  }

  /** An event on the port: a notification at its other end, the port beside it. */
  send(each: number): void {
    this.guest.call('EVTCHNOP_send', { port: each % 2 === 1 ? each + 1 : each - 1 });
  }

  mask(each: number): void {
    this.word(each, (value) => value | MASKED);
  }

  /** Linux unmasks without a hypercall while the event is not pending. */
  unmask(each: number): void {
    if ((this.peek(each) & PENDING) !== 0) this.guest.call('EVTCHNOP_unmask', { port: each });
    else this.word(each, (value) => value & ~MASKED);
  }

  /** Handles up to `most` events if an upcall is pending, as __evtchn_fifo_handle_events() does. */
  scan(vcpu: number, most: number): number[] {
    const info = this.guest.page(3);
    const leftOver = (this.ready[vcpu] ?? 0) !== 0;
    if (info.read8(vcpu * 64) === 0 && !leftOver) return [];
    info.write8(vcpu * 64, 0);
    const control = this.guest.page(1);
    this.ready[vcpu] = (this.ready[vcpu] ?? 0) | control.read32(vcpu * 128);
    control.write32(vcpu * 128, 0);

    const handled: number[] = [];
    while (this.ready[vcpu] && handled.length < most) {
      const priority = lowestBit(this.ready[vcpu] ?? 0);
      this.consumeOne(vcpu, priority, handled);
      this.ready[vcpu] = (this.ready[vcpu] ?? 0) | control.read32(vcpu * 128);
      control.write32(vcpu * 128, 0);
    }
    return handled;
  }

  private consumeOne(vcpu: number, priority: number, handled: number[]): void {
    const heads = this.heads[vcpu];
    if (!heads) return;
    let head = heads[priority] ?? 0;
    // Reached the tail last time: read the new head that Xen wrote.
    if (head === 0) head = this.guest.page(1).read32(vcpu * 128 + 8 + priority * 4);
    const value = this.peek(head);
    this.word(head, (old) => old & ~(LINKED | FIFO_LINK_MASK));
    const next = value & FIFO_LINK_MASK;
    if (next === 0) this.ready[vcpu] = (this.ready[vcpu] ?? 0) & ~(1 << priority);
    heads[priority] = next;
    if ((value & PENDING) !== 0 && (value & MASKED) === 0) {
      this.word(head, (old) => old & ~PENDING);
      handled.push(head);
    }
  }

  private peek(each: number): number {
    return this.guest.page(2).read32(each * 4);
  }

  private word(each: number, change: (value: number) => number): void {
    this.guest.page(2).write32(each * 4, change(this.peek(each)));
  }
}

const lowestBit = (value: number): number => 31 - Math.clz32(value & -value);
