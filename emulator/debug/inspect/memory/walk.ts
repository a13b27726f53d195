// How one address is translated, step by step: which tables and why, every descriptor with all of its fields, the
// walk of stage 2 for each table of stage 1, and where and why it ends.

import { hex } from '../../../base/address.ts';
import { UserError } from '../../../base/errors.ts';
import { sizeOf } from '../../../cpu/sysregs/words.ts';
import { addressOf, DOMAIN, inspection, VCPU } from '../inspection.ts';
import { textTable } from '../text-table.ts';
import {
  type Access,
  attributeWords,
  type MemoryType,
  permissionText,
  permissionWords,
  shareabilityWords,
} from './attributes.ts';
import { deviceName } from './devices.ts';
import { type DescriptorField, fieldsOf, P2M_TYPES } from './descriptors.ts';
import { syndromeOf } from './explain.ts';
import {
  type El,
  field,
  rootOf,
  shiftAt,
  stage2Enabled,
  type TranslationRegisters,
  vmidOf,
} from './regime.ts';
import { ipaReference, paReference, type Space, spaceOf, vaReference } from './space.ts';
import {
  addressOfInput,
  type Fault,
  type Lookup,
  translate,
  type Translation,
  type Walk,
  walkStage2,
} from './translate.ts';

/** One descriptor of the chain. */
export interface WalkStep {
  readonly stage: 1 | 2;
  readonly level: number;
  /** Where its table begins. */
  readonly table: string;
  readonly tableReference: string;
  readonly index: number;
  /** `47:39`. */
  readonly indexBits: string;
  /** Address of the entry: an IPA, where stage 2 translates the tables of stage 1. */
  readonly ipa?: string;
  readonly pa?: string;
  readonly reference: string;
  /** How stage 2 found the entry. */
  readonly nested?: readonly WalkStep[];
  readonly value?: string;
  /** `table`, `block`, `page`, `invalid`, `reserved`. */
  readonly type: string;
  /** `points to the table at 0x…`, `maps 2 MiB at 0x…`. */
  readonly words: string;
  readonly fields: readonly DescriptorField[];
  /** What one entry of this table covers. */
  readonly covers: { readonly from: string; readonly size: string };
  /** The walk ends here, and why. */
  readonly failed?: string;
}

export interface WalkStage {
  readonly stage: 1 | 2;
  /** `Stage 1 of EL1&0`. */
  readonly title: string;
  readonly input: string;
  readonly inputReference: string;
  /** Which tables, and why these. */
  readonly choice: readonly string[];
  readonly register: { readonly name: string; readonly value: string };
  readonly steps: readonly WalkStep[];
  readonly output?: string;
  readonly outputReference?: string;
  readonly permissions?: string;
  readonly memory?: string;
  readonly failed?: string;
}

export interface WalkFault {
  /** One sentence: what is wrong, and where. */
  readonly why: string;
  /** What follows from it. */
  readonly consequence?: string;
  readonly stage: 1 | 2;
  readonly level: number;
  /** `Translation fault, level 2, stage 1`. */
  readonly words: string;
  readonly exception: string;
  /** `DFSC` or `IFSC`, and its value. */
  readonly statusField: string;
  readonly status: string;
  readonly s1ptw: boolean;
  /** What is known of ESR_ELx without the instruction. */
  readonly esr: string;
  /** Of a fault of stage 2. */
  readonly ipa?: string;
}

export interface WalkResult {
  readonly ipa?: string;
  readonly pa: string;
  readonly reference: string;
  readonly ipaReference?: string;
  /** `rwx` of both stages. */
  readonly permissions: string;
  readonly permissionWords: string;
  readonly memory: string;
  /** `RAM`, `UART (PL011)`, `nothing`. */
  readonly what: string;
}

export interface WalkView {
  readonly domain: number;
  readonly name: string;
  readonly vcpu: number;
  readonly space: 'va' | 'ipa';
  readonly address: string;
  readonly reference: string;
  readonly access: Access;
  readonly el: number;
  readonly pan: boolean;
  /** One sentence: where the address leads, or why nowhere. */
  readonly summary: string;
  /** Why stage 1 did nothing. */
  readonly stage1Off?: string;
  readonly stages: readonly WalkStage[];
  readonly result?: WalkResult;
  readonly fault?: WalkFault;
}

const ACCESSES: readonly Access[] = ['read', 'write', 'execute'];

