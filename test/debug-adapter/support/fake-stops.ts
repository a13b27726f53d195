// How the fake machine judges stops: the same rules as the real one, told by a walk over the program's tree.

import type { EventReport } from '../../../emulator/machine/messages.ts';
import type { Captured, Program, StopRules } from '../../../emulator/machine/stop-programs.ts';

/** What a program may ask for. */
export interface FakeState {
  register(name: string): bigint | undefined;
  read(address: bigint, length: number): Uint8Array;
  readonly el: number;
  readonly hits: bigint;
  readonly old?: bigint;
  readonly new?: bigint;
  readonly event?: EventReport;
}

class Failure extends Error {}

export type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'stop'; readonly conditionError?: string }
  | { readonly kind: 'log'; readonly values: readonly Captured[] };

/** Scope and condition hold: the place was reached. */
export function isReached({ scope, condition }: StopRules, state: FakeState): boolean | string {
  if (scope?.el !== undefined && scope.el !== state.el) return false;
  if (scope?.vcpu !== undefined && scope.vcpu !== 0) return false;
  if (scope?.ttbr0 !== undefined && scope.ttbr0 !== state.register('TTBR0_EL1')) return false;
  try {
    return condition === undefined || compute(condition, state) !== 0n;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** Of a place that was reached so many times. */
export function verdict({ hits, log }: StopRules, state: FakeState): Verdict {
  if (hits && !counts(hits.operator, Number(state.hits), hits.count)) return { kind: 'pass' };
  if (!log) return { kind: 'stop' };
  const values = log.map((capture): Captured => {
    try {
      switch (capture.kind) {
        case 'value':
          return compute(capture.program, state);
        case 'text': {
          const bytes = state.read(compute(capture.address, state), capture.limit);
          const end = bytes.indexOf(0);
          return end < 0 ? bytes : bytes.subarray(0, end);
        }
        case 'bytes':
          return state.read(compute(capture.address, state), capture.length);
      }
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  });
  return { kind: 'log', values };
}

function counts(operator: string, n: number, count: number): boolean {
  switch (operator) {
    case '==':
      return n === count;
    case '>=':
      return n >= count;
    case '>':
      return n > count;
    case '<=':
      return n <= count;
    case '<':
      return n < count;
    default:
      return n % count === 0;
  }
}

function compute(program: Program, state: FakeState): bigint {
  const known = (value: bigint | undefined, what: string): bigint => {
    if (value === undefined) throw new Failure(`${what} is not known`);
    return value;
  };
  switch (program.kind) {
    case 'constant':
      return BigInt.asUintN(64, program.value);
    case 'register':
      return known(state.register(program.name), program.name);
    case 'load': {
      const bytes = state.read(compute(program.address, state), program.size);
      if (bytes.length < program.size) throw new Failure('nothing is mapped there');
      const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      return BigInt.asUintN(64, program.signed ? BigInt.asIntN(8 * program.size, value) : value);
    }
    case 'unary': {
      const value = compute(program.operand, state);
      if (program.operator === '!') return value === 0n ? 1n : 0n;
      return BigInt.asUintN(64, program.operator === '-' ? -value : ~value);
    }
    case 'binary':
      return binary(program.operator, compute(program.left, state), compute(program.right, state));
    case 'extend': {
      const value = compute(program.operand, state);
      return BigInt.asUintN(
        64,
        program.signed ? BigInt.asIntN(program.bits, value) : BigInt.asUintN(program.bits, value),
      );
    }
    case 'and':
      return compute(program.left, state) !== 0n && compute(program.right, state) !== 0n ? 1n : 0n;
    case 'or':
      return compute(program.left, state) !== 0n || compute(program.right, state) !== 0n ? 1n : 0n;
    case 'choose':
      return compute(program.condition, state) === 0n
        ? compute(program.no, state)
        : compute(program.yes, state);
    case 'hits':
      return state.hits;
    case 'old':
    case 'new':
      return known(state[program.kind], `$${program.kind}`);
    case 'event': {
      const value = state.event?.fields[program.field];
      return known(typeof value === 'bigint' ? value : undefined, `$ev.${program.field}`);
    }
    case 'event-text': {
      const value = state.event?.fields[program.field];
      if (typeof value !== 'string') throw new Failure(`$ev.${program.field} is no text`);
      return new RegExp(`^${program.pattern.replaceAll('*', '.*')}$`).test(value) ? 1n : 0n;
    }
  }
}

function binary(operator: string, a: bigint, b: bigint): bigint {
  const [x, y] = [BigInt.asIntN(64, a), BigInt.asIntN(64, b)];
  const truth = (value: boolean): bigint => (value ? 1n : 0n);
  switch (operator) {
    case '+':
      return BigInt.asUintN(64, a + b);
    case '-':
      return BigInt.asUintN(64, a - b);
    case '*':
      return BigInt.asUintN(64, a * b);
    case '%u':
    case '/u':
      if (b === 0n) throw new Failure('it divides by zero');
      return operator === '%u' ? a % b : a / b;
    case '>>u':
      return a >> (b & 63n);
    case '<<':
      return BigInt.asUintN(64, a << (b & 63n));
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '==':
      return truth(a === b);
    case '!=':
      return truth(a !== b);
    case '<u':
      return truth(a < b);
    case '<s':
      return truth(x < y);
    case '>u':
      return truth(a > b);
    case '>s':
      return truth(x > y);
    case '<=u':
      return truth(a <= b);
    case '<=s':
      return truth(x <= y);
    case '>=u':
      return truth(a >= b);
    case '>=s':
      return truth(x >= y);
    default:
      throw new Failure(`the fake machine has no ${operator}`);
  }
}
