// The second tier: what the interpreter reaches often becomes regions, WebAssembly functions that it enters
// through the record of their first instruction.
//
// Where a jump may lead, the decoder leaves a COUNT record. Once it was reached often enough it waits here for the
// end of the present run() call, when all that wait become one module. A region is part of one page of records
// and has no state: what it was made of decides when it goes. A store into its page, the reuse of the page's
// records and a breakpoint inside it put the original handlers back.

import * as layout from '../../memory/layout.ts';
import { REGIONS_MAX } from '../interpreter/generate.ts';
import { InstructionReader, recordsOf } from './instructions.ts';
import { type RegionCode, translateRegion } from './region.ts';
import { RegionModule } from './region-module.ts';

/** A page whose regions were dropped so often is rewritten all the time. */
const DROPS_MAX = 16;

/** Regions that are worth a module. */
const BATCH = 32;
/** Calls of run(), most of them slices, that a hot place waits at most. */
const PATIENCE = 60;
/** Thresholds below this one are for tests: everything is translated at once. */
const IMPATIENT = 100;
/** A place is counted once a run() call at most, and then as so many times. */
const TIMES = 50;

export interface TranslatorHost {
  readonly memory: WebAssembly.Memory;
  readonly kernels: WebAssembly.Exports;
  /** Exports of the interpreter: its table of handlers, and what translated code shares with it. */
  readonly interpreter: WebAssembly.Exports;
  /** About how often a place is reached before it is translated. */
  readonly threshold: number;
  /** Fills in a record that was not decoded yet. */
  decode(record: number): void;
}

export interface TranslatorStatistics {
  modules: number;
  regions: number;
  /** Guest instructions in them. */
  instructions: number;
  /** Bytes of WebAssembly. */
  bytes: number;
  /** Times that a page lost its regions. */
  drops: number;
  /** Places that were hot and begin no region. */
  refused: number;
}

interface Region {
  readonly record: number;
  readonly tableIndex: number;
  /** Which instructions it was made of: by page of records, their offsets in the page. */
  readonly covered: RegionCode['covered'];
}

interface Page {
  regions: Region[];
  drops: number;
}

export class Translator {
  readonly statistics: TranslatorStatistics = {
    modules: 0,
    regions: 0,
    instructions: 0,
    bytes: 0,
    drops: 0,
    refused: 0,
  };
  private readonly host: TranslatorHost;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly table: WebAssembly.Table;
  private readonly firstPlace: number;
  private readonly freePlaces: number[] = [];
  private usedPlaces = 0;
  /** By address of the page's records. */
  private readonly pages = new Map<number, Page>();
  private waiting: number[] = [];
  /** Runs until what waits is translated, be it ever so little. */
  private patience = 0;
  private readonly reader: InstructionReader;

  constructor(host: TranslatorHost) {
    this.host = host;
    const { buffer } = host.memory;
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.table = host.interpreter['handlers'] as WebAssembly.Table;
    this.firstPlace = this.table.length - REGIONS_MAX;
    this.reader = new InstructionReader(host.memory, (record) => host.decode(record));
  }

  /** A record was decoded: whether it becomes one that counts. */
  observe(record: number, records: number, handler: number): void {
    if (handler < layout.HANDLERS_FIRST) return;
    const before = this.reader.handlerAt(record - layout.RECORD_SIZE, records);
    if (record === records || before < layout.HANDLERS_FIRST || this.reader.endsStraightCode(before)) {
      this.count(record, records);
    }
    const flow = this.reader.flowAt(record, records, handler);
    if ((flow.kind === 'jump' || flow.kind === 'branch') && flow.offset <= 0) {
      const target = record + 4 * flow.offset;
      if (target >= records && this.reader.handlerAt(target, records) >= layout.HANDLERS_FIRST) {
        this.count(target, records);
      }
    }
  }

  /** From now on it is counted how often this record, which is decoded, is reached. */
  count(record: number, records: number): void {
    const handler = this.u16[record >> 1] as number;
    if (handler < layout.HANDLERS_FIRST) return;
    this.u16[(records + layout.RECORD_ORIGINAL + ((record - records) >> 3)) >> 1] = handler;
    this.u16[(records + layout.RECORD_HEAT + ((record - records) >> 3)) >> 1] = Math.min(
      Math.ceil(this.host.threshold / TIMES),
      0xffff,
    );
    this.u16[record >> 1] = layout.HANDLER_COUNT;
  }

  /** A COUNT record was reached as often as it takes. */
  hot(record: number): void {
    const records = recordsOf(record);
    this.u16[record >> 1] = this.reader.handlerAt(record, records);
    this.waiting.push(record);
  }

