// What a listing says beside the instructions: where a branch leads, which hypercall an HVC makes, and what is no
// instruction at all.

import { hypercalls } from '../../emulator/xen/hypercalls/dispatch.ts';
import type { Target } from '../symbols/target.ts';
import { type DisassembledLine, hex8 } from './disassembler.ts';
import { controlFlow } from './instructions.ts';

/** The immediate of HVC that means Xen (xen/include/public/arch-arm.h). */
const XEN_HYPERCALL_TAG = 0xea1;
/** Instructions before an HVC in which its number is looked for. */
export const HYPERCALL_REACH = 8;

/** The text of a line; `words` are those before it, the nearest last. Without a target nothing has a name. */
export function annotated(
  line: DisassembledLine,
  words: readonly (number | undefined)[],
  target: Target | undefined,
): string {
  const { address, word, text } = line;
  if (word === undefined) return text;
  if (target?.isData(address)) return `.word 0x${hex8(word)}`;
  const to = line.target === undefined ? undefined : target?.describe(line.target);
  if (to !== undefined) return `${text} <${to}>`;
  return isHypercall(word) ? `${text} // ${hypercallName(words)}` : text;
}

export function isHypercall(word: number | undefined): boolean {
  if (word === undefined) return false;
  const flow = controlFlow(word, 0n);
  return flow.kind === 'exception' && flow.name === 'hvc' && flow.immediate === XEN_HYPERCALL_TAG;
}

/** By the number in X16, where that has just been put there. */
function hypercallName(words: readonly (number | undefined)[]): string {
  const number = hypercallNumber(words);
  if (number === undefined) return 'hypercall';
  return hypercalls.find((row) => row.number === number)?.name ?? `hypercall ${number}`;
}

function hypercallNumber(words: readonly (number | undefined)[]): number | undefined {
  for (const word of words.slice(-HYPERCALL_REACH).reverse()) {
    if (word === undefined || controlFlow(word, 0n).kind !== 'next') return undefined;
    // MOVZ X16 or W16: sf 10 100101 hw imm16 Rd
    if ((word & 0x7fe0_001f) === 0x5280_0010) return (word >>> 5) & 0xffff;
    if ((word & 31) === 16) return undefined;
  }
  return undefined;
}
