// Where the TLBs of each CPU lie, and what is known about each: bookkeeping for tlb.as.ts and
// tlb-invalidation.as.ts.

import {
  ITLB_EL2,
  ITLB_PAGE,
  ITLB_RECORDS,
  ITLB_SIZE,
  ITLB_SLOW,
  ITLB_TAG,
  TLB_AREA,
  TLB_CONTEXT_ITLB,
  TLB_CONTEXT_SIZE,
  TLB_CPU_STRIDE,
  TLB_EL2,
  TLB_FACTS,
  TLB_KEY,
  TLB_PAGE,
  TLB_READ_TAG,
  TLB_SIZE,
  TLB_WRITE_TAG,
} from '../memory/layout';

// Facts about the TLBs of a CPU, at TLB_FACTS: i32 current context, i32 clock; then for each
// context {i64 key, i32 time of last use}; then for each TLB {128 bits: which 2M regions, by their
// number modulo 128, may hold parts of pages larger than 4K; i32 fills since it was last empty}.
export const FACT_CURRENT: usize = 0;
export const FACT_CLOCK: usize = 4;
export const FACT_CONTEXTS: usize = 8;
export const FACT_TIME: usize = 8;
export const FACT_TLBS: usize = 0x40;
export const TLB_FACTS_STRIDE: usize = 24;
export const FACT_LARGE: usize = 0;
export const FACT_FILLS: usize = 16;
// Keys are VMID << 16 | ASID, and bit 32 where stage 1 is off: a vCPU that has not turned its MMU
// on shares no entries with the others of its domain.
export const KEY_FLAT: i64 = 0x1_0000_0000;
export const NO_KEY: i64 = -1;

/** TLBs of a CPU: those of the contexts, then both of EL2. */
export const TLB_COUNT: i32 = 3 * 5 + 2;
/** TLBs of a context in order: data EL0, EL1, EL1 with PAN, instructions EL0, EL1. */
export const TLBS_PER_CONTEXT: i32 = 5;
export const TLB_NUMBER_EL2: i32 = 3 * 5;
export const ITLB_NUMBER_EL2: i32 = 3 * 5 + 1;

/** TLB_KEY of an entry that holds nothing. */
export const NEVER: i32 = -1;

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
export function tlbFacts(cpu: i32, n: i32): usize {
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

@inline
export function contextFacts(cpu: i32, context: i32): usize {
  return facts(cpu) + FACT_CONTEXTS + (<usize>context << 4);
}

@inline
export function contextKey(cpu: i32, context: i32): i64 {
  return load<i64>(contextFacts(cpu, context));
}

@inline
export function vmidKey(vmid: i32): i64 {
  return <i64>(<u32>(vmid << 16));
}

/** Whether a key is one of this VMID. */
@inline
export function hasVmid(key: i64, vmid: i32): bool {
  return (key & ~0x1_0000_ffff) == vmidKey(vmid);
}

/** A tag that no address of this slot matches: a page of another slot. */
@inline
export function noTag(slot: i32): i64 {
  return <i64>(slot ^ 1) << 12;
}

@inline
export function dropDataEntry(entry: usize, slot: i32): void {
  store<i64>(entry + TLB_READ_TAG, noTag(slot));
  store<i64>(entry + TLB_WRITE_TAG, noTag(slot));
  store<i32>(entry + TLB_KEY, NEVER);
  store<i64>(entry + TLB_PAGE, 0);
}

@inline
export function dropInstructionEntry(entry: usize, slot: i32): void {
  store<i64>(entry + ITLB_TAG, noTag(slot));
  store<i32>(entry + ITLB_RECORDS, 0);
  store<i64>(entry + ITLB_SLOW, noTag(slot));
  store<i64>(entry + ITLB_SLOW + ITLB_PAGE, 0);
}

@inline
export function largeWord(fact: usize, va: i64): usize {
  return fact + FACT_LARGE + ((<usize>(va >>> 27) & 1) << 3);
}

@inline
export function largeBit(va: i64): i64 {
  return (va >>> 21) & 63;
}
