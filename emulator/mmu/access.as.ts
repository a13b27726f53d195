// Loads and stores that the inline probe of generated code could not do: TLB misses, page
// crossings, MMIO, big-endian data, alignment faults, watched pages, pages with predecoded code.
//
// A failed access sets `faulted` (fault.as.ts) and does nothing else; who called turns it into an
// exception. An access that crosses a page is checked on both pages before either is touched.

import {
  ATTENTION,
  ATTENTION_EXIT,
  ATTENTION_INTERRUPT,
  BUDGET,
  BUDGET_HELD,
  CODE_WATCHED,
  COUNT_CODE_RELEASES,
  COUNT_CODE_STORES,
  COUNT_CROSSINGS,
  COUNT_DATA_SLOW,
  CPU_INDEX,
  EXIT_REASON,
  EXIT_WATCHPOINT,
  HANDLER_DECODE,
  ITLB_BASE,
  PAGE_MAP,
  PAGE_RECORDS,
  PAGE_VA,
  PSTATE_EL,
  RAM_BASE,
  RECORD_REGIONS,
  RECORD_STORES,
  SCRATCH,
  SCTLR_EL1,
  SCTLR_EL2,
  TLB_ADDEND,
  TLB_BASE,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_FLAG_DEVICE,
  TLB_FLAG_RAM,
  TLB_PAGE,
  WATCHPOINTS,
  WATCHPOINT_COUNT,
  WATCHPOINT_SIZE,
  WATCH_BYTES_MAX,
  WATCH_HITS,
  WATCH_HITS_MAX,
  WATCH_HIT_BEFORE,
  WATCH_HIT_COUNT,
  WATCH_HIT_SIZE,
  WATCH_VA,
} from '../memory/layout';
import { count } from '../memory/count.as';
import {
  ACCESS_READ,
  ACCESS_WRITE,
  FAULT_ALIGNMENT,
  FAULT_EXTERNAL,
  clearFault,
  faulted,
  stage1Fault,
} from './fault.as';
import { dataEntry, forgetRecords, isInstructionResident, setTags } from './tlb.as';
import { hostOf, isRam, outPa, translate } from './walk.as';

// MMIO is served by the machine's bus. A refused access sets the i32 at SCRATCH to 1.
@external('env', 'mmioRead')
declare function mmioRead(paLow: i32, paHigh: i32, size: i32): i32;
@external('env', 'mmioReadHigh')
declare function mmioReadHigh(): i32;
@external('env', 'mmioWrite')
declare function mmioWrite(paLow: i32, paHigh: i32, size: i32, low: i32, high: i32): void;
/** The engine takes back records, unlinked by now, of a page of RAM that is written more than it is executed. */
@external('env', 'releaseRecords')
declare function releaseRecords(records: i32): void;

/** The engine forgets what it translated of these words of the page with these records. */
/** To a debugger that wants to know: bytes of RAM with predecoded code were stored to. */
@external('env', 'codeStored')
declare function codeStored(offset: i32, size: i32): void;
@external('env', 'dropRegions')
declare function dropRegions(records: i32, first: i32, last: i32): void;

const PAGE_MASK: i64 = 0xffff_ffff_f000;
/** Stores into a page with records, after which its records are given up. */
const STORES_UNTIL_RELEASE: i32 = 256;

/** PA of the last translateData(). */
export let dataPa: i64 = 0;
/** Whether it is RAM. */
export let dataIsRam: i32 = 0;
/** Whether it is Device memory by its attributes. */
export let dataIsDevice: i32 = 0;

/**
 * Translates an access that lies in one page, filling the TLB. `element` is the size that the
 * address must be a multiple of when alignment is checked.
 */
export function translateData(va: i64, base: usize, el: i32, pan: i32, access: i32, element: i32): bool {
  count(COUNT_DATA_SLOW);
  clearFault();
  const unaligned = (va & <i64>(element - 1)) != 0;
  const isWrite = access == ACCESS_WRITE ? 1 : 0;
  // SCTLR.A comes before translation, Device memory after it.
  if (unaligned && ((load<i64>(el == 2 ? SCTLR_EL2 : SCTLR_EL1) >> 1) & 1) != 0) {
    stage1Fault(FAULT_ALIGNMENT, va, isWrite);
    return false;
  }
  const entry = dataEntry(base, va, el, pan, access);
  if (entry == 0) return false;
  const page = load<i64>(entry + TLB_PAGE);
  dataIsDevice = (page & TLB_FLAG_DEVICE) != 0 ? 1 : 0;
  if (unaligned && dataIsDevice != 0) {
    stage1Fault(FAULT_ALIGNMENT, va, isWrite);
    return false;
  }
  setTags(entry, va, el);
  dataPa = (page & PAGE_MASK) | (va & 0xfff);
  dataIsRam = (page & TLB_FLAG_RAM) != 0 ? 1 : 0;
  return true;
}

