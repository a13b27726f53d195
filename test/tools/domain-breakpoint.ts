// Two Debian guests of one kernel, busy with opening files, and a breakpoint in do_sys_openat2 of one of them: does the
// machine ever stop in the other?
//
//   node test/tools/domain-breakpoint.ts [STOPS]

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { DirectClient } from '../../debug-adapter/node/direct-client.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { type DebianFiles, fetchDebian } from './fetch-debian.ts';

const FUNCTION = 'do_sys_openat2';
const PROMPT = '~ # ';
/** Says now and then that it got somewhere. */
const BUSY =
  'n=0; while n=$((n+1)); do cat /proc/uptime > /dev/null; [ $((n % 5)) = 0 ] && echo round $n; done';
const WANTED = 2;
const OTHER = 1;

interface Counts {
  /** Stops by domain. */
  readonly stops: ReadonlyMap<number, number>;
  /** How many rounds the other guest made meanwhile, each with several calls of the function. */
  readonly otherRounds: number;
}

/** Lets the machine run and stop that often. */
export async function stopsInTwoGuests(files: DebianFiles, wanted: number): Promise<Counts> {
  const work = mkdtempSync(join(tmpdir(), 'xenscope-domains-'));
  const ramdisk = join(work, 'initramfs.cpio');
  writeInitramfs(ramdisk, { busybox: files.busybox });
  const guest = (name: string) => ({
    name,
    kernel: files.vmlinuz,
    ramdisk,
    cmdline: 'console=hvc0 cryptomgr.notests',
    memory: 256,
  });
  const client = new DirectClient();
  const consoles = new Map<number, string>();
  client.listen(({ event, body }) => {
    if (event !== 'xen/consoleData') return;
    const { domain, text } = body as { domain: number; text: string };
    consoles.set(domain, (consoles.get(domain) ?? '') + text);
  });
  try {
    await client.send('initialize', { adapterID: 'xen' });
    const launch = { domains: [guest('first'), guest('second')], sessions: 'single' };
    await client.send('launch', launch as Dap.LaunchRequestArguments);
    await client.send('configurationDone', {});
    await client.next(() => [OTHER, WANTED].every((domain) => consoles.get(domain)?.includes(PROMPT)));
    for (const domain of [OTHER, WANTED]) await client.send('xen/console', { domain, text: `${BUSY}\n` });
    await client.next(() => [OTHER, WANTED].every((domain) => consoles.get(domain)?.includes('\nround 5')));
    const before = roundsOf(consoles.get(OTHER));
    const stops = new Map<number, number>();
    const breakpoints = [{ name: `d${WANTED}!${FUNCTION}` }];
    let stopped = client.next(({ event }) => event === 'stopped');
    await client.send('setFunctionBreakpoints', { breakpoints });
    for (let count = 0; count < wanted; count++) {
      const { threadId } = (await stopped).body as { threadId: number };
      const domain = (threadId - 1) >> 8;
      stops.set(domain, (stops.get(domain) ?? 0) + 1);
      stopped = client.next(({ event }) => event === 'stopped');
      await client.send('continue', { threadId });
    }
    await stopped;
    return { stops, otherRounds: roundsOf(consoles.get(OTHER)) - before };
  } finally {
    await client.send('disconnect', {});
    rmSync(work, { recursive: true, force: true });
  }
}

const roundsOf = (text = ''): number =>
  Number(/(\d+)(?!.*round \d)/s.exec(text.slice(text.lastIndexOf('round ')))?.[1]);

if (import.meta.main) {
  const wanted = Number(process.argv[2] ?? 1000);
  const { stops, otherRounds } = await stopsInTwoGuests(await fetchDebian(), wanted);
  const inTime = process.cpuUsage();
  console.log(
    `${stops.get(WANTED) ?? 0} of ${wanted} stops in d${WANTED}, where they were asked for; ` +
      `d${OTHER} made ${otherRounds} rounds meanwhile; ${((inTime.user + inTime.system) / 1e6).toFixed(1)} CPU seconds`,
  );
  if (stops.get(WANTED) !== wanted) process.exitCode = 1;
}
