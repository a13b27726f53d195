// Translates an address as the MMU would, in plain TypeScript, and keeps every step: which tables, which entries,
// what they say, and why it ends. It reads registers and memory and changes neither: no TLB is filled or asked. The
// rules are those of mmu/walk.as.ts (DDI 0487, AArch64.TranslateAddress()), and a test holds the two together.

import { sizeOf } from '../../../cpu/sysregs/words.ts';
import { hex } from '../../../base/address.ts';
import {
  ACCESS_BIT,
  type Access,
  combined,
  EXECUTE,
  isDevice,
  type MemoryType,
  memoryType,
  READ,
  stage2Attributes,
  WRITE,
} from './attributes.ts';
import { type DescriptorType, mairByte, outputOf, type Regime, typeOf } from './descriptors.ts';
import { explainPermission, explainStage2Permission } from './explain.ts';
import * as regimes from './regime.ts';
import { type El, type Geometry, rootOf, shiftAt, strideOf, type TranslationRegisters } from './regime.ts';

/** Reads the machine's RAM; undefined for an address that is none. */
export interface DescriptorMemory {
  read64(pa: bigint): bigint | undefined;
}

export interface TranslationRequest {
  readonly va: bigint;
  readonly el: El;
  readonly access: Access;
  /** PSTATE.PAN: EL1 may not touch what EL0 may. */
  readonly pan?: boolean;
}

export type FaultKind =
  | 'address size'
  | 'translation'
  | 'access flag'
  | 'permission'
  | 'external abort on a table walk';

export interface Fault {
  readonly kind: FaultKind;
  readonly stage: 1 | 2;
  readonly level: number;
  /** Stage 2 refused the access to a stage 1 table (S1PTW). */
  readonly onWalk: boolean;
  /** Of a fault of stage 2. */
  readonly ipa?: bigint;
  /** One sentence. */
  readonly why: string;
  /** The p2m type in an entry of stage 2 that is invalid: a Xen keeps its mapping in it. */
  readonly keptType?: number;
}

/** One entry that was looked at. */
export interface Lookup {
  readonly level: number;
  /** First entry of the table: an IPA where stage 2 translates tables, else a PA. */
  readonly table: bigint;
  readonly index: number;
  /** The bits of the address that are the index. */
  readonly highBit: number;
  readonly lowBit: number;
  /** Address of the entry, in the space of `table`. */
  readonly at: bigint;
  /** How stage 2 translated `at`. */
  readonly nested?: Walk;
  readonly pa?: bigint;
  /** As the MMU understands it, whatever the byte order of the tables. */
  readonly descriptor?: bigint;
  readonly type?: DescriptorType;
  /** What the entry covers, as addresses of the input. */
  readonly from: bigint;
}

/** What the tables before a leaf restrict: bits 63:59 of their entries, joined. */
export interface Restrictions {
  readonly readOnly: boolean;
  readonly noEl0: boolean;
  readonly uxn: boolean;
  readonly pxn: boolean;
}

export interface Leaf {
  readonly descriptor: bigint;
  readonly level: number;
  /** log2 of the page or block. */
  readonly shift: number;
  readonly restrictions: Restrictions;
  readonly output: bigint;
}

/** One stage. */
export interface Walk {
  readonly regime: Regime;
  readonly geometry: Geometry;
  readonly input: bigint;
  readonly lookups: readonly Lookup[];
  readonly leaf?: Leaf;
  /** READ, WRITE, EXECUTE. */
  readonly permissions?: number;
  readonly memory?: MemoryType;
  readonly output?: bigint;
  readonly fault?: Fault;
}

export interface Translation {
  readonly request: TranslationRequest;
  /** Why there was no walk of stage 1. */
  readonly stage1Off?: string;
  readonly stage1?: Walk;
  /** Of what stage 1 came to; absent where stage 2 is off. */
  readonly stage2?: Walk;
  /** What stage 1 came to. */
  readonly ipa?: bigint;
  readonly pa?: bigint;
  readonly permissions?: number;
  readonly memory?: MemoryType;
  readonly fault?: Fault;
}

export function translate(
  registers: TranslationRegisters,
  memory: DescriptorMemory,
  request: TranslationRequest,
): Translation {
  const first = stage1(registers, memory, request);
  if (first.fault || first.ipa === undefined) return first;
  if (request.el === 2 || !regimes.stage2Enabled(registers)) return { ...first, pa: first.ipa };
  const second = walkStage2(registers, memory, first.ipa, request.access, false);
  if (second.fault || second.output === undefined) {
    return { ...first, stage2: second, ...(second.fault && { fault: second.fault }) };
  }
  return {
    ...first,
    stage2: second,
    pa: second.output,
    permissions: (first.permissions ?? 0) & (second.permissions ?? 0),
    ...(first.memory && second.memory && { memory: combined(first.memory, second.memory) }),
  };
}

