// Breakpoints in translated code: what a debugger asks for there is tested in line, as far as it can be, so that a
// place that does not stop costs a few instructions. Whatever may stop is left to the interpreter, which asks the judge.

import { InvariantError } from '../../base/errors.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder, Label } from '../code/function-builder.ts';
import { emitProgram, type ProgramEnvironment, type ProgramFunction } from '../programs/emit-program.ts';
import type { Program } from '../programs/program.ts';

/**
 * What must hold for a breakpoint to count: when it does not, its judge would say no, and change nothing but the tally
 * that is counted here.
 */
export interface BreakpointFilter {
  /** A bit for each CPU. */
  readonly cpus: number;
  readonly el?: number | undefined;
  /** Self-contained, as the condition is: see emit-program.ts. */
  readonly scope?: Program | undefined;
  readonly condition?: Program | undefined;
  /** Not there: it does not matter how often the place is met. */
  readonly tally?: BreakpointTally | undefined;
}

export interface BreakpointTally {
  /** See TALLIES. */
  readonly address: number;
  /** Of the times that the condition held, which count. */
  readonly hits?: { readonly operator: '==' | '>=' | '>' | '<=' | '<' | '%'; readonly count: number };
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

/**
 * Not 0 when one of the breakpoints may count here; undefined when none of them can. Where it is not 0 nothing was
 * counted: all of them are left to their judges.
 */
export function emitBreakpointTest(
  place: TestedPlace,
  breakpoints: readonly TestedBreakpoint[],
): Expression | undefined {
  const { builder: b, va, pa } = place;
  const here = breakpoints.filter(({ kind, address }) => kind === 'va' || address === pa);
  if (here.length === 0) return undefined;
  const counts = b.temporary('i32');
  b.set(counts, code.constant('i32', 0));
  const tallies = new Map<number, Counters>();
  for (const { kind, address, filter } of here) {
    const counters = filter?.tally && tallies.get(filter.tally.address) ? undefined : newCounters(b, filter);
    const passed = b.block();
    const failed = b.block();
    if (kind === 'va') b.branchIf(passed, code.compare('ne', va, code.constant('i64', address)));
    if (filter) emitFilter(place, filter, counters, { passed, failed });
    if (filter?.tally && counters) tallies.set(filter.tally.address, counters);
    b.end();
    // What cannot be computed counts too: that is to be told.
    b.set(counts, code.constant('i32', 1));
    b.end();
  }
  if (tallies.size > 0) {
    b.if(code.eqz(code.local('i32', counts)));
    for (const [address, { reached, counted }] of tallies) {
      for (const [at, local] of [
        [address, reached],
        [address + 8, counted],
      ] as const) {
        const before = b.loadAt('i64', at);
        b.storeAt('i64', at, code.binary('add', before, code.extendU(code.local('i32', local))));
      }
    }
    b.end();
  }
  return code.local('i32', counts);
}

/** Locals: whether it was reached, and its condition held, this time. */
interface Counters {
  readonly reached: number;
  readonly counted: number;
}

function newCounters(b: FunctionBuilder, filter: BreakpointFilter | undefined): Counters | undefined {
  if (!filter?.tally) return undefined;
  const counters = { reached: b.temporary('i32'), counted: b.temporary('i32') };
  for (const local of Object.values(counters)) b.set(local, code.constant('i32', 0));
  return counters;
}

function emitFilter(
  place: TestedPlace,
  { cpus, el, scope, condition, tally }: BreakpointFilter,
  counters: Counters | undefined,
  { passed, failed }: { readonly passed: Label; readonly failed: Label },
): void {
  const { builder: b } = place;
  if (cpus !== EVERY_CPU) {
    const own = code.binary('shrU', code.constant('i32', cpus), b.loadAt('i32', layout.CPU_INDEX));
    b.branchIf(passed, code.eqz(code.binary('and', own, code.constant('i32', 1))));
  }
  if (el !== undefined) {
    // Regions are the guest's own code: nothing is served meanwhile.
    const now = b.loadAt('i32', layout.PSTATE_EL);
    b.branchIf(passed, code.compare('ne', now, code.constant('i32', el)));
  }
  const unless = (program: Program): void => {
    b.storeAt('i32', layout.PROGRAM_FAILURE, code.constant('i32', 0));
    b.branchIf(passed, code.eqz(emitProgram(b, failed, environmentOf(place), program)));
  };
  if (scope) unless(scope);
  if (!tally) {
    if (condition) unless(condition);
    return;
  }
  // Breakpoints that share one are counted one behind the other.
  if (!counters) return;
  const next = (address: number): Expression =>
    code.binary('add', b.loadAt('i64', address), code.constant('i64', 1));
  b.set(counters.reached, code.constant('i32', 1));
  b.storeAt('i64', layout.PROGRAM_HITS, next(tally.address));
  if (condition) unless(condition);
  b.set(counters.counted, code.constant('i32', 1));
  if (tally.hits) b.branchIf(passed, code.eqz(hitCounts(tally.hits, next(tally.address + 8))));
}

const COMPARE = { '==': 'eq', '>=': 'geU', '>': 'gtU', '<=': 'leU', '<': 'ltU' } as const;

function hitCounts({ operator, count }: NonNullable<BreakpointTally['hits']>, now: Expression): Expression {
  if (operator !== '%') return code.compare(COMPARE[operator], now, code.constant('i64', count));
  if (count <= 0) return code.constant('i32', 0);
  const rest = code.binary('remU', now, code.constant('i64', count));
  return code.compare('eq', rest, code.constant('i64', 0));
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
