// What comes into a machine from outside: keys and what a debugger changes. Everything enters here,
// stamped and recorded, so that a fresh machine of the same configuration that is given the same
// log runs the same way, bit for bit.
//
// A pause, a breakpoint and the pace of idle time are no input: they change nothing in the machine.
// Neither is what a console script types: it belongs to the machine's configuration, but it enters
// here too, between two instructions, so that a log is complete without the script.

import type { LoadedMachine } from './guest.ts';
import { MemoryAccess } from './memory-access.ts';
import type { Action, AddressSpace, Moment } from './messages.ts';
import { writeRegister } from './registers.ts';

export type Input =
  /** Somebody typed. */
  | { readonly kind: 'console'; readonly domain: number; readonly bytes: Uint8Array }
  | { readonly kind: 'register'; readonly cpu: number; readonly name: string; readonly value: bigint }
  | {
      readonly kind: 'memory';
      readonly space: AddressSpace;
      readonly address: bigint;
      readonly bytes: Uint8Array;
    }
  /** Somebody changed something through the hypervisor. */
  | { readonly kind: 'action'; readonly action: Action }
  /** A CPU that is stepped has its turn at once. */
  | { readonly kind: 'turn'; readonly cpu: number }
  /** Only this CPU executes from now on; undefined: all do. */
  | { readonly kind: 'only'; readonly cpu: number | undefined };

/** An input, where it belongs in a run, and its number among the inputs. */
export interface LoggedInput extends Moment {
  readonly sequence: number;
  /** Whether interrupts pending then are taken first: they are, unless nothing ran since the input before. */
  readonly settled: boolean;
  readonly input: Input;
}

export class InputLog {
  private readonly loaded: LoadedMachine;
  private readonly list: LoggedInput[] = [];
  /** The machine's slices at the last input. */
  private slices = -1;

  constructor(loaded: LoadedMachine) {
    this.loaded = loaded;
  }

  get entries(): readonly LoggedInput[] {
    return this.list;
  }

  /** Gives the machine an input, between two slices. Throws UserErrors for one that cannot be. */
  enter(input: Input): void {
    const { machine } = this.loaded;
    const settled = machine.slices !== this.slices;
    if (settled) machine.settle();
    this.slices = machine.slices;
    const moment = momentOf(this.loaded);
    const kept = 'bytes' in input ? { ...input, bytes: input.bytes.slice() } : input;
    try {
      apply(this.loaded, kept);
    } catch (error) {
      // It is no input; the next one here settles, for the log, as this one did.
      this.slices = -1;
      throw error;
    }
    this.list.push({ ...moment, sequence: this.list.length, settled, input: kept });
  }

  /** As enter() of kind `memory`; answers how many bytes could be written, and those alone are the input. */
  writeMemory(space: AddressSpace, address: bigint, bytes: Uint8Array): number {
    const length = memoryOf(this.loaded).read(space, address, bytes.length).length;
    if (length > 0) this.enter({ kind: 'memory', space, address, bytes: bytes.subarray(0, length) });
    return length;
  }
}

/** Where the machine stands on its clock. */
export function momentOf({ machine }: LoadedMachine): Moment {
  return { instructions: machine.engine.instructions, virtualNanoseconds: machine.clock.nanoseconds() };
}

/**
 * Runs a fresh machine through a log and on to `end`, where interrupts pending then are taken: a
 * machine to compare it with has to be settled too. Throws when the machine is not the log's.
 */
export function replay(loaded: LoadedMachine, log: readonly LoggedInput[], end: Moment): void {
  runThrough(loaded, log, end);
  loaded.machine.settle();
}

/** As replay(), and leaves interrupts that are pending at `end` as they are. */
export function runThrough(loaded: LoadedMachine, log: readonly LoggedInput[], end: Moment): void {
  for (const entry of log) {
    runTo(loaded, entry);
    if (entry.settled) loaded.machine.settle();
    apply(loaded, entry.input);
  }
  runTo(loaded, end);
}

function runTo(loaded: LoadedMachine, target: Moment): void {
  const { machine } = loaded;
  for (;;) {
    const now = momentOf(loaded);
    const left = target.instructions - now.instructions;
    if (left === 0 && now.virtualNanoseconds === target.virtualNanoseconds) return;
    if (left < 0 || now.virtualNanoseconds > target.virtualNanoseconds) break;
    if (left > 0 && machine.runSlice(left).kind !== 'idle') continue;
    // Time passes while every CPU waits. The instructions to come need some of it.
    if (machine.settle()) break;
    machine.skipTo(Math.min(machine.deadline(), target.virtualNanoseconds - left));
    if (machine.clock.nanoseconds() === now.virtualNanoseconds) break;
  }
  const { instructions, virtualNanoseconds } = momentOf(loaded);
  throw new Error(
    `the log is not of this machine, which stands at ${instructions} (${virtualNanoseconds} ns), ` +
      `not ${target.instructions} (${target.virtualNanoseconds} ns)`,
  );
}

function apply(loaded: LoadedMachine, input: Input): void {
  switch (input.kind) {
    case 'console':
      return loaded.consoleInput(input.domain, input.bytes);
    case 'register':
      return writeRegister(loaded.machine, input.cpu, input.name, input.value);
    case 'memory':
      memoryOf(loaded).write(input.space, input.address, input.bytes);
      return;
    case 'action':
      return loaded.act(input.action);
    case 'turn':
      return loaded.machine.giveTurnTo(input.cpu);
    case 'only':
      return loaded.machine.runOnly(input.cpu);
  }
}

const memoryOf = (loaded: LoadedMachine): MemoryAccess => new MemoryAccess(loaded);
