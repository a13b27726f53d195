import { expect, test } from 'vitest';
import { gfn, mfn, pa } from '../../../../emulator/base/address.ts';
import { Heap } from '../../../../emulator/xen/heap.ts';
import { DomainPages } from '../../../../emulator/xen/hypervisor/domain-pages.ts';
import {
  P2M_GRANT_MAP_RO,
  P2M_MMIO_DIRECT_DEV,
  P2M_RAM_RW,
  P2m,
  vtcr,
} from '../../../../emulator/xen/p2m.ts';
import { FakeMemory, RAM_BASE } from '../traps/fake-platform.ts';

const MIB = 2 ** 20;

test('VTCR_EL2 is what Xen 4.17 was measured to write on a 44-bit machine', () => {
  expect(vtcr(44)).toBe(0x8004_3594);
});

test('a page maps to its machine page with the attributes of RAM', () => {
  const { p2m, walk } = machine();
  p2m.map(gfn(0x40000), mfn(0x41234), 1, P2M_RAM_RW);
  expect(walk(0x4000_0abc)).toEqual({
    pa: 0x4123_4abc,
    level: 3,
    write: true,
    execute: true,
    attribute: 0xf,
  });
  expect(walk(0x4000_1000)).toBeUndefined();
});

test('aligned runs are mapped by blocks of 1 GiB and 2 MiB', () => {
  const { p2m, walk } = machine();
  p2m.map(gfn(0x40000), mfn(0x80000), 0x40000 + 0x200 + 1, P2M_RAM_RW);
  expect(walk(0x4000_0000)?.level).toBe(1);
  expect(walk(0x8000_0000)).toMatchObject({ pa: 0xc000_0000, level: 2 });
  expect(walk(0x8020_0000)).toMatchObject({ pa: 0xc020_0000, level: 3 });
});

test('replacing one page of a block splits the block and leaves its neighbours', () => {
  const { p2m, walk, flushes } = machine();
  p2m.map(gfn(0x40000), mfn(0x80000), 0x200, P2M_RAM_RW);
  expect(flushes.count).toBe(0);
  p2m.map(gfn(0x40010), mfn(0x99999), 1, P2M_GRANT_MAP_RO);
  expect(walk(0x4001_0000)).toMatchObject({ pa: 0x9999_9000, write: false, execute: false });
  expect(walk(0x4000_f000)).toMatchObject({ pa: 0x8000_f000, level: 3, write: true });
  expect(walk(0x401f_f000)).toMatchObject({ pa: 0x801f_f000 });
  expect(flushes.count).toBe(1);
});

test('a hole can be made in a 1 GiB block, and filled again by the whole block', () => {
  const { p2m, walk, heap } = machine();
  const before = heap.freePages;
  p2m.map(gfn(0x40000), mfn(0x80000), 0x40000, P2M_RAM_RW);
  const withBlock = heap.freePages;
  p2m.unmap(gfn(0x40000 + 0x12345));
  expect(walk(0x4000_0000 + 0x1234_5000)).toBeUndefined();
  expect(walk(0x4000_0000 + 0x1234_4000)).toMatchObject({ level: 3 });
  expect(walk(0x7fff_f000)).toMatchObject({ level: 2 });
  p2m.map(gfn(0x40000), mfn(0x80000), 0x40000, P2M_RAM_RW);
  expect(walk(0x4000_0000)?.level).toBe(1);
  expect(heap.freePages).toBe(withBlock);
  expect(before - withBlock).toBeLessThanOrEqual(1);
});

test('device memory is Device-nGnRE and never executable', () => {
  const { p2m, walk } = machine();
  p2m.map(gfn(0x3002), mfn(0x8040), 2, P2M_MMIO_DIRECT_DEV);
  expect(walk(0x0300_3000)).toEqual({ pa: 0x0804_1000, level: 3, write: true, execute: false, attribute: 1 });
});

test('ranges join what is contiguous and of one type', () => {
  const { p2m } = machine();
  p2m.map(gfn(0x40000), mfn(0x80000), 0x8000, P2M_RAM_RW);
  p2m.map(gfn(0x40010), mfn(0x70000), 1, P2M_GRANT_MAP_RO);
  expect(p2m.ranges().map(({ gfn: at, pages }) => [at, pages])).toEqual([
    [0x40000, 0x10],
    [0x40010, 1],
    [0x40011, 0x7fef],
  ]);
});

test('a 40-bit machine starts at level 1 with two concatenated tables', () => {
  const { p2m } = machine(40);
  p2m.map(gfn(0xff_ffff), mfn(0x55555), 1, P2M_RAM_RW);
  p2m.map(gfn(0x8000_000), mfn(0x66666), 1, P2M_RAM_RW);
  expect(p2m.lookup(gfn(0xff_ffff))).toMatchObject({ mfn: 0x55555, pages: 1 });
  expect(p2m.lookup(gfn(0x8000_000))).toMatchObject({ mfn: 0x66666 });
  expect(p2m.lookup(gfn(0x1_0000_0000))).toBeUndefined();
});

