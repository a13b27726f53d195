// What counts as an access to a watched range, at the kernels that make all accesses to watched pages.

import { expect, test } from 'vitest';
import * as layout from '../../../emulator/memory/layout.ts';
import { Processor, RAM } from '../cpu/processor.ts';
import { Stage1 } from './tables.ts';

const VA = 0x12_3000n;
const PAGE = RAM + 0x5000;
const NEXT_PAGE = RAM + 0x9000;
const READ = 1;
const WRITE = 2;

interface Watched {
  readonly first: bigint;
  readonly size: number;
  readonly access: number;
  readonly kind?: number;
  readonly cpus?: number;
}

async function watching(...ranges: readonly Watched[]) {
  const processor = await Processor.create('max');
  const stage1 = new Stage1(processor);
  stage1.page(VA, PAGE);
  stage1.page(VA + 0x1000n, NEXT_PAGE);
  processor.atEl(1);
  const { raw, kernels } = processor;
  ranges.forEach(({ first, size, access, kind = layout.WATCH_VA, cpus = -1 }, i) => {
    const at = layout.WATCHPOINTS + i * layout.WATCHPOINT_SIZE;
    raw.setBigInt64(at, first, true);
    raw.setBigInt64(at + 8, first + BigInt(size - 1), true);
    raw.setInt32(at + 16, access, true);
    raw.setInt32(at + 20, kind, true);
    raw.setInt32(at + 24, cpus, true);
  });
  raw.setInt32(layout.WATCHPOINT_COUNT, ranges.length, true);
  kernels['dropTags']?.();
  /** What an instruction touched: access, offset and bytes, of each range. */
  const touched = (
    instruction: () => void,
  ): { range: number; access: number; offset: number; size: number }[] => {
    raw.setInt32(layout.WATCH_HIT_COUNT, 0, true);
    raw.setInt32(layout.ATTENTION, 0, true);
    instruction();
    const count = raw.getInt32(layout.WATCH_HIT_COUNT, true);
    expect(raw.getInt32(layout.ATTENTION, true) !== 0).toBe(count > 0);
    return Array.from({ length: count }, (_, i) => {
      const hit = layout.WATCH_HITS + i * layout.WATCH_HIT_SIZE;
      return {
        range: raw.getInt32(hit, true),
        access: raw.getInt32(hit + 4, true),
        offset: Number(raw.getBigInt64(hit + 8, true) - VA),
        size: raw.getInt32(hit + 24, true),
      };
    });
  };
  return { processor, kernels, touched };
}

test('loads and stores touch what they cover, and nothing beside it', async () => {
  const { kernels, touched } = await watching({ first: VA + 0x10n, size: 4, access: READ | WRITE });
  for (const size of [1, 2, 4, 8]) {
    for (let offset = 0; offset < 0x20; offset++) {
      const covers = offset < 0x14 && offset + size > 0x10;
      const expected = (access: number) => (covers ? [{ range: 0, access, offset, size }] : []);
      expect(touched(() => kernels['loadSlow']?.(VA + BigInt(offset), size))).toEqual(expected(READ));
      expect(touched(() => kernels['storeSlow']?.(VA + BigInt(offset), size, 1n))).toEqual(expected(WRITE));
    }
  }
});

test('reads are no writes, and writes no reads', async () => {
  const { kernels, touched } = await watching(
    { first: VA, size: 8, access: READ },
    { first: VA, size: 8, access: WRITE },
  );
  expect(touched(() => kernels['loadSlow']?.(VA, 8))).toMatchObject([{ range: 0, access: READ }]);
  expect(touched(() => kernels['storeSlow']?.(VA, 8, 0n))).toMatchObject([{ range: 1, access: WRITE }]);
});

test('across pages, each byte counts where it is', async () => {
  const { kernels, touched } = await watching({ first: VA + 0x1001n, size: 1, access: READ | WRITE });
  expect(touched(() => kernels['loadSlow']?.(VA + 0xffcn, 4))).toEqual([]);
  expect(touched(() => kernels['loadSlow']?.(VA + 0xffdn, 4))).toEqual([]);
  expect(touched(() => kernels['storeSlow']?.(VA + 0xffen, 4, 0n))).toMatchObject([
    { access: WRITE, offset: 0x1001 },
  ]);
  expect(touched(() => kernels['storeSlowV']?.(VA + 0xff8n, layout.V, 16))).toHaveLength(1);
});

