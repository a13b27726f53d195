// What stands in a page of records, as the translator sees it: the instruction at each place, and how it goes on.

import type { Field } from '../../cpu/isa/ops.ts';
import type { InstructionRow } from '../../cpu/isa/define.ts';
import { instructions } from '../../cpu/isa/catalog.ts';
import * as layout from '../../memory/layout.ts';
import { FunctionBuilder } from '../code/function-builder.ts';
import * as code from '../code/expression.ts';
import { enumerateHandlers, type Handler } from '../interpreter/enumerate.ts';
import type { InstructionFlow } from './blocks.ts';
import { executeInstruction, type Instruction } from './emit-region.ts';
import { NotTranslatable, TranslatorOps } from './translator-ops.ts';

/** Shared by all engines of this JavaScript realm: it depends on the tables only. */
let handlersByNumber: readonly Handler[] | undefined;

/** Address of the page of records that a record is in. */
export const recordsOf = (record: number): number =>
  record - ((record - layout.RECORDS) % layout.RECORD_PAGE_SIZE);

/** Where the page of a region was seen: what is near it is found through this. */
export interface Whereabouts {
  readonly pageVa: bigint;
  /** Address of the instruction TLB in use. */
  readonly itlb: number;
}

export class InstructionReader {
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly view: DataView;
  private readonly decode: (record: number) => void;
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

  /** `decode` fills in a record that was not decoded yet. */
  constructor(memory: WebAssembly.Memory, decode: (record: number) => void) {
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.decode = decode;
    handlersByNumber ??= enumerateHandlers(instructions).handlers;
    this.handlers = handlersByNumber;
  }

  /** The handler of a record, whatever stands before it. */
  handlerAt(record: number, records: number): number {
    const handler = this.u16[record >> 1] as number;
    if (handler !== layout.HANDLER_ENTER && handler !== layout.HANDLER_REACHED) return handler;
    return this.u16[(records + layout.RECORD_ORIGINAL + ((record - records) >> 3)) >> 1] as number;
  }

  /** Whether a record was executed, or looked at, before. */
  isDecoded(record: number): boolean {
    return this.u16[record >> 1] !== layout.HANDLER_DECODE;
  }

  /** Whether what stands behind an instruction of this handler is reached by a jump, if at all. */
  endsStraightCode(handler: number): boolean {
    const kind = this.flowOfHandler.get(handler);
    return kind !== undefined && kind !== 'next' && kind !== 'branch';
  }

  /** Of the page that is being executed. */
  whereabouts(): Whereabouts {
    return {
      pageVa: this.view.getBigUint64(layout.PAGE_VA, true),
      itlb: this.i32[layout.ITLB_BASE >> 2] as number,
    };
  }

  /** Records of the page at a distance, if the instruction TLB has it. */
  recordsAt({ pageVa, itlb }: Whereabouts, distance: number): number | undefined {
    const va = BigInt.asUintN(64, pageVa + BigInt(distance));
    const entry = itlb + Number((va >> 12n) & BigInt(layout.ITLB_ENTRIES - 1)) * layout.ITLB_ENTRY_SIZE;
    if (this.view.getBigUint64(entry + layout.ITLB_TAG, true) !== va) return undefined;
    return this.i32[(entry + layout.ITLB_RECORDS) >> 2];
  }

  /** How the instruction at this offset of the page goes on. */
  flowOf(records: number, offset: number): InstructionFlow {
    const record = records + 4 * offset;
    if (this.u16[record >> 1] === layout.HANDLER_DECODE) this.decode(record);
    const handler = this.handlerAt(record, records);
    if (handler < layout.HANDLERS_FIRST) return { kind: 'stop' };
    return this.flowAt(record, records, handler);
  }

  /** The same of a record with this handler. */
  flowAt(record: number, records: number, handler: number): InstructionFlow {
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

  instructionAt(records: number, offset: number): Instruction {
    const handler = this.handlerAt(records + 4 * offset, records);
    const { row } = this.handlers[handler - layout.HANDLERS_FIRST] as Handler;
    const page = this.i32[(records + layout.RECORD_PAGE_INDEX) >> 2] as number;
    return {
      row,
      operands: operandsOf(row, this.view.getUint32(layout.RAM_HOST + 4096 * page + offset, true)),
    };
  }
}

/** All fields and derived values of a word, as numbers. */
function operandsOf(row: InstructionRow, word: number): Record<string, Field | number> {
  const fields: Record<string, number> = {};
  for (const { name, shift, width } of row.fields) fields[name] = (word >>> shift) & ((1 << width) - 1);
  return (row.derive ? { ...fields, ...row.derive(fields) } : fields) as unknown as Record<string, Field>;
}
