// Snapshots as files: the launch configuration, and what came into the machine from outside. JSON, in which bytes are
// base64 and 64-bit numbers are `0x…` strings. A file may come from anybody, so all of it is checked.

import * as z from 'zod';
import { UserError } from '../../emulator/base/errors.ts';
import type { MachineSnapshot } from '../../emulator/machine/snapshot.ts';
import { bytesFromBase64, bytesToBase64 } from '../base64.ts';
import { type LaunchConfiguration, parseLaunchConfiguration } from '../configuration.ts';

export const SNAPSHOT_EXTENSION = '.xensnap';
const VERSION = 1;

export interface SnapshotFile {
  readonly launch: LaunchConfiguration;
  /** Where relative paths of the configuration start; undefined: where the program was started. */
  readonly folder: string | undefined;
  readonly snapshot: MachineSnapshot;
}

const count = z.number().int().nonnegative();
const domain = z.number().int().min(-1);
const bytes = z.string().transform((text, context) => {
  const decoded = bytesFromBase64(text);
  if (decoded) return decoded;
  context.addIssue({ code: 'custom', message: 'not base64' });
  return z.NEVER;
});
const word = z
  .string()
  .regex(/^0x[0-9a-f]{1,32}$/)
  .transform((text) => BigInt(text));
const vcpu = z.strictObject({ domain, vcpu: count });

const space = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('va'), at: vcpu, ttbr0: word.optional() }),
  z.strictObject({ kind: z.literal('ipa'), domain }),
  z.strictObject({ kind: z.literal('pa') }),
]);

const action = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['pause', 'unpause', 'destroy']), domain }),
  z.strictObject({ kind: z.literal('shutdown'), domain, reason: z.enum(['poweroff', 'reboot', 'halt']) }),
  z.strictObject({ kind: z.literal('send-event'), domain, port: count }),
  z.strictObject({ kind: z.literal('mask-event'), domain, port: count, masked: z.boolean() }),
  z.strictObject({ kind: z.literal('write-xenstore'), path: z.string(), value: z.string() }),
  z.strictObject({ kind: z.literal('remove-xenstore'), path: z.string() }),
  z.strictObject({ kind: z.literal('block-attach'), domain, disk: z.string() }),
  z.strictObject({ kind: z.literal('block-detach'), domain, device: z.string(), force: z.boolean() }),
  z.strictObject({ kind: z.literal('block-resize'), domain, device: z.string(), size: count }),
]);

const input = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('console'), domain, bytes }),
  z.strictObject({ kind: z.literal('register'), cpu: count, name: z.string(), value: word }),
  z.strictObject({ kind: z.literal('memory'), space, address: word, bytes }),
  z.strictObject({ kind: z.literal('action'), action }),
  z.strictObject({ kind: z.literal('turn'), cpu: count }),
]);

const moment = { instructions: count, virtualNanoseconds: z.number().nonnegative() };

const file = z.strictObject({
  xenscopeSnapshot: z.literal(VERSION),
  folder: z.string().optional(),
  launch: z.unknown(),
  inputs: z.array(z.strictObject({ ...moment, sequence: count, settled: z.boolean(), input })),
  end: z.strictObject(moment),
  stateHash: z.string().regex(/^[0-9a-f]{32}$/),
  files: z.array(z.strictObject({ path: z.string(), stamp: z.string(), isWritten: z.boolean() })).optional(),
});

export function writeSnapshot({ launch, folder, snapshot }: SnapshotFile): string {
  const { inputs, end, stateHash, files } = snapshot;
  const whole = {
    xenscopeSnapshot: VERSION,
    ...(folder !== undefined && { folder }),
    launch,
    inputs,
    end,
    stateHash,
    ...(files.length > 0 && { files }),
  };
  return `${JSON.stringify(whole, plain, 2)}\n`;
}

/** `name` is the file's, for messages. Throws a UserError for a text that is no snapshot. */
export function readSnapshot(text: string, name: string): SnapshotFile {
  const parsed = file.safeParse(jsonIn(text));
  if (!parsed.success) throw notASnapshot(name, z.prettifyError(parsed.error).split('\n', 1)[0] ?? '');
  const { folder, launch, inputs, end, stateHash, files = [] } = parsed.data;
  const snapshot = { inputs, end, stateHash, files } as MachineSnapshot;
  return { launch: parseLaunchConfiguration(launch, name), folder, snapshot };
}

const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (value instanceof Uint8Array) return bytesToBase64(value);
  return value;
};

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const notASnapshot = (name: string, problem: string): UserError =>
  new UserError(
    `is not a snapshot of this version${problem === '' ? '' : `: ${problem}`}`,
    'Take a new one.',
    {
      file: name,
    },
  );
