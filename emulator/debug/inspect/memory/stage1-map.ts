// What a guest's own page tables map: ranges of virtual addresses with permissions and memory types, by TTBR0_EL1
// or TTBR1_EL1 of one of its vCPUs.

import { hex } from '../../../base/address.ts';
import { sizeOf } from '../../../cpu/sysregs/words.ts';
import { UserError } from '../../../base/errors.ts';
import { addressOf, DOMAIN, inspection, VCPU } from '../inspection.ts';
import { textTable } from '../text-table.ts';
import {
  isDevice,
  memoryType,
  permissionText,
  shareabilityWords,
  shortAttributeWords,
} from './attributes.ts';
import { mairByte } from './descriptors.ts';
import { limited } from './intervals.ts';
import { badEntries, countsOf, type KindCount } from './memory-map.ts';
import {
  type Geometry,
  rootOf,
  shiftAt,
  stage1Geometry,
  stage1Off,
  stage2Enabled,
  walksDisabled,
} from './regime.ts';
import { joinedLoosely, type MappedRange, type Scan, scanTables } from './scan.ts';
import { ipaReference, paReference, type Space, spaceOf, stage2Resolver, vaReference } from './space.ts';
import { addressOfInput, stage1Permissions } from './translate.ts';

/** By who may do what, in the order of legends. */
export const STAGE1_KINDS = {
  'kernel-code': 'kernel: execute',
  'kernel-data': 'kernel: read and write',
  'kernel-read-only': 'kernel: read-only',
  'user-code': 'user: execute',
  'user-data': 'user: read and write',
  'user-read-only': 'user: read-only',
  device: 'Device memory',
} as const;

export type Stage1Kind = keyof typeof STAGE1_KINDS;

export interface Stage1Range {
  readonly va: string;
  readonly size: string;
  readonly pages: number;
  readonly kind: Stage1Kind;
  /** `kernel: execute`. */
  readonly name: string;
  /** Absent where pages lie scattered. */
  readonly ipa?: string;
  readonly scattered?: true;
  readonly level: number;
  /** `2 MiB block`. */
  readonly block: string;
  /** What EL0 and EL1 may do: `r-x`. */
  readonly el0: string;
  readonly el1: string;
  readonly attributes: string;
  readonly shareability: string;
  readonly accessFlag: boolean;
  readonly global: boolean;
  readonly reference: string;
  readonly ipaReference?: string;
}

export interface Stage1MapView {
  readonly domain: number;
  readonly name: string;
  readonly vcpu: number;
  readonly which: 'ttbr0' | 'ttbr1';
  /** Why there is nothing to show. */
  readonly off?: string;
  readonly tables?: {
    readonly register: string;
    readonly value: string;
    readonly asid: number;
    readonly root: string;
    readonly words: string;
  };
  /** The range of addresses that these tables translate. */
  readonly window: { readonly from: string; readonly size: string };
  readonly ranges: readonly Stage1Range[];
  readonly counts: readonly KindCount[];
  readonly mappedPages: number;
  readonly notes: readonly string[];
  readonly truncated?: string;
}

const RANGES_MAX = 1000;
const PAGE = 4096;
/** Descriptor bits 54:48: software bits say nothing about the mapping, and change while a guest runs. */
const STAGE1_HIGH = 0x7f;
/** Contiguous is in bit 52. */
const CONTIGUOUS = 0x10;

export const stage1MapInspection = inspection('stage1Map', {
  doc: "what a guest's page tables map, by TTBR0_EL1 (processes) or TTBR1_EL1 (the kernel)",
  arguments: {
    domain: DOMAIN,
    vcpu: VCPU,
    which: { kind: 'text', doc: 'ttbr0 or ttbr1; ttbr1 when left out' },
    from: { kind: 'address', doc: 'first VA' },
    size: { kind: 'address', doc: 'bytes from there' },
  },
  inspect(subject, args): Stage1MapView {
    const which = args.which ?? 'ttbr1';
    if (which !== 'ttbr0' && which !== 'ttbr1') {
      throw new UserError(`'${which}' is no table base`, "Give 'which' as ttbr0 or ttbr1.");
    }
    const space = spaceOf(subject, args.domain, args.vcpu);
    const { registers } = space;
    const geometry = stage1Geometry(registers, which === 'ttbr1');
    const first = addressOfInput(0n, geometry);
    const head = {
      domain: space.domain.domain,
      name: space.domain.name,
      vcpu: space.vcpu,
      which,
      window: { from: hex(first), size: hex(1n << BigInt(geometry.inputBits)) },
    } as const;
    const off = stage1Off(registers, 1) ?? disabled(space, which);
    if (off !== undefined)
      return { ...head, off: `${off}.`, ranges: [], counts: [], mappedPages: 0, notes: [] };

    const scan = scanStage1(space, geometry, inputWindow(args, first, geometry));
    const { ranges, truncated } = limited(scan.ranges, RANGES_MAX, joinedLoosely);
    const reason =
      scan.stoppedAt === undefined
        ? truncated
        : `The tables have too many entries: reading them ended at ${hex(first + BigInt(scan.stoppedAt))}.`;
    const rows = ranges.map((range) => rowOf(space, geometry, range));
    return {
      ...head,
      tables: tableWords(space, geometry),
      ranges: rows,
      counts: countsOf(rows, STAGE1_KINDS),
      mappedPages: scan.ranges.reduce((sum, { size }) => sum + size / PAGE, 0),
      notes: badEntries(scan),
      ...(reason !== undefined && { truncated: reason }),
    };
  },
  text: (view) =>
    [
      ...(view.off ? [`${view.off}\n`] : []),
      ...view.notes.map((note) => `${note}\n`),
      textTable(
        ['VA', 'size', 'IPA', 'level', 'mapped by', 'EL1', 'EL0', 'memory', 'shareability'],
        view.ranges.map((range) => [
          range.va,
          range.size,
          range.ipa ?? 'scattered',
          range.level,
          range.block,
          range.el1,
          range.el0,
          range.attributes,
          range.shareability,
        ]),
      ),
      ...(view.truncated ? [`${view.truncated}\n`] : []),
    ].join(''),
});

