// Conditions of panics and crashes, which the adapter finds itself: programs over the fields of an event and nothing
// else. A register or memory has no meaning here, nor has a hit count.

import type { EventReport } from '../../emulator/machine/messages.ts';
import type { BinaryOperator, Program } from '../../emulator/machine/stop-programs.ts';

/** Undefined: it cannot be computed. */
export function conditionHolds(program: Program, { fields }: EventReport): boolean | undefined {
  const result = compute(program, fields);
  return result === undefined ? undefined : result !== 0n;
}

function compute(program: Program, fields: EventReport['fields']): bigint | undefined {
  switch (program.kind) {
    case 'constant':
      return BigInt.asUintN(64, program.value);
    case 'event': {
      const value = fields[program.field];
      return typeof value === 'bigint' ? BigInt.asUintN(64, value) : undefined;
    }
    case 'event-text': {
      const value = fields[program.field];
      return typeof value === 'string' ? truth(matches(value, program.pattern)) : undefined;
    }
    case 'unary': {
      const value = compute(program.operand, fields);
      if (value === undefined) return undefined;
      if (program.operator === '!') return truth(value === 0n);
      return BigInt.asUintN(64, program.operator === '-' ? -value : ~value);
    }
    case 'extend': {
      const value = compute(program.operand, fields);
      if (value === undefined) return undefined;
      const { bits, signed } = program;
      return signed ? BigInt.asUintN(64, BigInt.asIntN(bits, value)) : BigInt.asUintN(bits, value);
    }
    case 'and':
    case 'or': {
      const left = compute(program.left, fields);
      if (left === undefined || (left !== 0n) === (program.kind === 'or')) return left;
      return compute(program.right, fields);
    }
    case 'choose': {
      const condition = compute(program.condition, fields);
      return condition === undefined
        ? undefined
        : compute(condition === 0n ? program.no : program.yes, fields);
    }
    case 'binary': {
      const left = compute(program.left, fields);
      const right = compute(program.right, fields);
      return left === undefined || right === undefined
        ? undefined
        : BINARY[program.operator](left, right, BigInt.asIntN(64, left), BigInt.asIntN(64, right));
    }
    case 'register':
    case 'load':
    case 'hits':
    case 'old':
    case 'new':
      return undefined;
  }
}

const truth = (value: boolean): bigint => (value ? 1n : 0n);
const word = (value: bigint): bigint => BigInt.asUintN(64, value);

/** `*` stands for anything. */
function matches(text: string, pattern: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return text === first;
  const last = parts.pop() ?? '';
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + last.length <= text.length;
}

type Operation = (a: bigint, b: bigint, signedA: bigint, signedB: bigint) => bigint | undefined;

const BINARY: Readonly<Record<BinaryOperator, Operation>> = {
  '+': (a, b) => word(a + b),
  '-': (a, b) => word(a - b),
  '*': (a, b) => word(a * b),
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => word(a << (b & 63n)),
  '/s': (_a, b, x, y) => (b === 0n ? undefined : word(x / y)),
  '/u': (a, b) => (b === 0n ? undefined : a / b),
  '%s': (_a, b, x, y) => (b === 0n ? undefined : word(x % y)),
  '%u': (a, b) => (b === 0n ? undefined : a % b),
  '>>s': (_a, b, x) => word(x >> (b & 63n)),
  '>>u': (a, b) => a >> (b & 63n),
  '==': (a, b) => truth(a === b),
  '!=': (a, b) => truth(a !== b),
  '<s': (_a, _b, x, y) => truth(x < y),
  '<u': (a, b) => truth(a < b),
  '<=s': (_a, _b, x, y) => truth(x <= y),
  '<=u': (a, b) => truth(a <= b),
  '>s': (_a, _b, x, y) => truth(x > y),
  '>u': (a, b) => truth(a > b),
  '>=s': (_a, _b, x, y) => truth(x >= y),
  '>=u': (a, b) => truth(a >= b),
};
