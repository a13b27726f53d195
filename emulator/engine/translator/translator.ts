// The second tier: what the interpreter spends its time on becomes regions, WebAssembly functions that it enters
// through the record of their first instruction.
//
// Where time goes is seen by sampling: after each run() call, most of them slices of some ten thousand
// instructions, the place that the CPU has reached stands for what was interpreted meanwhile. A place that stands
// for more instructions than its translation would cost gets a region. What was never hot costs nothing.
//
// A region has no state: what it was made of decides when it goes. A store into one of its pages, the reuse of a
// page's records and a breakpoint inside it put the original handlers back.

import * as layout from '../../memory/layout.ts';
import type { InterpreterTables } from '../interpreter/generate.ts';
import type { TestedBreakpoint } from './breakpoint-tests.ts';
import { entriesAround } from './entries.ts';
import { InstructionReader, recordsOf, type Whereabouts } from './instructions.ts';
import { Profile, type ProfiledPlace } from './profile.ts';
import { type RegionCode, translateRegion } from './region.ts';
import { RegionCounters } from './region-counters.ts';
import { RegionModule } from './region-module.ts';
import { LAST_OFFSET, type RegionFigures, Regions } from './regions.ts';

/** Below this threshold nothing is sampled: what a jump may lead to is translated when it is first reached. */
const EAGER = 100;
/** Samples are collected for pieces of so many bytes of records: sixteen instructions. */
const PIECE_SHIFT = 8;
const PIECES = layout.RECORD_SENTINEL >> PIECE_SHIFT;
/** Warm places lack so much of the threshold: an eighth. */
const WARM_SHIFT = 3;
/** A page that lost its regions so often is rewritten all the time. */
const DROPS_MAX = 64;
/** Regions that are worth a module. */
const BATCH = 12;
/** Calls of run() that a hot place waits at most for others. */
const PATIENCE = 40;

/** So often it costs more to leave a region than to make it again. */
const STRAY_ACCESSES_MAX = 2000;

export interface TranslatorHost {
  readonly memory: WebAssembly.Memory;
  readonly kernels: WebAssembly.Exports;
  /** Exports of the interpreter: its table of handlers, and what translated code shares with it. */
  readonly interpreter: WebAssembly.Exports;
  readonly tables: InterpreterTables;
  /** See TranslateOptions. */
  readonly threshold: number;
  readonly counts: boolean;
  /** Fills in a record that was not decoded yet. */
  decode(record: number): void;
  /** What may stop at this offset of some page, where the record says BREAK. */
  breakpointsAt(offset: number): readonly TestedBreakpoint[];
  /** Said once. */
  warn(message: string): void;
}

export interface TranslatorStatistics {
  modules: number;
  regions: number;
  /** Guest instructions in them. */
  instructions: number;
  /** Bytes of WebAssembly. */
  bytes: number;
  /** Times that a page lost regions: to stores into their code, because its records were reused, to breakpoints. */
  readonly drops: { stores: number; reuse: number; breakpoints: number };
  /** Times that all regions went because there was no room. */
  flushes: number;
  /** Places that were hot and begin no region. */
  refused: number;
  /** Instructions that were executed in regions. */
  executed: number;
  /** What is in use now. */
  readonly live: RegionFigures;
  /** Where it was asked for. */
  counted?: {
    /** Entries of regions, and why they were left: how often. */
    readonly regions: Readonly<Record<string, number>>;
    readonly mostInterpreted: readonly ProfiledPlace[];
    readonly mostExecuted: readonly ProfiledPlace[];
  };
}

/** What is known of a page of records. */
interface Page {
  /** For each piece: instructions that it stood for since it was last translated. */
  readonly heat: Uint32Array;
  drops: number;
}

interface Waiting {
  readonly whereabouts: Whereabouts;
  /** A region is to begin there, not just to have it. */
  readonly isEntry: boolean;
}

