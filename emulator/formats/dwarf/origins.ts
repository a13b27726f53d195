// Entries that complete others: the copy of an inlined function refers to its abstract instance, a definition to its
// declaration (DWARF 5, sections 3.3.8.2 and 2.13.2).

import * as dw from './constants.ts';
import type { Die } from './entries.ts';
import type { ProgramUnits } from './program-units.ts';

/** Chains are two or three long; a damaged one may be a ring. */
const MAX_ORIGINS = 8;

/** The entry, and those that it is a copy or a definition of. */
export async function withOrigins(units: ProgramUnits, die: Die): Promise<readonly Die[]> {
  const chain = [die];
  let current = die;
  while (chain.length < MAX_ORIGINS) {
    const origin = current.reference(dw.DW_AT_abstract_origin) ?? current.reference(dw.DW_AT_specification);
    if (origin === undefined) break;
    current = await units.die(origin);
    chain.push(current);
  }
  return chain;
}

/** The first entry of a chain that has an attribute. */
export const havingOf = (chain: readonly Die[], attribute: number): Die | undefined =>
  chain.find((die) => die.has(attribute));