export const walkInspection = inspection('walk', {
  doc: 'how an address is translated: every descriptor of both stages with its fields, and why it ends',
  arguments: {
    domain: DOMAIN,
    vcpu: VCPU,
    address: { kind: 'address', doc: 'the VA' },
    ipa: { kind: 'address', doc: 'an IPA instead: stage 2 alone' },
    access: { kind: 'text', doc: 'read, write or execute; read when left out' },
    el: { kind: 'number', doc: 'exception level of the access; that of the vCPU when left out' },
    ttbr: { kind: 'address', doc: 'another value of TTBR0_EL1, for a process that does not run' },
    pan: { kind: 'flag', doc: 'PSTATE.PAN; that of the vCPU when left out' },
  },
  inspect(subject, args): WalkView {
    const space = withTtbr(spaceOf(subject, args.domain, args.vcpu), args.ttbr);
    const access = accessOf(args.access);
    if (args.ipa !== undefined) return ipaWalk(space, addressOf(args.ipa, 'ipa'), access);
    const va = addressOf(args.address, 'address');
    const el = elOf(space, args.el);
    const pan = args.pan ?? (space.pan && el === 1 && space.el === 1);
    return vaWalk(space, translate(space.registers, space.memory, { va, el, access, pan }));
  },
  text: textOf,
});

function withTtbr(space: Space, ttbr: string | undefined): Space {
  if (ttbr === undefined) return space;
  return { ...space, registers: { ...space.registers, TTBR0_EL1: addressOf(ttbr, 'ttbr') } };
}

export function accessOf(text = 'read'): Access {
  const access = ACCESSES.find((name) => name === text);
  if (access) return access;
  throw new UserError(`'${text}' is no access`, "Give 'access' as read, write or execute.");
}

function elOf(space: Space, el = space.el as number): El {
  const highest = space.loaded.view ? 1 : 2;
  if (el === 0 || el === 1 || (el === 2 && highest === 2)) return el;
  throw new UserError(`there is no EL${el} to translate for`, `Give 'el' as a number from 0 to ${highest}.`);
}

function vaWalk(space: Space, translation: Translation): WalkView {
  const { request, stage1, stage2, stage1Off } = translation;
  const stages = [
    ...(stage1 ? [stageOf(space, stage1, request.va)] : []),
    ...(stage2 ? [stageOf(space, stage2, request.va)] : []),
  ];
  const fault = translation.fault && faultOf(space, translation.fault, request);
  const result = resultOf(space, translation);
  return {
    domain: space.domain.domain,
    name: space.domain.name,
    vcpu: space.vcpu,
    space: 'va',
    address: hex(request.va),
    reference: vaReference(space, request.va),
    access: request.access,
    el: request.el,
    pan: request.pan ?? false,
    summary: summaryOf(hex(request.va), fault, result),
    ...(stage1Off !== undefined && { stage1Off: `${stage1Off}.` }),
    stages,
    ...(result && { result }),
    ...(fault && { fault }),
  };
}

/** Stage 2 alone; where it is off, an IPA is the PA. */
function ipaWalk(space: Space, ipa: bigint, access: Access): WalkView {
  const { registers, memory } = space;
  const walk = stage2Enabled(registers) ? walkStage2(registers, memory, ipa, access, false) : undefined;
  const request = { va: ipa, el: 1 as const, access };
  const pa = walk ? walk.output : ipa;
  const translation: Translation = {
    request,
    ipa,
    ...(walk && { stage2: walk }),
    ...(walk?.fault && { fault: walk.fault }),
    ...(pa !== undefined && { pa }),
    permissions: walk?.permissions ?? 7,
    ...(walk?.memory && { memory: walk.memory }),
  };
  const fault = walk?.fault && faultOf(space, walk.fault, request);
  const result = resultOf(space, translation);
  return {
    domain: space.domain.domain,
    name: space.domain.name,
    vcpu: space.vcpu,
    space: 'ipa',
    address: hex(ipa),
    reference: ipaReference(space.domain.domain, ipa),
    access,
    el: 1,
    pan: false,
    summary: summaryOf(`IPA ${hex(ipa)}`, fault, result),
    stages: walk ? [stageOf(space, walk, ipa)] : [],
    ...(result && { result }),
    ...(fault && { fault }),
  };
}

function summaryOf(address: string, fault: WalkFault | undefined, result: WalkResult | undefined): string {
  if (fault) return `${address} does not translate: ${fault.why}`;
  if (!result) return `${address} does not translate.`;
  const through = result.ipa === undefined || result.ipa === result.pa ? '' : ` through IPA ${result.ipa}`;
  return `${address} leads${through} to PA ${result.pa}: ${result.what}, ${result.permissionWords}, ${result.memory}.`;
}

// ---------------------------------------------------------------- stages and steps

