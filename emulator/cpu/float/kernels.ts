// The floating-point kernels as instructions call them: names and signatures of index.as.ts.

import type { ValueType } from '../../base/wasm/opcodes.ts';
import type { Kernel } from '../kernels.ts';

export type FloatBits = 16 | 32 | 64;

export type FloatUnary = 'fsqrt' | 'frecpe' | 'frsqrte' | 'frecpx';
export type FloatBinary =
  | 'fadd'
  | 'fsub'
  | 'fmul'
  | 'fmulx'
  | 'fdiv'
  | 'fmax'
  | 'fmin'
  | 'fmaxnum'
  | 'fminnum'
  | 'frecps'
  | 'frsqrts';
export type FloatComparison = 'fcmpeq' | 'fcmpge' | 'fcmpgt';

export type FloatKernelName =
  | `${FloatUnary | FloatBinary | FloatComparison | 'fmuladd' | 'fcmp' | 'frint'}${FloatBits}`
  | `frintsize${32 | 64}`
  | `f${FloatBits}toi${32 | 64}`
  | 'f16toi16'
  | `i${32 | 64}tof${FloatBits}`
  | 'i16tof16'
  | 'f16tof32'
  | 'f16tof64'
  | 'f32tof16'
  | 'f32tof64'
  | 'f64tof16'
  | 'f64tof32'
  | 'f64tof32odd'
  | 'f32tobf16'
  | 'fmuladd16to32'
  | 'bfdot'
  | 'fjcvtzs'
  | 'urecpe'
  | 'ursqrte';

const SIZES = [16, 32, 64] as const;
const valueType = (bits: number): ValueType => (bits === 64 ? 'i64' : 'i32');

function declare(): Record<FloatKernelName, Kernel> {
  const rows: [FloatKernelName, Kernel][] = [];
  const add = (name: FloatKernelName, params: readonly ValueType[], result: ValueType): void => {
    rows.push([name, { params, result }]);
  };
  const unary = ['fsqrt', 'frecpe', 'frsqrte', 'frecpx'] as const;
  const binary = [
    'fadd',
    'fsub',
    'fmul',
    'fmulx',
    'fdiv',
    'fmax',
    'fmin',
    'fmaxnum',
    'fminnum',
    'frecps',
    'frsqrts',
  ] as const;
  const comparisons = ['fcmpeq', 'fcmpge', 'fcmpgt'] as const;
  for (const bits of SIZES) {
    const type = valueType(bits);
    for (const name of unary) add(`${name}${bits}`, [type], type);
    for (const name of binary) add(`${name}${bits}`, [type, type], type);
    for (const name of comparisons) add(`${name}${bits}`, [type, type], 'i32');
    add(`fcmp${bits}`, [type, type, 'i32'], 'i32');
    add(`fmuladd${bits}`, [type, type, type], type);
    add(`frint${bits}`, [type, 'i32', 'i32'], type);
    if (bits !== 16) add(`frintsize${bits}`, [type, 'i32', 'i32'], type);
    for (const integer of [32, 64] as const) {
      add(`f${bits}toi${integer}`, [type, 'i32', 'i32', 'i32'], valueType(integer));
      add(`i${integer}tof${bits}`, [valueType(integer), 'i32', 'i32'], type);
    }
  }
  add('f16toi16', ['i32', 'i32', 'i32', 'i32'], 'i32');
  add('i16tof16', ['i32', 'i32', 'i32'], 'i32');
  add('f16tof32', ['i32'], 'i32');
  add('f16tof64', ['i32'], 'i64');
  add('f32tof16', ['i32'], 'i32');
  add('f32tof64', ['i32'], 'i64');
  add('f64tof16', ['i64'], 'i32');
  add('f64tof32', ['i64'], 'i32');
  add('f64tof32odd', ['i64'], 'i32');
  add('f32tobf16', ['i32'], 'i32');
  add('fmuladd16to32', ['i32', 'i32', 'i32'], 'i32');
  add('bfdot', ['i32', 'i32', 'i32'], 'i32');
  add('fjcvtzs', ['i64'], 'i64');
  add('urecpe', ['i32'], 'i32');
  add('ursqrte', ['i32'], 'i32');
  return Object.fromEntries(rows) as Record<FloatKernelName, Kernel>;
}

export const floatKernels = declare();
