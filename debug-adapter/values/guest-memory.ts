// Memory of the guest for one request: what is read once is kept, in blocks, so that a structure with
// fifty members is not fifty questions to the machine.

import type { AddressSpace } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import * as errors from '../errors.ts';
import { Missing } from './value.ts';

const BLOCK = 256n;
/** Of one request, however much time it may take. */
const MAX_BLOCKS = 16_384;
/** So little is never too much, however slow the machine answers. */
const FREE_READS = 64;

/** What an expression may cost. */
export interface Allowance {
  /** Of waiting for the machine. */
  readonly milliseconds: number;
  now(): number;
}

/** Of an expression in a view, which is asked for at every stop. */
export const VIEW_ALLOWANCE: Allowance = { milliseconds: 50, now: () => performance.now() };

export class GuestMemory {
  private readonly debuggee: Pick<Debuggee, 'readMemory'>;
  private readonly allowance: Allowance | undefined;
  private readonly blocks = new Map<string, Promise<Uint8Array>>();
  /** Of what is allowed: milliseconds, and questions to the machine. */
  private spent = 0;
  private reads = 0;

  /** `allowance`: of the first expression; undefined: as long as it takes. */
  constructor(debuggee: Pick<Debuggee, 'readMemory'>, allowance?: Allowance) {
    this.debuggee = debuggee;
    this.allowance = allowance;
  }

  /** Another expression begins, in the same memory. */
  renewAllowance(): void {
    this.spent = 0;
    this.reads = 0;
  }

  private async ask(space: AddressSpace, address: bigint, length: number): Promise<Uint8Array> {
    const { allowance, debuggee } = this;
    if (!allowance) return debuggee.readMemory(space, address, length);
    if (this.reads >= FREE_READS && this.spent >= allowance.milliseconds) {
      throw new Missing('takes too long for a view', 'Ask for a part of it, or in the debug console');
    }
    const start = allowance.now();
    const bytes = await debuggee.readMemory(space, address, length);
    this.spent += allowance.now() - start;
    this.reads++;
    return bytes;
  }

  /** Fewer bytes where the rest is not there. */
  async read(space: AddressSpace, address: bigint, length: number): Promise<Uint8Array> {
    if (length <= 0) return new Uint8Array();
    // Long ones are read once anyway.
    if (length > Number(BLOCK)) return this.ask(space, address, length);
    const result = new Uint8Array(length);
    let have = 0;
    while (have < length) {
      const at = BigInt.asUintN(64, address + BigInt(have));
      const start = at & ~(BLOCK - 1n);
      const bytes = await this.block(space, start);
      const from = Number(at - start);
      const part = bytes.subarray(from, from + length - have);
      if (part.length === 0) return this.exactly(space, address, length);
      result.set(part, have);
      have += part.length;
    }
    return result;
  }

  /** What is around it cannot be read, as in a device; itself perhaps. */
  private exactly(space: AddressSpace, address: bigint, length: number): Promise<Uint8Array> {
    return this.ask(space, address, length);
  }

  private block(space: AddressSpace, start: bigint): Promise<Uint8Array> {
    const key = `${keyOf(space)} ${start}`;
    let block = this.blocks.get(key);
    if (!block) {
      if (this.blocks.size >= MAX_BLOCKS) throw errors.tooMuch();
      block = this.ask(space, start, Number(BLOCK));
      this.blocks.set(key, block);
      block.catch(() => this.blocks.delete(key));
    }
    return block;
  }

  /** Somebody wrote. */
  forget(): void {
    this.blocks.clear();
  }
}

function keyOf(space: AddressSpace): string {
  if (space.kind === 'pa') return 'pa';
  if (space.kind === 'ipa') return `ipa ${space.domain}`;
  return `va ${space.at.domain} ${space.at.vcpu} ${space.ttbr0 ?? ''}`;
}
