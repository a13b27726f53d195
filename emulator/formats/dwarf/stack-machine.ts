// What the operations of a DWARF expression do (DWARF 5, sections 2.5 and 2.6), whatever their values are: numbers
// of a program that stands, or terms that are computed each time a place is reached. Whoever knows that says so by
// an `Algebra`.

import type { Expression } from './model.ts';
import * as ops from './operations.ts';
import { operationAt } from './operations.ts';
import type { Operation } from './operations.ts';

/** What values are and where they come from. Whatever cannot be had throws. */
export interface Algebra<Value> {
  constant(bits: bigint): Value;
  /** An address of the program, as linked. */
  address(link: bigint): Value;
  /** An entry of .debug_addr. */
  indexed(index: bigint): Promise<bigint>;
  /** Of a base type, given by its offset in the unit. */
  typedConstant(type: bigint, bytes: Uint8Array): Promise<Value>;
  register(n: number): Promise<Value>;
  typedRegister(n: number, type: bigint): Promise<Value>;
  /** DW_AT_frame_base of the function. */
  frameBase(): Promise<Value>;
  /** The canonical frame address. */
  cfa(): Promise<Value>;
  /** What an expression had as value when the function was entered. */
  entryValue(bytes: Uint8Array): Promise<Value>;
  load(address: Value, size: number): Promise<Value>;
  typedLoad(address: Value, size: number, type: bigint): Promise<Value>;
  /** By the code of the operation. */
  unary(op: number, value: Value): Value;
  binary(op: number, left: Value, right: Value): Value;
  /** With the type of the value. */
  plus(value: Value, bits: bigint): Value;
  isTrue(value: Value): boolean;
  convert(value: Value, type: bigint): Promise<Value>;
  reinterpret(value: Value, type: bigint): Promise<Value>;
  /** In words, for people: there is no such value here. */
  unavailable(reason: string): Error;
}

/** A location in one place. */
export type Simple<Value> =
  | { readonly kind: 'memory'; readonly address: Value }
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'implicit-pointer'; readonly entry: number; readonly offset: number }
  | { readonly kind: 'optimised-out' };

export interface SimplePiece<Value> {
  readonly place: Simple<Value>;
  readonly bits: number;
  /** Bits of the place that come before. */
  readonly bitOffset: number;
}

/** Operations of one expression, jumps counted as often as they are taken. */
const MAX_OPERATIONS = 10_000;
const MAX_STACK = 256;

type Step = <Value>(
  machine: StackMachine<Value>,
  operation: Operation,
  algebra: Algebra<Value>,
) => void | Promise<void>;

/** A value that is a constant of the operation. */
const constant: Step = (machine, { operands: [value = 0n] }, algebra) =>
  machine.push(algebra.constant(value));

const unary: Step = (machine, { op }, algebra) => machine.push(algebra.unary(op, machine.pop()));

const binary: Step = (machine, { op }, algebra) => {
  const right = machine.pop();
  machine.push(algebra.binary(op, machine.pop(), right));
};

const atRegister: Step = async (machine, { operands: [n = 0n, offset = 0n] }, algebra) =>
  machine.push(algebra.plus(await algebra.register(Number(n)), offset));

const inRegister: Step = (machine, { operands: [n = 0n] }) =>
  machine.describe({ kind: 'register', register: Number(n) });

