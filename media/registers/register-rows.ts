// The rows of the register table: groups, registers in them, fields in those. Pure functions of the view.

import type { Inspections } from '../../debug-adapter/protocol.ts';

export type RegistersView = Inspections['registers']['view'];
export type GroupView = RegistersView['groups'][number];
export type RegisterView = GroupView['registers'][number];
export type FieldView = RegisterView['fields'][number];

export type Row =
  | {
      readonly kind: 'group';
      readonly key: string;
      readonly group: GroupView;
      readonly below: readonly Row[];
    }
  | {
      readonly kind: 'register';
      readonly key: string;
      readonly register: RegisterView;
      /** What stands at the address that it holds. */
      readonly symbol: string | undefined;
      readonly below: readonly Row[] | undefined;
    }
  | {
      readonly kind: 'field';
      readonly key: string;
      readonly field: FieldView;
      readonly register: RegisterView;
      readonly below: readonly Row[] | undefined;
    };

/** `core` is what every level has: X and V registers and the processor state. */
export type Level = 'all' | 'core' | '0' | '1' | '2';

export interface Choice {
  readonly level: Level;
  /** Only registers whose value was another in this view. */
  readonly changedSince?: RegistersView | undefined;
  readonly symbols: ReadonlyMap<string, string>;
}

export function rowsOf(view: RegistersView, { level, changedSince, symbols }: Choice): Row[] {
  const before = changedSince && valuesOf(changedSince);
  return view.groups
    .filter((group) => isOfLevel(group, level))
    .flatMap((group): Row[] => {
      const shown = group.registers.filter(
        ({ name, value }) => before === undefined || before.get(name) !== value,
      );
      if (shown.length === 0) return [];
      return [
        {
          kind: 'group',
          key: group.id,
          group,
          below: shown.map((register) => registerRow(register, symbols)),
        },
      ];
    });
}

function isOfLevel({ el }: GroupView, level: Level): boolean {
  if (level === 'all') return true;
  return level === 'core' ? el === undefined : el === Number(level);
}

function registerRow(register: RegisterView, symbols: ReadonlyMap<string, string>): Row {
  const { name, value, fields } = register;
  const row = (field: FieldView): Row => {
    const parts = fields.filter(({ within }) => within === field.name && field.within === undefined);
    return {
      kind: 'field',
      key: `${name}.${fieldName(field)}`,
      field,
      register,
      below: parts.length === 0 ? undefined : parts.map(row),
    };
  };
  const outer = fields.filter(({ within }) => within === undefined);
  return {
    kind: 'register',
    key: name,
    register,
    symbol: value === undefined ? undefined : symbols.get(value),
    below: outer.length === 0 ? undefined : outer.map(row),
  };
}

/** As `xen/setRegister` names it. */
export function fieldName({ name, within, reserved, bits }: FieldView): string {
  if (reserved) return `${name} ${bits}`;
  return within === undefined ? name : `${within}.${name}`;
}

/** Values by the names of registers. */
export function valuesOf(view: RegistersView): ReadonlyMap<string, string | undefined> {
  return new Map(view.groups.flatMap(({ registers }) => registers.map(({ name, value }) => [name, value])));
}

export function nameOf(row: Row): string {
  switch (row.kind) {
    case 'group':
      return row.group.el === undefined ? row.group.title : `${row.group.title}, EL${row.group.el}`;
    case 'register':
      return row.register.name;
    case 'field':
      return row.field.name;
  }
}

export function valueOf(row: Row): string {
  switch (row.kind) {
    case 'group':
      return '';
    case 'register':
      return row.register.value ?? row.register.unreadable ?? '';
    case 'field':
      return row.field.value;
  }
}

export function bitsOf(row: Row): string {
  return row.kind === 'field' ? row.field.bits : '';
}

export function wordsOf(row: Row): string {
  switch (row.kind) {
    case 'group':
      return '';
    case 'register':
      return [row.register.words, row.symbol].filter((words) => words !== undefined).join(' · ');
    case 'field':
      return row.field.words ?? '';
  }
}

export function docOf(row: Row): string {
  switch (row.kind) {
    case 'group':
      return '';
    case 'register':
      return row.register.doc;
    case 'field':
      return row.field.doc;
  }
}

/** Values that may be addresses with a name: those that say so, and X registers. */
export function addressesOf(view: RegistersView): string[] {
  const values = view.groups.flatMap(({ id, registers }) =>
    registers.flatMap(({ value, space, name }) =>
      value !== undefined && (space === 'va' || (id === 'general' && name !== 'pstate')) ? [value] : [],
    ),
  );
  return [...new Set(values)].filter((value) => value.length === 18 && BigInt(value) >= 0x1000n);
}
