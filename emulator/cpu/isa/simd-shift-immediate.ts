// AdvSIMD shift by immediate, and AdvSIMD scalar shift by immediate. Arm ARM (DDI 0487), "Data
// Processing -- Scalar Floating-Point and Advanced SIMD". SCVTF, UCVTF, FCVTZS and FCVTZU
// (fixed-point) belong to simd-fp-*.ts.
//
// The highest set bit of immh gives the size; immh:immb is then width + amount for left shifts
// and 2 * width - amount for right shifts. immh = 0 is the modified immediate class.

import { bit, instruction } from './define.ts';
import type { Field, I32, Ops, V128 } from './ops.ts';
import {
  type Arrangement,
  fitsRegister,
  type Lanes,
  lanesOf,
  noteSaturation,
  type Saturated,
  scalarOf,
  truncateLanes,
  vectorOf,
  writeLanes,
  writeNarrow,
  writeSaturated,
} from './simd-lanes.ts';
import {
  type Narrowing,
  narrowSaturating,
  shiftLeftSaturating,
  shiftLeftSignedToUnsigned,
  shiftRight,
} from './simd-saturate.ts';

const BHS = [0, 1, 2];
const BHSD = [0, 1, 2, 3];

interface Immediate {
  readonly immh: number;
  readonly immb: number;
}

const sizeOf = (immh: number): number => 31 - Math.clz32(immh);

const leftShift = ({ immh, immb }: Immediate) => {
  const size = sizeOf(immh);
  return { size, amount: ((immh << 3) | immb) - (8 << size) };
};

/** Right shifts are 1 to the width; see shiftRight() for why the amount less one is kept. */
const rightShift = ({ immh, immb }: Immediate) => {
  const size = sizeOf(immh);
  return { size, amount: (16 << size) - ((immh << 3) | immb) - 1 };
};

interface Fields {
  readonly Q: number;
  readonly U: number;
  readonly size: number;
  readonly amount: Field;
  readonly Rn: Field;
  readonly Rd: Field;
}

interface Operands {
  readonly n: V128;
  readonly d: () => V128;
  readonly amount: I32;
  readonly unsigned: boolean;
}

type Meaning = (lanes: Lanes, operands: Operands) => V128 | Saturated;

const vector = (derive: typeof leftShift, meaning: Meaning, U: readonly number[] = bit) => ({
  static: { Q: bit, U, size: BHSD },
  combination: fitsRegister,
  accept: (fields: { Q: number; U: number; immh: number }) =>
    U.includes(fields.U) && fields.immh !== 0 && (fields.immh < 8 || fields.Q === 1),
  derive,
  fp: true,
  execute: (ops: Ops, fields: Fields) => perform(ops, vectorOf(fields.size, fields.Q), fields, meaning),
});

const scalar = (derive: typeof leftShift, meaning: Meaning, U: readonly number[] = bit, sizes = [3]) => ({
  static: { U, size: sizes },
  accept: (fields: { U: number; immh: number }) =>
    U.includes(fields.U) && fields.immh !== 0 && sizes.includes(sizeOf(fields.immh)),
  derive,
  fp: true,
  execute: (ops: Ops, fields: Omit<Fields, 'Q'>) => perform(ops, scalarOf(fields.size), fields, meaning),
});

function perform(ops: Ops, arrangement: Arrangement, fields: Omit<Fields, 'Q'>, meaning: Meaning): void {
  const result = meaning(lanesOf(ops, fields.size), {
    n: ops.readV(fields.Rn),
    d: () => ops.readV(fields.Rd),
    amount: ops.small(fields.amount),
    unsigned: fields.U === 1,
  });
  if ('saturated' in result) writeSaturated(ops, arrangement, fields.Rd, result);
  else writeLanes(ops, arrangement, fields.Rd, result);
}

/** SSHR, SSRA, SRSHR, SRSRA and their unsigned forms. */
const right =
  (how: { rounded: boolean; accumulate: boolean }): Meaning =>
  (l, { n, d, amount, unsigned }) => {
    const shifted = shiftRight(l, n, amount, unsigned, how.rounded);
    return how.accumulate ? l.add(d(), shifted) : shifted;
  };

const plain = right({ rounded: false, accumulate: false });
const accumulated = right({ rounded: false, accumulate: true });
const rounded = right({ rounded: true, accumulate: false });
const roundedAccumulated = right({ rounded: true, accumulate: true });

