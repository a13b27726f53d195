// Generates the interpreter: a WebAssembly module with run(), which executes predecoded records,
// and one function for each handler, from the same rows that everything else reads.

import { ModuleWriter } from '../../base/wasm/module.ts';
import type { ValueType } from '../../base/wasm/opcodes.ts';
import type { InstructionRow } from '../../cpu/isa/define.ts';
import { type Kernel, type KernelName, kernels } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import { FunctionBuilder } from '../code/function-builder.ts';
import { enumerateHandlers, type Handler } from './enumerate.ts';
import { emitHandler, type Environment } from './emit-handler.ts';
import type { HandlerFrame } from './handler-ops.ts';
import { patternTables } from './pattern-tables.ts';
import { decodePatterns } from './patterns.ts';
import { buildRun } from './run.ts';
import { layOut, type OperandUse, placeIn, type Shape } from './shape.ts';

/** What the decoder must know of the generated module; see decode.ts. */
export interface InterpreterTables {
  /** Names of the rows, to notice a module that was generated from other rows. */
  readonly rows: readonly string[];
  readonly shapes: readonly Shape[];
  /** For each row and combination: handler number (HANDLER_UNDEFINED where there is none). */
  readonly handlers: readonly (readonly number[])[];
  /** For each row and combination: index into shapes. */
  readonly shapeOf: readonly (readonly number[])[];
}

export interface GeneratedInterpreter {
  readonly module: Uint8Array;
  readonly tables: InterpreterTables;
  readonly hotCount: number;
}

/** A translated region: takes the budget, answers one of REGION_*. */
export const REGION_SIGNATURE = { params: ['i32'], results: ['i32'] } as const;
/** Places in the table behind the handlers. */
export const REGIONS_MAX = 8192;
const HANDLER_SIGNATURE = { params: ['i32'], results: [] } as const;

export function generateInterpreter(
  rows: readonly InstructionRow[],
  options: { readonly names?: boolean } = {},
): GeneratedInterpreter {
  const { handlers, hotCount, byCombination } = enumerateHandlers(rows);
  const writer = new ModuleWriter();
  writer.importMemory('environment', 'memory', 1);
  const imports = importKernels(writer);
  const materializeFlags = writer.addFunction(
    { params: ['i32', 'i64', 'i64'], results: ['i32'] },
    buildMaterializeFlags(),
    'flagsToNzcv',
  );
  const environment = {
    imports,
    materializeFlags,
    handlerType: writer.typeIndex(HANDLER_SIGNATURE),
    regionType: writer.typeIndex(REGION_SIGNATURE),
  };

  const shapes = new ShapePool();
  const shapeOfHandler = handlers.map((handler) => shapes.indexOf(handler));
  const functions = handlers.map((handler, i) =>
    writer.addFunction(
      HANDLER_SIGNATURE,
      buildHandlerFunction(handler, shapes.at(shapeOfHandler[i] as number), environment),
    ),
  );
  if (options.names) {
    handlers.forEach(({ row, statics, number }, i) => {
      const fixed = Object.entries(statics).map(([name, value]) => `${name}${value}`);
      writer.nameFunction(functions[i] as number, `${number} ${row.name} ${fixed.join(' ')}`);
    });
  }
  const undefinedFunction = writer.addFunction(HANDLER_SIGNATURE, buildUndefined(imports));
  const notInstructions = Array.from({ length: layout.HANDLERS_FIRST }, () => undefinedFunction);
  writer.setTable([...notInstructions, ...functions], { exportName: 'handlers', room: REGIONS_MAX });

  const hot = handlers.slice(0, hotCount).map((handler, i) => ({
    handler,
    shape: shapes.at(shapeOfHandler[i] as number),
  }));
  const run = buildRun(hot, environment);
  const runFunction = writer.addFunction(
    { params: [], results: [] },
    { locals: run.locals, code: run.code },
    'run',
  );
  if (options.names) writer.nameFunction(runFunction, 'run');

  const patterns = decodePatterns(handlers, ({ number }) =>
    shapes.at(shapeOfHandler[number - layout.HANDLERS_FIRST] as number),
  );
  writer.addData(layout.DECODE_TABLES, patternTables(patterns));

  return {
    module: writer.build(),
    hotCount,
    tables: {
      rows: rows.map((row) => row.name),
      shapes: shapes.all,
      handlers: byCombination.map((row) => row.map((handler) => handler?.number ?? layout.HANDLER_UNDEFINED)),
      shapeOf: byCombination.map((row) =>
        row.map((handler) =>
          handler ? (shapeOfHandler[handler.number - layout.HANDLERS_FIRST] as number) : 0,
        ),
      ),
    },
  };
}

function importKernels(writer: ModuleWriter): Map<KernelName, number> {
  const indexes = new Map<KernelName, number>();
  for (const [name, row] of Object.entries(kernels) as [KernelName, Kernel][]) {
    const results: ValueType[] = row.result ? [row.result] : [];
    indexes.set(
      name,
      writer.importFunction(row.host ? 'host' : 'kernels', name, { params: row.params, results }),
    );
  }
  return indexes;
}

