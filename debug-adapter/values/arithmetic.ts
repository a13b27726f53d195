// Arithmetic of C (C17, sections 6.3.1 and 6.5) on the LP64 model of AArch64: integer promotions, usual
// arithmetic conversions, wrap-around of unsigned types (and of signed ones, as compilers of kernels are
// told with -fwrapv).

import * as errors from '../errors.ts';
import type { ArithmeticOperator, ComparisonOperator } from './syntax.ts';
import {
  DOUBLE,
  FLOAT,
  INT,
  INT128,
  LONG,
  UNSIGNED_INT,
  UNSIGNED_INT128,
  UNSIGNED_LONG,
  word,
} from './types.ts';
import type { EnumerationType, FloatType, IntegerType, PointerType } from './types.ts';

export type Scalar =
  | { readonly kind: 'integer'; readonly type: IntegerType | EnumerationType; readonly value: bigint }
  | { readonly kind: 'pointer'; readonly type: PointerType; readonly value: bigint }
  | { readonly kind: 'float'; readonly type: FloatType; readonly value: number };

type Numeric = Exclude<Scalar, { kind: 'pointer' }>;

/** The value as the type has it: wrapped to its width, signed or not. */
export function wrapped(
  { size, signed }: { readonly size: number; readonly signed: boolean },
  value: bigint,
): bigint {
  return signed ? BigInt.asIntN(8 * size, value) : BigInt.asUintN(8 * size, value);
}

export const integerScalar = (type: IntegerType, value: bigint): Scalar & { kind: 'integer' } => ({
  kind: 'integer',
  type,
  value: wrapped(type, value),
});

export const floatScalar = (type: FloatType, value: number): Scalar & { kind: 'float' } => ({
  kind: 'float',
  type,
  value: type.size === 4 ? Math.fround(value) : value,
});

/** Integer promotions: what is narrower than an int becomes one. `bits`: of a bit-field. */
export function promoted(type: IntegerType | EnumerationType, bits: number = 8 * type.size): IntegerType {
  if (type.kind === 'integer' && type.role === 'word') return type.size < 4 ? word(32) : type;
  if (bits < 32 || (bits === 32 && type.size === 4 && type.signed)) return INT;
  if (type.size <= 4) return UNSIGNED_INT;
  if (type.kind === 'integer') return type;
  return type.signed ? LONG : UNSIGNED_LONG;
}

/** Usual arithmetic conversions of two integers. */
export function commonInteger(left: IntegerType, right: IntegerType): IntegerType {
  const larger = left.size > right.size || (left.size === right.size && !left.signed) ? left : right;
  // What is computed of a register or an address is shown like one.
  return left.role === 'word' || right.role === 'word' ? { ...larger, role: 'word' } : larger;
}

export function truth({ kind, value }: Scalar): boolean {
  return kind === 'float' ? value !== 0 : value !== 0n;
}

const isFloatOperator = (operator: ArithmeticOperator): boolean => /^[-+*/]$/.test(operator);

/** Of two numbers. Pointers are the evaluator's: they need sizes. */
export function arithmetic(operator: ArithmeticOperator, left: Numeric, right: Numeric): Numeric {
  if (left.kind === 'float' || right.kind === 'float') {
    if (!isFloatOperator(operator))
      throw errors.notComputable(`'${operator}' takes no floating-point number`);
    const type = commonFloat(left, right);
    return floatScalar(type, floatResult(operator, Number(left.value), Number(right.value)));
  }
  const a = promoted(left.type);
  const b = promoted(right.type);
  const isShift = operator === '<<' || operator === '>>';
  const type = isShift ? a : commonInteger(a, b);
  return integerScalar(
    type,
    integerResult(
      operator,
      wrapped(type, left.value),
      isShift ? right.value : wrapped(type, right.value),
      type,
    ),
  );
}

function commonFloat(left: Numeric, right: Numeric): FloatType {
  const sizes = [left, right].map((side) => (side.kind === 'float' ? side.type.size : 0));
  const widest = Math.max(...sizes);
  const found = [left, right].find((side) => side.kind === 'float' && side.type.size === widest);
  return found?.kind === 'float' ? found.type : DOUBLE;
}

function floatResult(operator: ArithmeticOperator, a: number, b: number): number {
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  return operator === '*' ? a * b : a / b;
}

function integerResult(operator: ArithmeticOperator, a: bigint, b: bigint, type: IntegerType): bigint {
  const width = BigInt(8 * type.size);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
    case '%':
      if (b === 0n) throw errors.notComputable('it divides by zero');
      return operator === '/' ? a / b : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '<<':
    case '>>':
      if (b < 0n) throw errors.notComputable('it shifts by a negative number');
      if (b >= width) return operator === '>>' && a < 0n ? -1n : 0n;
      return operator === '<<' ? a << b : a >> b;
  }
}

export function compare(operator: ComparisonOperator, left: Scalar, right: Scalar): Scalar {
  const holds = (a: bigint | number, b: bigint | number): boolean => {
    switch (operator) {
      case '<':
        return a < b;
      case '>':
        return a > b;
      case '<=':
        return a <= b;
      case '>=':
        return a >= b;
      // NaN and mixed kinds: the operands have one kind here.
      case '==':
        return a === b;
      case '!=':
        return a !== b;
    }
  };
  const result = (yes: boolean): Scalar => integerScalar(INT, yes ? 1n : 0n);
  if (left.kind === 'float' || right.kind === 'float') {
    return result(holds(Number(left.value), Number(right.value)));
  }
  if (left.kind === 'pointer' || right.kind === 'pointer') {
    return result(holds(BigInt.asUintN(64, left.value), BigInt.asUintN(64, right.value)));
  }
  const type = commonInteger(promoted(left.type), promoted(right.type));
  return result(holds(wrapped(type, left.value), wrapped(type, right.value)));
}

export function negated(operand: Numeric, operator: '-' | '+' | '~'): Numeric {
  if (operand.kind === 'float') {
    if (operator === '~') throw errors.notComputable("'~' takes no floating-point number");
    return operator === '-' ? floatScalar(operand.type, -operand.value) : operand;
  }
  const type = promoted(operand.type);
  const value = wrapped(type, operand.value);
  return integerScalar(type, operator === '-' ? -value : operator === '~' ? ~value : value);
}

/** A conversion by assignment or cast between numbers. */
export function toInteger(scalar: Scalar, type: IntegerType | EnumerationType): bigint {
  if (type.kind === 'integer' && type.role === 'boolean') return truth(scalar) ? 1n : 0n;
  if (scalar.kind !== 'float') return wrapped(type, scalar.value);
  if (!Number.isFinite(scalar.value)) throw errors.notComputable('no integer has this value');
  return wrapped(type, BigInt(Math.trunc(scalar.value)));
}

/** C17, 6.4.4.1: the first of the types in which it fits. */
export function literalType(literal: {
  readonly value: bigint;
  readonly unsigned: boolean;
  readonly long: boolean;
  readonly decimal: boolean;
}): IntegerType {
  const { value, unsigned, long, decimal } = literal;
  const fits = (type: IntegerType): boolean => wrapped(type, value) === value;
  const candidates = [INT, UNSIGNED_INT, LONG, UNSIGNED_LONG, INT128, UNSIGNED_INT128].filter(
    (type) =>
      (!unsigned || !type.signed) && (!long || type.size >= 8) && (unsigned || !decimal || type.signed),
  );
  return candidates.find(fits) ?? UNSIGNED_LONG;
}

export const floatTypeOf = (single: boolean): FloatType => (single ? FLOAT : DOUBLE);
