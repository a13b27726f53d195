// What watching costs while Debian boots as a domain: every hypercall logged, or counted, or a data breakpoint beside a
// variable that is written all the time, as a ratio to the same boot without it. CPU time of the whole process, the
// adapter and the machine's worker included; the least of several boots in turn.
//
//   node test/tools/event-trace.ts [--rounds N]

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { DirectClient } from '../../debug-adapter/node/direct-client.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

interface Way {
  readonly name: string;
  prepare(client: DirectClient): Promise<void>;
}

const WAYS: readonly Way[] = [
  { name: 'without', prepare: async () => {} },
  {
    name: 'hypercalls logged',
    prepare: async (client) => {
      await client.send('xen/setEventBreakpoints', {
        breakpoints: [{ event: 'hypercall', stage: 'both', action: 'log' }],
      });
    },
  },
  {
    name: 'hypercalls counted',
    prepare: async (client) => {
      await client.send('xen/setEventBreakpoints', {
        breakpoints: [{ event: 'hypercall', action: 'count' }],
      });
    },
  },
  {
    // jiffies is written at every tick; what follows it in the same cache line is not.
    name: 'data breakpoint beside jiffies',
    prepare: async (client) => {
      const info = await client.send('dataBreakpointInfo', { name: 'jiffies + 8', bytes: 8 });
      if (!info?.dataId) throw new Error(info?.description);
      await client.send('setDataBreakpoints', {
        breakpoints: [{ dataId: info.dataId, accessType: 'write', condition: '$old != $new' }],
      });
    },
  },
];

interface Boot {
  readonly seconds: number;
  readonly lines: number;
  readonly stops: number;
}

async function boot(way: Way, files: { vmlinuz: string; symbols: string; ramdisk: string }): Promise<Boot> {
  const client = new DirectClient(nodeHost(() => {}));
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', {
    domains: [
      {
        kernel: files.vmlinuz,
        ramdisk: files.ramdisk,
        cmdline: 'console=hvc0 cryptomgr.notests nokaslr',
        memory: 256,
      },
    ],
    symbols: files.symbols,
  } as Dap.LaunchRequestArguments);
  await client.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }] });
  const atStart = client.next(({ event }) => event === 'stopped');
  await client.send('configurationDone', {});
  await atStart;
  await client.send('setFunctionBreakpoints', { breakpoints: [] });
  await way.prepare(client);
  let lines = 0;
  let stops = 0;
  client.listen(({ event, body }) => {
    if (event === 'output' && body.category === 'console') lines += body.output.split('\n').length - 1;
    if (event !== 'stopped') return;
    stops++;
    void client.send('continue', { threadId: 257 });
  });
  const end = client.next(({ event }) => event === 'terminated');
  const start = process.cpuUsage();
  await client.send('continue', { threadId: 257 });
  await end;
  const { user, system } = process.cpuUsage(start);
  await client.send('disconnect', {});
  return { seconds: (user + system) / 1e6, lines, stops };
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const folder = mkdtempSync(join(tmpdir(), 'xenscope-trace-'));
try {
  const { vmlinux, vmlinuz, busybox } = await fetchDebian({ debugSymbols: true });
  if (vmlinux === undefined) throw new Error("Debian's kernel with debug information is not there");
  const init = `${MOUNTS}cat /proc/uptime\npoweroff -f\n`;
  const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), { busybox, init });
  const best = new Map<string, Boot>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const way of WAYS) {
      const measured = await boot(way, { vmlinuz, symbols: vmlinux, ramdisk });
      const known = best.get(way.name);
      if (!known || measured.seconds < known.seconds) best.set(way.name, measured);
    }
  }
  const base = best.get('without')?.seconds ?? Number.NaN;
  for (const [name, { seconds, lines, stops }] of best) {
    const ratio = (seconds / base).toFixed(2);
    console.log(
      `${name.padEnd(32)} ${seconds.toFixed(2)} s  ratio ${ratio}  ${lines} lines logged, ${stops} stops`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
