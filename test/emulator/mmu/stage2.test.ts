import { expect, test } from 'vitest';
import * as layout from '../../../emulator/memory/layout.ts';
import { Processor, RAM } from '../cpu/processor.ts';
import { AF, DEVICE, S2_NORMAL, S2_READ, S2_WRITE, Stage1, Stage2, TABLE } from './tables.ts';

const IPA = 0x8000_5000;
const PAGE = RAM + 0x5000;
const WNR = 0x40;
const S1PTW = 0x80;

/** A guest with stage 1 off, stage 2 on. */
async function guest() {
  const processor = await Processor.create();
  const stage2 = new Stage2(processor);
  stage2.page(IPA, PAGE);
  processor.memory.write64(PAGE, 0x1122_3344_5566_7788n);
  processor.atEl(1);
  const load = (va: bigint, size = 8) => BigInt.asUintN(64, processor.kernels['loadSlow']?.(va, size));
  const store = (va: bigint, value: bigint, size = 8) => processor.kernels['storeSlow']?.(va, size, value);
  return { processor, stage2, load, store };
}

test('stage 2 translates what stage 1 lets through', async () => {
  const { load } = await guest();
  expect(load(BigInt(IPA))).toBe(0x1122_3344_5566_7788n);
});

test('a hole in stage 2 goes to EL2 with level, VA and IPA', async () => {
  const { processor, load } = await guest();
  // LDR W3, [X1]
  processor.executing(0xb9400023);
  load(BigInt(IPA) + 0x1234n, 4);
  expect(processor.exception()).toMatchObject({ el: 2, vector: 0x400, ec: 0x24, far: BigInt(IPA) + 0x1234n });
  expect(processor.get('HPFAR_EL2')).toBe(BigInt((IPA + 0x1000) >>> 12) << 4n);
});

test('the syndrome of a stage 2 fault describes the load or store for emulation', async () => {
  const iss = async (word: number, isWrite = false) => {
    const { processor, load, store } = await guest();
    processor.executing(word);
    if (isWrite) store(0x9000_0000n, 0n, 1);
    else load(0x9000_0000n, 1);
    return processor.exception()?.iss;
  };
  const ISV = 1 << 24;
  const sas = (log2: number) => log2 << 22;
  const srt = (register: number) => register << 16;
  const SSE = 1 << 21;
  const SF = 1 << 15;
  const AR = 1 << 14;
  // The level 1 entry of 0x9000_0000 is a table (made for IPA), its level 2 entry is invalid.
  const MISSING = 0x06;
  expect(await iss(0xb9400023)).toBe(ISV | sas(2) | srt(3) | MISSING); //       LDR W3, [X1]
  expect(await iss(0xf9400023)).toBe(ISV | sas(3) | srt(3) | SF | MISSING); //  LDR X3, [X1]
  expect(await iss(0x39800023)).toBe(ISV | sas(0) | srt(3) | SSE | SF | MISSING); // LDRSB X3, [X1]
  expect(await iss(0x79c00023)).toBe(ISV | sas(1) | srt(3) | SSE | MISSING); // LDRSH W3, [X1]
  expect(await iss(0x38626823)).toBe(ISV | sas(0) | srt(3) | MISSING); //       LDRB W3, [X1, X2]
  expect(await iss(0x885ffc23)).toBe(MISSING); //                               LDAXR W3, [X1]
  expect(await iss(0x88dffc23)).toBe(ISV | sas(2) | srt(3) | AR | MISSING); //  LDAR W3, [X1]
  expect(await iss(0xb900003f, true)).toBe(ISV | sas(2) | srt(31) | WNR | MISSING); // STR WZR, [X1]
  expect(await iss(0xb8404423)).toBe(MISSING); //                               LDR W3, [X1], #4
  expect(await iss(0xa9400c22)).toBe(MISSING); //                               LDP X2, X3, [X1]
});

