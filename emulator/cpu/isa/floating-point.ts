// All rows whose values or lanes are floating-point numbers.

import type { InstructionRow } from './define.ts';
import { fpConversion } from './fp-conversion.ts';
import { fpDataProcessing } from './fp-data-processing.ts';
import { simdBfloat } from './simd-bfloat.ts';
import { simdFpByElement } from './simd-fp-by-element.ts';
import { simdFpFixedPoint } from './simd-fp-fixed-point.ts';
import { simdFpReduce } from './simd-fp-reduce.ts';
import { simdFpThreeSame } from './simd-fp-three-same.ts';
import { simdFpTwoRegister } from './simd-fp-two-register.ts';

export const floatingPoint: readonly InstructionRow[] = [
  ...fpDataProcessing,
  ...fpConversion,
  ...simdFpThreeSame,
  ...simdFpTwoRegister,
  ...simdFpReduce,
  ...simdFpByElement,
  ...simdFpFixedPoint,
  ...simdBfloat,
];
