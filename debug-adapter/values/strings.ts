// Text in memory of the guest: of bytes in UTF-8, and of wider characters, one each.

import { littleEndian } from '../../emulator/formats/dwarf/operations.ts';
import type { AddressSpace } from '../../emulator/machine/messages.ts';
import { stringText } from './format.ts';
import type { GuestMemory } from './guest-memory.ts';

const BLOCK = 256;

/** Up to its NUL. `size`: of a character; `limit`: bytes. */
export async function stringAt(
  memory: GuestMemory,
  space: AddressSpace,
  address: bigint,
  size: number,
  limit: number,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const wanted = Math.min(BLOCK, limit - (limit % size) - length);
    const bytes = await memory.read(space, BigInt.asUintN(64, address + BigInt(length)), wanted);
    // Where the next block cannot be read, the string may end before it.
    const read =
      bytes.length > 0 || wanted === size
        ? bytes
        : await memory.read(space, BigInt.asUintN(64, address + BigInt(length)), size);
    const end = endOf(read, size);
    pieces.push(end === -1 ? read : read.subarray(0, end));
    length += read.length;
    if (end !== -1) return textOf(joined(pieces), size);
    if (read.length < wanted)
      return length === 0 ? `<unreadable 0x${address.toString(16)}>` : `${textOf(joined(pieces), size)}…`;
    if (length >= limit - (limit % size)) return `${textOf(joined(pieces), size)}…`;
  }
}

/** Of an array: up to its NUL, or `whole` but for the NULs at its end. */
export function charactersText(bytes: Uint8Array, size: number, whole: boolean, isCut: boolean): string {
  const end = endOf(bytes, size);
  const shown = end === -1 || whole ? bytes : bytes.subarray(0, end);
  return `${textOf(trimmed(shown), size)}${end === -1 && isCut ? '…' : ''}`;
}

/** Where the NUL stands. */
function endOf(bytes: Uint8Array, size: number): number {
  if (size === 1) return bytes.indexOf(0);
  for (let at = 0; at + size <= bytes.length; at += size) {
    if (bytes.subarray(at, at + size).every((byte) => byte === 0)) return at;
  }
  return -1;
}

function textOf(bytes: Uint8Array, size: number): string {
  if (size === 1) return stringText(bytes);
  let text = '';
  for (let at = 0; at + size <= bytes.length; at += size) {
    const code = Number(littleEndian(bytes.subarray(at, at + size)));
    text += size === 2 ? String.fromCharCode(code) : code > 0x10_ffff ? '\ufffd' : String.fromCodePoint(code);
  }
  return stringText(new TextEncoder().encode(text));
}

/** Without the NULs at its end. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
