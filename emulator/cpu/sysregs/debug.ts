// Self-hosted debug registers. DDI 0487, D17.3. Software step and BRK work; breakpoint and
// watchpoint registers are storage that matches nothing.

import { MDSCR_EL1 } from '../../memory/layout.ts';
import {
  bit,
  bits,
  type Fields,
  numbered,
  systemRegister,
  type SystemRegisterRow,
  type Trap,
  trapBelowEl2,
} from './define.ts';
import { aarch32Only, addressShifted, virtualAddress } from './words.ts';

const debugTraps: readonly Trap[] = [trapBelowEl2('MDCR_EL2.TDA')];
const lockTraps: readonly Trap[] = [trapBelowEl2('MDCR_EL2.TDOSA')];
/** EL0 reaches the debug communication channel unless MDSCR_EL1.TDCC. */
const channelTraps: readonly Trap[] = [{ control: 'MDSCR_EL1.TDCC', from: [0], to: 1 }, ...debugTraps];

const BREAKPOINTS = 6;
const WATCHPOINTS = 4;
/** At which ELs it matches: with HMC and SSC. DDI 0487, DBGBCR<n>_EL1.PMC. */
const matchControl = (name: 'PMC' | 'PAC'): Fields => ({
  [name]: bits(2, 1, 'ELs that match, with HMC and SSC', {
    0: 'as HMC says',
    1: 'EL1',
    2: 'EL0',
    3: 'EL0 and EL1',
  }),
  HMC: bit(13, 'EL2 matches too, with SSC'),
  SSC: bits(15, 14, 'Security state'),
});
const breakpointControl: Fields = {
  E: bit(0, 'Breakpoint', ['off', 'on']),
  ...matchControl('PMC'),
  BAS: bits(8, 5, 'Bytes that match: all in AArch64'),
  LBN: bits(19, 16, 'Linked breakpoint'),
  BT: bits(23, 20, 'Compares', {
    0: 'address',
    1: 'address, linked',
    2: 'CONTEXTIDR_EL1',
    3: 'CONTEXTIDR_EL1, linked',
    4: 'address mismatch',
    5: 'address mismatch, linked',
    8: 'VMID',
    9: 'VMID, linked',
    10: 'VMID and CONTEXTIDR_EL1',
    11: 'VMID and CONTEXTIDR_EL1, linked',
  }),
};
const watchpointControl: Fields = {
  E: bit(0, 'Watchpoint', ['off', 'on']),
  ...matchControl('PAC'),
  LSC: bits(4, 3, 'Accesses that match', { 1: 'loads', 2: 'stores', 3: 'loads and stores' }),
  BAS: bits(12, 5, 'Bytes of the doubleword that match'),
  LBN: bits(19, 16, 'Linked breakpoint'),
  WT: bit(20, 'Linked to a breakpoint'),
  MASK: bits(28, 24, 'Address bits that are ignored', (value) => (value === 0n ? 'none' : `${value} bits`)),
};

/** Ends of the debug communication channel. */
const channelStatus: Fields = {
  RXfull: bit(30, 'DTRRX', ['empty', 'full']),
  TXfull: bit(29, 'DTRTX', ['empty', 'full']),
};
const authentication = { 0: 'not there', 2: 'there, off', 3: 'there, on' };
const claimTags: Fields = { CLAIM: bits(7, 0, 'Claim tags') };

const UNMATCHED = 'Stored; breakpoints and watchpoints of the guest never match.';

