// The board `virt`: its devices are where its device tree says, and the tree is QEMU's as far as
// the devices exist.

import { expect, test } from 'vitest';
import { silentLogger } from '../../../../emulator/base/log.ts';
import { EXTERNAL_ABORT } from '../../../../emulator/devices/register-block.ts';
import type { DeviceTree } from '../../../../emulator/formats/device-tree.ts';
import { readDtb } from '../../../../emulator/formats/dtb.ts';
import { BoardDevices } from '../../../../emulator/machine/boards/board-devices.ts';
import {
  type BoardTreeOptions,
  buildDeviceTree,
} from '../../../../emulator/machine/boards/board-device-tree.ts';
import { virt } from '../../../../emulator/machine/boards/virt.ts';
import { probes, raised, TestClock } from '../../devices/harness.ts';

function tree(options: Partial<BoardTreeOptions> = {}): DeviceTree {
  const blob = buildDeviceTree(virt, {
    cpus: 1,
    memory: 0x2000_0000,
    gic: 3,
    el: 2,
    cmdline: 'console=ttyAMA0',
    model: 'a53',
    ...options,
  });
  return readDtb(blob);
}

/** One line for each property that matters to a driver. */
function properties(dt: DeviceTree, path: string): Record<string, string> {
  const node = dt.node(path);
  if (node === undefined) throw new Error(`no node ${path}`);
  const show = (name: string) =>
    ['compatible', 'method', 'enable-method', 'stdout-path', 'bootargs', 'clock-names'].includes(name)
      ? (node.getStrings(name) ?? []).join(', ')
      : (node.getCells(name) ?? []).map((cell) => cell.toString(16)).join(' ');
  return Object.fromEntries([...node.properties.keys()].map((name) => [name, show(name)]));
}

test('the interrupt controller of a GICv3 board', () => {
  expect(properties(tree(), '/intc@8000000')).toEqual({
    phandle: '8002',
    interrupts: '1 9 4',
    reg: '0 8000000 0 10000 0 80a0000 0 f60000',
    '#redistributor-regions': '1',
    compatible: 'arm,gic-v3',
    ranges: '',
    '#size-cells': '2',
    '#address-cells': '2',
    'interrupt-controller': '',
    '#interrupt-cells': '3',
  });
});

test('the interrupt controller of a GICv2 board, with its hypervisor frames at EL2 only', () => {
  expect(properties(tree({ gic: 2 }), '/intc@8000000')).toMatchObject({
    interrupts: '1 9 4',
    reg: '0 8000000 0 10000 0 8010000 0 10000 0 8030000 0 10000 0 8040000 0 10000',
    compatible: 'arm,cortex-a15-gic',
  });
  const el1 = properties(tree({ gic: 2, el: 1 }), '/intc@8000000');
  expect(el1['reg']).toBe('0 8000000 0 10000 0 8010000 0 10000');
  expect(el1['interrupts']).toBeUndefined();
});

test('the timer names its four interrupts, with the CPU mask that a GICv2 wants', () => {
  expect(properties(tree(), '/timer')['interrupts']).toBe('1 d 4 1 e 4 1 b 4 1 a 4');
  expect(properties(tree({ gic: 2, cpus: 2 }), '/timer')['interrupts']).toBe(
    '1 d 304 1 e 304 1 b 304 1 a 304',
  );
});

test('PSCI is called by SMC from EL2 and by HVC from EL1', () => {
  expect(properties(tree(), '/psci')).toEqual({
    migrate: 'c4000005',
    cpu_on: 'c4000003',
    cpu_off: '84000002',
    cpu_suspend: 'c4000001',
    method: 'smc',
    compatible: 'arm,psci-1.0, arm,psci-0.2, arm,psci',
  });
  expect(properties(tree({ el: 1 }), '/psci')['method']).toBe('hvc');
});

test('UART and clock stand where QEMU has them', () => {
  expect(properties(tree(), '/pl011@9000000')).toEqual({
    'clock-names': 'uartclk, apb_pclk',
    clocks: '8000 8000',
    interrupts: '0 1 4',
    reg: '0 9000000 0 1000',
    compatible: 'arm,pl011, arm,primecell',
  });
  expect(properties(tree(), '/pl031@9010000')['interrupts']).toBe('0 2 4');
});

test('every CPU has a node, and PSCI switches on the others', () => {
  const dt = tree({ cpus: 3 });
  expect(dt.node('/cpus')?.children.map((node) => node.name)).toEqual(['cpu-map', 'cpu@0', 'cpu@1', 'cpu@2']);
  expect(properties(dt, '/cpus/cpu@2')).toMatchObject({
    reg: '2',
    'enable-method': 'psci',
    compatible: 'arm,cortex-a53',
  });
  const handles = dt.node('/cpus/cpu-map/socket0/cluster0')?.children.map((core) => core.getCell('cpu'));
  expect(handles?.map((handle) => dt.byPhandle(handle ?? 0)?.name)).toEqual(['cpu@0', 'cpu@1', 'cpu@2']);
  expect(dt.byPhandle(dt.root.getCell('interrupt-parent') ?? 0)?.name).toBe('intc@8000000');
});

