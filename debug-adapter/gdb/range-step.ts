// Where execution can leave a range of code: so that a step over a range with a loop in it need not be made
// instruction by instruction.

import { controlFlow } from '../instructions/instructions.ts';
import type { AddressRange } from '../execution/step-context.ts';

export interface WaysOut {
  /** Addresses outside of the range to which it branches or runs on. */
  readonly exits: readonly bigint[];
  /** Instructions in it that must be executed alone: they lead anywhere, or change SP. */
  readonly alone: ReadonlySet<bigint>;
}

/** `code` are the instructions from the start of the range on. */
export function waysOut(code: Uint8Array, { start }: AddressRange): WaysOut {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const count = code.byteLength >>> 2;
  const end = start + BigInt(4 * count);
  const exits = new Set<bigint>([end]);
  const alone = new Set<bigint>();
  for (let i = 0; i < count; i++) {
    const word = view.getUint32(4 * i, true);
    const at = start + BigInt(4 * i);
    const flow = controlFlow(word, at);
    switch (flow.kind) {
      case 'next':
        if (writesSp(word)) alone.add(at);
        break;
      case 'branch':
      case 'conditional':
        if (flow.target < start || flow.target >= end) exits.add(flow.target);
        break;
      case 'call':
      case 'call-register':
      case 'branch-register':
      case 'return':
      case 'exception-return':
      case 'exception':
        alone.add(at);
        break;
    }
  }
  return { exits: [...exits], alone };
}

/**
 * SP tells an activation of the code from another one: a handler's, another task's. So it must not change while
 * the code runs freely. Encodings: DDI 0487, "Data Processing" and "Loads and Stores".
 */
export function writesSp(word: number): boolean {
  const masked = (mask: number): number => (word & mask) >>> 0;
  const isBaseSp = ((word >>> 5) & 31) === 31;
  return (
    // ADD, SUB (immediate) to SP
    masked(0x3f80_001f) === 0x1100_001f ||
    // ADD, SUB (extended register) to SP
    masked(0x3fe0_001f) === 0x0b20_001f ||
    // AND, ORR, EOR (immediate) to SP; ANDS has no SP
    (masked(0x1f80_001f) === 0x1200_001f && masked(0x6000_0000) !== 0x6000_0000) ||
    // Pairs, pre- and post-indexed
    (masked(0x3a80_0000) === 0x2880_0000 && isBaseSp) ||
    // Single registers, pre- and post-indexed
    (masked(0x3b20_0400) === 0x3800_0400 && isBaseSp) ||
    // Vector structures, post-indexed
    (masked(0xbe80_0000) === 0x0c80_0000 && isBaseSp)
  );
}
