// Translation table walks of the VMSAv8-64: stage 1 of EL1&0 and EL2, stage 2, and both.
// DDI 0487, AArch64.TranslateAddress() and below. Hardware update of the access flag and of
// dirty state is off; the contiguous bit is a hint and ignored.

import {
  COUNT_STAGE1_WALKS,
  COUNT_STAGE2_WALKS,
  CPU_INDEX,
  FEATURES,
  FEATURE_EL2,
  FEATURE_VMID16,
  HCR_EL2,
  MAIR_EL1,
  MAIR_EL2,
  PA_BITS,
  RAM_BASE,
  RAM_HOST,
  RAM_SIZE,
  SCTLR_EL1,
  SCTLR_EL2,
  TCR_EL1,
  TCR_EL2,
  TLB_AREA,
  TLB_CPU_STRIDE,
  TLB_STAGE2,
  TLB_STAGE2_ENTRIES,
  TLB_STAGE2_SIZE,
  TTBR0_EL1,
  TTBR0_EL2,
  TTBR1_EL1,
  VTCR_EL2,
  VTTBR_EL2,
} from '../memory/layout';
import { count } from '../memory/count.as';
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  FAULT_ACCESS_FLAG,
  FAULT_ADDRESS_SIZE,
  FAULT_EXTERNAL_ON_WALK,
  FAULT_PERMISSION,
  FAULT_TRANSLATION,
  clearFault,
  stage1Fault,
  stage2Fault,
} from './fault.as';

// The translation, valid after translate() returned true.
export let outPa: i64 = 0;
/** ACCESS_* that are allowed. */
export let outPermissions: i32 = 0;
/** As a byte of MAIR: 0x0? is Device. */
export let outAttributes: i32 = 0;
/** 0 none, 2 outer, 3 inner. */
export let outShareability: i32 = 0;
/** log2 of the size of the stage 1 page or block. */
export let outSizeLog2: i32 = 0;
export let outGlobal: i32 = 0;

// What walkTables() found: the last descriptor, its level, and what the tables before it restrict.
let leaf: i64 = 0;
let leafLevel: i32 = 0;
let leafShift: i32 = 0;
let tableAttributes: i32 = 0;

// The access that is being translated, for its faults.
let accessVa: i64 = 0;
let accessKind: i32 = 0;

const HCR_VM: i64 = 1 << 0;
const HCR_PTW: i64 = 1 << 2;
const HCR_DC: i64 = 1 << 12;
const HCR_TGE: i64 = 1 << 27;

const SCTLR_M: i64 = 1 << 0;
const SCTLR_I: i64 = 1 << 12;
const SCTLR_WXN: i64 = 1 << 19;
const SCTLR_EE: i64 = 1 << 25;

const TABLE_PXN: i32 = 1;
const TABLE_XN: i32 = 2;
const TABLE_NO_EL0: i32 = 4;
const TABLE_READ_ONLY: i32 = 8;

/** HCR_EL2 as it acts: all zero without EL2. */
@inline
export function hcr(): i64 {
  return load<i32>(FEATURES) & FEATURE_EL2 ? load<i64>(HCR_EL2) : 0;
}

export function stage2Enabled(): bool {
  const h = hcr();
  return (h & HCR_TGE) == 0 && (h & (HCR_VM | HCR_DC)) != 0;
}

/** Whether stage 1 of the regime of this EL is on. HCR_EL2.DC and TGE turn that of EL1&0 off. */
export function stage1Enabled(el: i32): bool {
  if (el == 2) return (load<i64>(SCTLR_EL2) & SCTLR_M) != 0;
  if ((hcr() & (HCR_DC | HCR_TGE)) != 0) return false;
  return (load<i64>(SCTLR_EL1) & SCTLR_M) != 0;
}

/** Whether the top byte of the address is ignored. */
export function topByteIgnored(va: i64, el: i32): bool {
  if (el == 2) return ((load<i64>(TCR_EL2) >> 20) & 1) != 0;
  return ((load<i64>(TCR_EL1) >> (37 + ((va >> 55) & 1))) & 1) != 0;
}

/** Translates for an access of this kind at this EL. On false, see `fault.as.ts`. */
export function translate(va: i64, el: i32, pan: i32, access: i32): bool {
  clearFault();
  accessVa = va;
  accessKind = access;
  if (!stage1(va, el, pan)) return false;
  if (el == 2 || !stage2Enabled()) return true;
  return stage2AfterStage1();
}

