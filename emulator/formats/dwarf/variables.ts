// Variables and parameters out of their entries (DWARF 5, section 4.1).

import * as dw from './constants.ts';
import type { Die } from './entries.ts';
import { constantOf, locationOf } from './locations.ts';
import type { Location, Variable } from './model.ts';
import { havingOf, withOrigins } from './origins.ts';
import type { ProgramUnits } from './program-units.ts';

const DW_OP_addr = 0x03;
const DW_OP_addrx = 0xa1;
const DW_OP_GNU_addr_index = 0xfb;

/**
 * Undefined for what has no name, and for mere declarations. `at`: the distance of the address from the program's
 * base, undefined for what has one place for good.
 */
export async function variableOf(
  units: ProgramUnits,
  die: Die,
  at: number | undefined,
  home: 'local' | 'unit',
): Promise<Variable | undefined> {
  const chain = await withOrigins(units, die);
  const name = havingOf(chain, dw.DW_AT_name)?.text(dw.DW_AT_name);
  if (name === undefined) return undefined;
  const location = await whereIs(chain, at);
  if (location.kind === 'none' && die.flag(dw.DW_AT_declaration)) return undefined;
  return {
    name,
    kind: kindOf(chain, location, home),
    type: havingOf(chain, dw.DW_AT_type)?.reference(dw.DW_AT_type),
    entry: die.id,
    location,
    declared: await declaredAt(units, chain),
  };
}

async function whereIs(chain: readonly Die[], at: number | undefined): Promise<Location> {
  const located = havingOf(chain, dw.DW_AT_location);
  if (located !== undefined) return locationOf(located, dw.DW_AT_location, at);
  const constant = havingOf(chain, dw.DW_AT_const_value);
  return (constant && constantOf(constant)) ?? { kind: 'none' };
}

function kindOf(chain: readonly Die[], location: Location, home: 'local' | 'unit'): Variable['kind'] {
  if (chain[0]?.tag === dw.DW_TAG_formal_parameter) return 'parameter';
  if (home === 'local') return isStatic(location) ? 'static' : 'local';
  return chain.some((die) => die.flag(dw.DW_AT_external)) ? 'global' : 'static';
}

function isStatic(location: Location): boolean {
  if (location.kind !== 'expression') return false;
  const [first] = location.expression.bytes;
  return first === DW_OP_addr || first === DW_OP_addrx || first === DW_OP_GNU_addr_index;
}

async function declaredAt(units: ProgramUnits, chain: readonly Die[]): Promise<Variable['declared']> {
  const fileHolder = havingOf(chain, dw.DW_AT_decl_file);
  const file = fileHolder?.number(dw.DW_AT_decl_file);
  const line = havingOf(chain, dw.DW_AT_decl_line)?.number(dw.DW_AT_decl_line);
  if (fileHolder === undefined || file === undefined || line === undefined) return undefined;
  return { file: await units.filesOf(fileHolder.unit).path(file), line };
}
