// Interrupts that the bundled guest keeps away from itself on purpose: the view says what holds them back.

import { expect, test } from 'vitest';
import type { GicTraceView } from '../../../../../emulator/debug/inspect/gic/gic-trace.ts';
import type { GicView } from '../../../../../emulator/debug/inspect/gic/gic-view.ts';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import { fresh, helloGuest, runUntil } from '../../../machine/guests.ts';

const PROMPT = 'hello> ';
const TIMER = 27;

async function booted(gicVersion: 2 | 3) {
  const guest = fresh(await helloGuest(gicVersion));
  const inspector = createInspector(guest.loaded);
  const { machine } = guest.loaded;
  runUntil(guest, PROMPT);
  return {
    type(line: string, answer: string): void {
      guest.console = '';
      guest.loaded.consoleInput(1, new TextEncoder().encode(`${line}\n`));
      runUntil(guest, answer);
    },
    /** Lets virtual time pass, however it is spent. */
    pass(milliseconds: number): void {
      const end = machine.clock.nanoseconds() + milliseconds * 1e6;
      while (machine.clock.nanoseconds() < end) {
        const stop = machine.runSlice(100_000);
        if (stop.kind === 'idle') machine.skipTo(Math.min(stop.deadline, end));
      }
    },
    gic: () => inspector.inspect('gic', {}) as GicView,
    trace: () => inspector.inspect('gicTrace', {}) as GicTraceView,
    pc: () => machine.cpus[0]?.pc ?? 0n,
  };
}

const sentences = ({ pending }: GicView): string[] =>
  pending.map(({ intid, name, why }) => `${intid} ${name ?? ''}: ${why}`);

for (const version of [2, 3] as const) {
  const v3 = version === 3;

  test(`GICv${version}: nothing is held back at rest, and the trace shows ticks that ended`, async () => {
    const guest = await booted(version);
    guest.pass(50);
    expect(sentences(guest.gic())).toEqual([]);
    const ticks = guest.trace().injections.filter(({ intid }) => intid === TIMER);
    expect(ticks.length).toBeGreaterThan(3);
    expect(ticks.slice(1).every(({ state }) => state === 'ended')).toBe(true);
    const count = guest.trace().counts.find(({ intid }) => intid === TIMER);
    expect(count).toMatchObject({ count: ticks.length, name: 'timer (virtual)', merged: 0 });
    const inPulse = guest.trace().pulse.series.find(({ intid }) => intid === TIMER);
    expect(inPulse?.counts.reduce((sum, one) => sum + one, 0)).toBe(ticks.length);
  });

  test(`GICv${version}: a timer that is disabled in the distributor`, async () => {
    const guest = await booted(version);
    guest.type('trouble timer', 'is disabled');
    guest.pass(50);
    expect(sentences(guest.gic())).toEqual([
      `27 timer (virtual): It is not enabled: bit 27 of ${v3 ? 'GICR_ISENABLER0' : 'GICD_ISENABLER0'} is 0.`,
    ]);
    const before = guest.gic().interrupts.find(({ intid }) => intid === TIMER)?.ended ?? 0;
    guest.type('trouble mend', 'mended');
    guest.pass(50);
    expect(sentences(guest.gic())).toEqual([]);
    expect(guest.gic().interrupts.find(({ intid }) => intid === TIMER)?.ended).toBeGreaterThan(before);
  });

  test(`GICv${version}: a priority mask that keeps every interrupt out`, async () => {
    const guest = await booted(version);
    guest.type('trouble priority', 'for ever');
    guest.pass(50);
    expect(sentences(guest.gic())).toEqual([
      `27 timer (virtual): Its priority 0xa0 is not above the mask: ${v3 ? 'ICC_PMR_EL1' : 'GICC_PMR'} is 0x80.`,
    ]);
  });

  test(`GICv${version}: a loop with PSTATE.I set`, async () => {
    const guest = await booted(version);
    guest.type('trouble spin', 'for ever');
    guest.pass(50);
    expect(sentences(guest.gic())).toEqual([
      `27 timer (virtual): PSTATE.I is 1: vCPU 0 masks IRQs at PC 0x${guest.pc().toString(16)} (EL1).`,
    ]);
  });
}