/** Stage 1 alone; the accesses to its tables go through stage 2. For AT S1E*. */
export function translateStage1(va: i64, el: i32, pan: i32, access: i32): bool {
  clearFault();
  accessVa = va;
  accessKind = access;
  return stage1(va, el, pan);
}

function stage1(va: i64, el: i32, pan: i32): bool {
  if (!stage1Enabled(el)) return flat(va, el);
  return el == 2 ? stage1El2(va) : stage1El10(va, el, pan);
}

/** The MMU is off: AArch64.TranslateAddressS1Off(). */
function flat(va: i64, el: i32): bool {
  const top: i64 = topByteIgnored(va, el) ? 55 : 63;
  const paBits = load<i64>(PA_BITS);
  const upper = ((va << (63 - top)) as u64) >> (63 - top + paBits);
  if (upper != 0) {
    stage1Fault(FAULT_ADDRESS_SIZE, va, accessKind == ACCESS_WRITE ? 1 : 0);
    return false;
  }
  outPa = va & ((<i64>1 << paBits) - 1);
  outPermissions = ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE;
  outShareability = 2;
  outSizeLog2 = 12;
  outGlobal = 1;
  const sctlr = load<i64>(el == 2 ? SCTLR_EL2 : SCTLR_EL1);
  if (el < 2 && (hcr() & HCR_DC) != 0) {
    outAttributes = 0xff;
    outShareability = 0;
  } else if (accessKind == ACCESS_EXECUTE) {
    outAttributes = (sctlr & SCTLR_I) != 0 ? 0xaa : 0x44;
  } else {
    outAttributes = 0;
  }
  return true;
}

function stage1El10(va: i64, el: i32, pan: i32): bool {
  const tcr = load<i64>(TCR_EL1);
  const upper = (va & ((<i64>1) << 55)) != 0;
  const granule = upper ? granuleOfTg1(<i32>((tcr >> 30) & 3)) : granuleOfTg0(<i32>((tcr >> 14) & 3));
  const inputBits = 64 - clampSize(<i32>((upper ? tcr >> 16 : tcr) & 63));
  const disabled = ((tcr >> (upper ? 23 : 7)) & 1) != 0;
  // Bits from the input size up to bit 55 (with TBI) or 63 must equal bit 55.
  const checked = ((tcr >> (upper ? 38 : 37)) & 1) != 0 ? (va << 8) >> 8 : va;
  if (disabled || checked >> inputBits != (upper ? <i64>-1 : 0)) return fail1(FAULT_TRANSLATION, 0);

  const outputBits = outputSize(<i32>((tcr >> 32) & 7));
  const bigEndian = (load<i64>(SCTLR_EL1) & SCTLR_EE) != 0;
  const ttbr = load<i64>(upper ? TTBR1_EL1 : TTBR0_EL1);
  const level = 4 - (inputBits - 4) / (granule - 3);
  const input = va & ((<i64>1 << inputBits) - 1);
  if (!walkTables(1, ttbr, level, granule, input, inputBits, outputBits, bigEndian)) return false;

  const apReadOnly = ((leaf >> 7) & 1) != 0 || (tableAttributes & TABLE_READ_ONLY) != 0;
  const apEl0 = ((leaf >> 6) & 1) != 0 && (tableAttributes & TABLE_NO_EL0) == 0;
  const uxn = ((leaf >> 54) & 1) != 0 || (tableAttributes & TABLE_XN) != 0;
  const pxn = ((leaf >> 53) & 1) != 0 || (tableAttributes & TABLE_PXN) != 0;
  const wxn = (load<i64>(SCTLR_EL1) & SCTLR_WXN) != 0;
  let permissions = 0;
  if (el == 0) {
    if (apEl0) permissions = apReadOnly ? ACCESS_READ : ACCESS_READ | ACCESS_WRITE;
    if (!uxn && !(wxn && apEl0 && !apReadOnly)) permissions |= ACCESS_EXECUTE;
  } else {
    if (!(pan != 0 && apEl0)) permissions = apReadOnly ? ACCESS_READ : ACCESS_READ | ACCESS_WRITE;
    // What EL0 may write, EL1 may not execute.
    if (!pxn && !(wxn && !apReadOnly) && !(apEl0 && !apReadOnly)) permissions |= ACCESS_EXECUTE;
  }
  outGlobal = ((leaf >> 11) & 1) != 0 ? 0 : 1;
  return finish1(permissions, load<i64>(MAIR_EL1));
}

