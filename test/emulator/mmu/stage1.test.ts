import { expect, test } from 'vitest';
import { Processor, RAM } from '../cpu/processor.ts';
import { AF, DEVICE, EL0, NOT_GLOBAL, PXN, READ_ONLY, SCTLR_M, Stage1, UXN } from './tables.ts';

const VA = 0x12_3000n;
const PAGE = RAM + 0x5000;

// EC of a data abort from a lower EL and from the same, and of an instruction abort.
const LOWER = 0x24;
const SAME = 0x25;
const FETCH_LOWER = 0x20;
const FETCH_SAME = 0x21;
const WNR = 0x40;

async function mapped(attributes = AF, model: 'a53' | 'max' = 'a53') {
  const processor = await Processor.create(model);
  const stage1 = new Stage1(processor);
  const descriptor = stage1.page(VA, PAGE, attributes);
  processor.memory.write64(PAGE, 0x1122_3344_5566_7788n);
  processor.atEl(1);
  const { kernels } = processor;
  const load = (va: bigint, size = 8) => BigInt.asUintN(64, kernels['loadSlow']?.(va, size));
  const store = (va: bigint, value: bigint, size = 8) => kernels['storeSlow']?.(va, size, value);
  return { processor, stage1, descriptor, load, store };
}

test('a load is translated, and a store reaches the same page', async () => {
  const { processor, load, store } = await mapped();
  expect(load(VA)).toBe(0x1122_3344_5566_7788n);
  expect(load(VA + 1n, 2)).toBe(0x6677n);
  store(VA + 8n, 0xabcdn, 2);
  expect(processor.memory.read64(PAGE + 8)).toBe(0xabcdn);
  expect(processor.exception()).toBeUndefined();
});

test('an unmapped address is a translation fault of the level where the walk stopped', async () => {
  const { processor, load, store } = await mapped();
  load(VA + 0x1000n);
  expect(processor.exception()).toMatchObject({
    el: 1,
    ec: SAME,
    iss: 0x07,
    far: VA + 0x1000n,
    vector: 0x200,
  });
  processor.atEl(1);
  store(0x4000_0000n, 0n);
  expect(processor.exception()).toMatchObject({ ec: SAME, iss: WNR | 0x05, far: 0x4000_0000n });
  processor.atEl(0);
  load(VA + 0x20_0000n);
  expect(processor.exception()).toMatchObject({ ec: LOWER, iss: 0x06, vector: 0x400 });
});

test('an address above the range of TTBR0 is a translation fault of level 0', async () => {
  const { processor, load } = await mapped();
  load(1n << 40n);
  expect(processor.exception()).toMatchObject({ ec: SAME, iss: 0x04 });
});

test('a range switched off by EPD is a translation fault of level 0', async () => {
  const { processor, load } = await mapped();
  load(0xffff_ff80_0000_0000n);
  expect(processor.exception()).toMatchObject({ iss: 0x04, far: 0xffff_ff80_0000_0000n });
});

test('the access flag is checked before permissions', async () => {
  const { processor, store } = await mapped(READ_ONLY);
  store(VA, 1n);
  expect(processor.exception()).toMatchObject({ iss: WNR | 0x0b });
});

test('EL0 needs AP[1]; EL1 may write unless AP[2]', async () => {
  const { processor, load, store } = await mapped(AF | READ_ONLY);
  load(VA);
  expect(processor.exception()).toBeUndefined();
  store(VA, 1n);
  expect(processor.exception()).toMatchObject({ iss: WNR | 0x0f });
  processor.atEl(0);
  load(VA);
  expect(processor.exception()).toMatchObject({ ec: LOWER, iss: 0x0f });
});

