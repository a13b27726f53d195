// Self-hosted debug registers. DDI 0487, D17.3. Software step and BRK work; breakpoint and
// watchpoint registers are storage that matches nothing.

import { MDSCR_EL1 } from '../../memory/layout.ts';
import { bit, numbered, systemRegister, type SystemRegisterRow, type Trap, trapBelowEl2 } from './define.ts';

const debugTraps: readonly Trap[] = [trapBelowEl2('MDCR_EL2.TDA')];
const lockTraps: readonly Trap[] = [trapBelowEl2('MDCR_EL2.TDOSA')];
/** EL0 reaches the debug communication channel unless MDSCR_EL1.TDCC. */
const channelTraps: readonly Trap[] = [{ control: 'MDSCR_EL1.TDCC', from: [0], to: 1 }, ...debugTraps];

const BREAKPOINTS = 6;
const WATCHPOINTS = 4;
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
      ...(missing ? { storage: false as const, check: () => 'undefined' as const } : {}),
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
      SS: bit(0, 'Software step on'),
      TDCC: bit(12, 'The communication channel traps at EL0'),
      KDE: bit(13, 'Debug exceptions of the kernel itself'),
      MDE: bit(15, 'Breakpoints and watchpoints on'),
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
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('OSDTRTX_EL1', {
    encoding: 'S2_0_C0_C3_2',
    doc: 'OS lock data transfer',
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('OSECCR_EL1', {
    encoding: 'S2_0_C0_C6_2',
    doc: 'OS lock exception catch',
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('MDCCINT_EL1', {
    encoding: 'S2_0_C0_C2_0',
    doc: 'Communication channel interrupts',
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
  }),
  systemRegister('MDCCSR_EL0', {
    encoding: 'S2_3_C0_C1_0',
    doc: 'Communication channel status: empty',
    minEl: 0,
    access: 'ro',
    traps: channelTraps,
  }),
  systemRegister('DBGDTR_EL0', {
    encoding: 'S2_3_C0_C4_0',
    doc: 'Communication channel, 64 bits',
    minEl: 0,
    access: 'rw',
    writable: 0n,
    traps: channelTraps,
  }),
  // Reading receives, writing transmits: one encoding.
  systemRegister('DBGDTRRX_EL0', {
    encoding: 'S2_3_C0_C5_0',
    doc: 'Communication channel',
    minEl: 0,
    access: 'rw',
    writable: 0n,
    traps: channelTraps,
  }),
  systemRegister('DBGVCR32_EL2', {
    encoding: 'S2_4_C0_C7_0',
    doc: 'AArch32 vector catch',
    minEl: 2,
    access: 'rw',
  }),
  systemRegister('MDRAR_EL1', {
    encoding: 'S2_0_C1_C0_0',
    doc: 'Debug ROM address: none',
    minEl: 1,
    access: 'ro',
    traps: [trapBelowEl2('MDCR_EL2.TDRA')],
  }),
  systemRegister('OSLAR_EL1', {
    encoding: 'S2_0_C1_C0_4',
    doc: 'OS lock',
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
    fields: { OSLK: bit(1, 'Locked'), OSLM: bit(3, 'The lock is implemented') },
  }),
  systemRegister('OSDLR_EL1', {
    encoding: 'S2_0_C1_C3_4',
    doc: 'OS double lock',
    minEl: 1,
    access: 'rw',
    writable: 0n,
    traps: lockTraps,
  }),
  systemRegister('DBGPRCR_EL1', {
    encoding: 'S2_0_C1_C4_4',
    doc: 'Power control',
    minEl: 1,
    access: 'rw',
    writable: 1n,
    traps: lockTraps,
  }),
  systemRegister('DBGCLAIMSET_EL1', {
    encoding: 'S2_0_C7_C8_6',
    doc: 'Claim tags, set',
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
    minEl: 1,
    access: 'rw',
    traps: debugTraps,
    write: (context, low) => context.store('DBGCLAIMCLR_EL1', context.low('DBGCLAIMCLR_EL1') & ~low),
  }),
  systemRegister('DBGAUTHSTATUS_EL1', {
    encoding: 'S2_0_C7_C14_6',
    doc: 'Debug authentication',
    minEl: 1,
    access: 'ro',
    reset: 0xaan,
    traps: debugTraps,
  }),
];
