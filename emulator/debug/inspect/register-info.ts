// Documentation of one register, from its row in the tables.

import { UserError } from '../../base/errors.ts';
import type { FeatureSet } from '../../cpu/features.ts';
import { isImplemented } from '../../cpu/sysregs/decode.ts';
import type { Bits, SystemRegisterRow, Trap } from '../../cpu/sysregs/define.ts';
import { lookupName, registerGroups } from '../../cpu/sysregs/lookup.ts';
import { inspection } from './inspection.ts';
import { hexOf, levelOf } from './registers.ts';
import { textTable } from './text-table.ts';

export interface FieldInfo {
  readonly name: string;
  readonly bits: string;
  readonly doc: string;
  /** What its values mean, where there is a list: `0b01 trap at EL0`. */
  readonly values?: readonly string[];
}

export interface RegisterInfo {
  readonly name: string;
  readonly doc: string;
  /** Title of its group. */
  readonly group: string;
  readonly el: 0 | 1 | 2;
  /** As an assembler takes it: `S3_0_C1_C0_0`. */
  readonly encoding: string;
  readonly access: 'read and write' | 'read-only' | 'write-only';
  /** The lowest exception level that can ever access it. */
  readonly lowestEl: 0 | 1 | 2;
  /** False: every access is UNDEFINED on this core. */
  readonly implemented: boolean;
  /** The feature that it came with. */
  readonly since?: string;
  /** After reset, on the first CPU. */
  readonly reset?: string;
  /** When an access is trapped, a sentence each. */
  readonly traps: readonly string[];
  /** What is not modelled. */
  readonly partial?: string;
  readonly fields: readonly FieldInfo[];
}

export const registerInfoInspection = inspection('registerInfo', {
  doc: 'what a system register is: encoding, access, traps, fields',
  arguments: { name: { kind: 'text', doc: 'name of the register, such as TCR_EL1' } },
  inspect({ loaded }, { name = '' }): RegisterInfo {
    const row = lookupName(name)?.row ?? lookupName(name.toUpperCase())?.row;
    const group = registerGroups.find(({ rows }) => row !== undefined && rows.includes(row));
    if (row === undefined || group === undefined || row.encoding === '') {
      throw new UserError(
        `there is no system register '${name.slice(0, 40)}'`,
        "Give 'name' as the manual does: TCR_EL1.",
      );
    }
    return describe(row, group.title, loaded.machine.features);
  },
  text: (info) => {
    const facts: (readonly [string, string])[] = [
      ['register', `${info.name}: ${info.doc}`],
      ['group', `${info.group}, EL${info.el}`],
      ['encoding', info.encoding],
      ['access', `${info.access}, from EL${info.lowestEl}`],
      ...(info.implemented ? [] : [['here', 'UNDEFINED: this core does not have it'] as const]),
      ...(info.since === undefined ? [] : [['since', info.since] as const]),
      ...(info.reset === undefined ? [] : [['after reset', info.reset] as const]),
      ...info.traps.map((trap) => ['trap', trap] as const),
      ...(info.partial === undefined ? [] : [['not modelled', info.partial] as const]),
    ];
    const fields = info.fields.map(({ name, bits, doc, values }) => [
      name,
      bits,
      doc,
      values?.join('; ') ?? '',
    ]);
    return `${textTable(['what', ''], facts)}${fields.length === 0 ? '' : `\n${textTable(['field', 'bits', 'doc', 'values'], fields)}`}`;
  },
});

const ACCESS = { rw: 'read and write', ro: 'read-only', wo: 'write-only' } as const;

function describe(row: SystemRegisterRow, group: string, features: FeatureSet): RegisterInfo {
  const reset = typeof row.reset === 'function' ? row.reset(features, 0) : row.reset;
  return {
    name: row.name,
    doc: row.doc,
    group,
    el: levelOf(row),
    encoding: row.encoding,
    access: ACCESS[row.access],
    lowestEl: row.minEl,
    implemented: isImplemented(row, features),
    ...(row.since !== undefined && { since: row.since }),
    ...(reset !== undefined && { reset: hexOf(reset) }),
    traps: (row.traps ?? []).filter(({ to }) => to === 1 || features.el2).map(trapSentence),
    ...(row.partial !== undefined && { partial: row.partial }),
    fields: Object.entries(row.fields ?? {})
      .sort(([, a], [, b]) => b.low - a.low)
      .map(([name, field]) => fieldInfo(name, field)),
  };
}

function fieldInfo(name: string, { low, width, doc, values }: Bits): FieldInfo {
  const list =
    values &&
    Object.entries(values).map(
      ([value, words]) => `0b${Number(value).toString(2).padStart(width, '0')} ${words}`,
    );
  return {
    name,
    bits: width === 1 ? String(low) : `${low + width - 1}:${low}`,
    doc,
    ...(list && { values: list }),
  };
}

function trapSentence({ control, value = 1, from, on, to }: Trap): string {
  const access = on === undefined ? 'An access' : on === 'read' ? 'A read' : 'A write';
  const levels = from.map((el) => `EL${el}`).join(' or ');
  const controls = typeof control === 'string' ? [control] : control;
  const condition = controls.map((name) => `${name} is ${value}`).join(' and ');
  return `${access} from ${levels} traps to EL${to} while ${condition}.`;
}
