// Opens the small programs under fixtures/elf (built by build.sh there) for several tests.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';

import { memorySource } from '../../../emulator/formats/byte-source.ts';
import type { Decompress } from '../../../emulator/formats/byte-source.ts';
import { ElfFile } from '../../../emulator/formats/elf.ts';

export const inflate: Decompress = async (_, data, limit) =>
  new Uint8Array(inflateSync(data, { maxOutputLength: limit }));

export const fixtureBytes = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, 'fixtures/elf', name)));

export const fixtureText = (name: string): string => new TextDecoder().decode(fixtureBytes(name));

export const openBytes = (bytes: Uint8Array, name = 'program.elf'): Promise<ElfFile> =>
  ElfFile.open(memorySource(bytes, name), inflate);

export const openFixture = (name: string): Promise<ElfFile> => openBytes(fixtureBytes(name), name);

/** What `addr2line -a -f -i` says of every instruction. */
export interface Oracle {
  readonly address: bigint;
  /** Innermost first; the place of an outer function is that of the call. */
  readonly frames: readonly { readonly name: string; readonly place: string }[];
}

export function addr2line(name: string): Oracle[] {
  const oracles: { address: bigint; frames: { name: string; place: string }[] }[] = [];
  const lines = fixtureText(name).trim().split('\n');
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? '';
    if (line.startsWith('0x')) {
      oracles.push({ address: BigInt(line), frames: [] });
      i++;
    } else {
      const place = (lines[i + 1] ?? '').replace(/ \(discriminator \d+\)$/, '');
      oracles.at(-1)?.frames.push({ name: line, place });
      i += 2;
    }
  }
  return oracles;
}
