// Sources that exist only here: the disassembly of functions without source lines. A reference is made of
// what the text shows, so the same function keeps its number from stop to stop.

import { textHash } from '../text-hash.ts';

export interface GeneratedSource {
  readonly domain: number;
  readonly name: string;
  /** Link or virtual addresses of the code it shows; one line for each instruction, after the heading. */
  readonly start: bigint;
  readonly end: bigint;
}

/** Lines before the first instruction. */
export const HEADING_LINES = 1;
/** A listing shows this much of a function at most. */
export const MAX_LISTING_BYTES = 0x8000n;

export class GeneratedSources {
  private readonly sources = new Map<number, GeneratedSource>();

  referenceOf(source: GeneratedSource): number {
    let reference = textHash(`disassembly ${source.domain} ${source.name} ${source.start}`);
    // Another text with the same hash moves one number on.
    for (;;) {
      const known = this.sources.get(reference);
      if (
        !known ||
        (known.start === source.start && known.name === source.name && known.domain === source.domain)
      )
        break;
      reference = (reference % 0x7fff_fffe) + 1;
    }
    this.sources.set(reference, source);
    return reference;
  }

  get(reference: number): GeneratedSource | undefined {
    return this.sources.get(reference);
  }
}

/** The line that shows an address, from 1. */
export const lineOfAddress = (source: GeneratedSource, address: bigint): number =>
  HEADING_LINES + 1 + Number((address - source.start) / 4n);

/** The address that a line shows. */
export function addressOfLine(source: GeneratedSource, line: number): bigint | undefined {
  const index = line - HEADING_LINES - 1;
  const address = source.start + BigInt(Math.max(index, 0) * 4);
  return address < source.end ? address : undefined;
}
