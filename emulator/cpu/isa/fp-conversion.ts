// Conversion and moves between floating-point and general registers.
// Arm ARM (DDI 0487), "Conversion between floating-point and integer", "… and fixed-point".

import { bit, type InstructionRow, instruction } from './define.ts';
import {
  ROUND,
  floatConstant,
  formatOf,
  inEachPrecision,
  readScalar,
  since,
  suffix,
  selective,
} from './fp-values.ts';
import type { I32, I64, Int } from './ops.ts';

// ---------------------------------------------------------------- to integer

/** `opcode` 0, 1 with any `rmode`, and 4, 5 (ties away) with `rmode` 0; bit 0 is "unsigned". */
const toInteger = inEachPrecision((ftypes, feature) =>
  instruction(
    `FCVTNS, FCVTNU, FCVTPS, FCVTPU, FCVTMS, FCVTMU, FCVTZS, FCVTZU, FCVTAS, FCVTAU (scalar)${suffix(feature)}`,
    'sf:1 0011110 ftype:2 1 rmode:2 away:1 0 unsigned:1 000000 Rn:5 Rd:5',
    {
      static: { sf: bit, ftype: ftypes },
      accept: ({ away, rmode }) => away === 0 || rmode === 0,
      derive: ({ away, rmode }) => ({ rounding: away ? ROUND.tieAway : rmode }),
      fp: true,
      ...since(feature),
      execute(ops, { sf, ftype, rounding, unsigned, Rn, Rd }) {
        const bits = formatOf(ftype);
        const width = sf ? 64 : 32;
        const operand = readScalar(ops, Rn, bits);
        const mode = ops.small(rounding);
        const result = ops.call<Int>(`f${bits}toi${width}`, operand, ops.i32(0), mode, ops.small(unsigned));
        ops.writeX(Rd, width, result);
      },
    },
  ),
);

const toFixed = inEachPrecision((ftypes, feature) =>
  instruction(
    `FCVTZS, FCVTZU (scalar, fixed-point)${suffix(feature)}`,
    'sf:1 0011110 ftype:2 0 11 00 unsigned:1 scale:6 Rn:5 Rd:5',
    {
      static: { sf: bit, ftype: ftypes },
      accept: ({ sf, scale }) => sf === 1 || scale >= 32,
      derive: ({ scale }) => ({ fractionDigits: 64 - scale }),
      fp: true,
      ...since(feature),
      execute(ops, { sf, ftype, fractionDigits, unsigned, Rn, Rd }) {
        const bits = formatOf(ftype);
        const width = sf ? 64 : 32;
        const operand = readScalar(ops, Rn, bits);
        const digits = ops.small(fractionDigits);
        const result = ops.call<Int>(
          `f${bits}toi${width}`,
          operand,
          digits,
          ops.i32(ROUND.zero),
          ops.small(unsigned),
        );
        ops.writeX(Rd, width, result);
      },
    },
  ),
);

const toInt32AsJavaScript = instruction('FJCVTZS', '0 0011110 01 1 11 110 000000 Rn:5 Rd:5', {
  since: 'FEAT_JSCVT',
  fp: true,
  execute(ops, { Rn, Rd }) {
    const result = ops.call<I64>('fjcvtzs', ops.readVLane0(Rn, 64));
    ops.writeX(Rd, 32, ops.wrap(result));
    // Bit 32 says "exact": Z, and N, C, V are cleared.
    const exact = ops.wrap(ops.shrU(result, ops.i64(32)));
    ops.setFlagsNzcv(ops.shl(exact, ops.i32(2)));
  },
});

// ---------------------------------------------------------------- from integer

