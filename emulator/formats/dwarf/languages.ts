// Source languages of units (DW_AT_language; DWARF 5, section 7.12).

import type { LoadedUnit } from './entries.ts';
import type { Language } from './model.ts';

const DW_AT_language = 0x13;
/** C89, C, C99, C11, C17. */
const C_LANGUAGES: ReadonlySet<number> = new Set([0x01, 0x02, 0x0c, 0x1d, 0x2c]);
const DW_LANG_Rust = 0x1c;

const codeOf = (unit: LoadedUnit): number => unit.root().number(DW_AT_language) ?? 0;

/** Functions and types then stand on the top level, and names stand alone. */
export const isC = (unit: LoadedUnit): boolean => C_LANGUAGES.has(codeOf(unit));

export function languageOf(unit: LoadedUnit): Language {
  if (codeOf(unit) === DW_LANG_Rust) return 'rust';
  return isC(unit) ? 'c' : 'c++';
}
