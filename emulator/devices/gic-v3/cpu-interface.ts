// What a processor of a GICv3 reaches through system registers: its physical CPU interface (ICC),
// the virtual one (ICV) and the hypervisor's control of it (ICH). The registers themselves are
// rows of `system-registers.ts`.

import type { CpuInterface } from '../gic/cpu-interface.ts';
import type { Distributor } from '../gic/distributor.ts';
import {
  HCR_TALL0,
  HCR_TALL1,
  HCR_TC,
  HCR_TDIR,
  VirtualInterface,
  type VirtualInterfaceSockets,
} from '../gic/virtual-interface.ts';
import type { GicSystemRegister } from './system-registers.ts';

/** What the architecture says about an access to a GIC system register. */
export const GIC_ACCESS_OK = 0;
/** Trapped to EL2 as a system register access (EC 0x18). */
export const GIC_ACCESS_TRAP_EL2 = 1;
export const GIC_ACCESS_UNDEFINED = 2;

/** Bits of HCR_EL2: physical FIQ and IRQ routing, which also choose ICV instead of ICC. */
export const HCR_EL2_FMO = 1 << 3;
export const HCR_EL2_IMO = 1 << 4;

/** The writable bits of ICH_HCR_EL2: enables, traps and EOIcount; TSEI is absent (VTR.SEIS is 0). */
const ICH_HCR_MASK = 0xf800_5cff;

export class GicV3CpuInterface {
  readonly physical: CpuInterface;
  readonly virtual: VirtualInterface;
  private readonly distributor: Distributor;
  private readonly cpu: number;
  /** Affinities of all CPUs, by index. */
  private readonly affinities: readonly number[];

  constructor(
    distributor: Distributor,
    cpu: number,
    affinities: readonly number[],
    sockets: VirtualInterfaceSockets,
  ) {
    this.distributor = distributor;
    this.cpu = cpu;
    this.affinities = affinities;
    this.physical = distributor.interfaces[cpu]!;
    this.virtual = new VirtualInterface(sockets, {
      combinedPriorities: false,
      controlMask: ICH_HCR_MASK,
      group0AlwaysFiq: true,
    });
  }

  /**
   * May this register be accessed? `hcr` is the low half of HCR_EL2 in effect, 0 where there is
   * no EL2. To be asked before each `read` and `write`.
   */
  check(register: GicSystemRegister, isWrite: boolean, el: number, hcr: number): number {
    if (el === 0 || register.status === 'undefined') return GIC_ACCESS_UNDEFINED;
    if ((isWrite ? register.write : register.read) === undefined) return GIC_ACCESS_UNDEFINED;
    const { group } = register;
    if (group === 'hypervisor') return el < 2 ? GIC_ACCESS_UNDEFINED : GIC_ACCESS_OK;
    if (el > 1) return GIC_ACCESS_OK;

    const traps = this.virtual.control;
    if (group === 'group0') return (traps & HCR_TALL0) !== 0 ? GIC_ACCESS_TRAP_EL2 : GIC_ACCESS_OK;
    if (group === 'group1') return (traps & HCR_TALL1) !== 0 ? GIC_ACCESS_TRAP_EL2 : GIC_ACCESS_OK;
    if (group === 'enable') return GIC_ACCESS_OK;
    if ((traps & HCR_TC) !== 0) return GIC_ACCESS_TRAP_EL2;
    if (group === 'sgi' && (hcr & (HCR_EL2_IMO | HCR_EL2_FMO)) !== 0) return GIC_ACCESS_TRAP_EL2;
    if (group === 'deactivate' && (traps & HCR_TDIR) !== 0) return GIC_ACCESS_TRAP_EL2;
    return GIC_ACCESS_OK;
  }

  /** Bits 31..0 of a register. Preconditions: `check` said OK. */
  read(register: GicSystemRegister, el: number, hcr: number): number {
    const virtual = el === 1 && isVirtual(register, hcr);
    return ((virtual ? register.readVirtual : register.read)?.(this) ?? 0) >>> 0;
  }

  /** Bits 63..32: zero but for list registers. No side effects. */
  readHigh(register: GicSystemRegister): number {
    return register.readHigh?.(this) ?? 0;
  }

  /** Preconditions: `check` said OK. */
  write(register: GicSystemRegister, low: number, high: number, el: number, hcr: number): void {
    const virtual = el === 1 && isVirtual(register, hcr);
    (virtual ? register.writeVirtual : register.write)?.(this, low >>> 0, high >>> 0);
  }

  /** What a debugger sees: as `read`, without side effects. */
  peek(register: GicSystemRegister, el: number, hcr: number): number {
    const virtual = el === 1 && isVirtual(register, hcr);
    const look = virtual ? (register.peekVirtual ?? register.readVirtual) : (register.peek ?? register.read);
    return (look?.(this) ?? 0) >>> 0;
  }

  /**
   * ICC_SGI1R_EL1 and its siblings: sends an SGI of a group. It reaches the CPUs that have the
   * interrupt configured in that group (IHI 0069, table "Forwarding an SGI", DS = 1).
   */
  sendSgi(group: number, low: number, high: number): void {
    const intid = (low >>> 24) & 0xf;
    const allButSelf = (high & (1 << 8)) !== 0;
    const firstOfRange = ((high >>> 12) & 0xf) * 16;
    // Aff3 is at 55..48, Aff2 at 39..32, Aff1 at 23..16; the target list is 16 values of Aff0.
    const cluster =
      ((((high >>> 16) & 0xff) << 24) | ((high & 0xff) << 16) | (((low >>> 16) & 0xff) << 8)) >>> 0;
    this.affinities.forEach((affinity, target) => {
      const place = (affinity & 0xff) - firstOfRange;
      const isTarget = allButSelf
        ? target !== this.cpu
        : (affinity & 0xffff_ff00) >>> 0 === cluster &&
          place >= 0 &&
          place < 16 &&
          ((low >>> place) & 1) !== 0;
      if (!isTarget || this.distributor.private[target]?.groupOf(intid) !== group) return;
      this.distributor.sendSgi(target, intid, this.cpu);
    });
  }

  /** Is this an INTID that EOIR and DIR act on? Special and unimplemented ones are ignored. */
  isInterrupt(intid: number): boolean {
    return this.distributor.bankOf(this.cpu, intid) !== undefined;
  }
}

/** At EL1, does HCR_EL2 send this register's accesses to the virtual CPU interface? */
function isVirtual(register: GicSystemRegister, hcr: number): boolean {
  switch (register.group) {
    case 'group0':
      return (hcr & HCR_EL2_FMO) !== 0;
    case 'group1':
      return (hcr & HCR_EL2_IMO) !== 0;
    case 'common':
    case 'deactivate':
      return (hcr & (HCR_EL2_IMO | HCR_EL2_FMO)) !== 0;
    case 'sgi':
    case 'enable':
    case 'hypervisor':
      return false;
  }
}
