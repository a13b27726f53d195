// The software TLBs: what they hold, how they are filled and invalidated.
//
// Which translations are resident can be seen by a guest that changes tables without
// invalidation, so residency is machine state: it depends on the executed instructions alone. It
// stands in the slow part of each entry (TLB_KEY, TLB_PAGE). The tags that generated code probes
// are a cache of that: a page that is watched, holds predecoded code, is Device memory or not RAM
// is resident without tags, and is found by the slow path.

import {
  COUNT_DATA_MISSES,
  COUNT_FETCH_MISSES,
  CPU_COUNT,
  CPU_INDEX,
  ITLB_ENTRIES,
  ITLB_ENTRY_SIZE,
  ITLB_PAGE,
  ITLB_RECORDS,
  ITLB_SIZE,
  ITLB_SLOW,
  ITLB_TAG,
  PAGE_MAP,
  PSTATE_EL,
  RAM_BASE,
  RAM_HOST,
  SCTLR_EL1,
  SCTLR_EL2,
  TLB_ADDEND,
  TLB_CONTEXT_ITLB,
  TLB_CONTEXT_SIZE,
  TLB_EL2,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_FLAG_DEVICE,
  TLB_FLAG_GLOBAL,
  TLB_FLAG_RAM,
  TLB_FLAG_READ,
  TLB_FLAG_SIZE_SHIFT,
  TLB_FLAG_VALID,
  TLB_FLAG_WRITE,
  TLB_KEY,
  TLB_PAGE,
  TLB_READ_TAG,
  TLB_SIZE,
  TLB_WRITE_TAG,
  UNWATCHED_FROM,
  UNWATCHED_LEAST,
  UNWATCHED_SIZE,
  WATCHPOINTS,
  WATCHPOINT_COUNT,
  WATCHPOINT_SIZE,
  WATCH_VA,
} from '../memory/layout';
import { count } from '../memory/count.as';
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
} from './fault.as';
import {
  FACT_FILLS,
  FACT_LARGE,
  ITLB_NUMBER_EL2,
  NEVER,
  TLBS_PER_CONTEXT,
  TLB_NUMBER_EL2,
  cpuTlbs,
  dropDataEntry,
  dropInstructionEntry,
  facts,
  isEmpty,
  isInstructionTlb,
  largeBit,
  largeWord,
  noTag,
  tlbAddress,
  tlbFacts,
} from './tlb-storage.as';
import {
  isDevice,
  isRam,
  keepTranslations,
  outAttributes,
  outGlobal,
  outPa,
  outPermissions,
  outSizeLog2,
  topByteIgnored,
  translate,
} from './walk.as';

const PAGE_MASK: i64 = 0xffff_ffff_f000;

// ---------------------------------------------------------------- data

/** The key that an entry for va has, or NEVER when va can have none. */
function keyOf(va: i64, el: i32): i32 {
  const canonical = (va << 8) >> 8;
  const upper = canonical >> 48;
  if (upper != 0 && upper != -1) return NEVER;
  if (canonical != va && !topByteIgnored(va, el)) return NEVER;
  return (<i32>(canonical >>> 22) & 0x3ff_ffff) << 1 | (<i32>upper & 1);
}

/**
 * The entry that allows this access, filled by a walk if need be; 0 when the walk faults.
 * A resident entry without the permission is dropped and walked again: tables that became more
 * permissive are seen without invalidation, as a core that does not cache faults would.
 */
export function dataEntry(base: usize, va: i64, el: i32, pan: i32, access: i32): usize {
  const slot = <i32>(va >>> 12) & (TLB_ENTRIES - 1);
  const entry = base + <usize>(slot * TLB_ENTRY_SIZE);
  const key = keyOf(va, el);
  const wanted = access == ACCESS_WRITE ? TLB_FLAG_WRITE : TLB_FLAG_READ;
  if (key != NEVER && load<i32>(entry + TLB_KEY) == key && (load<i64>(entry + TLB_PAGE) & wanted) != 0) return entry;
  return fillData(entry, slot, base, key, va, el, pan, access);
}

