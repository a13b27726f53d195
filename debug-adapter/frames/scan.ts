// The last resort of an unwinder: words on the stack that look like return addresses. They lead behind a call into a
// function that is known, and still may be left over from calls that are long done; so they are shown as guesses.

import { controlFlow } from '../instructions/instructions.ts';
import type { ReadGuest } from './frame-records.ts';

/** Bytes of the stack that are looked at: a frame is rarely larger. */
const REACH = 2048;

export interface Guess {
  readonly pc: bigint;
  /** Where on the stack its word is. */
  readonly at: bigint;
}

/** The first one from SP on. `codeAddress` takes what a saved address carries beside it off. */
export async function returnAddressAbove(
  sp: bigint,
  read: ReadGuest,
  isKnown: (address: bigint) => boolean,
  codeAddress: (word: bigint) => Promise<bigint>,
): Promise<Guess | undefined> {
  const start = (sp + 7n) & ~7n;
  const bytes = await read(start, REACH);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + 8 <= bytes.length; offset += 8) {
    const pc = await codeAddress(view.getBigUint64(offset, true));
    if (pc !== 0n && (pc & 3n) === 0n && isKnown(pc - 4n) && (await isBehindCall(pc, read))) {
      return { pc, at: start + BigInt(offset) };
    }
  }
  return undefined;
}

async function isBehindCall(pc: bigint, read: ReadGuest): Promise<boolean> {
  const bytes = await read(pc - 4n, 4);
  if (bytes.length < 4) return false;
  const { kind } = controlFlow(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true), pc - 4n);
  return kind === 'call' || kind === 'call-register';
}
