// TLB invalidation by everything a TLBI can name, and the contexts of VMID and ASID.

import {
  COUNT_CONTEXTS,
  CPU_COUNT,
  CPU_INDEX,
  ITLB_ENTRIES,
  ITLB_ENTRY_SIZE,
  ITLB_PAGE,
  ITLB_SLOW,
  TCR_EL1,
  TLB_CONTEXTS,
  TLB_EMPTY,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_FACTS_SIZE,
  TLB_FLAG_GLOBAL,
  TLB_FLAG_SIZE_SHIFT,
  TLB_FLAG_VALID,
  TLB_KEY,
  TLB_PAGE,
  TTBR0_EL1,
  TTBR1_EL1,
} from '../memory/layout';
import { count } from '../memory/count.as';
import {
  FACT_CLOCK,
  FACT_CURRENT,
  FACT_FILLS,
  FACT_LARGE,
  FACT_TIME,
  ITLB_NUMBER_EL2,
  KEY_FLAT,
  NO_KEY,
  TLBS_PER_CONTEXT,
  TLB_NUMBER_EL2,
  contextFacts,
  contextKey,
  dropDataEntry,
  dropInstructionEntry,
  facts,
  hasVmid,
  isEmpty,
  isInstructionTlb,
  largeBit,
  largeWord,
  tlbAddress,
  tlbFacts,
  vmidKey,
} from './tlb-storage.as';
import {
  currentVmid,
  flushStage2,
  stage1Enabled,
} from './walk.as';

function emptyTlb(base: usize, instructions: bool): void {
  if (instructions) {
    for (let slot = 0; slot < ITLB_ENTRIES; slot++) dropInstructionEntry(base + <usize>(slot * ITLB_ENTRY_SIZE), slot);
  } else {
    for (let slot = 0; slot < TLB_ENTRIES; slot++) dropDataEntry(base + <usize>(slot * TLB_ENTRY_SIZE), slot);
  }
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

/** Empties the TLBs of every CPU. Must be called once before the first instruction. */
export function resetTlbs(): void {
  for (let slot = 0; slot < TLB_ENTRIES; slot++) dropDataEntry(TLB_EMPTY + <usize>(slot * TLB_ENTRY_SIZE), slot);
  for (let cpu = 0; cpu < load<i32>(CPU_COUNT); cpu++) {
    const f = facts(cpu);
    memory.fill(f, 0, TLB_FACTS_SIZE);
    for (let c = 0; c < TLB_CONTEXTS; c++) store<i64>(contextFacts(cpu, c), NO_KEY);
    for (let n = 0; n <= ITLB_NUMBER_EL2; n++) clearTlb(cpu, n);
    flushStage2(cpu);
  }
}

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
  store<i32>(contextFacts(cpu, current) + FACT_TIME, clock);
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
    count(COUNT_CONTEXTS);
    flushContext(cpu, found);
    store<i64>(contextFacts(cpu, found), key);
  }
  store<i32>(contextFacts(cpu, found) + FACT_TIME, clock);
  store<i32>(f + FACT_CURRENT, found);
  return found;
}
