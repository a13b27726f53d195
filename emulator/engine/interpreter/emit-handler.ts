// From an instruction's meaning to the code of a handler, wherever the handler stands.

import type { Field, Ops } from '../../cpu/isa/ops.ts';
import type { KernelName } from '../../cpu/kernels.ts';
import type { Handler } from './enumerate.ts';
import { type HandlerFrame, InterpreterOps, type KnownFlags, recordField } from './handler-ops.ts';

/** Indexes inside the generated module that handlers call. */
export interface Environment {
  readonly imports: ReadonlyMap<KernelName, number>;
  readonly materializeFlags: number;
  readonly handlerType: number;
  readonly regionType: number;
}

/** Emits the meaning of a handler's instruction. `flags` is what the instruction before has set; the result, what it sets. */
export function emitHandler(
  handler: Handler,
  frame: HandlerFrame,
  flags?: KnownFlags,
): KnownFlags | undefined {
  const ops = new InterpreterOps(frame, flags);
  if (handler.row.fp) ops.requireFp();
  try {
    handler.row.execute(ops as unknown as Ops, operandsOf(handler));
  } catch (error) {
    const statics = JSON.stringify(handler.statics);
    throw new Error(`${handler.row.name} ${statics}: ${(error as Error).message}`, { cause: error });
  }
  return ops.flags;
}

/** Static fields as numbers; every other name is a field of the record. */
function operandsOf(handler: Handler): Record<string, Field | number> {
  return new Proxy<Record<string, Field | number>>(
    { ...handler.statics },
    { get: (target, name: string) => target[name] ?? recordField(name) },
  );
}
