// What stands in a page of records, as the translator sees it: the instruction at each place, and how it goes on.

import { instructions } from '../../cpu/isa/catalog.ts';
import type { FieldPosition, InstructionRow } from '../../cpu/isa/define.ts';
import * as layout from '../../memory/layout.ts';
import { FunctionBuilder } from '../code/function-builder.ts';
import * as code from '../code/expression.ts';
import { combinationAt, type Handler } from '../interpreter/enumerate.ts';
import type { InterpreterTables } from '../interpreter/generate.ts';
import type { InstructionFlow } from './blocks.ts';
import { executeInstruction, type Instruction } from './emit-region.ts';
import type { FlagUse } from './live-flags.ts';
import { NotTranslatable, TranslatorOps } from './translator-ops.ts';

/** Nothing is lost when they are forgotten but time. */
const LONERS_MAX = 10_000;

/** Address of the page of records that a record is in. */
export const recordsOf = (record: number): number =>
  record - ((record - layout.RECORDS) % layout.RECORD_PAGE_SIZE);

/** Where the page of a region was seen: what is near it is found through this. */
export interface Whereabouts {
  readonly pageVa: bigint;
  /** Address of the instruction TLB in use. */
  readonly itlb: number;
  /** X0 to X30 at that time. */
  readonly registers: BigUint64Array;
}

export class InstructionReader {
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly view: DataView;
  private readonly tables: InterpreterTables;
  private readonly decode: (record: number) => void;
  /** By number of a handler: row << 16 | combination. Made when the first instruction is translated. */
  private places: readonly number[] | undefined;
  /** By handler; what is the same for all its instructions. */
  private readonly traits: (Traits | undefined)[] = [];
  /** Those of MRS, MSR and SYS, by register. */
  private readonly systemTraits = new Map<string, Traits>();
  private readonly decoders: (OperandDecoder | undefined)[] = [];
  /** Where instructions are emitted for nothing. */
  private readonly trialBuilder = new FunctionBuilder(1);
  private readonly trial = new TranslatorOps({
    builder: this.trialBuilder,
    registerLocal: () => 0,
    pageVa: code.local('i64', 0),
    tlbBase: code.local('i32', 0),
    isWatched: false,
    kernelIndex: () => 0,
    materializeFlags: () => 0,
    interpret: () => {
      this.trialLeft = true;
    },
    leaveBehind: () => {
      this.trialLeft = true;
    },
  });
  private trialLeft = false;
  /** Records whose accesses are often in another page than those before them. */
  private readonly loners = new Set<number>();

  /** There are watchpoints. */
  get isWatched(): boolean {
    return this.i32[layout.WATCHPOINT_COUNT >> 2] !== 0;
  }

  /** `decode` fills in a record that was not decoded yet. */
  constructor(memory: WebAssembly.Memory, tables: InterpreterTables, decode: (record: number) => void) {
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.tables = tables;
    this.decode = decode;
  }

  private instructionsOf(handler: number): Pick<Handler, 'row' | 'statics'> {
    this.places ??= handlerPlaces(this.tables);
    const place = this.places[handler] as number;
    const row = instructions[place >>> 16] as InstructionRow;
    return { row, statics: combinationAt(row, place & 0xffff) };
  }

  /** The handler of a record, whatever stands before it. */
  handlerAt(record: number, records: number): number {
    const handler = this.u16[record >> 1] as number;
    const isReplaced = handler >= layout.HANDLER_ENTER && handler <= layout.HANDLER_REACHED;
    if (!isReplaced && handler !== layout.HANDLER_BREAK) return handler;
    return this.u16[(records + layout.RECORD_ORIGINAL + ((record - records) >> 3)) >> 1] as number;
  }

  /** Whether a record was executed, or looked at, before. */
  isDecoded(record: number): boolean {
    return this.u16[record >> 1] !== layout.HANDLER_DECODE;
  }

  /** Whether what stands behind an instruction of this handler is reached by a jump, if at all. */
  endsStraightCode(handler: number): boolean {
    const kind = this.traits[handler]?.kind;
    return kind !== undefined && kind !== 'next' && kind !== 'branch';
  }