test('PAN forbids EL1 what EL0 may access, but not LDTR', async () => {
  const { processor, load } = await mapped(AF | EL0, 'max');
  processor.atEl(1, 0x3c5 | 0x40_0000);
  load(VA);
  expect(processor.exception()).toMatchObject({ ec: SAME, iss: 0x0f });
  processor.atEl(1, 0x3c5 | 0x40_0000);
  expect(BigInt.asUintN(64, processor.kernels['loadSlowUnprivileged']?.(VA, 8))).toBe(0x1122_3344_5566_7788n);
  expect(processor.exception()).toBeUndefined();
});

test('LDTR at EL1 has the permissions of EL0, and faults as an access of EL1', async () => {
  const { processor } = await mapped(AF);
  processor.kernels['loadSlowUnprivileged']?.(VA, 4);
  expect(processor.exception()).toMatchObject({ el: 1, ec: SAME, iss: 0x0f });
});

test('APTable and XNTable of a table restrict everything under it', async () => {
  const { processor, stage1, store } = await mapped(AF | EL0);
  const table = stage1.entry(VA, 2);
  processor.memory.write64(table, processor.memory.read64(table) | (1n << 62n));
  store(VA, 1n);
  expect(processor.exception()).toMatchObject({ iss: WNR | 0x0f });
});

test('fetches respect UXN, PXN and what EL0 may write', async () => {
  const { processor } = await mapped(AF | EL0 | READ_ONLY | UXN);
  const fetch = (el: 0 | 1) => {
    processor.atEl(el);
    return processor.kernels['fetchMiss']?.(VA + 0x10n);
  };
  expect(fetch(1)).not.toBe(0);
  expect(fetch(0)).toBe(0);
  expect(processor.exception()).toMatchObject({
    ec: FETCH_LOWER,
    iss: 0x0f,
    far: VA + 0x10n,
    elr: VA + 0x10n,
  });

  const writable = await mapped(AF | EL0);
  writable.processor.atEl(1);
  expect(writable.processor.kernels['fetchMiss']?.(VA)).toBe(0);
  expect(writable.processor.exception()).toMatchObject({ ec: FETCH_SAME, iss: 0x0f });
  writable.processor.atEl(0);
  expect(writable.processor.kernels['fetchMiss']?.(VA)).not.toBe(0);

  const never = await mapped(AF | PXN);
  never.processor.atEl(1);
  expect(never.processor.kernels['fetchMiss']?.(VA)).toBe(0);
});

test('a misaligned PC is an exception of its own', async () => {
  const { processor } = await mapped();
  expect(processor.kernels['fetchMiss']?.(VA + 2n)).toBe(0);
  expect(processor.exception()).toMatchObject({ ec: 0x22, iss: 0, far: VA + 2n, elr: VA + 2n });
});

test('WXN keeps writable pages from being executed', async () => {
  const { processor } = await mapped(AF);
  processor.set({ SCTLR_EL1: processor.get('SCTLR_EL1') | (1n << 19n) });
  expect(processor.kernels['fetchMiss']?.(VA)).toBe(0);
  expect(processor.exception()).toMatchObject({ ec: FETCH_SAME, iss: 0x0f });
});

test('blocks map 2M at level 2 and 1G at level 1', async () => {
  const { processor, stage1, load } = await mapped();
  stage1.block(0x20_0000n, RAM, 2);
  stage1.block(0x4000_0000n, RAM, 1);
  processor.memory.write32(RAM + 0x1_2340, 0xcafe);
  expect(load(0x21_2340n, 4)).toBe(0xcafen);
  expect(load(0x4001_2340n, 4)).toBe(0xcafen);
});

test('an output address beyond IPS is an address size fault', async () => {
  const { processor, stage1, load } = await mapped();
  processor.set({ TCR_EL1: processor.get('TCR_EL1') & ~(7n << 32n) });
  stage1.page(VA, 0x2_0000_0000);
  load(VA);
  expect(processor.exception()).toMatchObject({ iss: 0x03 });
});

test('a table outside RAM is an external abort on the walk', async () => {
  const { processor, stage1, load } = await mapped();
  processor.memory.write64(stage1.entry(VA, 1), 0x0900_0003n);
  load(VA);
  expect(processor.exception()).toMatchObject({ iss: 0x16 });
});

