// What an xl.cfg file says, typed. Keys, defaults and checks are those of xl 4.17 on Arm
// (tools/xl/xl_parse.c); which keys are read, ignored or refused stands in `keys.ts`.

import { UserError } from '../../base/errors.ts';
import type { Place } from '../../base/errors.ts';
import { type DiskSpec, isDiskRefusal, parseDiskSpec } from '../disk-spec.ts';
import { isVifRefusal, parseVifSpec, type VifSpec } from '../vif-spec.ts';
import { parseCpuRanges } from './cpu-ranges.ts';
import { xlKeys } from './keys.ts';
import { MAX_MEMORY_MIB, MAX_VCPUS_GICV2, MAX_VCPUS_GICV3, XL_ACTIONS } from './keys/domain.ts';
import type { XlRun } from './keys/row.ts';
import { strtol } from './numbers.ts';
import { parseXlSyntax } from './syntax.ts';
import type { XlAtom, XlSetting, XlValue } from './syntax.ts';

export type XlAction = keyof typeof XL_ACTIONS;
const ACTIONS = Object.keys(XL_ACTIONS) as readonly XlAction[];

/** A file named in the configuration, as written there, and where. */
export interface XlPath {
  readonly path: string;
  readonly place: Place;
}

export interface XlConfig {
  readonly name: string;
  readonly kernel: XlPath;
  readonly ramdisk?: XlPath;
  readonly cmdline: string;
  /** MiB. */
  readonly memory: number;
  /** MiB, at least `memory`. */
  readonly maxmem: number;
  readonly vcpus: number;
  readonly maxvcpus: number;
  /** Undefined: the version of the machine's own interrupt controller. */
  readonly gicVersion?: 2 | 3;
  /** Lower case, with hyphens. */
  readonly uuid?: string;
  /** An emulated PL011 is wanted. */
  readonly vuart: boolean;
  readonly disks: readonly DiskSpec[];
  readonly vifs: readonly VifSpec[];
  readonly scheduling: XlScheduling;
  readonly onPoweroff: XlAction;
  readonly onReboot: XlAction;
  readonly onCrash: XlAction;
  readonly onWatchdog: XlAction;
  readonly onSoftReset: XlAction;
}

/** What stands there about physical CPUs; the rest is the scheduler's default. */
export interface XlScheduling {
  readonly pool?: string;
  /** By vCPU, bit n for CPU n. */
  readonly cpus?: readonly number[];
  readonly cpusSoft?: readonly number[];
  readonly weight?: number;
  /** Per cent of one CPU. */
  readonly cap?: number;
  /** Microseconds. */
  readonly period?: number;
  readonly extratime?: boolean;
}

export interface XlWarning {
  readonly message: string;
  readonly place: Place;
}

export interface XlFile {
  readonly config: XlConfig;
  readonly warnings: readonly XlWarning[];
  /** Where the value of a key stands; the file where the key is missing. */
  placeOf(key: string): Place;
}

export function readXlConfig(text: string, file: string): XlFile {
  const reader = new Reader(parseXlSyntax(text, file), file);
  const config = reader.config();
  const warnings = reader.warnings.sort((a, b) => (a.place.line ?? 0) - (b.place.line ?? 0));
  return { config, warnings, placeOf: (key) => reader.placeOf(key) };
}

class Reader {
  readonly warnings: XlWarning[] = [];
  private readonly values = new Map<string, XlValue>();
  private readonly file: string;

  constructor(settings: readonly XlSetting[], file: string) {
    this.file = file;
    for (const setting of settings) this.set(setting);
    for (const [key, value] of this.values) this.judge(key, value);
  }

  config(): XlConfig {
    this.checkType();
    const memory = this.number('memory', 32, 1, MAX_MEMORY_MIB);
    const maxmem = this.number('maxmem', memory, 1, MAX_MEMORY_MIB);
    if (maxmem < memory) {
      throw this.wrong(
        'maxmem',
        `maxmem (${maxmem}) is less than memory (${memory})`,
        'Raise maxmem or drop it.',
      );
    }
    const gicVersion = this.gicVersion();
    const limit = gicVersion === 2 ? MAX_VCPUS_GICV2 : MAX_VCPUS_GICV3;
    const vcpus = this.number('vcpus', 1, 1, limit);
    const maxvcpus = this.number('maxvcpus', vcpus, 1, limit);
    if (maxvcpus < vcpus) {
      throw this.wrong(
        'maxvcpus',
        `maxvcpus (${maxvcpus}) is less than vcpus (${vcpus})`,
        'Raise maxvcpus or drop it.',
      );
    }
    const ramdisk = this.path('ramdisk');
    const uuid = this.uuid();
    return {
      name: this.name(),
      kernel: this.kernel(),
      ...(ramdisk && { ramdisk }),
      cmdline: this.commandLine(),
      memory,
      maxmem,
      vcpus,
      maxvcpus,
      ...(gicVersion && { gicVersion }),
      ...(uuid && { uuid }),
      vuart: this.choice('vuart', ['sbsa_uart']) !== undefined,
      disks: this.disks(),
      vifs: this.vifs(),
      scheduling: this.scheduling(maxvcpus),
      onPoweroff: this.choice('on_poweroff', ACTIONS) ?? 'destroy',
      onReboot: this.choice('on_reboot', ACTIONS) ?? 'restart',
      onCrash: this.choice('on_crash', ACTIONS) ?? 'destroy',
      onWatchdog: this.choice('on_watchdog', ACTIONS) ?? 'destroy',
      onSoftReset: this.choice('on_soft_reset', ACTIONS) ?? 'soft-reset',
    };
  }

