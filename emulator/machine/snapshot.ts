// A snapshot is not a copy of the machine but how to come to it: what came in from outside, and the moment. A machine
// is a pure function of its configuration and its inputs, so a fresh one that is given the same runs into the same
// state, which the hash proves.

import { UserError } from '../base/errors.ts';
import type { FileStamp } from '../xen/toolstack/disk-store.ts';
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
  /** The files that disks were made from, as they were at the start. */
  readonly files: readonly FileStamp[];
}

export const takeSnapshot = (loaded: LoadedMachine, { entries }: InputLog): MachineSnapshot => ({
  inputs: [...entries],
  end: momentOf(loaded),
  stateHash: stateHash(loaded),
  files: loaded.diskFiles?.() ?? [],
});

/**
 * Runs a machine at moment 0 to a snapshot. Throws a UserError when its files are not those of the snapshot. Images that
 * changed where the run up to there did not look are told of: it may go on in another way.
 */
export function runToSnapshot(
  loaded: LoadedMachine,
  { inputs, end, stateHash: expected, files }: MachineSnapshot,
): readonly string[] {
  // What a guest wrote once it would write again, into a file that has it already.
  const written = changedFiles(loaded, files).find(({ isWritten }) => isWritten);
  if (written) {
    throw new UserError(
      'is a disk that its guest writes to, and has changed since the snapshot was started',
      "Use a copy of what it was then. For snapshots, 'overlay:…' as the target leaves the file alone.",
      { file: written.path },
    );
  }
  try {
    runThrough(loaded, inputs, end);
  } catch {
    throw notTheSame(changedFiles(loaded, files));
  }
  if (stateHash(loaded) === expected) return pathsOf(changedFiles(loaded, files));
  // A pause takes the interrupts that are pending then; a breakpoint does not.
  loaded.machine.settle();
  const changed = changedFiles(loaded, files);
  if (stateHash(loaded) !== expected) throw notTheSame(changed);
  return pathsOf(changed);
}

function changedFiles(loaded: LoadedMachine, before: readonly FileStamp[]): FileStamp[] {
  const now = new Map((loaded.diskFiles?.() ?? []).map(({ path, stamp }) => [path, stamp]));
  return before.filter(({ path, stamp }) => now.has(path) && now.get(path) !== stamp);
}

const pathsOf = (files: readonly FileStamp[]): readonly string[] => [
  ...new Set(files.map(({ path }) => path)),
];

function notTheSame(changed: readonly FileStamp[]): UserError {
  const message = 'the guest does not run into the state of the snapshot';
  const [file] = pathsOf(changed);
  if (file !== undefined) {
    return new UserError(`${message}: this image has changed since`, 'Take a new snapshot.', { file });
  }
  return new UserError(
    message,
    'Its kernel, RAM disk, configuration or Xenscope itself has changed since: take a new snapshot.',
  );
}
