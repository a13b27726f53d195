// The second tier: what the interpreter reaches often becomes regions, WebAssembly functions that it enters
// through the record of their first instruction.
//
// Where a jump may lead, the decoder leaves a COUNT record. Once it was reached often enough it waits here for the
// end of the present run() call, when all that wait become one module. A region is part of one page of records
// and has no state: what it was made of decides when it goes. A store into its page, the reuse of the page's
// records and a breakpoint inside it put the original handlers back.

import { ModuleWriter } from '../../base/wasm/module.ts';
import type { ValueType } from '../../base/wasm/opcodes.ts';
import type { CodeBuffer } from '../../base/wasm/code.ts';
import type { Field } from '../../cpu/isa/ops.ts';
import type { InstructionRow } from '../../cpu/isa/define.ts';
import { instructions } from '../../cpu/isa/catalog.ts';
import { type Kernel, type KernelName, kernels } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import { FunctionBuilder } from '../code/function-builder.ts';
import * as code from '../code/expression.ts';
import { enumerateHandlers, type Handler } from '../interpreter/enumerate.ts';
import { REGIONS_MAX, REGION_SIGNATURE } from '../interpreter/generate.ts';
import { type InstructionFlow, findBlocks } from './blocks.ts';
import { emitRegion, executeInstruction, type Instruction } from './emit-region.ts';
import { NotTranslatable, TranslatorOps } from './translator-ops.ts';

/** Instructions of one region, about. */
const REGION_LIMIT = 300;
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

/** Shared by all engines of this JavaScript realm: it depends on the tables only. */
let handlersByNumber: readonly Handler[] | undefined;

interface Region {
  readonly record: number;
  readonly tableIndex: number;
  /** Which instructions of the page it was made of. */
  readonly covered: ReadonlySet<number>;
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
  private readonly view: DataView;
  private readonly table: WebAssembly.Table;
  private readonly firstPlace: number;
  private readonly freePlaces: number[] = [];
  private usedPlaces = 0;
  /** By address of the page's records. */
  private readonly pages = new Map<number, Page>();
  private waiting: number[] = [];
  /** Runs until what waits is translated, be it ever so little. */
  private patience = 0;
  private readonly flowOfHandler = new Map<number, InstructionFlow['kind']>();
  private readonly handlers: readonly Handler[];
  /** Where instructions are emitted for nothing. */
  private readonly trialBuilder = new FunctionBuilder(1);
  private readonly trial = new TranslatorOps({
    builder: this.trialBuilder,
    registerLocal: () => 0,
    flagLocals: () => ({ op: 0, a: 0, b: 0 }),
    pageVa: code.local('i64', 0),
    tlbBase: code.local('i32', 0),
    kernelIndex: () => 0,
    materializeFlags: () => 0,
    interpret: () => {},
  });

  constructor(host: TranslatorHost) {
    this.host = host;
    const { buffer } = host.memory;
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
    this.table = host.interpreter['handlers'] as WebAssembly.Table;
    this.firstPlace = this.table.length - REGIONS_MAX;
    handlersByNumber ??= enumerateHandlers(instructions).handlers;
    this.handlers = handlersByNumber;
  }

