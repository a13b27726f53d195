// Printing of A64 instructions by Capstone, loaded when something is to be printed for the first time.
// Spelling follows GNU objdump where the two differ, so that listings compare.

import type { Capstone, CapstoneModule } from '@alexaltea/capstone-js';
import { controlFlow } from './instructions.ts';

export interface DisassembledLine {
  readonly address: bigint;
  /** Undefined where nothing can be read. */
  readonly word: number | undefined;
  /** `add x0, x1, #0x10`. */
  readonly text: string;
  /** The branch goes there. */
  readonly target: bigint | undefined;
}

export interface Disassembler {
  /** One line for each word; `words[i]` undefined where nothing can be read. */
  disassemble(words: readonly (number | undefined)[], address: bigint): readonly DisassembledLine[];
}

/** Capstone 5 does not know these by name. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^hint #0x16$/, 'clearbhb'],
  [/^sys #3, c7, c13, #1, (x\d+)$/, 'dc cvadp, $1'],
  [/\bs3_4_c3_c1_6\b/i, 'hafgrtr_el2'],
  [/\bs3_0_c0_c3_5\b/i, 'id_dfr1_el1'],
];

/** How many instructions go through Capstone at once: larger batches gain nothing. */
const BATCH = 512;

export async function loadDisassembler(wasm: () => Promise<Uint8Array>): Promise<Disassembler> {
  const [{ default: load }, wasmBinary] = await Promise.all([import('@alexaltea/capstone-js'), wasm()]);
  const module: CapstoneModule = await load({ wasmBinary });
  const capstone = new module.Capstone(module.ARCH_ARM64, module.MODE_ARM);
  // One unknown word would end a batch.
  capstone.option(module.OPT_SKIPDATA, module.OPT_ON);
  return {
    disassemble: (words, address) => {
      const lines: DisassembledLine[] = [];
      for (let at = 0; at < words.length; at += BATCH) {
        lines.push(...batch(capstone, words.slice(at, at + BATCH), address + BigInt(4 * at)));
      }
      return lines;
    },
  };
}

function batch(
  capstone: Capstone,
  words: readonly (number | undefined)[],
  address: bigint,
): DisassembledLine[] {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(4 * i, word ?? 0, true));

  const texts = new Map<bigint, string>();
  for (const instruction of capstone.disasm(bytes, address, 0)) {
    texts.set(BigInt.asUintN(64, instruction.address), spelled(instruction.mnemonic, instruction.op_str));
  }
  return words.map((word, i) => {
    const at = BigInt.asUintN(64, address + BigInt(4 * i));
    if (word === undefined) return { address: at, word, text: '??', target: undefined };
    const text = texts.get(at);
    const printed = text === undefined || text.startsWith('.byte') ? `.inst 0x${hex8(word)}` : text;
    const flow = controlFlow(word, at);
    return { address: at, word, text: printed, target: 'target' in flow ? flow.target : undefined };
  });
}

function spelled(mnemonic: string, operands: string): string {
  const text = operands === '' ? mnemonic : `${mnemonic} ${operands}`;
  for (const [pattern, name] of RENAMED) {
    if (pattern.test(text)) return text.replace(pattern, name);
  }
  return text
    .replace(/^b\.hs\b/, 'b.cs')
    .replace(/^b\.lo\b/, 'b.cc')
    .replace(/, hs$/, ', cs')
    .replace(/, lo$/, ', cc')
    .replace(/^(mov w\d+, #)-(0x[0-9a-f]+|\d+)$/, (_, head: string, digits: string) => {
      return `${head}0x${(-Number(digits) >>> 0).toString(16)}`;
    });
}

export const hex8 = (word: number): string => word.toString(16).padStart(8, '0');
