// Control registers of EL1 and EL2, and what traps to EL2. DDI 0487, D17.2.

import {
  CPACR_EL1,
  CPTR_EL2,
  HCR_EL2,
  HSTR_EL2,
  MDCR_EL2,
  SCTLR_EL1,
  SCTLR_EL2,
} from '../../memory/layout.ts';
import {
  bit,
  bits,
  type Fields,
  type RegisterContext,
  systemRegister,
  type SystemRegisterRow,
  trapOnEl1,
  virtualMemoryTraps,
} from './define.ts';
import { implementationDefined } from './words.ts';

/** SCTLR bits that decide how addresses translate or data is accessed: M, A, I, WXN, E0E, EE. */
const SCTLR_TRANSLATION = (1 << 0) | (1 << 1) | (1 << 12) | (1 << 19) | (1 << 24) | (1 << 25);
/** RES1 bits of an Armv8.0 core; SPAN (23) is one of them without FEAT_PAN. */
const SCTLR_EL1_RES1 = (1 << 29) | (1 << 28) | (1 << 22) | (1 << 20) | (1 << 11);
const SCTLR_SPAN = 1 << 23;
const SCTLR_EL2_RES1 = 0x30c5_0830;

/** VM, PTW, DC, TGE, RW. */
const HCR_TRANSLATION = (1 << 0) | (1 << 2) | (1 << 12) | (1 << 27) | (1 << 31);
const HCR_RW = 1 << 31;
/** 33..0: what Armv8.0 defines. EL1 is always AArch64. */
const HCR_HIGH_MASK = 3;

function writeSctlr(context: RegisterContext, register: number, el: number, low: number): void {
  const changed = context.low(register) ^ low;
  context.store(register, low >>> 0, 0);
  if ((changed & SCTLR_TRANSLATION) !== 0) context.translationControlChanged(el);
  context.accessChanged();
}

function writeHcr(context: RegisterContext, low: number, high: number): void {
  const value = (low | HCR_RW) >>> 0;
  const changed = context.low(HCR_EL2) ^ value;
  context.store(HCR_EL2, value, high & HCR_HIGH_MASK);
  if ((changed & HCR_TRANSLATION) !== 0) context.translationControlChanged(1);
  else context.updateRegime();
  context.accessChanged();
  context.recheckInterrupts();
}

/** T4 and T14 do not exist. */
const hypervisorSystemTraps: Fields = Object.fromEntries(
  [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15].map((n) => [`T${n}`, bit(n, `AArch32 CRn ${n} traps`)]),
);

const byteOrder = ['little-endian', 'big-endian'] as const;

/** What SCTLR_EL1 and SCTLR_EL2 have alike. */
const systemControl: Fields = {
  M: bit(0, 'Stage 1 translation', ['off', 'on']),
  A: bit(1, 'Alignment checking', ['off', 'on']),
  C: bit(2, 'Data caching', ['off', 'on']),
  SA: bit(3, 'SP alignment checking', ['off', 'on']),
  nAA: bit(6, 'Unaligned load-acquire and store-release do not fault'),
  EOS: bit(11, 'Exception exit is context synchronizing: always'),
  I: bit(12, 'Instruction caching', ['off', 'on']),
  WXN: bit(19, 'What can be written cannot be executed'),
  IESB: bit(21, 'Implicit error synchronization'),
  EIS: bit(22, 'Exception entry is context synchronizing: always'),
};