function stage1El2(va: i64): bool {
  const tcr = load<i64>(TCR_EL2);
  const granule = granuleOfTg0(<i32>((tcr >> 14) & 3));
  const inputBits = 64 - clampSize(<i32>(tcr & 63));
  const checked = ((tcr >> 20) & 1) != 0 ? (va << 8) >>> 8 : va;
  if (checked >>> inputBits != 0) return fail1(FAULT_TRANSLATION, 0);

  const outputBits = outputSize(<i32>((tcr >> 16) & 7));
  const sctlr = load<i64>(SCTLR_EL2);
  const level = 4 - (inputBits - 4) / (granule - 3);
  const input = va & ((<i64>1 << inputBits) - 1);
  if (!walkTables(0, load<i64>(TTBR0_EL2), level, granule, input, inputBits, outputBits, (sctlr & SCTLR_EE) != 0)) {
    return false;
  }

  const readOnly = ((leaf >> 7) & 1) != 0 || (tableAttributes & TABLE_READ_ONLY) != 0;
  const xn = ((leaf >> 54) & 1) != 0 || (tableAttributes & TABLE_XN) != 0;
  let permissions = readOnly ? ACCESS_READ : ACCESS_READ | ACCESS_WRITE;
  if (!xn && !((sctlr & SCTLR_WXN) != 0 && !readOnly)) permissions |= ACCESS_EXECUTE;
  outGlobal = 1;
  return finish1(permissions, load<i64>(MAIR_EL2));
}

/** The access flag comes before permissions: a page with both wrong reports the access flag. */
function finish1(permissions: i32, mair: i64): bool {
  if (((leaf >> 10) & 1) == 0) return fail1(FAULT_ACCESS_FLAG, leafLevel);
  if ((permissions & accessKind) == 0) return fail1(FAULT_PERMISSION, leafLevel);
  outPermissions = permissions;
  outAttributes = <i32>((mair >> (((leaf >> 2) & 7) * 8)) & 0xff);
  outShareability = isDevice(outAttributes) || outAttributes == 0x44 ? 2 : <i32>((leaf >> 8) & 3);
  outSizeLog2 = leafShift;
  return true;
}

@inline
export function isDevice(attributes: i32): bool {
  return (attributes & 0xf0) == 0;
}

/** Takes outPa as IPA through stage 2, and combines permissions and attributes. */
function stage2AfterStage1(): bool {
  const permissions = outPermissions;
  const attributes = outAttributes;
  const shareability = outShareability;
  const sizeLog2 = outSizeLog2;
  const global = outGlobal;
  if (!stage2(outPa, accessKind, 0)) return false;
  outPermissions &= permissions;
  outSizeLog2 = sizeLog2;
  outGlobal = global;
  combineAttributes(attributes, shareability);
  return true;
}

/** S2CombineS1AttrHints() and its like: the weaker of both stages. */
function combineAttributes(attributes1: i32, shareability1: i32): void {
  const attributes2 = outAttributes;
  if (isDevice(attributes1) || isDevice(attributes2)) {
    if (isDevice(attributes1) && isDevice(attributes2)) {
      outAttributes = min(attributes1 & 0xc, attributes2 & 0xc);
    } else {
      outAttributes = isDevice(attributes1) ? attributes1 : attributes2;
    }
    outShareability = 2;
    return;
  }
  outAttributes =
    (combineCacheability(attributes1 >> 4, attributes2 >> 4) << 4) |
    combineCacheability(attributes1 & 15, attributes2 & 15);
  if (outAttributes == 0x44 || shareability1 == 2 || outShareability == 2) outShareability = 2;
  else if (shareability1 == 3 || outShareability == 3) outShareability = 3;
  else outShareability = 0;
}

/** Nibbles as in MAIR: 4 non-cacheable, 8..11 (and 0..3) write-through, 12..15 (and 5..7) write-back. */
function combineCacheability(nibble1: i32, nibble2: i32): i32 {
  if (nibble1 == 4 || nibble2 == 4) return 4;
  if ((nibble1 & 4) == 0 || (nibble2 & 4) == 0) return 8 | (nibble1 & 3);
  return 12 | (nibble1 & 3);
}

/**
 * Whether translations may be kept in the stage 2 TLB: only those of instructions are, since what it
 * holds is machine state, and a debugger's look must not change it.
 */
let keeping: bool = false;

export function keepTranslations(keep: bool): void {
  keeping = keep;
}

export function currentVmid(): i32 {
  const wide = (load<i32>(FEATURES) & FEATURE_VMID16) != 0 && ((load<i64>(VTCR_EL2) >> 19) & 1) != 0;
  return <i32>(load<i64>(VTTBR_EL2) >>> 48) & (wide ? 0xffff : 0xff);
}