export class Translator {
  private readonly figures: TranslatorStatistics;
  private readonly host: TranslatorHost;
  /** Every record that is decoded is looked at: observe(). */
  readonly isEager: boolean;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly reader: InstructionReader;
  private readonly regions: Regions;
  /** By address of the page's records. */
  private readonly pages = new Map<number, Page>();
  /** Records at which something hot was seen. */
  private waiting = new Map<number, Waiting>();
  /** Calls of run() until what waits is translated, be it ever so little. */
  private patience = 0;
  /** Where the present run() call began: a record, or 0. */
  private start = 0;
  /** The host has no room for code left. */
  private isExhausted = false;
  private readonly counters: RegionCounters | undefined;
  private readonly profile: Profile | undefined;

  constructor(host: TranslatorHost) {
    this.host = host;
    this.isEager = host.threshold < EAGER;
    const { buffer } = host.memory;
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.reader = new InstructionReader(host.memory, host.tables, (record) => host.decode(record));
    this.regions = new Regions(host.memory, host.interpreter['handlers'] as WebAssembly.Table, this.reader);
    if (host.counts) {
      this.counters = new RegionCounters(host.memory);
      this.profile = new Profile(host.memory);
    }
    this.figures = {
      modules: 0,
      regions: 0,
      instructions: 0,
      bytes: 0,
      drops: { stores: 0, reuse: 0, breakpoints: 0 },
      flushes: 0,
      refused: 0,
      executed: 0,
      live: this.regions.live,
    };
  }

  get statistics(): TranslatorStatistics {
    const { figures, counters, profile } = this;
    return {
      ...figures,
      drops: { ...figures.drops },
      live: { ...figures.live },
      ...(counters &&
        profile && {
          counted: {
            regions: counters.read(),
            mostInterpreted: profile.top('interpreted'),
            mostExecuted: profile.top('instructions'),
          },
        }),
    };
  }

  // ---- what is hot

  /** run() is about to begin. */
  begin(): void {
    this.i32[layout.TRANSLATED >> 2] = 0;
    this.i32[layout.REGION_CUT >> 2] = 0;
    if (!this.isEager) this.start = this.currentRecord();
  }

  /** run() has executed so many instructions, and would go on at PC. */
  end(instructions: number): void {
    const translated = this.i32[layout.TRANSLATED >> 2] as number;
    this.figures.executed += translated;
    this.profile?.sample(instructions, instructions - translated);
    if (!this.isEager) this.sample(instructions, instructions - translated);
    if ((this.i32[layout.STRAY_ACCESSES >> 2] as number) > STRAY_ACCESSES_MAX) this.dropStray();
    if (this.waiting.size > 0) this.translateWaiting();
  }

  /** What reaches over the end of a page again and again is translated anew, so that it does not leave its region. */
  private dropStray(): void {
    this.i32[layout.STRAY_ACCESSES >> 2] = 0;
    const record = this.i32[layout.STRAY_RECORD >> 2] as number;
    const records = recordsOf(record);
    this.reader.setAlone(record);
    const offset = (record - records) / 4;
    const entries = this.regions.drop(records, offset, offset);
    if (this.isEager) for (const entry of entries) this.callOut(entry, recordsOf(entry));
  }

  /** The record at PC; 0 where the page of records is not at hand. */
  private currentRecord(): number {
    const { i32 } = this;
    const distance = ((i32[layout.PC >> 2] as number) - (i32[layout.PAGE_VA >> 2] as number)) | 0;
    const isOtherHalf = i32[(layout.PC >> 2) + 1] !== i32[(layout.PAGE_VA >> 2) + 1];
    const records = i32[layout.PAGE_RECORDS >> 2] as number;
    if (distance < 0 || distance >= 4096 || isOtherHalf || records === 0) return 0;
    return records + 4 * (distance & ~3);
  }

  private sample(instructions: number, interpreted: number): void {
    if (this.i32[layout.REGION_CUT >> 2] !== 0) {
      // At the end only what the budget did not suffice for was interpreted. What was before that had to do with
      // where the run began, perhaps in the middle of a region that it could not go on in: a weak sign.
      this.heat(this.start, interpreted >>> 3);
      return;
    }
    // It ended in what is interpreted, and counts for that place as a whole: what others miss evens out.
    this.heat(this.currentRecord(), instructions);
  }

