// Memory of the guest for one request: what is read once is kept, in blocks, so that a structure with
// fifty members is not fifty questions to the machine.

import type { AddressSpace } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import * as errors from '../errors.ts';

const BLOCK = 256n;
/** Of one request: what it reads beyond this costs more time than a view may take. */
const MAX_BLOCKS = 16_384;

export class GuestMemory {
  private readonly debuggee: Pick<Debuggee, 'readMemory'>;
  private readonly blocks = new Map<string, Promise<Uint8Array>>();

  constructor(debuggee: Pick<Debuggee, 'readMemory'>) {
    this.debuggee = debuggee;
  }

  /** Fewer bytes where the rest is not there. */
  async read(space: AddressSpace, address: bigint, length: number): Promise<Uint8Array> {
    if (length <= 0) return new Uint8Array();
    // Long ones are read once anyway.
    if (length > Number(BLOCK)) return this.debuggee.readMemory(space, address, length);
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
    return this.debuggee.readMemory(space, address, length);
  }

  private block(space: AddressSpace, start: bigint): Promise<Uint8Array> {
    const key = `${keyOf(space)} ${start}`;
    let block = this.blocks.get(key);
    if (!block) {
      if (this.blocks.size >= MAX_BLOCKS) throw errors.tooMuch();
      block = this.debuggee.readMemory(space, start, Number(BLOCK));
      this.blocks.set(key, block);
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
