// The patterns of words as the kernel `decodeRecord` reads them, at DECODE_TABLES of memory/layout.ts.

import {
  DECODE_BUCKET_COUNT_BITS,
  DECODE_BUCKET_SHIFT,
  DECODE_BUCKETS,
  DECODE_ENTRIES,
  DECODE_ENTRY_SIZE,
  DECODE_STEP_SIZE,
  DECODE_STEPS,
  DECODE_TABLES,
  DECODE_TABLES_END,
  STEP_BASE,
  STEP_BASE_UNSIGNED,
  STEP_PIECE,
  STEP_PIECE_NEGATIVE,
  STEP_PIECE_SIGNED,
  STEP_READ,
  STEP_SP,
  STEP_STORE16,
  STEP_STORE32,
  STEP_STORE64,
  STEP_VECTOR,
  STEP_WRITE,
} from '../../memory/layout.ts';
import type { Pattern, PatternOperand, Piece } from './patterns.ts';
import type { OperandUse } from './shape.ts';

const REGISTER_STEPS: Partial<Record<OperandUse, number>> = {
  read: STEP_READ,
  write: STEP_WRITE,
  sp: STEP_SP,
  vector: STEP_VECTOR,
};
const STORE_STEPS: Partial<Record<OperandUse, number>> = {
  small: STEP_STORE16,
  offset: STEP_STORE32,
  immediate: STEP_STORE64,
};

interface Step {
  readonly kind: number;
  readonly at: number;
  readonly shift: number;
  readonly width: number;
  readonly value: number;
}

/** Patterns that have no such form are left out, and TypeScript decodes their words. */
export function patternTables(patterns: readonly Pattern[]): Uint8Array {
  const bytes = new Uint8Array(DECODE_TABLES_END - DECODE_TABLES);
  const view = new DataView(bytes.buffer);
  const programs = new Map<string, number>();
  let nextStep = 0;
  const programOf = (steps: readonly Step[]): number => {
    const key = JSON.stringify(steps);
    const known = programs.get(key);
    if (known !== undefined) return known;
    const first = nextStep;
    for (const { kind, at, shift, width, value } of steps) {
      const to = DECODE_STEPS - DECODE_TABLES + nextStep++ * DECODE_STEP_SIZE;
      bytes.set([kind, at, shift, width], to);
      view.setInt32(to + 4, value, true);
    }
    // A step of zeros is the end.
    nextStep++;
    programs.set(key, first);
    return first;
  };

  const entries = patterns.flatMap((pattern) => {
    const steps = stepsOf(pattern);
    return steps ? [{ ...pattern, program: programOf(steps), free: freeBits(pattern) }] : [];
  });
  // The most words first: that is what is met most.
  entries.sort((a, b) => b.free - a.free);
  let nextEntry = 0;
  for (let bucket = 0; bucket < 1 << (32 - DECODE_BUCKET_SHIFT); bucket++) {
    const here = entries.filter(
      ({ mask, value }) =>
        ((bucket << DECODE_BUCKET_SHIFT) & mask) >>> DECODE_BUCKET_SHIFT ===
        (value & mask) >>> DECODE_BUCKET_SHIFT,
    );
    if (here.length >= 1 << DECODE_BUCKET_COUNT_BITS) throw new Error(`${here.length} patterns in a bucket`);
    const head = (nextEntry << DECODE_BUCKET_COUNT_BITS) | here.length;
    view.setUint32(DECODE_BUCKETS - DECODE_TABLES + 4 * bucket, head, true);
    for (const { mask, value, handler, program } of here) {
      const to = DECODE_ENTRIES - DECODE_TABLES + nextEntry++ * DECODE_ENTRY_SIZE;
      view.setUint32(to, mask, true);
      view.setUint32(to + 4, value, true);
      view.setUint16(to + 8, handler, true);
      view.setUint16(to + 10, program, true);
    }
  }
  const end = DECODE_STEPS + nextStep * DECODE_STEP_SIZE;
  if (DECODE_ENTRIES + nextEntry * DECODE_ENTRY_SIZE > DECODE_STEPS || end > DECODE_TABLES_END) {
    throw new Error('the patterns do not fit their place');
  }
  return bytes.slice(0, end - DECODE_TABLES);
}

function freeBits({ mask }: Pattern): number {
  let free = 0;
  for (let bits = ~mask; bits !== 0; bits &= bits - 1) free++;
  return free;
}

function stepsOf({ operands }: Pattern): readonly Step[] | undefined {
  const steps = operands.map(stepsOfOperand);
  return steps.every((list) => list !== undefined) ? steps.flat() : undefined;
}

function stepsOfOperand({ operand: { use, at }, base, pieces }: PatternOperand): readonly Step[] | undefined {
  const register = REGISTER_STEPS[use];
  if (register !== undefined) {
    const [piece] = pieces;
    if (!piece || pieces.length > 1 || base !== 0n || piece.scale > 0 || piece.signed || piece.negative) {
      return undefined;
    }
    return [{ kind: register, at, shift: piece.shift, width: piece.width, value: 0 }];
  }
  const start = stepsOfBase(base);
  const store = { kind: STORE_STEPS[use] ?? 0, at, shift: 0, width: 0, value: 0 };
  return start && [...start, ...pieces.map(stepOfPiece), store];
}

function stepsOfBase(base: bigint): readonly Step[] | undefined {
  if (base === 0n) return [];
  const rest = { at: 0, shift: 0, width: 0 };
  if (BigInt.asIntN(64, base) === BigInt.asIntN(32, base)) {
    return [{ kind: STEP_BASE, ...rest, value: Number(BigInt.asIntN(32, base)) }];
  }
  if (base !== BigInt.asUintN(32, base)) return undefined;
  return [{ kind: STEP_BASE_UNSIGNED, ...rest, value: Number(BigInt.asIntN(32, base)) }];
}

const stepOfPiece = ({ shift, width, scale, signed, negative }: Piece): Step => ({
  kind: STEP_PIECE | (signed ? STEP_PIECE_SIGNED : 0) | (negative ? STEP_PIECE_NEGATIVE : 0),
  at: 0,
  shift,
  width,
  value: scale,
});
