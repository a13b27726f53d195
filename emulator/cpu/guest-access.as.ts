// The loads and stores of instructions, off the fast path: the access, or the abort.

import {
  EXCLUSIVE_HIGH,
  EXCLUSIVE_LOW,
  EXCLUSIVE_PA,
  EXCLUSIVE_SIZE,
  EXCLUSIVE_VALID,
  PSTATE_EL,
  PSTATE_OTHER,
  PSTATE_PAN_BIT,
  RAM_BASE,
  RAM_HOST,
  TLB_READ_TAG,
  TLB_WRITE_TAG,
} from '../memory/layout';
import {
  checkRange,
  dataIsRam,
  dataPa,
  fastHost,
  readData,
  readDataV,
  readElements,
  translateData,
  writeData,
  writeDataV,
  writeElements,
} from '../mmu/access.as';
import {
  ACCESS_READ,
  ACCESS_WRITE,
  FAULT_ALIGNMENT,
  FAULT_UNSUPPORTED_EXCLUSIVE,
  faulted,
  stage1Fault,
} from '../mmu/fault.as';
import { hostOf } from '../mmu/walk.as';
import { dataAbort, stackFault } from './aborts.as';
import { UAO_BIT, dataTlb, dataTlbUnprivileged } from './pstate.as';

@inline
function el(): i32 {
  return load<i32>(PSTATE_EL);
}

@inline
function pan(): i32 {
  return load<i32>(PSTATE_OTHER) & PSTATE_PAN_BIT;
}

/** The EL whose permissions LDTR and STTR have: EL0, for EL1 without UAO. */
@inline
function elUnprivileged(): i32 {
  const level = load<i32>(PSTATE_EL);
  return level == 1 && (load<i32>(PSTATE_OTHER) & UAO_BIT) == 0 ? 0 : level;
}

export function loadSlow(va: i64, size: i32): i64 {
  if (stackFault()) return 0;
  const value = readData(va, size, dataTlb(), el(), pan());
  if (faulted) dataAbort();
  return value;
}

export function storeSlow(va: i64, size: i32, value: i64): void {
  if (stackFault()) return;
  writeData(va, size, value, dataTlb(), el(), pan());
  if (faulted) dataAbort();
}

export function loadSlowUnprivileged(va: i64, size: i32): i64 {
  if (stackFault()) return 0;
  const value = readData(va, size, dataTlbUnprivileged(), elUnprivileged(), pan());
  if (faulted) dataAbort();
  return value;
}

export function storeSlowUnprivileged(va: i64, size: i32, value: i64): void {
  if (stackFault()) return;
  writeData(va, size, value, dataTlbUnprivileged(), elUnprivileged(), pan());
  if (faulted) dataAbort();
}

/** 16 bytes: one value, or elements of that many bytes, of which each has its alignment and byte order. */
export function loadSlowV(va: i64, out: i32, element: i32): void {
  if (stackFault()) return;
  readDataV(va, <usize>out, element, dataTlb(), el(), pan());
  if (faulted) dataAbort();
}

export function storeSlowV(va: i64, from: i32, element: i32): void {
  if (stackFault()) return;
  writeDataV(va, <usize>from, element, dataTlb(), el(), pan());
  if (faulted) dataAbort();
}

/** Eight bytes of elements. */
export function loadSlowElements(va: i64, element: i32): i64 {
  if (stackFault()) return 0;
  const value = readElements(va, element, dataTlb(), el(), pan());
  if (faulted) dataAbort();
  return value;
}

export function storeSlowElements(va: i64, element: i32, value: i64): void {
  if (stackFault()) return;
  writeElements(va, element, value, dataTlb(), el(), pan());
  if (faulted) dataAbort();
}

/** 1, with the exception taken, when not all of up to 64 bytes can be read. */
export function prepareRead(va: i64, size: i32): i32 {
  if (stackFault()) return 1;
  if (checkRange(va, size, dataTlb(), el(), pan(), ACCESS_READ)) return 0;
  dataAbort();
  return 1;
}

export function prepareWrite(va: i64, size: i32): i32 {
  if (stackFault()) return 1;
  if (checkRange(va, size, dataTlb(), el(), pan(), ACCESS_WRITE)) return 0;
  dataAbort();
  return 1;
}

export function alignmentFault(va: i64, write: i32): void {
  stage1Fault(FAULT_ALIGNMENT, va, write);
  dataAbort();
}

/** Ordered, exclusive and atomic accesses fault when not aligned, whatever SCTLR.A says. */
export function requireAligned(va: i64, size: i32, write: i32): i32 {
  if (stackFault()) return 1;
  if ((va & <i64>(size - 1)) == 0) return 0;
  alignmentFault(va, write);
  return 1;
}

// ---------------------------------------------------------------- exclusives
//
// The monitor holds the PA, the size and the value that was loaded. A store-exclusive succeeds
// when memory still holds that value. Deviation: another CPU's store of the same value, or of
// another and back, goes unnoticed; what the architecture promises to lock-free algorithms holds
// for compare-and-swap and so for them.