test('stage 2 permissions: read, write, execute', async () => {
  const { processor, stage2, load, store } = await guest();
  stage2.page(IPA + 0x1000, PAGE, AF | S2_NORMAL | S2_READ);
  stage2.page(IPA + 0x2000, PAGE, AF | S2_NORMAL | S2_WRITE | (1n << 54n));
  stage2.page(IPA + 0x3000, PAGE, S2_NORMAL | S2_READ);
  processor.executing(0);
  store(BigInt(IPA) + 0x1000n, 0n);
  expect(processor.exception()).toMatchObject({ el: 2, iss: WNR | 0x0f });
  processor.atEl(1);
  load(BigInt(IPA) + 0x2000n);
  expect(processor.exception()).toMatchObject({ el: 2, iss: 0x0f });
  processor.atEl(1);
  expect(processor.kernels['fetchMiss']?.(BigInt(IPA) + 0x2000n)).toBe(0);
  expect(processor.exception()).toMatchObject({ el: 2, ec: 0x20, iss: 0x0f });
  processor.atEl(1);
  load(BigInt(IPA) + 0x3000n);
  expect(processor.exception()).toMatchObject({ el: 2, iss: 0x0b });
});

test('a stage 1 table in a hole of stage 2 is a fault on the walk', async () => {
  const { processor, load } = await guest();
  const stage1 = new Stage1(processor);
  // The root is there for the guest, the next table is not.
  new Stage2(processor).page(stage1.root, stage1.root);
  processor.memory.write64(stage1.root, 0x9abc_d000n | TABLE);
  processor.atEl(1);
  processor.executing(0xf9400023);
  load(0x12_3000n);
  expect(processor.exception()).toMatchObject({ el: 2, ec: 0x24, iss: S1PTW | 0x05, far: 0x12_3000n });
  expect(processor.get('HPFAR_EL2')).toBe(0x9abc_dn << 4n);
});

test('HCR_EL2.PTW forbids stage 1 tables in Device memory', async () => {
  const { processor, load } = await guest();
  const stage1 = new Stage1(processor);
  stage1.page(0x12_3000n, PAGE);
  const stage2 = new Stage2(processor);
  stage2.block(RAM, RAM, 1, AF | S2_READ | S2_WRITE);
  processor.atEl(1);
  expect(load(0x12_3000n)).toBe(0x1122_3344_5566_7788n);
  processor.msr('HCR_EL2', processor.get('HCR_EL2'));
  processor.atEl(2);
  processor.msr('HCR_EL2', processor.get('HCR_EL2') | 4n);
  processor.atEl(1);
  processor.executing(0xf9400023);
  load(0x12_3000n);
  expect(processor.exception()).toMatchObject({ el: 2, iss: S1PTW | 0x0d });
});

test('memory that is Device in either stage is Device', async () => {
  const { processor, stage2, load } = await guest();
  const stage1 = new Stage1(processor);
  stage2.block(RAM, RAM, 1);
  stage1.page(0x12_3000n, PAGE);
  stage1.page(0x12_4000n, PAGE, AF | DEVICE);
  processor.atEl(1);
  expect(load(0x12_3001n, 2)).toBe(0x6677n);
  load(0x12_4001n, 2);
  expect(processor.exception()).toMatchObject({ el: 1, iss: 0x21 });
});

test('an IPA out of range and a VTCR_EL2 that cannot be are translation faults of level 0', async () => {
  const { processor, load } = await guest();
  processor.executing(0);
  load(1n << 39n);
  expect(processor.exception()).toMatchObject({ el: 2, iss: 0x04 });
  processor.atEl(1);
  processor.set({ VTCR_EL2: 25n | (3n << 6n) });
  processor.kernels['flushEl1']?.(0);
  load(BigInt(IPA));
  expect(processor.exception()).toMatchObject({ el: 2, iss: 0x04 });
});

test('concatenated tables at the first level of stage 2', async () => {
  const { processor, load } = await guest();
  // 40 bits from level 1: two tables of 4K, 8K aligned.
  const root = processor.table(8192);
  processor.memory.write64(root + 4096 + 8 * 2, BigInt(RAM) | AF | S2_NORMAL | S2_READ | 1n);
  processor.set({ VTTBR_EL2: BigInt(root), VTCR_EL2: 24n | (1n << 6n) | (2n << 16n) });
  processor.kernels['flushEl1']?.(0);
  expect(load((1n << 39n) + 0x8000_5000n)).toBe(0x1122_3344_5566_7788n);
});

