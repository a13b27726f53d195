// The vector and scalar forms that most integer instructions of AdvSIMD have in common: which fields are
// static, which combinations are allocated, and how a result of lanes is written.

import { bit } from './define.ts';
import type { Field, Ops, V128 } from './ops.ts';
import {
  type Arrangement,
  fitsRegister,
  type Lanes,
  lanesOf,
  type Saturated,
  scalarOf,
  vectorOf,
  writeLanes,
  writeSaturated,
} from './simd-lanes.ts';

interface ScalarFields {
  readonly U: number;
  readonly size: number;
  readonly Rd: Field;
}

type VectorFields = ScalarFields & { readonly Q: number };

/** `read` gives what the meaning of an instruction sees of its fields. */
export function laneForms<Fields extends object, Operands>(
  read: (ops: Ops, fields: Fields & ScalarFields, arrangement: Arrangement) => Operands,
) {
  type Meaning = (lanes: Lanes, operands: Operands) => V128 | Saturated;

  function perform(
    ops: Ops,
    arrangement: Arrangement,
    fields: Fields & ScalarFields,
    meaning: Meaning,
  ): void {
    const result = meaning(lanesOf(ops, fields.size), read(ops, fields, arrangement));
    if ('saturated' in result) writeSaturated(ops, arrangement, fields.Rd, result);
    else writeLanes(ops, arrangement, fields.Rd, result);
  }

  return {
    /** The vector form on lanes of these sizes; U has the given values. */
    vector: (sizes: readonly number[], meaning: Meaning, U: readonly number[] = bit) => ({
      static: { Q: bit, U, size: sizes },
      combination: fitsRegister,
      accept: (fields: { Q: number; U: number; size: number }) =>
        U.includes(fields.U) && sizes.includes(fields.size) && fitsRegister(fields),
      fp: true,
      execute: (ops: Ops, fields: Fields & VectorFields) =>
        perform(ops, vectorOf(fields.size, fields.Q), fields, meaning),
    }),

    scalar: (sizes: readonly number[], meaning: Meaning, U: readonly number[] = bit) => ({
      static: { U, size: sizes },
      accept: (fields: { U: number; size: number }) => U.includes(fields.U) && sizes.includes(fields.size),
      fp: true,
      execute: (ops: Ops, fields: Fields & ScalarFields) =>
        perform(ops, scalarOf(fields.size), fields, meaning),
    }),
  };
}
