// The counters of the kernels by name. They stand in the engine's memory and are no part of a machine's state.

import * as layout from '../memory/layout.ts';

/** Exception classes that the emulator takes (DDI 0487, ESR_ELx.EC), as the architecture names them. */
const EXCEPTION_CLASSES: Readonly<Record<number, string>> = {
  0x00: 'unknown',
  0x01: 'wfi or wfe',
  0x07: 'floating point trapped',
  0x0e: 'illegal state',
  0x15: 'svc',
  0x16: 'hvc',
  0x17: 'smc',
  0x18: 'system register trapped',
  0x20: 'instruction abort, lower EL',
  0x21: 'instruction abort, same EL',
  0x22: 'pc alignment',
  0x24: 'data abort, lower EL',
  0x25: 'data abort, same EL',
  0x26: 'sp alignment',
  0x2f: 'serror',
  0x32: 'software step, lower EL',
  0x33: 'software step, same EL',
  0x3c: 'brk',
};

const INTERRUPTS: Readonly<Record<number, string>> = { 1: 'irq', 2: 'fiq', 3: 'serror' };

/** What the kernels count beside exceptions. */
const MMU_COUNTERS = {
  slowAccesses: layout.COUNT_DATA_SLOW,
  pageCrossings: layout.COUNT_CROSSINGS,
  dataMissesEl0: layout.COUNT_DATA_MISSES,
  dataMissesEl1: layout.COUNT_DATA_MISSES + 8,
  dataMissesEl2: layout.COUNT_DATA_MISSES + 16,
  slowFetches: layout.COUNT_FETCH_SLOW,
  fetchMissesEl0: layout.COUNT_FETCH_MISSES,
  fetchMissesEl1: layout.COUNT_FETCH_MISSES + 8,
  fetchMissesEl2: layout.COUNT_FETCH_MISSES + 16,
  stage1Walks: layout.COUNT_STAGE1_WALKS,
  stage2Walks: layout.COUNT_STAGE2_WALKS,
  contextsReplaced: layout.COUNT_CONTEXTS,
  codeStores: layout.COUNT_CODE_STORES,
  codePagesReleased: layout.COUNT_CODE_RELEASES,
} as const;

export interface EngineCounters {
  /** Exceptions taken, by class; those that did not happen are left out. */
  readonly exceptions: Readonly<Record<string, number>>;
  readonly exceptionReturns: number;
  readonly mmu: Readonly<Record<keyof typeof MMU_COUNTERS, number>>;
}

export function readCounters(memory: WebAssembly.Memory): EngineCounters {
  const view = new DataView(memory.buffer);
  const at = (address: number): number => Number(view.getBigUint64(address, true));
  const exceptions: Record<string, number> = {};
  const add = (name: string, times: number): void => {
    if (times > 0) exceptions[name] = (exceptions[name] ?? 0) + times;
  };
  for (let ec = 0; ec < 64; ec++) {
    add(EXCEPTION_CLASSES[ec] ?? `class 0x${ec.toString(16)}`, at(layout.COUNT_EXCEPTIONS + 8 * ec));
  }
  for (const [kind, name] of Object.entries(INTERRUPTS)) {
    add(name, at(layout.COUNT_INTERRUPTS + 8 * Number(kind)));
  }
  const names = Object.entries(MMU_COUNTERS).map(([name, address]) => [name, at(address)] as const);
  return {
    exceptions,
    exceptionReturns: at(layout.COUNT_RETURNS),
    mmu: Object.fromEntries(names) as EngineCounters['mmu'],
  };
}
