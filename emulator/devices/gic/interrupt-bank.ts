// The state of a run of interrupts, as every GIC keeps it: GICv2 (IHI 0048) and GICv3 (IHI 0069)
// agree on it. A bank holds either the 32 private interrupts of one CPU or all shared ones.
//
// "Pending" has two sources. A latch: set by an edge, by software (ISPENDR), by an SGI; cleared
// on acknowledge. And the input line, which makes a level-sensitive interrupt pending for as long
// as it is high.

export const SPURIOUS = 1023;
/** A priority that nothing can have: idle, or no interrupt pending. */
export const IDLE_PRIORITY = 0xff;
/** Priorities have five bits, at the top of the byte. As in a GIC-400, and as a Cortex-A53 has it. */
export const PRIORITY_MASK = 0xf8;

export interface InterruptBankState {
  readonly enabled: number[];
  readonly latched: number[];
  readonly line: number[];
  readonly active: number[];
  readonly edge: number[];
  readonly group: number[];
  readonly priority: number[];
}

export class InterruptBank {
  /** Interrupts in the bank; a multiple of 32. */
  readonly count: number;
  // One bit for each interrupt. Free for register code, which then tells the GIC what changed.
  readonly enabled: Uint32Array;
  readonly latched: Uint32Array;
  readonly line: Uint32Array;
  readonly active: Uint32Array;
  /** Edge-triggered; otherwise level-sensitive. */
  readonly edge: Uint32Array;
  /** Group 1; otherwise group 0. */
  readonly group: Uint32Array;
  readonly priority: Uint8Array;

  /** Result of `findBest`: number inside the bank and priority. */
  bestIndex = -1;
  bestPriority = IDLE_PRIORITY;

  constructor(count: number) {
    this.count = count;
    const words = count >>> 5;
    this.enabled = new Uint32Array(words);
    this.latched = new Uint32Array(words);
    this.line = new Uint32Array(words);
    this.active = new Uint32Array(words);
    this.edge = new Uint32Array(words);
    this.group = new Uint32Array(words);
    this.priority = new Uint8Array(count);
  }

  /** The pending bits of 32 interrupts, as ISPENDR and ICPENDR read. */
  pending(word: number): number {
    return (this.latched[word]! | (this.line[word]! & ~this.edge[word]!)) >>> 0;
  }

  groupOf(index: number): number {
    return (this.group[index >>> 5]! >>> (index & 31)) & 1;
  }

  isActive(index: number): boolean {
    return ((this.active[index >>> 5]! >>> (index & 31)) & 1) !== 0;
  }

  isPending(index: number): boolean {
    return ((this.pending(index >>> 5) >>> (index & 31)) & 1) !== 0;
  }

  /** The input line changes. Returns whether that changed what is pending. */
  setLine(index: number, high: boolean): boolean {
    const word = index >>> 5;
    const bit = 1 << (index & 31);
    const wasHigh = (this.line[word]! & bit) !== 0;
    if (wasHigh === high) return false;
    if (high) this.line[word]! |= bit;
    else this.line[word]! &= ~bit;
    if ((this.edge[word]! & bit) === 0) return true;
    if (high) this.latched[word]! |= bit;
    return high;
  }

  /** From pending to active; a line that stays high keeps a level-sensitive one pending as well. */
  activate(index: number): void {
    const bit = 1 << (index & 31);
    this.active[index >>> 5]! |= bit;
    this.latched[index >>> 5]! &= ~bit;
  }

  deactivate(index: number): void {
    this.active[index >>> 5]! &= ~(1 << (index & 31));
  }

  /**
   * Finds the interrupt of highest priority that could be signalled: pending, enabled, not
   * active, of a group in `groups` (bit 0: group 0, bit 1: group 1), and routed here. Of equal
   * priorities the lowest number wins. Leaves it in `bestIndex` and `bestPriority`.
   */
  findBest(groups: number, routed: Uint32Array | undefined): void {
    const { enabled, latched, line, active, edge, group, priority } = this;
    const group0 = (groups & 1) === 0 ? 0 : -1;
    const group1 = (groups & 2) === 0 ? 0 : -1;
    let bestIndex = -1;
    let bestPriority = IDLE_PRIORITY;
    for (let word = 0; word < enabled.length; word++) {
      let candidates = (latched[word]! | (line[word]! & ~edge[word]!)) & enabled[word]! & ~active[word]!;
      if (candidates === 0) continue;
      const groupBits = group[word]!;
      candidates &= (~groupBits & group0) | (groupBits & group1);
      if (routed !== undefined) candidates &= routed[word]!;
      while (candidates !== 0) {
        const lowest = candidates & -candidates;
        candidates ^= lowest;
        const index = (word << 5) + 31 - Math.clz32(lowest);
        if (priority[index]! < bestPriority) {
          bestPriority = priority[index]!;
          bestIndex = index;
        }
      }
    }
    this.bestIndex = bestIndex;
    this.bestPriority = bestPriority;
  }

  save(): InterruptBankState {
    return {
      enabled: [...this.enabled],
      latched: [...this.latched],
      line: [...this.line],
      active: [...this.active],
      edge: [...this.edge],
      group: [...this.group],
      priority: [...this.priority],
    };
  }

  restore(state: InterruptBankState): void {
    this.enabled.set(state.enabled);
    this.latched.set(state.latched);
    this.line.set(state.line);
    this.active.set(state.active);
    this.edge.set(state.edge);
    this.group.set(state.group);
    this.priority.set(state.priority);
  }
}
