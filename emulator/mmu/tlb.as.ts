// The software TLBs: what they hold, how they are filled and invalidated.
//
// Which translations are resident can be seen by a guest that changes tables without
// invalidation, so residency is machine state: it depends on the executed instructions alone. It
// stands in the slow part of each entry (TLB_KEY, TLB_PAGE). The tags that generated code probes
// are a cache of that: a page that is watched, holds predecoded code, is Device memory or not RAM
// is resident without tags, and is found by the slow path.

import {
  CPU_COUNT,
  CPU_INDEX,
  ITLB_EL2,
  ITLB_ENTRIES,
  ITLB_ENTRY_SIZE,
  ITLB_PAGE,
  ITLB_RECORDS,
  ITLB_SIZE,
  ITLB_SLOW,
  ITLB_TAG,
  PAGE_MAP,
  RAM_BASE,
  RAM_HOST,
  SCTLR_EL1,
  SCTLR_EL2,
  TCR_EL1,
  TLB_ADDEND,
  TLB_AREA,
  TLB_CONTEXTS,
  TLB_CONTEXT_ITLB,
  TLB_CONTEXT_SIZE,
  TLB_CPU_STRIDE,
  TLB_EL2,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_FACTS,
  TLB_FACTS_SIZE,
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
  TTBR0_EL1,
  TTBR1_EL1,
  WATCHPOINTS,
  WATCHPOINT_COUNT,
} from '../memory/layout';
import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_WRITE } from './fault.as';
import {
  currentVmid,
  flushStage2,
  isDevice,
  isRam,
  keepTranslations,
  outAttributes,
  outGlobal,
  outPa,
  outPermissions,
  outSizeLog2,
  stage1Enabled,
  topByteIgnored,
  translate,
} from './walk.as';

// Facts about the TLBs of a CPU, at TLB_FACTS: i32 current context, i32 clock; then for each
// context {i64 key, i32 time of last use}; then for each TLB {128 bits: which 2M regions, by their
// number modulo 128, may hold parts of pages larger than 4K; i32 fills since it was last empty}.
const FACT_CURRENT: usize = 0;
const FACT_CLOCK: usize = 4;
const FACT_CONTEXTS: usize = 8;
const FACT_TIME: usize = 8;
const FACT_TLBS: usize = 0x40;
const TLB_FACTS_STRIDE: usize = 24;
const FACT_LARGE: usize = 0;
const FACT_FILLS: usize = 16;
// Keys are VMID << 16 | ASID, and bit 32 where stage 1 is off: a vCPU that has not turned its MMU
// on shares no entries with the others of its domain.
const KEY_FLAT: i64 = 0x1_0000_0000;
const NO_KEY: i64 = -1;

/** TLBs of a CPU: those of the contexts, then both of EL2. */
export const TLB_COUNT: i32 = 3 * 5 + 2;
/** TLBs of a context in order: data EL0, EL1, EL1 with PAN, instructions EL0, EL1. */
const TLBS_PER_CONTEXT: i32 = 5;
const TLB_NUMBER_EL2: i32 = 3 * 5;
const ITLB_NUMBER_EL2: i32 = 3 * 5 + 1;

const PAGE_MASK: i64 = 0xffff_ffff_f000;
const NEVER: i32 = -1;

@inline
export function cpuTlbs(cpu: i32): usize {
  return <usize>TLB_AREA + <usize>cpu * TLB_CPU_STRIDE;
}

@inline
export function facts(cpu: i32): usize {
  return cpuTlbs(cpu) + TLB_FACTS;
}

/** Facts about TLB number n (0 .. 16) of a CPU. */
@inline
function tlbFacts(cpu: i32, n: i32): usize {
  return facts(cpu) + FACT_TLBS + <usize>n * TLB_FACTS_STRIDE;
}

@inline
export function isEmpty(cpu: i32, n: i32): bool {
  return load<i32>(tlbFacts(cpu, n) + FACT_FILLS) == 0;
}

/** Address of TLB number n of a CPU. */
export function tlbAddress(cpu: i32, n: i32): usize {
  const base = cpuTlbs(cpu);
  if (n == TLB_NUMBER_EL2) return base + TLB_EL2;
  if (n == ITLB_NUMBER_EL2) return base + ITLB_EL2;
  const context = base + <usize>(n / TLBS_PER_CONTEXT) * TLB_CONTEXT_SIZE;
  const kind = n % TLBS_PER_CONTEXT;
  return kind < 3 ? context + <usize>kind * TLB_SIZE : context + TLB_CONTEXT_ITLB + <usize>(kind - 3) * (2 * ITLB_SIZE);
}

