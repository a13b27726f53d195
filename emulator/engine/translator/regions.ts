// The regions that are in use: entered through records, found again when what they were made of goes.
//
// Their number is bounded, and so is the memory they take: when there is no room for new ones all go, and what is
// still hot is translated once more. Nothing has to be told from the hotter, and no list to be kept in order.

import * as layout from '../../memory/layout.ts';
import { REGIONS_MAX } from '../interpreter/generate.ts';
import { type InstructionReader, recordsOf } from './instructions.ts';
import type { RegionCode } from './region.ts';

/** Engines have limits on modules, and some die of reaching them. */
export const MODULES_MAX = 1000;
/** Bytes of WebAssembly that regions in use were made from; machine code is a few times as large. */
export const BYTES_MAX = 32 << 20;

/** How much there is of the regions in use. */
export interface RegionFigures {
  regions: number;
  modules: number;
  bytes: number;
}

/** A module of which at least one region is in use. */
interface LiveModule {
  readonly bytes: number;
  regions: number;
}

/** Of the last instruction of a page. */
export const LAST_OFFSET = 4092;

interface Region {
  readonly record: number;
  /** Its place in the table of handlers. */
  readonly place: number;
  /** Which instructions it was made of: by page of records, their offsets in the page. */
  readonly covered: RegionCode['covered'];
  readonly module: LiveModule;
}

export class Regions {
  readonly live: RegionFigures = { regions: 0, modules: 0, bytes: 0 };
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly table: WebAssembly.Table;
  private readonly reader: InstructionReader;
  private readonly firstPlace: number;
  private readonly freePlaces: number[] = [];
  /** By address of a page's records: the regions with instructions of that page. */
  private readonly pages = new Map<number, Set<Region>>();

  constructor(memory: WebAssembly.Memory, table: WebAssembly.Table, reader: InstructionReader) {
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.table = table;
    this.reader = reader;
    this.firstPlace = table.length - REGIONS_MAX;
  }

  /** Whether a module of that many bytes with that many regions has room beside the others. */
  hasRoom(regions: number, bytes: number): boolean {
    const { live } = this;
    return (
      live.regions + regions <= REGIONS_MAX && live.modules < MODULES_MAX && live.bytes + bytes <= BYTES_MAX
    );
  }

  /** Makes the functions of one module, which has that many bytes, the regions that begin at these records. */
  install(codes: readonly RegionCode[], functions: readonly (() => void)[], bytes: number): void {
    const module = { bytes, regions: 0 };
    this.live.modules++;
    this.live.bytes += bytes;
    codes.forEach(({ record, covered }, i) => {
      const place = this.freePlaces.pop() ?? this.firstPlace + this.live.regions;
      this.live.regions++;
      module.regions++;
      this.table.set(place, functions[i]);
      const region = { record, place, covered, module };
      for (const records of covered.keys()) this.addTo(records, region);
      const records = recordsOf(record);
      const fact = (record - records) >> 3;
      this.u16[(records + layout.RECORD_ORIGINAL + fact) >> 1] = this.reader.handlerAt(record, records);
      this.u16[(records + layout.RECORD_REGION + fact) >> 1] = place;
      this.u16[record >> 1] = layout.HANDLER_ENTER;
    });
  }

  /** What was made of these words of a page goes. Answers the records that entered it. */
  drop(records: number, first: number, last: number): number[] {
    const all = [...(this.pages.get(records) ?? [])];
    const regions = all.filter(({ covered }) => coversAny(covered.get(records), first, last));
    for (const region of regions) this.uninstall(region);
    return regions.map(({ record }) => record);
  }

  /** Addresses of their records. */
  pagesWithRegions(): number[] {
    return [...this.pages.keys()];
  }

  dropAll(): void {
    for (const records of this.pagesWithRegions()) this.drop(records, 0, LAST_OFFSET);
  }

  private addTo(records: number, region: Region): void {
    let regions = this.pages.get(records);
    if (!regions) {
      regions = new Set();
      this.pages.set(records, regions);
    }
    regions.add(region);
    this.i32[(records + layout.RECORD_REGIONS) >> 2] = regions.size;
  }

  private removeFrom(records: number, region: Region): void {
    const regions = this.pages.get(records);
    if (!regions) return;
    regions.delete(region);
    this.i32[(records + layout.RECORD_REGIONS) >> 2] = regions.size;
    if (regions.size === 0) this.pages.delete(records);
  }

  private uninstall(region: Region): void {
    const { record, place, covered, module } = region;
    for (const records of covered.keys()) this.removeFrom(records, region);
    // A store into the page has left DECODE there, a breakpoint BREAK.
    if (this.u16[record >> 1] === layout.HANDLER_ENTER) {
      const records = recordsOf(record);
      this.u16[record >> 1] = this.reader.handlerAt(record, records);
      this.u16[(records + layout.RECORD_REGION + ((record - records) >> 3)) >> 1] = 0;
    }
    this.table.set(place, null);
    this.freePlaces.push(place);
    this.live.regions--;
    module.regions--;
    if (module.regions > 0) return;
    this.live.modules--;
    this.live.bytes -= module.bytes;
  }
}

function coversAny(offsets: ReadonlySet<number> | undefined, first: number, last: number): boolean {
  for (let offset = first; offset <= last; offset += 4) if (offsets?.has(offset)) return true;
  return false;
}
