// Where a variable is, or what it is: DWARF expressions and location descriptions (DWARF 5, sections
// 2.5 and 2.6), evaluated against a stopped program. Everything the evaluation needs of it comes in
// through `EvaluationContext`, so that unwinding, call sites and variables use the same code.
//
// Left out: address classes, thread-local storage, DWARF procedures (DW_OP_call*). An expression that
// needs them ends in a place of kind `unavailable`, which says so.

import type { DwarfType, EntryId, Expression, Location } from './model.ts';
import * as ops from './operations.ts';
import { littleEndian, littleEndianBytes, operationAt } from './operations.ts';
import type { Operation } from './operations.ts';
import { binary, converted, generic, NotAvailable, typed, unary } from './typed-values.ts';
import type { StackValue } from './typed-values.ts';

export type Place =
  /** In memory, where the program runs. */
  | { readonly kind: 'memory'; readonly address: bigint }
  /** In a register, by its DWARF number (AADWARF64: 0..30 X, 31 SP, 64..95 V), from its least significant byte. */
  | { readonly kind: 'register'; readonly register: number }
  /** Nowhere, but this is the value. */
  | { readonly kind: 'value'; readonly bytes: Uint8Array }
  /** In parts, from the lowest address or bit. */
  | { readonly kind: 'pieces'; readonly pieces: readonly Piece[] }
  /** A pointer that was optimised out; what it points to is known: the variable of this entry, and an offset in it. */
  | { readonly kind: 'implicit-pointer'; readonly entry: EntryId; readonly offset: number }
  | { readonly kind: 'optimised-out' }
  /** In words, for people. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface Piece {
  readonly place: Exclude<Place, { kind: 'pieces' }>;
  readonly bits: number;
  /** Bits of the place that come before. */
  readonly bitOffset: number;
}

/** The state of the program in the frame of the expression. */
export interface EvaluationContext {
  /** By DWARF number; undefined: not saved, or no such register. */
  register(register: number): Promise<bigint | undefined>;
  /** Fewer bytes where nothing can be read. */
  memory(address: bigint, length: number): Promise<Uint8Array>;
  /** The canonical frame address. */
  cfa(): Promise<bigint | undefined>;
  /** DW_AT_frame_base of the function. */
  frameBase(): Promise<Location | undefined>;
  /** What the expression had as value when the function was entered. */
  entryValue(expression: Expression): Promise<bigint | undefined>;
  indexedAddress(unit: EntryId, index: number): Promise<bigint>;
  /** For typed operations. */
  type(entry: EntryId): Promise<DwarfType>;
  /** Where a link address of the program is now. */
  toRuntime(link: bigint): bigint;
}

/** Operations of one expression, jumps counted as often as they are taken. */
const MAX_OPERATIONS = 10_000;
const MAX_STACK = 256;
/** Of expressions within another one: frame bases. */
const MAX_DEPTH = 4;

export function evaluateLocation(location: Location, context: EvaluationContext): Promise<Place> {
  switch (location.kind) {
    case 'expression':
      return evaluateExpression(location.expression, context);
    case 'constant':
      return Promise.resolve({ kind: 'value', bytes: constantBytes(location.value) });
    case 'none':
      return Promise.resolve({ kind: 'optimised-out' });
  }
}

/** A number as wide as it needs to be; whoever knows the type takes its low bytes. */
function constantBytes(value: bigint | Uint8Array): Uint8Array {
  if (typeof value !== 'bigint') return value;
  return littleEndianBytes(
    value,
    BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value ? 8 : 16,
  );
}

/** A location description. */
export async function evaluateExpression(expression: Expression, context: EvaluationContext): Promise<Place> {
  return guarded(() => new Evaluation(expression, context, 0).place());
}

/**
 * The value of an expression that is no location: of call frame information (with the CFA as the first thing on the
 * stack) and of call sites. Undefined where it cannot be had.
 */
export async function evaluateValue(
  expression: Expression,
  context: EvaluationContext,
  initial: readonly bigint[] = [],
): Promise<bigint | undefined> {
  const place = await guarded(async () => {
    const evaluation = new Evaluation(expression, context, 0, initial.map(generic));
    return evaluation.place();
  });
  // What stands alone on the stack reads like the description of a memory location.
  if (place.kind === 'memory') return place.address;
  if (place.kind === 'value') return littleEndian(place.bytes);
  if (place.kind === 'register') return context.register(place.register);
  return undefined;
}