/** The inline probe of generated code: host address of an access, or 0 when it must go the slow way. */
@inline
export function fastHost(va: i64, size: i32, tag: usize): usize {
  const slot = <usize>(va >>> 12) & (TLB_ENTRIES - 1);
  const entry = <usize>load<i32>(TLB_BASE) + slot * TLB_ENTRY_SIZE;
  if (<u64>(va - load<i64>(entry + tag)) > <u64>(4096 - size)) return 0;
  return <usize>(<i32>va + load<i32>(entry + TLB_ADDEND));
}

@inline
function crossesPage(va: i64, size: i32): bool {
  return <i32>(va & 0xfff) + size > 4096;
}

/** Whether data accesses of the current EL are big-endian. */
function bigEndian(): bool {
  const el = load<i32>(PSTATE_EL);
  if (el == 2) return ((load<i64>(SCTLR_EL2) >> 25) & 1) != 0;
  return ((load<i64>(SCTLR_EL1) >> (el == 0 ? 24 : 25)) & 1) != 0;
}

function swap(value: i64, size: i32): i64 {
  return bswap<i64>(value) >>> ((8 - size) << 3);
}

/** Reads 1, 2, 4 or 8 bytes, zero-extended. */
export function readData(va: i64, size: i32, base: usize, el: i32, pan: i32): i64 {
  let value: i64;
  if (crossesPage(va, size)) {
    if (!checkBothPages(va, size, base, el, pan, ACCESS_READ, size)) return 0;
    value = 0;
    for (let i = 0; i < size; i++) {
      translateData(va + i, base, el, pan, ACCESS_READ, 1);
      value |= readPa(va + i, 1) << (i << 3);
      if (faulted) return 0;
    }
  } else {
    if (!translateData(va, base, el, pan, ACCESS_READ, size)) return 0;
    value = readPa(va, size);
  }
  return bigEndian() ? swap(value, size) : value;
}

export function writeData(va: i64, size: i32, value: i64, base: usize, el: i32, pan: i32): void {
  if (bigEndian()) value = swap(value, size);
  if (crossesPage(va, size)) {
    if (!checkBothPages(va, size, base, el, pan, ACCESS_WRITE, size)) return;
    for (let i = 0; i < size; i++) {
      translateData(va + i, base, el, pan, ACCESS_WRITE, 1);
      writePa(va + i, 1, value >>> (i << 3));
      if (faulted) return;
    }
    return;
  }
  if (!translateData(va, base, el, pan, ACCESS_WRITE, size)) return;
  writePa(va, size, value);
}

/**
 * 16 bytes into host memory at `out`: one value, or elements of a vector. The address must be a multiple of
 * `element` where alignment is checked, and each element has its byte order.
 */
export function readDataV(va: i64, out: usize, element: i32, base: usize, el: i32, pan: i32): void {
  if (!checkVector(va, 16, element, base, el, pan, ACCESS_READ)) return;
  const low = readHalf(va, base, el, pan);
  if (faulted) return;
  const high = readHalf(va + 8, base, el, pan);
  if (faulted) return;
  const crossed = element == 16 && bigEndian();
  store<i64>(out, inOrder(crossed ? high : low, element));
  store<i64>(out + 8, inOrder(crossed ? low : high, element));
}

/** Eight bytes of elements. */
export function readElements(va: i64, element: i32, base: usize, el: i32, pan: i32): i64 {
  if (!checkVector(va, 8, element, base, el, pan, ACCESS_READ)) return 0;
  return inOrder(readHalf(va, base, el, pan), element);
}

export function writeElements(va: i64, element: i32, value: i64, base: usize, el: i32, pan: i32): void {
  if (!checkVector(va, 8, element, base, el, pan, ACCESS_WRITE)) return;
  writeHalf(va, inOrder(value, element), base, el, pan);
}

function checkVector(va: i64, size: i32, element: i32, base: usize, el: i32, pan: i32, access: i32): bool {
  if (crossesPage(va, size)) return checkBothPages(va, size, base, el, pan, access, element);
  return translateData(va, base, el, pan, access, element);
}

