// What comes into a machine from outside: keys and what a debugger changes. Everything enters here,
// stamped and recorded, so that a fresh machine of the same configuration that is given the same
// log runs the same way, bit for bit.
//
// A pause, a breakpoint and the pace of idle time are no input: they change nothing in the machine.
// Neither is what a console script types: it belongs to the machine's configuration, but it enters
// here too, between two instructions, so that a log is complete without the script.

import type { LoadedMachine } from './guest.ts';
import { MemoryAccess } from './memory-access.ts';
import type { AddressSpace, Moment } from './messages.ts';
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
  /** A CPU that is stepped has its turn at once. */
  | { readonly kind: 'turn'; readonly cpu: number };

/** Where in a run an input belongs. */
export interface InputStamp extends Moment {
  /** Exceptions that what sits at EL2 has handled: they can follow each other with no instruction between. */
  readonly traps: number;
}

export interface LoggedInput extends InputStamp {
  readonly sequence: number;
  readonly input: Input;
}

export class InputLog {
  private readonly loaded: LoadedMachine;
  private readonly list: LoggedInput[] = [];

  constructor(loaded: LoadedMachine) {
    this.loaded = loaded;
  }

  get entries(): readonly LoggedInput[] {
    return this.list;
  }

  /** Gives the machine an input, between two slices. Throws UserErrors for one that cannot be. */
  enter(input: Input): void {
    const stamp = stampOf(this.loaded);
    const kept = 'bytes' in input ? { ...input, bytes: input.bytes.slice() } : input;
    apply(this.loaded, kept);
    this.list.push({ ...stamp, sequence: this.list.length, input: kept });
  }

  /** As enter() of kind `memory`; answers how many bytes could be written, and those alone are the input. */
  writeMemory(space: AddressSpace, address: bigint, bytes: Uint8Array): number {
    const length = memoryOf(this.loaded).read(space, address, bytes.length).length;
    if (length > 0) this.enter({ kind: 'memory', space, address, bytes: bytes.subarray(0, length) });
    return length;
  }
}

/** Where the machine stands now. */
export function stampOf({ machine }: LoadedMachine): InputStamp {
  return {
    instructions: machine.engine.instructions,
    virtualNanoseconds: machine.clock.nanoseconds(),
    traps: machine.traps,
  };
}

/** Runs a fresh machine through a log and on to `end`. Throws when the machine is not the log's. */
export function replay(loaded: LoadedMachine, log: readonly LoggedInput[], end: InputStamp): void {
  for (const entry of log) {
    runTo(loaded, entry);
    apply(loaded, entry.input);
  }
  runTo(loaded, end);
}

function runTo(loaded: LoadedMachine, target: InputStamp): void {
  const { machine } = loaded;
  for (;;) {
    const now = stampOf(loaded);
    const left = target.instructions - now.instructions;
    const isThere = now.virtualNanoseconds >= target.virtualNanoseconds && now.traps >= target.traps;
    if (left === 0 && isThere) break;
    // Where no instruction is left but time, a slice handles interrupts and executes nothing.
    const result = machine.runSlice(Math.max(left, 1));
    if (result.kind === 'idle') {
      machine.skipTo(Math.min(result.deadline, target.virtualNanoseconds - left));
    }
    const then = stampOf(loaded);
    const stands = result.kind === 'idle' && then.virtualNanoseconds === now.virtualNanoseconds;
    if (hasPassed(then, target) || stands || result.kind === 'stuck') {
      throw new Error(`the log is not of this machine: ${JSON.stringify({ then, target })}`);
    }
  }
}

const hasPassed = (now: InputStamp, target: InputStamp): boolean =>
  now.instructions > target.instructions || now.virtualNanoseconds > target.virtualNanoseconds;

function apply(loaded: LoadedMachine, input: Input): void {
  switch (input.kind) {
    case 'console':
      return loaded.consoleInput(input.domain, input.bytes);
    case 'register':
      return writeRegister(loaded.machine, input.cpu, input.name, input.value);
    case 'memory':
      memoryOf(loaded).write(input.space, input.address, input.bytes);
      return;
    case 'turn':
      return loaded.machine.giveTurnTo(input.cpu);
  }
}

/** vCPU n of a domain runs on CPU n. */
const memoryOf = (loaded: LoadedMachine): MemoryAccess => new MemoryAccess(loaded, ({ vcpu }) => vcpu);
