import { expect, test } from 'vitest';
import { InterruptRecord, REMEMBERED } from '../../../../emulator/debug/record/interrupt-record.ts';
import type { LoadedMachine } from '../../../../emulator/machine/guest.ts';

const TIMER = 27;

function recorder() {
  let now = 0;
  const record = new InterruptRecord({} as LoadedMachine, {
    instructions: () => now / 10,
    nanoseconds: () => now,
  });
  const at = (nanoseconds: number) => {
    now = nanoseconds;
    return {
      raise: (intid = TIMER, wasPending = false) => record.interruptRaised(1, 0, intid, wasPending),
      end: (intid = TIMER) => record.interruptEnded(1, 0, intid),
    };
  };
  return { record, at };
}

test('latency is from the edge to the end', () => {
  const { record, at } = recorder();
  at(100).raise();
  at(160).end();
  at(200).raise();
  at(210).end();
  expect(record.countOf(1, 0, TIMER)).toEqual({
    domain: 1,
    vcpu: 0,
    intid: TIMER,
    raised: 2,
    merged: 0,
    ended: 2,
    first: { instructions: 10, nanoseconds: 100 },
    last: { instructions: 20, nanoseconds: 200 },
    latency: { least: 10, mean: 35, most: 60 },
  });
  expect([...record.newestFirst()].map(({ nanoseconds, latency }) => [nanoseconds, latency])).toEqual([
    [200, 10],
    [100, 60],
  ]);
});

test('an edge that merges is counted, and ends with nothing', () => {
  const { record, at } = recorder();
  at(100).raise();
  at(110).raise(TIMER, true);
  at(150).end();
  expect(record.countOf(1, 0, TIMER)).toMatchObject({ raised: 2, merged: 1, ended: 1 });
  expect([...record.newestFirst()].map(({ merged, latency }) => [merged, latency])).toEqual([
    [true, undefined],
    [false, 50],
  ]);
});

test('edges that come while one is handled end at the latest when the next one is known to be taken', () => {
  const { record, at } = recorder();
  at(100).raise();
  at(120).raise(); // While the guest handles the first.
  at(140).raise(); // While it handles the second: the first has ended.
  at(150).end();
  expect(record.countOf(1, 0, TIMER)).toMatchObject({ raised: 3, merged: 0, ended: 3 });
  expect([...record.newestFirst()].map(({ latency }) => latency)).toEqual([10, 30, 40]);
});

test('interrupts that are not ended have no latency, and an end without a beginning is nothing', () => {
  const { record, at } = recorder();
  at(5).end();
  at(10).raise(31);
  expect(record.countOf(1, 0, 31)).toMatchObject({ raised: 1, ended: 0 });
  expect(record.countOf(1, 0, 31)?.latency).toBeUndefined();
  expect(record.countOf(1, 1, 31)).toBeUndefined();
});

test('only the last ones are remembered; counts go on, and one that was forgotten has no latency', () => {
  const { record, at } = recorder();
  at(1).raise(31);
  for (let n = 0; n < REMEMBERED; n++) {
    at(10 + 10 * n).raise();
    at(15 + 10 * n).end();
  }
  at(1e6).end(31);
  const remembered = [...record.newestFirst()];
  expect(remembered).toHaveLength(REMEMBERED);
  expect(remembered.every(({ intid, latency }) => intid === TIMER && latency === 5)).toBe(true);
  expect(record.oldest).toMatchObject({ intid: TIMER, nanoseconds: 10 });
  expect(record.total).toBe(REMEMBERED + 1);
  expect(record.countOf(1, 0, 31)).toMatchObject({ raised: 1, ended: 1 });
  expect(record.countOf(1, 0, 31)?.latency).toBeUndefined();
});
