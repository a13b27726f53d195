// A hash of memory for comparing machine states. Not cryptographic: two runs of one
// configuration are compared, nobody forges a state.

import { HASH } from "../memory/layout";

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
