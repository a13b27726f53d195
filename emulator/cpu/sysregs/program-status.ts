// PSTATE as SPSR_ELx holds it, and the fields of the registers that show parts of it.
// DDI 0487, SPSR_EL1 and C5.2.

import { bit, bits, type Bits, type Fields } from './define.ts';

const MODES = {
  0b00000: 'EL0, SP_EL0 (EL0t)',
  0b00100: 'EL1, SP_EL0 (EL1t)',
  0b00101: 'EL1, SP_EL1 (EL1h)',
  0b01000: 'EL2, SP_EL0 (EL2t)',
  0b01001: 'EL2, SP_EL2 (EL2h)',
  0b01100: 'EL3, SP_EL0 (EL3t)',
  0b01101: 'EL3, SP_EL3 (EL3h)',
  0b10000: 'AArch32 User',
  0b10001: 'AArch32 FIQ',
  0b10010: 'AArch32 IRQ',
  0b10011: 'AArch32 Supervisor',
  0b10111: 'AArch32 Abort',
  0b11010: 'AArch32 Hyp',
  0b11011: 'AArch32 Undefined',
  0b11111: 'AArch32 System',
};

export const conditionFlags: Fields = {
  N: bit(31, 'Negative'),
  Z: bit(30, 'Zero'),
  C: bit(29, 'Carry'),
  V: bit(28, 'Overflow'),
};

const mask = (low: number, what: string): Bits => bit(low, what, ['not masked', 'masked']);

export const interruptMasks: Fields = {
  D: mask(9, 'Debug exceptions: breakpoints, watchpoints, software step'),
  A: mask(8, 'SError'),
  I: mask(7, 'IRQ'),
  F: mask(6, 'FIQ'),
};

export const panField: Bits = bit(22, 'Privileged access to memory of EL0 faults (PAN)');
export const uaoField: Bits = bit(23, 'LDTR and STTR act as privileged accesses (UAO)');

export const programStatus: Fields = {
  ...conditionFlags,
  TCO: bit(25, 'Tag checks off'),
  DIT: bit(24, 'Data-independent timing'),
  UAO: uaoField,
  PAN: panField,
  SS: bit(21, 'A software step is due'),
  IL: bit(20, 'Illegal Execution state'),
  SSBS: bit(12, 'Speculative store bypass is allowed'),
  BTYPE: bits(11, 10, 'Branch type for BTI'),
  ...interruptMasks,
  M: bits(4, 0, 'Exception level and stack pointer', MODES),
};