/** By the code that `operationAt` gives. What is not here cannot be done, and `UNAVAILABLE` may say why. */
const STEPS: ReadonlyMap<number, Step> = new Map<number, Step>([
  ...[
    ops.DW_OP_const1u,
    ops.DW_OP_const1s,
    ops.DW_OP_const2u,
    ops.DW_OP_const2s,
    ops.DW_OP_const4u,
    ops.DW_OP_const4s,
    ops.DW_OP_const8u,
    ops.DW_OP_const8s,
    ops.DW_OP_constu,
    ops.DW_OP_consts,
    ops.DW_OP_lit0,
  ].map((op): [number, Step] => [op, constant]),
  ...[ops.DW_OP_abs, ops.DW_OP_neg, ops.DW_OP_not].map((op): [number, Step] => [op, unary]),
  ...[
    ops.DW_OP_and,
    ops.DW_OP_div,
    ops.DW_OP_minus,
    ops.DW_OP_mod,
    ops.DW_OP_mul,
    ops.DW_OP_or,
    ops.DW_OP_plus,
    ops.DW_OP_shl,
    ops.DW_OP_shr,
    ops.DW_OP_shra,
    ops.DW_OP_xor,
    ops.DW_OP_eq,
    ops.DW_OP_ge,
    ops.DW_OP_gt,
    ops.DW_OP_le,
    ops.DW_OP_lt,
    ops.DW_OP_ne,
  ].map((op): [number, Step] => [op, binary]),
  [ops.DW_OP_addr, (machine, { operands: [link = 0n] }, algebra) => machine.push(algebra.address(link))],
  [
    ops.DW_OP_addrx,
    async (machine, { operands: [index = 0n] }, algebra) =>
      machine.push(algebra.address(await algebra.indexed(index))),
  ],
  [
    ops.DW_OP_constx,
    async (machine, { operands: [index = 0n] }, algebra) =>
      machine.push(algebra.constant(await algebra.indexed(index))),
  ],
  [
    ops.DW_OP_const_type,
    async (machine, { operands: [type = 0n], block }, algebra) =>
      machine.push(await algebra.typedConstant(type, block)),
  ],

  [ops.DW_OP_dup, (machine) => machine.push(machine.peek(0))],
  [ops.DW_OP_drop, (machine) => void machine.pop()],
  [ops.DW_OP_over, (machine) => machine.push(machine.peek(1))],
  [ops.DW_OP_pick, (machine, { operands: [depth = 0n] }) => machine.push(machine.peek(Number(depth)))],
  [ops.DW_OP_swap, (machine) => machine.push(...[machine.pop(), machine.pop()])],
  [
    ops.DW_OP_rot,
    (machine) => {
      const [top, middle, bottom] = [machine.pop(), machine.pop(), machine.pop()];
      machine.push(top, bottom, middle);
    },
  ],

  [
    ops.DW_OP_plus_uconst,
    (machine, { operands: [by = 0n] }, algebra) => machine.push(algebra.plus(machine.pop(), by)),
  ],
  [ops.DW_OP_skip, (machine, { operands: [by = 0n] }) => machine.jump(Number(by))],
  [
    ops.DW_OP_bra,
    (machine, { operands: [by = 0n] }, algebra) => {
      if (algebra.isTrue(machine.pop())) machine.jump(Number(by));
    },
  ],
  [
    ops.DW_OP_convert,
    async (machine, { operands: [type = 0n] }, algebra) =>
      machine.push(await algebra.convert(machine.pop(), type)),
  ],
  [
    ops.DW_OP_reinterpret,
    async (machine, { operands: [type = 0n] }, algebra) =>
      machine.push(await algebra.reinterpret(machine.pop(), type)),
  ],

  [ops.DW_OP_breg0, atRegister],
  [ops.DW_OP_bregx, atRegister],
  [
    ops.DW_OP_regval_type,
    async (machine, { operands: [n = 0n, type = 0n] }, algebra) =>
      machine.push(await algebra.typedRegister(Number(n), type)),
  ],
  [
    ops.DW_OP_fbreg,
    async (machine, { operands: [offset = 0n] }, algebra) =>
      machine.push(algebra.plus(await algebra.frameBase(), offset)),
  ],
  [ops.DW_OP_call_frame_cfa, async (machine, _, algebra) => machine.push(await algebra.cfa())],
  [
    ops.DW_OP_entry_value,
    async (machine, { block }, algebra) => machine.push(await algebra.entryValue(block)),
  ],
  [ops.DW_OP_deref, async (machine, _, algebra) => machine.push(await algebra.load(machine.pop(), 8))],
  [
    ops.DW_OP_deref_size,
    async (machine, { operands: [size = 0n] }, algebra) =>
      machine.push(await algebra.load(machine.pop(), Number(size))),
  ],
  [
    ops.DW_OP_deref_type,
    async (machine, { operands: [size = 0n, type = 0n] }, algebra) =>
      machine.push(await algebra.typedLoad(machine.pop(), Number(size), type)),
  ],

  [ops.DW_OP_reg0, inRegister],
  [ops.DW_OP_regx, inRegister],
  [ops.DW_OP_implicit_value, (machine, { block }) => machine.describe({ kind: 'bytes', bytes: block })],
  [ops.DW_OP_stack_value, (machine) => machine.describe({ kind: 'value', value: machine.pop() })],
  [
    ops.DW_OP_implicit_pointer,
    (machine, { operands: [entry = 0n, offset = 0n] }) =>
      machine.describe({ kind: 'implicit-pointer', entry: Number(entry), offset: Number(offset) }),
  ],
  [ops.DW_OP_piece, (machine, { operands: [bytes = 0n] }) => machine.piece(8 * Number(bytes), 0)],
  [
    ops.DW_OP_bit_piece,
    (machine, { operands: [bits = 0n, offset = 0n] }) => machine.piece(Number(bits), Number(offset)),
  ],
  [ops.DW_OP_nop, () => {}],
]);

