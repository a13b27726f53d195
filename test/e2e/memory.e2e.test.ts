// What the debugger says of a Linux guest's memory, against second sources at the same stop: the guest's own
// /proc/iomem, and a walk of its page tables by a script that shares no code with this project.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parseLaunchConfiguration } from '../../debug-adapter/configuration.ts';
import { prepareLaunch } from '../../debug-adapter/machine/launch.ts';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { createInspector, type Inspections, startHeadless } from '../../emulator/index.ts';
import { writeDtb } from '../../emulator/formats/dtb.ts';
import { deviceTreeOf } from '../../emulator/machine/boards/board-device-tree.ts';
import { virt } from '../../emulator/machine/boards/virt.ts';
import type { LoadedMachine } from '../../emulator/machine/guest.ts';
import { stateHash } from '../../emulator/machine/state-hash.ts';
import * as layout from '../../emulator/memory/layout.ts';
import { external, testWith } from '../tools/external.ts';
import { folder } from './console.ts';
import { debian, type Guest, PROMPT, xlConfig } from './debian.ts';

const python = await external('python3', () =>
  spawnSync('python3', ['--version']).status === 0 ? 'python3' : undefined,
);

/** Each kind of address is asked for this many times. */
const ADDRESSES = 120;

interface Booted {
  readonly loaded: LoadedMachine;
  readonly console: string;
}

/** Linux at its shell prompt, once it has answered a command. */
async function booted(guest: Guest, vuart: boolean): Promise<Booted> {
  const config = join(folder, `memory-${vuart}.cfg`);
  writeFileSync(config, `${xlConfig(guest, { gic: 3, vcpus: 2 })}${vuart ? 'vuart = "sbsa_uart"\n' : ''}`);
  const { machine } = await prepareLaunch(
    nodeHost(() => {}),
    parseLaunchConfiguration({ config }, 'the test'),
  );
  let console = '';
  const run = startHeadless(loadEngineModules(), machine, {
    script: [{ until: PROMPT, type: 'cat /proc/iomem\n' }, { until: 'System RAM' }, { until: PROMPT }],
    output: (_domain, bytes) => (console += new TextDecoder().decode(bytes)),
    log: { log: () => {} },
    maxInstructions: 3e9,
  });
  while (!run.turn(10_000_000));
  return { loaded: run.loaded, console };
}

/** Lines such as `40000000-4fffffff : System RAM`, unindented ones only. */
function iomem(console: string, name: string): [number, number][] {
  return [...console.matchAll(/^([0-9a-f]{8,})-([0-9a-f]{8,}) : (.+?)\r?$/gm)]
    .filter(([, , , what]) => what === name)
    .map(([, from = '', to = '']) => [Number.parseInt(from, 16), Number.parseInt(to, 16)]);
}

type Views = { [Name in keyof Inspections]: Inspections[Name]['view'] };

function inspect<Name extends keyof Inspections>(
  loaded: LoadedMachine,
  name: Name,
  args: Inspections[Name]['arguments'],
): Views[Name] {
  const inspector = inspectors.get(loaded) ?? createInspector(loaded);
  inspectors.set(loaded, inspector);
  return inspector.inspect(name, { ...args }) as Views[Name];
}

const inspectors = new WeakMap<LoadedMachine, ReturnType<typeof createInspector>>();

/** First and last bytes of ranges, neighbours joined. */
function extents(view: Views['memoryMap'], wanted: (range: Views['memoryMap']['ranges'][number]) => boolean) {
  const found: [number, number][] = [];
  for (const range of view.ranges.filter(wanted)) {
    const from = Number(range.ipa);
    const to = from + Number(range.size) - 1;
    const last = found.at(-1);
    if (last && last[1] + 1 === from) last[1] = to;
    else found.push([from, to]);
  }
  return found;
}

