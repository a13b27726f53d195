// Values as the machine will have them, and the terms that read them: places with types, numbers extended as their types
// say.

import type { Program } from '../../emulator/machine/stop-programs.ts';
import { commonInteger, promoted } from './arithmetic.ts';
import { binary, constant, NotCompilable } from './compile-place.ts';
import { UNSIGNED_LONG } from './types.ts';
import type { EnumerationType, IntegerType, PointerType, Type } from './types.ts';

/** A value as the machine will have it. */
export interface Compiled {
  readonly type: Type;
  readonly place:
    | { readonly kind: 'memory'; readonly address: Program }
    /** Its low bits. */
    | { readonly kind: 'value'; readonly program: Program };
  /** Bits from the beginning of the place. */
  readonly bitOffset: number;
  readonly bitSize: number | undefined;
}

/** A number of 64 bits, extended as its type says. */
export interface Scalar {
  readonly type: IntegerType | EnumerationType | PointerType;
  readonly program: Program;
}

export const number = (program: Program, type: Type): Compiled => ({
  type,
  place: { kind: 'value', program },
  bitOffset: 0,
  bitSize: undefined,
});

export const common = (a: Scalar, b: Scalar): IntegerType | EnumerationType =>
  a.type.kind === 'pointer' || b.type.kind === 'pointer'
    ? UNSIGNED_LONG
    : commonInteger(promoted(a.type), promoted(b.type));

export const addressOf = (address: Program, bitOffset: number): Program =>
  binary('+', address, constant(BigInt(Math.floor(bitOffset / 8))));

/** 0 or 1 already. */
export function isTruth(program: Program): boolean {
  switch (program.kind) {
    case 'and':
    case 'or':
    case 'event-text':
      return true;
    case 'unary':
      return program.operator === '!';
    case 'binary':
      return /^(?:==|!=|[<>]=?[su])$/.test(program.operator);
    default:
      return false;
  }
}

/** Whether it is extended so by itself. */
function isExtended(program: Program, size: number, signed: boolean): boolean {
  if (isTruth(program)) return true;
  if (program.kind === 'extend') return program.bits === 8 * size && program.signed === signed;
  return program.kind === 'load' && program.size === size && program.signed === signed;
}

/** To 64 bits, as a value of the type has them. */
export function extended(
  program: Program,
  { size, signed }: { readonly size: number; readonly signed: boolean },
): Program {
  if (size >= 8 || isExtended(program, size, signed)) return program;
  if (program.kind === 'constant') {
    const bits = 8 * size;
    return constant(signed ? BigInt.asIntN(bits, program.value) : BigInt.asUintN(bits, program.value));
  }
  return { kind: 'extend', bits: 8 * size, signed, operand: program };
}

/** The number of a place. */
export function read({ place, bitOffset, bitSize }: Compiled, size: number, signed: boolean): Program {
  if (place.kind === 'memory') {
    const address = addressOf(place.address, bitOffset);
    if (bitSize === undefined) {
      if (size !== 1 && size !== 2 && size !== 4 && size !== 8)
        throw new NotCompilable('it has an unusual size');
      return { kind: 'load', address, size, signed };
    }
    const rest = bitOffset % 8;
    const bytes = [1, 2, 4, 8].find((n) => 8 * n >= rest + bitSize);
    if (bytes === undefined) throw new NotCompilable('its bits are spread over nine bytes');
    const word: Program = { kind: 'load', address, size: bytes as 1 | 2 | 4 | 8, signed: false };
    return bitsOf(word, rest, bitSize, signed);
  }
  if (bitSize === undefined && bitOffset === 0) return extended(place.program, { size, signed });
  return bitsOf(place.program, bitOffset, bitSize ?? 8 * size, signed);
}

function bitsOf(program: Program, offset: number, bits: number, signed: boolean): Program {
  const shifted = offset === 0 ? program : binary('>>u', program, constant(BigInt(offset)));
  return bits >= 64 ? shifted : { kind: 'extend', bits, signed, operand: shifted };
}
