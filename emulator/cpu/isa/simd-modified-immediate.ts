// AdvSIMD modified immediate: MOVI, MVNI, ORR, BIC and FMOV (vector, immediate). Arm ARM
// (DDI 0487), AdvSIMDExpandImm(), VFPExpandImm().

import { bit, instruction } from './define.ts';
import { vectorOf, writeLanes } from './simd-lanes.ts';

interface Immediate {
  readonly op: number;
  readonly abc: number;
  readonly cmode: number;
  readonly defgh: number;
}

const MOVE = 0;
const OR = 1;
const AND = 2;

/** What is done with the immediate. For MVNI and BIC it is inverted when the word is decoded. */
function kindOf({ op, cmode }: Immediate): number {
  if (cmode >= 12 || (cmode & 1) === 0) return MOVE;
  return op ? AND : OR;
}

export const simdModifiedImmediate = [
  instruction(
    'MOVI, MVNI, ORR, BIC, FMOV (vector, immediate)',
    '0 Q:1 op:1 0111100000 abc:3 cmode:4 0 1 defgh:5 Rd:5',
    {
      static: { Q: bit, kind: [MOVE, OR, AND] },
      accept: ({ Q, op, cmode }) => !(cmode === 15 && op === 1 && Q === 0),
      derive: (fields) => ({ kind: kindOf(fields), imm: expandImmediate(fields) }),
      fp: true,
      execute(ops, { Q, kind, imm, Rd }) {
        const value = ops.splat(64, ops.immediate(imm, 64));
        let result = value;
        if (kind === OR) result = ops.simd('v128.or', ops.readV(Rd), value);
        if (kind === AND) result = ops.simd('v128.and', ops.readV(Rd), value);
        writeLanes(ops, vectorOf(3, Q), Rd, result);
      },
    },
  ),
  instruction('FMOV (vector, immediate, half-precision)', '0 Q:1 0 0111100000 abc:3 1111 1 1 defgh:5 Rd:5', {
    static: { Q: bit },
    derive: ({ abc, defgh }) => ({ imm: replicate(floatImmediate((abc << 5) | defgh, 5, 10), 16) }),
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { Q, imm, Rd }) {
      writeLanes(ops, vectorOf(3, Q), Rd, ops.splat(64, ops.immediate(imm, 64)));
    },
  }),
];

/** AdvSIMDExpandImm(), inverted where the operation uses the inverse. */
function expandImmediate({ op, abc, cmode, defgh }: Immediate): bigint {
  const imm8 = (abc << 5) | defgh;
  const byte = BigInt(imm8);
  if (cmode === 14) return op ? byteMask(imm8) : replicate(byte, 8);
  if (cmode === 15) return op ? floatImmediate(imm8, 11, 52) : replicate(floatImmediate(imm8, 8, 23), 32);

  let value: bigint;
  if (cmode < 8) value = replicate(byte << BigInt(8 * (cmode >> 1)), 32);
  else if (cmode < 12) value = replicate(byte << BigInt(8 * ((cmode >> 1) & 1)), 16);
  else value = replicate(cmode & 1 ? (byte << 16n) | 0xffffn : (byte << 8n) | 0xffn, 32);
  return op ? BigInt.asUintN(64, ~value) : value;
}

/** Each bit of the immediate is a byte of ones or zeros. */
function byteMask(imm8: number): bigint {
  let value = 0n;
  for (let i = 0; i < 8; i++) if (imm8 & (1 << i)) value |= 0xffn << BigInt(8 * i);
  return value;
}

function replicate(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let shift = 0; shift < 64; shift += bits) result |= value << BigInt(shift);
  return result;
}

/** VFPExpandImm(): sign, three bits of exponent, four of fraction. */
function floatImmediate(imm8: number, exponentBits: number, fractionBits: number): bigint {
  const sign = imm8 >> 7;
  const top = (imm8 >> 6) & 1;
  const repeated = top ? (1 << (exponentBits - 3)) - 1 : 0;
  const exponent = ((top ^ 1) << (exponentBits - 1)) | (repeated << 2) | ((imm8 >> 4) & 3);
  const signAndExponent = BigInt((sign << exponentBits) | exponent);
  return (signAndExponent << BigInt(fractionBits)) | (BigInt(imm8 & 15) << BigInt(fractionBits - 4));
}
