// Expressions that the machine computes by itself, between two instructions of a guest: plain data. What they
// are for stands in machine/stop-programs.ts.

/** Computes a 64-bit value from the state of the vCPU that has come to the place. Never changes anything. */
export type Program =
  | { readonly kind: 'constant'; readonly value: bigint }
  /** `x0`..`x30`, `sp`, `pc`, `pstate`, or a system register by the manual's name. */
  | { readonly kind: 'register'; readonly name: string }
  /** Of guest memory at a VA of the vCPU, as its regime is now. A fault makes the whole program fail. */
  | {
      readonly kind: 'load';
      readonly address: Program;
      readonly size: 1 | 2 | 4 | 8;
      readonly signed: boolean;
    }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Program }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Program;
      readonly right: Program;
    }
  /** The low `bits` of the value, extended. */
  | { readonly kind: 'extend'; readonly bits: number; readonly signed: boolean; readonly operand: Program }
  /** C's && and || evaluate the right side only when needed; ?: one of two. */
  | { readonly kind: 'and' | 'or'; readonly left: Program; readonly right: Program }
  | {
      readonly kind: 'choose';
      readonly condition: Program;
      readonly yes: Program;
      readonly no: Program;
    }
  /** How often the place was reached, this time included. */
  | { readonly kind: 'hits' }
  /** A data breakpoint's value before and after. */
  | { readonly kind: 'old' | 'new' }
  /** A number of the event that is being judged (`$ev.intid`); an event without it makes the program fail. */
  | { readonly kind: 'event'; readonly field: string }
  /** Whether a text of the event equals this one; `*` stands for anything. */
  | { readonly kind: 'event-text'; readonly field: string; readonly pattern: string };

export type UnaryOperator = '-' | '~' | '!';

/** `s` and `u` where signedness matters. Comparisons yield 0 or 1; a division by zero fails. */
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '/s'
  | '/u'
  | '%s'
  | '%u'
  | '>>s'
  | '>>u'
  | '=='
  | '!='
  | '<s'
  | '<u'
  | '<=s'
  | '<=u'
  | '>s'
  | '>u'
  | '>=s'
  | '>=u';