/** Eight bytes as they are in memory or in a register: in big-endian data each element is turned round. */
function inOrder(value: i64, element: i32): i64 {
  if (element == 1 || !bigEndian()) return value;
  if (element == 2) return ((value >>> 8) & 0x00ff_00ff_00ff_00ff) | ((value & 0x00ff_00ff_00ff_00ff) << 8);
  const turned = bswap<i64>(value);
  return element == 4 ? rotl<i64>(turned, 32) : turned;
}

function readHalf(va: i64, base: usize, el: i32, pan: i32): i64 {
  if (!crossesPage(va, 8)) {
    if (!translateData(va, base, el, pan, ACCESS_READ, 1)) return 0;
    return readPa(va, 8);
  }
  let value: i64 = 0;
  for (let i = 0; i < 8; i++) {
    if (!translateData(va + i, base, el, pan, ACCESS_READ, 1)) return 0;
    value |= readPa(va + i, 1) << (i << 3);
    if (faulted) return 0;
  }
  return value;
}

export function writeDataV(va: i64, from: usize, element: i32, base: usize, el: i32, pan: i32): void {
  if (!checkVector(va, 16, element, base, el, pan, ACCESS_WRITE)) return;
  const low = inOrder(load<i64>(from), element);
  const high = inOrder(load<i64>(from + 8), element);
  const crossed = element == 16 && bigEndian();
  writeHalf(va, crossed ? high : low, base, el, pan);
  if (faulted) return;
  writeHalf(va + 8, crossed ? low : high, base, el, pan);
}

function writeHalf(va: i64, value: i64, base: usize, el: i32, pan: i32): void {
  if (!crossesPage(va, 8)) {
    if (translateData(va, base, el, pan, ACCESS_WRITE, 1)) writePa(va, 8, value);
    return;
  }
  for (let i = 0; i < 8; i++) {
    if (!translateData(va + i, base, el, pan, ACCESS_WRITE, 1)) return;
    writePa(va + i, 1, value >>> (i << 3));
    if (faulted) return;
  }
}

/** Whether all of up to 64 bytes can be accessed; nothing is accessed. */
export function checkRange(va: i64, size: i32, base: usize, el: i32, pan: i32, access: i32): bool {
  if (crossesPage(va, size)) return checkBothPages(va, size, base, el, pan, access, 1);
  return translateData(va, base, el, pan, access, 1);
}

function checkBothPages(va: i64, size: i32, base: usize, el: i32, pan: i32, access: i32, element: i32): bool {
  count(COUNT_CROSSINGS);
  if (!translateData(va, base, el, pan, access, element)) return false;
  return translateData((va + size) & ~0xfff, base, el, pan, access, 1);
}

/** Reads at dataPa, which the access at va translated to. */
export function readPa(va: i64, size: i32): i64 {
  const pa = dataPa;
  let value: i64;
  if (dataIsRam) {
    const host = hostOf(pa);
    if (size == 8) value = load<i64>(host);
    else if (size == 4) value = load<u32>(host);
    else if (size == 2) value = load<u16>(host);
    else value = load<u8>(host);
  } else {
    store<i32>(SCRATCH, 0);
    value = <i64>(<u32>mmioRead(<i32>pa, <i32>(pa >>> 32), size));
    if (size == 8) value |= <i64>mmioReadHigh() << 32;
    if (load<i32>(SCRATCH) != 0) {
      stage1Fault(FAULT_EXTERNAL, va, 0);
      return 0;
    }
  }
  if (load<i32>(WATCHPOINT_COUNT) != 0) watch(va, pa, size, ACCESS_READ);
  return value;
}

export function writePa(va: i64, size: i32, value: i64): void {
  const pa = dataPa;
  if (dataIsRam) {
    const host = hostOf(pa);
    if (load<i32>(WATCHPOINT_COUNT) != 0) watch(va, pa, size, ACCESS_WRITE);
    if (size == 8) store<i64>(host, value);
    else if (size == 4) store<i32>(host, <i32>value);
    else if (size == 2) store<i16>(host, <i16>value);
    else store<i8>(host, <i8>value);
    codeWritten(pa, size);
  } else {
    store<i32>(SCRATCH, 0);
    mmioWrite(<i32>pa, <i32>(pa >>> 32), size, <i32>value, <i32>(value >>> 32));
    if (load<i32>(SCRATCH) != 0) {
      stage1Fault(FAULT_EXTERNAL, va, 1);
      return;
    }
    if (load<i32>(WATCHPOINT_COUNT) != 0) watch(va, pa, size, ACCESS_WRITE);
  }
}