  placeOf(key: string): Place {
    return this.values.get(key)?.place ?? { file: this.file };
  }

  // ------------------------------------------------------------------ settings

  /** A later setting replaces an earlier one; += joins strings and lists. */
  private set({ key, append, value, place }: XlSetting): void {
    const earlier = this.values.get(key);
    if (earlier === undefined || !append) {
      if (earlier !== undefined) this.warn(`'${key}' is set again; the earlier value is dropped`, place);
      this.values.set(key, value);
    } else if (earlier.kind === 'atom' && value.kind === 'atom') {
      this.values.set(key, { ...earlier, text: earlier.text + value.text });
    } else if (earlier.kind === 'list' && value.kind === 'list') {
      this.values.set(key, { ...earlier, items: [...earlier.items, ...value.items] });
    } else {
      throw new UserError(
        `'${key} +=' joins a list and a single value`,
        'Write both as lists, or both as text.',
        place,
      );
    }
  }

  private judge(key: string, value: XlValue): void {
    const known = xlKeys.get(key);
    if (known === undefined || known.since !== undefined) {
      const reason = known === undefined ? 'is not a key of xl.cfg' : 'is newer than Xen 4.17';
      this.warn(`'${key}' ${reason} and is ignored`, value.place);
      return;
    }
    const { run } = known;
    if (run.status === 'no-effect') {
      this.warn(`'${key}' has no effect: ${run.why}`, value.place);
    } else if (run.status === 'unsupported' && !isTaken(value, run)) {
      const neutral = run.neutral.filter((text) => text !== '');
      const remove = neutral.length > 0 ? `Remove it, or set it to ${neutral.join(' or ')}.` : 'Remove it.';
      const hint = run.except?.hint ?? remove;
      throw new UserError(`'${key}' (${run.what}) is not supported`, hint, value.place);
    }
  }

  // ------------------------------------------------------------------ keys

  private name(): string {
    const name = this.text('name');
    if (name === undefined || name === '') throw this.missing('name', 'name = "guest"');
    if (name.includes('/'))
      throw this.wrong('name', "the name contains '/'", 'Names become parts of xenstore paths.');
    return name;
  }

  private kernel(): XlPath {
    return this.path('kernel') ?? fail(this.missing('kernel', 'kernel = "vmlinuz"'));
  }

  private path(key: string): XlPath | undefined {
    const path = this.text(key);
    if (path === undefined) return undefined;
    if (path === '') throw this.wrong(key, `'${key}' is empty`, 'Name a file, or drop the line.');
    return { path, place: this.placeOf(key) };
  }

  private commandLine(): string {
    const [cmdline, root, extra] = [this.text('cmdline'), this.text('root'), this.text('extra')];
    if (cmdline !== undefined) {
      const place = this.values.get('root')?.place ?? this.values.get('extra')?.place;
      if (place !== undefined) this.warn("'root' and 'extra' are ignored in favour of 'cmdline'", place);
      return cmdline;
    }
    return [root === undefined ? [] : `root=${root}`, extra ?? []].flat().join(' ');
  }

  /** What is no scratch disk was refused before. */
  private disks(): DiskSpec[] {
    const value = this.values.get('disk');
    const items = value?.kind === 'list' ? value.items.filter((item) => item.kind === 'atom') : [];
    return items.map(({ text, place }) => {
      const disk = parseDiskSpec(text);
      return isDiskRefusal(disk) ? fail(new UserError(disk.message, disk.hint, place)) : disk;
    });
  }

  private vifs(): VifSpec[] {
    const value = this.values.get('vif');
    const items = value?.kind === 'list' ? value.items.filter((item) => item.kind === 'atom') : [];
    return items.map(({ text, place }) => {
      const vif = parseVifSpec(text);
      return isVifRefusal(vif) ? fail(new UserError(vif.message, vif.hint, place)) : vif;
    });
  }

