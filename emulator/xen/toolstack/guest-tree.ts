// The device tree of a domU: the nodes and properties that libxl 4.17 gives it, in its order
// (tools/libs/light/libxl_arm.c).

import { DeviceTree } from '../../formats/device-tree.ts';
import {
  extendedRegions,
  GUEST_EVTCHN_PPI,
  GUEST_GICV2,
  GUEST_GICV3,
  GUEST_GNTTAB,
  GUEST_PL011,
  GUEST_TIMER_PHYS_NS_PPI,
  GUEST_TIMER_PHYS_S_PPI,
  GUEST_TIMER_VIRT_PPI,
  ramBanks,
} from './guest-layout.ts';

export interface GuestTreeOptions {
  readonly cmdline: string | undefined;
  readonly memory: number;
  readonly vcpus: number;
  readonly gicVersion: 2 | 3;
  readonly vuart: boolean;
  readonly ipaBits: number;
  readonly rngSeed: Uint8Array;
  /** Addresses are known once everything is placed; their size in the tree does not change. */
  readonly ramdisk: { readonly start: number; readonly end: number } | undefined;
}

const PHANDLE_GIC = 65000;
/** Interrupt specifier: type, number, flags. */
const PPI = 1;
const SPI = 0;
/** All CPUs (0xf00), level, active low. */
const FLAGS_PPI = 0xf08;
/** All CPUs, level, active high. */
const FLAGS_SPI = 0xf04;

export function guestTree(options: GuestTreeOptions): DeviceTree {
  const { cmdline, memory, vcpus, gicVersion, vuart, ipaBits, rngSeed, ramdisk } = options;
  const tree = new DeviceTree();
  tree.root
    .strings('model', 'XENVM-4.17')
    .strings('compatible', 'xen,xenvm-4.17', 'xen,xenvm')
    .cells('interrupt-parent', PHANDLE_GIC)
    .cells('#address-cells', 2)
    .cells('#size-cells', 2);

  const chosen = tree.root.add('chosen');
  if (cmdline !== undefined) chosen.strings('bootargs', cmdline);
  if (ramdisk) chosen.u64('linux,initrd-start', ramdisk.start).u64('linux,initrd-end', ramdisk.end);
  chosen.bytes('rng-seed', rngSeed);

  const cpus = tree.root.add('cpus').cells('#address-cells', 1).cells('#size-cells', 0);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const affinity = (vcpu & 0xf) | ((vcpu >>> 4) << 8);
    cpus
      .add(`cpu@${affinity.toString(16)}`)
      .strings('device_type', 'cpu')
      .strings('compatible', 'arm,armv8')
      .strings('enable-method', 'psci')
      .cells('reg', affinity);
  }

  tree.root
    .add('psci')
    .strings('compatible', 'arm,psci-1.0', 'arm,psci-0.2', 'arm,psci')
    .strings('method', 'hvc')
    .cells('cpu_off', 1)
    .cells('cpu_on', 2);

  for (const { base, size } of ramBanks(memory)) {
    tree.root
      .add(`memory@${base.toString(16)}`)
      .strings('device_type', 'memory')
      .reg([[base, size]]);
  }

  addGic(tree, gicVersion);

  tree.root
    .add('timer')
    .strings('compatible', 'arm,armv8-timer')
    .cells(
      'interrupts',
      ...[GUEST_TIMER_PHYS_S_PPI, GUEST_TIMER_PHYS_NS_PPI, GUEST_TIMER_VIRT_PPI].flatMap((intid) => [
        PPI,
        intid - 16,
        FLAGS_PPI,
      ]),
    )
    .cells('interrupt-parent', PHANDLE_GIC);

  tree.root
    .add('hypervisor')
    .strings('compatible', 'xen,xen-4.17', 'xen,xen')
    .reg([
      [GUEST_GNTTAB.base, GUEST_GNTTAB.size],
      ...extendedRegions(memory, ipaBits).map(({ base, size }) => [base, size] as const),
    ])
    .cells('interrupts', PPI, GUEST_EVTCHN_PPI - 16, FLAGS_PPI)
    .cells('interrupt-parent', PHANDLE_GIC);

  if (vuart) {
    tree.root
      .add('sbsa-pl011')
      .strings('compatible', 'arm,sbsa-uart')
      .reg([[GUEST_PL011.base, GUEST_PL011.size]])
      .cells('interrupts', SPI, GUEST_PL011.spi - 32, FLAGS_SPI)
      .cells('interrupt-parent', PHANDLE_GIC)
      .cells('current-speed', 115200);
  }
  return tree;
}

function addGic(tree: DeviceTree, version: 2 | 3): void {
  const node = tree.root.add('interrupt-controller@3001000');
  if (version === 3) node.strings('compatible', 'arm,gic-v3');
  else node.strings('compatible', 'arm,cortex-a15-gic', 'arm,cortex-a9-gic');
  node.cells('#interrupt-cells', 3).cells('#address-cells', 0).flag('interrupt-controller');
  if (version === 3) {
    node.reg([
      [GUEST_GICV3.distributor, GUEST_GICV3.distributorSize],
      [GUEST_GICV3.redistributors, GUEST_GICV3.redistributorsSize],
    ]);
  } else {
    node.reg([
      [GUEST_GICV2.distributor, GUEST_GICV2.distributorSize],
      [GUEST_GICV2.cpu, GUEST_GICV2.cpuSize],
    ]);
  }
  node.cells('linux,phandle', PHANDLE_GIC).cells('phandle', PHANDLE_GIC);
}