/** Zeroes 64 bytes at dataPa, which the access at va (a multiple of 64) translated to. */
export function zeroPa(va: i64): void {
  const pa = dataPa;
  if (!dataIsRam) {
    for (let i = 0; i < 64; i += 8) {
      dataPa = pa + i;
      writePa(va + i, 8, 0);
      if (faulted) return;
    }
    return;
  }
  const host = hostOf(pa);
  if (load<i32>(WATCHPOINT_COUNT) != 0) watch(va, pa, 64, ACCESS_WRITE);
  for (let i: usize = 0; i < 64; i += 8) store<i64>(host + i, 0);
  codeWritten(pa, 64);
}

// ---------------------------------------------------------------- predecoded code

/**
 * Bytes of RAM in one page were written: records of those words are decoded again. A page that is
 * only data by now loses its records, so that stores to it become fast again.
 */
export function codeWritten(pa: i64, size: i32): void {
  const ramPage = <i32>((pa - load<i64>(RAM_BASE)) >>> 12);
  const records = load<i32>(<usize>PAGE_MAP + (<usize>ramPage << 2));
  if (records == 0) return;
  count(COUNT_CODE_STORES);
  if (load<i32>(CODE_WATCHED)) codeStored(<i32>(pa - load<i64>(RAM_BASE)), size);
  const first = (<i32>pa & 0xfff) >>> 2;
  const last = ((<i32>pa & 0xfff) + size - 1) >>> 2;
  for (let i = first; i <= last; i++) store<u16>(<usize>records + (<usize>i << 4), HANDLER_DECODE);
  if (load<i32>(<usize>records + RECORD_REGIONS) != 0) dropRegions(records, first, last);
  const stores = load<i32>(<usize>records + RECORD_STORES) + 1;
  store<i32>(<usize>records + RECORD_STORES, stores);
  if (stores > STORES_UNTIL_RELEASE && records != load<i32>(PAGE_RECORDS)) {
    count(COUNT_CODE_RELEASES);
    dropRecords(ramPage);
    releaseRecords(records);
  }
}

/** Unlinks the records of a page of RAM; the engine may reuse them. Never those being executed. */
export function dropRecords(ramPage: i32): void {
  const slot = <usize>PAGE_MAP + (<usize>ramPage << 2);
  const records = load<i32>(slot);
  if (records == 0) return;
  store<i32>(slot, 0);
  forgetRecords(records);
}

/** RAM was written by something that is not this CPU: a device, a debugger, the hypervisor. */
export function invalidateRange(pa: i64, length: i32): void {
  let at = pa;
  const end = pa + <i64>(<u32>length);
  while (at < end) {
    if (!isRam(at)) return;
    const pageEnd = (at | 0xfff) + 1;
    const stop = pageEnd < end ? pageEnd : end;
    const ramPage = <i32>((at - load<i64>(RAM_BASE)) >>> 12);
    const records = load<i32>(<usize>PAGE_MAP + (<usize>ramPage << 2));
    if (records != 0) {
      const first = (<i32>at & 0xfff) >>> 2;
      const last = (<i32>(stop - 1) & 0xfff) >>> 2;
      for (let i = first; i <= last; i++) store<u16>(<usize>records + (<usize>i << 4), HANDLER_DECODE);
      if (load<i32>(<usize>records + RECORD_REGIONS) != 0) dropRegions(records, first, last);
    }
    at = stop;
  }
}

// ---------------------------------------------------------------- watchpoints

/** As VAs are compared: whatever the top byte holds. */
@inline
export function watchedVa(va: i64): i64 {
  return (va << 8) >> 8;
}

/**
 * Leaves the run loop after this instruction when the access touches a watched range. Stores into RAM are told of
 * before they happen, so that what the range held can be kept.
 */
function watch(va: i64, pa: i64, size: i32, access: i32): void {
  const cpu = 1 << load<i32>(CPU_INDEX);
  const canonical = watchedVa(va);
  for (let i = 0; i < load<i32>(WATCHPOINT_COUNT); i++) {
    const range = <usize>WATCHPOINTS + <usize>i * WATCHPOINT_SIZE;
    const at = load<i32>(range + 20) == WATCH_VA ? canonical : pa;
    if (load<i64>(range) > at + <i64>(size - 1) || load<i64>(range + 8) < at) continue;
    if ((load<i32>(range + 16) & access) == 0 || (load<i32>(range + 24) & cpu) == 0) continue;
    noteHit(i, at, va, pa, size, access);
  }
}

