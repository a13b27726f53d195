import { expect, test } from 'vitest';
import * as layout from '../../../emulator/memory/layout.ts';
import { AF, DEVICE, EL0, READ_ONLY, Stage1 } from '../mmu/tables.ts';
import { Processor, RAM } from './processor.ts';

const VA = 0x12_3000n;
const PAGE = RAM + 0x5000;

async function mapped() {
  const processor = await Processor.create();
  const stage1 = new Stage1(processor);
  stage1.page(VA, PAGE);
  processor.atEl(1);
  return { processor, stage1, kernels: processor.kernels };
}

/** What the inline probe of generated code finds. */
function fastTags(processor: Processor, va: bigint): { read: boolean; write: boolean } {
  const base = processor.raw.getInt32(layout.TLB_BASE, true);
  const entry = base + Number((va >> 12n) & 1023n) * layout.TLB_ENTRY_SIZE;
  const hit = (tag: number) => BigInt.asUintN(64, va - processor.raw.getBigInt64(entry + tag, true)) < 4096n;
  return { read: hit(layout.TLB_READ_TAG), write: hit(layout.TLB_WRITE_TAG) };
}

test('no address hits in an empty TLB', async () => {
  const processor = await Processor.create();
  for (const va of [0n, 0x1000n, 0x40_0000n, -4096n]) {
    expect(fastTags(processor, va)).toEqual({ read: false, write: false });
  }
});

test('after an access the inline probe hits, and leads to the page', async () => {
  const { processor, kernels } = await mapped();
  kernels['loadSlow']?.(VA, 8);
  expect(fastTags(processor, VA)).toEqual({ read: true, write: true });
  const entry =
    processor.raw.getInt32(layout.TLB_BASE, true) + Number((VA >> 12n) & 1023n) * layout.TLB_ENTRY_SIZE;
  const host = (Number(VA) + processor.raw.getInt32(entry + layout.TLB_ADDEND, true)) | 0;
  expect(host).toBe(layout.RAM_HOST + PAGE - RAM);
});

test('Device memory, read-only pages and alignment checking take the slow way', async () => {
  const { processor, stage1, kernels } = await mapped();
  stage1.page(VA + 0x1000n, PAGE, AF | DEVICE);
  stage1.page(VA + 0x2000n, PAGE, AF | READ_ONLY);
  kernels['loadSlow']?.(VA + 0x1000n, 8);
  kernels['loadSlow']?.(VA + 0x2000n, 8);
  expect(fastTags(processor, VA + 0x1000n)).toEqual({ read: false, write: false });
  expect(fastTags(processor, VA + 0x2000n)).toEqual({ read: true, write: false });
});

test('a store to predecoded code drops the records of its words only', async () => {
  const { processor, kernels } = await mapped();
  kernels['storeSlow']?.(VA, 8, 0n);
  expect(fastTags(processor, VA).write).toBe(true);
  processor.memory.write64(PAGE, 0n);
  const stage1 = new Stage1(processor);
  stage1.page(VA, PAGE);
  const records = kernels['fetchMiss']?.(VA) as number;
  expect(records).toBeGreaterThan(0);
  expect(fastTags(processor, VA)).toEqual({ read: true, write: false });
  for (let i = 0; i < 1024; i++) processor.raw.setUint16(records + 16 * i, 99, true);
  kernels['storeSlow']?.(VA + 0x12n, 4, 0n);
  const handler = (i: number) => processor.raw.getUint16(records + 16 * i, true);
  expect([3, 4, 5, 6].map(handler)).toEqual([99, 0, 0, 99]);
  // Writes from outside the CPU do the same.
  processor.memory.write32(PAGE + 0x40, 5);
  expect([15, 16, 17].map(handler)).toEqual([99, 0, 99]);
});

test('a page that is written again and again gives up its records', async () => {
  const { processor, kernels } = await mapped();
  kernels['fetchMiss']?.(VA);
  for (let i = 0; i < 300; i++) kernels['storeSlow']?.(VA, 4, 0n);
  expect(fastTags(processor, VA)).toEqual({ read: true, write: true });
});