test('without memory for a table the mapping fails as a value', () => {
  const { p2m, heap } = machine(44, 8 * 4096);
  while (heap.allocatePage() !== undefined);
  expect(p2m.map(gfn(0x40000), mfn(0x80000), 1, P2M_RAM_RW)).toBe('ENOMEM');
});

test('a hole is made even when there is no memory to split a block', () => {
  const { p2m, walk, heap } = machine();
  p2m.map(gfn(0x40000), mfn(0x80000), 0x200, P2M_RAM_RW);
  while (heap.allocatePage() !== undefined);
  p2m.unmap(gfn(0x40010));
  expect(walk(0x4001_0000)).toBeUndefined();
});

test('a guest that maps and unmaps all over its address space does not use up the machine', () => {
  const { p2m, walk } = machine(44, 64 * 4096);
  p2m.map(gfn(0x40000), mfn(0x80000), 1, P2M_RAM_RW);
  for (let place = 2; place < 500; place++) {
    const at = gfn(place * 0x47213);
    expect(p2m.map(at, mfn(0x90000), 1, P2M_RAM_RW)).toBeUndefined();
    expect(p2m.ranges().map((range) => range.gfn)).toEqual([0x40000, at]);
    expect(walk(at * 4096)?.pa).toBe(0x9000_0000);
    p2m.unmap(at);
  }
});

test('a granted page that its owner gives up lives on until it is unmapped', () => {
  const { p2m, heap } = machine();
  const owner = new DomainPages(1, p2m, heap, 100);
  const other = new DomainPages(2, machineP2m(heap), heap, 100);
  const page = owner.allocatePage()!;
  other.mapPage(gfn(0x50000), page, 'grant-rw');
  const free = heap.freePages;
  owner.freePage(page);
  expect(heap.freePages).toBe(free);
  other.unmapPage(gfn(0x50000));
  expect(heap.freePages).toBe(free + 1);
});

test('pages of a domain are counted against its maximum', () => {
  const { p2m, heap } = machine();
  const pages = new DomainPages(1, p2m, heap, 2);
  expect(pages.allocatePage()).toBeDefined();
  const last = pages.allocatePage()!;
  expect(pages.allocatePage()).toBeUndefined();
  pages.freePage(last);
  expect(pages.totalPages).toBe(1);
  expect(pages.allocatePage()).toBeDefined();
});

test('populate uses 2 MiB blocks where the machine has them', () => {
  const { p2m, heap } = machine();
  const pages = new DomainPages(1, p2m, heap, 10_000);
  expect(pages.populate(gfn(0x40000), 0x401)).toBeUndefined();
  expect(p2m.lookup(gfn(0x40000))?.pages).toBe(0x200);
  expect(p2m.lookup(gfn(0x40400))?.pages).toBe(1);
  expect(pages.frame(gfn(0x40000))?.kind).toBe('ram');
});

let sharedMemory: FakeMemory;

function machine(paBits = 44, size = 16 * MIB) {
  const memory = new FakeMemory(size);
  sharedMemory = memory;
  const heap = new Heap(memory, RAM_BASE, size);
  const flushes = { count: 0 };
  const tlbs = { flushVmid: () => void flushes.count++ };
  const p2m = new P2m(memory, heap, tlbs, 1, paBits);
  return { memory, heap, flushes, p2m, walk: (ipa: number) => walk(memory, p2m.vttbr, ipa) };
}

const machineP2m = (heap: Heap) => new P2m(sharedMemory, heap, { flushVmid: () => {} }, 2, 44);

/** The walk of DDI 0487 for 44 bits and 4 KiB, written a second time to read what P2m writes. */
function walk(memory: FakeMemory, vttbr: bigint, ipa: number) {
  let table = Number(vttbr & 0xffff_ffff_f000n);
  for (let level = 0; level < 4; level++) {
    const index = Math.floor(ipa / 2 ** (39 - 9 * level)) % 512;
    const at = table + index * 8;
    const entry = (BigInt(memory.read32(pa(at + 4))) << 32n) | BigInt(memory.read32(pa(at)));
    if ((entry & 1n) === 0n) return undefined;
    const isTable = (entry & 2n) !== 0n;
    const address = Number(entry & 0xffff_ffff_f000n);
    if (level < 3 && isTable) {
      table = address;
      continue;
    }
    return {
      pa: address + (ipa % 2 ** (39 - 9 * level)),
      level,
      write: ((entry >> 7n) & 1n) === 1n,
      execute: ((entry >> 54n) & 1n) === 0n,
      attribute: Number((entry >> 2n) & 0xfn),
    };
  }
  return undefined;
}
