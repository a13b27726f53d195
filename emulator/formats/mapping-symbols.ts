// Which parts of a program's code sections are data, by the mapping symbols that assemblers put there: $x begins code,
// $d begins data, and $x.7 is $x ("ELF for the Arm 64-bit Architecture", IHI 0056, section "Mapping symbols").

import { lastAtMost } from './address-window.ts';

/** Offsets in the program's address window. */
export class MappingSymbols {
  /** Offset and 1 for data, again and again. */
  private readonly marks: number[] = [];
  private sorted: { readonly starts: Float64Array; readonly isData: Uint8Array } | undefined;

  add(start: number, isData: boolean): void {
    this.marks.push(start, Number(isData));
  }

  isData(offset: number): boolean {
    // A kernel has tens of thousands, and most sessions never ask.
    this.sorted ??= this.sort();
    const { starts, isData } = this.sorted;
    const index = lastAtMost(starts, starts.length, offset);
    return index >= 0 && isData[index] === 1;
  }

  /** Of several marks at one place the last one counts. */
  private sort(): NonNullable<MappingSymbols['sorted']> {
    const { marks } = this;
    const startOf = (mark: number): number => marks[2 * mark] ?? 0;
    const order = Array.from({ length: marks.length / 2 }, (_, mark) => mark);
    order.sort((a, b) => startOf(a) - startOf(b) || a - b);
    return {
      starts: Float64Array.from(order, startOf),
      isData: Uint8Array.from(order, (mark) => marks[2 * mark + 1] ?? 0),
    };
  }
}
