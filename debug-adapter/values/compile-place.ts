// Where a variable is, as a program of the machine: DWARF locations at one address, evaluated not now but
// each time the vCPU comes there. Only what every visit has in common can be used: registers, the frame by
// its call frame information, fixed addresses, constants.

import { registerName } from '../../emulator/formats/dwarf/expression.ts';
import type { CfaRule } from '../../emulator/formats/dwarf/frame-rules.ts';
import type { Expression, LexicalScope, Location } from '../../emulator/formats/dwarf/model.ts';
import * as ops from '../../emulator/formats/dwarf/operations.ts';
import { littleEndian, operationAt } from '../../emulator/formats/dwarf/operations.ts';
import type { Operation } from '../../emulator/formats/dwarf/operations.ts';
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
      const number = typeof value === 'bigint' ? value : value.length <= 8 ? littleEndian(value) : undefined;
      if (number === undefined) throw new NotCompilable('it is a large constant');
      return { kind: 'value', program: constant(number) };
    }
    case 'expression': {
      const place = await new PlaceCompiler(location.expression, context).place();
      if (place.kind !== 'memory' || place.address.kind !== 'constant') return place;
      const offset = context.perCpu(place.address.value);
      return offset ? { kind: 'memory', address: binary('+', place.address, offset) } : place;
    }
  }
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

class PlaceCompiler {
  private readonly expression: Expression;
  private readonly context: PlaceContext;
  private readonly stack: Program[] = [];
  private result: CompiledPlace | undefined;

  constructor(expression: Expression, context: PlaceContext) {
    this.expression = expression;
    this.context = context;
  }

  async place(): Promise<CompiledPlace> {
    const { bytes } = this.expression;
    if (bytes.length === 0) throw new NotCompilable('it is optimised out here');
    for (let at = 0; at < bytes.length; ) {
      const operation = operationAt(bytes, at);
      if (!operation) throw new NotCompilable('its location is damaged');
      at = operation.next;
      await this.execute(operation);
    }
    const top = this.stack.at(-1);
    if (this.result) return this.result;
    if (!top) throw new NotCompilable('its location is damaged');
    return { kind: 'memory', address: top };
  }

  private pop(): Program {
    const top = this.stack.pop();
    if (!top) throw new NotCompilable('its location is damaged');
    return top;
  }

  private push(program: Program): void {
    this.stack.push(program);
  }

  private async execute({ op, operands }: Operation): Promise<void> {
    const { context, expression } = this;
    const [first = 0n, second = 0n] = operands;
    switch (op) {
      case ops.DW_OP_addr:
        this.push(constant(context.toRuntime(first)));
        return;
      case ops.DW_OP_addrx:
        this.push(constant(context.toRuntime(await context.indexedAddress(expression.unit, Number(first)))));
        return;
      case ops.DW_OP_const1u:
      case ops.DW_OP_const1s:
      case ops.DW_OP_const2u:
      case ops.DW_OP_const2s:
      case ops.DW_OP_const4u:
      case ops.DW_OP_const4s:
      case ops.DW_OP_const8u:
      case ops.DW_OP_const8s:
      case ops.DW_OP_constu:
      case ops.DW_OP_consts:
      case ops.DW_OP_lit0:
        this.push(constant(first));
        return;
      case ops.DW_OP_dup: {
        const top = this.pop();
        this.stack.push(top, top);
        return;
      }
      case ops.DW_OP_swap: {
        const top = this.pop();
        const below = this.pop();
        this.stack.push(top, below);
        return;
      }
      case ops.DW_OP_drop:
        this.pop();
        return;
      case ops.DW_OP_plus_uconst:
        this.push(binary('+', this.pop(), constant(first)));
        return;
      case ops.DW_OP_neg:
        this.push({ kind: 'unary', operator: '-', operand: this.pop() });
        return;
      case ops.DW_OP_not:
        this.push({ kind: 'unary', operator: '~', operand: this.pop() });
        return;
      case ops.DW_OP_breg0:
      case ops.DW_OP_bregx:
        this.push(binary('+', generalRegister(Number(first)), constant(second)));
        return;
      case ops.DW_OP_fbreg:
        this.push(binary('+', await this.frameBase(), constant(first)));
        return;
      case ops.DW_OP_call_frame_cfa:
        this.push(this.cfa());
        return;
      case ops.DW_OP_deref:
      case ops.DW_OP_deref_size: {
        const size = op === ops.DW_OP_deref ? 8 : Number(first);
        if (size !== 1 && size !== 2 && size !== 4 && size !== 8) break;
        this.push({ kind: 'load', address: this.pop(), size, signed: false });
        return;
      }
      case ops.DW_OP_reg0:
      case ops.DW_OP_regx:
        this.result = { kind: 'value', program: generalRegister(Number(first)) };
        return;
      case ops.DW_OP_stack_value:
        this.result = { kind: 'value', program: this.pop() };
        return;
      case ops.DW_OP_nop:
        return;
      case ops.DW_OP_entry_value:
        throw new NotCompilable('only the caller knows its value');
      case ops.DW_OP_piece:
      case ops.DW_OP_bit_piece:
        throw new NotCompilable('it is in several pieces here');
      case ops.DW_OP_implicit_pointer:
        throw new NotCompilable('it is a pointer that was optimised out');
      default: {
        const operator = BINARY[op];
        if (operator === undefined) break;
        const right = this.pop();
        this.push(binary(operator, this.pop(), right));
        return;
      }
    }
    throw new NotCompilable('its location is computed in a way that only works at a stop');
  }

  private async frameBase(): Promise<Program> {
    const { frameBase } = this.context;
    if (frameBase?.kind !== 'expression') throw new NotCompilable('the frame of its function is not known');
    const base = await new PlaceCompiler(frameBase.expression, {
      ...this.context,
      frameBase: undefined,
    }).place();
    return base.kind === 'memory' ? base.address : base.program;
  }

  private cfa(): Program {
    const { cfa } = this.context;
    if (cfa?.kind !== 'register') throw new NotCompilable('the frame of its function is not known');
    return binary('+', generalRegister(cfa.register), constant(BigInt(cfa.offset)));
  }
}

function generalRegister(n: number): Program {
  if (n > 31) throw new NotCompilable(`it is in ${registerName(n)}`);
  return registerNamed(registerName(n));
}
