// Stage-2 aborts of a guest (xen/arch/arm/traps.c, do_trap_stage2_abort_guest(); io.c; decode.c):
// emulated MMIO where a region stands, an abort injected into the guest everywhere else.

import { hex } from '../../base/address.ts';
import type { TrapOutcome } from '../../cpu/monitor.ts';
import { EXTERNAL_ABORT } from '../../devices/register-block.ts';
import { FAR_EL2, HCR_EL2, HPFAR_EL2 } from '../../memory/layout.ts';
import type { MmioRegion } from '../hypervisor/mmio.ts';
import type { HostCpu, HostMemory } from '../hypervisor/platform.ts';
import { ESR_IL, guestPc, injectAbort, skipInstruction } from './guest-state.ts';

const ISS_ISV = 1 << 24;
const ISS_SAS_SHIFT = 22;
const ISS_SSE = 1 << 21;
const ISS_SRT_SHIFT = 16;
const ISS_SF = 1 << 15;
const ISS_EA = 1 << 9;
const ISS_CM = 1 << 8;
const ISS_S1PTW = 1 << 7;
const ISS_WNR = 1 << 6;
/** Fault status without the level. */
const FSC_MASK = 0x3c;
const FSC_TRANSLATION = 0x04;
const FSC_PERMISSION = 0x0c;
const HCR_VSE = 1n << 8n;

export interface AbortContext {
  readonly cpu: HostCpu;
  readonly vcpu: number;
  readonly memory: HostMemory;
  find(ipa: number): MmioRegion | undefined;
  warn(key: string, message: string): void;
  /** To observers. */
  fault(kind: 'data' | 'instruction', ipa: number, esr: number, device: string | undefined): void;
}

const RESUME: TrapOutcome = { kind: 'resume' };

/** One access, as the syndrome or the instruction itself describes it. */
interface Access {
  readonly isWrite: boolean;
  readonly size: number;
  readonly register: number;
  readonly signExtend: boolean;
  /** The destination has 64 bits. */
  readonly wide: boolean;
  /** Post-indexed form: the base register and what is added to it afterwards. */
  readonly base?: { readonly register: number; readonly add: bigint };
}

/** `esr`: ESR_EL2 of a syndrome that has 32 bits. */
export function handleAbort(context: AbortContext, kind: 'data' | 'instruction', esr: number): TrapOutcome {
  const { cpu } = context;
  const iss = esr & 0x1ff_ffff;
  const status = iss & FSC_MASK;
  if ((iss & ISS_EA) === 0 && status === FSC_TRANSLATION && kind === 'data') {
    const ipa = faultingIpa(cpu);
    if (emulate(context, iss, ipa)) {
      context.fault(kind, ipa, esr, context.find(ipa)?.name);
      return RESUME;
    }
  }

  const va = cpu.sysreg(FAR_EL2);
  context.fault(kind, faultingIpa(cpu), esr, undefined);
  if ((iss & ISS_EA) !== 0) {
    // Xen turns a guest's external abort into an SError of the guest.
    context.warn(
      `external-abort:${guestPc(cpu)}`,
      `external abort at pc ${hex(guestPc(cpu))}, va ${hex(va)}`,
    );
    cpu.setSysreg(HCR_EL2, cpu.sysreg(HCR_EL2) | HCR_VSE);
    return RESUME;
  }

  if (status === FSC_PERMISSION) return stuck(context, kind, iss, va);

  context.warn(
    `abort:${kind}:${guestPc(cpu)}`,
    `${kind} abort: nothing at guest physical address ${hex(faultingIpa(cpu))} ` +
      `(va ${hex(va)}, pc ${hex(guestPc(cpu))}); the guest takes an abort`,
  );
  const pc = guestPc(cpu);
  injectAbort(cpu, kind, va, BigInt(esr) & ESR_IL);
  // The guest's own handler is what could not be fetched: it would take the same abort for ever.
  if (kind === 'instruction' && guestPc(cpu) === pc) return noHandler(pc);
  return RESUME;
}

function noHandler(pc: bigint): TrapOutcome {
  const reason =
    `the exception vector of the guest at ${hex(pc)} (VBAR_EL1) is not in its memory: ` +
    `every exception it takes leads to the next one`;
  return { kind: 'stop', reason };
}

/** HPFAR_EL2.FIPA with the page offset of the VA. */
function faultingIpa(cpu: HostCpu): number {
  const page = (cpu.sysregHigh(HPFAR_EL2) & 0xfff) * 2 ** 28 + (cpu.sysregLow(HPFAR_EL2) >>> 4);
  return page * 4096 + (cpu.sysregLow(FAR_EL2) & 0xfff);
}