test('a watched page is never fast, and residency does not depend on it', async () => {
  const { processor, kernels } = await mapped();
  kernels['loadSlow']?.(VA, 8);
  processor.raw.setBigInt64(layout.WATCHPOINTS, BigInt(PAGE + 8), true);
  processor.raw.setBigInt64(layout.WATCHPOINTS + 8, BigInt(PAGE + 15), true);
  processor.raw.setInt32(layout.WATCHPOINTS + 16, 2, true);
  processor.raw.setInt32(layout.WATCHPOINTS + 24, -1, true);
  processor.raw.setInt32(layout.WATCHPOINT_COUNT, 1, true);
  kernels['dropTags']?.();
  expect(fastTags(processor, VA)).toEqual({ read: false, write: false });
  kernels['loadSlow']?.(VA + 8n, 8);
  expect(processor.raw.getInt32(layout.ATTENTION, true)).toBe(0);
  kernels['storeSlow']?.(VA + 12n, 4, 1n);
  expect(processor.raw.getInt32(layout.ATTENTION, true)).toBe(layout.ATTENTION_EXIT);
  expect(processor.raw.getInt32(layout.EXIT_REASON, true)).toBe(layout.EXIT_WATCHPOINT);
  expect(processor.raw.getInt32(layout.WATCH_HIT_COUNT, true)).toBe(1);
  expect(processor.raw.getInt32(layout.WATCH_HITS + 4, true)).toBe(2);
  expect(processor.memory.read32(PAGE + 12)).toBe(1);
});

test('16 bytes are loaded and stored, also across pages', async () => {
  const { processor, stage1, kernels } = await mapped();
  stage1.page(VA + 0x1000n, RAM + 0x9000);
  processor.cpu.setV(0, 0x0011_2233_4455_6677_8899_aabb_ccdd_eeffn);
  for (const at of [VA + 0x10n, VA + 0xff8n, VA + 0xffdn]) {
    kernels['storeSlowV']?.(at, layout.V, 16);
    kernels['loadSlowV']?.(at, layout.V + 16, 16);
    expect(processor.cpu.v(1)).toBe(processor.cpu.v(0));
  }
});

test('a vector of elements on Device memory wants the alignment of an element, a register its own', async () => {
  const { processor, stage1, kernels } = await mapped();
  stage1.page(VA + 0x1000n, PAGE, AF | DEVICE);
  const at = VA + 0x1004n;
  kernels['loadSlowV']?.(at, layout.V, 4);
  kernels['storeSlowElements']?.(at, 2, 1n);
  expect(processor.exception()).toBeUndefined();
  kernels['loadSlowElements']?.(at, 8);
  expect(processor.exception()).toMatchObject({ ec: 0x25, iss: 0x21, far: at });
  kernels['loadSlowV']?.(at, layout.V, 16);
  expect(processor.exception()).toMatchObject({ ec: 0x25, iss: 0x21, far: at });
});

test('in big-endian data each element is turned round, or the whole register', async () => {
  const { processor, stage1, kernels } = await mapped();
  stage1.page(VA, PAGE, AF | EL0);
  // E0E: data accesses of EL0 are big-endian.
  processor.msr('SCTLR_EL1', processor.get('SCTLR_EL1') | (1n << 24n));
  processor.atEl(0);
  processor.memory.write64(PAGE, 0x7766_5544_3322_1100n);
  processor.memory.write64(PAGE + 8, 0xffee_ddcc_bbaa_9988n);
  const loaded = (element: number): string => {
    kernels['loadSlowV']?.(VA, layout.V, element);
    kernels['storeSlowV']?.(VA, layout.V, element);
    return processor.cpu.v(0).toString(16).padStart(32, '0');
  };
  expect([1, 2, 4, 8, 16].map(loaded)).toEqual([
    'ffeeddccbbaa99887766554433221100',
    'eeffccddaabb88996677445522330011',
    'ccddeeff8899aabb4455667700112233',
    '8899aabbccddeeff0011223344556677',
    '00112233445566778899aabbccddeeff',
  ]);
  expect(kernels['loadSlowElements']?.(VA, 4)).toBe(0x4455_6677_0011_2233n);
});

test('a range is prepared as a whole', async () => {
  const { processor, kernels } = await mapped();
  expect(kernels['prepareWrite']?.(VA + 0xfc0n, 64)).toBe(0);
  expect(kernels['prepareWrite']?.(VA + 0xfc1n, 64)).toBe(1);
  expect(processor.exception()).toMatchObject({ ec: 0x25, iss: 0x47, far: VA + 0x1000n });
});

