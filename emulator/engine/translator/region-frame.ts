import type { KernelName } from '../../cpu/kernels.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder } from '../code/function-builder.ts';

/** The region that instructions become part of. */
export interface RegionFrame {
  readonly builder: FunctionBuilder;
  /** Local of X0..X30, or of SP (31). */
  registerLocal(register: number, written: boolean): number;
  readonly pageVa: Expression;
  readonly tlbBase: Expression;
  kernelIndex(name: KernelName): number;
  materializeFlags(): number;
  /** Memory is watched: accesses beside it, in the same page, are to be fast too. */
  readonly isWatched: boolean;
  /** Leaves the region, if the condition holds: the interpreter executes this instruction. */
  interpret(why: string, condition?: Expression): void;
  /** Leaves the region behind this instruction, which is done. */
  leaveBehind(why: string): void;
}