function stage1(
  registers: TranslationRegisters,
  memory: DescriptorMemory,
  request: TranslationRequest,
): Translation {
  const off = regimes.stage1Off(registers, request.el);
  if (off !== undefined) return flat(registers, request, off);
  const walk = request.el === 2 ? walkEl2(registers, memory, request) : walkEl10(registers, memory, request);
  return {
    request,
    stage1: walk,
    ...(walk.fault && { fault: walk.fault }),
    ...(walk.output !== undefined && { ipa: walk.output }),
    ...(walk.permissions !== undefined && { permissions: walk.permissions }),
    ...(walk.memory && { memory: walk.memory }),
  };
}

/** The MMU is off: AArch64.TranslateAddressS1Off(). */
function flat(registers: TranslationRegisters, request: TranslationRequest, why: string): Translation {
  const { va, el, access } = request;
  const top = regimes.topByteIgnored(registers, el, va) ? 55n : 63n;
  const address = va & ((1n << (top + 1n)) - 1n);
  if (address >> BigInt(registers.paBits) !== 0n) {
    return {
      request,
      stage1Off: why,
      fault: {
        kind: 'address size',
        stage: 1,
        level: 0,
        onWalk: false,
        why: `Without stage 1 the address is the output, and it has more than the ${registers.paBits} bits of a physical address.`,
      },
    };
  }
  const executes = access === 'execute';
  const cached = regimes.field(el === 2 ? registers.SCTLR_EL2 : registers.SCTLR_EL1, 12, 12) === 1;
  const memoryOf = (): MemoryType => {
    if (el < 2 && regimes.defaultCacheable(registers)) return { attributes: 0xff, shareability: 0 };
    if (!executes) return { attributes: 0, shareability: 2 };
    return { attributes: cached ? 0xaa : 0x44, shareability: 2 };
  };
  return {
    request,
    stage1Off: why,
    ipa: address,
    permissions: READ | WRITE | EXECUTE,
    memory: memoryOf(),
  };
}

function walkEl10(
  registers: TranslationRegisters,
  memory: DescriptorMemory,
  request: TranslationRequest,
): Walk {
  const { va, el } = request;
  const upper = ((va >> 55n) & 1n) === 1n;
  const geometry = regimes.stage1Geometry(registers, upper);
  const inputBits = BigInt(geometry.inputBits);
  const input = va & ((1n << inputBits) - 1n);
  const start = { regime: 'EL1&0' as const, geometry, input, lookups: [] };
  if (regimes.walksDisabled(registers, upper)) {
    const n = upper ? 1 : 0;
    return failed(start, 'translation', 0, `TCR_EL1.EPD${n} is 1: no walks through TTBR${n}_EL1.`);
  }
  const signed = regimes.topByteIgnored(registers, el, va) ? BigInt.asIntN(56, va) : BigInt.asIntN(64, va);
  if (signed >> inputBits !== (upper ? -1n : 0n)) {
    return failed(start, 'translation', 0, outsideRange(geometry, upper));
  }
  const walk = walkTables(registers, memory, start, false);
  if (!walk.leaf) return walk;
  return finishStage1(registers, request, walk, walk.leaf, registers.MAIR_EL1);
}

function outsideRange({ inputBits, sizeField, sizeValue }: Geometry, upper: boolean): string {
  const rest = upper ? 'not all 1 like bit 55' : 'not all 0';
  return `The address lies outside of the ${inputBits} bits that ${sizeField} (${sizeValue}) allows: the bits above are ${rest}.`;
}

function walkEl2(
  registers: TranslationRegisters,
  memory: DescriptorMemory,
  request: TranslationRequest,
): Walk {
  const { va } = request;
  const geometry = regimes.el2Geometry(registers);
  const checked = regimes.topByteIgnored(registers, 2, va) ? va & ((1n << 56n) - 1n) : va;
  const input = va & ((1n << BigInt(geometry.inputBits)) - 1n);
  const start = { regime: 'EL2' as const, geometry, input, lookups: [] };
  if (checked >> BigInt(geometry.inputBits) !== 0n) {
    return failed(start, 'translation', 0, outsideRange(geometry, false));
  }
  const walk = walkTables(registers, memory, start, false);
  if (!walk.leaf) return walk;
  return finishStage1(registers, request, walk, walk.leaf, registers.MAIR_EL2);
}

