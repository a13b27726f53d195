// What must hold for every inspection, whatever the guest left and whoever asks for what.

import { UserError } from '../../../../../emulator/base/errors.ts';
import { inspections } from '../../../../../emulator/debug/inspect/catalog.ts';
import type { AnyInspection, ArgumentSpec } from '../../../../../emulator/debug/inspect/inspection.ts';
import type { LoadedMachine } from '../../../../../emulator/machine/guest.ts';
import type { Chance } from '../memory/random-tables.ts';
import { ENTRY, type HostileGuest } from './hostile-guest.ts';
import { text as guestText } from './deeds.ts';

const rows = inspections as unknown as readonly AnyInspection[];

/** Beyond this no view is useful to anybody, and a panel is slow. */
const LARGEST_VIEW = 6e6;
/** Reads of memory and of xenstore: a few scans of as many entries as one may read. */
const MOST_READS = 3e6;

/** Who is looked at. */
export type Examined = Pick<HostileGuest, 'loaded' | 'inspector' | 'chance'>;

/** Everything that is wrong with the answers to these questions. */
export function wrongAnswers(guest: Examined, questions: readonly Question[]): string[] {
  const found: string[] = [];
  for (const { row, args } of questions) {
    const complain = (what: string): void => void found.push(`${row.name} ${told(args)}: ${what}`);
    const reads = countReads(guest.loaded);
    let view: unknown;
    try {
      view = guest.inspector.inspect(row.name, args);
    } catch (error) {
      if (!(error instanceof UserError))
        complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
      else if (/undefined|\[object|NaN/.test(error.message)) complain(`says '${error.message}'`);
      continue;
    } finally {
      reads.stop();
    }
    if (reads.count > MOST_READS) complain(`${reads.count} reads`);
    for (const place of notPlain(view)) complain(`not plain data: ${place}`);
    const json = JSON.stringify(view);
    if (json.length > LARGEST_VIEW) complain(`${json.length} characters`);
    if (JSON.stringify(guest.inspector.inspect(row.name, args)) !== json) complain('a second answer differs');
    const text = row.text(view);
    const control = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u.exec(text);
    if (control)
      complain(`text has U+${control[0].codePointAt(0)?.toString(16)} at ${excerpt(text, control.index)}`);
    if (text.length > LARGEST_VIEW) complain(`text of ${text.length} characters`);
    const hole = /\bundefined\b|\bNaN\b|\[object |\bInfinity\b/.exec(withoutGuestTexts(text));
    if (hole) complain(`text says ${excerpt(withoutGuestTexts(text), hole.index)}`);
  }
  return found;
}

/** The guest writes NaN itself. */
const withoutGuestTexts = (text: string): string => text.replaceAll(/"[^"\n]*"|'[^'\n]*'/g, '');

const excerpt = (text: string, at: number): string =>
  JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));

const told = (args: Readonly<Record<string, unknown>>): string =>
  Object.entries(args)
    .map(([key, value]) => `${key}=${String(JSON.stringify(value) ?? value).slice(0, 60)}`)
    .join(' ');

// ---------------------------------------------------------------- questions