testWith(
  [debian],
  'the map has RAM, GIC and UART where the guest lists them in /proc/iomem',
  async (guest: Guest) => {
    const { loaded, console } = await booted(guest, true);
    const view = inspect(loaded, 'memoryMap', {});
    expect(extents(view, ({ kind }) => kind === 'ram' || kind === 'shared-info')).toEqual(
      iomem(console, 'System RAM'),
    );
    expect(extents(view, ({ name }) => name === 'GIC distributor')).toEqual(iomem(console, 'GICD'));
    expect(extents(view, ({ name }) => name === 'GIC redistributors')).toEqual(iomem(console, 'GICR'));
    const uarts = [...console.matchAll(/^22000000-22000fff : /gm)];
    expect(uarts).toHaveLength(1);
    expect(extents(view, ({ name }) => name === 'vPL011')).toEqual([[0x2200_0000, 0x2200_0fff]]);
  },
);

testWith(
  [debian, python],
  'an independent walk over a memory dump finds the same addresses and the same faults',
  async (guest: Guest, interpreter: string) => {
    const { loaded } = await booted(guest, false);
    const before = stateHash(loaded);
    const addresses = interestingAddresses(loaded);
    const theirs = walkedByScript(interpreter, loaded, addresses);
    const ours = addresses.map((address) => {
      const { result, fault } = inspect(loaded, 'walk', { address, el: 1, pan: false });
      return result ? { ipa: result.ipa, pa: result.pa } : { stage: fault?.stage, level: fault?.level };
    });
    expect(ours).toEqual(theirs);
    expect(theirs.filter((answer) => 'pa' in answer).length).toBeGreaterThan(3 * ADDRESSES);
    expect(theirs.filter((answer) => 'level' in answer).length).toBeGreaterThan(ADDRESSES);
    // The kernels translate them so as well.
    const { machine } = loaded;
    for (const [n, address] of addresses.entries()) {
      const pa = machine.withCpu(0, () => machine.engine.kernels.probe(BigInt(address), 1, 0));
      expect(pa).toBe(BigInt(ours[n]?.pa ?? -1));
    }
    expect(stateHash(loaded)).toBe(before);
  },
);

testWith([debian], 'under a real Xen at EL2 the map is read from its tables', async (guest: Guest) => {
  const { loaded, console } = await underRealXen(guest);
  const view = inspect(loaded, 'memoryMap', {});
  const said = (pattern: RegExp): number => Number(pattern.exec(console)?.[1]);
  expect(view.bits).toBe(said(/P2M: (\d+)-bit IPA/));
  expect(Number(view.stage2?.vtcr)).toBe(said(/VTCR (0x[0-9a-f]+)/));
  const kilobytes = Number.parseInt(/LOADING DOMU cpus=1 memory=([0-9a-f]+)KB/.exec(console)?.[1] ?? '', 16);
  const last = 0x4000_0000 + kilobytes * 1024 - 1;
  expect(extents(view, ({ kind }) => kind === 'ram')).toEqual([[0x4000_0000, last]]);
  expect(view.notes).toEqual([expect.stringContaining('is not ours')]);

  // Xen clears bit 0 of entries when a guest flushes caches by set/way, to learn what it touches.
  const kept = view.ranges.find(({ note }) => note?.startsWith('Bit 0 of the entry is clear'));
  const { fault } = inspect(loaded, 'walk', { ipa: kept?.ipa ?? '0' });
  expect(fault?.why).toContain('with bit 0 clear');
  expect(fault?.consequence).toContain('p2m type 1 (p2m_ram_rw: RAM of the domain): a Xen makes it valid');
});

