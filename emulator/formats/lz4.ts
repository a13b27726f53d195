// The legacy LZ4 frame, in which kernel builds write Image.lz4 (Linux lib/decompress_unlz4.c:
// magic 0x184c2102, then blocks of up to 8 MiB, each behind its compressed size). No package
// reads it: all expect the modern frame.

import { UserError } from '../base/errors.ts';

const MAGIC = 0x184c2102;
const BLOCK_SIZE = 8 << 20;

export function unpackLegacyLz4(data: Uint8Array, limit: number, file: string): Uint8Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const blocks: Uint8Array[] = [];
  let total = 0;
  let at = 4;
  while (at + 4 <= data.length) {
    const size = view.getUint32(at, true);
    // Archives may be joined, and the kernel build appends the unpacked size to the last block.
    if (size === MAGIC) {
      at += 4;
      continue;
    }
    if (size === 0 || at + 4 === data.length) break;
    if (at + 4 + size > data.length) throw damaged(file, at, 'a block ends behind the end of the file');
    const block = unpackBlock(data.subarray(at + 4, at + 4 + size), file, at + 4);
    blocks.push(block);
    total += block.length;
    if (total > limit) throw damaged(file, at, `it unpacks to more than ${limit} bytes`);
    at += 4 + size;
  }
  const result = new Uint8Array(total);
  let end = 0;
  for (const block of blocks) {
    result.set(block, end);
    end += block.length;
  }
  return result;
}

/** LZ4 block format: runs of literals and copies from what has been written. */
function unpackBlock(block: Uint8Array, file: string, offset: number): Uint8Array {
  // A byte of input stands for at most 255 bytes of output, whatever the block claims.
  const output = new Uint8Array(Math.min(BLOCK_SIZE, block.length * 255 + 64));
  let from = 0;
  let to = 0;

  const length = (nibble: number): number => {
    let result = nibble;
    if (nibble !== 15) return result;
    for (;;) {
      const more = block[from++];
      if (more === undefined) throw damaged(file, offset + from, 'a length is cut off');
      result += more;
      if (more !== 255) return result;
    }
  };

  while (from < block.length) {
    const token = block[from++] ?? 0;
    const literals = length(token >> 4);
    if (from + literals > block.length || to + literals > output.length) {
      throw damaged(file, offset + from, 'a run of literals is too long');
    }
    output.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === block.length) break; // the last run has no copy behind it

    const distance = (block[from] ?? 0) | ((block[from + 1] ?? 0) << 8);
    from += 2;
    const copy = length(token & 15) + 4;
    if (distance === 0 || distance > to || to + copy > output.length) {
      throw damaged(file, offset + from, 'a copy reaches outside the block');
    }
    for (let i = 0; i < copy; i++, to++) output[to] = output[to - distance] ?? 0;
  }
  return output.subarray(0, to);
}

function damaged(file: string, offset: number, what: string): UserError {
  return new UserError(`the LZ4 data is damaged: ${what}`, 'Copy or build the file again.', { file, offset });
}
