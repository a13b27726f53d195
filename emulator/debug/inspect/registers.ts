// Every register of a vCPU, by group and exception level, with its fields in words. Reading changes nothing: where
// an MRS would (ICC_IAR1_EL1 acknowledges), the view shows what it would answer.

import type { FeatureSet } from '../../cpu/features.ts';
import type { CpuState } from '../../cpu/state.ts';
import { type DecodedField, decodeFields, isImplemented, wordsOf } from '../../cpu/sysregs/decode.ts';
import type { SystemRegisterRow } from '../../cpu/sysregs/define.ts';
import { registerGroups } from '../../cpu/sysregs/lookup.ts';
import { programStatus } from '../../cpu/sysregs/program-status.ts';
import type { Machine } from '../../machine/machine.ts';
import { UserError } from '../../base/errors.ts';
import { cpuOf, DOMAIN, domainOf, inspection, VCPU, vcpuOf } from './inspection.ts';
import { textTable } from './text-table.ts';
import { vectorFields } from './vector-lanes.ts';

export interface RegisterField {
  readonly name: string;
  /** `31:26`, or `0`. */
  readonly bits: string;
  /** Of the field alone: `0x24`. */
  readonly value: string;
  /** Left out where the number says it all. */
  readonly words?: string;
  readonly doc: string;
  /** Set bits without a name. */
  readonly reserved?: true;
  /** A write does not change it. */
  readonly readOnly?: true;
  /** The field that this one is a part of: the ISS of a syndrome. */
  readonly within?: string;
}

export interface RegisterView {
  readonly name: string;
  /** With all its digits; left out where it cannot be read. */
  readonly value?: string;
  /** Why it cannot be read. */
  readonly unreadable?: string;
  /** The register in one line: what it says as a whole, else its fields that are not zero. */
  readonly words?: string;
  readonly doc: string;
  readonly writable: boolean;
  /** What else there is to know: what is not modelled, or what reading it would do. */
  readonly note?: string;
  /** It holds an address of this kind. */
  readonly space?: 'va' | 'ipa' | 'pa';
  readonly fields: readonly RegisterField[];
}

export interface RegisterGroupView {
  /** `translation-el1`. */
  readonly id: string;
  readonly title: string;
  /** The exception level that owns them. */
  readonly el?: 0 | 1 | 2;
  readonly registers: readonly RegisterView[];
}

export interface RegistersView {
  readonly domain: number;
  readonly vcpu: number;
  /** Every group there is, for choosing some. */
  readonly available: readonly string[];
  readonly groups: readonly RegisterGroupView[];
}

export const registersInspection = inspection('registers', {
  doc: 'the registers of a vCPU with their fields in words',
  arguments: {
    domain: DOMAIN,
    vcpu: VCPU,
    groups: { kind: 'text', doc: 'groups to show, separated by commas (translation); all when left out' },
  },
  inspect(subject, args): RegistersView {
    const domain = domainOf(subject, args.domain);
    const vcpu = vcpuOf(domain, args.vcpu);
    const { machine } = subject.loaded;
    const wanted = wantedGroups(args.groups);
    const cpu = cpuOf(subject, domain, vcpu);
    const state = machine.cpus[cpu] as CpuState;
    const groups = [
      ...(wanted('general') ? [generalGroup(state)] : []),
      ...(wanted('vector') ? [vectorGroup(state)] : []),
      // The running CPU's registers stand where the tables read them.
      ...machine.withCpu(cpu, () => systemGroups(machine, wanted)),
    ];
    return { domain: domain.domain, vcpu, available: GROUP_IDS, groups };
  },
  text: (view) =>
    view.groups
      .map(({ title, el, registers }) => {
        const heading = el === undefined ? title : `${title}, EL${el}`;
        return `${heading}\n${textTable(['register', 'value', 'in words'], registers.map(textRow))}`;
      })
      .join('\n'),
});

const GROUP_IDS: readonly string[] = ['general', 'vector', ...registerGroups.map(({ id }) => id)];

function wantedGroups(text: string | undefined): (id: string) => boolean {
  if (text === undefined) return () => true;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !GROUP_IDS.includes(name));
  if (unknown !== undefined) {
    throw new UserError(
      `there is no group of registers '${unknown.slice(0, 40)}'`,
      `There are: ${GROUP_IDS.join(', ')}.`,
    );
  }
  return (id) => names.includes(id);
}

/** `0x` and as many digits as the register has. */
export const hexOf = (value: bigint, bits = 64): string => `0x${value.toString(16).padStart(bits / 4, '0')}`;

// ---------------------------------------------------------------- general and vector registers

/** What the procedure call standard (AAPCS64) uses X registers for. */
function roleOf(n: number): string {
  if (n < 8) return 'Argument and result';
  if (n === 8) return 'Address of an indirect result';
  if (n < 16) return 'Temporary';
  if (n < 18) return 'Temporary between caller and callee; x16 is the number of a hypercall';
  if (n === 18) return 'Platform register';
  if (n < 29) return 'Kept by callees';
  return n === 29 ? 'Frame pointer' : 'Link register';
}

