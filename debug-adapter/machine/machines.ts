// The machines of this process, for sessions that attach to one, and the numbers that are unique among all of them.

import type { BreakpointIds } from '../breakpoints/breakpoints.ts';
import * as errors from '../errors.ts';
import type { SharedMachine } from './shared-machine.ts';

const FIRST_HIDDEN_ID = 0x4000_0000;

/** Milliseconds: an editor may be busy. */
const PATIENCE = 10_000;

export class Machines implements BreakpointIds {
  /** How long clients are waited for that have been asked to start a session. */
  readonly patience: number;
  private readonly machines = new Map<string, SharedMachine>();
  private machinesSoFar = 0;
  private breakpointsSoFar = 0;
  private hiddenSoFar = 0;

  /** Several sessions set breakpoints in one machine. */
  readonly nextBreakpointId = (): number => ++this.breakpointsSoFar;
  /** Of breakpoints that no client sees. */
  readonly nextHiddenId = (): number => FIRST_HIDDEN_ID + ++this.hiddenSoFar;

  constructor(patience: number = PATIENCE) {
    this.patience = patience;
  }

  nextMachineId(): string {
    return `m${++this.machinesSoFar}`;
  }

  add(machine: SharedMachine): void {
    this.machines.set(machine.id, machine);
  }

  remove(machine: SharedMachine): void {
    this.machines.delete(machine.id);
  }

  /** The machine of that id; without one, the only one there is. Throws when it is not clear which is meant. */
  find(id: string | undefined): SharedMachine {
    const all = [...this.machines.values()];
    const [only, ...others] = id === undefined ? all : all.filter((machine) => machine.id === id);
    if (only && others.length === 0) return only;
    throw errors.noSuchMachine(
      id,
      all.map((machine) => machine.description),
    );
  }
}
