// Actions that cannot be, on a guest that does its worst: each is refused with a sentence before anything changed, and
// leaves no trace in the log of inputs.

import { expect, test } from 'vitest';
import { UserError } from '../../../../emulator/base/errors.ts';
import { InputLog } from '../../../../emulator/machine/input-log.ts';
import type { Action } from '../../../../emulator/machine/messages.ts';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import { DEEDS } from '../../debug/inspect/hostile/deeds.ts';
import { HostileGuest } from '../../debug/inspect/hostile/hostile-guest.ts';

const NO_DOMAIN: readonly unknown[] = [
  -1,
  0.5,
  2,
  0x7ff0,
  0x7ff2,
  2 ** 32 + 1,
  NaN,
  Infinity,
  '1',
  null,
  undefined,
  [1],
  {},
  true,
];
const NO_PORT: readonly unknown[] = [
  -1,
  0.5,
  0,
  1022.5,
  131072,
  2 ** 32 + 1,
  NaN,
  Infinity,
  '1',
  null,
  undefined,
  [1],
];
const NO_PATH: readonly unknown[] = [
  '',
  'relative',
  '//',
  '/a//b',
  '/a/',
  '/a b',
  '/ü',
  '/a\0b',
  '/a\u001b[2J',
  '/<img>',
  `/${'a'.repeat(4096)}`,
  '@releaseDomain',
  1,
  null,
  undefined,
  ['/a'],
  {},
];
const NO_VALUE: readonly unknown[] = [
  'x'.repeat(4096),
  '\u{1f600}'.repeat(1024),
  1,
  null,
  undefined,
  ['a'],
  {},
];
const NO_REASON: readonly unknown[] = ['', 'explode', 'poweroff\0', 'toString', 1, null, undefined];
const NO_ACTION: readonly unknown[] = [
  null,
  undefined,
  'pause',
  1,
  [],
  {},
  { kind: '__proto__', domain: 1 },
  { kind: 'constructor', domain: 1 },
  { kind: 'PAUSE', domain: 1 },
  { kind: ['pause'], domain: 1 },
  { domain: 1 },
];

const impossible: readonly unknown[] = [
  ...NO_ACTION,
  ...NO_DOMAIN.flatMap((domain) => [
    { kind: 'pause', domain },
    { kind: 'unpause', domain },
    { kind: 'destroy', domain },
    { kind: 'shutdown', domain, reason: 'poweroff' },
    { kind: 'send-event', domain, port: 1 },
    { kind: 'mask-event', domain, port: 1, masked: true },
  ]),
  // Domain 0 has no guest code to stop or to mask.
  ...['pause', 'unpause', 'destroy', 'shutdown'].map((kind) => ({ kind, domain: 0, reason: 'poweroff' })),
  { kind: 'mask-event', domain: 0, port: 1, masked: true },
  { kind: 'unpause', domain: 1 },
  ...NO_REASON.map((reason) => ({ kind: 'shutdown', domain: 1, reason })),
  ...NO_PORT.flatMap((port) => [
    { kind: 'send-event', domain: 1, port },
    { kind: 'send-event', domain: 0, port },
    { kind: 'mask-event', domain: 1, port, masked: true },
    { kind: 'mask-event', domain: 1, port, masked: false },
  ]),
  ...[1, 'true', null, undefined].map((masked) => ({ kind: 'mask-event', domain: 1, port: 1, masked })),
  ...NO_PATH.flatMap((path) => [
    { kind: 'write-xenstore', path, value: 'x' },
    { kind: 'remove-xenstore', path },
  ]),
  ...NO_VALUE.map((value) => ({ kind: 'write-xenstore', path: '/local/domain/1/data/x', value })),
  { kind: 'remove-xenstore', path: '/' },
  { kind: 'remove-xenstore', path: '/local/domain/1/nothing' },
];

const SITUATIONS = [
  '',
  'eventChannels fifo sharedInfo',
  'xenstoreTexts xenstoreDeep grantGarbage xenstoreRing',
];

test.each(SITUATIONS)('what cannot be done is refused and changes nothing (%s)', (deeds) => {
  const guest = new HostileGuest(4);
  for (const deed of deeds.split(' ')) DEEDS[deed]?.(guest);
  const log = new InputLog(guest.loaded);
  // Interrupts that are pending are taken before any input.
  guest.loaded.machine.settle();
  const before = stateHash(guest.loaded);
  const wrong: string[] = [];
  for (const [index, action] of impossible.entries()) {
    const told = JSON.stringify(action);
    try {
      log.enter({ kind: 'action', action: action as Action });
      wrong.push(`${told} was done`);
    } catch (error) {
      if (!(error instanceof UserError)) wrong.push(`${told}: ${String(error)}`);
      else if (!/[a-z]{3}/.test(error.message)) wrong.push(`${told}: says '${error.message}'`);
    }
    const isLast = index === impossible.length - 1;
    if ((isLast || index % 20 === 0) && stateHash(guest.loaded) !== before) {
      wrong.push(`${told}, or one of the 20 before, changed the machine`);
      break;
    }
  }
  expect(wrong).toEqual([]);
  expect(log.entries).toEqual([]);
});