function fillData(entry: usize, slot: i32, base: usize, key: i32, va: i64, el: i32, pan: i32, access: i32): usize {
  count(COUNT_DATA_MISSES + (<usize>el << 3));
  dropDataEntry(entry, slot);
  keepTranslations(true);
  const translated = translate(va, el, pan, access);
  keepTranslations(false);
  if (!translated) return 0;
  let page = (outPa & PAGE_MASK) | TLB_FLAG_VALID | (<i64>(outSizeLog2 - 12) << TLB_FLAG_SIZE_SHIFT);
  if (outPermissions & ACCESS_READ) page |= TLB_FLAG_READ;
  if (outPermissions & ACCESS_WRITE) page |= TLB_FLAG_WRITE;
  if (isDevice(outAttributes)) page |= TLB_FLAG_DEVICE;
  if (isRam(outPa)) page |= TLB_FLAG_RAM;
  if (outGlobal) page |= TLB_FLAG_GLOBAL;
  store<i32>(entry + TLB_KEY, key);
  store<i64>(entry + TLB_PAGE, page);
  countFill(base, va);
  return entry;
}

/** SCTLR.A, or big-endian data at EL0 or this regime: then every access goes the slow way. */
export function needsSlowAccess(el: i32): bool {
  const sctlr = load<i64>(el == 2 ? SCTLR_EL2 : SCTLR_EL1);
  return (sctlr & ((1 << 1) | (1 << 25) | (1 << 24))) != 0;
}

/** Gives the entry the tags that generated code may use for va. */
export function setTags(entry: usize, va: i64, el: i32): void {
  const page = load<i64>(entry + TLB_PAGE);
  if ((page & (TLB_FLAG_RAM | TLB_FLAG_DEVICE)) != TLB_FLAG_RAM || needsSlowAccess(el)) return;
  const pa = page & PAGE_MASK;
  if (load<i32>(WATCHPOINT_COUNT) != 0 && isWatched(va, pa)) return;
  const tag = va & ~0xfff;
  const slot = <i32>(va >>> 12) & (TLB_ENTRIES - 1);
  const offset = <i32>(pa - load<i64>(RAM_BASE));
  store<i32>(entry + TLB_ADDEND, offset + RAM_HOST - <i32>tag);
  store<i64>(entry + TLB_READ_TAG, (page & TLB_FLAG_READ) != 0 ? tag : noTag(slot));
  const writable = (page & TLB_FLAG_WRITE) != 0 && load<i32>(<usize>PAGE_MAP + (<usize>(<u32>offset >>> 12) << 2)) == 0;
  store<i64>(entry + TLB_WRITE_TAG, writable ? tag : noTag(slot));
}

/** Whether something of the page is watched: accesses of this CPU to it are to be seen. */
function isWatched(va: i64, pa: i64): bool {
  const cpu = 1 << load<i32>(CPU_INDEX);
  const pageVa = ((va << 8) >> 8) & ~0xfff;
  for (let i = 0; i < load<i32>(WATCHPOINT_COUNT); i++) {
    const range = <usize>WATCHPOINTS + <usize>i * WATCHPOINT_SIZE;
    const first = load<i32>(range + 20) == WATCH_VA ? pageVa : pa;
    if (load<i64>(range) > (first | 0xfff) || load<i64>(range + 8) < first) continue;
    if ((load<i32>(range + 24) & cpu) != 0) return true;
  }
  return false;
}

/**
 * Host address of an access to a watched page that touches nothing that is watched, and that could be made at once if
 * the page were not; 0 otherwise. Nothing changes. UNWATCHED_FROM and UNWATCHED_SIZE say how much of the page around
 * it could be accessed as well.
 */
