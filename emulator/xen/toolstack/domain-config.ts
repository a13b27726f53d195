// What the toolstack builds a domain from: an xl.cfg or a launch configuration with its files read.

import type { Content } from '../../formats/byte-source.ts';
import type { DiskSpec } from '../../formats/disk-spec.ts';
import type { Kernel } from '../../formats/kernel.ts';
import type { VifSpec } from '../../formats/vif-spec.ts';
import type { DomainScheduling } from '../scheduling/configuration.ts';

/** As it was written, with the path of an image as the host finds it. */
export type DiskConfig = DiskSpec;

/** An interface with what the toolstack gave it where the configuration says nothing. */
export interface VifConfig {
  readonly handle: number;
  /** `00:16:3e:12:34:56` */
  readonly mac: string;
  readonly spec: VifSpec;
}

export interface DomainConfig {
  readonly name: string;
  readonly kernel: Kernel;
  /** The kernel file's name, for messages. */
  readonly kernelFile: string;
  readonly ramdisk?: Content;
  /** /chosen/bootargs; without it the property is missing. */
  readonly cmdline?: string;
  /** Bytes of RAM (xl's `memory` is in MiB). */
  readonly memory: number;
  /** Bytes the domain may balloon up to; `memory` when absent. */
  readonly maximumMemory?: number;
  readonly vcpus: number;
  readonly gicVersion: 2 | 3;
  /** 16 bytes; drawn from the seed when absent. */
  readonly uuid?: Uint8Array;
  /** An emulated PL011 (`vuart = "sbsa_uart"`). */
  readonly vuart?: boolean;
  readonly maxGrantFrames?: number;
  readonly maxEventPort?: number;
  readonly disks?: readonly DiskConfig[];
  readonly vifs?: readonly VifSpec[];
  readonly scheduling?: DomainScheduling;
}