test('with TBI the top byte does not matter, without it is a fault', async () => {
  const { processor, load } = await mapped();
  const tagged = VA | (0x5an << 56n);
  load(tagged);
  expect(processor.exception()).toMatchObject({ iss: 0x04, far: tagged });
  processor.set({ TCR_EL1: processor.get('TCR_EL1') | (1n << 37n) });
  processor.atEl(1);
  expect(load(tagged)).toBe(0x1122_3344_5566_7788n);
});

test('an unaligned access is a fault on Device memory and under SCTLR.A only', async () => {
  const { processor, stage1, load } = await mapped();
  expect(load(VA + 1n, 4)).toBe(0x4455_6677n);
  stage1.page(VA + 0x1000n, PAGE, AF | DEVICE);
  expect(load(VA + 0x1000n, 4)).toBe(0x5566_7788n);
  load(VA + 0x1001n, 4);
  expect(processor.exception()).toMatchObject({ iss: 0x21, far: VA + 0x1001n });
  processor.atEl(1);
  processor.set({ SCTLR_EL1: processor.get('SCTLR_EL1') | 2n });
  load(VA + 1n, 4);
  expect(processor.exception()).toMatchObject({ iss: 0x21 });
});

test('an access across pages is all or nothing, and names the missing page', async () => {
  const { processor, stage1, load, store } = await mapped();
  store(VA + 0xffcn, -1n);
  expect(processor.exception()).toMatchObject({ iss: WNR | 0x07, far: VA + 0x1000n });
  expect(processor.memory.read32(PAGE + 0xffc)).toBe(0);
  processor.atEl(1);
  stage1.page(VA + 0x1000n, RAM + 0x9000);
  store(VA + 0xffcn, 0x1122_3344_aabb_ccddn);
  expect(processor.memory.read32(PAGE + 0xffc)).toBe(0xaabb_ccdd);
  expect(processor.memory.read32(RAM + 0x9000)).toBe(0x1122_3344);
  expect(load(VA + 0xffcn)).toBe(0x1122_3344_aabb_ccddn);
});

test('big-endian data of EL1 is swapped', async () => {
  const { processor, load } = await mapped();
  const table = processor.get('SCTLR_EL1') | (1n << 24n);
  processor.set({ SCTLR_EL1: table });
  processor.atEl(1);
  expect(load(VA)).toBe(0x1122_3344_5566_7788n);
  processor.atEl(0);
  const user = await mapped(AF | EL0);
  user.processor.set({ SCTLR_EL1: user.processor.get('SCTLR_EL1') | (1n << 24n) });
  user.processor.atEl(0);
  expect(user.load(VA, 4)).toBe(0x8877_6655n);
});

test('with the MMU off addresses are flat, memory is Device, and PAs have a size', async () => {
  const { processor, load } = await mapped();
  processor.set({ SCTLR_EL1: processor.get('SCTLR_EL1') & ~SCTLR_M });
  processor.atEl(1);
  expect(load(BigInt(PAGE))).toBe(0x1122_3344_5566_7788n);
  load(BigInt(PAGE) + 1n, 2);
  expect(processor.exception()).toMatchObject({ iss: 0x21 });
  processor.atEl(1);
  load(1n << 41n);
  expect(processor.exception()).toMatchObject({ iss: 0x00 });
});

test('an access outside RAM goes to the bus; a refused one is an external abort', async () => {
  const { processor, stage1, load, store } = await mapped();
  stage1.page(VA, 0x0900_0000, AF | DEVICE);
  processor.deviceValue = 0x8765_4321_fedc_ba98n;
  expect(load(VA + 4n, 4)).toBe(0xfedc_ba98n);
  expect(load(VA + 8n, 8)).toBe(0x8765_4321_fedc_ba98n);
  store(VA, 0x1ffn, 1);
  expect(processor.deviceAccesses).toEqual([
    { pa: 0x0900_0004, size: 4 },
    { pa: 0x0900_0008, size: 8 },
    { pa: 0x0900_0000, size: 1, value: 0xffn },
  ]);
  processor.deviceValue = undefined;
  load(VA);
  expect(processor.exception()).toMatchObject({ iss: 0x10, far: VA });
});

