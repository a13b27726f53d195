// All integer AdvSIMD and cryptographic rows, and the loads and stores of SIMD&FP registers.

import { cryptoAes } from './crypto-aes.ts';
import { cryptoSha } from './crypto-sha.ts';
import { cryptoSha3, cryptoSha512 } from './crypto-sha512.ts';
import { cryptoSm3, cryptoSm4 } from './crypto-sm.ts';
import type { InstructionRow } from './define.ts';
import { simdAcrossLanes } from './simd-across-lanes.ts';
import { simdByElement, simdScalarByElement } from './simd-by-element.ts';
import { simdCopy } from './simd-copy.ts';
import { simdLoadStore } from './simd-load-store.ts';
import { simdLoadStorePair } from './simd-load-store-pair.ts';
import { simdLoadStoreSingle } from './simd-load-store-single.ts';
import { simdLoadStoreStructures } from './simd-load-store-structures.ts';
import { simdLogical } from './simd-logical.ts';
import { simdModifiedImmediate } from './simd-modified-immediate.ts';
import { simdPermute } from './simd-permute.ts';
import { simdScalarShiftByImmediate, simdShiftByImmediate } from './simd-shift-immediate.ts';
import { simdScalarThreeDifferent, simdThreeDifferent } from './simd-three-different.ts';
import { simdScalarThreeSame, simdThreeSame } from './simd-three-same.ts';
import { simdThreeSameExtra } from './simd-three-same-extra.ts';
import { simdScalarTwoRegister, simdTwoRegister } from './simd-two-register.ts';
import { simdScalarTwoRegisterNarrow, simdTwoRegisterNarrow } from './simd-two-register-narrow.ts';

export const simd: readonly InstructionRow[] = [
  ...simdLoadStore,
  ...simdLoadStorePair,
  ...simdLoadStoreStructures,
  ...simdLoadStoreSingle,
  ...simdCopy,
  ...simdModifiedImmediate,
  ...simdPermute,
  ...simdLogical,
  ...simdThreeSame,
  ...simdScalarThreeSame,
  ...simdThreeSameExtra,
  ...simdThreeDifferent,
  ...simdScalarThreeDifferent,
  ...simdTwoRegister,
  ...simdScalarTwoRegister,
  ...simdTwoRegisterNarrow,
  ...simdScalarTwoRegisterNarrow,
  ...simdAcrossLanes,
  ...simdByElement,
  ...simdScalarByElement,
  ...simdShiftByImmediate,
  ...simdScalarShiftByImmediate,
  ...cryptoAes,
  ...cryptoSha,
  ...cryptoSha512,
  ...cryptoSha3,
  ...cryptoSm3,
  ...cryptoSm4,
];
