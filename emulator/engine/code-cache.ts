// Pages of predecoded records: handed out on the first fetch from a page of RAM, reused round
// robin, marked with BREAK records where breakpoints stand.

import * as layout from '../memory/layout.ts';
import type { RecordWriter } from './interpreter/decode.ts';
import type { KernelExports } from './kernel-exports.ts';
import type { Translator } from './translator/translator.ts';

/** Of the computer that runs us, most often. */
const HOST_PAGE = 4096;

const recordsAt = (slot: number): number => layout.RECORDS + slot * layout.RECORD_PAGE_SIZE;

export class CodeCache {
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly view: DataView;
  private readonly writer: RecordWriter;
  private readonly kernels: KernelExports;
  /** The second tier, which knows what was made of the records. */
  private translator: Translator | undefined;
  /** RAM page that each slot holds, or -1. */
  private readonly pageOfSlot = new Int32Array(layout.RECORD_PAGES).fill(-1);
  private nextSlot = 0;
  /** Slots that have held a page. */
  private usedSlots = 0;
  /** Offsets inside a page (in words) at which some breakpoint may stand: how many. */
  private readonly candidates = new Uint32Array(1024);
  private breakpointCount = 0;
  private executed: ((word: number, instruction: number) => void) | undefined;

  constructor(memory: WebAssembly.Memory, writer: RecordWriter, kernels: KernelExports) {
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.writer = writer;
    this.kernels = kernels;
  }

  attach(translator: Translator): void {
    this.translator = translator;
    this.chooseDecoder();
  }

  get hasBreakpoints(): boolean {
    return this.breakpointCount > 0;
  }

  /** Records for a page of RAM, none of them decoded. The slot that was used longest ago is given up. */
  allocate(ramPage: number): number {
    const slot = this.nextSlot;
    this.nextSlot = (slot + 1) % layout.RECORD_PAGES;
    const records = recordsAt(slot);
    const before = this.pageOfSlot[slot] as number;
    this.translator?.forget(records);
    if (before >= 0) {
      this.kernels.forgetRecords(records);
      this.i32[(layout.PAGE_MAP >> 2) + before] = 0;
    }
    if (slot < this.usedSlots) this.u8.fill(0, records, records + layout.RECORD_PAGE_SIZE);
    else this.use(slot);
    this.u16[(records + layout.RECORD_SENTINEL) >> 1] = layout.HANDLER_NEXT_PAGE;
    this.i32[(records + layout.RECORD_PAGE_INDEX) >> 2] = ramPage;
    this.i32[(layout.PAGE_MAP >> 2) + ramPage] = records;
    this.pageOfSlot[slot] = ramPage;
    return records;
  }

  /**
   * The first time: memory that was never used is zero. Each record is read before it is written; where the host's
   * first access to a page is a read, it finds the page twice, and the second time is dear.
   */
  private use(slot: number): void {
    this.usedSlots = slot + 1;
    const records = recordsAt(slot);
    for (let at = 0; at < layout.RECORD_SENTINEL; at += HOST_PAGE) this.i32[(records + at) >> 2] = 0;
  }

  /**
   * The kernels unlinked these records from their page. The page may get others, which must stay linked when
   * this slot has its next turn.
   */
  release(records: number): void {
    this.pageOfSlot[(records - layout.RECORDS) / layout.RECORD_PAGE_SIZE] = -1;
    this.translator?.forget(records);
  }

  /** A word that is about to be executed. */
  decodeExecuted(record: number): void {
    this.decode(record);
    if (!this.executed) return;
    const records = recordsAt(Math.floor((record - layout.RECORDS) / layout.RECORD_PAGE_SIZE));
    const ramPage = this.i32[(records + layout.RECORD_PAGE_INDEX) >> 2] as number;
    const word = ramPage * 1024 + (record - records) / layout.RECORD_SIZE;
    this.executed(word, this.view.getUint32(layout.RAM_HOST + word * 4, true));
  }

