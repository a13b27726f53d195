// Counters inside translated code: how often regions are entered, and why they are left. They cost time, so they
// are there only when they were asked for, and change nothing that a guest or a hash could tell.

import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { FunctionBuilder } from '../code/function-builder.ts';

const COUNTERS_MAX = (layout.COUNTERS_END - layout.COUNT_REGIONS) / 8;

export class RegionCounters {
  private readonly memory: WebAssembly.Memory;
  /** What is counted, by place. */
  private readonly indexes = new Map<string, number>();

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
  }

  /** Emits that this happened once more. */
  count(b: FunctionBuilder, what: string): void {
    const address = this.addressOf(what);
    b.storeAt('i64', address, code.binary('add', b.loadAt('i64', address), code.constant('i64', 1)));
  }

  /** What happened how often, the most frequent first. */
  read(): Record<string, number> {
    const view = new DataView(this.memory.buffer);
    const entries = [...this.indexes].map(
      ([what, index]) => [what, Number(view.getBigUint64(layout.COUNT_REGIONS + 8 * index, true))] as const,
    );
    return Object.fromEntries(entries.filter(([, times]) => times > 0).sort(([, a], [, b]) => b - a));
  }

  private addressOf(what: string): number {
    let index = this.indexes.get(what);
    if (index === undefined) {
      index = this.indexes.size;
      if (index >= COUNTERS_MAX) throw new Error(`more than ${COUNTERS_MAX} counters`);
      this.indexes.set(what, index);
    }
    return layout.COUNT_REGIONS + 8 * index;
  }
}