  /** Of the page that is being executed. */
  whereabouts(): Whereabouts {
    return {
      pageVa: this.view.getBigUint64(layout.PAGE_VA, true),
      itlb: this.i32[layout.ITLB_BASE >> 2] as number,
      registers: new BigUint64Array(this.u16.buffer, layout.X, 31).slice(),
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
    const traits = this.traitsOf(handler, record, records);
    const { kind } = traits;
    const isCallThroughRegister = kind === 'indirect' && traits.isCall;
    if (kind !== 'jump' && kind !== 'branch' && !isCallThroughRegister) return traits.flow;
    const { target, Rn } = this.instructionAt(records, (record - records) / 4).operands;
    if (kind === 'indirect') return { kind, register: Rn as number };
    if (kind === 'branch') return { kind, offset: target as number };
    return { kind, offset: target as number, isCall: traits.isCall };
  }

  flagUse(records: number, offset: number): FlagUse {
    const record = records + 4 * offset;
    const traits = this.traitsOf(this.handlerAt(record, records), record, records);
    // In front of it the region may be left.
    return this.isBreakpoint(records, offset) ? { needs: true, sets: traits.sets } : traits;
  }

  isBreakpoint(records: number, offset: number): boolean {
    return this.u16[(records + 4 * offset) >> 1] === layout.HANDLER_BREAK;
  }

  /** Of the word at this offset of the page. */
  physicalAddress(records: number, offset: number): bigint {
    const page = this.i32[(records + layout.RECORD_PAGE_INDEX) >> 2] as number;
    return this.view.getBigUint64(layout.RAM_BASE, true) + BigInt(4096 * page + offset);
  }

  probesAlone(records: number, offset: number): boolean {
    return this.loners.size > 0 && this.loners.has(records + 4 * offset);
  }

  setAlone(record: number): void {
    if (this.loners.size === LONERS_MAX) this.loners.clear();
    this.loners.add(record);
  }

  /** The answer holds until the next one is asked for. */
  instructionAt(records: number, offset: number): Instruction {
    const handler = this.handlerAt(records + 4 * offset, records);
    let decoder = this.decoders[handler];
    if (!decoder) {
      decoder = new OperandDecoder(this.instructionsOf(handler));
      this.decoders[handler] = decoder;
    }
    const page = this.i32[(records + layout.RECORD_PAGE_INDEX) >> 2] as number;
    return decoder.decode(this.i32[(layout.RAM_HOST + 4096 * page + offset) >> 2] as number);
  }

  private traitsOf(handler: number, record: number, records: number): Traits {
    let traits = this.traits[handler];
    if (traits) return traits;
    const instruction = this.instructionAt(records, (record - records) / 4);
    // What a system instruction does is said by its fields.
    const { CRn } = instruction.operands;
    if (CRn !== undefined) return this.traitsOfSystem(instruction);
    traits = this.tryInstruction(instruction);
    this.traits[handler] = traits;
    return traits;
  }

  private traitsOfSystem(instruction: Instruction): Traits {
    const key = `${instruction.row.name} ${String(instruction.operands['index'])}`;
    let traits = this.systemTraits.get(key);
    if (!traits) {
      traits = this.tryInstruction(instruction);
      this.systemTraits.set(key, traits);
    }
    return traits;
  }

  /** Emits an instruction for nothing, to see how it goes on, and whether it can be part of a region at all. */
  private tryInstruction(instruction: Instruction): Traits {
    const { trial: ops, trialBuilder } = this;
    trialBuilder.rewind(0);
    trialBuilder.recycle();
    this.trialLeft = false;
    ops.flags.known = undefined;
    ops.fpChecked = false;
    ops.pages.list = [];
    ops.begin(0);
    try {
      executeInstruction(ops, instruction);
    } catch (error) {
      if (error instanceof NotTranslatable) return LEFT_TO_INTERPRETER;
      throw error;
    }
    if (ops.alwaysLeaves) return LEFT_TO_INTERPRETER;
    const use = { needs: ops.readsFlags || this.trialLeft, sets: ops.setsFlags };
    const { flow } = ops;
    switch (flow?.kind) {
      case 'indirect': {
        const kind = flow.purpose === 'return' ? 'return' : 'indirect';
        return { kind, flow: { kind }, isCall: flow.purpose === 'call', ...use };
      }
      case 'jump':
      case 'branch':
        // A row says by `target` where a direct branch leads.
        if (instruction.operands['target'] !== flow.offset)
          throw new Error(`target of ${instruction.row.name}`);
        return { kind: flow.kind, flow: NEXT, isCall: flow.kind === 'jump' && flow.isCall, ...use };
      default:
        return { kind: 'next', flow: NEXT, isCall: false, ...use };
    }
  }
}

/** Where each handler stands in the tables of the interpreter. */
function handlerPlaces({ handlers }: InterpreterTables): number[] {
  const places: number[] = [];
  for (let row = 0; row < handlers.length; row++) {
    const numbers = handlers[row] as readonly number[];
    for (let combination = 0; combination < numbers.length; combination++) {
      places[numbers[combination] as number] = (row << 16) | combination;
    }
  }
  return places;
}

/** What all instructions of a handler have in common. */
interface Traits extends FlagUse {
  readonly kind: InstructionFlow['kind'];
  /** How they go on, but for direct branches. */
  readonly flow: InstructionFlow;
  readonly isCall: boolean;
}

const NEXT = { kind: 'next' } as const;
const LEFT_TO_INTERPRETER: Traits = {
  kind: 'interpret',
  flow: { kind: 'interpret' },
  isCall: false,
  needs: true,
  sets: false,
};

/** All fields and derived values of words of one handler, as numbers. */
export class OperandDecoder {
  private readonly instruction: Instruction;
  /** The others are the same in all words. */
  private readonly dynamicFields: readonly FieldPosition[];

  constructor({ row, statics }: Pick<Handler, 'row' | 'statics'>) {
    this.instruction = { row, operands: { ...statics } };
    this.dynamicFields = row.fields.filter(({ name }) => !(name in statics));
  }

  decode(word: number): Instruction {
    const { row, operands } = this.instruction;
    for (const { name, shift, width } of this.dynamicFields) {
      operands[name] = (word >>> shift) & ((1 << width) - 1);
    }
    if (row.derive) Object.assign(operands, row.derive(operands as Record<string, number>));
    return this.instruction;
  }
}