test('two VMIDs do not see each other', async () => {
  const { processor, stage2, load } = await guest();
  expect(load(BigInt(IPA))).toBe(0x1122_3344_5566_7788n);
  processor.memory.write64(stage2.entry(IPA, 3), 0n);
  expect(load(BigInt(IPA))).toBe(0x1122_3344_5566_7788n);
  processor.set({ VTTBR_EL2: processor.get('VTTBR_EL2') | (5n << 48n) });
  processor.executing(0);
  load(BigInt(IPA));
  expect(processor.exception()).toMatchObject({ el: 2, iss: 0x07 });
  processor.atEl(1);
  processor.set({ VTTBR_EL2: processor.get('VTTBR_EL2') & 0xffff_ffff_ffffn });
  expect(load(BigInt(IPA))).toBe(0x1122_3344_5566_7788n);
  processor.kernels['flushVmid']?.(0, 1);
  load(BigInt(IPA));
  expect(processor.exception()).toMatchObject({ el: 2, iss: 0x07 });
});

test('AT puts the translation or its fault into PAR_EL1', async () => {
  const { processor, stage2 } = await guest();
  const stage1 = new Stage1(processor);
  stage2.block(RAM, RAM, 1);
  stage1.page(0x12_3000n, IPA);
  stage1.page(0x12_4000n, 0x9999_9000);
  processor.atEl(2);
  // ATTR 63:56, RES1 11, NS 9, SH 8:7.
  const ok = (pa: number) => (0xffn << 56n) | BigInt(pa) | 0xa00n;
  const at = (op: string, va: bigint) => {
    processor.msr(`AT ${op}`, va);
    return processor.get('PAR_EL1');
  };
  expect(at('S1E1R', 0x12_3456n)).toBe(ok(IPA));
  expect(at('S12E1R', 0x12_3456n)).toBe(ok(PAGE));
  expect(at('S12E1W', 0x12_4000n)).toBe(0x801n | (0x06n << 1n) | (1n << 9n));
  expect(at('S1E0R', 0x12_3000n)).toBe(0x801n | (0x0fn << 1n));
  expect(at('S1E1R', 0x12_9000n)).toBe(0x801n | (0x07n << 1n));
  expect(processor.exception()).toBeUndefined();
});

test('AT at EL1 whose walk stage 2 refuses is an exception to EL2', async () => {
  const { processor } = await guest();
  const stage1 = new Stage1(processor);
  stage1.page(0x12_3000n, IPA);
  processor.atEl(1);
  processor.msr('AT S1E1R', 0x12_3000n);
  // CM, S1PTW and WnR are set.
  expect(processor.exception()).toMatchObject({ el: 2, ec: 0x24, iss: 0x100 | S1PTW | WNR | 0x05 });
});

test('the probe of the debugger takes no exception and leaves no trace', async () => {
  const { processor } = await guest();
  expect(processor.kernels['probe']?.(BigInt(IPA) + 4n, 1, 0)).toBe(BigInt(PAGE) + 4n);
  expect(processor.kernels['probe']?.(0x9000_0000n, 1, 0)).toBe(-1n);
  expect(processor.exception()).toBeUndefined();
  expect(processor.cpu.el).toBe(1);
});

test('a pause, a watchpoint or a look of the debugger changes nothing that the TLBs hold', async () => {
  const { processor, load } = await guest();
  const held = () => {
    processor.raw.setBigInt64(layout.HASH, 0n, true);
    processor.raw.setBigInt64(layout.HASH + 8, 0n, true);
    processor.kernels['hashTlbs']?.();
    return processor.raw.getBigUint64(layout.HASH, true);
  };
  const before = held();
  load(BigInt(IPA));
  const after = held();
  expect(after).not.toBe(before);
  processor.kernels['probe']?.(BigInt(IPA), 1, 1);
  processor.kernels['probe']?.(0x4000_0000n, 1, 0);
  processor.kernels['dropTags']?.();
  load(BigInt(IPA) + 8n);
  expect(held()).toBe(after);
});

test('stage 2 is held for itself until it is invalidated, not by TLBI VMALLE1', async () => {
  const { processor, stage2, load } = await guest();
  load(BigInt(IPA));
  processor.memory.write64(stage2.entry(IPA, 3), 0n);
  processor.msr('TLBI VMALLE1', 0n);
  expect(load(BigInt(IPA))).toBe(0x1122_3344_5566_7788n);
  processor.atEl(2);
  processor.msr('TLBI VMALLS12E1IS', 0n);
  processor.atEl(1);
  processor.executing(0);
  load(BigInt(IPA));
  expect(processor.exception()).toMatchObject({ el: 2, iss: 0x07 });
});
