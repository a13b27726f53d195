// Fields of registers by name: of system registers as their tables declare them, and of pstate.

import { type DecodedField, decodeFields, wordsOf } from '../emulator/cpu/sysregs/decode.ts';
import { lookupName } from '../emulator/cpu/sysregs/lookup.ts';
import { programStatus } from '../emulator/cpu/sysregs/program-status.ts';
import * as errors from './errors.ts';
import { parseRegisterValue } from './registers.ts';

const rowOf = (name: string) => (name === 'pstate' ? { fields: programStatus } : lookupName(name)?.row);

/** None for a register that is one number. */
export function fieldsOf(name: string, value: bigint): readonly DecodedField[] {
  const row = rowOf(name);
  return row ? decodeFields(row, value) : [];
}

/** What the register says as a whole, in words. */
export function registerWords(name: string, value: bigint): string | undefined {
  const row = rowOf(name);
  return row && wordsOf(row, value);
}

/** `ISS.DFSC` for a part of a field. */
export function fieldName({ name, within, reserved, high, low }: DecodedField): string {
  if (reserved) return high === low ? `reserved ${low}` : `reserved ${high}:${low}`;
  return within === undefined ? name : `${within}.${name}`;
}

/** The register's value with one field changed to what the user wrote. */
export function withField(register: string, value: bigint, field: string, text: string): bigint {
  const found = fieldsOf(register, value).find((one) => fieldName(one) === field);
  if (found === undefined) throw errors.unknownField(register, field);
  const width = found.high - found.low + 1;
  const mask = ((1n << BigInt(width)) - 1n) << BigInt(found.low);
  return (value & ~mask) | (parseRegisterValue(text, width) << BigInt(found.low));
}
