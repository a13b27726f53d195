// Events of a machine without a hypervisor: what CPUs and firmware do. The guest of `xenscope bench` causes storms of
// each kind.

import { expect, test } from 'vitest';
import type { EventReport } from '../../../../emulator/machine/messages.ts';
import type { Program } from '../../../../emulator/machine/stop-programs.ts';
import { benchGuest } from '../../../tools/build-bench-guest.ts';
import { configured } from '../guests.ts';
import { served } from '../served.ts';

const TIMER = 27;

async function firstOf(work: string, event: string, condition?: Program): Promise<EventReport | undefined> {
  const config = await configured({ bare: { kernel: benchGuest, cmdline: `bench=${work}:2`, memory: 64 } });
  const server = served(config);
  await server.requests.setEventBreakpoints({ events: [{ id: 1, event, ...(condition && { condition }) }] });
  await server.requests.run({});
  server.turnsUntil(() => server.events('stopped').length > 0 || server.events('terminated').length > 0);
  const [stop] = server.events('stopped');
  if (stop)
    expect(stop).toMatchObject({ reason: 'event', breakpointIds: [1], vcpu: { domain: -1, vcpu: 0 } });
  return stop?.event;
}

const field = (name: string, value: number): Program => ({
  kind: 'binary',
  operator: '==',
  left: { kind: 'event', field: name },
  right: { kind: 'constant', value: BigInt(value) },
});

test('a system call, with its number and where it came from', async () => {
  const event = await firstOf('syscall', 'syscall');
  expect(event?.fields).toMatchObject({ ec: 0x15n, from_el: 0n });
  expect(event?.description).toMatch(/^CPU 0 takes an exception at 0x[0-9a-f]+: SVC$/);
});

test('aborts and interrupts, by class', async () => {
  const abort = await firstOf('pages', 'el1exception.data-abort');
  expect([0x24n, 0x25n]).toContain(abort?.fields['ec']);
  expect(abort?.fields['far']).not.toBe(0n);
  expect((await firstOf('timer', 'el1exception.irq'))?.fields['ec']).toBe(-1n);
});

test('an interrupt that a CPU acknowledges and ends', async () => {
  for (const event of ['irq', 'irq.ended']) {
    const report = await firstOf('timer', event, field('intid', TIMER));
    expect(report).toMatchObject({ event, fields: { intid: 27n, hw: 1n, dom: -1n } });
    expect(report?.description).toContain('interrupt 27 (timer (virtual))');
  }
});

test('firmware calls, by name and with their result', async () => {
  expect((await firstOf('alu', 'psci.SYSTEM_OFF'))?.description).toBe('Firmware call SYSTEM_OFF by CPU 0');
  expect((await firstOf('alu', 'hypercall'))?.description).toBeUndefined();
});
