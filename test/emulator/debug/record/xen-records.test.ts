// The records of events, grants and xenstore forget rather than grow.

import { expect, test } from 'vitest';
import { EventRecord } from '../../../../emulator/debug/record/event-record.ts';
import { GrantRecord } from '../../../../emulator/debug/record/grant-record.ts';
import { CHANGES_KEPT, XenstoreRecord } from '../../../../emulator/debug/record/xenstore-record.ts';
import type { LoadedMachine } from '../../../../emulator/machine/guest.ts';

const loaded = { machine: { cpus: [] } } as unknown as LoadedMachine;

function clock() {
  let now = 0;
  return { instructions: () => now, nanoseconds: () => now++ };
}

test('events are counted at so many ports, and no more', () => {
  const record = new EventRecord(loaded, clock());
  for (let port = 0; port < 40_000; port++) record.eventRaised(1, port, -1, -1, 0, false);
  expect(record.countOf(1, 32_767)).toMatchObject({ raised: 1 });
  expect(record.countOf(1, 32_768)).toBeUndefined();
  record.eventRaised(1, 5, 0, -1, 7, true);
  expect(record.countOf(1, 5)).toMatchObject({
    raised: 2,
    coalesced: 1,
    sender: { domain: 0, vcpu: -1, port: 7 },
  });
});

test('uses of grants are remembered for so many entries, and no more', () => {
  const record = new GrantRecord(loaded, clock());
  for (let reference = 0; reference < 70_000; reference++) record.grantUsed(1, reference, 0, 'map');
  expect(record.useOf(1, 65_535)).toMatchObject({ maps: 1, copies: 0, lastUser: 0 });
  expect(record.useOf(1, 65_536)).toBeUndefined();
});

test('of xenstore the last thousand changes, and the last change of so many nodes', () => {
  const record = new XenstoreRecord(loaded, clock());
  for (let number = 0; number < 20_001; number++) record.xenstoreChanged(`/n/${number}`, 'written', 1);
  record.xenstoreChanged('/n/1', 'removed', 0);
  expect(record.total).toBe(20_002);
  const changes = [...record.newestFirst()];
  expect(changes).toHaveLength(CHANGES_KEPT);
  expect(changes[0]).toMatchObject({ path: '/n/1', change: 'removed', byDomain: 0, number: 20_001 });
  expect(record.lastChange('/n/0')).toBeUndefined();
  expect(record.lastChange('/n/1')).toMatchObject({ change: 'removed' });
  expect(record.lastChange('/n/20000')).toMatchObject({ change: 'written' });
});