@inline
export function isInstructionTlb(n: i32): bool {
  return n == ITLB_NUMBER_EL2 || (n < TLB_NUMBER_EL2 && n % TLBS_PER_CONTEXT >= 3);
}

// ---------------------------------------------------------------- contexts

export function currentAsid(): i32 {
  const tcr = load<i64>(TCR_EL1);
  const ttbr = load<i64>(((tcr >> 22) & 1) != 0 ? TTBR1_EL1 : TTBR0_EL1);
  return <i32>(ttbr >>> 48) & (((tcr >> 36) & 1) != 0 ? 0xffff : 0xff);
}

/** Makes the context of the current VMID and ASID the current one; answers its number. */
export function selectContext(): i32 {
  const cpu = load<i32>(CPU_INDEX);
  const f = facts(cpu);
  const key = stage1Enabled(1) ? vmidKey(currentVmid()) | <i64>currentAsid() : vmidKey(currentVmid()) | KEY_FLAT;
  const current = load<i32>(f + FACT_CURRENT);
  if (contextKey(cpu, current) == key) return current;

  const clock = load<i32>(f + FACT_CLOCK) + 1;
  store<i32>(f + FACT_CLOCK, clock);
  // The one with the key, else the one that was current longest ago.
  let oldest = 0;
  let oldestAge = -1;
  let found = -1;
  for (let c = 0; c < TLB_CONTEXTS; c++) {
    if (contextKey(cpu, c) == key) found = c;
    const age = clock - load<i32>(contextFacts(cpu, c) + FACT_TIME);
    if (age > oldestAge) {
      oldestAge = age;
      oldest = c;
    }
  }
  if (found < 0) {
    found = oldest;
    flushContext(cpu, found);
    store<i64>(contextFacts(cpu, found), key);
  }
  store<i32>(contextFacts(cpu, current) + FACT_TIME, clock);
  store<i32>(contextFacts(cpu, found) + FACT_TIME, clock);
  store<i32>(f + FACT_CURRENT, found);
  return found;
}

@inline
function contextFacts(cpu: i32, context: i32): usize {
  return facts(cpu) + FACT_CONTEXTS + (<usize>context << 4);
}

@inline
function contextKey(cpu: i32, context: i32): i64 {
  return load<i64>(contextFacts(cpu, context));
}

@inline
function vmidKey(vmid: i32): i64 {
  return <i64>(<u32>(vmid << 16));
}

/** Whether a key is one of this VMID. */
@inline
function hasVmid(key: i64, vmid: i32): bool {
  return (key & ~0x1_0000_ffff) == vmidKey(vmid);
}

/** Empties the TLBs of every CPU. Must be called once before the first instruction. */
export function resetTlbs(): void {
  for (let cpu = 0; cpu < load<i32>(CPU_COUNT); cpu++) {
    const f = facts(cpu);
    memory.fill(f, 0, TLB_FACTS_SIZE);
    for (let c = 0; c < TLB_CONTEXTS; c++) store<i64>(contextFacts(cpu, c), NO_KEY);
    for (let n = 0; n <= ITLB_NUMBER_EL2; n++) clearTlb(cpu, n);
    flushStage2(cpu);
  }
}

// ---------------------------------------------------------------- invalidation

/** A tag that no address of this slot matches: a page of another slot. */
@inline
function noTag(slot: i32): i64 {
  return <i64>(slot ^ 1) << 12;
}

function emptyTlb(base: usize, instructions: bool): void {
  if (instructions) {
    for (let slot = 0; slot < ITLB_ENTRIES; slot++) dropInstructionEntry(base + <usize>(slot * ITLB_ENTRY_SIZE), slot);
  } else {
    for (let slot = 0; slot < TLB_ENTRIES; slot++) dropDataEntry(base + <usize>(slot * TLB_ENTRY_SIZE), slot);
  }
}

@inline
function dropDataEntry(entry: usize, slot: i32): void {
  store<i64>(entry + TLB_READ_TAG, noTag(slot));
  store<i64>(entry + TLB_WRITE_TAG, noTag(slot));
  store<i32>(entry + TLB_KEY, NEVER);
  store<i64>(entry + TLB_PAGE, 0);
}

@inline
function dropInstructionEntry(entry: usize, slot: i32): void {
  store<i64>(entry + ITLB_TAG, noTag(slot));
  store<i32>(entry + ITLB_RECORDS, 0);
  store<i64>(entry + ITLB_SLOW, noTag(slot));
  store<i64>(entry + ITLB_SLOW + ITLB_PAGE, 0);
}