const fromInteger = inEachPrecision((ftypes, feature) =>
  instruction(
    `SCVTF, UCVTF (scalar, integer)${suffix(feature)}`,
    'sf:1 0011110 ftype:2 1 00 01 unsigned:1 000000 Rn:5 Rd:5',
    {
      static: { sf: bit, ftype: ftypes },
      fp: true,
      ...since(feature),
      execute(ops, { sf, ftype, unsigned, Rn, Rd }) {
        const bits = formatOf(ftype);
        const width = sf ? 64 : 32;
        const operand = ops.readX(Rn, width);
        const result = ops.call<Int>(`i${width}tof${bits}`, operand, ops.i32(0), ops.small(unsigned));
        ops.writeVLane0(Rd, bits, result);
      },
    },
  ),
);

const fromFixed = inEachPrecision((ftypes, feature) =>
  instruction(
    `SCVTF, UCVTF (scalar, fixed-point)${suffix(feature)}`,
    'sf:1 0011110 ftype:2 0 00 01 unsigned:1 scale:6 Rn:5 Rd:5',
    {
      static: { sf: bit, ftype: ftypes },
      accept: ({ sf, scale }) => sf === 1 || scale >= 32,
      derive: ({ scale }) => ({ fractionDigits: 64 - scale }),
      fp: true,
      ...since(feature),
      execute(ops, { sf, ftype, fractionDigits, unsigned, Rn, Rd }) {
        const bits = formatOf(ftype);
        const width = sf ? 64 : 32;
        const operand = ops.readX(Rn, width);
        const digits = ops.small(fractionDigits);
        ops.writeVLane0(Rd, bits, ops.call<Int>(`i${width}tof${bits}`, operand, digits, ops.small(unsigned)));
      },
    },
  ),
);

// ---------------------------------------------------------------- moves of raw bits

const moveWord = instruction('FMOV (general, 32 bits)', '0 0011110 00 1 00 11 toFp:1 000000 Rn:5 Rd:5', {
  static: { toFp: bit },
  fp: true,
  execute(ops, { toFp, Rn, Rd }) {
    if (toFp) ops.writeVLane0(Rd, 32, ops.readX(Rn, 32));
    else ops.writeX(Rd, 32, ops.readVLane0(Rn, 32));
  },
});

const moveDoubleword = instruction(
  'FMOV (general, 64 bits)',
  '1 0011110 01 1 00 11 toFp:1 000000 Rn:5 Rd:5',
  {
    static: { toFp: bit },
    fp: true,
    execute(ops, { toFp, Rn, Rd }) {
      if (toFp) ops.writeVLane0(Rd, 64, ops.readX(Rn, 64));
      else ops.writeX(Rd, 64, ops.readVLane0(Rn, 64));
    },
  },
);

const moveUpperHalf = instruction(
  'FMOV (general, upper half)',
  '1 0011110 10 1 01 11 toFp:1 000000 Rn:5 Rd:5',
  {
    static: { toFp: bit },
    fp: true,
    execute(ops, { toFp, Rn, Rd }) {
      if (toFp) ops.writeV(Rd, ops.replaceLane(64, ops.readV(Rd), 1, ops.readX(Rn, 64)));
      else ops.writeX(Rd, 64, ops.extractLane(64, ops.readV(Rn), 1));
    },
  },
);

const moveHalfPrecision = instruction(
  'FMOV (general, 16 bits)',
  'sf:1 0011110 11 1 00 11 toFp:1 000000 Rn:5 Rd:5',
  {
    static: { toFp: bit },
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { toFp, Rn, Rd }) {
      if (toFp)
        ops.writeVLane0(Rd, 16, ops.and(ops.readX(Rn, 32) as I32, floatConstant(ops, 16, 0xffffn) as I32));
      else ops.writeX(Rd, 32, ops.readVLane0(Rn, 16));
    },
  },
);

export const fpConversion: readonly InstructionRow[] = [
  ...toInteger,
  ...toFixed,
  toInt32AsJavaScript,
  ...fromInteger,
  ...fromFixed,
  moveWord,
  moveDoubleword,
  moveUpperHalf,
  moveHalfPrecision,
].map(selective);