function stageOf(space: Space, walk: Walk, va: bigint): WalkStage {
  const stage = walk.regime === 'stage 2' ? 2 : 1;
  const input = stage === 2 ? walk.input : va;
  const { output, fault, permissions, memory } = walk;
  const outputIsIpa = walk.regime === 'EL1&0' && stage2Enabled(space.registers);
  return {
    stage,
    title: stage === 2 ? 'Stage 2' : `Stage 1 of ${walk.regime}`,
    input: hex(input),
    inputReference: stage === 2 ? ipaReference(space.domain.domain, input) : vaReference(space, input),
    choice: choiceOf(space.registers, walk, va),
    register: { name: walk.geometry.register, value: hex(walk.geometry.value) },
    steps: stepsOf(space, walk),
    ...(output !== undefined && {
      output: hex(output),
      outputReference: outputIsIpa ? ipaReference(space.domain.domain, output) : paReference(output),
    }),
    ...(permissions !== undefined && { permissions: permissionText(permissions) }),
    ...(memory && { memory: memoryWords(memory) }),
    ...(fault && { failed: fault.why }),
  };
}

function choiceOf(registers: TranslationRegisters, walk: Walk, va: bigint): string[] {
  const { geometry, regime } = walk;
  const { register, value, inputBits, sizeField, sizeValue, granule, granuleField, firstLevel } = geometry;
  const why =
    regime === 'EL1&0'
      ? `Bit 55 of the address is ${field(va, 55, 55)}: ${register} has the tables.`
      : regime === 'EL2'
        ? 'EL2 has one set of tables: TTBR0_EL2.'
        : `VTTBR_EL2 has the tables of VMID ${vmidOf(registers)}.`;
  const what = regime === 'stage 2' ? 'IPAs' : 'addresses';
  const clamped = 64 - inputBits === sizeValue ? '' : ` (taken as ${64 - inputBits})`;
  return [
    why,
    `${sizeField} is ${sizeValue}${clamped}: ${what} have ${inputBits} bits.`,
    `${granuleField} says a granule of ${sizeOf(granule)}: the first level is ${firstLevel}.`,
    `${register} is ${hex(value)}: the first table stands at ${hex(rootOf(geometry))}.`,
  ];
}

function stepsOf(space: Space, walk: Walk): WalkStep[] {
  return walk.lookups.map((lookup, n) => {
    const isLast = n === walk.lookups.length - 1;
    return stepOf(space, walk, lookup, isLast ? walk.fault : undefined);
  });
}

function stepOf(space: Space, walk: Walk, lookup: Lookup, fault: Fault | undefined): WalkStep {
  const { registers, domain } = space;
  const { geometry, regime } = walk;
  const { level, table, index, highBit, lowBit, at, nested, pa, descriptor, type } = lookup;
  const inIpa = regime === 'EL1&0' && stage2Enabled(registers);
  const referenceTo = (address: bigint): string =>
    inIpa ? ipaReference(domain.domain, address) : paReference(address);
  const mair = regime === 'EL2' ? registers.MAIR_EL2 : registers.MAIR_EL1;
  return {
    stage: regime === 'stage 2' ? 2 : 1,
    level,
    table: hex(table),
    tableReference: referenceTo(table),
    index,
    indexBits: `${highBit}:${lowBit}`,
    ...(inIpa && { ipa: hex(at) }),
    ...(pa !== undefined && { pa: hex(pa) }),
    reference: pa === undefined ? referenceTo(at) : paReference(pa),
    ...(nested && { nested: stepsOf(space, nested) }),
    ...(descriptor !== undefined && { value: `0x${descriptor.toString(16).padStart(16, '0')}` }),
    type: type ?? 'not read',
    words: wordsOf(walk, lookup),
    fields: descriptor === undefined ? [] : fieldsOf(descriptor, { regime, geometry, level, mair }),
    covers: {
      from: hex(addressOfInput(lookup.from, geometry)),
      size: sizeOf(shiftAt(geometry, level)),
    },
    ...(fault && { failed: fault.why }),
  };
}

function wordsOf({ geometry }: Walk, { type, descriptor, level }: Lookup): string {
  if (type === undefined) return 'could not be read';
  const size = sizeOf(shiftAt(geometry, level));
  const output = (descriptor ?? 0n) & 0xffff_ffff_f000n & (-1n << BigInt(geometry.granule));
  switch (type) {
    case 'table':
      return `the next table stands at ${hex(output)}`;
    case 'block':
    case 'page':
      return `maps ${size} at ${hex(output & (-1n << BigInt(shiftAt(geometry, level))))}`;
    case 'invalid':
      return 'maps nothing';
    case 'reserved':
      return 'reserved at this level: maps nothing';
  }
}

// ---------------------------------------------------------------- how it ends

