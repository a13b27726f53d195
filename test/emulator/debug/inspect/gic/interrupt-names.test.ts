import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { interruptNames } from '../../../../../emulator/debug/inspect/gic/interrupt-names.ts';
import { DeviceTree, type DeviceTreeNode } from '../../../../../emulator/formats/device-tree.ts';
import { writeDtb } from '../../../../../emulator/formats/dtb.ts';
import { buildDeviceTree } from '../../../../../emulator/machine/boards/board-device-tree.ts';
import { virt } from '../../../../../emulator/machine/boards/virt.ts';
import { guestTree } from '../../../../../emulator/xen/toolstack/guest-tree.ts';

/** Device trees recorded on a real Xen 4.17. */
const golden = join(import.meta.dirname, '../../../xen/toolstack/golden');

const GIC = 1;

function named(build: (root: DeviceTreeNode) => void): Record<number, string> {
  const tree = new DeviceTree();
  tree.root
    .cells('interrupt-parent', GIC)
    .add('intc@8000000')
    .strings('compatible', 'arm,gic-v3')
    .cells('#interrupt-cells', 3)
    .cells('phandle', GIC);
  build(tree.root);
  return namesOf(writeDtb(tree));
}

const namesOf = (blob: Uint8Array): Record<number, string> =>
  Object.fromEntries([...interruptNames(blob)].map(([intid, { name }]) => [intid, name]));

test('a domain of libxl: the names and INTIDs are those of a real Xen', () => {
  for (const file of ['domU-xl-gicv2.dts', 'domU-xl-gicv3.dts', 'domU-xl-2vcpu-vuart-gicv3.dts']) {
    const recorded = interruptsIn(readFileSync(join(golden, file), 'utf8'));
    const expected: Record<number, string> = {};
    recorded.get('timer')?.forEach((intid, index) => {
      expected[intid] = `timer (${['secure physical', 'physical', 'virtual'][index]})`;
    });
    recorded.get('hypervisor')?.forEach((intid) => (expected[intid] = 'Xen event channel'));
    recorded.get('sbsa-pl011')?.forEach((intid) => (expected[intid] = 'vpl011'));
    const tree = guestTree({
      cmdline: '',
      memory: 256 << 20,
      vcpus: 2,
      gicVersion: file.includes('gicv2') ? 2 : 3,
      vuart: file.includes('vuart'),
      ipaBits: 40,
      rngSeed: new Uint8Array(128),
      ramdisk: undefined,
    });
    expect(Object.keys(expected).length).toBeGreaterThanOrEqual(4);
    expect(namesOf(writeDtb(tree))).toEqual(expected);
  }
});

/** INTIDs by node, from the text of a device tree: three cells for each interrupt. */
function interruptsIn(source: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [, node = '', body = ''] of source.matchAll(/^\t([\w-]+) \{\n(.*?)^\t\};/gms)) {
    const cells = /interrupts = <([^>]*)>/.exec(body)?.[1]?.split(' ').map(Number) ?? [];
    for (let at = 0; at < cells.length; at += 3) {
      const intid = (cells[at + 1] ?? 0) + (cells[at] === 1 ? 16 : 32);
      found.set(node, [...(found.get(node) ?? []), intid]);
    }
  }
  return found;
}

test('the board: timers, UART, clock and the maintenance interrupt', () => {
  for (const gic of [2, 3] as const) {
    const options = { cpus: 2, memory: 64 << 20, gic, el: 2, cmdline: '', model: 'a53' } as const;
    expect(namesOf(buildDeviceTree(virt, options))).toEqual({
      25: 'GIC maintenance',
      26: 'timer (hypervisor)',
      27: 'timer (virtual)',
      29: 'timer (secure physical)',
      30: 'timer (physical)',
      33: 'pl011@9000000',
      34: 'pl031@9010000',
    });
  }
});

test('a node names its own interrupts, numbers them otherwise, and a label goes before its name', () => {
  const names = named((root) => {
    root.add('mmc@1000').cells('interrupts', 0, 5, 4, 0, 6, 4).strings('interrupt-names', 'command', 'data');
    root.add('dma@2000').cells('interrupts', 0, 7, 4, 0, 8, 4);
    root.add('serial@3000').cells('interrupts', 0, 9, 4);
    root.add('__symbols__').strings('uart0', '/serial@3000');
  });
  expect(names).toEqual({
    37: 'mmc@1000 (command)',
    38: 'mmc@1000 (data)',
    39: 'dma@2000 (0)',
    40: 'dma@2000 (1)',
    41: 'uart0',
  });
});

test('interrupts of another controller are none of the GIC; interrupts-extended says which is meant', () => {
  const names = named((root) => {
    root.add('gpio@1000').cells('phandle', 2).cells('#interrupt-cells', 2).cells('interrupts', 0, 1, 4);
    root.add('button').cells('interrupt-parent', 2).cells('interrupts', 3, 1);
    root.add('both').cells('interrupts-extended', 2, 4, 1, GIC, 1, 2, 4);
  });
  expect(names).toEqual({ 33: 'gpio@1000', 18: 'both (1)' });
});

test('a parent without a known controller, or specifiers that end early, name nothing', () => {
  const names = named((root) => {
    root.add('lost').cells('interrupt-parent', 99).cells('interrupts', 0, 1, 4);
    root.add('short').cells('interrupts', 0, 1);
    root.add('odd').bytes('interrupts', new Uint8Array([0, 0, 0, 0, 0, 0, 1]));
    root.add('far').cells('interrupts', 0, 0xffff_ffff, 4, 7, 1, 4);
  });
  expect(names).toEqual({});
});

test('what is no device tree gives no names, and a damaged one does not fail', () => {
  expect(interruptNames(undefined).size).toBe(0);
  expect(interruptNames(new Uint8Array(100)).size).toBe(0);
  const options = { cpus: 1, memory: 64 << 20, gic: 3, el: 1, cmdline: '', model: 'a53' } as const;
  const blob = buildDeviceTree(virt, options);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), { maxLength: 20 }), (changes) => {
      const damaged = blob.slice();
      for (const [at, value] of changes) damaged[at] = value;
      for (const [intid, { name }] of interruptNames(damaged)) {
        expect(intid).toBeGreaterThanOrEqual(16);
        expect(typeof name).toBe('string');
      }
    }),
    { numRuns: 300 },
  );
});

test('a tree with many interrupts in a node costs nothing much', () => {
  const names = named((root) => {
    root.add('greedy').bytes('interrupts', new Uint8Array(3_000_000));
  });
  expect(Object.keys(names)).toEqual(['32']);
});