/** The access flag comes before permissions: a page with both wrong reports the access flag. */
function finishStage1(
  registers: TranslationRegisters,
  request: TranslationRequest,
  walk: Walk,
  leaf: Leaf,
  mair: bigint,
): Walk {
  const { descriptor, level } = leaf;
  const permissions = stage1Permissions(registers, request, leaf);
  const type = memoryType(mairByte(mair, regimes.field(descriptor, 4, 2)), regimes.field(descriptor, 9, 8));
  const found = { ...walk, permissions, memory: type };
  if (((descriptor >> 10n) & 1n) === 0n) {
    return failed(
      found,
      'access flag',
      level,
      `The access flag (AF) of the level ${level} descriptor is clear.`,
    );
  }
  if ((permissions & ACCESS_BIT[request.access]) === 0) {
    return failed(found, 'permission', level, explainPermission(registers, request, leaf));
  }
  return { ...found, output: leaf.output };
}

/** What an EL may do with a page of stage 1. */
export function stage1Permissions(
  registers: TranslationRegisters,
  { el, pan = false }: { readonly el: El; readonly pan?: boolean },
  { descriptor, restrictions }: { readonly descriptor: bigint; readonly restrictions: Restrictions },
): number {
  const readOnly = ((descriptor >> 7n) & 1n) !== 0n || restrictions.readOnly;
  const uxn = ((descriptor >> 54n) & 1n) !== 0n || restrictions.uxn;
  const wxn = regimes.writeImpliesNoExecute(registers, el);
  const data = readOnly ? READ : READ | WRITE;
  if (el === 2) return data | (!uxn && !(wxn && !readOnly) ? EXECUTE : 0);

  const el0 = ((descriptor >> 6n) & 1n) !== 0n && !restrictions.noEl0;
  if (el === 0) {
    return (el0 ? data : 0) | (!uxn && !(wxn && el0 && !readOnly) ? EXECUTE : 0);
  }
  const pxn = ((descriptor >> 53n) & 1n) !== 0n || restrictions.pxn;
  // What EL0 may write, EL1 may not execute.
  const mayExecute = !pxn && !(wxn && !readOnly) && !(el0 && !readOnly);
  return (pan && el0 ? 0 : data) | (mayExecute ? EXECUTE : 0);
}

/** Stage 2 alone; `onWalk`: for an entry of a stage 1 table. */
export function walkStage2(
  registers: TranslationRegisters,
  memory: DescriptorMemory,
  ipa: bigint,
  access: Access,
  onWalk: boolean,
): Walk {
  const geometry = regimes.stage2Geometry(registers);
  const start = { regime: 'stage 2' as const, geometry, input: ipa, lookups: [] };
  const { inputBits, sizeField, sizeValue } = geometry;
  if (ipa >> BigInt(inputBits) !== 0n) {
    const why = `The IPA has more than the ${inputBits} bits that ${sizeField} (${sizeValue}) allows.`;
    return failed(start, 'translation', 0, why, onWalk);
  }
  const inconsistent = regimes.stage2Inconsistent(registers);
  if (inconsistent) return failed(start, 'translation', 0, `${inconsistent}.`, onWalk);

  const walk = walkTables(registers, memory, start, onWalk);
  const { leaf } = walk;
  if (!leaf) return walk;
  const { descriptor, level } = leaf;
  const permissions = stage2Permissions(descriptor);
  const attributes = stage2Attributes(regimes.field(descriptor, 5, 2));
  const found = { ...walk, permissions, memory: memoryType(attributes, regimes.field(descriptor, 9, 8)) };
  if (((descriptor >> 10n) & 1n) === 0n) {
    const why = `The access flag (AF) of the level ${level} descriptor of stage 2 is clear.`;
    return failed(found, 'access flag', level, why, onWalk);
  }
  if ((permissions & ACCESS_BIT[access]) === 0) {
    return failed(found, 'permission', level, explainStage2Permission(access, leaf), onWalk);
  }
  // HCR_EL2.PTW: a stage 1 table in Device memory is most likely a mistake of the guest.
  if (onWalk && isDevice(attributes) && regimes.protectsWalks(registers)) {
    const why = 'HCR_EL2.PTW is 1, and the stage 1 table stands in what stage 2 says is Device memory.';
    return failed(found, 'permission', level, why, onWalk);
  }
  return { ...found, output: leaf.output };
}

/** S2AP and XN. */
export const stage2Permissions = (descriptor: bigint): number =>
  Number((descriptor >> 6n) & 3n) | (((descriptor >> 54n) & 1n) === 0n ? EXECUTE : 0);