/** SRI: the bits shifted in are those of the destination. */
const insertRight: Meaning = (l, { n, d, amount }) => {
  const kept = shiftRight(l, l.constant(-1n), amount, true, false);
  return l.choose(kept, shiftRight(l, n, amount, true, false), d());
};

/** SHL, and with U SLI: the bits shifted in are those of the destination. */
const left: Meaning = (l, { n, d, amount, unsigned: insert }) => {
  const shifted = l.shl(n, amount);
  return insert ? l.choose(l.shl(l.constant(-1n), amount), shifted, d()) : shifted;
};

const leftSaturating: Meaning = (l, { n, amount, unsigned }) => shiftLeftSaturating(l, n, amount, unsigned);
const leftSignedToUnsigned: Meaning = (l, { n, amount }) => shiftLeftSignedToUnsigned(l, n, amount);

/** How the narrowing right shifts end; the rest of the name says whether they round. */
type NarrowKind = (U: number) => Narrowing | 'truncate';

const shrnOrSqshrun: NarrowKind = (U) => (U ? 'signed-to-unsigned' : 'truncate');
const signedOrUnsigned: NarrowKind = (U) => (U ? 'unsigned' : 'signed');

/** Right shift of wide lanes, then narrowed. The size is that of the narrow lanes. */
function shiftNarrow(
  ops: Ops,
  fields: Omit<Fields, 'Q'>,
  kind: NarrowKind,
  round: boolean,
): Saturated | V128 {
  const narrowing = kind(fields.U);
  const wide = lanesOf(ops, fields.size + 1);
  const unsigned = narrowing === 'unsigned' || narrowing === 'truncate';
  const shifted = shiftRight(wide, ops.readV(fields.Rn), ops.small(fields.amount), unsigned, round);
  if (narrowing === 'truncate') return truncateLanes(ops, fields.size, shifted);
  return narrowSaturating(wide, shifted, narrowing);
}

const narrow = (kind: NarrowKind, round: boolean) => ({
  static: { Q: bit, U: bit, size: BHS },
  accept: ({ immh }: { immh: number }) => immh !== 0 && immh < 8,
  derive: rightShift,
  fp: true,
  execute(ops: Ops, fields: Fields) {
    const result = shiftNarrow(ops, fields, kind, round);
    if ('saturated' in result) {
      noteSaturation(ops, vectorOf(fields.size + 1, 1), result.saturated);
      writeNarrow(ops, fields.Q, fields.Rd, result.value);
    } else {
      writeNarrow(ops, fields.Q, fields.Rd, result);
    }
  },
});

const scalarNarrow = (narrowing: Narrowing, round: boolean) => ({
  static: { size: BHS },
  accept: ({ immh }: { immh: number }) => immh !== 0 && immh < 8,
  derive: rightShift,
  fp: true,
  execute(ops: Ops, fields: Omit<Fields, 'Q' | 'U'>) {
    const wide = lanesOf(ops, fields.size + 1);
    const unsigned = narrowing === 'unsigned';
    const shifted = shiftRight(wide, ops.readV(fields.Rn), ops.small(fields.amount), unsigned, round);
    const { value, saturated } = narrowSaturating(wide, shifted, narrowing);
    noteSaturation(ops, scalarOf(fields.size + 1), saturated);
    writeLanes(ops, scalarOf(fields.size), fields.Rd, value);
  },
});

