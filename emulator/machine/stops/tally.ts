// How often a breakpoint was met. What a client calls by one id is counted together, by the judge and, where it can
// be, by translated code, which then needs no judge for a hit that does not count.

import type { Program } from '../../engine/programs/program.ts';
import * as layout from '../../memory/layout.ts';
import type { StopRules } from '../stop-programs.ts';

export class Tally {
  /** The condition could not be computed, and is not looked at again. */
  isBroken = false;
  /** Address in memory; undefined: translated code does not count it. */
  readonly address: number | undefined;
  private readonly words: Int32Array;
  private readonly first: number;

  constructor(memory: WebAssembly.Memory, address: number | undefined) {
    this.address = address;
    this.words = address === undefined ? new Int32Array(4) : new Int32Array(memory.buffer);
    this.first = address === undefined ? 0 : address >> 2;
    this.words.fill(0, this.first, this.first + 4);
  }

  /** Times that the place was reached within the scope. */
  get reached(): number {
    return this.numberAt(this.first);
  }

  set reached(value: number) {
    this.setNumber(this.first, value);
  }

  /** Of those the ones for which the condition held. */
  get counted(): number {
    return this.numberAt(this.first + 2);
  }

  set counted(value: number) {
    this.setNumber(this.first + 2, value);
  }

  private numberAt(index: number): number {
    const { words } = this;
    return ((words[index] as number) >>> 0) + 2 ** 32 * (words[index + 1] as number);
  }

  private setNumber(index: number, value: number): void {
    this.words[index] = value | 0;
    this.words[index + 1] = Math.floor(value / 2 ** 32);
  }
}

/** Where tallies are kept that translated code counts. When there are more, the judge counts the others. */
export class TallyPlaces {
  private used = 0;

  next(): number | undefined {
    return this.used === layout.TALLIES_MAX ? undefined : layout.TALLIES + layout.TALLY_SIZE * this.used++;
  }
}

/** Whether anybody can see how often it was met. */
export const isCounted = ({ hits, condition, log }: StopRules): boolean =>
  hits !== undefined ||
  (condition !== undefined && asksForHits(condition)) ||
  (log ?? []).some((capture) => asksForHits(capture.kind === 'value' ? capture.program : capture.address));

function asksForHits(program: Program): boolean {
  switch (program.kind) {
    case 'hits':
      return true;
    case 'load':
      return asksForHits(program.address);
    case 'unary':
    case 'extend':
      return asksForHits(program.operand);
    case 'binary':
    case 'and':
    case 'or':
      return asksForHits(program.left) || asksForHits(program.right);
    case 'choose':
      return [program.condition, program.yes, program.no].some(asksForHits);
    default:
      return false;
  }
}
