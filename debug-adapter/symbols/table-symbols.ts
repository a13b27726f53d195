// Symbols of an ELF file or a System.map, as the debugger asks for them.

import { demangle } from '../../emulator/formats/demangle/demangle.ts';
import type { SymbolPlace, SymbolTable } from '../../emulator/formats/symbols.ts';
import { ReadableNames } from './readable-names.ts';
import type { SymbolInfo, SymbolSource } from './symbol-source.ts';

const MAX_FOUND = 4096;

export class TableSymbols implements SymbolSource {
  readonly description: string;
  private readonly table: SymbolTable;
  private readableNames: ReadableNames | undefined;
  private readonly found = new Map<string, readonly bigint[]>();

  constructor(table: SymbolTable, description: string) {
    this.table = table;
    this.description = description;
  }

  symbolAt(address: bigint): SymbolInfo | undefined {
    const symbol = this.table.lookupAny(address);
    return symbol && infoOf(symbol);
  }

  symbolsWithin(from: bigint, to: bigint, limit: number): readonly SymbolInfo[] {
    return this.table.within(from, to, limit).map(infoOf);
  }

  /** Expressions ask for the same names at every stop, and a table has them by address only. */
  addressesOf(name: string): readonly bigint[] {
    let addresses = this.found.get(name);
    if (!addresses) {
      const functions = this.table.addressesOf(name);
      addresses = functions.length > 0 ? functions : this.table.find(name).map((place) => place.address);
      if (addresses.length === 0 && name.includes('::')) addresses = this.readable.addressesOf(name, true);
      if (this.found.size >= MAX_FOUND) this.found.clear();
      this.found.set(name, addresses);
    }
    return addresses;
  }

  /** Of C++ and Rust; empty for a kernel in C. */
  private get readable(): ReadableNames {
    this.readableNames ??= new ReadableNames(
      ['_Z', '_R'].flatMap((prefix) => [...this.table.functionsWithPrefix(prefix)]),
    );
    return this.readableNames;
  }

  isData(address: bigint): boolean {
    return this.table.isData(address);
  }

  functionsNamed(name: string): readonly bigint[] {
    const exact = this.addressesOf(name);
    return exact.length > 0 ? exact : this.readable.addressesOf(name, false);
  }

  functionsMatching(pattern: RegExp, limit: number): readonly bigint[] {
    const found = this.table.functionsMatching(pattern, limit);
    const readable = this.readable.matching(pattern, limit);
    return readable.length === 0 ? found : [...new Set([...found, ...readable])].slice(0, limit);
  }
}

const infoOf = ({ name, address: start, size }: SymbolPlace): SymbolInfo => ({
  name: demangle(name) ?? name,
  start,
  end: start + BigInt(size),
});
