// What a debugger gives to the machine so that it can decide by itself, between two instructions of a
// guest, whether a stop is one: conditions, hit counts, values to log. Plain data; the adapter compiles
// expressions to it, and engine/programs makes code of it.

import type { Program } from '../engine/programs/program.ts';

export type { BinaryOperator, Program, UnaryOperator } from '../engine/programs/program.ts';

/** What a log message takes from the guest as it passes. */
export type Capture =
  | { readonly kind: 'value'; readonly program: Program }
  /** A string in guest memory, up to its NUL or `limit` bytes. */
  | { readonly kind: 'text'; readonly address: Program; readonly limit: number }
  | { readonly kind: 'bytes'; readonly address: Program; readonly length: number };

/** Undefined: it could not be read. */
export type Captured = bigint | Uint8Array | undefined;

/** When of many hits one counts. `%`: every Nth. */
export interface HitCondition {
  readonly operator: '==' | '>=' | '>' | '<=' | '<' | '%';
  readonly count: number;
}

/** Who may come to a place for it to count. */
export interface StopScope {
  /** A vCPU of the domain. */
  readonly vcpu?: number;
  readonly el?: 0 | 1;
  /** TTBR0_EL1 with its ASID: a process. */
  readonly ttbr0?: bigint;
  /** The translation table that TTBR0_EL1 leads to, whatever the ASID: a process for as long as it lives. */
  readonly table?: bigint;
}

/** What all kinds of breakpoints share. Judged in this order. */
export interface StopRules {
  readonly scope?: StopScope;
  readonly condition?: Program;
  readonly hits?: HitCondition;
  /** The guest does not stop: a `hit` event carries these. */
  readonly log?: readonly Capture[];
}
