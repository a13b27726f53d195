// The breakpoints of all sessions that share a machine, as the machine and those who judge its stops see them.

import type { BreakpointTable, MachineBreakpoints } from './breakpoints.ts';

export class CombinedBreakpoints implements MachineBreakpoints {
  private readonly tables = new Set<BreakpointTable>();

  add(table: BreakpointTable): void {
    this.tables.add(table);
  }

  remove(table: BreakpointTable): void {
    this.tables.delete(table);
  }

  forMachine: MachineBreakpoints['forMachine'] = () => this.each((table) => table.forMachine());

  at: MachineBreakpoints['at'] = (target, pc, candidates) =>
    this.each((table) => table.at(target, pc, candidates));

  private each<T>(list: (table: BreakpointTable) => readonly T[]): readonly T[] {
    return [...this.tables].flatMap(list);
  }
}