test('/chosen tells the kernel its command line, console, initrd and seeds', () => {
  const dt = tree({
    initrd: { start: 0x4800_0000, end: 0x4810_0000 },
    kaslrSeed: 0x1234_5678_9abc_def0n,
    rngSeed: Uint8Array.of(1, 2, 3, 4),
  });
  expect(properties(dt, '/chosen')).toEqual({
    'linux,initrd-end': '0 48100000',
    'linux,initrd-start': '0 48000000',
    bootargs: 'console=ttyAMA0',
    'stdout-path': '/pl011@9000000',
    'rng-seed': '1020304',
    'kaslr-seed': '12345678 9abcdef0',
  });
  expect(tree().node('/chosen')?.has('kaslr-seed')).toBe(false);
});

test('memory starts at 1 GiB and has the size of the configuration', () => {
  expect(properties(tree({ memory: 0xc000_0000 }), '/memory@40000000')['reg']).toBe('0 40000000 0 c0000000');
});

// ---------------------------------------------------------------- the devices

function devices(gic: 2 | 3, cpus = 1) {
  const clock = new TestClock();
  const processors = Array.from({ length: cpus }, probes);
  const sent: number[] = [];
  const board = new BoardDevices(
    virt,
    { gic, startTime: 1_800_000_000 },
    { clock, processors, console: { write: (byte) => sent.push(byte) }, log: silentLogger },
  );
  return { clock, processors, sent, board, bus: board.bus };
}

test.each([2, 3] as const)('GICv%d: each region of the device tree answers at its first register', (gic) => {
  const { bus } = devices(gic);
  const dt = tree({ gic });
  for (const path of ['/intc@8000000', '/pl011@9000000', '/pl031@9010000']) {
    for (const [base] of dt.node(path)?.getReg() ?? []) {
      expect(bus.read(Number(base), 4, 0)).not.toBe(EXTERNAL_ABORT);
    }
  }
  expect(bus.read(0x0a00_0000, 4, 0)).toBe(EXTERNAL_ABORT);
});

test('a typed byte interrupts a processor with a GICv2', () => {
  const { board, bus, processors } = devices(2);
  bus.write(0x0800_0000, 4, 1, 0, 0);
  bus.write(0x0800_0104, 4, 1 << 1, 0, 0);
  bus.write(0x0801_0004, 4, 0xf0, 0, 0);
  bus.write(0x0801_0000, 4, 1, 0, 0);
  bus.write(0x0900_0038, 4, 0x10, 0, 0);
  board.uart.receive(0x61);
  expect(raised(processors[0]!)).toBe('irq');
  expect(bus.read(0x0801_000c, 4, 0)).toBe(33);
  expect(bus.read(0x0900_0000, 4, 0)).toBe(0x61);
  bus.write(0x0801_0010, 4, 33, 0, 0);
  expect(raised(processors[0]!)).toBe('');
});

test('a timer of the second CPU interrupts that CPU with a GICv3', () => {
  const { board, bus, clock, processors } = devices(3, 2);
  const gic = board.gicV3!;
  bus.write(0x0800_0000, 4, 2, 0, 0);
  const sgiFrame = 0x080a_0000 + 0x2_0000 + 0x1_0000;
  bus.write(sgiFrame + 0x80, 4, -1, 0, 1);
  bus.write(sgiFrame + 0x100, 4, 1 << 27, 0, 1);
  gic.cpus[1]!.physical.priorities.setMask(0xf0);
  gic.cpus[1]!.physical.setEnables(2);

  board.timers[1]!.virtual.writeTimerValue(100);
  board.timers[1]!.virtual.writeControl(1);
  expect(board.nextDeadline()).toBe(1600);
  clock.now = 1600;
  board.update();
  expect(processors.map(raised)).toEqual(['', 'irq']);
  expect(board.nextDeadline()).toBe(Infinity);

  const copy = devices(3, 2);
  copy.clock.now = 1600;
  copy.board.restore(JSON.parse(JSON.stringify(board.save())));
  expect(copy.board.save()).toEqual(board.save());
  expect(copy.processors.map(raised)).toEqual(['', 'irq']);
});

test('what the guest writes to the UART reaches the console', () => {
  const { bus, sent } = devices(3);
  bus.write(0x0900_0000, 1, 0x48, 0, 0);
  expect(sent).toEqual([0x48]);
  expect(bus.read(0x0901_0000, 4, 0)).toBe(1_800_000_000);
});
