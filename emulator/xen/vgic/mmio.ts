// Where a domain's vGIC stands in its guest physical address space, as regions of emulated MMIO.

import { hex } from '../../base/address.ts';
import type { OnceLogger } from '../../base/log.ts';
import { EXTERNAL_ABORT, type RegisterBlock } from '../../devices/register-block.ts';
import type { MmioRegion } from '../hypervisor/mmio.ts';
import type { VgicAccess } from './distributor-common.ts';
import { distributorV2, GICD_V2_SIZE } from './distributor-v2.ts';
import { distributorV3, GICD_V3_SIZE } from './distributor-v3.ts';
import { GICR_FRAME_SIZE, GICR_SIZE, redistributor, redistributorSgi } from './redistributor.ts';
import type { Vgic } from './vgic.ts';

export function vgicV2Regions(vgic: Vgic, distributorBase: number, log: OnceLogger): MmioRegion[] {
  return [
    region(
      'vGICD',
      distributorBase,
      GICD_V2_SIZE,
      (vcpu, offset) => ({
        block: distributorV2,
        offset,
        access: { vgic, vcpu, refused: false },
      }),
      log,
    ),
  ];
}

export function vgicV3Regions(
  vgic: Vgic,
  bases: {
    readonly distributor: number;
    readonly redistributors: number;
    readonly redistributorsSize: number;
  },
  log: OnceLogger,
): MmioRegion[] {
  return [
    region(
      'vGICD',
      bases.distributor,
      GICD_V3_SIZE,
      (vcpu, offset) => ({
        block: distributorV3,
        offset,
        access: { vgic, vcpu, refused: false },
      }),
      log,
    ),
    // A redistributor shows its own vCPU's interrupts, whoever looks.
    region(
      'vGICR',
      bases.redistributors,
      bases.redistributorsSize,
      (_asking, at) => {
        const owner = Math.floor(at / GICR_SIZE);
        if (owner >= vgic.cpus.length) return undefined;
        const offset = at % GICR_SIZE;
        const access = { vgic, vcpu: owner, refused: false };
        if (offset < GICR_FRAME_SIZE) return { block: redistributor, offset, access };
        return { block: redistributorSgi, offset: offset - GICR_FRAME_SIZE, access };
      },
      log,
    ),
  ];
}

interface Target {
  readonly block: RegisterBlock<VgicAccess>;
  readonly offset: number;
  readonly access: VgicAccess;
}

function region(
  name: string,
  base: number,
  size: number,
  find: (vcpu: number, offset: number) => Target | undefined,
  log: OnceLogger,
): MmioRegion {
  return {
    name,
    base,
    size,
    read(vcpu, at, bytes) {
      const target = find(vcpu, at);
      if (target === undefined) return EXTERNAL_ABORT;
      const { block, offset, access } = target;
      const value = block.read(access, offset, bytes, log);
      return access.refused ? EXTERNAL_ABORT : value;
    },
    readWide(vcpu, at) {
      const target = find(vcpu, at);
      if (target === undefined || !isWide(target.block, target.offset)) return undefined;
      const { block, offset, access } = target;
      const low = block.read(access, offset, 4, log);
      const high = block.read(access, offset + 4, 4, log);
      return access.refused ? undefined : BigInt(low) | (BigInt(high) << 32n);
    },
    write(vcpu, at, bytes, value) {
      const target = find(vcpu, at);
      if (target === undefined) return false;
      const { block, offset, access } = target;
      const done = block.write(access, offset, bytes, value, log);
      if (access.refused) refusal(log, name, 'write to', offset, value);
      return done !== EXTERNAL_ABORT && !access.refused;
    },
    writeWide(vcpu, at, value) {
      const target = find(vcpu, at);
      if (target === undefined || !isWide(target.block, target.offset)) return false;
      const { block, offset, access } = target;
      block.write(access, offset, 4, Number(BigInt.asUintN(32, value)), log);
      block.write(access, offset + 4, 4, Number(BigInt.asUintN(32, value >> 32n)), log);
      return !access.refused;
    },
  };
}

function refusal(log: OnceLogger, name: string, what: string, offset: number, value: number): void {
  log.once(
    `${name}:refused:${offset}`,
    'warn',
    name,
    `${what} offset ${hex(offset)} (value ${hex(value)}) is refused by Xen's vGIC: the guest takes a data abort`,
  );
}

/** Whether the register at an offset has 64 bits: only those take accesses of 8 bytes. */
function isWide(block: RegisterBlock<VgicAccess>, offset: number): boolean {
  if (offset % 8 !== 0) return false;
  return Object.values(block.rows).some((row) => {
    if (row.width !== 8) return false;
    return offset >= row.offset && offset < row.offset + (row.count ?? 1) * 8;
  });
}