export class StackMachine<Value> {
  private readonly expression: Expression;
  private readonly algebra: Algebra<Value>;
  private readonly stack: Value[];
  private at = 0;
  /** A description of a simple location that is no memory address, until a piece takes it. */
  private simple: Simple<Value> | undefined;
  private readonly pieces: SimplePiece<Value>[] = [];

  constructor(expression: Expression, algebra: Algebra<Value>, initial: readonly Value[] = []) {
    this.expression = expression;
    this.algebra = algebra;
    this.stack = [...initial];
  }

  /** Of a location in several pieces all of them, from the lowest address or bit. */
  async run(): Promise<Simple<Value> | readonly SimplePiece<Value>[]> {
    const { bytes } = this.expression;
    const { algebra } = this;
    for (let count = 0; this.at < bytes.length; count++) {
      const operation = operationAt(bytes, this.at);
      if (!operation || count === MAX_OPERATIONS || this.stack.length > MAX_STACK) throw this.damaged();
      this.at = operation.next;
      const missing = ops.UNAVAILABLE.get(operation.op);
      if (missing !== undefined) throw algebra.unavailable(missing);
      const step = STEPS.get(operation.op);
      if (!step) throw this.damaged();
      const wait = step(this, operation, algebra);
      if (wait !== undefined) await wait;
    }
    return this.pieces.length > 0 ? this.pieces : this.taken();
  }

  push(...values: readonly Value[]): void {
    this.stack.push(...values);
  }

  pop(): Value {
    const value = this.stack.pop();
    if (value === undefined) throw this.damaged();
    return value;
  }

  peek(depth: number): Value {
    const value = this.stack[this.stack.length - 1 - depth];
    if (value === undefined) throw this.damaged();
    return value;
  }

  jump(offset: number): void {
    const to = this.at + offset;
    if (to < 0 || to > this.expression.bytes.length) throw this.damaged();
    this.at = to;
  }

  describe(place: Simple<Value>): void {
    this.simple = place;
  }

  piece(bits: number, bitOffset: number): void {
    this.pieces.push({ place: this.taken(), bits, bitOffset });
  }

  /** The simple location that has been described since the last piece. */
  private taken(): Simple<Value> {
    const { simple } = this;
    this.simple = undefined;
    if (simple) return simple;
    const address = this.stack.pop();
    return address === undefined ? { kind: 'optimised-out' } : { kind: 'memory', address };
  }

  private damaged(): Error {
    return this.algebra.unavailable('its location is damaged');
  }
}
