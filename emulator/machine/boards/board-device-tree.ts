// The device tree of a board, as firmware hands it to a bare kernel. Order, names and values are
// those of QEMU's `virt` machine as far as the devices exist here, so that the two can be compared.
// Bindings: Documentation/devicetree/bindings of Linux.

import { hex } from '../../base/address.ts';
import { DeviceTree, type DeviceTreeNode } from '../../formats/device-tree.ts';
import { writeDtb } from '../../formats/dtb.ts';
import { PSCI_CPU_OFF, PSCI_CPU_ON_64, PSCI_CPU_SUSPEND_64, PSCI_MIGRATE_64 } from '../psci.ts';
import { affinityOf, type Board, type BoardPart, type GicVersion } from './board.ts';

export interface BoardTreeOptions {
  readonly cpus: number;
  /** Bytes of RAM. */
  readonly memory: number;
  readonly gic: GicVersion;
  /** Where the kernel is entered: it calls PSCI by SMC from EL2, by HVC from EL1. */
  readonly el: 1 | 2;
  readonly cmdline: string;
  /** Physical addresses; `end` is the first byte behind it. */
  readonly initrd?: { readonly start: number; readonly end: number };
  /** /chosen/kaslr-seed; without it the kernel stays where it is. */
  readonly kaslrSeed?: bigint;
  /** /chosen/rng-seed, for the kernel's entropy pool. */
  readonly rngSeed?: Uint8Array;
  readonly model: 'a53' | 'max';
}

const PHANDLE_CLOCK = 0x8000;
const PHANDLE_FIRST_CPU = 0x8001;

const SPI = 0;
const PPI = 1;
const LEVEL_HIGH = 4;

const CPU_COMPATIBLE = { a53: 'arm,cortex-a53', max: 'arm,armv8' };

/** The tree as a blob. */
export function buildDeviceTree(board: Board, options: BoardTreeOptions): Uint8Array {
  return writeDtb(deviceTreeOf(board, options));
}

/** The tree before it becomes a blob, for those who add to it. */
export function deviceTreeOf(board: Board, options: BoardTreeOptions): DeviceTree {
  const tree = new DeviceTree();
  const { root } = tree;
  const { base } = board.ram;
  root.cells('interrupt-parent', gicPhandle(options));
  root.strings('model', board.compatible);
  root.cells('#size-cells', 2);
  root.cells('#address-cells', 2);
  root.strings('compatible', board.compatible);

  addPsci(root, options);
  root
    .add(`memory@${base.toString(16)}`)
    .reg([[base, options.memory]])
    .strings('device_type', 'memory');
  for (const part of board.parts) addPart(root, part);
  addInterruptController(root, board, options);
  addCpus(root, board, options);
  addTimer(root, board, options);
  root
    .add('apb-pclk')
    .cells('phandle', PHANDLE_CLOCK)
    .strings('clock-output-names', 'clk24mhz')
    .cells('clock-frequency', board.peripheralClock)
    .cells('#clock-cells', 0)
    .strings('compatible', 'fixed-clock');
  addChosen(root, board, options);
  return tree;
}

function addPsci(root: DeviceTreeNode, { el }: BoardTreeOptions): void {
  root
    .add('psci')
    .cells('migrate', PSCI_MIGRATE_64)
    .cells('cpu_on', PSCI_CPU_ON_64)
    .cells('cpu_off', PSCI_CPU_OFF)
    .cells('cpu_suspend', PSCI_CPU_SUSPEND_64)
    .strings('method', el === 2 ? 'smc' : 'hvc')
    .strings('compatible', 'arm,psci-1.0', 'arm,psci-0.2', 'arm,psci');
}

function addPart(root: DeviceTreeNode, part: BoardPart): void {
  root
    .add(partName(part))
    .strings('clock-names', ...part.clocks)
    .cells('clocks', ...part.clocks.map(() => PHANDLE_CLOCK))
    .cells('interrupts', SPI, part.interrupt.spi, LEVEL_HIGH)
    .reg([[part.base, part.size]])
    .strings('compatible', ...part.compatible);
}