export function loadExclusive(va: i64, size: i32): i64 {
  if ((va & <i64>(size - 1)) == 0) {
    const host = fastHost(va, size, TLB_READ_TAG);
    if (host != 0) {
      const quick = loadHost(host, size);
      monitor(size, paOfHost(host), quick, 0);
      return quick;
    }
  }
  if (stackFault()) return 0;
  if (!openExclusive(va, size)) return 0;
  const value = readData(va, size, dataTlb(), el(), pan());
  if (faulted) {
    dataAbort();
    return 0;
  }
  closeExclusive(size, value, 0);
  return value;
}

/** Two of 4 bytes (size 8) or two of 8 bytes (size 16): the bytes are in EXCLUSIVE_LOW and EXCLUSIVE_HIGH. */
export function loadExclusivePair(va: i64, size: i32): void {
  if (stackFault()) return;
  if (!openExclusive(va, size)) return;
  const low = readData(va, 8, dataTlb(), el(), pan());
  const high = size == 16 && !faulted ? readData(va + 8, 8, dataTlb(), el(), pan()) : 0;
  if (faulted) return dataAbort();
  closeExclusive(size, low, high);
}

/** Alignment, translation, and that it is memory: MMIO knows no exclusives. */
function openExclusive(va: i64, size: i32): bool {
  store<i32>(EXCLUSIVE_VALID, 0);
  if (requireAligned(va, size, 0)) return false;
  if (!translateData(va, dataTlb(), el(), pan(), ACCESS_READ, 1)) {
    dataAbort();
    return false;
  }
  if (!dataIsRam) {
    stage1Fault(FAULT_UNSUPPORTED_EXCLUSIVE, va, 0);
    dataAbort();
    return false;
  }
  return true;
}

function closeExclusive(size: i32, low: i64, high: i64): void {
  monitor(size, dataPa & ~<i64>(size - 1), low, high);
}

@inline
function monitor(size: i32, pa: i64, low: i64, high: i64): void {
  store<i32>(EXCLUSIVE_VALID, 1);
  store<i32>(EXCLUSIVE_SIZE, size);
  store<i64>(EXCLUSIVE_PA, pa);
  store<i64>(EXCLUSIVE_LOW, low);
  store<i64>(EXCLUSIVE_HIGH, high);
}

/** Answers the status: 0 stored, 1 not. After a fault the status is meaningless. */
export function storeExclusive(va: i64, size: i32, value: i64): i32 {
  const host = fastHost(va, size, TLB_WRITE_TAG);
  if (host != 0 && (va & <i64>(size - 1)) == 0) {
    const valid = load<i32>(EXCLUSIVE_VALID);
    store<i32>(EXCLUSIVE_VALID, 0);
    if (valid == 0 || load<i32>(EXCLUSIVE_SIZE) != size || load<i64>(EXCLUSIVE_PA) != paOfHost(host)) return 1;
    if (loadHost(host, size) != load<i64>(EXCLUSIVE_LOW)) return 1;
    storeHost(host, size, value);
    return 0;
  }
  if (stackFault()) return 1;
  if (!checkExclusive(va, size)) return 1;
  if (readPaQuietly(size) != load<i64>(EXCLUSIVE_LOW)) return 1;
  writeData(va, size, value, dataTlb(), el(), pan());
  return 0;
}

export function storeExclusivePair(va: i64, size: i32, low: i64, high: i64): i32 {
  if (stackFault()) return 1;
  if (!checkExclusive(va, size)) return 1;
  const pa = dataPa;
  if (load<i64>(hostOf(pa)) != load<i64>(EXCLUSIVE_LOW)) return 1;
  if (size == 16 && load<i64>(hostOf(pa) + 8) != load<i64>(EXCLUSIVE_HIGH)) return 1;
  writeData(va, 8, low, dataTlb(), el(), pan());
  if (size == 16) writeData(va + 8, 8, high, dataTlb(), el(), pan());
  return 0;
}

/**
 * Alignment first, then the monitor, and only when that passes the translation: a failing
 * store-exclusive does not abort (the order is IMPLEMENTATION DEFINED). The monitor is open after.
 */
function checkExclusive(va: i64, size: i32): bool {
  const valid = load<i32>(EXCLUSIVE_VALID);
  store<i32>(EXCLUSIVE_VALID, 0);
  if (requireAligned(va, size, 1)) return false;
  if (valid == 0 || load<i32>(EXCLUSIVE_SIZE) != size) return false;
  if (!translateData(va, dataTlb(), el(), pan(), ACCESS_WRITE, 1)) {
    dataAbort();
    return false;
  }
  return dataIsRam != 0 && dataPa == load<i64>(EXCLUSIVE_PA);
}

function readPaQuietly(size: i32): i64 {
  return loadHost(hostOf(dataPa), size);
}

@inline
export function loadHost(host: usize, size: i32): i64 {
  if (size == 8) return load<i64>(host);
  if (size == 4) return load<u32>(host);
  return size == 2 ? load<u16>(host) : load<u8>(host);
}

@inline
function storeHost(host: usize, size: i32, value: i64): void {
  if (size == 8) store<i64>(host, value);
  else if (size == 4) store<i32>(host, <i32>value);
  else if (size == 2) store<i16>(host, <i16>value);
  else store<i8>(host, <i8>value);
}

@inline
function paOfHost(host: usize): i64 {
  return <i64>(host - RAM_HOST) + load<i64>(RAM_BASE);
}

export function clearExclusive(): void {
  store<i32>(EXCLUSIVE_VALID, 0);
}