  /** From now on this is told of each word of RAM that is executed for the first time since it was stored to. */
  watch(executed: ((word: number, instruction: number) => void) | undefined): void {
    this.executed = executed;
    this.chooseDecoder();
  }

  /** Fills in the record at this address from the word it stands for. */
  decode(record: number): void {
    const slot = Math.floor((record - layout.RECORDS) / layout.RECORD_PAGE_SIZE);
    const records = recordsAt(slot);
    const index = (record - records) / layout.RECORD_SIZE;
    const ramPage = this.i32[(records + layout.RECORD_PAGE_INDEX) >> 2] as number;
    const word = this.view.getUint32(layout.RAM_HOST + ramPage * 4096 + index * 4, true);
    const handler = this.writer.write(record, word);
    if (this.candidates[index] === 0) {
      this.u16[record >> 1] = handler;
      this.translator?.observe(record, records, handler);
    } else {
      this.u16[(records + layout.RECORD_ORIGINAL + 2 * index) >> 1] = handler;
      this.u16[record >> 1] = layout.HANDLER_BREAK;
    }
  }

  /**
   * Entries of BREAKPOINTS, each once, in ascending order. `changed`: words of a page at which other breakpoints stand
   * now than before.
   */
  setBreakpoints(entries: readonly bigint[], changed: ReadonlySet<number>): void {
    if (entries.length > layout.BREAKPOINTS_MAX) {
      throw new RangeError(`more than ${layout.BREAKPOINTS_MAX} breakpoints`);
    }
    const before = this.candidates.slice();
    this.candidates.fill(0);
    entries.forEach((entry, i) => {
      this.view.setBigUint64(layout.BREAKPOINTS + 8 * i, entry, true);
      const index = Number((entry >> 2n) & 0x3ffn);
      this.candidates[index] = (this.candidates[index] as number) + 1;
    });
    this.view.setInt32(layout.BREAKPOINT_COUNT, entries.length, true);
    this.breakpointCount = entries.length;
    this.chooseDecoder();
    for (let index = 0; index < 1024; index++) {
      const wanted = (this.candidates[index] as number) > 0;
      if (wanted !== (before[index] as number) > 0) this.mark(index, wanted);
      else if (wanted && changed.has(index)) this.dropRegionsAt(index);
    }
  }

  /** The kernels decode what they can, unless something here has to see each word. */
  private chooseDecoder(): void {
    const byHost = this.hasBreakpoints || this.executed !== undefined || (this.translator?.isEager ?? false);
    this.i32[layout.DECODE_BY_HOST >> 2] = byHost ? 1 : 0;
  }

  private dropRegionsAt(index: number): void {
    for (let slot = 0; slot < layout.RECORD_PAGES; slot++) {
      if ((this.pageOfSlot[slot] as number) >= 0) this.translator?.dropAround(recordsAt(slot), index);
    }
  }

  /** Puts or lifts BREAK records at one place of every page. */
  private mark(index: number, wanted: boolean): void {
    for (let slot = 0; slot < layout.RECORD_PAGES; slot++) {
      if ((this.pageOfSlot[slot] as number) < 0) continue;
      const records = recordsAt(slot);
      const record = (records + index * layout.RECORD_SIZE) >> 1;
      const original = (records + layout.RECORD_ORIGINAL + 2 * index) >> 1;
      const handler = this.u16[record] as number;
      if (handler === layout.HANDLER_DECODE) continue;
      if (wanted) {
        this.translator?.dropAround(records, index);
        // ENTER and REACHED have put the original there already.
        const now = this.u16[record] as number;
        if (now !== layout.HANDLER_ENTER && now !== layout.HANDLER_REACHED) this.u16[original] = now;
        this.u16[record] = layout.HANDLER_BREAK;
      } else if (handler === layout.HANDLER_BREAK) {
        this.translator?.dropAround(records, index);
        this.u16[record] = this.u16[original] as number;
        this.translator?.lifted(2 * record);
      }
    }
  }
}