function buildHandlerFunction(
  handler: Handler,
  shape: Shape,
  environment: Environment,
): { locals: ValueType[]; code: FunctionBuilder['code'] } {
  const builder = new FunctionBuilder(1);
  emitHandler(handler, functionFrame(builder, shape, environment));
  return { locals: builder.locals, code: builder.code };
}

/** A handler that is a function: its one parameter is the record. */
function functionFrame(builder: FunctionBuilder, shape: Shape, environment: Environment): HandlerFrame {
  const kernelIndex = (name: KernelName): number => environment.imports.get(name) as number;
  const jumpTo = (address: code.Expression): void => {
    builder.storeAt('i64', layout.PC, address);
    builder.call(kernelIndex('raiseAttention'), [code.constant('i32', layout.ATTENTION_PC)]);
    builder.return();
  };
  return {
    builder,
    record: 0,
    operandPlace: (field, use) => placeIn(shape, field, use),
    kernelIndex,
    materializeFlags: environment.materializeFlags,
    abandon: () => builder.return(),
    jumpRelative: (offset) => {
      const distance = code.binary('sub', code.local('i32', 0), builder.loadAt('i32', layout.PAGE_RECORDS));
      const inPage = code.extendU(code.binary('shrU', distance, code.constant('i32', 2)));
      const pc = code.binary('add', builder.loadAt('i64', layout.PAGE_VA), inPage);
      jumpTo(code.binary('add', pc, code.extendS(offset)));
    },
    jumpAbsolute: jumpTo,
  };
}

/** Finds what a handler reads from its record by executing its meaning once for nothing. */
class ShapePool {
  readonly all: Shape[] = [[]];
  private readonly indexes = new Map<string, number>([['[]', 0]]);

  indexOf(handler: Handler): number {
    const wanted: { field: string; use: OperandUse }[] = [];
    const builder = new FunctionBuilder(1);
    emitHandler(handler, {
      builder,
      record: 0,
      operandPlace: (field, use) => {
        if (!wanted.some((entry) => entry.field === field && entry.use === use)) wanted.push({ field, use });
        return 0;
      },
      kernelIndex: () => 0,
      materializeFlags: 0,
      abandon: () => {},
      jumpRelative: () => {},
      jumpAbsolute: () => {},
    });
    let shape: Shape;
    try {
      shape = layOut(wanted);
    } catch (error) {
      throw new Error(`${handler.row.name}: ${(error as Error).message}`, { cause: error });
    }
    const key = JSON.stringify(shape);
    let index = this.indexes.get(key);
    if (index === undefined) {
      index = this.all.push(shape) - 1;
      this.indexes.set(key, index);
    }
    return index;
  }

  at(index: number): Shape {
    return this.all[index] as Shape;
  }
}

function buildUndefined(imports: ReadonlyMap<KernelName, number>): {
  locals: ValueType[];
  code: FunctionBuilder['code'];
} {
  const builder = new FunctionBuilder(1);
  builder.call(imports.get('undefinedInstruction') as number, []);
  return { locals: builder.locals, code: builder.code };
}

/** flagsToNzcv(op, a, b): N, Z, C, V at bits 3..0, from the lazy triple. */
export function buildMaterializeFlags(): { locals: ValueType[]; code: FunctionBuilder['code'] } {
  const builder = new FunctionBuilder(3);
  const op = code.local('i32', 0);
  const a = code.local('i64', 1);
  const b = code.local('i64', 2);
  const zero = code.constant('i64', 0);
  const isOp = (value: number): code.Expression => code.compare('eq', op, code.constant('i32', value));
  const pack = (
    result: code.Expression,
    carry: code.Expression,
    overflow: code.Expression,
  ): code.Expression => {
    const at = (bit: code.Expression, position: number): code.Expression =>
      code.binary('shl', bit, code.constant('i32', position));
    const negative = code.compare('ltS', result, zero);
    const nz = code.binary('or', at(negative, 3), at(code.eqz(result), 2));
    return code.binary('or', nz, code.binary('or', at(carry, 1), overflow));
  };
  const none = code.constant('i32', 0);
  builder.if(isOp(layout.FLAGS_RAW));
  builder.return(code.wrap(a));
  builder.end();
  builder.if(isOp(layout.FLAGS_LOGIC));
  builder.return(pack(a, none, none));
  builder.end();
  builder.if(isOp(layout.FLAGS_SUB));
  const difference = builder.pin(code.binary('sub', a, b));
  const borrowed = code.binary('and', code.binary('xor', a, b), code.binary('xor', a, difference));
  builder.return(pack(difference, code.compare('geU', a, b), code.compare('ltS', borrowed, zero)));
  builder.end();
  const sum = builder.pin(code.binary('add', a, b));
  const carried = code.binary('and', code.binary('xor', sum, a), code.binary('xor', sum, b));
  builder.return(pack(sum, code.compare('ltU', sum, a), code.compare('ltS', carried, zero)));
  builder.unreachable();
  return { locals: builder.locals, code: builder.code };
}