/** Debian's Xen on the bare machine, with Debian's kernel as a guest that Xen itself starts (dom0less). */
async function underRealXen(guest: Guest): Promise<Booted> {
  const { machine } = await prepareLaunch(
    nodeHost(() => {}),
    parseLaunchConfiguration(
      { bare: { kernel: guest.xen, ramdisk: guest.vmlinuz, memory: 512, el: 2, gicVersion: 3 } },
      'the test',
    ),
  );
  const { bare } = machine;
  if (!bare) throw new Error('a bare machine was asked for');
  // Where the board puts a ramdisk, which is the guest's kernel here.
  const kernelAt = virt.ram.base + (128 << 20);
  const tree = deviceTreeOf(virt, {
    cpus: 1,
    memory: bare.memory,
    gic: 3,
    el: 2,
    cmdline: 'console=dtuart dtuart=/pl011@9000000',
    model: 'a53',
  });
  const chosen = tree.root.children.find(({ name }) => name === 'chosen');
  const domain = chosen?.cells('#address-cells', 2).cells('#size-cells', 2).add('domU1');
  domain
    ?.strings('compatible', 'xen,domain')
    .cells('#address-cells', 2)
    .cells('#size-cells', 2)
    .cells('memory', 0, 64 * 1024)
    .cells('cpus', 1)
    .flag('vpl011');
  domain
    ?.add(`module@${kernelAt.toString(16)}`)
    .strings('compatible', 'multiboot,kernel', 'multiboot,module')
    .reg([[kernelAt, bare.ramdisk?.bytes.length ?? 0]])
    .strings('bootargs', 'console=ttyAMA0');
  let console = '';
  const run = startHeadless(
    loadEngineModules(),
    { ...machine, bare: { ...bare, deviceTree: { name: 'tree', bytes: writeDtb(tree) } } },
    {
      script: [{ until: 'smp: Brought up 1 node' }],
      output: (_domain, bytes) => (console += new TextDecoder().decode(bytes)),
      log: { log: () => {} },
      maxInstructions: 3e9,
    },
  );
  while (!run.turn(10_000_000));
  return { loaded: run.loaded, console };
}

/** Kernel text, its linear map, vmalloc, user space, all at random places, and addresses where nothing is. */
function interestingAddresses(loaded: LoadedMachine): string[] {
  const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;
  let state = 1n;
  const below = (limit: bigint): bigint => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return (state >> 11n) % limit;
  };
  const times = (make: () => bigint): string[] => Array.from({ length: ADDRESSES }, () => hex(make()));
  const inRanges = (ranges: Views['stage1Map']['ranges']): string[] =>
    times(() => {
      const range = ranges[Number(below(BigInt(ranges.length)))];
      return BigInt(range?.va ?? 0) + below(BigInt(range?.size ?? 1));
    });
  const kernel = inspect(loaded, 'stage1Map', { which: 'ttbr1' }).ranges;
  const user = inspect(loaded, 'stage1Map', { which: 'ttbr0' }).ranges;
  return [
    ...inRanges(kernel.filter(({ kind }) => kind === 'kernel-code')),
    ...inRanges(kernel),
    ...inRanges(user),
    // Linear map: 256 MiB of RAM at its begin.
    ...times(() => -(1n << 48n) + below(256n << 20n)),
    // What vmalloc and modules have, with gaps.
    ...times(() => 0xffff_8000_0800_0000n + below(64n << 20n)),
    ...times(() => below(1n << 48n)),
    ...times(() => below(1n << 64n)),
  ];
}

type Walked = { ipa: string; pa: string } | { stage: number; level: number };

function walkedByScript(
  interpreter: string,
  { machine }: LoadedMachine,
  addresses: readonly string[],
): Walked[] {
  const place = mkdtempSync(join(tmpdir(), 'xenscope-dump-'));
  try {
    const dump = join(place, 'ram');
    const { memory, cpus } = machine;
    writeFileSync(dump, memory.bytes(memory.base, memory.size));
    const { TCR_EL1, TTBR0_EL1, TTBR1_EL1, VTCR_EL2, VTTBR_EL2 } = layout;
    const registers = Object.fromEntries(
      Object.entries({ TCR_EL1, TTBR0_EL1, TTBR1_EL1, VTCR_EL2, VTTBR_EL2 }).map(([name, register]) => [
        name,
        `0x${(cpus[0]?.sysreg(register) ?? 0n).toString(16)}`,
      ]),
    );
    const question = { dump, base: `0x${memory.base.toString(16)}`, registers, addresses };
    const { stdout, stderr } = spawnSync(interpreter, [join(import.meta.dirname, 'page-walk.py')], {
      input: JSON.stringify(question),
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as Walked[];
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