function addInterruptController(root: DeviceTreeNode, board: Board, options: BoardTreeOptions): void {
  const { gicV2, gicV3 } = board;
  const controller = root.add(`intc@${gicV3.distributor.base.toString(16)}`);
  controller.cells('phandle', gicPhandle(options));
  if (options.el === 2) {
    controller.cells('interrupts', ...privateInterrupt(board.privateInterrupts.maintenance, LEVEL_HIGH));
  }
  if (options.gic === 2) {
    const frames = [gicV2.distributor, gicV2.cpuInterface];
    if (options.el === 2) frames.push(gicV2.hypervisorInterface, gicV2.virtualCpuInterface);
    controller.reg(frames.map(({ base, size }) => [base, size]));
    controller.strings('compatible', gicV2.compatible);
  } else {
    const { distributor, redistributors } = gicV3;
    controller.reg([
      [distributor.base, distributor.size],
      [redistributors.base, redistributors.size],
    ]);
    controller.cells('#redistributor-regions', 1);
    controller.strings('compatible', gicV3.compatible);
  }
  controller
    .flag('ranges')
    .cells('#size-cells', 2)
    .cells('#address-cells', 2)
    .flag('interrupt-controller')
    .cells('#interrupt-cells', 3);
}

function addCpus(root: DeviceTreeNode, board: Board, options: BoardTreeOptions): void {
  const cpus = root.add('cpus').cells('#size-cells', 0).cells('#address-cells', 1);
  const cluster = cpus.add('cpu-map').add('socket0').add('cluster0');
  for (let cpu = 0; cpu < options.cpus; cpu++) {
    cluster.add(`core${cpu}`).cells('cpu', PHANDLE_FIRST_CPU + cpu);
    const affinity = affinityOf(board, options.gic, cpu);
    const node = cpus
      .add(`cpu@${affinity.toString(16)}`)
      .cells('phandle', PHANDLE_FIRST_CPU + cpu)
      .cells('reg', affinity);
    // A single CPU needs nobody to switch it on, and QEMU does not say how then.
    if (options.cpus > 1) node.strings('enable-method', 'psci');
    node.strings('compatible', CPU_COMPATIBLE[options.model]).strings('device_type', 'cpu');
  }
}

function addTimer(root: DeviceTreeNode, board: Board, options: BoardTreeOptions): void {
  const { secureTimer, physicalTimer, virtualTimer, hypervisorTimer } = board.privateInterrupts;
  // The binding of the GICv2 puts the mask of CPUs that have the interrupt into the flags.
  const flags = options.gic === 2 ? LEVEL_HIGH | (((1 << options.cpus) - 1) << 8) : LEVEL_HIGH;
  root
    .add('timer')
    .cells(
      'interrupts',
      ...[secureTimer, physicalTimer, virtualTimer, hypervisorTimer].flatMap((intid) =>
        privateInterrupt(intid, flags),
      ),
    )
    .flag('always-on')
    .strings('compatible', 'arm,armv8-timer', 'arm,armv7-timer');
}

function addChosen(root: DeviceTreeNode, board: Board, options: BoardTreeOptions): void {
  const chosen = root.add('chosen');
  const { initrd, kaslrSeed, rngSeed } = options;
  if (initrd !== undefined) {
    chosen.u64('linux,initrd-end', initrd.end);
    chosen.u64('linux,initrd-start', initrd.start);
  }
  chosen.strings('bootargs', options.cmdline);
  const uart = board.parts.find((part) => part.device === 'pl011');
  if (uart !== undefined) chosen.strings('stdout-path', `/${partName(uart)}`);
  if (rngSeed !== undefined) chosen.bytes('rng-seed', rngSeed);
  if (kaslrSeed !== undefined) chosen.u64('kaslr-seed', kaslrSeed);
}

function partName(part: BoardPart): string {
  return `${part.device}@${hex(part.base).slice(2)}`;
}

/** PPIs are counted from INTID 16 in device trees. */
function privateInterrupt(intid: number, flags: number): number[] {
  return [PPI, intid - 16, flags];
}

function gicPhandle({ cpus }: BoardTreeOptions): number {
  return PHANDLE_FIRST_CPU + cpus;
}