async function guarded(evaluate: () => Promise<Place>): Promise<Place> {
  try {
    return await evaluate();
  } catch (error) {
    if (error instanceof NotAvailable) return { kind: 'unavailable', reason: error.message };
    throw error;
  }
}

const damaged = (): NotAvailable => new NotAvailable('its location is damaged');

class Evaluation {
  private readonly expression: Expression;
  private readonly context: EvaluationContext;
  private readonly depth: number;
  private readonly stack: StackValue[];
  private at = 0;
  /** A description of a simple location that is no memory address, until a piece takes it. */
  private simple: Piece['place'] | undefined;
  private readonly pieces: Piece[] = [];

  constructor(
    expression: Expression,
    context: EvaluationContext,
    depth: number,
    initial: readonly StackValue[] = [],
  ) {
    this.expression = expression;
    this.context = context;
    this.depth = depth;
    this.stack = [...initial];
  }

  async place(): Promise<Place> {
    const { bytes } = this.expression;
    if (bytes.length === 0 && this.stack.length === 0) return { kind: 'optimised-out' };
    for (let count = 0; this.at < bytes.length; count++) {
      const operation = operationAt(bytes, this.at);
      if (!operation) throw damaged();
      if (count === MAX_OPERATIONS || this.stack.length > MAX_STACK) throw damaged();
      this.at = operation.next;
      await this.execute(operation);
    }
    return this.pieces.length > 0 ? { kind: 'pieces', pieces: this.pieces } : this.taken();
  }

  /** The simple location that has been described since the last piece. */
  private taken(): Piece['place'] {
    const { simple } = this;
    this.simple = undefined;
    if (simple) return simple;
    const top = this.stack.pop();
    return top ? { kind: 'memory', address: top.bits } : { kind: 'optimised-out' };
  }

  private piece(bits: number, bitOffset: number): void {
    this.pieces.push({ place: this.taken(), bits, bitOffset });
  }

  private push(value: StackValue): void {
    this.stack.push(value);
  }

  private pop(): StackValue {
    const value = this.stack.pop();
    if (!value) throw damaged();
    return value;
  }

  private peek(depth: number): StackValue {
    const value = this.stack[this.stack.length - 1 - depth];
    if (!value) throw damaged();
    return value;
  }