function generalGroup(state: CpuState): RegisterGroupView {
  const register = (name: string, value: bigint, doc: string, space?: 'va'): RegisterView => ({
    name,
    value: hexOf(value),
    doc,
    writable: true,
    ...(space && { space }),
    fields: [],
  });
  const pstate = BigInt(state.pstate);
  return {
    id: 'general',
    title: 'General-purpose registers',
    registers: [
      ...Array.from({ length: 31 }, (_, n) =>
        register(`x${n}`, state.x(n), roleOf(n), n >= 29 ? 'va' : undefined),
      ),
      register('sp', state.sp, 'Stack pointer in use', 'va'),
      register('pc', state.pc, 'Program counter', 'va'),
      {
        name: 'pstate',
        value: hexOf(pstate, 32),
        doc: 'Processor state as SPSR_ELx would hold it',
        writable: true,
        note: 'A write changes the condition flags and the interrupt masks.',
        ...described(decodeFields({ fields: programStatus }, pstate).map(fieldView)),
      },
    ],
  };
}

function vectorGroup(state: CpuState): RegisterGroupView {
  return {
    id: 'vector',
    title: 'FP and SIMD registers',
    registers: Array.from({ length: 32 }, (_, n) => {
      const value = state.v(n);
      return {
        name: `v${n}`,
        value: hexOf(value, 128),
        doc: n >= 8 && n < 16 ? 'Lower half kept by callees' : 'Argument, result or temporary',
        writable: true,
        ...described(vectorFields(value)),
      };
    }),
  };
}

// ---------------------------------------------------------------- system registers

/** Rows by group and level. The order is that of the tables, the lower level first. */
function levelsOf(rows: readonly SystemRegisterRow[], features: FeatureSet) {
  const shown = rows.filter((row) => row.encoding !== '' && isImplemented(row, features));
  return ([0, 1, 2] as const).flatMap((el) => {
    const some = shown.filter((row) => levelOf(row) === el);
    return some.length === 0 ? [] : [{ el, rows: some }];
  });
}

/** The level in the name, else the lowest that can access it. */
export function levelOf({ name, minEl }: SystemRegisterRow): 0 | 1 | 2 {
  const suffix = /_EL([012])$/.exec(name)?.[1];
  return suffix === undefined ? minEl : (Number(suffix) as 0 | 1 | 2);
}

function systemGroups(machine: Machine, wanted: (id: string) => boolean): RegisterGroupView[] {
  return registerGroups
    .filter(({ id }) => wanted(id))
    .flatMap(({ id, title, rows }) => {
      const view = (row: SystemRegisterRow): RegisterView => systemView(machine, row);
      // Parts of PSTATE belong to the level that runs.
      if (id === 'state') {
        const shown = rows.filter((row) => isImplemented(row, machine.features));
        return [{ id, title, registers: shown.map(view) }];
      }
      return levelsOf(rows, machine.features).map(({ el, rows: some }) => ({
        id: `${id}-el${el}`,
        title,
        el,
        registers: some.map(view),
      }));
    });
}

function systemView(machine: Machine, row: SystemRegisterRow): RegisterView {
  const value = machine.systemRegisters.peek(row.name);
  const note = noteOf(row);
  return {
    name: row.name,
    ...(value === undefined ? { unreadable: 'write-only' } : { value: hexOf(value) }),
    doc: row.doc,
    writable: isWritable(row),
    ...(note !== undefined && { note }),
    ...(row.whole?.space && { space: row.whole.space }),
    ...(value === undefined
      ? { fields: [] }
      : described(decodeFields(row, value).map(fieldView), wordsOf(row, value))),
  };
}

/** A register's words and fields. */
function described(
  fields: readonly RegisterField[],
  whole?: string,
): { words?: string; fields: readonly RegisterField[] } {
  const words = whole ?? inFields(fields);
  return { ...(words !== '' && { words }), fields };
}

/** `TG0 4 KiB; T0SZ 48-bit addresses`: the fields that are not zero. */
function inFields(fields: readonly RegisterField[]): string {
  return fields
    .filter(({ value, within, reserved }) => within === undefined && !reserved && value !== '0x0')
    .map(({ name, value, words }) => `${name} ${words ?? value}`)
    .join('; ');
}

/** What `SystemRegisters.poke` takes. */
function isWritable({ access, storage, write, name }: SystemRegisterRow): boolean {
  return access !== 'ro' && (storage !== false || write !== undefined || /^FP[CS]R$/.test(name));
}

function noteOf(row: SystemRegisterRow): string | undefined {
  const acknowledges = /^ICC_IAR\d_EL1$/.test(row.name);
  if (/^(NZCV|DAIF|SPSel|PAN|UAO)$/.test(row.name)) return 'A part of pstate, which can be written.';
  if (acknowledges) return 'Reading it acknowledges the interrupt; this is what a read would answer.';
  return row.partial;
}

function fieldView(field: DecodedField): RegisterField {
  const { name, high, low, value, words, doc, reserved, readOnly, within } = field;
  return {
    name,
    bits: high === low ? String(low) : `${high}:${low}`,
    value: `0x${value.toString(16)}`,
    ...(words !== undefined && { words }),
    doc,
    ...(reserved && { reserved }),
    ...(readOnly && { readOnly }),
    ...(within !== undefined && { within }),
  };
}

const textRow = ({ name, value, unreadable, words }: RegisterView): string[] => [
  name,
  value ?? unreadable ?? '',
  words ?? '',
];
