// What gdb and lldb are told of the target (GDB manual, "Target Descriptions"): gdb's own features for AArch64 with
// their registers in gdb's order, and the system registers with their fields, from the emulator's tables.

import type { Fields } from '../../emulator/cpu/sysregs/define.ts';
import { lookupName } from '../../emulator/cpu/sysregs/lookup.ts';
import { programStatus } from '../../emulator/cpu/sysregs/program-status.ts';
import { FIRST_SYSTEM_REGISTER, standardRegister } from './registers.ts';

const SYSTEM_FEATURE = 'org.xenscope.sysregs';

/** `systemNames`: in the order of their numbers. */
export function targetDescription(systemNames: readonly string[]): string {
  const lines = [
    '<?xml version="1.0"?>',
    '<!DOCTYPE target SYSTEM "gdb-target.dtd">',
    '<target version="1.0">',
    '<architecture>aarch64</architecture>',
    '<feature name="org.gnu.gdb.aarch64.core">',
    flags('cpsr_flags', 4, programStatus),
    ...numbers(0, 34).map((number) => standardLine(number, CORE_TYPES[number])),
    '</feature>',
    '<feature name="org.gnu.gdb.aarch64.fpu">',
    ...VECTOR_TYPES,
    ...numbers(34, FIRST_SYSTEM_REGISTER).map((number) =>
      number < 66
        ? standardLine(number, 'aarch64v')
        : standardLine(number, 'int', ' group="float" save-restore="yes"'),
    ),
    '</feature>',
    `<feature name="${SYSTEM_FEATURE}">`,
    ...systemNames.flatMap((name, i) => systemLines(name, FIRST_SYSTEM_REGISTER + i)),
    '</feature>',
    '</target>',
    '',
  ];
  return lines.join('\n');
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const CORE_TYPES: Readonly<Record<number, string>> = { 31: 'data_ptr', 32: 'code_ptr', 33: 'cpsr_flags' };

/** gdb's name of PSTATE is that of its AArch32 counterpart. */
const gdbName = (name: string): string => (name === 'pstate' ? 'cpsr' : name);

function standardLine(number: number, type = 'int', more = ''): string {
  const { name, bytes } = standardRegister(number) ?? { name: '', bytes: 0 };
  return `<reg name="${gdbName(name)}" bitsize="${8 * bytes}" regnum="${number}" type="${type}"${more}/>`;
}

/** The union that gdb's own description gives to a V register. */
const VECTOR_TYPES = [
  ['v2d', 'ieee_double', 2],
  ['v2u', 'uint64', 2],
  ['v2i', 'int64', 2],
  ['v4f', 'ieee_single', 4],
  ['v4u', 'uint32', 4],
  ['v4i', 'int32', 4],
  ['v8u', 'uint16', 8],
  ['v8i', 'int16', 8],
  ['v16u', 'uint8', 16],
  ['v16i', 'int8', 16],
  ['v1u', 'uint128', 1],
  ['v1i', 'int128', 1],
]
  .map(([id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`)
  .concat(
    union('vnd', { f: 'v2d', u: 'v2u', s: 'v2i' }),
    union('vns', { f: 'v4f', u: 'v4u', s: 'v4i' }),
    union('vnh', { u: 'v8u', s: 'v8i' }),
    union('vnb', { u: 'v16u', s: 'v16i' }),
    union('vnq', { u: 'v1u', s: 'v1i' }),
    union('aarch64v', { d: 'vnd', s: 'vns', h: 'vnh', b: 'vnb', q: 'vnq' }),
  );

function union(id: string, members: Readonly<Record<string, string>>): string {
  const fields = Object.entries(members).map(([name, type]) => `<field name="${name}" type="${type}"/>`);
  return `<union id="${id}">${fields.join('')}</union>`;
}

/** Calls of functions from the client must not save and restore what has side effects: `save-restore`. */
function systemLines(name: string, number: number): string[] {
  const fields = lookupName(name)?.row.fields;
  const type = fields && Object.keys(fields).length > 0 ? `${name}_fields` : 'uint64';
  return [
    ...(fields && type !== 'uint64' ? [flags(type, 8, fields)] : []),
    `<reg name="${name}" bitsize="64" regnum="${number}" type="${type}" group="system" save-restore="no"/>`,
  ];
}

function flags(id: string, size: number, fields: Fields): string {
  const lines = Object.entries(fields)
    .sort(([, a], [, b]) => a.low - b.low)
    .map(
      ([name, { low, width }]) =>
        `<field name="${name}" start="${low}" end="${low + width - 1}"${width > 1 ? ' type="uint64"' : ''}/>`,
    );
  return `<flags id="${id}" size="${size}">${lines.join('')}</flags>`;
}
