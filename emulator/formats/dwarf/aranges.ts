// Which unit covers an address: .debug_aranges (DWARF 5, section 6.1.2), and for units that it
// leaves out (clang writes none) the ranges of their root entries.

import { UserError } from '../../base/errors.ts';
import { lastAtMost } from '../address-window.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { rangesOf } from './ranges.ts';
import type { Range } from './ranges.ts';
import type { DwarfSections } from './sections.ts';
import { openUnit, readUnitHeader } from './units.ts';

/** Ranges of addresses, each with the .debug_info offset of its unit. */
export class UnitRanges {
  private readonly starts: Float64Array;
  private readonly ends: Float64Array;
  private readonly units: Float64Array;
  private sorted: Float64Array | undefined;

  constructor(rows: readonly (readonly [start: number, end: number, unit: number])[]) {
    const sorted = [...rows].sort((a, b) => a[0] - b[0]);
    this.starts = Float64Array.from(sorted, (row) => row[0]);
    this.ends = Float64Array.from(sorted, (row) => row[1]);
    this.units = Float64Array.from(sorted, (row) => row[2]);
  }

  unitAt(address: number): number | undefined {
    const index = lastAtMost(this.starts, this.starts.length, address);
    return index >= 0 && address < (this.ends[index] ?? 0) ? this.units[index] : undefined;
  }

  /** Where the units start, in order; some more than once. */
  get sortedOffsets(): Float64Array {
    this.sorted ??= this.units.slice().sort();
    return this.sorted;
  }

  unitOffsets(): Set<number> {
    return new Set(this.units);
  }
}

export async function readAranges(sections: DwarfSections): Promise<UnitRanges> {
  const size = await sections.size('aranges');
  if (size === 0) return new UnitRanges([]);
  const rows = await sections.parseRange('aranges', 0, size, (cursor) => {
    const found: [number, number, number][] = [];
    while (!cursor.atEnd) readSet(cursor, sections, found);
    return found;
  });
  return new UnitRanges(rows);
}

function readSet(cursor: Cursor, sections: DwarfSections, rows: [number, number, number][]): void {
  const start = cursor.at;
  const { length, offsetSize } = cursor.initialLength();
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new BadDwarf(`a set claims ${length} bytes`, cursor.offset);
  cursor.skip(2);
  const unit = cursor.unsigned(offsetSize);
  const addressSize = cursor.u8();
  if (addressSize !== 4 && addressSize !== 8) {
    throw new BadDwarf(`a set has addresses of ${addressSize} bytes`, cursor.offset - 1);
  }
  cursor.skip(1);
  // Pairs are aligned to their own size, counted from the set's start.
  const pair = 2 * addressSize;
  cursor.at = start + Math.ceil((cursor.at - start) / pair) * pair;
  while (cursor.at + pair <= end) {
    const address = cursor.address(addressSize, sections.window);
    const size = cursor.unsigned(addressSize);
    if (address >= 0 && size > 0) rows.push([address, address + size, unit]);
  }
  cursor.at = end;
}

/** The ranges of all units but the known ones: reads every header and root entry. Damaged units have none. */
export async function scanUnits(sections: DwarfSections, known: ReadonlySet<number>): Promise<UnitRanges> {
  const size = await sections.size('info');
  const rows: [number, number, number][] = [];
  for (let offset = 0; offset < size; ) {
    const header = await sections.parse('info', offset, (cursor) => readUnitHeader(cursor));
    if (!known.has(offset)) {
      for (const [start, end] of await rangesIn(sections, offset)) {
        if (start >= 0) rows.push([start, end, offset]);
      }
    }
    offset = header.end;
  }
  return new UnitRanges(rows);
}

async function rangesIn(sections: DwarfSections, offset: number): Promise<readonly Range[]> {
  try {
    const unit = await openUnit(sections, offset);
    return await rangesOf(sections, unit, unit.root);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}
