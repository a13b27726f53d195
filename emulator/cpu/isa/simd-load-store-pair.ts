// LDP, STP, LDNP and STNP of SIMD&FP registers. Arm ARM (DDI 0487), "Loads and Stores".
//
// The hint of the non-temporal forms has no effect. A pair is stored only when both accesses are
// possible, and nothing is written to a register before both loads have succeeded.
//
// CONSTRAINED UNPREDICTABLE: a load of a pair into one register leaves the second value.

import { bit, instruction, signed } from './define.ts';
import { loadScalar, storeScalar, writeLoaded } from './simd-load-store.ts';

const POST = 1;
const PRE = 3;

export const simdLoadStorePair = [
  instruction('LDP, STP, LDNP, STNP (SIMD&FP)', 'opc:2 101 1 0 mode:2 L:1 imm7:7 Rt2:5 Rn:5 Rt:5', {
    static: { opc: [0, 1, 2], mode: [0, 1, 2, 3], L: bit },
    accept: ({ opc }) => opc < 3,
    derive: ({ opc, imm7 }) => ({ offset: signed(imm7, 7) * (4 << opc) }),
    fp: true,
    hot: ({ opc, mode }) => opc > 0 && mode > 0,
    execute(ops, { opc, mode, L, offset, Rt2, Rn, Rt }) {
      const scale = opc + 2;
      const bytes = 1 << scale;
      const base = ops.readXOrSp(Rn, 64);
      const moved = ops.let(ops.add(base, ops.offset(offset)));
      const first = mode === POST ? base : moved;
      const second = ops.add(first, ops.i64(bytes));
      if (L) {
        const low = loadScalar(ops, scale, first);
        const high = loadScalar(ops, scale, second);
        writeLoaded(ops, scale, Rt, low);
        writeLoaded(ops, scale, Rt2, high);
      } else {
        ops.prepare('write', first, 2 * bytes);
        storeScalar(ops, scale, first, Rt);
        storeScalar(ops, scale, second, Rt2);
      }
      if (mode === POST || mode === PRE) ops.writeXOrSp(Rn, 64, moved);
    },
  }),
];
