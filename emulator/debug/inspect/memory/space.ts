// Whose memory is looked at: a domain, one of its vCPUs, and the registers that decide its translations.

import { hex } from '../../../base/address.ts';
import type { LoadedMachine } from '../../../machine/guest.ts';
import { BARE_DOMAIN, type DomainInfo } from '../../../machine/messages.ts';
import { vtcr } from '../../../xen/p2m.ts';
import { cpuOf, domainOf, type Subject, vcpuOf } from '../inspection.ts';
import { stage2Enabled, stage2Geometry, stage2Inconsistent, translationRegistersOf } from './regime.ts';
import type { TranslationRegisters } from './regime.ts';
import { rangeAt, type Scan, scanTables, type TableMemory } from './scan.ts';
import type { DescriptorMemory } from './translate.ts';

export interface Space {
  readonly loaded: LoadedMachine;
  readonly domain: DomainInfo;
  readonly vcpu: number;
  /** The machine's CPU that holds the vCPU's registers. */
  readonly cpu: number;
  /** EL of the vCPU: its own, not that of the hypervisor of ours. */
  readonly el: 0 | 1 | 2;
  readonly pan: boolean;
  readonly registers: TranslationRegisters;
  readonly memory: DescriptorMemory & TableMemory;
}

const PAN = 1 << 22;
const HCR_VM = 1n;

/** Throws a UserError for a domain or vCPU that is not there. */
export function spaceOf(subject: Subject, domainId: number | undefined, vcpuId: number | undefined): Space {
  const { loaded } = subject;
  const { machine, view } = loaded;
  const domain = domainOf(subject, domainId);
  const vcpu = vcpuOf(domain, vcpuId);
  const known = view?.domains().find(({ id }) => id === domain.domain);
  const cpu = cpuOf(subject, domain, vcpu);
  const state = machine.cpus[cpu];
  if (!state) throw new RangeError(`vCPU ${vcpu} of domain ${domain.domain} has a CPU`);
  const registers = translationRegistersOf(state, machine.features.paBits);
  return {
    loaded,
    domain,
    vcpu,
    cpu,
    el: Math.min(state.el, view ? 1 : 2) as 0 | 1 | 2,
    pan: (state.pstate & PAN) !== 0,
    registers: view ? asItsHypervisorRuns(registers, known?.vttbr) : registers,
    memory: memoryOf(loaded),
  };
}

/** A vCPU that was never started has no stage 2 in its registers yet. */
function asItsHypervisorRuns(
  registers: TranslationRegisters,
  vttbr: bigint | undefined,
): TranslationRegisters {
  if (stage2Enabled(registers) || vttbr === undefined) return registers;
  return {
    ...registers,
    HCR_EL2: registers.HCR_EL2 | HCR_VM,
    VTTBR_EL2: vttbr,
    VTCR_EL2: BigInt(vtcr(registers.paBits)),
  };
}

function memoryOf({ machine: { memory } }: LoadedMachine): DescriptorMemory & TableMemory {
  return {
    read64: (pa) => (memory.contains(Number(pa), 8) ? memory.read64(Number(pa)) : undefined),
    words(pa, count) {
      if (!memory.contains(pa, 4 * count) || pa % 4 !== 0) return undefined;
      const bytes = memory.bytes(pa, 4 * count);
      return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
    },
  };
}

export const nameOf = (domain: number): string => (domain === BARE_DOMAIN ? 'host' : `d${domain}`);

/** References as the debugger's requests take them. */
export const paReference = (address: number | bigint): string => `host/pa:${hex(address)}`;
export const ipaReference = (domain: number, address: number | bigint): string =>
  `${nameOf(domain)}/ipa:${hex(address)}`;
export const vaReference = ({ domain, vcpu }: Space, address: bigint): string =>
  `${nameOf(domain.domain)}/va@v${vcpu}:${hex(BigInt.asUintN(64, address))}`;

/** Descriptor bits 58:48: the p2m type is one of them. */
const STAGE2_HIGH = 0x7ff;

/** What stage 2 maps; undefined where it is off, or VTCR_EL2 describes no tables. */
export function scanStage2(
  { registers, memory }: Space,
  window: { readonly from?: number; readonly to?: number } = {},
): Scan | undefined {
  if (!stage2Enabled(registers) || stage2Inconsistent(registers)) return undefined;
  return scanTables(stage2Geometry(registers), memory, { ...window, highMask: STAGE2_HIGH, keptByXen: true });
}

/** From an IPA to the PA: by what was scanned, or the same where stage 2 is off. */
export function stage2Resolver(space: Space): (ipa: number) => number | undefined {
  if (!stage2Enabled(space.registers)) return (ipa) => ipa;
  const ranges = scanStage2(space)?.ranges ?? [];
  return (ipa) => {
    const range = rangeAt(ranges, ipa);
    return range && range.output + (ipa - range.from);
  };
}