  private heat(record: number, instructions: number): void {
    // Where a region begins nothing is interpreted: it was somewhere else.
    if (record === 0 || this.u16[record >> 1] === layout.HANDLER_ENTER) return;
    const records = recordsOf(record);
    const { heat } = this.pageOf(records);
    const piece = (record - records) >> PIECE_SHIFT;
    heat[piece] = (heat[piece] as number) + instructions;
    if ((heat[piece] as number) < this.host.threshold) return;
    // Where other pages are is known of the current one only.
    if (records !== this.i32[layout.PAGE_RECORDS >> 2]) return;
    heat[piece] = 0;
    this.wait(record, false);
  }

  /** What is executed as often as a region is soon hot too, by itself: a little of it is enough. */
  private warm(record: number): void {
    const { heat } = this.pageOf(recordsOf(record));
    const piece = (record - recordsOf(record)) >> PIECE_SHIFT;
    heat[piece] = Math.max(heat[piece] as number, this.host.threshold - (this.host.threshold >>> WARM_SHIFT));
  }

  /** A record was decoded. */
  observe(record: number, records: number, handler: number): void {
    if (!this.isEager || handler < layout.HANDLERS_FIRST) return;
    const before = this.reader.handlerAt(record - layout.RECORD_SIZE, records);
    if (record === records || before < layout.HANDLERS_FIRST || this.reader.endsStraightCode(before)) {
      this.callOut(record, records);
    }
    const flow = this.reader.flowAt(record, records, handler);
    if ((flow.kind === 'jump' || flow.kind === 'branch') && flow.offset <= 0) {
      const target = record + 4 * flow.offset;
      if (target >= records && this.reader.handlerAt(target, records) >= layout.HANDLERS_FIRST) {
        this.callOut(target, records);
      }
    }
  }

  /** When this record, which is decoded, is reached, reached() is called. */
  private callOut(record: number, records: number): void {
    const handler = this.u16[record >> 1] as number;
    if (handler < layout.HANDLERS_FIRST) return;
    this.u16[(records + layout.RECORD_ORIGINAL + ((record - records) >> 3)) >> 1] = handler;
    this.u16[record >> 1] = layout.HANDLER_REACHED;
  }

  reached(record: number): void {
    this.u16[record >> 1] = this.reader.handlerAt(record, recordsOf(record));
    this.wait(record, true);
  }

  private wait(record: number, isEntry: boolean): void {
    if (this.waiting.size === 0) this.patience = this.isEager ? 0 : PATIENCE;
    this.waiting.set(record, { whereabouts: this.reader.whereabouts(), isEntry });
  }

  private pageOf(records: number): Page {
    let page = this.pages.get(records);
    if (!page) {
      page = { heat: new Uint32Array(PIECES), drops: 0 };
      this.pages.set(records, page);
    }
    return page;
  }

  // ---- translation

  /** Translates what waits. Between two runs only. */
  private translateWaiting(): void {
    // A module costs as much as some regions: they gather, but none waits for long.
    if (this.waiting.size < BATCH && --this.patience > 0) return;
    const { waiting } = this;
    this.waiting = new Map();
    if (this.isExhausted) return;
    const module = new RegionModule(this.counters);
    const made = new Map<number, RegionCode>();
    for (const [record, { whereabouts, isEntry }] of waiting) {
      const region = isEntry
        ? this.makeAt(record, whereabouts, module, made)
        : this.makeAround(record, whereabouts, module, made);
      if (region) made.set(region.record, region);
      else this.figures.refused++;
    }
    if (made.size > 0) this.install([...made.values()], module);
  }

