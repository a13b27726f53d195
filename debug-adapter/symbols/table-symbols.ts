// Symbols of an ELF file or a System.map, as the debugger asks for them.

import { demangle } from '../../emulator/formats/demangle/demangle.ts';
import type { SymbolTable } from '../../emulator/formats/symbols.ts';
import type { SymbolInfo, SymbolSource } from './symbol-source.ts';

export class TableSymbols implements SymbolSource {
  readonly description: string;
  private readonly table: SymbolTable;

  constructor(table: SymbolTable, description: string) {
    this.table = table;
    this.description = description;
  }

  symbolAt(address: bigint): SymbolInfo | undefined {
    const symbol = this.table.lookupAny(address);
    if (symbol === undefined) return undefined;
    const { name, address: start, size } = symbol;
    return { name: demangle(name) ?? name, start, end: start + BigInt(size) };
  }

  addressesOf(name: string): readonly bigint[] {
    const functions = this.table.addressesOf(name);
    return functions.length > 0 ? functions : this.table.find(name).map((place) => place.address);
  }

  functionsMatching(pattern: RegExp, limit: number): readonly bigint[] {
    return this.table.functionsMatching(pattern, limit);
  }
}