export const controlRegisters: readonly SystemRegisterRow[] = [
  systemRegister('SCTLR_EL1', {
    encoding: 'S3_0_C1_C0_0',
    doc: 'System control of EL1 and EL0',
    minEl: 1,
    access: 'rw',
    slot: SCTLR_EL1,
    reset: 0x30d0_0838n,
    traps: virtualMemoryTraps,
    fields: {
      ...systemControl,
      SA0: bit(4, 'SP alignment checking at EL0', ['off', 'on']),
      CP15BEN: bit(5, 'AArch32 barriers at EL0: no AArch32 here'),
      ITD: bit(7, 'AArch32 IT instructions off: no AArch32 here'),
      SED: bit(8, 'AArch32 SETEND off: no AArch32 here'),
      UMA: bit(9, 'EL0 may mask interrupts'),
      EnRCTX: bit(10, 'EL0 may restrict predictions'),
      DZE: bit(14, 'EL0 may execute DC ZVA'),
      UCT: bit(15, 'EL0 may read CTR_EL0'),
      nTWI: bit(16, 'WFI of EL0 is not trapped'),
      nTWE: bit(18, 'WFE of EL0 is not trapped'),
      TSCXT: bit(20, 'SCXTNUM_EL0 traps at EL0'),
      SPAN: bit(23, 'PAN is kept on an exception to EL1'),
      E0E: bit(24, 'Data at EL0', byteOrder),
      EE: bit(25, 'Data at EL1, and tables', byteOrder),
      UCI: bit(26, 'EL0 may execute cache maintenance'),
      nTLSMD: bit(28, 'Load and store multiple to Device memory of AArch32: no AArch32 here'),
      LSMAOE: bit(29, 'Order of load and store multiple of AArch32: no AArch32 here'),
    },
    write: (context, low) => {
      const res1 = context.features.has('FEAT_PAN') ? SCTLR_EL1_RES1 : SCTLR_EL1_RES1 | SCTLR_SPAN;
      writeSctlr(context, SCTLR_EL1, 1, low | res1);
    },
  }),
  systemRegister('SCTLR_EL2', {
    encoding: 'S3_4_C1_C0_0',
    doc: 'System control of EL2',
    minEl: 2,
    access: 'rw',
    slot: SCTLR_EL2,
    reset: BigInt(SCTLR_EL2_RES1),
    fields: {
      ...systemControl,
      EE: bit(25, 'Data and tables', byteOrder),
    },
    write: (context, low) => writeSctlr(context, SCTLR_EL2, 2, low | SCTLR_EL2_RES1),
  }),
  systemRegister('ACTLR_EL1', {
    encoding: 'S3_0_C1_C0_1',
    doc: 'Auxiliary control',
    minEl: 1,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
    traps: [trapOnEl1('HCR_EL2.TACR')],
  }),
  systemRegister('ACTLR_EL2', {
    encoding: 'S3_4_C1_C0_1',
    doc: 'Auxiliary control',
    minEl: 2,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
  }),
  systemRegister('CPACR_EL1', {
    encoding: 'S3_0_C1_C0_2',
    doc: 'Access to FP and AdvSIMD',
    minEl: 1,
    access: 'rw',
    slot: CPACR_EL1,
    kernel: 'write',
    traps: [trapOnEl1('CPTR_EL2.TCPAC')],
    fields: {
      ZEN: bits(17, 16, 'SVE: not there'),
      FPEN: bits(21, 20, 'FP and AdvSIMD', {
        0: 'trap at EL0 and EL1',
        1: 'trap at EL0',
        2: 'trap at EL0 and EL1',
        3: 'do not trap',
      }),
      SMEN: bits(25, 24, 'SME: not there'),
      TTA: bit(28, 'Trace registers trap: there are none'),
    },
  }),
  systemRegister('HCR_EL2', {
    encoding: 'S3_4_C1_C1_0',
    doc: 'Hypervisor configuration',
    minEl: 2,
    access: 'rw',
    slot: HCR_EL2,
    reset: (features) => (features.el2 ? 0x8000_0000n : 0n),
    fields: {
      VM: bit(0, 'Stage 2 translation', ['off', 'on']),
      SWIO: bit(1, 'Set/way invalidation cleans too: caches are not modelled'),
      PTW: bit(2, 'Stage 1 tables in Device memory fault'),
      FMO: bit(3, 'FIQ to EL2, virtual FIQ on'),
      IMO: bit(4, 'IRQ to EL2, virtual IRQ on'),
      AMO: bit(5, 'SError to EL2, virtual SError on'),
      VF: bit(6, 'Virtual FIQ pending'),
      VI: bit(7, 'Virtual IRQ pending'),
      VSE: bit(8, 'Virtual SError pending'),
      FB: bit(9, 'TLB and cache maintenance of EL1 is broadcast'),
      BSU: bits(11, 10, 'Least scope of barriers of EL1 and EL0: no effect', {
        0: 'as they say',
        1: 'Inner Shareable',
        2: 'Outer Shareable',
        3: 'full system',
      }),
      DC: bit(12, 'Default cacheable: stage 1 off, Normal memory'),
      TWI: bit(13, 'WFI traps'),
      TWE: bit(14, 'WFE traps'),
      TID0: bit(15, 'ID group 0 traps: AArch32 only'),
      TID1: bit(16, 'ID group 1 traps'),
      TID2: bit(17, 'ID group 2 traps'),
      TID3: bit(18, 'ID group 3 traps'),
      TSC: bit(19, 'SMC traps'),
      TIDCP: bit(20, 'IMPLEMENTATION DEFINED registers trap'),
      TACR: bit(21, 'ACTLR_EL1 traps'),
      TSW: bit(22, 'Cache maintenance by set/way traps'),
      TPCP: bit(23, 'Cache maintenance to the point of coherency traps'),
      TPU: bit(24, 'Cache maintenance to the point of unification traps'),
      TTLB: bit(25, 'TLBI of EL1 traps'),
      TVM: bit(26, 'Writes of stage 1 registers trap'),
      TGE: bit(27, 'Exceptions of EL0 go to EL2'),
      TDZ: bit(28, 'DC ZVA traps'),
      HCD: bit(29, 'HVC is UNDEFINED'),
      TRVM: bit(30, 'Reads of stage 1 registers trap'),
      RW: bit(31, 'EL1 is', ['AArch32', 'AArch64']),
      CD: bit(32, 'Stage 2 makes data Non-cacheable: caches are not modelled'),
      ID: bit(33, 'Stage 2 makes instructions Non-cacheable: caches are not modelled'),
    },
    write: writeHcr,
  }),
  systemRegister('CPTR_EL2', {
    encoding: 'S3_4_C1_C1_2',
    doc: 'Traps of FP, AdvSIMD and CPACR_EL1 to EL2',
    minEl: 2,
    access: 'rw',
    slot: CPTR_EL2,
    reset: 0x33ffn,
    fields: {
      TZ: bit(8, 'SVE traps: there is none'),
      TFP: bit(10, 'FP and AdvSIMD trap'),
      TTA: bit(20, 'Trace traps: there is none'),
      TAM: bit(30, 'Activity monitors trap: there are none'),
      TCPAC: bit(31, 'CPACR_EL1 traps'),
    },
    write: (context, low) => {
      context.store(CPTR_EL2, ((low & 0x8010_0400) | 0x33ff) >>> 0);
      context.updateRegime();
      context.accessChanged();
    },
  }),
  systemRegister('HSTR_EL2', {
    encoding: 'S3_4_C1_C1_3',
    doc: 'Traps of AArch32 system registers: stored, nothing to trap',
    minEl: 2,
    access: 'rw',
    slot: HSTR_EL2,
    fields: hypervisorSystemTraps,
  }),
  systemRegister('HACR_EL2', {
    encoding: 'S3_4_C1_C1_7',
    doc: 'Auxiliary configuration',
    minEl: 2,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
  }),
  systemRegister('MDCR_EL2', {
    encoding: 'S3_4_C1_C1_1',
    doc: 'Traps of debug and performance monitors to EL2',
    minEl: 2,
    access: 'rw',
    slot: MDCR_EL2,
    reset: 6n,
    fields: {
      HPMN: bits(4, 0, 'Event counters that EL1 sees', (value) => `${value} counters`),
      TPMCR: bit(5, 'PMCR_EL0 traps'),
      TPM: bit(6, 'Performance monitors trap'),
      HPME: bit(7, 'Counters of EL2', ['off', 'on']),
      TDE: bit(8, 'Debug exceptions go to EL2'),
      TDA: bit(9, 'Debug registers trap'),
      TDOSA: bit(10, 'OS lock and power-down registers trap'),
      TDRA: bit(11, 'MDRAR_EL1 traps'),
    },
    write: (context, low) => {
      // With TDE set, TDA, TDOSA and TDRA act as if set.
      const value = low & 0xfff;
      context.store(MDCR_EL2, value & 0x100 ? value | 0xe00 : value);
      context.accessChanged();
      context.recheckInterrupts();
    },
  }),
];
