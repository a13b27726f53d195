// The breakpoints of all sessions that share a machine, as the machine and those who judge its stops see them.

import type { BreakpointTable, MachineBreakpoints, UserBreakpoint } from './breakpoints.ts';

export class CombinedBreakpoints implements MachineBreakpoints {
  private readonly tables = new Set<BreakpointTable>();
  private changes = 0;

  add(table: BreakpointTable): void {
    this.tables.add(table);
    this.changes++;
  }

  remove(table: BreakpointTable): void {
    if (this.tables.delete(table)) this.changes += table.version + 1;
  }

  get all(): readonly UserBreakpoint[] {
    return this.each((table) => table.all);
  }

  /** Grows with every change: tables that go leave their share. */
  get version(): number {
    return [...this.tables].reduce((sum, { version }) => sum + version, this.changes);
  }

  forMachine: MachineBreakpoints['forMachine'] = () => this.each((table) => table.forMachine());

  watchpoints: MachineBreakpoints['watchpoints'] = () => this.each((table) => table.watchpoints());

  eventBreakpoints: MachineBreakpoints['eventBreakpoints'] = () =>
    this.each((table) => table.eventBreakpoints());

  at: MachineBreakpoints['at'] = (target, pc, candidates) =>
    this.each((table) => table.at(target, pc, candidates));

  anyAt: MachineBreakpoints['anyAt'] = (target, pc) =>
    [...this.tables].some((table) => table.anyAt(target, pc));

  find: MachineBreakpoints['find'] = (id) => this.tableOf(id)?.find(id);

  entered: MachineBreakpoints['entered'] = (breakpoint, pending) =>
    this.tableOf(breakpoint.id)?.entered(breakpoint, pending);

  returned: MachineBreakpoints['returned'] = (target, pc, sp) => {
    for (const table of this.tables) {
      const found = table.returned(target, pc, sp);
      if (found) return found;
    }
    return undefined;
  };

  private tableOf(id: number): BreakpointTable | undefined {
    return [...this.tables].find((table) => table.find(id) !== undefined);
  }

  private each<T>(list: (table: BreakpointTable) => readonly T[]): readonly T[] {
    return [...this.tables].flatMap(list);
  }
}
