// Breakpoints in translated code: what a debugger asks for there is tested in line, as far as it can be, so that a
// place that does not stop costs a few instructions. Whatever may stop is left to the interpreter, which asks the judge.

import { InvariantError } from '../../base/errors.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder } from '../code/function-builder.ts';
import { emitProgram, type ProgramEnvironment, type ProgramFunction } from '../programs/emit-program.ts';
import type { Program } from '../programs/program.ts';

/** What must hold for a breakpoint to count: when it does not, its judge would say no, and change nothing. */
export interface BreakpointFilter {
  /** A bit for each CPU. */
  readonly cpus: number;
  /** Self-contained: see emit-program.ts. */
  readonly condition?: Program | undefined;
}

export interface TestedBreakpoint {
  readonly kind: 'va' | 'pa';
  readonly address: bigint;
  /** Not there: it always counts. */
  readonly filter?: BreakpointFilter | undefined;
}

/** What translated code knows of a place. */
export interface TestedPlace {
  readonly builder: FunctionBuilder;
  /** X0..X30, or SP. */
  general(register: number): Expression;
  readonly va: Expression;
  readonly pa: bigint;
  kernelIndex(name: 'peekData'): number;
}

const EVERY_CPU = -1;

/** Not 0 when one of the breakpoints may count here; undefined when none of them can. */
export function emitBreakpointTest(
  place: TestedPlace,
  breakpoints: readonly TestedBreakpoint[],
): Expression | undefined {
  const { builder: b, va, pa } = place;
  const here = breakpoints.filter(({ kind, address }) => kind === 'va' || address === pa);
  if (here.length === 0) return undefined;
  const counts = b.temporary('i32');
  b.set(counts, code.constant('i32', 0));
  for (const { kind, address, filter } of here) {
    const passed = b.block();
    const failed = b.block();
    if (kind === 'va') b.branchIf(passed, code.compare('ne', va, code.constant('i64', address)));
    if (filter && filter.cpus !== EVERY_CPU) {
      const own = code.binary('shrU', code.constant('i32', filter.cpus), b.loadAt('i32', layout.CPU_INDEX));
      b.branchIf(passed, code.eqz(code.binary('and', own, code.constant('i32', 1))));
    }
    if (filter?.condition) {
      b.storeAt('i32', layout.PROGRAM_FAILURE, code.constant('i32', 0));
      b.branchIf(passed, code.eqz(emitProgram(b, failed, environmentOf(place), filter.condition)));
    }
    b.end();
    // What cannot be computed counts too: that is to be told.
    b.set(counts, code.constant('i32', 1));
    b.end();
  }
  return code.local('i32', counts);
}

function environmentOf({ general, va, kernelIndex }: TestedPlace): ProgramEnvironment {
  const notHere = (): never => {
    throw new InvariantError('conditions in translated code are self-contained');
  };
  return {
    general: (_b, register) => general(register),
    pc: () => va,
    pstate: notHere,
    functionOf: (name: ProgramFunction) => (name === 'peekData' ? kernelIndex(name) : notHere()),
    nameIndex: notHere,
  };
}