/** An instruction may touch a range several times; what it held before is from the first time. */
function noteHit(index: i32, at: i64, va: i64, pa: i64, size: i32, access: i32): void {
  const count = load<i32>(WATCH_HIT_COUNT);
  for (let i = 0; i < count; i++) {
    const known = <usize>WATCH_HITS + <usize>i * WATCH_HIT_SIZE;
    if (load<i32>(known) != index) continue;
    store<i32>(known + 4, load<i32>(known + 4) | access);
    if (load<i64>(known + 8) + <i64>load<i32>(known + 24) == va) {
      store<i32>(known + 24, load<i32>(known + 24) + size);
    }
    return;
  }
  if (count == WATCH_HITS_MAX) return;
  const hit = <usize>WATCH_HITS + <usize>count * WATCH_HIT_SIZE;
  store<i32>(hit, index);
  store<i32>(hit + 4, access);
  store<i64>(hit + 8, va);
  store<i64>(hit + 16, pa);
  store<i32>(hit + 24, size);
  store<i32>(hit + 28, copyWatched(index, at, pa, hit + WATCH_HIT_BEFORE));
  store<i32>(WATCH_HIT_COUNT, count + 1);
  if ((load<i32>(ATTENTION) & ATTENTION_EXIT) == 0) store<i32>(EXIT_REASON, EXIT_WATCHPOINT);
  raiseAttention(ATTENTION_EXIT);
}

/**
 * Copies what a watched range holds, a long one from the access on, up to the first byte that is not in RAM, given
 * where the byte at `at` (an address of the range's kind) is. Changes nothing that a guest could notice.
 */
function copyWatched(index: i32, at: i64, pa: i64, out: usize): i32 {
  const range = <usize>WATCHPOINTS + <usize>index * WATCHPOINT_SIZE;
  const last = load<i64>(range + 8);
  let first = load<i64>(range);
  if (last - first >= WATCH_BYTES_MAX) first = max<i64>(first, at);
  const length = <i32>min<i64>(last - first + 1, WATCH_BYTES_MAX);
  const isVa = load<i32>(range + 20) == WATCH_VA;
  let page = at & ~0xfff;
  let pagePa = pa & ~0xfff;
  for (let i = 0; i < length; i++) {
    const address = first + i;
    if ((address & ~0xfff) != page) {
      page = address & ~0xfff;
      pagePa = page;
      if (isVa) {
        const el = load<i32>(PSTATE_EL);
        pagePa = translate(page, el == 2 ? 2 : 1, 0, ACCESS_READ) ? outPa : -1;
        clearFault();
      }
    }
    if (pagePa == -1 || !isRam(pagePa)) return i;
    store<u8>(out + <usize>i, load<u8>(hostOf(pagePa | (address & 0xfff))));
  }
  return length;
}

/** What the range of a hit holds now: copied to `out`, as many bytes as it answers. */
export function copyWatchedNow(hit: i32, out: i32): i32 {
  const index = load<i32>(hit);
  const isVa = load<i32>(<usize>WATCHPOINTS + <usize>index * WATCHPOINT_SIZE + 20) == WATCH_VA;
  const at = isVa ? watchedVa(load<i64>(hit + 8)) : load<i64>(hit + 16);
  return copyWatched(index, at, load<i64>(hit + 16), <usize>out);
}

/**
 * The page that is executed is always resident: when its entry is gone, or another ITLB is in
 * use, the next instruction is fetched anew. Otherwise a pause, which makes the loop look again,
 * could be told from none by what the TLB holds.
 */
export function refetchUnlessResident(): void {
  if (!isInstructionResident(<usize>load<i32>(ITLB_BASE), load<i64>(PAGE_VA))) raiseAttention(ATTENTION_INTERRUPT);
}

/** Makes the run loop leave after this instruction: the budget is set aside and is 0 at once. */
export function raiseAttention(bits: i32): void {
  store<i32>(ATTENTION, load<i32>(ATTENTION) | bits);
  store<i32>(BUDGET_HELD, load<i32>(BUDGET_HELD) + load<i32>(BUDGET));
  store<i32>(BUDGET, 0);
}