@inline
function stage2Entries(cpu: i32): usize {
  return <usize>TLB_AREA + <usize>cpu * TLB_CPU_STRIDE + TLB_STAGE2;
}

/** Empties the stage 2 TLB of a CPU. */
export function flushStage2(cpu: i32): void {
  memory.fill(stage2Entries(cpu), 0, TLB_STAGE2_SIZE);
}

/** Sets outPa, outPermissions, outAttributes and outShareability from stage 2 alone. */
function stage2(ipa: i64, access: i32, onWalk: i32): bool {
  const tag = (<i64>currentVmid() << 48) | (ipa & 0xffff_ffff_f000) | 1;
  const slot = <usize>(ipa >>> 12) & (TLB_STAGE2_ENTRIES - 1);
  const entry = stage2Entries(load<i32>(CPU_INDEX)) + (slot << 4);
  const value = load<i64>(entry + 8);
  if (load<i64>(entry) == tag && (<i32>value & access) != 0) {
    outPa = (value & 0xffff_ffff_f000) | (ipa & 0xfff);
    outPermissions = <i32>value & 7;
    outShareability = <i32>(value >> 3) & 3;
    outAttributes = <i32>(value >>> 48);
    // What is refused because of its memory type is found by the walk.
    if (onWalk == 0 || !isDevice(outAttributes)) return true;
  }
  if (!walkStage2(ipa, access, onWalk)) return false;
  if (keeping) {
    store<i64>(entry, tag);
    const page = outPa & 0xffff_ffff_f000;
    store<i64>(entry + 8, (<i64>outAttributes << 48) | page | <i64>((outShareability << 3) | outPermissions));
  }
  return true;
}

function walkStage2(ipa: i64, access: i32, onWalk: i32): bool {
  const vtcr = load<i64>(VTCR_EL2);
  const granule = granuleOfTg0(<i32>((vtcr >> 14) & 3));
  const stride = granule - 3;
  const inputBits = 64 - clampSize(<i32>(vtcr & 63));
  if (ipa >>> inputBits != 0) return fail2(FAULT_TRANSLATION, 0, ipa, onWalk);

  const sl0 = <i32>((vtcr >> 6) & 3);
  const level = granule == 12 ? 2 - sl0 : 3 - sl0;
  // Up to 16 concatenated tables at the first level; anything else is a wrong VTCR_EL2.
  const firstBits = inputBits - ((3 - level) * stride + granule);
  if (sl0 == 3 || firstBits < 1 || firstBits > stride + 4) return fail2(FAULT_TRANSLATION, 0, ipa, onWalk);

  const outputBits = outputSize(<i32>((vtcr >> 16) & 7));
  const bigEndian = (load<i64>(SCTLR_EL2) & SCTLR_EE) != 0;
  const saved = accessKind;
  const found = walkTables(2 + onWalk, load<i64>(VTTBR_EL2), level, granule, ipa, inputBits, outputBits, bigEndian);
  if (!found) return false;
  if (((leaf >> 10) & 1) == 0) return fail2(FAULT_ACCESS_FLAG, leafLevel, ipa, onWalk);

  let permissions = <i32>((leaf >> 6) & 3);
  if (((leaf >> 54) & 1) == 0) permissions |= ACCESS_EXECUTE;
  const attributes = stage2Attributes(<i32>((leaf >> 2) & 15));
  // HCR_EL2.PTW: a stage 1 table in Device memory is most likely a mistake of the guest.
  const deviceWalk = onWalk != 0 && isDevice(attributes) && (hcr() & HCR_PTW) != 0;
  if ((permissions & access) == 0 || deviceWalk) {
    // A walk only reads, whatever the access it serves.
    if (onWalk) accessKind = ACCESS_READ;
    fail2(FAULT_PERMISSION, leafLevel, ipa, onWalk);
    accessKind = saved;
    return false;
  }
  outPermissions = permissions;
  outAttributes = attributes;
  outShareability = isDevice(attributes) || attributes == 0x44 ? 2 : <i32>((leaf >> 8) & 3);
  return true;
}

/** MemAttr[3:0] of a stage 2 descriptor as a byte of MAIR. */
function stage2Attributes(memAttr: i32): i32 {
  if (memAttr >> 2 == 0) return (memAttr & 3) << 2;
  return (stage2Cacheability(memAttr >> 2) << 4) | stage2Cacheability(memAttr & 3);
}

