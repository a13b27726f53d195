// Where a variable is, or what it is: DWARF expressions and location descriptions (DWARF 5, sections
// 2.5 and 2.6), evaluated against a stopped program. Everything the evaluation needs of it comes in
// through `EvaluationContext`, so that unwinding, call sites and variables use the same code.
//
// Left out: address classes, thread-local storage, DWARF procedures (DW_OP_call*). An expression that
// needs them ends in a place of kind `unavailable`, which says so.

import type { DwarfType, EntryId, Expression, Location } from './model.ts';
import { DW_OP_plus, littleEndian, littleEndianBytes } from './operations.ts';
import { StackMachine } from './stack-machine.ts';
import type { Algebra, Simple } from './stack-machine.ts';
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
  const place = await guarded(() => new Evaluation(expression, context, 0).place(initial.map(generic)));
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

/** Numbers of a program that stands. */
class Evaluation implements Algebra<StackValue> {
  readonly constant = generic;
  readonly unary = unary;
  readonly binary = binary;
  private readonly expression: Expression;
  private readonly context: EvaluationContext;
  private readonly depth: number;

  constructor(expression: Expression, context: EvaluationContext, depth: number) {
    this.expression = expression;
    this.context = context;
    this.depth = depth;
  }

  async place(initial: readonly StackValue[] = []): Promise<Place> {
    const found = await new StackMachine(this.expression, this, initial).run();
    if ('kind' in found) return concrete(found);
    const pieces = found.map(({ place, bits, bitOffset }) => ({ place: concrete(place), bits, bitOffset }));
    return { kind: 'pieces', pieces };
  }

  address(link: bigint): StackValue {
    return generic(this.context.toRuntime(link));
  }

  indexed(index: bigint): Promise<bigint> {
    return this.context.indexedAddress(this.expression.unit, Number(index));
  }

  plus(value: StackValue, bits: bigint): StackValue {
    return binary(DW_OP_plus, value, { bits, type: value.type });
  }

  isTrue({ bits }: StackValue): boolean {
    return bits !== 0n;
  }

  unavailable(reason: string): Error {
    return new NotAvailable(reason);
  }

  async register(n: number): Promise<StackValue> {
    const value = await this.context.register(n);
    if (value === undefined) throw new NotAvailable(`${registerName(n)} is not saved`);
    return generic(value);
  }

  async typedRegister(n: number, offset: bigint): Promise<StackValue> {
    const type = await this.baseType(offset);
    const value = await this.register(n);
    return type ? typed(value.bits, type) : value;
  }

  async typedConstant(offset: bigint, bytes: Uint8Array): Promise<StackValue> {
    const type = await this.baseType(offset);
    if (type === undefined || bytes.length !== type.size) throw damaged();
    return typed(littleEndian(bytes), type);
  }

  async cfa(): Promise<StackValue> {
    const cfa = await this.context.cfa();
    if (cfa === undefined) throw new NotAvailable('the frame of its function is not known');
    return generic(cfa);
  }

  async entryValue(bytes: Uint8Array): Promise<StackValue> {
    const value = await this.context.entryValue({ ...this.expression, bytes });
    if (value === undefined) throw new NotAvailable('optimised out');
    return generic(value);
  }

  async load(address: StackValue, size: number): Promise<StackValue> {
    return generic(await this.loaded(address, size));
  }

  async typedLoad(address: StackValue, size: number, offset: bigint): Promise<StackValue> {
    const type = await this.baseType(offset);
    if (!type) throw damaged();
    return typed(await this.loaded(address, size), type);
  }

  private async loaded({ bits: address }: StackValue, size: number): Promise<bigint> {
    if (size < 1 || size > 16) throw damaged();
    const bytes = await this.context.memory(address, size);
    if (bytes.length < size) throw new NotAvailable(`unreadable 0x${address.toString(16)}`);
    return littleEndian(bytes);
  }

  async convert(value: StackValue, offset: bigint): Promise<StackValue> {
    return converted(value, await this.baseType(offset));
  }

  async reinterpret({ bits }: StackValue, offset: bigint): Promise<StackValue> {
    const type = await this.baseType(offset);
    return type ? typed(bits, type) : generic(bits);
  }

  /** A frame base is a location of its own: a register means the register's value. */
  async frameBase(): Promise<StackValue> {
    const location = await this.context.frameBase();
    if (location?.kind !== 'expression' || this.depth === MAX_DEPTH) {
      throw new NotAvailable('the frame of its function is not known');
    }
    const base = await new Evaluation(location.expression, this.context, this.depth + 1).place();
    if (base.kind === 'memory') return generic(base.address);
    if (base.kind === 'register') return this.register(base.register);
    if (base.kind === 'value') return generic(littleEndian(base.bytes));
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

function concrete(place: Simple<StackValue>): Piece['place'] {
  switch (place.kind) {
    case 'memory':
      return { kind: 'memory', address: place.address.bits };
    case 'value':
      return { kind: 'value', bytes: littleEndianBytes(place.value.bits, place.value.type?.size ?? 8) };
    case 'bytes':
      return { kind: 'value', bytes: place.bytes };
    case 'register':
    case 'implicit-pointer':
    case 'optimised-out':
      return place;
  }
}

/** AADWARF64, section 4.1. */
export function registerName(register: number): string {
  if (register < 31) return `x${register}`;
  if (register === 31) return 'sp';
  if (register >= 64 && register < 96) return `v${register - 64}`;
  return `register ${register}`;
}