export interface Question {
  readonly row: AnyInspection;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Without arguments, and with all kinds of them. */
export function questions(guest: Examined, each: number): Question[] {
  const { chance } = guest;
  return rows.flatMap((row) => {
    const others = [usual(row), ...Array.from({ length: each }, () => wild(row, guest, chance))];
    return [{}, ...others.filter((args) => Object.keys(args).length > 0)].map((args) => ({ row, args }));
  });
}

/** What a panel would ask. */
function usual(row: AnyInspection): Record<string, unknown> {
  const wanted: Readonly<Record<string, unknown>> = {
    domain: 1,
    vcpu: 0,
    address: '0x40080000',
    text: '0x40400000',
    name: 'SCTLR_EL1',
    ring: 'vbd-51712',
  };
  return Object.fromEntries(Object.entries(wanted).filter(([key]) => Object.hasOwn(row.arguments, key)));
}

const NUMBERS: readonly unknown[] = [
  0,
  1,
  1,
  1,
  2,
  -1,
  3,
  64,
  1e9,
  2 ** 32,
  2 ** 53,
  -(2 ** 31),
  0.5,
  NaN,
  Infinity,
  -Infinity,
  '1',
  null,
  [],
  {},
  true,
];
const ADDRESSES: readonly unknown[] = [
  '0x0',
  `0x${ENTRY.toString(16)}`,
  '0x40a00000',
  '0xffffffffffffffff',
  '0xffff800000000000',
  '0xfffffffff',
  '18446744073709551616',
  '-1',
  '0x',
  '',
  'x'.repeat(1e5),
  '0x1g',
  ' 0x10',
  '٣',
  1,
  null,
  {},
];
const TEXTS: readonly unknown[] = [
  'ttbr0',
  'ttbr1',
  'vbd-51712',
  'console',
  'xenstore',
  '/local/domain/1',
  '/local/domain/1/data/__proto__',
  '/',
  '//',
  '',
  '__proto__',
  'constructor',
  'SCTLR_EL1',
  'd1/ipa:0x40400000',
  'host/pa:0x40000000',
  'd99999/va:0x0',
  'va:0xffffffffffffffff',
  'pa:0x9000000',
  '40400000',
  '9'.repeat(1e5),
  '\u001b[2J',
  'a\nb',
  1,
  null,
  [],
];
const VALUES: Readonly<Record<ArgumentSpec['kind'], readonly unknown[]>> = {
  number: NUMBERS,
  address: ADDRESSES,
  text: TEXTS,
  flag: [true, false, true, 1, 'true', null],
};
const UNKNOWN = ['__proto__', 'constructor', 'toString', 'x', ''];

function wild(row: AnyInspection, guest: Examined, chance: Chance): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [key, { kind }] of Object.entries(row.arguments)) {
    if (chance.once(3)) continue;
    const values = VALUES[kind];
    args[key] = kind === 'text' && chance.once(6) ? guestText(guest) : values[chance.below(values.length)];
  }
  if (chance.once(8)) {
    const key = UNKNOWN[chance.below(UNKNOWN.length)] ?? '';
    Object.defineProperty(args, key, { value: 1, enumerable: true });
  }
  return args;
}

// ---------------------------------------------------------------- checks

/** Places of a value that JSON does not keep as it is. */
function notPlain(value: unknown, at = '$', found: string[] = []): string[] {
  if (found.length > 5 || value === null || typeof value === 'string' || typeof value === 'boolean')
    return found;
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || Object.is(value, -0)) found.push(`${at} is ${value}`);
    return found;
  }
  if (Array.isArray(value)) {
    value.forEach((item, index) => notPlain(item, `${at}[${index}]`, found));
    return found;
  }
  if (typeof value !== 'object') found.push(`${at} is a ${typeof value}`);
  else if (Object.getPrototypeOf(value) !== Object.prototype) found.push(`${at} is no plain object`);
  else for (const [key, item] of Object.entries(value)) notPlain(item, `${at}.${key}`, found);
  return found;
}

/** Counts accesses to RAM and to nodes of xenstore until it is stopped. */
function countReads({ machine, view }: LoadedMachine): { readonly count: number; stop(): void } {
  let count = 0;
  const undo = [
    ...(['read8', 'read16', 'read32', 'read64', 'bytes'] as const).map((name) =>
      counting(machine.memory, name),
    ),
    ...(view?.daemons ? [counting(view.daemons.xenstore, 'node')] : []),
  ];
  function counting<Owner extends object>(owner: Owner, name: keyof Owner): () => void {
    const before = Object.getOwnPropertyDescriptor(owner, name);
    const original = owner[name] as (...args: unknown[]) => unknown;
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: (...args: unknown[]) => {
        count++;
        return original.apply(owner, args);
      },
    });
    return () => {
      if (before) Object.defineProperty(owner, name, before);
      else delete owner[name];
    };
  }
  return {
    get count() {
      return count;
    },
    stop: () => undo.forEach((back) => back()),
  };
}