  private async execute({ op, operands, block }: Operation): Promise<void> {
    const missing = ops.UNAVAILABLE.get(op);
    if (missing !== undefined) throw new NotAvailable(missing);
    const [first = 0n, second = 0n] = operands;
    const { context, expression } = this;
    switch (op) {
      case ops.DW_OP_addr:
        this.push(generic(context.toRuntime(first)));
        return;
      case ops.DW_OP_addrx:
        this.push(generic(context.toRuntime(await context.indexedAddress(expression.unit, Number(first)))));
        return;
      case ops.DW_OP_constx:
        this.push(generic(await context.indexedAddress(expression.unit, Number(first))));
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
        this.push(generic(first));
        return;
      case ops.DW_OP_const_type: {
        const type = await this.baseType(first);
        if (type === undefined || block.length !== type.size) throw damaged();
        this.push(typed(littleEndian(block), type));
        return;
      }

      case ops.DW_OP_dup:
        this.push(this.peek(0));
        return;
      case ops.DW_OP_drop:
        this.pop();
        return;
      case ops.DW_OP_over:
        this.push(this.peek(1));
        return;
      case ops.DW_OP_pick:
        this.push(this.peek(Number(first)));
        return;
      case ops.DW_OP_swap: {
        const top = this.pop();
        const below = this.pop();
        this.stack.push(top, below);
        return;
      }
      case ops.DW_OP_rot: {
        const top = this.pop();
        const middle = this.pop();
        const bottom = this.pop();
        this.stack.push(top, bottom, middle);
        return;
      }

      case ops.DW_OP_abs:
      case ops.DW_OP_neg:
      case ops.DW_OP_not:
        this.push(unary(op, this.pop()));
        return;
      case ops.DW_OP_plus_uconst: {
        const value = this.pop();
        this.push(binary(ops.DW_OP_plus, value, { bits: first, type: value.type }));
        return;
      }
      case ops.DW_OP_skip:
        this.jump(Number(first));
        return;
      case ops.DW_OP_bra:
        if (this.pop().bits !== 0n) this.jump(Number(first));
        return;
      case ops.DW_OP_convert:
        this.push(converted(this.pop(), await this.baseType(first)));
        return;
      case ops.DW_OP_reinterpret: {
        const type = await this.baseType(first);
        const { bits } = this.pop();
        this.push(type ? typed(bits, type) : generic(bits));
        return;
      }

      case ops.DW_OP_breg0:
      case ops.DW_OP_bregx:
        this.push(generic((await this.register(first)) + second));
        return;
      case ops.DW_OP_regval_type: {
        const type = await this.baseType(second);
        const value = await this.register(first);
        this.push(type ? typed(value, type) : generic(value));
        return;
      }
      case ops.DW_OP_fbreg:
        this.push(generic((await this.frameBase()) + first));
        return;
      case ops.DW_OP_call_frame_cfa: {
        const cfa = await context.cfa();
        if (cfa === undefined) throw new NotAvailable('the frame of its function is not known');
        this.push(generic(cfa));
        return;
      }
      case ops.DW_OP_entry_value: {
        const value = await context.entryValue({ ...expression, bytes: block });
        if (value === undefined) throw new NotAvailable('optimised out');
        this.push(generic(value));
        return;
      }

      case ops.DW_OP_deref:
        this.push(generic(await this.load(this.pop().bits, 8)));
        return;
      case ops.DW_OP_deref_size:
        this.push(generic(await this.load(this.pop().bits, Number(first))));
        return;
      case ops.DW_OP_deref_type: {
        const type = await this.baseType(second);
        if (!type) throw damaged();
        this.push(typed(await this.load(this.pop().bits, Number(first)), type));
        return;
      }

      case ops.DW_OP_reg0:
      case ops.DW_OP_regx:
        this.simple = { kind: 'register', register: Number(first) };
        return;
      case ops.DW_OP_implicit_value:
        this.simple = { kind: 'value', bytes: block };
        return;
      case ops.DW_OP_stack_value: {
        const { bits, type } = this.pop();
        this.simple = { kind: 'value', bytes: littleEndianBytes(bits, type?.size ?? 8) };
        return;
      }
      case ops.DW_OP_implicit_pointer:
        this.simple = { kind: 'implicit-pointer', entry: Number(first), offset: Number(second) };
        return;
      case ops.DW_OP_piece:
        this.piece(8 * Number(first), 0);
        return;
      case ops.DW_OP_bit_piece:
        this.piece(Number(first), Number(second));
        return;
      case ops.DW_OP_nop:
        return;
      default: {
        // What is left computes with two values.
        const right = this.pop();
        this.push(binary(op, this.pop(), right));
      }
    }
  }

  private jump(offset: number): void {
    const to = this.at + offset;
    if (to < 0 || to > this.expression.bytes.length) throw damaged();
    this.at = to;
  }

  private async register(number: bigint): Promise<bigint> {
    const value = await this.context.register(Number(number));
    if (value === undefined) throw new NotAvailable(`${registerName(Number(number))} is not saved`);
    return value;
  }

  private async load(address: bigint, size: number): Promise<bigint> {
    if (size < 1 || size > 16) throw damaged();
    const bytes = await this.context.memory(address, size);
    if (bytes.length < size) throw new NotAvailable(`unreadable 0x${address.toString(16)}`);
    return littleEndian(bytes);
  }

  /** A frame base is a location of its own: a register means the register's value. */
  private async frameBase(): Promise<bigint> {
    const location = await this.context.frameBase();
    if (location?.kind !== 'expression' || this.depth === MAX_DEPTH) {
      throw new NotAvailable('the frame of its function is not known');
    }
    const base = await new Evaluation(location.expression, this.context, this.depth + 1).place();
    if (base.kind === 'memory') return base.address;
    if (base.kind === 'register') return this.register(BigInt(base.register));
    if (base.kind === 'value') return littleEndian(base.bytes);
    throw new NotAvailable('the frame of its function is not known');
  }

  /** Of a typed operation; zero stands for the generic type. Offsets count from the unit. */
  private async baseType(offset: bigint) {
    if (offset === 0n) return undefined;
    const type = await this.context.type(this.expression.unit + Number(offset));
    if (type.kind !== 'base') throw damaged();
    return type;
  }
}

/** AADWARF64, section 4.1. */
export function registerName(register: number): string {
  if (register < 31) return `x${register}`;
  if (register === 31) return 'sp';
  if (register >= 64 && register < 96) return `v${register - 64}`;
  return `register ${register}`;
}
