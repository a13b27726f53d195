// A section that is made of units: where they start, by their headers alone.

import { lastAtMost } from '../address-window.ts';
import type { EntryId } from './model.ts';
import type { DwarfSections } from './sections.ts';
import { readUnitHeader } from './units.ts';
import type { UnitHeader } from './units.ts';

/** Numbers in ascending order. */
export interface Sorted {
  readonly [index: number]: number;
  readonly length: number;
}

export class UnitSection {
  readonly sections: DwarfSections;
  readonly name: 'info' | 'types';
  /** The entry identifier of its offset 0. */
  readonly id: EntryId;
  private readonly ends = new Map<EntryId, EntryId>();

  constructor(sections: DwarfSections, name: 'info' | 'types', id: EntryId) {
    this.sections = sections;
    this.name = name;
    this.id = id;
  }

  size(): Promise<number> {
    return this.sections.size(this.name);
  }

  header(start: EntryId): Promise<UnitHeader> {
    const inTypes = this.name === 'types';
    return this.sections.parse(this.name, start - this.id, (cursor) => readUnitHeader(cursor, inTypes));
  }

  async endOf(start: EntryId): Promise<EntryId> {
    let end = this.ends.get(start);
    if (end === undefined) {
      end = this.id + (await this.header(start)).end;
      this.ends.set(start, end);
    }
    return end;
  }

  /** Where the unit that holds an entry starts. `known`: places where units start, in order. */
  async unitHolding(entry: EntryId, known: Sorted): Promise<EntryId | undefined> {
    const behind = this.id + (await this.size());
    let start = known[lastAtMost(known, known.length, entry)] ?? this.id;
    while (start <= entry && start < behind) {
      const end = await this.endOf(start);
      if (entry < end) return start;
      start = end;
    }
    return undefined;
  }
}
