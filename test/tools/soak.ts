// A Linux whose code keeps changing, for hours of guest work: programs are copied, executed and removed, modules
// loaded and unloaded, all of the kernel's functions patched for its tracer and back. Prints what the process holds.
//
//   node test/tools/soak.ts [--billions N] [--every N] [--threshold N] [--vcpus N]
//
// Memory that grows from line to line, once the first few billions of instructions have filled what is bounded, is
// a leak. Needs what the boot tests need: Debian's kernel, its modules, and busybox.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareRun } from '../../debug-adapter/node/commands/run-configuration.ts';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import { initramfs, MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { startHeadless } from '../../emulator/index.ts';
import { fetchDebian } from './fetch-debian.ts';

const MIB = 1 << 20;
const MODULES = ['brd.ko', 'loop.ko'];

const INIT = `${MOUNTS}mount -t tmpfs tmpfs /tmp
mkdir -p /trace
mount -t tracefs tracefs /trace
dmesg -n 1
text=$(cat /proc/kallsyms | head -2000)
round=0
while :; do
  for n in 1 2 3 4 5 6; do
    for k in $(seq 8); do
      copy=/tmp/busybox.$round.$n.$k
      cp /bin/busybox $copy
      $copy sha256sum /bin/busybox >/dev/null
      echo "$text" | $copy sort | $copy gzip | $copy md5sum >/dev/null
      $copy ls -lR /proc/self >/dev/null
      rm $copy
    done
    for module in ${MODULES.join(' ')}; do insmod /$module && rmmod \${module%.ko}; done
  done
  echo function >/trace/current_tracer
  ls -lR /proc/self >/dev/null
  echo nop >/trace/current_tracer
  round=$((round+1))
  echo "round $round"
done
`;

const { values } = parseArgs({
  options: {
    billions: { type: 'string', default: '60' },
    every: { type: 'string', default: '1' },
    threshold: { type: 'string', default: '' },
    vcpus: { type: 'string', default: '1' },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'xenscope-soak-'));
try {
  await soak(Number(values.billions), Number(values.every));
} finally {
  rmSync(folder, { recursive: true });
}

async function soak(billions: number, every: number): Promise<void> {
  const { vmlinuz, kernelVersion, busybox, blockModules = '' } = await fetchDebian({ modules: true });
  const files = Object.fromEntries(
    MODULES.map((name) => [`/${name}`, readFileSync(join(blockModules, name))]),
  );
  const config = join(folder, 'soak.cfg');
  const ramdisk = join(folder, 'initramfs.cpio');
  writeFileSync(ramdisk, initramfs({ busybox, files, init: INIT }));
  writeFileSync(config, configText(vmlinuz, ramdisk));

  const { threshold } = values;
  const { machine } = await prepareRun([config], threshold === '' ? {} : { translateThreshold: threshold });
  let rounds = 0;
  const guest = startHeadless(loadEngineModules(), machine, {
    script: [],
    output: (_domain, bytes) => {
      const lines = new TextDecoder().decode(bytes).split('\n');
      rounds = Number(lines.findLast((line) => line.startsWith('round '))?.slice(6) ?? rounds);
      for (const line of lines)
        if (/Kernel panic|Oops|WARNING|sh: |insmod|rmmod/.test(line)) console.log(line);
    },
    log: { log: () => {} },
  });
  console.log(`Debian's kernel ${kernelVersion}; memory in MiB`);
  console.log(
    '   G insn  rounds     rss    heap  RAM in use | regions modules  MiB live | modules made  drops flushes',
  );
  for (let billion = every; billion <= billions; billion += every) {
    while (guest.loaded.machine.engine.instructions < billion * 1e9) {
      const end = guest.turn(1e8);
      if (end) throw new Error(`the guest ended: ${JSON.stringify(end)}`);
    }
    report(billion, rounds, guest.loaded.machine);
  }
}

function report(
  billion: number,
  rounds: number,
  { memory, engine }: ReturnType<typeof startHeadless>['loaded']['machine'],
): void {
  const { rss, heapUsed } = process.memoryUsage();
  const { live, modules, drops, flushes } = engine.statistics ?? {
    live: { regions: 0, modules: 0, bytes: 0 },
    modules: 0,
    drops: { stores: 0, reuse: 0 },
    flushes: 0,
  };
  const cells: readonly (readonly [number, number])[] = [
    [billion, 9],
    [rounds, 8],
    [rss / MIB, 8],
    [heapUsed / MIB, 8],
    [memory.touched() / MIB, 12],
    [live.regions, 10],
    [live.modules, 8],
    [live.bytes / MIB, 10],
    [modules, 15],
    [drops.stores + drops.reuse, 7],
    [flushes, 8],
  ];
  console.log(cells.map(([value, width]) => value.toFixed(0).padStart(width)).join(''));
}

function configText(kernel: string, ramdisk: string): string {
  const keys = {
    name: 'soak',
    kernel,
    ramdisk,
    extra: 'console=hvc0 cryptomgr.notests',
    memory: 256,
    vcpus: Number(values.vcpus),
  };
  return Object.entries(keys)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');
}