  private scheduling(vcpus: number): XlScheduling {
    const optional = <T>(name: string, key: string, value: () => T) =>
      this.values.has(key) ? { [name]: value() } : {};
    return {
      ...optional('pool', 'pool', () => this.text('pool')),
      ...optional('cpus', 'cpus', () => this.cpuSets('cpus', vcpus)),
      ...optional('cpusSoft', 'cpus_soft', () => this.cpuSets('cpus_soft', vcpus)),
      ...optional('weight', 'cpu_weight', () => this.number('cpu_weight', 256, 1, 65_535)),
      ...optional('cap', 'cap', () => this.number('cap', 0, 0, 2 ** 31 - 1)),
      ...optional('period', 'period', () => this.number('period', 10_000, 0, 2 ** 31 - 1)),
      ...optional('extratime', 'extratime', () => this.number('extratime', 1, -(2 ** 31), 2 ** 31 - 1) !== 0),
    };
  }

  /** A set for each vCPU: a single one is for all, and of a list each is for one. */
  private cpuSets(key: string, vcpus: number): readonly number[] {
    const value = this.values.get(key);
    const items = value?.kind === 'list' ? value.items : value ? [value] : [];
    const sets = items.map((item) => {
      const { text } = this.atom(key, item);
      const set = text.trim() === '' ? 0xffff_ffff : parseCpuRanges(text);
      // What the host does not have is refused where the domain is made.
      if (set !== undefined) return set;
      throw this.wrong(key, `'${text}' are no CPUs`, 'Write CPUs such as "0-3,^1", or "all".');
    });
    // libxl leaves a vCPU that the list does not name where it likes to be.
    return Array.from({ length: vcpus }, (_, vcpu) =>
      value?.kind === 'list' ? (sets[vcpu] ?? 0xffff_ffff) : (sets[0] ?? 0xffff_ffff),
    );
  }

  /** xl compares beginnings, so "p" is pv; on Arm, pv and pvh guests are one kind. */
  private checkType(): void {
    const type = this.text('type');
    if (type === undefined) return;
    const place = this.placeOf('type');
    if (type.startsWith('h')) {
      throw this.wrong('type', "Arm has no guests of type 'hvm'", 'Write type = "pvh", or drop the line.');
    }
    if (!type.startsWith('p')) {
      throw this.wrong('type', `'${type}' is not a type of guest`, 'Write type = "pvh", or drop the line.');
    }
    if (type !== 'pvh') this.warn(`type '${type}' is treated as 'pvh', the only one on Arm`, place);
  }

  private gicVersion(): 2 | 3 | undefined {
    const version = this.choice('gic_version', ['default', 'v2', 'v3']);
    if (version === undefined || version === 'default') return undefined;
    return version === 'v2' ? 2 : 3;
  }

  private uuid(): string | undefined {
    const text = this.text('uuid');
    if (text === undefined) return undefined;
    const digits = text.toLowerCase().replaceAll('-', '');
    if (!/^[0-9a-f]{32}$/.test(digits)) {
      throw this.wrong(
        'uuid',
        `'${text}' is not a UUID`,
        'Write 32 hexadecimal digits with or without hyphens.',
      );
    }
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  // ------------------------------------------------------------------ values

  private text(key: string): string | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    return this.atom(key, value).text;
  }

  private number(key: string, standard: number, lowest: number, highest: number): number {
    const value = this.values.get(key);
    if (value === undefined) return standard;
    const { text } = this.atom(key, value);
    const number = strtol(text);
    if (number === undefined) {
      throw this.wrong(
        key,
        `'${key}' is '${text}', not a number`,
        `Write a number from ${lowest} to ${highest}.`,
      );
    }
    if (number < lowest || number > highest) {
      throw this.wrong(key, `'${key}' is ${number}`, `It must be from ${lowest} to ${highest}.`);
    }
    return number;
  }

  /** Words are compared as the table says: libxl's without regard to case, xl's own exactly. */
  private choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const type = xlKeys.get(key)?.type;
    const word = type?.kind === 'choice' && type.caseless ? text.toLowerCase() : text;
    const choice = choices.find((known) => known === word);
    if (choice !== undefined) return choice;
    throw this.wrong(
      key,
      `'${key}' cannot be '${text}'`,
      `Use ${choices.map((known) => `"${known}"`).join(', ')}.`,
    );
  }

  private atom(key: string, value: XlValue): XlAtom {
    if (value.kind === 'atom') return value;
    throw this.wrong(key, `'${key}' is a list`, 'Write a single value.');
  }

  private wrong(key: string, message: string, hint: string): UserError {
    return new UserError(message, hint, this.placeOf(key));
  }

  private missing(key: string, example: string): UserError {
    return new UserError(`'${key}' is missing`, `Add a line such as ${example}`, { file: this.file });
  }

  private warn(message: string, place: Place): void {
    this.warnings.push({ message, place });
  }
}

type XlUnsupported = Extract<XlRun, { status: 'unsupported' }>;

/** Whether a value asks for what happens anyway, or for what is there: an empty list is neutral where '' is. */
export function isTaken(value: XlValue, { neutral, except }: XlUnsupported): boolean {
  if (value.kind === 'atom') return neutral.includes(value.text);
  if (value.items.length === 0) return neutral.includes('');
  return except !== undefined && value.items.every((item) => item.kind === 'atom' && except.takes(item.text));
}

function fail(error: Error): never {
  throw error;
}
