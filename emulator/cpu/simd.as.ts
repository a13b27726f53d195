// Integer AdvSIMD operations that WebAssembly has no lanes for: shifts by a vector of amounts,
// and the sticky saturation flag.

import { FPSR } from '../memory/layout';

/** FPSR.QC. */
const QC: u32 = 1 << 27;

export function setSaturated(): void {
  store<u32>(FPSR, load<u32>(FPSR) | QC);
}

// The bits of `kind` in shiftLanes().
const UNSIGNED = 1;
const ROUNDED = 2;
const SATURATING = 4;

const lanes: usize = memory.data(16, 16);
const shifts: usize = memory.data(16, 16);

/**
 * SSHL, USHL and their rounding and saturating forms: each of the first `bytes` bytes' lanes is
 * shifted left by the signed low byte of the lane of `amounts`, right if that is negative. Sets
 * FPSR.QC when a lane was saturated.
 */
export function shiftLanes(values: v128, amounts: v128, size: i32, bytes: i32, kind: i32): v128 {
  v128.store(lanes, values);
  v128.store(shifts, amounts);
  const width = 8 << size;
  for (let at: usize = 0; at < <usize>bytes; at += (<usize>1) << size) {
    const amount = <i32>load<i8>(shifts + at);
    const value = loadLane(lanes + at, size, kind);
    const result = amount < 0 ? shiftRight(value, -amount, kind) : shiftLeft(value, amount, width, kind);
    storeLane(lanes + at, size, result);
  }
  return v128.load(lanes);
}

/** A lane extended to 64 bits. */
function loadLane(address: usize, size: i32, kind: i32): i64 {
  if (kind & UNSIGNED) {
    if (size == 0) return load<u8>(address);
    if (size == 1) return load<u16>(address);
    if (size == 2) return load<u32>(address);
  } else {
    if (size == 0) return load<i8>(address);
    if (size == 1) return load<i16>(address);
    if (size == 2) return load<i32>(address);
  }
  return load<i64>(address);
}

function storeLane(address: usize, size: i32, value: i64): void {
  if (size == 0) store<u8>(address, <u8>value);
  else if (size == 1) store<u16>(address, <u16>value);
  else if (size == 2) store<u32>(address, <u32>value);
  else store<i64>(address, value);
}

/** Right by 1 to 128. Rounding adds the last bit shifted out. */
function shiftRight(value: i64, amount: i32, kind: i32): i64 {
  let almost: i64;
  if (kind & UNSIGNED) almost = amount > 64 ? 0 : <i64>(<u64>value >> (amount - 1));
  else almost = value >> min(amount - 1, 63);
  const shifted = kind & UNSIGNED ? <i64>(<u64>almost >> 1) : almost >> 1;
  return kind & ROUNDED ? shifted + (almost & 1) : shifted;
}

/** Left by 0 to 127. A lane narrower than 64 bits cannot lose bits of the i64 before `width` is reached. */
function shiftLeft(value: i64, amount: i32, width: i32, kind: i32): i64 {
  const lost = amount >= width;
  const shifted = lost ? 0 : value << amount;
  if (!(kind & SATURATING) || value == 0) return shifted;
  if (kind & UNSIGNED) {
    const most = <i64>(<u64>-1 >> (64 - width));
    if (!lost && <u64>shifted <= <u64>most && <i64>(<u64>shifted >> amount) == value) return shifted;
    setSaturated();
    return most;
  }
  const most = <i64>(<u64>i64.MAX_VALUE >> (64 - width));
  if (!lost && shifted <= most && shifted >= ~most && shifted >> amount == value) return shifted;
  setSaturated();
  return value < 0 ? ~most : most;
}