function stage2Cacheability(bits: i32): i32 {
  if (bits == 1) return 4;
  return bits == 2 ? 11 : 15;
}

// Kinds of walk: 0 stage 1 of EL2, 1 stage 1 of EL1&0, 2 stage 2, 3 stage 2 for a stage 1 table.
function walkTables(
  kind: i32,
  ttbr: i64,
  firstLevel: i32,
  granule: i32,
  input: i64,
  inputBits: i32,
  outputBits: i32,
  bigEndian: bool,
): bool {
  count(kind < 2 ? COUNT_STAGE1_WALKS : COUNT_STAGE2_WALKS);
  const stride = granule - 3;
  const nested = kind == 1 && stage2Enabled();
  let level = firstLevel;
  let shift = (3 - level) * stride + granule;
  const firstIndexBits = inputBits - shift;
  const base = ttbr & 0xffff_ffff_fffe;
  if (base >>> outputBits != 0) return failWalk(kind, FAULT_ADDRESS_SIZE, 0, input);

  let table = base & (<i64>-1 << (3 + firstIndexBits));
  let index = input >> shift;
  let restrictions = 0;
  while (true) {
    let address = table | (index << 3);
    if (nested) {
      if (!stage2(address, ACCESS_READ, 1)) return false;
      address = outPa;
    }
    if (!isRam(address)) return failWalk(kind, FAULT_EXTERNAL_ON_WALK, level, input);
    let descriptor = load<i64>(hostOf(address));
    if (bigEndian) descriptor = bswap<i64>(descriptor);

    if ((descriptor & 1) == 0) return failWalk(kind, FAULT_TRANSLATION, level, input);
    const isTable = (descriptor & 2) != 0;
    const isPage = level == 3;
    // Blocks stand at levels 1 and 2 for 4K, at level 2 for 16K and 64K; level 3 has no blocks.
    if (!isTable && (isPage || level < (granule == 12 ? 1 : 2))) {
      return failWalk(kind, FAULT_TRANSLATION, level, input);
    }
    const output = descriptor & 0xffff_ffff_f000 & (<i64>-1 << granule);
    if (output >>> outputBits != 0) return failWalk(kind, FAULT_ADDRESS_SIZE, level, input);
    if (isPage || !isTable) {
      const mask = (<i64>1 << shift) - 1;
      outPa = (output & ~mask) | (input & mask);
      leaf = descriptor;
      leafLevel = level;
      leafShift = shift;
      tableAttributes = restrictions;
      return true;
    }
    if (kind < 2) restrictions |= <i32>((descriptor >>> 59) & 15);
    table = output;
    level += 1;
    shift -= stride;
    index = (input >> shift) & ((1 << stride) - 1);
  }
}

function failWalk(kind: i32, status: i32, level: i32, input: i64): bool {
  return kind < 2 ? fail1(status, level) : fail2(status, level, input, kind - 2);
}

function fail1(status: i32, level: i32): bool {
  stage1Fault(status + level, accessVa, accessKind == ACCESS_WRITE ? 1 : 0);
  return false;
}

function fail2(status: i32, level: i32, ipa: i64, onWalk: i32): bool {
  stage2Fault(status + level, accessVa, accessKind == ACCESS_WRITE ? 1 : 0, ipa, onWalk);
  return false;
}

@inline
export function isRam(pa: i64): bool {
  return <u64>(pa - load<i64>(RAM_BASE)) < load<u64>(RAM_SIZE);
}

/** Host address of a byte of RAM. */
@inline
export function hostOf(pa: i64): usize {
  return <usize>(pa - load<i64>(RAM_BASE)) + <usize>RAM_HOST;
}

/** TxSZ out of range acts as the nearest value in range. */
function clampSize(txsz: i32): i32 {
  return min(max(txsz, 16), 39);
}

/** log2 of the granule. The reserved value acts as 4K. */
function granuleOfTg0(tg: i32): i32 {
  return tg == 1 ? 16 : tg == 2 ? 14 : 12;
}

function granuleOfTg1(tg: i32): i32 {
  return tg == 3 ? 16 : tg == 1 ? 14 : 12;
}

/** Bits of the output address: the encoding of IPS and PS, but no more than the CPU has. */
function outputSize(encoding: i32): i32 {
  let bits = 48;
  if (encoding == 0) bits = 32;
  else if (encoding == 1) bits = 36;
  else if (encoding == 2) bits = 40;
  else if (encoding == 3) bits = 42;
  else if (encoding == 4) bits = 44;
  return min(bits, <i32>load<i64>(PA_BITS));
}
