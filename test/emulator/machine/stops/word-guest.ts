// A guest of a few instructions that a test writes down, on the bare board.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lookupName } from '../../../../emulator/cpu/sysregs/lookup.ts';
import type { MachineConfig } from '../../../../emulator/machine/messages.ts';
import { configured } from '../guests.ts';

const HEADER = 64;
/** Where the Image is loaded. */
export const IMAGE = 0x4020_0000n;

/** Address of the instruction with this number. */
export const addressOfWord = (index: number): bigint => IMAGE + BigInt(HEADER + 4 * index);

function registerWord(base: number, name: string, register: number): number {
  const row = lookupName(name)?.row;
  const match = /^S(\d)_(\d)_C(\d+)_C(\d+)_(\d)$/.exec(row?.encoding ?? '');
  if (!match) throw new Error(`there is no ${name}`);
  const [op0 = 0, op1 = 0, crn = 0, crm = 0, op2 = 0] = match.slice(1).map(Number);
  return (base | (op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5) | register) >>> 0;
}

/** MSR name, Xregister; or IC, DC, TLBI. */
export const msr = (name: string, register: number): number => registerWord(0xd500_0000, name, register);
export const mrs = (register: number, name: string): number => registerWord(0xd520_0000, name, register);

/** Xregister = value, in four instructions. */
export function load(register: number, value: bigint): number[] {
  return [0, 1, 2, 3].map((part) => {
    const half = Number((value >> BigInt(16 * part)) & 0xffffn);
    return ((part === 0 ? 0xd280_0000 : 0xf280_0000) | (part << 21) | (half << 5) | register) >>> 0;
  });
}

export const ISB = 0xd5033fdf;
export const DSB = 0xd5033f9f;

/** HVC #0 with SYSTEM_OFF: the machine ends. */
export const OFF: readonly number[] = [...load(0, 0x8400_0008n), 0xd400_0002];

/** The words at EL1, MMU off, and then the end. */
export async function wordGuest(words: readonly number[], cpus = 1): Promise<MachineConfig> {
  const all = [...words, ...OFF];
  const image = new DataView(new ArrayBuffer(HEADER + 4 * all.length));
  // b +HEADER; size of the image; placed anywhere; ARM\x64. Documentation/arch/arm64/booting.rst.
  image.setUint32(0, 0x1400_0000 | (HEADER / 4), true);
  image.setBigUint64(16, BigInt(image.byteLength), true);
  image.setBigUint64(24, 8n, true);
  image.setUint32(56, 0x644d_5241, true);
  all.forEach((word, i) => image.setUint32(HEADER + 4 * i, word, true));
  const folder = await mkdtemp(join(tmpdir(), 'xenscope-words-'));
  try {
    const kernel = join(folder, 'words.img');
    await writeFile(kernel, new Uint8Array(image.buffer));
    return await configured({ bare: { kernel, memory: 64, cpus } });
  } finally {
    await rm(folder, { recursive: true });
  }
}
