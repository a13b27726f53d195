// LDP, STP, LDNP and STNP of SIMD&FP registers. Arm ARM (DDI 0487), "Loads and Stores".
//
// The hint of the non-temporal forms has no effect. A pair is stored only when both accesses are
// possible, and nothing is written to a register before both loads have succeeded.
//
// CONSTRAINED UNPREDICTABLE: a load of a pair into one register leaves the second value.

import { bit, instruction, signed } from './define.ts';
import type { I64, Ops, Register } from './ops.ts';
import { readLane0, writeLoaded } from './simd-load-store.ts';

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
      const base = ops.readXOrSp(Rn, 64);
      const moved = ops.let(ops.add(base, ops.offset(offset)));
      const address = mode === POST ? base : moved;
      if (L) loadPair(ops, scale, address, Rt, Rt2);
      else storePair(ops, scale, address, Rt, Rt2);
      if (mode === POST || mode === PRE) ops.writeXOrSp(Rn, 64, moved);
    },
  }),
];

function loadPair(ops: Ops, scale: number, address: I64, Rt: Register, Rt2: Register): void {
  const [first, second] =
    scale === 4
      ? [ops.loadV(address), ops.loadV(ops.add(address, ops.i64(16)))]
      : ops.loadPair(scale === 3 ? 8 : 4, address);
  writeLoaded(ops, scale, Rt, first);
  writeLoaded(ops, scale, Rt2, second);
}

function storePair(ops: Ops, scale: number, address: I64, Rt: Register, Rt2: Register): void {
  if (scale === 4) {
    ops.prepare('write', address, 32);
    ops.storeV(address, ops.readV(Rt));
    ops.storeV(ops.add(address, ops.i64(16)), ops.readV(Rt2));
  } else {
    ops.storePair(scale === 3 ? 8 : 4, address, readLane0(ops, scale, Rt), readLane0(ops, scale, Rt2));
  }
}