test('granules of 64K and 16K walk their own levels', async () => {
  const { processor, load } = await mapped();
  // 64K: 42 bits, levels 2 and 3. TG0 = 1.
  const root = processor.table(65536);
  const leaf = processor.table(65536);
  processor.memory.write64(root, BigInt(leaf) | 3n);
  processor.memory.write64(leaf + 8 * 3, BigInt(RAM + 0x1_0000) | AF | 3n);
  processor.set({ TTBR0_EL1: BigInt(root), TCR_EL1: 22n | (1n << 14n) | (1n << 23n) | (5n << 32n) });
  processor.kernels['flushEl1']?.(0);
  processor.memory.write32(RAM + 0x1_5678, 0x64);
  expect(load(0x3_5678n, 4)).toBe(0x64n);

  // 16K: 47 bits, levels 1 to 3. TG0 = 2.
  const tables = [processor.table(16384), processor.table(16384), processor.table(16384)] as const;
  processor.memory.write64(tables[0], BigInt(tables[1]) | 3n);
  processor.memory.write64(tables[1], BigInt(tables[2]) | 3n);
  processor.memory.write64(tables[2] + 8 * 5, BigInt(RAM + 0x4000) | AF | 3n);
  processor.set({ TTBR0_EL1: BigInt(tables[0]), TCR_EL1: 17n | (2n << 14n) | (1n << 23n) | (5n << 32n) });
  processor.kernels['flushEl1']?.(0);
  processor.memory.write32(RAM + 0x6544, 0x16);
  expect(load(BigInt(5 * 0x4000 + 0x2544), 4)).toBe(0x16n);
});

test('an ASID keeps its translations while another is current, and global ones are shared by rule', async () => {
  const { processor, descriptor, load } = await mapped(AF | NOT_GLOBAL);
  expect(load(VA)).toBe(0x1122_3344_5566_7788n);
  const ttbr = processor.get('TTBR0_EL1');
  processor.memory.write64(descriptor, 0n);
  // Still resident under ASID 0; ASID 1 walks.
  expect(load(VA)).toBe(0x1122_3344_5566_7788n);
  processor.msr('TTBR0_EL1', ttbr | (1n << 48n));
  load(VA);
  expect(processor.exception()).toMatchObject({ iss: 0x07 });
  processor.atEl(1);
  processor.msr('TTBR0_EL1', ttbr);
  expect(load(VA)).toBe(0x1122_3344_5566_7788n);
  processor.msr('TLBI ASIDE1IS', 0n);
  load(VA);
  expect(processor.exception()).toMatchObject({ iss: 0x07 });
});

test('TLBI by one VA of a block drops every page of it', async () => {
  const { processor, stage1, load } = await mapped();
  const at = stage1.block(0x20_0000n, RAM, 2);
  processor.memory.write32(RAM + 0x3000, 7);
  expect(load(0x20_3000n, 4)).toBe(7n);
  expect(load(0x20_4000n, 4)).toBe(0n);
  processor.memory.write64(at, 0n);
  processor.msr('TLBI VAAE1', 0x20_8000n >> 12n);
  load(0x20_3000n, 4);
  expect(processor.exception()).toMatchObject({ iss: 0x06 });
});

test('what became more permissive is seen without invalidation', async () => {
  const { processor, descriptor, load, store } = await mapped(AF | READ_ONLY);
  load(VA);
  processor.memory.write64(descriptor, BigInt(PAGE) | AF | 3n);
  store(VA, 5n);
  expect(processor.exception()).toBeUndefined();
  expect(processor.memory.read64(PAGE)).toBe(5n);
});
