// The flags within a region. Where they were set, it is known which operation they follow from, and its operands
// are in locals: a condition becomes a comparison of them. They go to memory, as FLAGS_OP and its operands, only
// where the region is left or where ways with different operations meet and somebody may still look at them.

import type { FlagKind, Width } from '../../cpu/isa/ops.ts';
import * as layout from '../../memory/layout.ts';
import {
  afterAddition,
  afterAddWithCarry,
  afterSubtraction,
  emitCondition,
  fromNzcv,
} from '../code/conditions.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder } from '../code/function-builder.ts';

/** An operation whose operands are in the locals. */
export interface KnownFlags {
  /** `raw`: NZCV itself. `carry`: ADCS, of b or its complement. */
  readonly kind: FlagKind | 'raw' | 'carry';
  readonly width: Width;
  /** The second operand where it is a constant; it is in the local too. */
  readonly constant: Expression | undefined;
  /** Those flags if the local `holds` is not 0, these otherwise. */
  readonly otherwise: number | undefined;
  /** Memory has them too. */
  readonly stored: boolean;
}

const KINDS: readonly KnownFlags['kind'][] = ['add', 'sub', 'logic', 'raw', 'carry'];

/** Which of the kinds and widths it is: from 1 on, below 32. */
export const keyOf = ({ kind, width }: KnownFlags): number =>
  2 * KINDS.indexOf(kind) + (width === 64 ? 2 : 1);

const OPERATIONS = { add: layout.FLAGS_ADD, sub: layout.FLAGS_SUB, logic: layout.FLAGS_LOGIC };
const TYPES = { 32: 'i32', 64: 'i64' } as const;

const usesCarry = (conditionCode: number): boolean => conditionCode >> 1 === 1 || conditionCode >> 1 === 4;

export class RegionFlags {
  /** Undefined: memory has them, or nobody looks at them. */
  known: KnownFlags | undefined;
  private readonly b: FunctionBuilder;
  /** Function index of nzcv(op, a, b): i32. */
  private readonly materialize: () => number;
  /** By what they hold: see `localOf`. */
  private readonly locals: number[] = [];

  constructor(builder: FunctionBuilder, materialize: () => number) {
    this.b = builder;
    this.materialize = materialize;
  }

  // ---- setting

  /** The operands may depend on nothing that is set here. */
  set(kind: FlagKind, width: Width, a: Expression, b: Expression, result: Expression): void {
    this.setOperand(0, width, kind === 'logic' ? result : a);
    if (kind !== 'logic') this.setOperand(1, width, b);
    const constant = kind !== 'logic' && b.kind === 'constant' ? b : undefined;
    this.known = { kind, width, constant, otherwise: undefined, stored: false };
  }

  setRaw(nzcv: Expression): void {
    this.setOperand(0, 32, nzcv);
    this.known = { kind: 'raw', width: 32, constant: undefined, otherwise: undefined, stored: false };
  }

  setWithCarry(width: Width, a: Expression, b: Expression, carry: Expression): void {
    this.b.set(this.localOf(2, 32), carry);
    this.setOperand(0, width, a);
    this.setOperand(1, width, b);
    this.known = { kind: 'carry', width, constant: undefined, otherwise: undefined, stored: false };
  }

  /** Flags of an addition or subtraction where a condition holds, otherwise these. */
  setIf(
    holds: Expression,
    kind: 'add' | 'sub',
    width: Width,
    operands: readonly [Expression, Expression],
    otherwise: number,
  ): void {
    this.b.set(this.localOf(2, 32), holds);
    this.set(kind, width, ...operands, operands[0]);
    this.known = { ...(this.known as KnownFlags), otherwise };
  }

  // ---- looking

  /** Codes 0..13. The expression is of locals that change when flags are set again. */
  condition(conditionCode: number): Expression {
    const { known } = this;
    if (!known) return emitCondition(this.b, conditionCode, stored(this.b));
    const plain = this.plainCondition(known, conditionCode);
    if (known.otherwise === undefined) return plain;
    const holds = code.local('i32', this.localOf(2, 32));
    const other = fromNzcv(conditionCode, code.constant('i32', known.otherwise));
    return other.value === 0 ? code.binary('and', holds, plain) : code.binary('or', code.eqz(holds), plain);
  }

  nzcv(): Expression<'i32'> {
    const { known, b } = this;
    if (known?.kind === 'raw') return b.pin(code.local('i32', this.localOf(0, 32)));
    if (known?.kind === 'carry') return b.pin(this.packed(known));
    if (known?.otherwise !== undefined) this.flush();
    const { op, a, b: second } = known && known.otherwise === undefined ? this.triple(known) : stored(b);
    return b.callValue(this.materialize(), [op, a, second], 'i32');
  }