/** Follows the tables down to a page or block, or to what ends the walk. */
function walkTables(
  registers: TranslationRegisters,
  memory: DescriptorMemory,
  start: Walk,
  onWalk: boolean,
): Walk {
  const { geometry, input, regime } = start;
  const { granule, outputBits } = geometry;
  const lookups: Lookup[] = [];
  const end = (kind: FaultKind, level: number, why: string): Walk =>
    failed({ ...start, lookups }, kind, level, why, onWalk);
  const tooLong = (what: string, output: bigint): string =>
    `${what} ${hex(output)} has more than the ${outputBits} bits of an output address.`;

  const base = regimes.baseOf(geometry);
  if (base >> BigInt(outputBits) !== 0n) {
    return end('address size', 0, tooLong(`The table address in ${geometry.register}`, base));
  }
  const nests = regime === 'EL1&0' && regimes.stage2Enabled(registers);
  let restrictions: Restrictions = { readOnly: false, noEl0: false, uxn: false, pxn: false };
  let table = rootOf(geometry);
  for (let level = geometry.firstLevel; ; level++) {
    const shift = shiftAt(geometry, level);
    const highBit = level === geometry.firstLevel ? geometry.inputBits - 1 : shift + strideOf(geometry) - 1;
    const index = regimes.field(input, highBit, shift);
    const at = table | (BigInt(index) << 3n);
    const from = (input >> BigInt(shift)) << BigInt(shift);
    const entry = { level, table, index, highBit, lowBit: shift, at, from };
    const nested = nests ? walkStage2(registers, memory, at, 'read', true) : undefined;
    if (nested?.fault) {
      lookups.push({ ...entry, nested });
      return { ...start, lookups, fault: nested.fault };
    }
    const pa = nested?.output ?? at;
    const stored = memory.read64(pa);
    if (stored === undefined) {
      lookups.push({ ...entry, ...(nested && { nested }), pa });
      const why = `The level ${level} entry is at PA ${hex(pa)}, which is not RAM.`;
      return end('external abort on a table walk', level, why);
    }
    const descriptor = geometry.bigEndian ? swapped(stored) : stored;
    const type = typeOf(descriptor, level, granule);
    lookups.push({ ...entry, ...(nested && { nested }), pa, descriptor, type });
    if (type === 'invalid' || type === 'reserved') {
      const walk = end('translation', level, unmapped(descriptor, type, level, shift, from, start));
      const kept = type === 'invalid' && regime === 'stage 2' ? regimes.field(descriptor, 58, 55) : 0;
      return walk.fault && kept !== 0 ? { ...walk, fault: { ...walk.fault, keptType: kept } } : walk;
    }
    const output = outputOf(descriptor, granule);
    if (output >> BigInt(outputBits) !== 0n) {
      return end('address size', level, tooLong(`The address in the level ${level} descriptor`, output));
    }
    if (type !== 'table') {
      const mask = (1n << BigInt(shift)) - 1n;
      const target = (output & ~mask) | (input & mask);
      return { ...start, lookups, leaf: { descriptor, level, shift, restrictions, output: target } };
    }
    if (regime !== 'stage 2') restrictions = joined(restrictions, descriptor);
    table = output;
  }
}

const joined = (before: Restrictions, descriptor: bigint): Restrictions => {
  const has = (bit: bigint): boolean => ((descriptor >> bit) & 1n) === 1n;
  return {
    readOnly: before.readOnly || has(62n),
    noEl0: before.noEl0 || has(61n),
    uxn: before.uxn || has(60n),
    pxn: before.pxn || has(59n),
  };
};

function unmapped(
  descriptor: bigint,
  type: 'invalid' | 'reserved',
  level: number,
  shift: number,
  from: bigint,
  { regime, geometry }: Walk,
): string {
  const stage = regime === 'stage 2' ? ' of stage 2' : '';
  const place = `${sizeOf(shift)} at ${hex(addressOfInput(from, geometry))}`;
  if (type === 'reserved') {
    const form = level === 3 ? 'a page must have bits 1:0 of 3' : 'there are no blocks at this level';
    return `The level ${level} descriptor${stage} is ${hex(descriptor)}, which is reserved: ${form}. Nothing is mapped in the ${place}.`;
  }
  if (descriptor === 0n) {
    return `The level ${level} descriptor${stage} is 0: nothing is mapped in the ${place}.`;
  }
  return `The level ${level} descriptor${stage} is ${hex(descriptor)} with bit 0 clear: it is invalid, and an access to the ${place} faults.`;
}

/** The address whose lower bits are `input`: the upper range of EL1&0 begins with ones. */
export function addressOfInput(input: bigint, { register, inputBits }: Geometry): bigint {
  return register === 'TTBR1_EL1' ? BigInt.asUintN(64, (-1n << BigInt(inputBits)) | input) : input;
}

function failed(walk: Walk, kind: FaultKind, level: number, why: string, onWalk = false): Walk {
  const isStage2 = walk.regime === 'stage 2';
  return {
    ...walk,
    fault: { kind, stage: isStage2 ? 2 : 1, level, onWalk, why, ...(isStage2 && { ipa: walk.input }) },
  };
}

function swapped(value: bigint): bigint {
  let result = 0n;
  for (let byte = 0n; byte < 8n; byte++) result = (result << 8n) | ((value >> (8n * byte)) & 0xffn);
  return result;
}
