import { expect, test } from 'vitest';
import { GuestMemory } from '../../../debug-adapter/values/guest-memory.ts';

const SPACE = { kind: 'pa' } as const;

test('what a view may wait for the machine is bounded, and renewed for each expression', async () => {
  let time = 0;
  const readMemory = async (_: unknown, __: bigint, length: number): Promise<Uint8Array> => {
    time++;
    return new Uint8Array(length);
  };
  const memory = new GuestMemory({ readMemory }, { milliseconds: 100, now: () => time });
  const read = (i: number): Promise<Uint8Array> => memory.read(SPACE, BigInt(0x1000 * i), 8);
  for (let i = 0; i < 100; i++) expect(await read(i)).toHaveLength(8);
  await expect(read(100)).rejects.toThrow('takes too long for a view');
  // What has been read is there.
  expect(await read(99)).toHaveLength(8);
  memory.renewAllowance();
  expect(await read(100)).toHaveLength(8);
});

test('a few reads are never too slow', async () => {
  let time = 0;
  const readMemory = async (_: unknown, __: bigint, length: number): Promise<Uint8Array> => {
    time += 1000;
    return new Uint8Array(length);
  };
  const memory = new GuestMemory({ readMemory }, { milliseconds: 50, now: () => time });
  for (let i = 0; i < 64; i++) await memory.read(SPACE, BigInt(0x1000 * i), 8);
  await expect(memory.read(SPACE, 0x90_0000n, 8)).rejects.toThrow('takes too long');
});
