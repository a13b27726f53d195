// Hypercalls by the names of their sub-operations, with the layout of their argument.

import type { SubOpRow } from '../../../../../emulator/xen/hypercalls/define.ts';
import { hypercalls } from '../../../../../emulator/xen/hypercalls/dispatch.ts';

export interface Hypercall {
  readonly number: number;
  readonly subOperation: number;
  /** Which argument points to the structure. */
  readonly pointer: number;
  readonly type: NonNullable<SubOpRow['argument']>['type'] | undefined;
  /** It takes several structures: x2 has their number. */
  readonly count: boolean;
}

export function structOf(name: string): Hypercall {
  for (const { number, name: group, subOps } of hypercalls) {
    const row = subOps.find((candidate) => candidate.name === name);
    if (!row) continue;
    return {
      number,
      subOperation: row.number,
      pointer: row.argument?.pointer ?? 1,
      type: row.argument?.type,
      count: group === 'grant_table_op',
    };
  }
  throw new Error(`no hypercall ${name}`);
}
