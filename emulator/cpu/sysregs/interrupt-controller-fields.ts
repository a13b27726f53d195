// Fields of the GICv3's system registers, for the debugger. IHI 0069, 12.2 to 12.4.

import { bit, bits, type Fields, type Whole, type Words } from './define.ts';
import { interruptNumber, numberedBits } from './words.ts';

const onOff = ['off', 'on'] as const;
const count =
  (what: string): Words =>
  (value) =>
    `${value + 1n} ${what}`;

const intid: Fields = { INTID: bits(23, 0, 'Interrupt', interruptNumber) };
/** Lower values are more urgent. */
const priority: Words = (value) => {
  if (value === 0xffn) return 'lowest: everything passes';
  return value === 0n ? 'highest: nothing passes' : undefined;
};
const runningPriority: Words = (value) => (value === 0xffn ? 'idle: no interrupt is active' : undefined);
/** For group 1 the binary point counts one lower. */
const binaryPointWords =
  (group: 0 | 1): Words =>
  (value) => {
    const lowest = Number(value) + (group === 0 ? 1 : 0);
    if (lowest > 7) return 'none';
    if (lowest === 0) return undefined;
    return lowest === 7 ? 'bit 7' : `bits 7 to ${lowest}`;
  };
const binaryPoint = (group: 0 | 1): Fields => ({
  BinaryPoint: bits(2, 0, 'Priority bits that preempt', binaryPointWords(group)),
});
const enable: Fields = { Enable: bit(0, 'Interrupts of this group', onOff) };

const control: Fields = {
  ExtRange: bit(19, 'INTIDs from 1024 to 8191'),
  RSS: bit(18, 'SGIs reach affinities from 16'),
  A3V: bit(15, 'Affinity 3 may be other than zero'),
  SEIS: bit(14, 'SErrors are generated'),
  IDbits: bits(13, 11, 'INTIDs have', { 0: '16 bits', 1: '24 bits' }),
  PRIbits: bits(10, 8, 'Priorities have', count('bits')),
  PMHE: bit(6, 'The priority mask is a hint to the distributor'),
  EOImode: bit(1, 'End of interrupt', ['drops the priority and deactivates', 'drops the priority only']),
  CBPR: bit(0, 'Group 1 uses the binary point of', ['ICC_BPR1_EL1', 'ICC_BPR0_EL1']),
};
const systemRegisterEnable: Fields = {
  DIB: bit(2, 'IRQ bypass is off'),
  DFB: bit(1, 'FIQ bypass is off'),
  SRE: bit(0, 'Interface', ['memory-mapped', 'system registers']),
};
const sendSgi: Fields = {
  Aff3: bits(55, 48, 'Affinity 3 of the targets'),
  RS: bits(47, 44, 'Range of affinities 0'),
  IRM: bit(40, 'To', ['the targets', 'all others']),
  Aff2: bits(39, 32, 'Affinity 2 of the targets'),
  INTID: bits(27, 24, 'SGI', interruptNumber),
  Aff1: bits(23, 16, 'Affinity 1 of the targets'),
  TargetList: bits(15, 0, 'Affinities 0, one bit each'),
};

const activePriorities: Fields = numberedBits('P', 32, (n) => `Priority 0x${(8 * n).toString(16)}`, [
  'not active',
  'active',
]);
const activeWords: Whole = {
  words: (value) => {
    if ((value & 0xffff_ffffn) === 0n) return 'no interrupt is active';
    const levels = Array.from({ length: 32 }, (_, n) => n).filter((n) => ((value >> BigInt(n)) & 1n) !== 0n);
    return `active: ${levels.map((n) => `0x${(8 * n).toString(16)}`).join(', ')}`;
  },
};

