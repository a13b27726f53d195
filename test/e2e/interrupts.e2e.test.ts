// Counts, INTIDs and names of the interrupt view against /proc/interrupts of Debian's kernel. The kernel is stopped
// each time it prints a line of the file: what the view counts then, the line shows.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import type { XenRequests } from '../../debug-adapter/protocol.ts';
import { TestSession } from '../debug-adapter/support/drive.ts';
import { testWith } from '../tools/external.ts';
import { debian, type Guest, PROMPT } from './debian.ts';

type Gic = XenRequests['xen/gic']['result']['view'];

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

const VCPUS = 2;
const THREAD = 257;

/** How many times a vCPU has taken an interrupt, as the view knows it. */
interface Taken {
  readonly least: number;
  readonly most: number;
}

/** Of both vCPUs by INTID, when the kernel was about to print a line. */
interface Moment {
  /** The number of the line, which is Linux's number of the interrupt. */
  readonly line: number;
  readonly taken: readonly ReadonlyMap<number, Taken>[];
}

class DebianSession {
  readonly session: TestSession;
  /** What the console shows, without carriage returns. */
  console = '';

  constructor(session: TestSession) {
    this.session = session;
  }

  /** Waits for a text on the console, or a stop; says which it was. */
  async until(text: string): Promise<'printed' | 'stopped'> {
    const from = this.console.length;
    const { event } = await this.session.untilOne(({ event: name, body }) => {
      if (name === 'xen/consoleData') this.console += (body as { text: string }).text.replaceAll('\r', '');
      return name === 'stopped' || this.console.includes(text, from);
    });
    return event === 'stopped' ? 'stopped' : 'printed';
  }

  async view(vcpu: number): Promise<Gic> {
    const { body } = await this.session.raw('xen/gic', { domain: 1, vcpu, all: true });
    return (body as XenRequests['xen/gic']['result']).view;
  }

  async taken(vcpu: number): Promise<ReadonlyMap<number, Taken>> {
    const { interrupts } = await this.view(vcpu);
    return new Map(
      interrupts.map(({ intid, count = 0, merged = 0, pending, active }) => {
        // Edges that merged are one interrupt to the guest, and one that is pending it has yet to take. What is
        // active it may have acknowledged and not counted yet.
        const most = count - merged - (pending ? 1 : 0);
        return [intid, { least: most - (active ? 1 : 0), most }] as const;
      }),
    );
  }

  /** show_interrupts(seq_file, loff_t *line) is entered. */
  async moment(): Promise<Moment> {
    const { result } = await this.session.send('evaluate', { expression: '*$x1' });
    return {
      line: Number(result),
      taken: await Promise.all(Array.from({ length: VCPUS }, (_, vcpu) => this.taken(vcpu))),
    };
  }
}

async function booted(guest: Guest, gicVersion: 2 | 3): Promise<DebianSession> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', {
    domains: [
      {
        name: 'debian',
        kernel: guest.vmlinuz,
        ramdisk: guest.initramfs,
        cmdline: 'console=hvc0 cryptomgr.notests',
        memory: 256,
        vcpus: VCPUS,
        gicVersion,
      },
    ],
  } as unknown as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('configurationDone', {});
  const running = new DebianSession(session);
  expect(await running.until(PROMPT)).toBe('printed');
  return running;
}

interface Line {
  /** The first column: a number of Linux's, or `IPI0`. */
  readonly label: string;
  readonly counts: readonly number[];
  readonly rest: string;
}

function lines(text: string): Line[] {
  return [...text.matchAll(/^ *(\w+): +(\d+) +(\d+) +(.*)$/gm)].map(
    ([, label = '', one, other, rest = '']) => ({
      label,
      counts: [Number(one), Number(other)],
      rest,
    }),
  );
}

for (const gicVersion of [3, 2] as const) {
  testWith([debian], `/proc/interrupts says what the view says (GICv${gicVersion})`, async (guest) => {
    const machine = await booted(guest, gicVersion);
    const { session } = machine;
    await session.send('pause', { threadId: THREAD });
    expect(await machine.until('nothing of the kind')).toBe('stopped');
    const { breakpoints } = await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'show_interrupts' }],
    });
    expect(breakpoints).toMatchObject([{ verified: true }]);
    await session.raw('xen/console', { domain: 1, text: 'cat /proc/interrupts; echo the\\ end\n' });
    await session.send('continue', { threadId: THREAD });

    const moments: Moment[] = [];
    while ((await machine.until('the end\n')) === 'stopped') {
      moments.push(await machine.moment());
      await session.send('continue', { threadId: THREAD });
    }
    const end: Moment = {
      line: Infinity,
      taken: await Promise.all([0, 1].map((vcpu) => machine.taken(vcpu))),
    };
    check(lines(machine.console), [...moments, end], await machine.view(0));
  });
}

/** What Linux calls what the view calls by its node. */
const LINUX_NAMES: Readonly<Record<string, string>> = {
  'timer (virtual)': 'arch_timer',
  'Xen event channel': 'events',
};

function check(printed: readonly Line[], moments: readonly Moment[], view: Gic): void {
  let compared = 0;
  let exact = 0;
  for (const { label, counts, rest } of printed) {
    // `GICv3 27 Level arch_timer` (`GIC-0` is a GICv2), and for the interrupts between CPUs `IPI0 … Rescheduling interrupts`.
    const wired = /^GIC(?:v3|-0) +(\d+) +(Level|Edge) +(\S+)/.exec(rest);
    const sgi = /^IPI(\d)$/.exec(label);
    const intid = Number(wired?.[1] ?? sgi?.[1] ?? NaN);
    if (Number.isNaN(intid)) continue;
    const row = view.interrupts.find((one) => one.intid === intid);
    expect(row).toMatchObject({ enabled: true, type: sgi ? 'SGI' : 'PPI' });
    if (wired) expect(LINUX_NAMES[row?.name ?? '']).toBe(wired[3]);
    // The moment when this line was begun for the last time, and the next one. IPIs are printed behind all lines.
    const last = moments.findLastIndex(({ line }) => (sgi ? line < Infinity : line === Number(label)));
    const [before, after] = [moments[last], moments[last + 1]];
    counts.forEach((count, vcpu) => {
      const least = before?.taken[vcpu]?.get(intid)?.least ?? NaN;
      const most = after?.taken[vcpu]?.get(intid)?.most ?? NaN;
      expect(count).toBeGreaterThanOrEqual(least);
      expect(count).toBeLessThanOrEqual(most);
      compared++;
      if (least === most) exact++;
    });
  }
  console.log(`${compared} counts compared, ${exact} of them exactly`);
  // Two wired interrupts and seven between CPUs, on two vCPUs.
  expect(compared).toBe(2 * (2 + 7));
  expect(exact).toBeGreaterThan(compared / 2);
}