  /** A record was decoded: whether it becomes one that counts. */
  observe(record: number, records: number, handler: number): void {
    if (handler < layout.HANDLERS_FIRST) return;
    const before = this.handlerAt(record - layout.RECORD_SIZE, records);
    if (record === records || before < layout.HANDLERS_FIRST || this.endsStraightCode(before)) {
      this.count(record, records);
    }
    const flow = this.flowAt(record, records, handler);
    if ((flow.kind === 'jump' || flow.kind === 'branch') && flow.offset <= 0) {
      const target = record + 4 * flow.offset;
      if (target >= records && this.handlerAt(target, records) >= layout.HANDLERS_FIRST) {
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
    this.u16[record >> 1] = this.handlerAt(record, records);
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
    const writer = new BatchWriter();
    const made: { record: number; covered: Set<number>; body: Body }[] = [];
    for (const record of new Set(waiting)) {
      const records = recordsOf(record);
      if ((this.u16[record >> 1] as number) < layout.HANDLERS_FIRST) continue;
      if (this.host.threshold >= IMPATIENT && (this.pages.get(records)?.drops ?? 0) > DROPS_MAX) continue;
      const region = this.translate(record, records, writer);
      if (region) made.push({ record, ...region });
      else this.statistics.refused++;
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
    if (page?.regions.some(({ covered }) => covered.has(4 * index))) this.drop(records);
  }

  private dropAll(): void {
    for (const records of this.pages.keys()) this.drop(records);
  }

  private install(record: number, covered: ReadonlySet<number>, region: () => void): void {
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
    this.u16[(records + layout.RECORD_ORIGINAL + index) >> 1] = this.handlerAt(record, records);
    this.u16[(records + layout.RECORD_HEAT + index) >> 1] = place;
    this.u16[record >> 1] = layout.HANDLER_ENTER;
    this.statistics.regions++;
  }

  private uninstall({ record, tableIndex }: Region, records: number): void {
    if (this.u16[record >> 1] === layout.HANDLER_ENTER) {
      this.u16[record >> 1] = this.handlerAt(record, records);
      this.count(record, records);
    }
    this.table.set(tableIndex, null);
    this.freePlaces.push(tableIndex);
    this.usedPlaces--;
  }

  /** The handler of a record, whatever stands before it. */
  private handlerAt(record: number, records: number): number {
    const handler = this.u16[record >> 1] as number;
    if (handler !== layout.HANDLER_ENTER && handler !== layout.HANDLER_COUNT) return handler;
    return this.u16[(records + layout.RECORD_ORIGINAL + ((record - records) >> 3)) >> 1] as number;
  }

  private endsStraightCode(handler: number): boolean {
    const kind = this.flowOfHandler.get(handler);
    return kind !== undefined && kind !== 'next' && kind !== 'branch';
  }

  // ---- translation

  private translate(
    record: number,
    records: number,
    writer: BatchWriter,
  ): { covered: Set<number>; body: Body } | undefined {
    const entry = (record - records) / 4;
    const flows = new Map<number, InstructionFlow>();
    const order = findBlocks(entry, REGION_LIMIT, (offset) => {
      const flow = this.flowOf(records, offset);
      flows.set(offset, flow);
      return flow;
    });
    const [first] = order;
    if (!first || ((first.end === 'interpret' || first.end === 'stop') && first.length === 1))
      return undefined;
    const body = emitRegion(order, records, (offset) => this.instructionAt(records, offset), writer);
    for (const { end, start, length } of order) {
      const after = records + 4 * (start + 4 * length);
      if (end === 'interpret' && after < records + layout.RECORD_SENTINEL) this.countAgain(after, records);
      this.statistics.instructions += length;
    }
    return { covered: new Set(flows.keys()), body };
  }

  /** What stands behind an instruction of the interpreter's is worth a region of its own. */
  private countAgain(record: number, records: number): void {
    if ((this.u16[record >> 1] as number) === layout.HANDLER_DECODE) this.host.decode(record);
    this.count(record, records);
  }

  private flowOf(records: number, offset: number): InstructionFlow {
    const record = records + 4 * offset;
    if (this.u16[record >> 1] === layout.HANDLER_DECODE) this.host.decode(record);
    const handler = this.handlerAt(record, records);
    if (handler < layout.HANDLERS_FIRST) return { kind: 'stop' };
    return this.flowAt(record, records, handler);
  }

  private flowAt(record: number, records: number, handler: number): InstructionFlow {
    const known = this.flowOfHandler.get(handler);
    if (known !== undefined && known !== 'jump' && known !== 'branch') return { kind: known };
    const flow = this.tryInstruction(this.instructionAt(records, (record - records) / 4));
    this.flowOfHandler.set(handler, flow.kind);
    return flow;
  }

  /** Emits an instruction for nothing, to see how it goes on, and whether it can be part of a region at all. */
  private tryInstruction(instruction: Instruction): InstructionFlow {
    const { trial: ops, trialBuilder } = this;
    trialBuilder.code.length = 0;
    trialBuilder.recycle();
    ops.beginBlock(undefined);
    ops.begin(0);
    try {
      executeInstruction(ops, instruction);
    } catch (error) {
      if (error instanceof NotTranslatable) return { kind: 'interpret' };
      throw error;
    }
    if (ops.alwaysLeaves) return { kind: 'interpret' };
    const { flow } = ops;
    if (!flow) return { kind: 'next' };
    switch (flow.kind) {
      case 'indirect':
        return { kind: flow.isReturn ? 'return' : 'indirect' };
      case 'jump':
        return { kind: 'jump', offset: flow.offset, isCall: flow.isCall };
      default:
        return { kind: 'branch', offset: flow.offset };
    }
  }

  private instructionAt(records: number, offset: number): Instruction {
    const handler = this.handlerAt(records + 4 * offset, records);
    const { row } = this.handlers[handler - layout.HANDLERS_FIRST] as Handler;
    const page = this.i32[(records + layout.RECORD_PAGE_INDEX) >> 2] as number;
    return {
      row,
      operands: operandsOf(row, this.view.getUint32(layout.RAM_HOST + 4096 * page + offset, true)),
    };
  }
}

const recordsOf = (record: number): number => record - ((record - layout.RECORDS) % layout.RECORD_PAGE_SIZE);

/** All fields and derived values of a word, as numbers. */
function operandsOf(row: InstructionRow, word: number): Record<string, Field | number> {
  const fields: Record<string, number> = {};
  for (const { name, shift, width } of row.fields) fields[name] = (word >>> shift) & ((1 << width) - 1);
  return (row.derive ? { ...fields, ...row.derive(fields) } : fields) as unknown as Record<string, Field>;
}

interface Body {
  readonly locals: ValueType[];
  readonly code: CodeBuffer;
}

/** One module with several regions. All that they call is imported. */
class BatchWriter {
  private readonly imports: { module: string; name: string }[] = [];
  private readonly indexes = new Map<string, number>();

  kernelIndex = (name: KernelName): number => this.indexOf('kernels', name);
  materializeFlags = (): number => this.indexOf('interpreter', 'flagsToNzcv');

  build(bodies: readonly Body[]): Uint8Array {
    const writer = new ModuleWriter();
    writer.importMemory('environment', 'memory', 1);
    for (const { module, name } of this.imports) {
      if (module === 'interpreter') {
        writer.importFunction(module, name, { params: ['i32', 'i64', 'i64'], results: ['i32'] });
        continue;
      }
      const { params, result }: Kernel = kernels[name as KernelName];
      writer.importFunction(module, name, { params, results: result ? [result] : [] });
    }
    bodies.forEach((body, i) => writer.addFunction(REGION_SIGNATURE, body, String(i)));
    return writer.build();
  }

  private indexOf(module: string, name: string): number {
    let index = this.indexes.get(name);
    if (index === undefined) {
      index = this.imports.push({ module, name }) - 1;
      this.indexes.set(name, index);
    }
    return index;
  }
}
