// Where a variable is, as a program of the machine: DWARF locations at one address, evaluated not now but
// each time the vCPU comes there. Only what every visit has in common can be used: registers, the frame by
// its call frame information, fixed addresses, constants.

import { registerName } from '../../emulator/formats/dwarf/expression.ts';
import type { CfaRule } from '../../emulator/formats/dwarf/frame-rules.ts';
import type { Expression, LexicalScope, Location } from '../../emulator/formats/dwarf/model.ts';
import * as ops from '../../emulator/formats/dwarf/operations.ts';
import { littleEndian } from '../../emulator/formats/dwarf/operations.ts';
import { StackMachine } from '../../emulator/formats/dwarf/stack-machine.ts';
import type { Algebra } from '../../emulator/formats/dwarf/stack-machine.ts';
import type { BinaryOperator, Program } from '../../emulator/machine/stop-programs.ts';

export type CompiledPlace =
  | { readonly kind: 'memory'; readonly address: Program }
  /** The value itself, in the low bits. */
  | { readonly kind: 'value'; readonly program: Program };

/** Why it cannot be done, in words that go behind a colon. */
export class NotCompilable extends Error {}

export interface PlaceContext {
  toRuntime(link: bigint): bigint;
  /** Bytes that a per-CPU variable is away from its pattern; undefined for others. */
  perCpu(address: bigint): Program | undefined;
  readonly frameBase: LexicalScope['frameBase'];
  readonly cfa: CfaRule | undefined;
  indexedAddress(unit: number, index: number): Promise<bigint>;
}

export const constant = (value: bigint): Program => ({ kind: 'constant', value: BigInt.asUintN(64, value) });
export const registerNamed = (name: string): Program => ({ kind: 'register', name });

export const binary = (operator: BinaryOperator, left: Program, right: Program): Program => {
  if (operator === '+' && right.kind === 'constant' && right.value === 0n) return left;
  if (operator === '+' && left.kind === 'constant' && right.kind === 'constant')
    return constant(left.value + right.value);
  return { kind: 'binary', operator, left, right };
};

export async function placeOf(location: Location, context: PlaceContext): Promise<CompiledPlace> {
  switch (location.kind) {
    case 'none':
      throw new NotCompilable('it is optimised out here');
    case 'constant': {
      const { value } = location;
      return { kind: 'value', program: typeof value === 'bigint' ? constant(value) : constantOf(value) };
    }
    case 'expression': {
      const place = await new PlaceCompiler(location.expression, context).place();
      if (place.kind !== 'memory' || place.address.kind !== 'constant') return place;
      const offset = context.perCpu(place.address.value);
      return offset ? { kind: 'memory', address: binary('+', place.address, offset) } : place;
    }
  }
}

function constantOf(bytes: Uint8Array): Program {
  if (bytes.length > 8) throw new NotCompilable('it is a large constant');
  return constant(littleEndian(bytes));
}

const BINARY: Readonly<Record<number, BinaryOperator>> = {
  [ops.DW_OP_and]: '&',
  [ops.DW_OP_div]: '/s',
  [ops.DW_OP_minus]: '-',
  [ops.DW_OP_mod]: '%u',
  [ops.DW_OP_mul]: '*',
  [ops.DW_OP_or]: '|',
  [ops.DW_OP_plus]: '+',
  [ops.DW_OP_shl]: '<<',
  [ops.DW_OP_shr]: '>>u',
  [ops.DW_OP_shra]: '>>s',
  [ops.DW_OP_xor]: '^',
  [ops.DW_OP_eq]: '==',
  [ops.DW_OP_ne]: '!=',
  [ops.DW_OP_lt]: '<s',
  [ops.DW_OP_le]: '<=s',
  [ops.DW_OP_gt]: '>s',
  [ops.DW_OP_ge]: '>=s',
};

const AT_STOPS_ONLY = 'its location is computed in a way that only works at a stop';

/** Terms that the machine computes when it comes there. */
class PlaceCompiler implements Algebra<Program> {
  readonly constant = constant;
  private readonly expression: Expression;
  private readonly context: PlaceContext;

  constructor(expression: Expression, context: PlaceContext) {
    this.expression = expression;
    this.context = context;
  }

  async place(): Promise<CompiledPlace> {
    const found = await new StackMachine(this.expression, this).run();
    if (!('kind' in found)) throw new NotCompilable('it is in several pieces here');
    switch (found.kind) {
      case 'memory':
        return found;
      case 'value':
        return { kind: 'value', program: found.value };
      case 'register':
        return { kind: 'value', program: generalRegister(found.register) };
      case 'bytes':
        return { kind: 'value', program: constantOf(found.bytes) };
      case 'optimised-out':
        throw new NotCompilable('it is optimised out here');
      case 'implicit-pointer':
        throw new NotCompilable('it is a pointer that was optimised out');
    }
  }

  unavailable(reason: string): Error {
    return new NotCompilable(reason);
  }

  address(link: bigint): Program {
    return constant(this.context.toRuntime(link));
  }

  indexed(index: bigint): Promise<bigint> {
    return this.context.indexedAddress(this.expression.unit, Number(index));
  }

  plus(value: Program, bits: bigint): Program {
    return binary('+', value, constant(bits));
  }

  unary(op: number, operand: Program): Program {
    if (op === ops.DW_OP_abs) throw new NotCompilable(AT_STOPS_ONLY);
    return { kind: 'unary', operator: op === ops.DW_OP_neg ? '-' : '~', operand };
  }

  binary(op: number, left: Program, right: Program): Program {
    const operator = BINARY[op];
    if (operator === undefined) throw new NotCompilable(AT_STOPS_ONLY);
    return binary(operator, left, right);
  }

  async register(n: number): Promise<Program> {
    return generalRegister(n);
  }

  async load(address: Program, size: number): Promise<Program> {
    if (size !== 1 && size !== 2 && size !== 4 && size !== 8) throw new NotCompilable(AT_STOPS_ONLY);
    return { kind: 'load', address, size, signed: false };
  }

  async frameBase(): Promise<Program> {
    const { frameBase } = this.context;
    if (frameBase?.kind !== 'expression') throw new NotCompilable('the frame of its function is not known');
    const context = { ...this.context, frameBase: undefined };
    const base = await new PlaceCompiler(frameBase.expression, context).place();
    return base.kind === 'memory' ? base.address : base.program;
  }

  async cfa(): Promise<Program> {
    const { cfa } = this.context;
    if (cfa?.kind !== 'register') throw new NotCompilable('the frame of its function is not known');
    return this.plus(generalRegister(cfa.register), BigInt(cfa.offset));
  }

  async entryValue(): Promise<Program> {
    throw new NotCompilable('only the caller knows its value');
  }

  isTrue(): boolean {
    throw new NotCompilable(AT_STOPS_ONLY);
  }

  async typedConstant(): Promise<Program> {
    throw new NotCompilable(AT_STOPS_ONLY);
  }

  typedRegister = this.typedConstant;
  typedLoad = this.typedConstant;
  convert = this.typedConstant;
  reinterpret = this.typedConstant;
}

function generalRegister(n: number): Program {
  if (n > 31) throw new NotCompilable(`it is in ${registerName(n)}`);
  return registerNamed(registerName(n));
}
