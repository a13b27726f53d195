// The other side of a domain: QEMU with Xen at EL2 and the guest as a dom0less domain, which Xen builds itself from
// nodes in the device tree (docs/misc/arm/device-tree/booting.txt). There is no domain 0.

import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../../emulator/base/errors.ts';
import type { DeviceTree, DeviceTreeNode } from '../../../emulator/formats/device-tree.ts';
import { readDtb, writeDtb } from '../../../emulator/formats/dtb.ts';
import { QEMU } from './processes.ts';

/** MiB of the machine that are not the domain's: Xen, and the boot modules, which it copies. */
const XEN_MEMORY = 512;
const MIB = 1 << 20;
/** Above the place where QEMU puts the device tree: 128 MiB into RAM. */
const MODULES = 0x5000_0000;
const MODULE_ALIGNMENT = 2 * MIB;

/** What Xen writes before a line of the first domain's console. */
export const DOMAIN_PREFIX = '(XEN) DOM1: ';

export interface Dom0lessGuest {
  readonly name: string;
  readonly kernel: string;
  readonly initrd?: string;
  readonly append: string;
  /** MiB. */
  readonly memory: number;
}

/** Runs the guest under this Xen. It does not end by itself: Xen goes on when its only domain is gone. */
export function dom0lessCommand(xen: string, scratch: string, guest: Dom0lessGuest): string[] {
  const machine = 'virt,virtualization=on,gic-version=3';
  const memory = guest.memory + XEN_MEMORY;
  const board = ['-cpu', 'cortex-a53', '-m', String(memory), '-nographic', '-nic', 'none'];
  const file = join(scratch, `${guest.name}.dtb`);
  const dumped = spawnSync(QEMU, ['-machine', `${machine},dumpdtb=${file}`, ...board], { encoding: 'utf8' });
  if (dumped.status !== 0) {
    throw new UserError(`${QEMU}: ${dumped.stderr.trim()}`, 'Compare without --xen.');
  }

  const tree = readDtb(readFileSync(file), file);
  const kernel = moduleAt(MODULES, guest.kernel, 'multiboot,kernel');
  const initrd = guest.initrd === undefined ? [] : [moduleAt(kernel.end, guest.initrd, 'multiboot,ramdisk')];
  describeDomain(tree, guest, [kernel, ...initrd]);
  writeFileSync(file, writeDtb(tree));
  return [
    ...[QEMU, '-machine', machine, '-accel', 'tcg,thread=single', ...board, '-dtb', file, '-kernel', xen],
    ...[kernel, ...initrd].flatMap((module) => [
      '-device',
      `loader,file=${module.file},addr=0x${module.address.toString(16)},force-raw=on`,
    ]),
  ];
}

export interface BootModule {
  readonly address: number;
  readonly size: number;
  readonly end: number;
  readonly file: string;
  readonly kind: string;
}

function moduleAt(address: number, file: string, kind: string): BootModule {
  const { size } = statSync(file);
  const end = Math.ceil((address + size) / MODULE_ALIGNMENT) * MODULE_ALIGNMENT;
  return { address, size, end, file, kind };
}

/** Adds what tells Xen about the domain and where its parts are loaded. */
export function describeDomain(
  tree: DeviceTree,
  guest: Dom0lessGuest,
  modules: readonly Omit<BootModule, 'file' | 'end'>[],
): void {
  const chosen = twoCells(tree.node('/chosen') ?? tree.root.add('chosen'))
    // Scrubbing what is left of the machine's memory is not the guest's work.
    .strings('xen,xen-bootargs', 'console=dtuart dtuart=/pl011@9000000 bootscrub=0');
  const domain = twoCells(chosen.add('domU1'))
    .strings('compatible', 'xen,domain')
    .u64('memory', guest.memory * 1024)
    .cells('cpus', 1)
    .flag('vpl011');
  for (const { address, size, kind } of modules) {
    const node = domain
      .add(`module@${address.toString(16)}`)
      .strings('compatible', kind, 'multiboot,module')
      .reg([[address, size]]);
    if (kind === 'multiboot,kernel') node.strings('bootargs', guest.append);
  }
}

const twoCells = (node: DeviceTreeNode): DeviceTreeNode =>
  node.cells('#address-cells', 2).cells('#size-cells', 2);
