// One breakpoint of any kind, and whether it stops the machine where it has just been met: scope, condition, hit
// count, log, in this order. All that is kept between two hits is in its tally.

import { hex } from '../../base/address.ts';
import type { CompiledProgram } from '../../engine/programs/compile.ts';
import { isSelfContained } from '../../engine/programs/emit-program.ts';
import type { Program } from '../../engine/programs/program.ts';
import type { BreakpointFilter } from '../../engine/translator/breakpoint-tests.ts';
import * as layout from '../../memory/layout.ts';
import type { HitCondition, StopRules, StopScope } from '../stop-programs.ts';
import { isCounted, type Tally } from './tally.ts';

export type Verdict = 'no' | 'log' | 'stop';

/** A condition that failed stops once, and says why. */
export interface Failure {
  message: string | undefined;
}

export class Judged {
  readonly id: number;
  readonly rules: StopRules;
  readonly tally: Tally;
  /** Who counts: a bit for each CPU. */
  readonly cpus: number;
  readonly captures: readonly CompiledProgram[];
  private readonly condition: CompiledProgram | undefined;
  private readonly i32: Int32Array;
  /** Bits of TTBR0_EL1 that the scope asks for, in halves. */
  private readonly rootLow: number;
  private readonly rootHigh: number;
  private readonly maskLow: number;
  private readonly maskHigh: number;

  constructor(
    id: number,
    rules: StopRules,
    tally: Tally,
    cpus: number,
    memory: WebAssembly.Memory,
    programs: {
      readonly condition: CompiledProgram | undefined;
      readonly captures: readonly CompiledProgram[];
    },
  ) {
    this.id = id;
    this.rules = rules;
    this.tally = tally;
    this.cpus = cpus;
    this.condition = programs.condition;
    this.captures = programs.captures;
    this.i32 = new Int32Array(memory.buffer);
    const { root, mask } = rootOf(rules.scope) ?? { root: 0n, mask: 0n };
    this.rootLow = Number(BigInt.asIntN(32, root));
    this.rootHigh = Number(BigInt.asIntN(32, root >> 32n));
    this.maskLow = Number(BigInt.asIntN(32, mask));
    this.maskHigh = Number(BigInt.asIntN(32, mask >> 32n));
  }

  /** It was met on this CPU, which is the selected one. */
  judge(cpu: number, failure: Failure): Verdict {
    if (((this.cpus >>> cpu) & 1) === 0 || !this.isInScope()) return 'no';
    const { tally, rules } = this;
    tally.reached++;
    this.i32[layout.PROGRAM_HITS >> 2] = tally.reached | 0;
    this.i32[(layout.PROGRAM_HITS >> 2) + 1] = Math.floor(tally.reached / 2 ** 32);
    if (this.condition && !tally.isBroken) {
      const result = this.condition.test();
      if (result === 0) return 'no';
      if (result < 0) {
        tally.isBroken = true;
        failure.message = whyItFailed(this.i32);
        return 'stop';
      }
    }
    tally.counted++;
    if (rules.hits && !countHolds(rules.hits, tally.counted)) return 'no';
    return rules.log ? 'log' : 'stop';
  }

  /** What translated code may test, and count, by itself. */
  get filter(): BreakpointFilter {
    const { rules, tally } = this;
    const { scope, hits } = rules;
    const condition = tally.isBroken ? undefined : rules.condition;
    const root = rootOf(scope);
    const isTested = condition !== undefined && isSelfContained(condition);
    const whose = {
      cpus: this.cpus,
      ...(scope?.el !== undefined && { el: scope.el }),
      ...(root && { scope: isRoot(root) }),
      ...(isTested && { condition }),
    };
    if (!isCounted(rules)) return whose;
    // What is counted must be counted each time.
    if (tally.address === undefined || (condition && !isTested)) return { ...whose, condition: undefined };
    return { ...whose, tally: { address: tally.address, ...(hits && { hits }) } };
  }

  private isInScope(): boolean {
    const { scope } = this.rules;
    if (!scope) return true;
    const { i32 } = this;
    if (scope.el !== undefined && this.guestEl() !== scope.el) return false;
    // A mask of zeros lets everything through.
    const low = (i32[layout.TTBR0_EL1 >> 2] as number) & this.maskLow;
    const high = (i32[(layout.TTBR0_EL1 >> 2) + 1] as number) & this.maskHigh;
    return low === this.rootLow && high === this.rootHigh;
  }

  /** While the embedded hypervisor serves a trap, the one that it came from. */
  private guestEl(): number {
    const { i32 } = this;
    const el = i32[layout.PSTATE_EL >> 2] as number;
    if (el !== 2 || i32[layout.EL2_EMBEDDED >> 2] === 0) return el;
    return ((i32[layout.SPSR_EL2 >> 2] as number) >> 2) & 3;
  }
}

/** Bits of TTBR0_EL1, and what they are to be. */
interface Root {
  readonly root: bigint;
  readonly mask: bigint;
}

/** All bits but CnP; BADDR without CnP and ASID. */
const WHOLE = -2n;
const BADDR = 0xffff_ffff_fffen;

function rootOf(scope: StopScope | undefined): Root | undefined {
  if (scope?.ttbr0 !== undefined) return { root: scope.ttbr0 & WHOLE, mask: WHOLE };
  if (scope?.table !== undefined) return { root: scope.table & BADDR, mask: BADDR };
  return undefined;
}

const isRoot = ({ root, mask }: Root): Program => ({
  kind: 'binary',
  operator: '==',
  left: {
    kind: 'binary',
    operator: '&',
    left: { kind: 'register', name: 'TTBR0_EL1' },
    right: { kind: 'constant', value: mask },
  },
  right: { kind: 'constant', value: BigInt.asIntN(64, root) },
});

export function countHolds({ operator, count }: HitCondition, counted: number): boolean {
  switch (operator) {
    case '==':
      return counted === count;
    case '>=':
      return counted >= count;
    case '>':
      return counted > count;
    case '<=':
      return counted <= count;
    case '<':
      return counted < count;
    case '%':
      return count > 0 && counted % count === 0;
  }
}

/** Why the last program failed. */
function whyItFailed(i32: Int32Array): string {
  switch (i32[layout.PROGRAM_FAILURE >> 2]) {
    case layout.PROGRAM_FAULT: {
      const low = BigInt((i32[layout.PROGRAM_ADDRESS >> 2] as number) >>> 0);
      const high = BigInt((i32[(layout.PROGRAM_ADDRESS >> 2) + 1] as number) >>> 0);
      return `the memory at ${hex((high << 32n) | low)} cannot be read`;
    }
    case layout.PROGRAM_DIVISION_BY_ZERO:
      return 'it divides by zero';
    case layout.PROGRAM_NO_FIELD:
      return 'the event does not have what it asks for';
    default:
      return 'it asks for a register that cannot be read';
  }
}
