// System.map: the symbols of a kernel as `nm -n` prints them, `ffff800008010000 T _stext`.

import type { SymbolInfo, SymbolSource } from './symbol-source.ts';

const LINE = /^([0-9a-f]{16}) ([a-zA-Z?]) (\S+)$/;
const LARGEST_FUNCTION = 1n << 20n;

/** True for a text whose first line is one of System.map. */
export const looksLikeSystemMap = (head: string): boolean => LINE.test(head.split('\n', 1)[0]?.trimEnd() ?? '');

export class SystemMap implements SymbolSource {
  readonly description: string;
  private readonly addresses: BigUint64Array;
  private readonly names: readonly string[];

  constructor(text: string, fileName: string) {
    this.description = fileName;
    const rows: { address: bigint; name: string }[] = [];
    for (const line of text.split('\n')) {
      const match = LINE.exec(line.trimEnd());
      // Absolute symbols are numbers that the linker passed on, not places. Mapping symbols mark data in code.
      if (!match || match[2] === 'A' || match[2] === 'a' || match[3]?.startsWith('$')) continue;
      rows.push({ address: BigInt(`0x${match[1]}`), name: match[3] ?? '' });
    }
    rows.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.addresses = BigUint64Array.from(rows, (row) => row.address);
    this.names = rows.map((row) => row.name);
  }

  symbolAt(address: bigint): SymbolInfo | undefined {
    let low = 0;
    let high = this.addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.addresses[middle] ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    let index = low - 1;
    const start = this.addresses[index];
    if (start === undefined || address - start > LARGEST_FUNCTION) return undefined;
    while (index > 0 && this.addresses[index - 1] === start) index--;
    let next = low;
    while (next < this.addresses.length && this.addresses[next] === start) next++;
    return { name: this.names[index] ?? '', start, end: this.addresses[next] ?? start };
  }

  addressesOf(name: string): readonly bigint[] {
    const found: bigint[] = [];
    for (let i = this.names.indexOf(name); i >= 0; i = this.names.indexOf(name, i + 1)) {
      found.push(this.addresses[i] ?? 0n);
    }
    return found;
  }
}