export const simdShiftByImmediate = [
  instruction(
    'SSHR, USHR (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 00000 1 Rn:5 Rd:5',
    vector(rightShift, plain),
  ),
  instruction(
    'SSRA, USRA (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 00010 1 Rn:5 Rd:5',
    vector(rightShift, accumulated),
  ),
  instruction(
    'SRSHR, URSHR (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 00100 1 Rn:5 Rd:5',
    vector(rightShift, rounded),
  ),
  instruction(
    'SRSRA, URSRA (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 00110 1 Rn:5 Rd:5',
    vector(rightShift, roundedAccumulated),
  ),
  instruction(
    'SRI (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 01000 1 Rn:5 Rd:5',
    vector(rightShift, insertRight, [1]),
  ),
  instruction(
    'SHL, SLI (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 01010 1 Rn:5 Rd:5',
    vector(leftShift, left),
  ),
  instruction(
    'SQSHLU (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 01100 1 Rn:5 Rd:5',
    vector(leftShift, leftSignedToUnsigned, [1]),
  ),
  instruction(
    'SQSHL, UQSHL (immediate, vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 01110 1 Rn:5 Rd:5',
    vector(leftShift, leftSaturating),
  ),
  instruction(
    'SHRN, SHRN2, SQSHRUN, SQSHRUN2 (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 10000 1 Rn:5 Rd:5',
    narrow(shrnOrSqshrun, false),
  ),
  instruction(
    'RSHRN, RSHRN2, SQRSHRUN, SQRSHRUN2 (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 10001 1 Rn:5 Rd:5',
    narrow(shrnOrSqshrun, true),
  ),
  instruction(
    'SQSHRN, SQSHRN2, UQSHRN, UQSHRN2 (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 10010 1 Rn:5 Rd:5',
    narrow(signedOrUnsigned, false),
  ),
  instruction(
    'SQRSHRN, SQRSHRN2, UQRSHRN, UQRSHRN2 (vector)',
    '0 Q:1 U:1 011110 immh:4 immb:3 10011 1 Rn:5 Rd:5',
    narrow(signedOrUnsigned, true),
  ),
  instruction('SSHLL, SSHLL2, USHLL, USHLL2', '0 Q:1 U:1 011110 immh:4 immb:3 10100 1 Rn:5 Rd:5', {
    static: { Q: bit, U: bit, size: BHS },
    accept: ({ immh }) => immh !== 0 && immh < 8,
    derive: leftShift,
    fp: true,
    execute(ops, { Q, U, size, amount, Rn, Rd }) {
      const extended = lanesOf(ops, size).extend(ops.readV(Rn), Q === 1, U === 1);
      ops.writeV(Rd, lanesOf(ops, size + 1).shl(extended, ops.small(amount)));
    },
  }),
];

export const simdScalarShiftByImmediate = [
  instruction(
    'SSHR, USHR (scalar)',
    '01 U:1 111110 immh:4 immb:3 00000 1 Rn:5 Rd:5',
    scalar(rightShift, plain),
  ),
  instruction(
    'SSRA, USRA (scalar)',
    '01 U:1 111110 immh:4 immb:3 00010 1 Rn:5 Rd:5',
    scalar(rightShift, accumulated),
  ),
  instruction(
    'SRSHR, URSHR (scalar)',
    '01 U:1 111110 immh:4 immb:3 00100 1 Rn:5 Rd:5',
    scalar(rightShift, rounded),
  ),
  instruction(
    'SRSRA, URSRA (scalar)',
    '01 U:1 111110 immh:4 immb:3 00110 1 Rn:5 Rd:5',
    scalar(rightShift, roundedAccumulated),
  ),
  instruction(
    'SRI (scalar)',
    '01 U:1 111110 immh:4 immb:3 01000 1 Rn:5 Rd:5',
    scalar(rightShift, insertRight, [1]),
  ),
  instruction('SHL, SLI (scalar)', '01 U:1 111110 immh:4 immb:3 01010 1 Rn:5 Rd:5', scalar(leftShift, left)),
  instruction(
    'SQSHLU (scalar)',
    '01 U:1 111110 immh:4 immb:3 01100 1 Rn:5 Rd:5',
    scalar(leftShift, leftSignedToUnsigned, [1], BHSD),
  ),
  instruction(
    'SQSHL, UQSHL (immediate, scalar)',
    '01 U:1 111110 immh:4 immb:3 01110 1 Rn:5 Rd:5',
    scalar(leftShift, leftSaturating, bit, BHSD),
  ),
  instruction(
    'SQSHRUN (scalar)',
    '01 1 111110 immh:4 immb:3 10000 1 Rn:5 Rd:5',
    scalarNarrow('signed-to-unsigned', false),
  ),
  instruction(
    'SQRSHRUN (scalar)',
    '01 1 111110 immh:4 immb:3 10001 1 Rn:5 Rd:5',
    scalarNarrow('signed-to-unsigned', true),
  ),
  instruction(
    'SQSHRN (scalar)',
    '01 0 111110 immh:4 immb:3 10010 1 Rn:5 Rd:5',
    scalarNarrow('signed', false),
  ),
  instruction(
    'UQSHRN (scalar)',
    '01 1 111110 immh:4 immb:3 10010 1 Rn:5 Rd:5',
    scalarNarrow('unsigned', false),
  ),
  instruction(
    'SQRSHRN (scalar)',
    '01 0 111110 immh:4 immb:3 10011 1 Rn:5 Rd:5',
    scalarNarrow('signed', true),
  ),
  instruction(
    'UQRSHRN (scalar)',
    '01 1 111110 immh:4 immb:3 10011 1 Rn:5 Rd:5',
    scalarNarrow('unsigned', true),
  ),
];
