// Where kernel, ramdisk and device tree go in a domain's memory: as libxc 4.17 places them
// (tools/libs/guest/xg_dom_arm.c, meminit(); xg_dom_armzimageloader.c).

import { hex } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import type { Content } from '../../formats/byte-source.ts';
import type { Kernel } from '../../formats/kernel.ts';
import { GUEST_RAM_BASE, ramBanks } from './guest-layout.ts';

const PAGE = 4096;
const MIB = 2 ** 20;

export interface PlacedSegment {
  readonly ipa: number;
  readonly data: Content;
  /** What lies behind the data, up to here, is zero. */
  readonly size: number;
}

export interface PlacedKernel {
  readonly entry: number;
  readonly segments: readonly PlacedSegment[];
  /** First byte, and the byte after the last that is loaded. */
  readonly start: number;
  readonly end: number;
}

/** An Image goes to the start of RAM plus its text_offset, an ELF to its physical addresses. */
export function placeKernel(kernel: Kernel, memory: number, file: string): PlacedKernel {
  const base = kernel.kind === 'image' ? GUEST_RAM_BASE : 0;
  const segments = kernel.segments.map(({ address, data, memorySize }) => ({
    ipa: base + address,
    data,
    size: memorySize,
  }));
  for (const { ipa, data, size } of segments) {
    // The kernel itself looks after the zeroed part of an Image: only what is loaded has to fit.
    const needed = kernel.kind === 'image' ? data.length : size;
    const fits = ramBanks(memory).some((bank) => ipa >= bank.base && ipa + needed <= bank.base + bank.size);
    if (fits) continue;
    throw new UserError(
      `the kernel needs memory at ${hex(ipa)}, size ${hex(needed)}, which the domain does not have`,
      kernel.kind === 'image'
        ? `Give the domain more memory than ${memory / MIB} MiB.`
        : `RAM of a domain begins at ${hex(GUEST_RAM_BASE)}: link the kernel there, or give the domain more memory.`,
      { file },
    );
  }
  return {
    entry: base + kernel.entry,
    segments,
    start: Math.min(...segments.map(({ ipa }) => ipa)),
    end: Math.max(
      ...segments.map(({ ipa, data, size }) => ipa + (kernel.kind === 'image' ? data.length : size)),
    ),
  };
}

export interface PlacedModules {
  /** Undefined without a ramdisk. */
  readonly ramdisk: { readonly start: number; readonly end: number } | undefined;
  readonly deviceTree: number;
}

/**
 * The ramdisk and behind it the device tree: 128 MiB above the start of RAM if both fit there and
 * the kernel ends below, else as high as possible, else below the kernel.
 */
export function placeModules(
  kernel: { readonly start: number; readonly end: number },
  memory: number,
  sizes: { readonly ramdisk: number; readonly deviceTree: number },
  file: string,
): PlacedModules {
  const ramdiskSize = roundUp(sizes.ramdisk, PAGE);
  const modules = ramdiskSize + roundUp(sizes.deviceTree, PAGE);
  const bankEnd = GUEST_RAM_BASE + (ramBanks(memory)[0]?.size ?? 0);
  const kernelEnd = roundUp(kernel.end, 2 * MIB);
  const favourite = GUEST_RAM_BASE + 128 * MIB;

  let base: number;
  if (bankEnd >= favourite + modules && kernelEnd < favourite) base = favourite;
  else if (bankEnd - modules > kernelEnd) base = bankEnd - modules;
  else if (kernel.start - GUEST_RAM_BASE > modules) base = kernel.start - modules;
  else {
    throw new UserError(
      `kernel, ramdisk and device tree do not fit into ${Math.floor(memory / MIB)} MiB of memory`,
      `Give the domain at least ${Math.ceil((kernelEnd - GUEST_RAM_BASE + modules) / MIB) + 1} MiB.`,
      { file },
    );
  }
  return {
    ramdisk: ramdiskSize > 0 ? { start: base, end: base + ramdiskSize } : undefined,
    deviceTree: base + ramdiskSize,
  };
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