  private plainCondition({ kind, width, constant }: KnownFlags, conditionCode: number): Expression {
    const a = this.operand(0, width);
    switch (kind) {
      case 'add':
        return afterAddition(conditionCode, a, constant ?? this.operand(1, width));
      case 'sub':
        return afterSubtraction(conditionCode, a, constant ?? this.operand(1, width));
      case 'logic':
        // C is clear: LO and LS hold.
        if (usesCarry(conditionCode)) return code.constant('i32', conditionCode & 1);
        return afterSubtraction(conditionCode, a, code.constant(TYPES[width], 0));
      case 'carry': {
        const carry = code.local('i32', this.localOf(2, 32));
        return afterAddWithCarry(conditionCode, a, this.operand(1, width), carry);
      }
      default:
        return fromNzcv(conditionCode, a);
    }
  }

  // ---- memory

  /** Memory has the flags from here on. */
  flush(): void {
    if (!this.known || this.known.stored) return;
    this.store(this.known);
    this.known = { ...this.known, stored: true };
  }

  /** Writes flags to memory, where control comes from a place at which they were known. */
  store(known: KnownFlags): void {
    const { b } = this;
    if (known.otherwise !== undefined) {
      b.if(code.local('i32', this.localOf(2, 32)));
      this.store({ ...known, otherwise: undefined });
      b.else();
      this.storeRaw(code.constant('i32', known.otherwise));
      b.end();
      return;
    }
    if (known.kind === 'raw') return this.storeRaw(this.operand(0, 32));
    if (known.kind === 'carry') return this.storeRaw(this.packed(known));
    const { op, a, b: second } = this.triple(known);
    b.storeAt('i64', layout.FLAGS_A, a);
    b.storeAt('i64', layout.FLAGS_B, second);
    b.storeAt('i32', layout.FLAGS_OP, op);
  }

  /** Writes to memory at once: for what depends on a condition. */
  storeDirectly(kind: FlagKind, width: Width, a: Expression, b: Expression, result: Expression): void {
    const isLogic = kind === 'logic';
    this.b.storeAt('i64', layout.FLAGS_A, widened(width, isLogic ? result : a));
    // The result less 0 has the flags of a logical operation, except C.
    this.b.storeAt('i64', layout.FLAGS_B, isLogic ? code.constant('i64', 0) : widened(width, b));
    this.b.storeAt('i32', layout.FLAGS_OP, code.constant('i32', OPERATIONS[kind]));
  }

  storeRaw(nzcv: Expression): void {
    this.b.storeAt('i64', layout.FLAGS_A, code.extendU(nzcv));
    this.b.storeAt('i32', layout.FLAGS_OP, code.constant('i32', layout.FLAGS_RAW));
  }

  // ---- what the above is made of

  /** Add, sub and logic as they are kept in memory. */
  private triple({ kind, width, constant }: KnownFlags): { op: Expression; a: Expression; b: Expression } {
    const isLogic = kind === 'logic';
    return {
      op: code.constant('i32', OPERATIONS[kind as FlagKind]),
      a: widened(width, this.operand(0, width)),
      b: isLogic ? code.constant('i64', 0) : widened(width, constant ?? this.operand(1, width)),
    };
  }

  private packed(known: KnownFlags): Expression<'i32'> {
    const bit = (conditionCode: number, position: number): Expression =>
      code.binary('shl', this.plainCondition(known, conditionCode), code.constant('i32', position));
    const high = code.binary('or', bit(4, 3), bit(0, 2));
    return code.binary('or', high, code.binary('or', bit(2, 1), bit(6, 0))) as Expression<'i32'>;
  }

  private setOperand(which: 0 | 1, width: Width, value: Expression): void {
    this.b.set(this.localOf(which, width), value);
  }

  private operand(which: 0 | 1, width: Width): Expression {
    return code.local(TYPES[width], this.localOf(which, width));
  }

  /** 0, 1: an operand; 2: a carry, or whether a condition held. */
  private localOf(which: 0 | 1 | 2, width: Width): number {
    const key = 2 * which + (width === 64 ? 1 : 0);
    let local = this.locals[key];
    if (local === undefined) {
      local = this.b.newLocal(TYPES[width]);
      this.locals[key] = local;
    }
    return local;
  }
}

/** 32-bit operands stand in the upper half. */
const widened = (width: Width, value: Expression): Expression =>
  width === 64 ? value : code.binary('shl', code.extendU(value), code.constant('i64', 32));

const stored = (b: FunctionBuilder): { op: Expression; a: Expression; b: Expression } => ({
  op: b.loadAt('i32', layout.FLAGS_OP),
  a: b.loadAt('i64', layout.FLAGS_A),
  b: b.loadAt('i64', layout.FLAGS_B),
});
