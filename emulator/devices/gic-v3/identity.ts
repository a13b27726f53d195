// What a GICv3 says it is: an r0p0 GIC-500 without a product number, as QEMU's does.

import { identification, type RegisterRow } from '../register-block.ts';

/** GICD_IIDR and GICR_IIDR: implementer Arm. */
export const IIDR = 0x43b;

/** PIDR4..7, PIDR0..3, CIDR0..3 at 0xffd0 of a frame. PIDR2 names architecture version 3. */
export function gicV3Identification<Device>(part: number): RegisterRow<Device> {
  return identification(0xffd0, [0x44, 0, 0, 0, part, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1]);
}

export const PART_DISTRIBUTOR = 0x92;
export const PART_REDISTRIBUTOR = 0x93;
