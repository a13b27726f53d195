// A hash of memory for comparing machine states. Not cryptographic: two runs of one
// configuration are compared, nobody forges a state.

import {
  CPU_COUNT,
  HASH,
  ITLB_SIZE,
  ITLB_SLOW,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_FACTS_SIZE,
  TLB_KEY,
  TLB_PAGE,
  TLB_STAGE2_SIZE,
} from "../memory/layout";
import { facts, isEmpty, isInstructionTlb, TLB_COUNT, tlbAddress } from "../mmu/tlb-storage.as";

const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;

/** Mixes `length` bytes (a multiple of 8) at a host address into the 128 bits at HASH. */
export function hashMemory(address: usize, length: u32): void {
  let a = load<u64>(HASH);
  let b = load<u64>(HASH + 8);
  const end = address + length;
  for (let at = address; at < end; at += 8) {
    const word = load<u64>(at);
    a = rotl<u64>(a ^ (word * P2), 31) * P1;
    b = rotl<u64>(b + word, 27) * P2 + a;
  }
  store<u64>(HASH, a);
  store<u64>(HASH + 8, b);
}

/** Mixes in what the TLBs of all CPUs hold, which a guest can see; not the tags of generated code. */
export function hashTlbs(): void {
  for (let cpu = 0; cpu < load<i32>(CPU_COUNT); cpu++) {
    hashMemory(facts(cpu), TLB_FACTS_SIZE + TLB_STAGE2_SIZE);
    for (let n = 0; n < TLB_COUNT; n++) {
      if (isEmpty(cpu, n)) continue;
      const base = tlbAddress(cpu, n);
      if (isInstructionTlb(n)) {
        hashMemory(base + ITLB_SLOW, ITLB_SIZE);
        continue;
      }
      for (let slot = 0; slot < TLB_ENTRIES; slot++) {
        const entry = base + <usize>(slot * TLB_ENTRY_SIZE);
        mix(load<u32>(entry + TLB_KEY));
        mix(load<u64>(entry + TLB_PAGE));
      }
    }
  }
}

function mix(word: u64): void {
  const a = rotl<u64>(load<u64>(HASH) ^ (word * P2), 31) * P1;
  store<u64>(HASH, a);
  store<u64>(HASH + 8, rotl<u64>(load<u64>(HASH + 8) + word, 27) * P2 + a);
}
