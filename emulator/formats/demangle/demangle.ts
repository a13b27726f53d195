// Names of linkers as people know them: C++ (Itanium C++ ABI, section 5.1) and Rust (RFC 2603, and what came before).

import { demangleItanium } from './itanium.ts';
import { demangleRustLegacy } from './rust-legacy.ts';
import { demangleRust } from './rust.ts';

/** The readable form; undefined for names of C, and for those that use what is not understood here. */
export function demangle(symbol: string): string | undefined {
  if (symbol.startsWith('_R')) return demangleRust(symbol);
  if (symbol.startsWith('_ZN')) return demangleRustLegacy(symbol) ?? demangleItanium(symbol);
  return symbol.startsWith('_Z') ? demangleItanium(symbol) : undefined;
}