export function watchedHost(base: i32, va: i64, size: i32, isWrite: i32): i32 {
  if (<i32>(va & 0xfff) + size > 4096) return 0;
  const el = load<i32>(PSTATE_EL);
  const entry = <usize>base + <usize>((<i32>(va >>> 12) & (TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE);
  const key = keyOf(va, el);
  const page = load<i64>(entry + TLB_PAGE);
  const wanted: i64 = TLB_FLAG_RAM | (isWrite != 0 ? TLB_FLAG_WRITE : TLB_FLAG_READ);
  if (key == NEVER || load<i32>(entry + TLB_KEY) != key) return 0;
  if ((page & (wanted | TLB_FLAG_DEVICE)) != wanted || needsSlowAccess(el)) return 0;
  const pa = (page & PAGE_MASK) | (va & 0xfff);
  const offset = <i32>(pa - load<i64>(RAM_BASE));
  if (isWrite != 0 && load<i32>(<usize>PAGE_MAP + (<usize>(<u32>offset >>> 12) << 2)) != 0) return 0;
  const canonical = (va << 8) >> 8;
  const distance = va & 0xfff;
  let from: i64 = 0;
  let to: i64 = 4096;
  for (let i = 0; i < load<i32>(WATCHPOINT_COUNT); i++) {
    const range = <usize>WATCHPOINTS + <usize>i * WATCHPOINT_SIZE;
    const at = load<i32>(range + 20) == WATCH_VA ? canonical : pa;
    const first = load<i64>(range);
    const last = load<i64>(range + 8);
    if (last < at) from = max(from, last + 1 - at + distance);
    else if (first > at + <i64>(size - 1)) to = min(to, first - at + distance);
    else return 0;
  }
  const isWorthwhile = to - from >= UNWATCHED_LEAST;
  store<i32>(UNWATCHED_FROM, isWorthwhile ? <i32>from : 4096);
  store<i32>(UNWATCHED_SIZE, isWorthwhile ? <i32>(to - from) : UNWATCHED_LEAST);
  return offset + RAM_HOST;
}

/** Takes the tags from every data entry, which stays resident. After a change of WATCHPOINTS. */
export function dropTags(): void {
  forgetTags(-1, false);
}

/** A page of RAM got predecoded code: stores to it must be seen. */
export function dropWriteTags(pagePa: i64): void {
  forgetTags(pagePa, true);
}

function forgetTags(pagePa: i64, onlyWrite: bool): void {
  for (let cpu = 0; cpu < load<i32>(CPU_COUNT); cpu++) {
    for (let n = 0; n <= TLB_NUMBER_EL2; n++) {
      if (isInstructionTlb(n) || isEmpty(cpu, n)) continue;
      const base = tlbAddress(cpu, n);
      for (let slot = 0; slot < TLB_ENTRIES; slot++) {
        const entry = base + <usize>(slot * TLB_ENTRY_SIZE);
        if (onlyWrite && (load<i64>(entry + TLB_PAGE) & PAGE_MASK) != pagePa) continue;
        store<i64>(entry + TLB_WRITE_TAG, noTag(slot));
        if (!onlyWrite) store<i64>(entry + TLB_READ_TAG, noTag(slot));
      }
    }
  }
}

// ---------------------------------------------------------------- instructions

/** The resident entry for fetching from this page, filled by a walk if need be; 0 when it faults. */
export function instructionEntry(base: usize, va: i64, el: i32): usize {
  const slot = <i32>(va >>> 12) & (ITLB_ENTRIES - 1);
  const entry = base + <usize>(slot * ITLB_ENTRY_SIZE);
  const tag = va & ~0xfff;
  const page = load<i64>(entry + ITLB_SLOW + ITLB_PAGE);
  if (load<i64>(entry + ITLB_SLOW) == tag && (page & TLB_FLAG_VALID) != 0) return entry;
  count(COUNT_FETCH_MISSES + (<usize>el << 3));
  dropInstructionEntry(entry, slot);
  keepTranslations(true);
  const translated = translate(va, el, 0, ACCESS_EXECUTE);
  keepTranslations(false);
  if (!translated) return 0;
  let filled = (outPa & PAGE_MASK) | TLB_FLAG_VALID | (<i64>(outSizeLog2 - 12) << TLB_FLAG_SIZE_SHIFT);
  if (isRam(outPa)) filled |= TLB_FLAG_RAM;
  if (outGlobal) filled |= TLB_FLAG_GLOBAL;
  store<i64>(entry + ITLB_SLOW, tag);
  store<i64>(entry + ITLB_SLOW + ITLB_PAGE, filled);
  countFill(base, va);
  return entry;
}

/** Whether fetching from this page needs no walk. */
export function isInstructionResident(base: usize, va: i64): bool {
  const entry = base + <usize>((<i32>(va >>> 12) & (ITLB_ENTRIES - 1)) * ITLB_ENTRY_SIZE);
  if (load<i64>(entry + ITLB_SLOW) != (va & ~0xfff)) return false;
  return (load<i64>(entry + ITLB_SLOW + ITLB_PAGE) & TLB_FLAG_VALID) != 0;
}

/** Records at this address are about to be reused: no instruction TLB may lead there. */
export function forgetRecords(records: i32): void {
  for (let cpu = 0; cpu < load<i32>(CPU_COUNT); cpu++) {
    for (let n = 3; n <= ITLB_NUMBER_EL2; n++) {
      if (!isInstructionTlb(n) || isEmpty(cpu, n)) continue;
      const base = tlbAddress(cpu, n);
      for (let slot = 0; slot < ITLB_ENTRIES; slot++) {
        const entry = base + <usize>(slot * ITLB_ENTRY_SIZE);
        if (load<i32>(entry + ITLB_RECORDS) != records) continue;
        store<i64>(entry + ITLB_TAG, noTag(slot));
        store<i32>(entry + ITLB_RECORDS, 0);
      }
    }
  }
}

/** Forgets every cached address of predecoded code. */
export function forgetAllRecords(): void {
  for (let cpu = 0; cpu < load<i32>(CPU_COUNT); cpu++) {
    for (let n = 3; n <= ITLB_NUMBER_EL2; n++) {
      if (!isInstructionTlb(n)) continue;
      const base = tlbAddress(cpu, n);
      for (let slot = 0; slot < ITLB_ENTRIES; slot++) {
        store<i64>(base + <usize>(slot * ITLB_ENTRY_SIZE) + ITLB_TAG, noTag(slot));
        store<i32>(base + <usize>(slot * ITLB_ENTRY_SIZE) + ITLB_RECORDS, 0);
      }
    }
  }
}
/** Keeps the facts about the TLB at this address: it holds the page of va that translate() found. */
function countFill(base: usize, va: i64): void {
  const cpu = load<i32>(CPU_INDEX);
  const offset = <i32>(base - cpuTlbs(cpu));
  let n = 0;
  if (offset >= TLB_EL2) {
    n = offset == TLB_EL2 ? TLB_NUMBER_EL2 : ITLB_NUMBER_EL2;
  } else {
    const inside = offset % TLB_CONTEXT_SIZE;
    n = (offset / TLB_CONTEXT_SIZE) * TLBS_PER_CONTEXT;
    n += inside < TLB_CONTEXT_ITLB ? inside / TLB_SIZE : 3 + (inside - TLB_CONTEXT_ITLB) / (2 * ITLB_SIZE);
  }
  const fact = tlbFacts(cpu, n);
  store<i32>(fact + FACT_FILLS, load<i32>(fact + FACT_FILLS) + 1);
  if (outSizeLog2 <= 12) return;
  if (outSizeLog2 <= 21) {
    const word = largeWord(fact, va);
    store<i64>(word, load<i64>(word) | (<i64>1 << largeBit(va)));
  } else {
    store<i64>(fact + FACT_LARGE, -1);
    store<i64>(fact + FACT_LARGE + 8, -1);
  }
}
