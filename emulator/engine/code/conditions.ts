// Condition codes as expressions: after the operation that the flags follow from, or from N, Z, C
// and V themselves. Arm ARM (DDI 0487), "Condition code".

import * as layout from '../../memory/layout.ts';
import * as code from './expression.ts';
import type { Expression } from './expression.ts';
import type { FunctionBuilder } from './function-builder.ts';

/** Condition codes after SUBS a, b. */
export function afterSubtraction(conditionCode: number, a: Expression, b: Expression): Expression {
  const zero = code.constant(a.type as 'i32' | 'i64', 0);
  const difference = code.binary('sub', a, b);
  const overflow = (): Expression =>
    code.compare(
      'ltS',
      code.binary('and', code.binary('xor', a, b), code.binary('xor', a, difference)),
      zero,
    );
  switch (conditionCode) {
    case 0:
      return b.kind === 'constant' && b.value === 0 ? code.eqz(a) : code.compare('eq', a, b);
    case 1:
      return code.compare('ne', a, b);
    case 2:
      return code.compare('geU', a, b);
    case 3:
      return code.compare('ltU', a, b);
    case 4:
      return code.compare('ltS', difference, zero);
    case 5:
      return code.compare('geS', difference, zero);
    case 6:
      return overflow();
    case 7:
      return code.eqz(overflow());
    case 8:
      return code.compare('gtU', a, b);
    case 9:
      return code.compare('leU', a, b);
    case 10:
      return code.compare('geS', a, b);
    case 11:
      return code.compare('ltS', a, b);
    case 12:
      return code.compare('gtS', a, b);
    default:
      return code.compare('leS', a, b);
  }
}

/** Condition codes after ADDS a, b. */
export function afterAddition(conditionCode: number, a: Expression, b: Expression): Expression {
  const sum = code.binary('add', a, b);
  return afterSum(conditionCode, a, b, sum, code.compare('ltU', sum, a));
}

/** Condition codes after ADCS a, b with this carry (i32), which is 0 or 1; SBCS is ADCS of the complement. */
export function afterAddWithCarry(
  conditionCode: number,
  a: Expression,
  b: Expression,
  carry: Expression,
): Expression {
  const sum = code.binary('add', code.binary('add', a, b), a.type === 'i64' ? code.extendU(carry) : carry);
  const carryOut = code.select(carry, code.compare('leU', sum, a), code.compare('ltU', sum, a));
  return afterSum(conditionCode, a, b, sum, carryOut);
}

function afterSum(
  conditionCode: number,
  a: Expression,
  b: Expression,
  sum: Expression,
  carry: Expression,
): Expression {
  const zero = code.constant(a.type as 'i32' | 'i64', 0);
  const negative = code.compare('ltS', sum, zero);
  const overflow = code.compare(
    'ltS',
    code.binary('and', code.binary('xor', sum, a), code.binary('xor', sum, b)),
    zero,
  );
  const isNotZero = code.compare('ne', sum, zero);
  const positive = (): Expression => {
    switch (conditionCode >> 1) {
      case 0:
        return code.eqz(sum);
      case 1:
        return carry;
      case 2:
        return negative;
      case 3:
        return overflow;
      case 4:
        return code.binary('and', carry, isNotZero);
      case 5:
        return code.compare('eq', negative, overflow);
      default:
        return code.binary('and', code.compare('eq', negative, overflow), isNotZero);
    }
  };
  return conditionCode & 1 ? code.eqz(positive()) : positive();
}

/** Condition codes 0..13 from N, Z, C, V at bits 3..0: a bit for each of their 16 values. */
export function fromNzcv(conditionCode: number, nzcv: Expression): Expression {
  let holding = 0;
  for (let value = 0; value < 16; value++) {
    const [n, z, c, v] = [(value >> 3) & 1, (value >> 2) & 1, (value >> 1) & 1, value & 1];
    const positive = [z, c, n, v, c & (z ^ 1), n ^ v ^ 1, (n ^ v ^ 1) & (z ^ 1)][
      conditionCode >> 1
    ] as number;
    if (positive !== (conditionCode & 1)) holding |= 1 << value;
  }
  const shifted = code.binary('shrU', code.constant('i32', holding), nzcv);
  return code.binary('and', shifted, code.constant('i32', 1));
}

/** Flags as they are kept: FLAGS_OP and its operands. */
export interface StoredFlags {
  readonly op: Expression;
  readonly a: Expression;
  readonly b: Expression;
}

/** A condition of flags whose operation is known at run time only. `b` is computed only where it is needed. */
export function emitCondition(
  builder: FunctionBuilder,
  conditionCode: number,
  { op, a: first, b }: StoredFlags,
): Expression<'i32'> {
  const usesCarry = conditionCode >> 1 === 1 || conditionCode >> 1 === 4;
  const result = builder.temporary('i32');
  const isOp = (value: number): Expression => code.compare('eq', op, code.constant('i32', value));
  const a = builder.pin(first);
  // FLAGS_SUB and FLAGS_LOGIC are neighbours.
  const subtracted = code.binary('sub', op, code.constant('i32', layout.FLAGS_SUB));
  builder.if(usesCarry ? isOp(layout.FLAGS_SUB) : code.compare('leU', subtracted, code.constant('i32', 1)));
  builder.set(result, afterSubtraction(conditionCode, a, builder.pin(b)));
  builder.else();
  builder.if(isOp(layout.FLAGS_ADD));
  builder.set(result, afterAddition(conditionCode, a, builder.pin(b)));
  builder.else();
  builder.set(result, fromNzcv(conditionCode, code.wrap(a)));
  if (usesCarry) {
    builder.if(isOp(layout.FLAGS_LOGIC));
    // C is clear: LO and LS hold.
    builder.set(result, code.constant('i32', conditionCode & 1));
    builder.end();
  }
  builder.end();
  builder.end();
  return code.local('i32', result);
}
