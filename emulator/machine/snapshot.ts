// A snapshot is not a copy of the machine but how to come to it: what came in from outside, and the moment. A machine
// is a pure function of its configuration and its inputs, so a fresh one that is given the same runs into the same
// state, which the hash proves.

import { UserError } from '../base/errors.ts';
import type { LoadedMachine } from './guest.ts';
import { InputLog, type LoggedInput, momentOf, runThrough } from './input-log.ts';
import type { Moment } from './messages.ts';
import { stateHash } from './state-hash.ts';

/** Plain data: bigints and byte arrays beside what JSON has. */
export interface MachineSnapshot {
  readonly inputs: readonly LoggedInput[];
  readonly end: Moment;
  /** Of the machine at `end`. */
  readonly stateHash: string;
}

export const takeSnapshot = (loaded: LoadedMachine, { entries }: InputLog): MachineSnapshot => ({
  inputs: [...entries],
  end: momentOf(loaded),
  stateHash: stateHash(loaded),
});

/** Runs a machine at moment 0 to a snapshot. Throws a UserError when its files are not those of the snapshot. */
export function runToSnapshot(
  loaded: LoadedMachine,
  { inputs, end, stateHash: expected }: MachineSnapshot,
): void {
  try {
    runThrough(loaded, inputs, end);
  } catch {
    throw notTheSame();
  }
  if (stateHash(loaded) === expected) return;
  // A pause takes the interrupts that are pending then; a breakpoint does not.
  loaded.machine.settle();
  if (stateHash(loaded) !== expected) throw notTheSame();
}

const notTheSame = (): UserError =>
  new UserError(
    'the guest does not run into the state of the snapshot',
    'Its kernel, RAM disk, configuration or Xenscope itself has changed since: take a new snapshot.',
  );