function clearTlb(cpu: i32, n: i32): void {
  const fact = tlbFacts(cpu, n);
  store<i32>(fact + FACT_FILLS, 0);
  store<i64>(fact + FACT_LARGE, 0);
  store<i64>(fact + FACT_LARGE + 8, 0);
  emptyTlb(tlbAddress(cpu, n), isInstructionTlb(n));
}

function flushTlb(cpu: i32, n: i32): void {
  if (!isEmpty(cpu, n)) clearTlb(cpu, n);
}

function flushContext(cpu: i32, context: i32): void {
  for (let kind = 0; kind < TLBS_PER_CONTEXT; kind++) flushTlb(cpu, context * TLBS_PER_CONTEXT + kind);
}

function flushEl2(cpu: i32): void {
  flushTlb(cpu, TLB_NUMBER_EL2);
  flushTlb(cpu, ITLB_NUMBER_EL2);
}

/** Drops the entries of one TLB that a stage 1 page or block containing va put there. */
function flushPage(cpu: i32, n: i32, va: i64, onlyGlobal: bool): void {
  const fact = tlbFacts(cpu, n);
  if (load<i32>(fact + FACT_FILLS) == 0) return;
  const base = tlbAddress(cpu, n);
  const slots = isInstructionTlb(n) ? ITLB_ENTRIES : TLB_ENTRIES;
  // Where only pages of 4K are, the entry has its own slot; else any slot may belong to the block.
  const large = ((load<i64>(largeWord(fact, va)) >>> largeBit(va)) & 1) != 0;
  const own = <i32>(va >>> 12) & (slots - 1);
  const first = large ? 0 : own;
  const last = large ? slots - 1 : own;
  if (isInstructionTlb(n)) {
    for (let slot = first; slot <= last; slot++) {
      const entry = base + <usize>(slot * ITLB_ENTRY_SIZE);
      const page = load<i64>(entry + ITLB_SLOW + ITLB_PAGE);
      if (covers(page, load<i64>(entry + ITLB_SLOW), va, onlyGlobal)) dropInstructionEntry(entry, slot);
    }
    return;
  }
  for (let slot = first; slot <= last; slot++) {
    const entry = base + <usize>(slot * TLB_ENTRY_SIZE);
    const page = load<i64>(entry + TLB_PAGE);
    if ((page & TLB_FLAG_VALID) == 0) continue;
    const key = load<i32>(entry + TLB_KEY);
    const entryVa = (<i64>(key >>> 1) << 22) | (<i64>slot << 12) | (-(<i64>(key & 1)) << 48);
    if (covers(page, entryVa, va, onlyGlobal)) dropDataEntry(entry, slot);
  }
}

@inline
function covers(page: i64, entryVa: i64, va: i64, onlyGlobal: bool): bool {
  if ((page & TLB_FLAG_VALID) == 0) return false;
  if (onlyGlobal && (page & TLB_FLAG_GLOBAL) == 0) return false;
  const size = ((page >> TLB_FLAG_SIZE_SHIFT) & 31) + 12;
  return ((entryVa ^ va) << 8) >>> 8 >>> size == 0;
}

function flushNonGlobal(cpu: i32, n: i32): void {
  if (isEmpty(cpu, n)) return;
  const base = tlbAddress(cpu, n);
  if (isInstructionTlb(n)) {
    for (let slot = 0; slot < ITLB_ENTRIES; slot++) {
      const entry = base + <usize>(slot * ITLB_ENTRY_SIZE);
      if ((load<i64>(entry + ITLB_SLOW + ITLB_PAGE) & TLB_FLAG_GLOBAL) == 0) dropInstructionEntry(entry, slot);
    }
    return;
  }
  for (let slot = 0; slot < TLB_ENTRIES; slot++) {
    const entry = base + <usize>(slot * TLB_ENTRY_SIZE);
    if ((load<i64>(entry + TLB_PAGE) & TLB_FLAG_GLOBAL) == 0) dropDataEntry(entry, slot);
  }
}

@inline
function firstCpu(broadcast: bool): i32 {
  return broadcast ? 0 : load<i32>(CPU_INDEX);
}

@inline
function endCpu(broadcast: bool): i32 {
  return broadcast ? load<i32>(CPU_COUNT) : load<i32>(CPU_INDEX) + 1;
}

/** Stage 1 of EL1&0, and both stages combined, with this VMID: TLBI VMALLE1. */
export function flushVmidStage1(vmid: i32, broadcast: bool): void {
  for (let cpu = firstCpu(broadcast); cpu < endCpu(broadcast); cpu++) {
    for (let c = 0; c < TLB_CONTEXTS; c++) {
      if (hasVmid(contextKey(cpu, c), vmid)) flushContext(cpu, c);
    }
  }
}

