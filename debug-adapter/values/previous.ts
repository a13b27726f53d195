// `$prev(expression)`: what an expression was at the stop before. Each time it is evaluated its value is kept for the
// next stop, as a copy.

import { sizeOf } from './types.ts';
import type { Scope } from './scope.ts';
import { missing, ofBytes, readBytes } from './value.ts';
import type { TypedValue, Value } from './value.ts';

interface Kept {
  readonly stop: number;
  readonly value: Value;
}

/** Expressions that are remembered; the oldest goes first. */
const MOST_KEPT = 256;
/** Of one value. */
const MOST_BYTES = 4096;

export class PreviousValues {
  /** By expression and vCPU; the newest last. */
  private readonly kept = new Map<string, readonly Kept[]>();

  private stop = 0;

  /** The machine ran and stands again. */
  stopped(): void {
    this.stop++;
  }

  /** Keeps `now`, and answers what was kept at the stop before. */
  async exchange(key: string, now: Value, scope: Scope): Promise<Value> {
    const { stop } = this;
    const { domain, vcpu } = scope.at.vcpu;
    const where = `d${domain}.v${vcpu} ${key}`;
    const known = (this.kept.get(where) ?? []).filter((one) => one.stop !== stop);
    const value = now.kind === 'typed' ? await copyOf(now, scope) : now;
    this.kept.delete(where);
    this.kept.set(where, [...known.slice(-1), { stop, value }]);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST_KEPT) break;
      this.kept.delete(oldest);
    }
    const before = known.at(-1);
    if (before?.stop === stop - 1) return before.value;
    if (now.kind !== 'typed') return { kind: 'text', text: `<${NOT_KEPT}>` };
    return missing(now.type, NOT_KEPT, now.space);
  }
}

const NOT_KEPT = 'not evaluated at the stop before';

async function copyOf(value: TypedValue, scope: Scope): Promise<Value> {
  const { storage, bits, type, space } = value;
  const size = bits ? Math.ceil((bits.offset + bits.size) / 8) : ((await sizeOf(type)) ?? 0);
  // What is nowhere stays so, and registers are copies already.
  if (storage.kind === 'missing' || storage.kind === 'register' || storage.kind === 'bytes') return value;
  if (size === 0 || size > MOST_BYTES) return missing(type, 'too large to be kept', space);
  const bytes = await readBytes(value, size, scope.memory.read.bind(scope.memory));
  return { ...ofBytes(type, bytes, space), ...(bits && { bits }) };
}