/**
 * Xen injects nothing on a stage-2 permission fault, and nothing changes the mapping: the vCPU would
 * repeat the instruction for ever.
 */
function stuck(context: AbortContext, kind: 'data' | 'instruction', iss: number, va: bigint): TrapOutcome {
  const { cpu } = context;
  const what = kind === 'instruction' ? 'fetch from' : (iss & ISS_WNR) !== 0 ? 'write to' : 'read of';
  const through = (iss & ISS_S1PTW) !== 0 ? ', during a stage 1 walk' : '';
  const reason =
    `stage 2 permission fault: ${what} va ${hex(va)}${through} at pc ${hex(guestPc(cpu))} is not allowed by the ` +
    `domain's p2m (a read-only grant, or code in a grant or foreign page). Xen injects nothing here: the vCPU ` +
    `repeats the instruction for ever`;
  context.warn(`stuck:${guestPc(cpu)}`, reason);
  return { kind: 'stop', reason };
}

/** False when the guest has to take an abort. */
function emulate(context: AbortContext, iss: number, ipa: number): boolean {
  const { cpu, vcpu } = context;
  let access: Access | undefined;
  if ((iss & ISS_ISV) !== 0) {
    access = fromSyndrome(iss);
  } else {
    if ((iss & ISS_S1PTW) !== 0) return false;
    if ((iss & ISS_CM) !== 0) {
      // Cache maintenance on an emulated region has nothing to do; anywhere else it is an abort.
      if (context.find(ipa) === undefined) return false;
      skipInstruction(cpu);
      return true;
    }
    access = decode(context);
    if (access === undefined) return false;
  }

  const region = context.find(ipa);
  if (region === undefined) return false;
  if (!perform(cpu, vcpu, region, ipa - region.base, access)) return false;
  if (access.base) {
    const { register, add } = access.base;
    if (register === 31) cpu.setGuestSp(BigInt.asUintN(64, cpu.guestSp() + add));
    else cpu.setX(register, BigInt.asUintN(64, cpu.x(register) + add));
  }
  skipInstruction(cpu);
  return true;
}

/** False when the region refuses the access. */
function perform(cpu: HostCpu, vcpu: number, region: MmioRegion, offset: number, access: Access): boolean {
  const { isWrite, size, register } = access;
  if (size === 8) {
    if (isWrite) return region.writeWide(vcpu, offset, cpu.x(register));
    const value = region.readWide(vcpu, offset);
    if (value === undefined) return false;
    cpu.setX(register, value);
    return true;
  }
  const unused = 32 - 8 * size;
  if (isWrite) return region.write(vcpu, offset, size, (cpu.xLow(register) << unused) >>> unused);
  const value = region.read(vcpu, offset, size);
  if (value === EXTERNAL_ABORT) return false;
  const low = access.signExtend ? (value << unused) >> unused : value;
  cpu.setXHalves(register, low, access.signExtend && access.wide && low < 0 ? -1 : 0);
  return true;
}

function fromSyndrome(iss: number): Access {
  return {
    isWrite: (iss & ISS_WNR) !== 0,
    size: 1 << ((iss >>> ISS_SAS_SHIFT) & 3),
    register: (iss >>> ISS_SRT_SHIFT) & 31,
    signExtend: (iss & ISS_SSE) !== 0,
    wide: (iss & ISS_SF) !== 0,
  };
}

/**
 * LDR and STR (immediate, post-index) of a general register: the one form without a syndrome that
 * Xen 4.17 decodes itself.
 */
function decode(context: AbortContext): Access | undefined {
  const { cpu } = context;
  const pc = guestPc(cpu);
  const place = cpu.translate(pc, 'read');
  const word = place && context.memory.read32(place.pa);
  if (word === undefined) return undefined;

  const rt = word & 31;
  const rn = (word >>> 5) & 31;
  const opc = (word >>> 22) & 3;
  const isPostIndexed = (word & 0x3b20_0c00) === 0x3800_0400;
  const isVector = ((word >>> 26) & 1) !== 0;
  if (!isPostIndexed || isVector || opc > 1 || (rn === rt && rn !== 31)) {
    context.warn(
      `decode:${pc}`,
      `the instruction ${hex(word >>> 0)} at pc ${hex(pc)} accesses emulated MMIO in a form that Xen cannot emulate`,
    );
    return undefined;
  }
  const imm9 = (word << 11) >> 23;
  return {
    isWrite: opc === 0,
    size: 1 << (word >>> 30),
    register: rt,
    signExtend: false,
    wide: true,
    base: { register: rn, add: BigInt(imm9) },
  };
}