test('a store-exclusive succeeds once, and only where and how wide the load was', async () => {
  const { processor, kernels } = await mapped();
  processor.memory.write64(PAGE, 5n);
  expect(kernels['loadExclusive']?.(VA, 8)).toBe(5n);
  expect(kernels['storeExclusive']?.(VA, 8, 6n)).toBe(0);
  expect(kernels['storeExclusive']?.(VA, 8, 7n)).toBe(1);
  expect(processor.memory.read64(PAGE)).toBe(6n);
  kernels['loadExclusive']?.(VA, 8);
  expect(kernels['storeExclusive']?.(VA, 4, 7n)).toBe(1);
  kernels['loadExclusive']?.(VA, 8);
  expect(kernels['storeExclusive']?.(VA + 8n, 8, 7n)).toBe(1);
  kernels['loadExclusive']?.(VA, 8);
  kernels['clearExclusive']?.();
  expect(kernels['storeExclusive']?.(VA, 8, 7n)).toBe(1);
  // Another CPU was faster.
  kernels['loadExclusive']?.(VA, 8);
  processor.memory.write64(PAGE, 9n);
  expect(kernels['storeExclusive']?.(VA, 8, 7n)).toBe(1);
});

test('exclusive pairs compare both halves', async () => {
  const { processor, kernels } = await mapped();
  processor.memory.write64(PAGE, 1n);
  processor.memory.write64(PAGE + 8, 2n);
  kernels['loadExclusivePair']?.(VA, 16);
  expect(processor.cpu.read64(layout.EXCLUSIVE_HIGH)).toBe(2n);
  expect(kernels['storeExclusivePair']?.(VA, 16, 3n, 4n)).toBe(0);
  expect(processor.memory.read64(PAGE + 8)).toBe(4n);
  kernels['loadExclusivePair']?.(VA, 16);
  processor.memory.write64(PAGE + 8, 5n);
  expect(kernels['storeExclusivePair']?.(VA, 16, 3n, 4n)).toBe(1);
});

test('an unaligned exclusive is an alignment fault', async () => {
  const { processor, kernels } = await mapped();
  kernels['loadExclusive']?.(VA + 4n, 8);
  expect(processor.exception()).toMatchObject({ ec: 0x25, iss: 0x21, far: VA + 4n });
});

test('DC ZVA clears 64 bytes, and is refused on Device memory', async () => {
  const { processor, stage1, kernels } = await mapped();
  processor.memory.fill(PAGE, 256, 0xff);
  kernels['zeroBlock']?.(VA + 0x53n);
  expect(processor.memory.read32(PAGE + 0x3c)).toBe(0xffff_ffff);
  expect(processor.memory.bytes(PAGE + 0x40, 64).every((byte) => byte === 0)).toBe(true);
  expect(processor.memory.read32(PAGE + 0x80)).toBe(0xffff_ffff);
  stage1.page(VA + 0x1000n, PAGE, AF | DEVICE);
  kernels['zeroBlock']?.(VA + 0x1040n);
  expect(processor.exception()).toMatchObject({ iss: 0x61 });
});

test('DC ZVA at EL0 needs DZE', async () => {
  const { processor, stage1, kernels } = await mapped();
  stage1.page(VA, PAGE, AF | EL0);
  processor.atEl(0);
  processor.executing(0xd50b7421);
  kernels['zeroBlock']?.(VA);
  // Op0 1, Op2 1, Op1 3, CRn 7, Rt 1, CRm 4, write.
  expect(processor.exception()).toMatchObject({
    el: 1,
    ec: 0x18,
    iss: (1 << 20) | (1 << 17) | (3 << 14) | (7 << 10) | (1 << 5) | (4 << 1),
  });
});

test('DCZID_EL0.DZP says whether DC ZVA may be used', async () => {
  const { processor } = await mapped();
  expect(processor.mrs('DCZID_EL0')).toBe(4n);
  processor.atEl(0);
  expect(processor.mrs('DCZID_EL0')).toBe(0x14n);
  processor.set({ SCTLR_EL1: processor.get('SCTLR_EL1') | (1n << 14n) });
  expect(processor.mrs('DCZID_EL0')).toBe(4n);
  processor.set({ HCR_EL2: (1n << 31n) | (1n << 28n) });
  expect(processor.mrs('DCZID_EL0')).toBe(0x14n);
});
