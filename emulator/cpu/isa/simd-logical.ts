// AdvSIMD three same: the bitwise operations, where the size field selects the operation.

import { bit, bits, instruction } from './define.ts';
import type { SimdOperation } from '../../base/wasm/opcodes.ts';
import type { V128 } from './ops.ts';
import { vectorOf, writeLanes } from './simd-lanes.ts';

export const simdLogical = [
  instruction('AND, BIC, ORR, ORN (vector, register)', '0 Q:1 0 01110 op:2 1 Rm:5 00011 1 Rn:5 Rd:5', {
    static: { Q: bit, op: bits(2) },
    fp: true,
    execute(ops, { Q, op, Rm, Rn, Rd }) {
      const n = ops.readV(Rn);
      const m = ops.readV(Rm);
      const second: V128 = op === 3 ? ops.simd('v128.not', m) : m;
      const operation = (['v128.and', 'v128.andnot', 'v128.or', 'v128.or'] as const)[op] as SimdOperation;
      writeLanes(ops, vectorOf(0, Q), Rd, ops.simd(operation, n, second));
    },
  }),
  instruction('EOR, BSL, BIT, BIF', '0 Q:1 1 01110 op:2 1 Rm:5 00011 1 Rn:5 Rd:5', {
    static: { Q: bit, op: bits(2) },
    fp: true,
    execute(ops, { Q, op, Rm, Rn, Rd }) {
      const n = ops.readV(Rn);
      const m = ops.readV(Rm);
      let result: V128;
      if (op === 0) {
        result = ops.simd('v128.xor', n, m);
      } else {
        const d = ops.readV(Rd);
        if (op === 1) result = ops.simd('v128.bitselect', n, m, d);
        else if (op === 2) result = ops.simd('v128.bitselect', n, d, m);
        else result = ops.simd('v128.bitselect', d, n, m);
      }
      writeLanes(ops, vectorOf(0, Q), Rd, result);
    },
  }),
];