test('exclusives: a store that fails is none', async () => {
  const { kernels, processor, touched } = await watching({ first: VA, size: 8, access: READ | WRITE });
  expect(touched(() => kernels['loadExclusive']?.(VA, 8))).toMatchObject([{ access: READ, size: 8 }]);
  expect(touched(() => expect(kernels['storeExclusive']?.(VA, 8, 5n)).toBe(0))).toMatchObject([
    { access: WRITE, size: 8 },
  ]);
  expect(touched(() => expect(kernels['storeExclusive']?.(VA, 8, 6n)).toBe(1))).toEqual([]);
  expect(processor.memory.read64(PAGE)).toBe(5n);
  expect(touched(() => kernels['loadExclusivePair']?.(VA, 16))).toMatchObject([{ access: READ, size: 8 }]);
});

test('DC ZVA writes its block', async () => {
  const { kernels, processor, touched } = await watching({ first: VA + 0x47n, size: 1, access: WRITE });
  processor.memory.write64(PAGE + 0x40, -1n & 0xffff_ffff_ffff_ffffn);
  expect(touched(() => kernels['zeroBlock']?.(VA + 0x13n))).toEqual([]);
  expect(touched(() => kernels['zeroBlock']?.(VA + 0x7fn))).toEqual([
    { range: 0, access: WRITE, offset: 0x40, size: 64 },
  ]);
  expect(processor.memory.read64(PAGE + 0x40)).toBe(0n);
});

test('an instruction that touches a range several times is one hit, with what it held first', async () => {
  const { kernels, processor, touched } = await watching({ first: VA + 4n, size: 8, access: READ | WRITE });
  processor.memory.write64(PAGE, 0x1111_1111_2222_2222n);
  processor.memory.write64(PAGE + 8, 0x3333_3333_4444_4444n);
  const pair = (): void => {
    kernels['storeSlow']?.(VA, 8, 7n);
    kernels['storeSlow']?.(VA + 8n, 8, 9n);
  };
  expect(touched(pair)).toEqual([{ range: 0, access: WRITE, offset: 0, size: 16 }]);
  const before = new Uint8Array(processor.raw.buffer, layout.WATCH_HITS + layout.WATCH_HIT_BEFORE, 8);
  expect(Buffer.from(before).toString('hex')).toBe('1111111144444444');
  expect(kernels['copyWatchedNow']?.(layout.WATCH_HITS, layout.STAGING)).toBe(8);
  expect(Buffer.from(processor.raw.buffer, layout.STAGING, 8).toString('hex')).toBe('0000000009000000');
});

test('a PA is watched by whatever VA it is reached, a VA by itself alone; and by CPUs that count', async () => {
  const { kernels, processor, touched } = await watching(
    { first: BigInt(PAGE), size: 8, access: WRITE, kind: layout.WATCH_PA },
    { first: VA, size: 8, access: WRITE },
    { first: VA, size: 8, access: WRITE, cpus: 2 },
  );
  new Stage1(processor).page(VA + 0x8000n, PAGE);
  new Stage1(processor).page(VA, PAGE);
  expect(touched(() => kernels['storeSlow']?.(VA, 8, 0n)).map(({ range }) => range)).toEqual([0, 1]);
});

test('an access beside a watched range, in its page, has a host address; one that touches it has none', async () => {
  const { kernels, processor } = await watching({ first: VA + 0x100n, size: 8, access: WRITE });
  kernels['storeSlow']?.(VA, 8, 0n);
  const base = processor.raw.getInt32(layout.TLB_BASE, true);
  const host = layout.RAM_HOST + PAGE - RAM;
  expect(kernels['watchedHost']?.(base, VA + 0xf8n, 8, 1)).toBe(host + 0xf8);
  expect(kernels['watchedHost']?.(base, VA + 0xf9n, 8, 1)).toBe(0);
  expect(kernels['watchedHost']?.(base, VA + 0x108n, 8, 1)).toBe(host + 0x108);
  // What is not resident, or crosses the page, is for the slow path.
  expect(kernels['watchedHost']?.(base, VA + 0x1000n, 8, 1)).toBe(0);
  expect(kernels['watchedHost']?.(base, VA + 0xffcn, 8, 1)).toBe(0);
});