function valueAndControl(kind: 'B' | 'W', op2: number, count: number): SystemRegisterRow[] {
  return [
    ...numbered(16, (n) => one(n, 'V', op2, count)),
    ...numbered(16, (n) => one(n, 'C', op2 + 1, count)),
  ];

  function one(n: number, which: 'V' | 'C', op: number, implemented: number): SystemRegisterRow {
    const missing = n >= implemented;
    return systemRegister(`DBG${kind}${which}R${n}_EL1`, {
      encoding: `S2_0_C0_C${n}_${op}`,
      doc: `${kind === 'B' ? 'Breakpoint' : 'Watchpoint'} ${which === 'V' ? 'value' : 'control'}`,
      minEl: 1,
      access: 'rw',
      traps: debugTraps,
      partial: UNMATCHED,
      ...(which === 'V'
        ? { whole: virtualAddress }
        : { fields: kind === 'B' ? breakpointControl : watchpointControl }),
      ...(missing
        ? { storage: false as const, implemented: () => false, check: () => 'undefined' as const }
        : {}),
    });
  }
}

export const debugRegisters: readonly SystemRegisterRow[] = [
  systemRegister('MDSCR_EL1', {
    encoding: 'S2_0_C0_C2_2',
    doc: 'Debug control',
    minEl: 1,
    access: 'rw',
    slot: MDSCR_EL1,
    traps: debugTraps,
    fields: {
      SS: bit(0, 'Software step', ['off', 'on']),
      ERR: bit(6, 'EDSCR.ERR, for the OS lock'),
      TDCC: bit(12, 'The communication channel traps at EL0'),
      KDE: bit(13, 'Debug exceptions of the kernel itself', ['off', 'on']),
      HDE: bit(14, 'Halting debug: not there', ['off', 'on']),
      MDE: bit(15, 'Breakpoints and watchpoints', ['off', 'on']),
      SC2: bit(19, 'EDSCR.SC2, for the OS lock'),
      TDA: bit(21, 'EDSCR.TDA, for the OS lock'),
      INTdis: bits(23, 22, 'EDSCR.INTdis, for the OS lock'),
      TXU: bit(26, 'EDSCR.TXU, for the OS lock'),
      RXO: bit(27, 'EDSCR.RXO, for the OS lock'),
      ...channelStatus,
    },
    write: (context, low) => {
      context.store(MDSCR_EL1, low & 0x6cc8_f041);
      context.accessChanged();
      context.recheckInterrupts();
    },
  }),
  ...valueAndControl('B', 4, BREAKPOINTS),
  ...valueAndControl('W', 6, WATCHPOINTS),
  systemRegister('OSDTRRX_EL1', {
    encoding: 'S2_0_C0_C0_2',
    doc: 'OS lock data transfer',
    fields: { DTRRX: bits(31, 0, 'Data for the guest') },
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('OSDTRTX_EL1', {
    encoding: 'S2_0_C0_C3_2',
    doc: 'OS lock data transfer',
    fields: { DTRTX: bits(31, 0, 'Data for the debugger') },
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('OSECCR_EL1', {
    encoding: 'S2_0_C0_C6_2',
    doc: 'OS lock exception catch',
    fields: { EDECCR: bits(31, 0, 'EDECCR') },
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('MDCCINT_EL1', {
    encoding: 'S2_0_C0_C2_0',
    doc: 'Communication channel interrupts',
    fields: {
      RX: bit(30, 'Interrupt when DTRRX is full', ['off', 'on']),
      TX: bit(29, 'Interrupt when DTRTX is empty', ['off', 'on']),
    },
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('MDCCSR_EL0', {
    encoding: 'S2_3_C0_C1_0',
    doc: 'Communication channel status: empty',
    fields: channelStatus,
    minEl: 0,
    access: 'ro',
    traps: channelTraps,
  }),
  systemRegister('DBGDTR_EL0', {
    encoding: 'S2_3_C0_C4_0',
    doc: 'Communication channel, 64 bits',
    fields: { HighWord: bits(63, 32, 'Upper half'), LowWord: bits(31, 0, 'Lower half') },
    minEl: 0,
    access: 'rw',
    writable: 0n,
    traps: channelTraps,
  }),
  // Reading receives, writing transmits: one encoding.
  systemRegister('DBGDTRRX_EL0', {
    encoding: 'S2_3_C0_C5_0',
    doc: 'Communication channel',
    fields: { DTRRX: bits(31, 0, 'Data') },
    minEl: 0,
    access: 'rw',
    writable: 0n,
    traps: channelTraps,
  }),
  systemRegister('DBGVCR32_EL2', {
    encoding: 'S2_4_C0_C7_0',
    doc: 'AArch32 vector catch',
    whole: aarch32Only,
    minEl: 2,
    access: 'rw',
  }),
  systemRegister('MDRAR_EL1', {
    encoding: 'S2_0_C1_C0_0',
    doc: 'Debug ROM address: none',
    fields: {
      ROMADDR: bits(47, 12, 'Address of the ROM table', addressShifted(12)),
      Valid: bits(1, 0, 'There is a ROM table', { 0: 'no', 3: 'yes' }),
    },
    minEl: 1,
    access: 'ro',
    traps: [trapBelowEl2('MDCR_EL2.TDRA')],
  }),
  systemRegister('OSLAR_EL1', {
    encoding: 'S2_0_C1_C0_4',
    doc: 'OS lock',
    fields: { OSLK: bit(0, 'OS lock', ['off', 'on']) },
    minEl: 1,
    access: 'wo',
    storage: false,
    traps: lockTraps,
    write: (context, low) => context.store('OSLSR_EL1', (low & 1) !== 0 ? 0xa : 0x8),
  }),
  systemRegister('OSLSR_EL1', {
    encoding: 'S2_0_C1_C1_4',
    doc: 'OS lock status',
    minEl: 1,
    access: 'ro',
    reset: 0xan,
    traps: lockTraps,
    fields: {
      OSLM: bit(3, 'The lock is there'),
      nTT: bit(2, 'A write takes more than 32 bits'),
      OSLK: bit(1, 'OS lock', ['off', 'on']),
    },
  }),
  systemRegister('OSDLR_EL1', {
    encoding: 'S2_0_C1_C3_4',
    doc: 'OS double lock',
    fields: { DLK: bit(0, 'Double lock', ['off', 'on']) },
    minEl: 1,
    access: 'rw',
    writable: 0n,
    traps: lockTraps,
  }),
  systemRegister('DBGPRCR_EL1', {
    encoding: 'S2_0_C1_C4_4',
    doc: 'Power control',
    fields: { CORENPDRQ: bit(0, 'A power-down is emulated') },
    minEl: 1,
    access: 'rw',
    writable: 1n,
    traps: lockTraps,
  }),
  systemRegister('DBGCLAIMSET_EL1', {
    encoding: 'S2_0_C7_C8_6',
    doc: 'Claim tags, set',
    fields: claimTags,
    minEl: 1,
    access: 'rw',
    storage: false,
    traps: debugTraps,
    read: () => 0xff,
    write: (context, low) => context.store('DBGCLAIMCLR_EL1', context.low('DBGCLAIMCLR_EL1') | (low & 0xff)),
  }),
  systemRegister('DBGCLAIMCLR_EL1', {
    encoding: 'S2_0_C7_C9_6',
    doc: 'Claim tags, clear',
    fields: claimTags,
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
    write: (context, low) => context.store('DBGCLAIMCLR_EL1', context.low('DBGCLAIMCLR_EL1') & ~low),
  }),
  systemRegister('DBGAUTHSTATUS_EL1', {
    encoding: 'S2_0_C7_C14_6',
    doc: 'Debug authentication',
    fields: {
      SNID: bits(7, 6, 'Secure non-invasive debug', authentication),
      SID: bits(5, 4, 'Secure invasive debug', authentication),
      NSNID: bits(3, 2, 'Non-secure non-invasive debug', authentication),
      NSID: bits(1, 0, 'Non-secure invasive debug', authentication),
    },
    minEl: 1,
    access: 'ro',
    reset: 0xaan,
    traps: debugTraps,
  }),
];
