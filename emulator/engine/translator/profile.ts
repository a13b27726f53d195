// Where a guest spends its instructions, by address: after each run() call the place that the CPU has reached stands
// for what was executed meanwhile. It depends on executed instructions only, and is the same in every run.

import * as layout from '../../memory/layout.ts';

/** Addresses are taken together by so many bytes. */
const PIECE_SHIFT = 6;
const PLACES_SHOWN = 40;

export interface ProfiledPlace {
  /** Of the first of its bytes. */
  readonly va: string;
  readonly instructions: number;
  /** Those of them that were interpreted. */
  readonly interpreted: number;
}

export class Profile {
  private readonly i32: Int32Array;
  private readonly places = new Map<number, { instructions: number; interpreted: number }>();

  constructor(memory: WebAssembly.Memory) {
    this.i32 = new Int32Array(memory.buffer);
  }

  /** So many instructions were executed up to the present PC. */
  sample(instructions: number, interpreted: number): void {
    const low = (this.i32[layout.PC >> 2] as number) >>> PIECE_SHIFT;
    const high = this.i32[(layout.PC >> 2) + 1] as number;
    const piece = high * 2 ** (32 - PIECE_SHIFT) + low;
    let place = this.places.get(piece);
    if (!place) {
      place = { instructions: 0, interpreted: 0 };
      this.places.set(piece, place);
    }
    place.instructions += instructions;
    place.interpreted += interpreted;
  }

  /** The places with most instructions interpreted, or executed at all. */
  top(by: 'interpreted' | 'instructions'): ProfiledPlace[] {
    return [...this.places]
      .sort(([, a], [, b]) => b[by] - a[by])
      .slice(0, PLACES_SHOWN)
      .map(([piece, figures]) => ({
        va: `0x${BigInt.asUintN(64, BigInt(piece) << BigInt(PIECE_SHIFT)).toString(16)}`,
        ...figures,
      }));
  }
}
