// How a system register is declared: everything about it in one row.
//
// Values pass as two unsigned halves, not as bigints: timers and interrupt controller are accessed
// at every interrupt of a guest.

import type { GenericTimer } from '../../devices/generic-timer.ts';
import type { GicV3CpuInterface } from '../../devices/gic-v3/cpu-interface.ts';
import type { FeatureSet } from '../features.ts';

/** Says a value of a field, or of a register, in words; undefined where the number says it all. */
export type Words = (value: bigint, register: bigint) => string | undefined;

export interface Bits {
  readonly low: number;
  readonly width: number;
  readonly doc: string;
  readonly readOnly?: true;
  /** What each value means, in words. A value that is not there is reserved. */
  readonly values?: Readonly<Record<number, string>>;
  /** The same, where a list would not do. */
  readonly words?: Words;
}

export type Fields = Readonly<Record<string, Bits>>;

/** What a register without fields holds: for the debugger. */
export interface Whole {
  /** An address that a debugger can follow. */
  readonly space?: 'va' | 'ipa' | 'pa';
  readonly words?: Words;
}

const NO_AND_YES: readonly [string, string] = ['no', 'yes'];

/** A bit whose `doc` is a statement, true while it is set; or with words of its own for 0 and 1. */
export const bit = (low: number, doc: string, [clear, set] = NO_AND_YES): Bits => ({
  low,
  width: 1,
  doc,
  values: { 0: clear, 1: set },
});
export const bits = (high: number, low: number, doc: string, values?: Bits['values'] | Words): Bits => ({
  low,
  width: high - low + 1,
  doc,
  ...(typeof values === 'function' ? { words: values } : values && { values }),
});
export const ro = (field: Bits): Bits => ({ ...field, readOnly: true });

/**
 * A trap: an access from one of these ELs is taken to EL `to` when the control bit has the value.
 * `to: 1` means EL1, or EL2 while HCR_EL2.TGE is set.
 */
export interface Trap {
  /** `REGISTER.FIELD`; of several, all must have the value. */
  readonly control: string | readonly string[];
  /** The value that traps; 1 unless said. */
  readonly value?: 0 | 1;
  readonly from: readonly (0 | 1)[];
  readonly on?: 'read' | 'write';
  readonly to: 1 | 2;
}

/** What a row's functions see of the CPU that executes. */
export interface RegisterContext {
  readonly features: FeatureSet;
  readonly el: number;
  readonly cpu: number;
  /** Storage of a register by its address in memory/layout.ts, or of a row by name. */
  low(register: number | string): number;
  high(register: number | string): number;
  store(register: number | string, low: number, high?: number): void;
  field(register: string, field: string): number;
  /** Virtual nanoseconds. */
  now(): number;
  readonly timer: GenericTimer;
  /** Undefined on a machine without GICv3. */
  readonly gic: GicV3CpuInterface | undefined;
  /** Interrupt lines and virtual interrupts that are pending: LINE_* bits. */
  pendingLines(): number;
  /** A control bit changed that decides who may access what. */
  accessChanged(): void;
  /** See the kernel of that name. */
  translationControlChanged(el: number): void;
  /** EL, PAN, ASID, VMID or a bit that traps FP changed. */
  updateRegime(): void;
  /** Pending interrupts, or whether software step is on, may have changed. */
  recheckInterrupts(): void;
}

export interface SystemRegisterRow {
  readonly name: string;
  /** `S<op0>_<op1>_C<CRn>_C<CRm>_<op2>`. */
  readonly encoding: string;
  readonly doc: string;
  /** The lowest EL that can ever access it. */
  readonly minEl: 0 | 1 | 2;
  readonly access: 'rw' | 'ro' | 'wo';
  /** By the manual's names. What stands in none of them is reserved. */
  readonly fields?: Fields;
  /** Fields that depend on the value, beside or inside those of `fields` (an ISS by its EC). */
  readonly variant?: (value: bigint) => Fields;
  /** What the register says as a whole, with or without fields. */
  readonly whole?: Whole;
  readonly traps?: readonly Trap[];
  /** A feature without which the register is UNDEFINED. */
  readonly since?: string;
  /** For the debugger: false where every access is UNDEFINED, beyond what `since` and `minEl` say. */
  readonly implemented?: (features: FeatureSet) => boolean;
  /** Value after reset, of the CPU with this index. */
  readonly reset?: bigint | ((features: FeatureSet, cpu: number) => bigint);
  /** Address of its storage in memory/layout.ts; otherwise the table hands out a slot. */
  readonly slot?: number;
  /** Not stored: `read` and `write` do everything. */
  readonly storage?: false;
  /** Fixed number of a row without storage (indexes.ts). */
  readonly index?: number;
  /** Read or written by the kernels: see `system-access.as.ts`. */
  readonly kernel?: 'read' | 'write' | 'both';
  /** Bits that a write can change; the others keep their value. */
  readonly writable?: bigint;
  /** Bits 31..0, and `readHigh` 63..32. */
  readonly read?: (context: RegisterContext) => number;
  readonly readHigh?: (context: RegisterContext) => number;
  readonly write?: (context: RegisterContext, low: number, high: number) => void;
  /** As `read`, without side effects, where `read` has some. */
  readonly peek?: (context: RegisterContext) => number;
  /** What the architecture says of an access that is no trap: `ok` unless said. */
  readonly check?: (context: RegisterContext, isWrite: boolean) => AccessResult;
  /** What is not modelled, in a sentence for the reference page. */
  readonly partial?: string;
}

export type AccessResult = 'ok' | 'undefined' | 'trap-to-el1' | 'trap-to-el2';

export function systemRegister(name: string, row: Omit<SystemRegisterRow, 'name'>): SystemRegisterRow {
  return { name, ...row };
}

/** As many rows as `count`, named and encoded by number. */
export function numbered(
  count: number,
  make: (n: number) => SystemRegisterRow,
): readonly SystemRegisterRow[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

// Traps that many registers share.

export const trapOnEl1 = (control: string, on?: 'read' | 'write'): Trap => ({
  control,
  from: [1],
  to: 2,
  ...(on ? { on } : {}),
});
export const trapBelowEl2 = (control: string): Trap => ({ control, from: [0, 1], to: 2 });
/** EL0 is trapped unless one of the controls is set. */
export const el0Unless = (...control: string[]): Trap => ({ control, value: 0, from: [0], to: 1 });

/** HCR_EL2.TVM and TRVM: the registers of stage 1. */
export const virtualMemoryTraps: readonly Trap[] = [
  trapOnEl1('HCR_EL2.TVM', 'write'),
  trapOnEl1('HCR_EL2.TRVM', 'read'),
];