/** Everything of EL1&0 with this VMID, stage 2 included: TLBI VMALLS12E1, IPAS2E1. */
export function flushVmid(vmid: i32, broadcast: bool): void {
  for (let cpu = firstCpu(broadcast); cpu < endCpu(broadcast); cpu++) flushStage2(cpu);
  flushVmidStage1(vmid, broadcast);
}

/** Everything of EL1&0: TLBI ALLE1. */
export function flushEl1(broadcast: bool): void {
  for (let cpu = firstCpu(broadcast); cpu < endCpu(broadcast); cpu++) {
    flushStage2(cpu);
    for (let c = 0; c < TLB_CONTEXTS; c++) flushContext(cpu, c);
  }
}

/** TLBI ALLE2. */
export function flushAllEl2(broadcast: bool): void {
  for (let cpu = firstCpu(broadcast); cpu < endCpu(broadcast); cpu++) flushEl2(cpu);
}

/** TLBI ASIDE1: the entries of this ASID and the current VMID that are not global. */
export function flushAsid(asid: i32, broadcast: bool): void {
  const key = vmidKey(currentVmid()) | <i64>asid;
  for (let cpu = firstCpu(broadcast); cpu < endCpu(broadcast); cpu++) {
    for (let c = 0; c < TLB_CONTEXTS; c++) {
      if (contextKey(cpu, c) != key) continue;
      for (let kind = 0; kind < TLBS_PER_CONTEXT; kind++) flushNonGlobal(cpu, c * TLBS_PER_CONTEXT + kind);
    }
  }
}

/** TLBI VAE1, VAAE1 (asid < 0): global entries go whatever the ASID. */
export function flushVa(va: i64, asid: i32, broadcast: bool): void {
  const vmid = currentVmid();
  for (let cpu = firstCpu(broadcast); cpu < endCpu(broadcast); cpu++) {
    for (let c = 0; c < TLB_CONTEXTS; c++) {
      const key = contextKey(cpu, c);
      if (!hasVmid(key, vmid)) continue;
      const onlyGlobal = asid >= 0 && (key & 0xffff) != <i64>asid;
      for (let kind = 0; kind < TLBS_PER_CONTEXT; kind++) flushPage(cpu, c * TLBS_PER_CONTEXT + kind, va, onlyGlobal);
    }
  }
}

/** TLBI VAE2. */
export function flushVaEl2(va: i64, broadcast: bool): void {
  for (let cpu = firstCpu(broadcast); cpu < endCpu(broadcast); cpu++) {
    flushPage(cpu, TLB_NUMBER_EL2, va, false);
    flushPage(cpu, ITLB_NUMBER_EL2, va, false);
  }
}

/** ASID in bits 63..48 of the operand of a TLBI; 8 bits when TCR_EL1.AS says so. */
export function asidOfOperand(operand: i64): i32 {
  const wide = ((load<i64>(TCR_EL1) >> 36) & 1) != 0;
  return <i32>(operand >>> 48) & (wide ? 0xffff : 0xff);
}

/** Bits 55..12 of a VA from the operand of a TLBI by VA, sign-extended. */
export function vaOfOperand(operand: i64): i64 {
  return (operand << 20) >> 8;
}

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

@inline
function largeWord(fact: usize, va: i64): usize {
  return fact + FACT_LARGE + ((<usize>(va >>> 27) & 1) << 3);
}

@inline
function largeBit(va: i64): i64 {
  return (va >>> 21) & 63;
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
  if (load<i32>(WATCHPOINT_COUNT) != 0 && isWatched(pa)) return;
  const tag = va & ~0xfff;
  const slot = <i32>(va >>> 12) & (TLB_ENTRIES - 1);
  const offset = <i32>(pa - load<i64>(RAM_BASE));
  store<i32>(entry + TLB_ADDEND, offset + RAM_HOST - <i32>tag);
  store<i64>(entry + TLB_READ_TAG, (page & TLB_FLAG_READ) != 0 ? tag : noTag(slot));
  const writable = (page & TLB_FLAG_WRITE) != 0 && load<i32>(<usize>PAGE_MAP + (<usize>(<u32>offset >>> 12) << 2)) == 0;
  store<i64>(entry + TLB_WRITE_TAG, writable ? tag : noTag(slot));
}

function isWatched(pa: i64): bool {
  const last = pa | 0xfff;
  for (let i = 0; i < load<i32>(WATCHPOINT_COUNT); i++) {
    const range = <usize>WATCHPOINTS + (<usize>i << 5);
    if (load<i64>(range) <= last && load<i64>(range + 8) >= pa) return true;
  }
  return false;
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