  /** Translates what waits. Between two runs only. */
  flush(): void {
    this.countOn();
    if (this.waiting.length === 0) return;
    // A module costs as much as some regions: they gather, but none waits for long.
    this.patience--;
    if (this.waiting.length < BATCH && this.patience > 0) return;
    this.patience = this.host.threshold < IMPATIENT ? 0 : PATIENCE;
    const { waiting } = this;
    this.waiting = [];
    const writer = new RegionModule();
    const made: RegionCode[] = [];
    for (const record of new Set(waiting)) {
      const records = recordsOf(record);
      if ((this.u16[record >> 1] as number) < layout.HANDLERS_FIRST) continue;
      if (this.host.threshold >= IMPATIENT && (this.pages.get(records)?.drops ?? 0) > DROPS_MAX) continue;
      const region = translateRegion(this.reader, record, writer);
      if (!region) {
        this.statistics.refused++;
        continue;
      }
      made.push(region);
      this.statistics.instructions += region.instructions;
      for (const after of region.interpreted) this.countAgain(after, recordsOf(after));
    }
    if (made.length === 0) return;
    if (this.usedPlaces + made.length > REGIONS_MAX) this.dropAll();
    const bytes = writer.build(made.map(({ body }) => body));
    const module = new WebAssembly.Module(bytes as BufferSource);
    const instance = new WebAssembly.Instance(module, {
      environment: { memory: this.host.memory },
      kernels: this.host.kernels,
      interpreter: this.host.interpreter,
    });
    this.statistics.modules++;
    this.statistics.bytes += bytes.length;
    made.forEach(({ record, covered }, i) => {
      this.install(record, covered, instance.exports[String(i)] as () => void);
    });
  }

  /** Records that had enough of counting for one run count on. */
  private countOn(): void {
    const list = layout.COUNTED >> 2;
    const count = this.i32[list] as number;
    this.i32[list] = 0;
    for (let i = 1; i <= count; i++) {
      const record = this.i32[list + i] as number;
      const handler = this.u16[record >> 1] as number;
      if (handler < layout.HANDLERS_FIRST) continue;
      const records = recordsOf(record);
      this.u16[(records + layout.RECORD_ORIGINAL + ((record - records) >> 3)) >> 1] = handler;
      this.u16[record >> 1] = layout.HANDLER_COUNT;
    }
  }

  /** The page with these records is no longer what its regions were made of. */
  drop(records: number): void {
    const page = this.pages.get(records);
    if (!page || page.regions.length === 0) return;
    for (const region of page.regions) this.uninstall(region, records);
    page.regions = [];
    page.drops++;
    this.statistics.drops++;
    this.i32[(records + layout.RECORD_REGIONS) >> 2] = 0;
  }

  /** The slot of these records passes to another page of RAM. */
  forget(records: number): void {
    this.drop(records);
    this.pages.delete(records);
    this.waiting = this.waiting.filter((record) => recordsOf(record) !== records);
  }

  /** A breakpoint is about to be set: no region may run over it. */
  dropAround(records: number, index: number): void {
    const page = this.pages.get(records);
    if (page?.regions.some(({ covered }) => covered.get(records)?.has(4 * index))) this.drop(records);
  }

  private dropAll(): void {
    for (const records of this.pages.keys()) this.drop(records);
  }

  private install(record: number, covered: RegionCode['covered'], region: () => void): void {
    const records = recordsOf(record);
    const place = this.freePlaces.pop() ?? this.firstPlace + this.usedPlaces;
    this.usedPlaces++;
    this.table.set(place, region);
    let page = this.pages.get(records);
    if (!page) {
      page = { regions: [], drops: 0 };
      this.pages.set(records, page);
    }
    page.regions.push({ record, tableIndex: place, covered });
    this.i32[(records + layout.RECORD_REGIONS) >> 2] = page.regions.length;
    const index = (record - records) >> 3;
    this.u16[(records + layout.RECORD_ORIGINAL + index) >> 1] = this.reader.handlerAt(record, records);
    this.u16[(records + layout.RECORD_HEAT + index) >> 1] = place;
    this.u16[record >> 1] = layout.HANDLER_ENTER;
    this.statistics.regions++;
  }

  private uninstall({ record, tableIndex }: Region, records: number): void {
    if (this.u16[record >> 1] === layout.HANDLER_ENTER) {
      this.u16[record >> 1] = this.reader.handlerAt(record, records);
      this.count(record, records);
    }
    this.table.set(tableIndex, null);
    this.freePlaces.push(tableIndex);
    this.usedPlaces--;
  }

  /** What stands behind an instruction of the interpreter's is worth a region of its own. */
  private countAgain(record: number, records: number): void {
    if ((this.u16[record >> 1] as number) === layout.HANDLER_DECODE) this.host.decode(record);
    this.count(record, records);
  }
}
