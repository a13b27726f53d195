// Counts, INTIDs and names of the interrupt view against /proc/interrupts of Debian's kernel. The kernel is stopped
// each time it prints a line of the file: what the view counts then, the line shows.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { threadIdOf, type XenRequests } from '../../debug-adapter/protocol.ts';
import { TestSession } from '../debug-adapter/support/drive.ts';
import { testWith } from '../tools/external.ts';
import { debian, type Guest, PROMPT } from './debian.ts';

type Gic = XenRequests['xen/gic']['result']['view'];

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

const VCPUS = 2;

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
  readonly domain: number;
  /** What the console shows, without carriage returns. */
  console = '';

  constructor(session: TestSession, domain: number) {
    this.session = session;
    this.domain = domain;
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
    const { body } = await this.session.raw('xen/gic', { domain: this.domain, vcpu, all: true });
    return (body as XenRequests['xen/gic']['result']).view;
  }

  async taken(vcpu: number): Promise<ReadonlyMap<number, Taken>> {
    const { interrupts } = await this.view(vcpu);
    return new Map(
      interrupts.map(({ intid, count = 0, merged = 0, pending, active }) => {
        // Edges of a vGIC that merged are one interrupt to the guest, and one that is pending it has yet to take; on
        // a bare machine what was acknowledged is counted. What is active may be acknowledged and not counted yet.
        const waits = pending && this.domain >= 0;
        const most = count - merged - (waits ? 1 : 0);
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

interface Setting {
  readonly name: string;
  readonly domain: number;
  readonly launch: (guest: Guest) => Record<string, unknown>;
}

const common = ({ vmlinuz, initramfs }: Guest, gicVersion: 2 | 3, console: string) => ({
  kernel: vmlinuz,
  ramdisk: initramfs,
  cmdline: `console=${console} cryptomgr.notests`,
  memory: 256,
  gicVersion,
});

const settings: readonly Setting[] = [
  ...([3, 2] as const).map((version) => ({
    name: `domU, GICv${version}`,
    domain: 1,
    launch: (guest: Guest) => ({
      domains: [{ name: 'debian', ...common(guest, version, 'hvc0'), vcpus: VCPUS }],
    }),
  })),
  ...([3, 2] as const).map((version) => ({
    name: `bare, GICv${version}`,
    domain: -1,
    launch: (guest: Guest) => ({ bare: { ...common(guest, version, 'ttyAMA0'), cpus: VCPUS } }),
  })),
];

async function booted(guest: Guest, { domain, launch }: Setting): Promise<DebianSession> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', launch(guest) as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('configurationDone', {});
  const running = new DebianSession(session, domain);
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

for (const setting of settings) {
  testWith([debian], `/proc/interrupts says what the view says (${setting.name})`, async (guest) => {
    const machine = await booted(guest, setting);
    const { session, domain } = machine;
    const threadId = threadIdOf(domain, 0);
    await session.send('pause', { threadId });
    expect(await machine.until('nothing of the kind')).toBe('stopped');
    const { breakpoints } = await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'show_interrupts' }],
    });
    expect(breakpoints).toMatchObject([{ verified: true }]);
    await session.raw('xen/console', { domain, text: 'cat /proc/interrupts; echo the\\ end\n' });
    await session.send('continue', { threadId });

    const moments: Moment[] = [];
    while ((await machine.until('the end\n')) === 'stopped') {
      moments.push(await machine.moment());
      await session.send('continue', { threadId });
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
  'pl011@9000000': 'uart-pl011',
  'pl031@9010000': 'rtc-pl031',
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
    expect(row).toMatchObject({ enabled: true, type: sgi ? 'SGI' : intid < 32 ? 'PPI' : 'SPI' });
    if (wired) expect(LINUX_NAMES[row?.name ?? '']).toBe(wired[3]);
    // The moment when this line was begun for the last time, and the next one. IPIs are printed behind all lines.
    const last = moments.findLastIndex(({ line }) => (sgi ? line < Infinity : line === Number(label)));
    const [before, after] = [moments[last], moments[last + 1]];
    // A shared interrupt has one count, whoever took it.
    const shown = intid < 32 ? counts : [counts.reduce((sum, count) => sum + count, 0)];
    shown.forEach((count, vcpu) => {
      const least = before?.taken[vcpu]?.get(intid)?.least ?? NaN;
      const most = after?.taken[vcpu]?.get(intid)?.most ?? NaN;
      expect(count).toBeGreaterThanOrEqual(least);
      expect(count).toBeLessThanOrEqual(most);
      compared++;
      if (least === most) exact++;
    });
  }
  console.log(`${compared} counts compared, ${exact} of them exactly`);
  // Timer and seven interrupts between CPUs, on two vCPUs, and one of events or of the UART.
  expect(compared).toBeGreaterThanOrEqual(2 * (1 + 7) + 1);
  expect(exact).toBeGreaterThan(compared / 2);
}
