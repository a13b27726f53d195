import { expect, test } from 'vitest';
import type { Answer } from '../../../media/messages.ts';
import { Queries, type Query } from '../../../media/panel/queries.ts';

/** A panel whose frames and answers are given by hand. */
class Bench {
  wanted: Record<string, Query | undefined> = { gic: { request: 'xen/gic', arguments: { domain: 1 } } };
  readonly asked: {
    text: string;
    answer(answer: Partial<Answer>): Promise<void>;
    fail(why: string): Promise<void>;
  }[] = [];
  private frames: (() => void)[] = [];
  readonly queries = new Queries({
    wanted: () => this.wanted,
    ask: (request, args) =>
      new Promise((resolve, reject) => {
        this.asked.push({
          text: `${request} ${JSON.stringify(args)}`,
          answer: async (answer) => {
            resolve({
              generation: 1,
              running: false,
              instructions: 0,
              virtualNanoseconds: 0,
              view: undefined,
              ...answer,
            });
            await Promise.resolve();
            await Promise.resolve();
          },
          fail: async (why) => {
            reject(new Error(why));
            await Promise.resolve();
            await Promise.resolve();
          },
        });
      }),
    soon: (pump) => this.frames.push(pump),
    changed: () => {},
  });

  frame(): void {
    for (const pump of this.frames.splice(0)) pump();
  }

  last() {
    const asked = this.asked.at(-1);
    if (!asked) throw new Error('nothing was asked');
    return asked;
  }
}

test('a view is asked for once, however often something changes before the frame', async () => {
  const bench = new Bench();
  bench.queries.schedule();
  bench.queries.outdate(['gic']);
  bench.queries.outdateAll();
  bench.frame();
  expect(bench.asked.map(({ text }) => text)).toEqual(['xen/gic {"domain":1}']);
});

test('there are never two requests for a view at once; what changed meanwhile is asked for afterwards', async () => {
  const bench = new Bench();
  bench.queries.schedule();
  bench.frame();
  for (let i = 0; i < 5; i++) {
    bench.queries.outdate(['gic']);
    bench.frame();
  }
  expect(bench.asked.length).toBe(1);
  await bench.last().answer({ view: 'first' });
  bench.frame();
  expect(bench.asked.length).toBe(2);
  expect(bench.queries.answer('gic')?.view).toBe('first');
});

test('other areas outdate nothing', async () => {
  const bench = new Bench();
  bench.queries.schedule();
  bench.frame();
  await bench.last().answer({});
  bench.frame();
  bench.queries.outdate(['xenstore']);
  bench.frame();
  expect(bench.asked.length).toBe(1);
});

test('the view before is that of the stop before; while the machine runs, that of the last stop', async () => {
  const bench = new Bench();
  const see = async (answer: Partial<Answer>): Promise<void> => {
    bench.queries.outdateAll();
    bench.queries.schedule();
    bench.frame();
    await bench.last().answer(answer);
  };
  await see({ generation: 1, view: 'stop 1' });
  expect(bench.queries.before('gic')).toBeUndefined();
  await see({ generation: 1, running: true, view: 'running' });
  expect(bench.queries.before('gic')?.view).toBe('stop 1');
  await see({ generation: 2, view: 'stop 2' });
  expect(bench.queries.before('gic')?.view).toBe('stop 1');
  // The user changed something at the same stop.
  await see({ generation: 2, view: 'stop 2, changed' });
  expect(bench.queries.before('gic')?.view).toBe('stop 1');
  await see({ generation: 3, view: 'stop 3' });
  expect(bench.queries.before('gic')?.view).toBe('stop 2, changed');
});

test('an answer to other arguments than those wanted now is dropped', async () => {
  const bench = new Bench();
  bench.queries.schedule();
  bench.frame();
  const first = bench.last();
  bench.wanted = { gic: { request: 'xen/gic', arguments: { domain: 2 } } };
  bench.queries.schedule();
  bench.frame();
  await first.answer({ view: 'of d1' });
  expect(bench.queries.answer('gic')).toBeUndefined();
  bench.frame();
  await bench.last().answer({ view: 'of d2' });
  expect(bench.last().text).toBe('xen/gic {"domain":2}');
  expect(bench.queries.answer('gic')?.view).toBe('of d2');
});

test('a failure is told until an answer comes, and keeps the last view', async () => {
  const bench = new Bench();
  bench.queries.schedule();
  bench.frame();
  await bench.last().answer({ view: 'seen' });
  bench.queries.outdateAll();
  bench.frame();
  await bench.last().fail('there is no domain 1');
  expect(bench.queries.error('gic')).toBe('there is no domain 1');
  expect(bench.queries.answer('gic')?.view).toBe('seen');
});

test('answers of an earlier session are dropped', async () => {
  const bench = new Bench();
  bench.queries.schedule();
  bench.frame();
  const late = bench.last();
  bench.queries.reset();
  bench.queries.schedule();
  bench.frame();
  await late.answer({ view: 'old' });
  expect(bench.queries.answer('gic')).toBeUndefined();
  await bench.last().answer({ view: 'new' });
  expect(bench.queries.answer('gic')?.view).toBe('new');
});