/** Everything that tables of stage 1 map. */
export function scanStage1(
  space: Space,
  geometry: Geometry,
  window: { readonly from?: number; readonly to?: number } = {},
): Scan {
  const resolve = stage2Enabled(space.registers) ? { resolve: stage2Resolver(space) } : {};
  return scanTables(geometry, space.memory, { ...window, ...resolve, highMask: STAGE1_HIGH });
}

function disabled({ registers }: Space, which: 'ttbr0' | 'ttbr1'): string | undefined {
  const n = which === 'ttbr1' ? 1 : 0;
  return walksDisabled(registers, which === 'ttbr1')
    ? `TCR_EL1.EPD${n} is 1: no walks through TTBR${n}_EL1`
    : undefined;
}

function inputWindow(
  args: { readonly from?: string; readonly size?: string },
  first: bigint,
  { inputBits }: Geometry,
): { from: number; to: number } {
  const limit = 1n << BigInt(inputBits);
  const clamp = (value: bigint): number => Number(value < 0n ? 0n : value > limit ? limit : value);
  const from = args.from === undefined ? 0n : addressOf(args.from, 'from') - first;
  const size = args.size === undefined ? limit : addressOf(args.size, 'size');
  return { from: clamp(from), to: clamp(from + size) };
}

function tableWords({ registers, domain }: Space, geometry: Geometry): NonNullable<Stage1MapView['tables']> {
  const root = rootOf(geometry);
  const asidOf = (registers.TCR_EL1 >> 22n) & 1n ? registers.TTBR1_EL1 : registers.TTBR0_EL1;
  return {
    register: geometry.register,
    value: hex(geometry.value),
    asid: Number(asidOf >> 48n),
    root: stage2Enabled(registers) ? ipaReference(domain.domain, root) : paReference(root),
    words: `${geometry.inputBits}-bit VAs, granule of ${sizeOf(geometry.granule)}, first level ${geometry.firstLevel}`,
  };
}

function rowOf(space: Space, geometry: Geometry, range: MappedRange): Stage1Range {
  const { registers } = space;
  const va = addressOfInput(BigInt(range.from), geometry);
  const descriptor = BigInt(range.low) | (BigInt(range.high) << 48n);
  const restrictions = {
    pxn: (range.restrictions & 1) !== 0,
    uxn: (range.restrictions & 2) !== 0,
    noEl0: (range.restrictions & 4) !== 0,
    readOnly: (range.restrictions & 8) !== 0,
  };
  const allowed = (el: 0 | 1): string =>
    permissionText(stage1Permissions(registers, { el }, { descriptor, restrictions }));
  const [el0, el1] = [allowed(0), allowed(1)];
  const memory = memoryType(mairByte(registers.MAIR_EL1, (range.low >> 2) & 7), (range.low >> 8) & 3);
  const shift = shiftAt(geometry, range.level);
  const kind = isDevice(memory.attributes) ? 'device' : kindOf(el0, el1);
  return {
    va: hex(va),
    size: hex(range.size),
    pages: range.size / PAGE,
    kind,
    name: STAGE1_KINDS[kind],
    ...(range.linear ? { ipa: hex(range.output) } : { scattered: true as const }),
    level: range.level,
    block: `${sizeOf(shift)} ${range.level === 3 ? 'page' : 'block'}${range.high & CONTIGUOUS ? ', contiguous' : ''}`,
    el0,
    el1,
    attributes: shortAttributeWords(memory.attributes),
    shareability: shareabilityWords(memory.shareability),
    accessFlag: (range.low & 0x400) !== 0,
    global: (range.low & 0x800) === 0,
    reference: vaReference(space, va),
    ...(range.linear && {
      ipaReference: stage2Enabled(registers)
        ? ipaReference(space.domain.domain, range.output)
        : paReference(range.output),
    }),
  };
}

/** Whose it is by who may read it; kernels keep EL1 out of what only user code executes. */
function kindOf(el0: string, el1: string): Stage1Kind {
  const whose = el0 === '---' || (el1.includes('x') && !el0.startsWith('r')) ? 'kernel' : 'user';
  const allowed = whose === 'kernel' ? el1 : el0;
  if (allowed.includes('x')) return `${whose}-code`;
  return allowed.includes('w') ? `${whose}-data` : `${whose}-read-only`;
}
