// Names and values of registers as people write them.

import * as errors from './errors.ts';

/** How wide a register is. System registers have 64 bits. */
export function registerBits(name: string): number {
  const lower = name.toLowerCase();
  if (/^v\d+$/.test(lower)) return 128;
  return ['pstate', 'fpcr', 'fpsr'].includes(lower) ? 32 : 64;
}

/** Decimal or hexadecimal, perhaps negative; what follows as a hint (`<symbol>`) is not part of it. */
export function parseRegisterValue(text: string, bits: number): bigint {
  const match = /^(-?)(0x[0-9a-f]+|0b[01]+|\d+)(?:\s|$)/i.exec(text.trim());
  if (!match) throw errors.notANumber(text, bits);
  const [, sign, digits = '0'] = match;
  const value = sign === '-' ? -BigInt(digits.toLowerCase()) : BigInt(digits.toLowerCase());
  if (value >= 1n << BigInt(bits) || value < -(1n << BigInt(bits - 1))) throw errors.notANumber(text, bits);
  return BigInt.asUintN(bits, value);
}

const MODES: Readonly<Record<number, string>> = {
  0b0000: 'EL0t',
  0b0100: 'EL1t',
  0b0101: 'EL1h',
  0b1000: 'EL2t',
  0b1001: 'EL2h',
};

/** SPSR's layout (DDI 0487, SPSR_EL1): `nZCv daIF EL1h`, capitals for bits that are set. */
export function pstateText(pstate: number): string {
  const letters = (text: string, highest: number): string =>
    Array.from(text, (letter, i) =>
      (pstate >>> (highest - i)) & 1 ? letter.toUpperCase() : letter.toLowerCase(),
    ).join('');
  const mode = MODES[pstate & 0xf] ?? `M${pstate & 0xf}`;
  return `${letters('nzcv', 31)} ${letters('daif', 9)} ${mode}`;
}
