// Every instruction row, in the order in which the decoder tries rows whose patterns overlap
// only through `accept`.

import { atomics } from './atomics.ts';
import { branches } from './branches.ts';
import { dataProcessingImmediate } from './data-processing-immediate.ts';
import { dataProcessingRegister } from './data-processing-register.ts';
import type { InstructionRow } from './define.ts';
import { exclusives } from './exclusives.ts';
import { floatingPoint } from './floating-point.ts';
import { loadsAndStores } from './loads-stores.ts';
import { simd } from './simd.ts';
import { watchingStackPointer } from './stack-pointer.ts';
import { system } from './system.ts';

export const instructions: readonly InstructionRow[] = watchingStackPointer([
  ...dataProcessingImmediate,
  ...dataProcessingRegister,
  ...branches,
  ...loadsAndStores,
  ...exclusives,
  ...atomics,
  ...system,
  ...floatingPoint,
  ...simd,
]);