  /** A region around a place that was seen running: unless the best entries have theirs, and missed it. */
  private makeAround(
    record: number,
    whereabouts: Whereabouts,
    module: RegionModule,
    made: ReadonlyMap<number, RegionCode>,
  ): RegionCode | undefined {
    const records = recordsOf(record);
    const place = (record - records) / 4;
    const page = {
      isKnown: (offset: number) => this.reader.isDecoded(records + 4 * offset),
      flowAt: (offset: number) => this.reader.flowOf(records, offset),
    };
    for (const entry of entriesAround(page, place)) {
      const region = this.makeAt(records + 4 * entry, whereabouts, module, made);
      if (region?.covered.get(records)?.has(place)) return region;
    }
    return undefined;
  }

  private makeAt(
    record: number,
    whereabouts: Whereabouts,
    module: RegionModule,
    made: ReadonlyMap<number, RegionCode>,
  ): RegionCode | undefined {
    if ((this.u16[record >> 1] as number) < layout.HANDLERS_FIRST || made.has(record)) return undefined;
    if (!this.isEager && this.pageOf(recordsOf(record)).drops > DROPS_MAX) return undefined;
    return translateRegion(this.reader, record, whereabouts, module, {
      onlyExecuted: !this.isEager,
      breakpointsAt: (offset) => this.host.breakpointsAt(offset),
    });
  }

  private install(codes: readonly RegionCode[], module: RegionModule): void {
    const { figures } = this;
    const bytes = module.build(codes.map(({ body }) => body));
    if (!this.regions.hasRoom(codes.length, bytes.length)) {
      this.regions.dropAll();
      figures.flushes++;
    }
    let exports: WebAssembly.Exports;
    try {
      exports = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), {
        environment: { memory: this.host.memory },
        kernels: this.host.kernels,
        interpreter: this.host.interpreter,
      }).exports;
    } catch (error) {
      // The engine that runs us has no memory for code. What there is stays in use, the rest is interpreted.
      if (!(error instanceof RangeError)) throw error;
      this.isExhausted = true;
      this.host.warn(`no more code is translated, the guest runs slower from here on: ${error.message}`);
      return;
    }
    figures.modules++;
    figures.bytes += bytes.length;
    figures.regions += codes.length;
    for (const { instructions } of codes) figures.instructions += instructions;
    const functions = codes.map((_, i) => exports[String(i)] as () => void);
    this.regions.install(codes, functions, bytes.length);
    for (const record of codes.flatMap(({ resumed }) => resumed)) {
      if (this.isEager) {
        if ((this.u16[record >> 1] as number) === layout.HANDLER_DECODE) this.host.decode(record);
        this.callOut(record, recordsOf(record));
      } else this.warm(record);
    }
  }

  // ---- what changes under it

  /** Words of the page with these records, from one offset up to another, are no longer what they were. */
  drop(records: number, first: number, last: number): void {
    this.dropFor('stores', records, first, last);
  }

  private dropFor(
    cause: keyof TranslatorStatistics['drops'],
    records: number,
    first: number,
    last: number,
  ): void {
    const dropped = this.regions.drop(records, first, last);
    if (dropped.length === 0) return;
    this.figures.drops[cause]++;
    // A debugger's breakpoints come and go; that says nothing about the code.
    if (cause !== 'breakpoints') this.pageOf(records).drops++;
    if (this.isEager) for (const record of dropped) this.callOut(record, recordsOf(record));
  }

  /** The slot of these records passes to another page of RAM. */
  forget(records: number): void {
    this.dropFor('reuse', records, 0, LAST_OFFSET);
    this.pages.delete(records);
    for (const record of this.waiting.keys()) {
      if (recordsOf(record) === records) this.waiting.delete(record);
    }
  }

  /** Breakpoints are about to come or go: regions that run over them do not test for them, or in vain. */
  dropAround(records: number, index: number): void {
    this.dropFor('breakpoints', records, 4 * index, 4 * index);
  }

  /** The first watchpoint is about to be set, or the last one is gone: accesses are made in another way. */
  watchingChanged(): void {
    for (const records of this.regions.pagesWithRegions())
      this.dropFor('breakpoints', records, 0, LAST_OFFSET);
  }

  /** A breakpoint was lifted from a record, which has its handler back. */
  lifted(record: number): void {
    if (this.isEager) this.callOut(record, recordsOf(record));
  }
}