const memoryWords = ({ attributes, shareability }: MemoryType): string =>
  `${attributeWords(attributes)}, ${shareabilityWords(shareability)}`;

function resultOf(space: Space, { ipa, pa, permissions = 0, memory }: Translation): WalkResult | undefined {
  if (pa === undefined) return undefined;
  const nested = ipa !== undefined && stage2Enabled(space.registers);
  return {
    ...(nested && { ipa: hex(ipa), ipaReference: ipaReference(space.domain.domain, ipa) }),
    pa: hex(pa),
    reference: paReference(pa),
    permissions: permissionText(permissions),
    permissionWords: permissionWords(permissions),
    memory: memory ? memoryWords(memory) : 'as the access says',
    what: whatStandsAt(space, Number(pa)),
  };
}

function whatStandsAt({ loaded }: Space, pa: number): string {
  const { memory, devices } = loaded.machine;
  if (memory.contains(pa)) return 'RAM';
  const device = devices.bus.deviceAt(pa);
  return device ? deviceName(device.name) : 'nothing answers there (an access is an external abort)';
}

function faultOf(
  space: Space,
  fault: Fault,
  request: { readonly el: El; readonly access: Access },
): WalkFault {
  const tge = ((space.registers.HCR_EL2 >> 27n) & 1n) === 1n;
  const syndrome = syndromeOf(fault, request, tge);
  const consequence = consequenceOf(space, fault);
  return {
    why: fault.why,
    ...(consequence !== undefined && { consequence }),
    stage: fault.stage,
    level: fault.level,
    words: syndrome.words,
    exception: syndrome.exception,
    statusField: syndrome.statusField,
    status: `0b${syndrome.status.toString(2).padStart(6, '0')}`,
    s1ptw: syndrome.s1ptw,
    esr: hex(syndrome.esr),
    ...(fault.ipa !== undefined && { ipa: hex(fault.ipa) }),
  };
}

const keptWords = (type: number): string =>
  `The entry still holds a mapping of p2m type ${type} (${P2M_TYPES[type] ?? 'unknown'}): a Xen makes it valid on the access, and the guest goes on.`;

/** What our hypervisor makes of a fault of stage 2. */
function consequenceOf({ loaded, domain }: Space, fault: Fault): string | undefined {
  const { stage, kind, ipa } = fault;
  if (stage !== 2 || ipa === undefined) return undefined;
  if (!loaded.view) return fault.keptType === undefined ? undefined : keptWords(fault.keptType);
  if (kind === 'permission') {
    return 'Xen 4.17 injects nothing for a permission fault of stage 2: the vCPU executes the instruction again, for ever.';
  }
  const address = Number(ipa);
  const region = loaded.view.memory
    .emulated(domain.domain)
    .find((each) => address >= each.ipa && address < each.ipa + each.size);
  return region
    ? `It is meant so: the access traps, and Xen emulates the ${region.name} there.`
    : 'No device is emulated there: Xen injects an abort into the guest.';
}

// ---------------------------------------------------------------- for terminals

function textOf(view: WalkView): string {
  const lines = [view.summary, ...(view.stage1Off ? [view.stage1Off] : [])];
  for (const stage of view.stages) {
    lines.push('', `${stage.title}: ${stage.input}`, ...stage.choice.map((sentence) => `  ${sentence}`));
    for (const step of stage.steps) lines.push(...stepLines(step, '  '));
    if (stage.output !== undefined)
      lines.push(`  output ${stage.output}, ${stage.permissions ?? ''}, ${stage.memory ?? ''}`);
  }
  if (view.fault) {
    const { words, exception, statusField, status, esr, consequence } = view.fault;
    lines.push('', `${words}. ${exception}; ${statusField} ${status}, ESR ${esr}.`);
    if (consequence) lines.push(consequence);
  }
  return `${lines.join('\n')}\n`;
}

function stepLines(step: WalkStep, indent: string): string[] {
  const lines = [
    `${indent}level ${step.level}: table ${step.table}, bits ${step.indexBits} = ${step.index}, entry at ${step.reference}`,
  ];
  for (const nested of step.nested ?? []) lines.push(...stepLines(nested, `${indent}    stage 2 `));
  lines.push(`${indent}  ${step.value ?? ''} ${step.type}: ${step.words}`);
  if (indent.trim() === '' && step.fields.length > 0) {
    const rows = step.fields.map(({ name, bits, value, words }) => [name, bits, value, words]);
    lines.push(
      ...textTable(['field', 'bits', 'value', 'meaning'], rows)
        .trimEnd()
        .split('\n')
        .map((line) => `${indent}    ${line}`),
    );
  }
  if (step.failed) lines.push(`${indent}  >> ${step.failed}`);
  return lines;
}