const hypervisorControl: Fields = {
  EOIcount: bits(31, 27, 'Ends of interrupts that no list register had'),
  TDIR: bit(14, 'ICC_DIR_EL1 traps'),
  TSEI: bit(13, 'Locally generated SErrors trap'),
  TALL1: bit(12, 'Group 1 registers trap'),
  TALL0: bit(11, 'Group 0 registers trap'),
  TC: bit(10, 'Common registers trap'),
  VGrp1DIE: bit(7, 'Maintenance when group 1 is disabled', onOff),
  VGrp1EIE: bit(6, 'Maintenance when group 1 is enabled', onOff),
  VGrp0DIE: bit(5, 'Maintenance when group 0 is disabled', onOff),
  VGrp0EIE: bit(4, 'Maintenance when group 0 is enabled', onOff),
  NPIE: bit(3, 'Maintenance when nothing is pending', onOff),
  LRENPIE: bit(2, 'Maintenance when an end of interrupt had no list register', onOff),
  UIE: bit(1, 'Maintenance when at most one list register is in use', onOff),
  En: bit(0, 'Virtual CPU interface', onOff),
};
const hypervisorType: Fields = {
  PRIbits: bits(31, 29, 'Virtual priorities have', count('bits')),
  PREbits: bits(28, 26, 'Preemption looks at', count('bits')),
  IDbits: bits(25, 23, 'Virtual INTIDs have', { 0: '16 bits', 1: '24 bits' }),
  SEIS: bit(22, 'Virtual SErrors are generated'),
  A3V: bit(21, 'Affinity 3 may be other than zero'),
  nV4: bit(20, 'Direct injection (GICv4)', ['yes', 'no']),
  TDS: bit(19, 'ICH_HCR_EL2.TDIR is there'),
  ListRegs: bits(4, 0, 'List registers', (value) => `${value + 1n}`),
};
const maintenance: Fields = {
  VGrp1D: bit(7, 'Group 1 is disabled'),
  VGrp1E: bit(6, 'Group 1 is enabled'),
  VGrp0D: bit(5, 'Group 0 is disabled'),
  VGrp0E: bit(4, 'Group 0 is enabled'),
  NP: bit(3, 'No list register is pending'),
  LRENP: bit(2, 'An end of interrupt had no list register'),
  U: bit(1, 'At most one list register is in use'),
  EOI: bit(0, 'An end of interrupt asked for it'),
};
const machineControl: Fields = {
  VPMR: bits(31, 24, 'Priority mask', priority),
  VBPR0: bits(23, 21, 'Priority bits that preempt in group 0', binaryPointWords(0)),
  VBPR1: bits(20, 18, 'Priority bits that preempt in group 1', binaryPointWords(1)),
  VEOIM: bit(9, 'End of interrupt', ['drops the priority and deactivates', 'drops the priority only']),
  VCBPR: bit(4, 'Group 1 uses the binary point of', ['VBPR1', 'VBPR0']),
  VFIQEn: bit(3, 'Group 0 comes as', ['IRQ', 'FIQ']),
  VAckCtl: bit(2, 'GICv2: group 1 may be acknowledged as group 0'),
  VENG1: bit(1, 'Virtual interrupts of group 1', onOff),
  VENG0: bit(0, 'Virtual interrupts of group 0', onOff),
};

const LIST_STATES = { 0: 'invalid: empty', 1: 'pending', 2: 'active', 3: 'pending and active' };
const listRegister: Fields = {
  State: bits(63, 62, 'State', LIST_STATES),
  HW: bit(61, 'Deactivates a physical interrupt'),
  Group: bit(60, 'Group', ['0', '1']),
  Priority: bits(55, 48, 'Priority'),
  vINTID: bits(31, 0, 'Virtual interrupt', interruptNumber),
};
/** With HW clear, pINTID is a flag and reserved bits. */
const listRegisterVariant = (value: bigint): Fields =>
  ((value >> 61n) & 1n) !== 0n
    ? { pINTID: bits(44, 32, 'Physical interrupt', interruptNumber) }
    : { EOI: bit(41, 'End of interrupt raises maintenance') };
const listWords: Whole = {
  words: (value) => {
    const state = Number(value >> 62n);
    if (state === 0) return 'empty';
    const number = value & 0xffff_ffffn;
    return `${interruptNumber(number, value) ?? `INTID ${number}`}, ${LIST_STATES[state as 1 | 2 | 3]}`;
  },
};

interface Description {
  readonly fields: Fields;
  readonly variant?: (value: bigint) => Fields;
  readonly whole?: Whole;
}

const DESCRIPTIONS: readonly (readonly [name: RegExp, description: Description])[] = [
  [/^ICC_PMR_EL1$/, { fields: { Priority: bits(7, 0, 'Only more urgent interrupts pass', priority) } }],
  [/^ICC_CTLR_EL1$/, { fields: control }],
  [
    /^ICC_RPR_EL1$/,
    { fields: { Priority: bits(7, 0, 'Priority of the active interrupt', runningPriority) } },
  ],
  [/^ICC_(DIR|IAR\d|EOIR\d|HPPIR\d)_EL1$/, { fields: intid }],
  [/^ICC_SRE_EL1$/, { fields: systemRegisterEnable }],
  [/^ICC_SRE_EL2$/, { fields: { Enable: bit(3, 'EL1 may access ICC_SRE_EL1'), ...systemRegisterEnable } }],
  [/^ICC_A?SGI\dR_EL1$/, { fields: sendSgi }],
  [/^ICC_BPR0_EL1$/, { fields: binaryPoint(0) }],
  [/^ICC_BPR1_EL1$/, { fields: binaryPoint(1) }],
  [/^ICC_IGRPEN\d_EL1$/, { fields: enable }],
  [/^IC[CH]_AP\dR\d_EL[12]$/, { fields: activePriorities, whole: activeWords }],
  [/^ICH_HCR_EL2$/, { fields: hypervisorControl }],
  [/^ICH_VTR_EL2$/, { fields: hypervisorType }],
  [/^ICH_MISR_EL2$/, { fields: maintenance }],
  [
    /^ICH_EISR_EL2$/,
    { fields: numberedBits('Status', 16, (n) => `List register ${n} asked for maintenance`) },
  ],
  [
    /^ICH_ELRSR_EL2$/,
    { fields: numberedBits('Status', 16, (n) => `List register ${n}`, ['in use, or not there', 'empty']) },
  ],
  [/^ICH_VMCR_EL2$/, { fields: machineControl }],
  [/^ICH_LR\d+_EL2$/, { fields: listRegister, variant: listRegisterVariant, whole: listWords }],
];

export function interruptControllerDescription(name: string): Description {
  const found = DESCRIPTIONS.find(([pattern]) => pattern.test(name));
  if (found === undefined) throw new RangeError(`${name} has no fields`);
  return found[1];
}
