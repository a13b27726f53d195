// Late, repeated, unknown and broken requests are legal: each gets exactly one answer, and the session lives.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allRequests } from '../../debug-adapter/requests/all.ts';
import { add, b, bl, NOP, POP_FRAME, PUSH_FRAME, RET, SET_FRAME } from './support/assemble.ts';
import { launch } from './support/drive.ts';

const kernel = [
  'start',
  PUSH_FRAME,
  SET_FRAME,
  'loop',
  bl('work'),
  add(1, 1),
  b('loop'),
  'work',
  PUSH_FRAME,
  SET_FRAME,
  NOP,
  POP_FRAME,
  RET,
  'panic',
  b('panic'),
];

const id = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(1), fc.integer());
const reference = fc.constantFrom(
  '0x40001000',
  '$pc',
  'host/pa:0x40000000',
  'd7/va:0x0',
  'x',
  '',
  '0xffffffffffffffff',
);
/** Every request there is, and some that are not. Those that end the session come last, in the tests. */
const ENDS: ReadonlySet<string> = new Set(['disconnect', 'terminate']);
const commands = [
  ...allRequests.map(({ command }): string => command).filter((command) => !ENDS.has(command)),
  'xen/gic',
  'xen/rings',
  'xen/nothing',
  'xen/__proto__',
  'xen/',
  'reverseContinue',
  '__proto__',
];

const anything = fc.oneof(
  fc.constantFrom(null, true, '', 'x', -1, 2 ** 40, {}, [], [1], ['0x10', '$pc', 'd9/va:0x0']),
  fc.integer(),
  fc.string(),
);

/** Of our own requests, in the right places and of any type. */
const own = fc.record(
  {
    domain: fc.oneof(fc.constantFrom(-1, 0, 1), anything),
    vcpu: fc.oneof(fc.constantFrom(0, 1), anything),
    text: anything,
    subscriber: fc.oneof(fc.constantFrom('a', 'b', '__proto__'), anything),
    areas: fc.oneof(fc.constantFrom(['gic'], [], ['__proto__']), fc.array(fc.string()), anything),
    rate: fc.oneof(fc.constantFrom(0, -1, 1e9, 0.001, NaN, Infinity), anything),
    addresses: fc.oneof(fc.array(reference), fc.constant(new Array(1e5).fill('0x40001000')), anything),
    memoryReference: fc.oneof(reference, anything),
    name: fc.oneof(fc.constantFrom('x0', 'pstate', 'SCTLR_EL1', '__proto__', 'constructor'), anything),
    field: fc.oneof(fc.constantFrom('M', '__proto__'), anything),
    value: fc.oneof(fc.constantFrom('0', '-1', '0x10000000000000000'), anything),
    action: fc.oneof(fc.record({ kind: fc.string(), domain: anything }), anything),
    ['__proto__']: anything,
  },
  { requiredKeys: [] },
);

const args = fc.oneof(
  fc.constant(undefined),
  own,
  fc.constant({}),
  fc.record(
    {
      threadId: id,
      frameId: id,
      variablesReference: id,
      sourceReference: id,
      startFrame: id,
      levels: id,
      start: id,
      count: fc.integer({ min: -5, max: 5000 }),
      offset: fc.integer({ min: -5000, max: 5000 }),
      instructionOffset: fc.integer({ min: -50, max: 50 }),
      instructionCount: fc.integer({ min: -5, max: 60 }),
      memoryReference: reference,
      expression: fc.constantFrom('$x0', '$sp', '*$sp', 'work', 'work +', '$x1 = 5', '*0', ''),
      context: fc.constantFrom('hover', 'repl', 'watch'),
      granularity: fc.constantFrom('instruction', 'line', 'statement', 'other'),
      name: fc.constantFrom('x0', 'pc', 'nothing'),
      value: fc.constantFrom('0', '-1', 'x'),
      data: fc.constantFrom('', 'AAAA', '?'),
      text: fc.string(),
      filters: fc.constantFrom(['panic'], [], ['other']),
      source: fc.constantFrom({ path: '/a.c' }, { sourceReference: 5 }, {}),
      line: fc.integer({ min: -1, max: 50 }),
      endLine: fc.integer({ min: -1, max: 50 }),
      column: fc.integer({ min: -1, max: 50 }),
      targetId: id,
      threadIds: fc.array(id, { maxLength: 3 }),
      singleThread: fc.boolean(),
      requestId: id,
      locationReference: id,
      asAddress: fc.boolean(),
      bytes: fc.integer({ min: -1, max: 5000 }),
      filter: fc.constantFrom('indexed', 'named'),
      format: fc.constantFrom({ hex: true }, {}),
      filterOptions: fc.constantFrom([{ filterId: 'hypercall', condition: '$ev.op ==' }], [{ filterId: '' }]),
      events: fc.constantFrom([], [{ event: 'hypercall' }], [{ event: '' }]),
      breakpoints: fc.constantFrom(
        [{ name: 'work', line: 1, condition: '$x1 ==', hitCondition: '>', logMessage: '{', mode: 'none' }],
        [{ dataId: 'host/pa:0x40001000+4', accessType: 'write' }],
        [{ dataId: '', accessType: 'other' }],
        [{ name: '/(/' }, { name: 'd9!work' }, { name: '*' }, { name: 'work:return' }],
        [],
        [{ name: 'work', line: 1, instructionReference: '0x40001010' }],
        [{ name: '', line: -1, instructionReference: '' }],
      ),
    },
    { requiredKeys: [] },
  ),
);

const isOurs = (command: string): boolean => command.startsWith('xen/') || command === '__proto__';

test('what is asked of us in a way that makes no sense is refused with a sentence', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...commands.filter(isOurs)), own)),
      async (sequence) => {
        const session = await launch(kernel);
        await session.send('configurationDone', {});
        for (const [command, value] of sequence) {
          const { success, message, body } = await session.raw(command, value);
          if (success) continue;
          expect(message, command).toMatch(/[a-z]{3}/);
          const { error } = body as { error: { format: string } };
          expect(error.format, `${command} ${JSON.stringify(value)}: ${message}`).not.toContain(
            'inside the debug adapter',
          );
        }
        expect(await session.raw('disconnect', {})).toMatchObject({ success: true });
      },
    ),
    { numRuns: 60 },
  );
});

test('whatever a client sends, every request is answered once and the session goes on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...commands), args), { maxLength: 40 }),
      async (sequence) => {
        const session = await launch(kernel);
        await session.send('configurationDone', {});
        const answers = await Promise.all(sequence.map(([command, value]) => session.raw(command, value)));
        for (const [i, answer] of answers.entries()) {
          expect(answer.command).toBe(sequence[i]?.[0]);
          const { error } = (answer.body ?? {}) as { error?: { format: string } };
          expect(error?.format ?? '', `${answer.command} ${JSON.stringify(sequence[i]?.[1])}`).not.toContain(
            'inside the debug adapter',
          );
        }
        expect(await session.raw('threads', {})).toMatchObject({ success: true });
        expect(await session.raw('disconnect', {})).toMatchObject({ success: true });
      },
    ),
    { numRuns: 60 },
  );
});
