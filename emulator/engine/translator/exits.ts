// The ways out of a region. At each place that may leave, one constant says where to go on; what else is to be done
// stands once behind the body, in a stub for each kind of it, and costs nothing where the region goes on.
//
// A stub is a WebAssembly block around the body with the constant as its result. How many there are is known when
// the body is written, so the depth of branches to them is filled in then.

import { CodeBuffer } from '../../base/wasm/code.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder, Label } from '../code/function-builder.ts';

/** What is to be done on the way: nothing, or what `emit` writes. */
interface Stub {
  readonly emit: () => void;
  readonly branches: { readonly at: number; readonly depth: number }[];
}

const OFFSET_BITS = 10;
const DONE_BITS = 16;
/** Opens a block with an i32 as its result. */
const BLOCK_I32 = [0x02, 0x7f];
const END = 0x0b;

export class Exits {
  private readonly b: FunctionBuilder;
  private readonly label: Label;
  private readonly plain: Stub = { emit: () => {}, branches: [] };
  /** By key, see `leave`. */
  private readonly stubs = new Map<number, Stub>();

  /** Before anything of the body is written. */
  constructor(builder: FunctionBuilder) {
    this.b = builder;
    this.label = builder.outerLabel();
  }

  /** Leaves, if the condition holds, by way of the stub with this key; 0: there is nothing to do on the way. */
  leave(way: Expression, condition: Expression | undefined, key: number): void {
    const { b } = this;
    const stub = key === 0 ? this.plain : this.stubs.get(key);
    if (!stub) throw new Error('a stub that nobody has added');
    b.push(way);
    stub.branches.push(b.branchToPatch(condition));
    if (condition) b.drop();
  }

  has(key: number): boolean {
    return key === 0 || this.stubs.has(key);
  }

  add(key: number, emit: () => void): void {
    this.stubs.set(key, { emit, branches: [] });
  }

  /** Ends the body. What a stub leaves on the stack is the way out, for `local`; returns what opens the blocks. */
  end(local: number): CodeBuffer {
    const { b, label } = this;
    const stubs = [...this.stubs.values()];
    stubs.forEach(({ branches }, i) => {
      for (const { at, depth } of branches) b.patchBranch(at, depth - label + i);
    });
    for (const { at, depth } of this.plain.branches) b.patchBranch(at, depth - label + stubs.length);
    b.unreachable();
    stubs.forEach(({ emit }, i) => {
      b.code.byte(END);
      emit();
      b.patchBranch(b.branchToPatch(undefined).at, stubs.length - 1 - i);
    });
    b.end();
    b.takeResult(local);
    const opening = new CodeBuffer(2 * stubs.length + 2);
    for (let i = 0; i <= stubs.length; i++) opening.bytes(BLOCK_I32);
    return opening;
  }
}

/** Where to go on in the page, instructions that were not charged, REGION_*. */
export const wayOut = (place: number, done: number, answer: number): Expression =>
  code.constant(
    'i32',
    ((place >> 2) & ((1 << OFFSET_BITS) - 1)) |
      (done << OFFSET_BITS) |
      (codeOf(answer) << (OFFSET_BITS + DONE_BITS)),
  );

export function partsOfWay(way: Expression): { offset: Expression; done: Expression; answer: Expression } {
  const mask = (value: Expression, bits: number): Expression =>
    code.binary('and', value, code.constant('i32', (1 << bits) - 1));
  const down = (bits: number): Expression => code.binary('shrU', way, code.constant('i32', bits));
  return {
    offset: code.binary('shl', mask(way, OFFSET_BITS), code.constant('i32', 2)),
    done: mask(down(OFFSET_BITS), DONE_BITS),
    answer: code.binary('xor', down(OFFSET_BITS + DONE_BITS), code.constant('i32', layout.REGION_INTERPRET)),
  };
}

/** The most frequent answer is 0, so that its constants are short. */
const codeOf = (answer: number): number => answer ^ layout.REGION_INTERPRET;
