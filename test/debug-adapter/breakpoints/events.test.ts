// Events that stop, are logged or counted, as filters and one by one, on the fake machine.

import { expect, test } from 'vitest';
import type { EventReport } from '../../../emulator/machine/messages.ts';
import { add, b, hvc } from '../support/assemble.ts';
import { launch } from '../support/drive.ts';
import type { TestSession } from '../support/drive.ts';

const exception: EventReport = {
  event: 'el1exception',
  // Data abort from the same EL: translation fault at level 2, on a write.
  fields: { ec: 0x25n, iss: 0x46n, far: 0x1234_5000n, from_el: 1n, pc: 0x4000_1000n, dom: 1n, vcpu: 0n },
  description: 'Data abort at 0x12345000 by d1v0',
};
const syscall: EventReport = {
  event: 'syscall',
  fields: { ec: 0x15n, iss: 0n, nr: 64n, from_el: 0n },
  description: 'System call 64 by d1v0',
};

/** Both happen, for ever; X2 counts the rounds. */
const kernel = ['start_kernel', add(2, 1), hvc(0), hvc(1), b('start_kernel')];
const machine = { events: [exception, syscall] };

type Stopped = { reason: string; description: string; text: string };
const stop = async (session: TestSession): Promise<Stopped> =>
  (await session.until('stopped')).body as Stopped;
const goOn = async (session: TestSession): Promise<Stopped> => {
  await session.send('continue', { threadId: 1 });
  return stop(session);
};

test('the filters of the catalogue are announced with what a condition may name', async () => {
  const session = await launch(kernel, { machine });
  const capabilities = await session.send('initialize', { adapterID: 'xen' });
  const filters = capabilities?.exceptionBreakpointFilters ?? [];
  expect(filters.map(({ filter }) => filter)).toEqual([
    'panic',
    'crash',
    's2unhandled',
    's2fault',
    'hypercall',
    'hypercall.error',
    'el1exception',
    'syscall',
    'irq',
    'evtchn',
    'xenstore',
    'ring',
    'grant',
    'sysreg',
    'sanitizer',
    'console',
  ]);
  expect(filters.filter(({ default: on }) => on).map(({ filter }) => filter)).toEqual([
    'panic',
    'crash',
    's2unhandled',
  ]);
  for (const { supportsCondition, conditionDescription } of filters) {
    expect(supportsCondition).toBe(true);
    expect(conditionDescription).toMatch(/^An expression of \$ev\.\w+/);
  }
});

test.each([
  ['panic', 'os message'],
  ['crash', 'reason'],
  ['s2unhandled', 'ipa va write size pc'],
  ['s2fault', 'ipa va write size pc device'],
  ['hypercall', 'name op args a0 a1 a2 a3 a4'],
  ['hypercall.error', 'name op args a0 ret'],
  ['el1exception', 'ec iss far from_el'],
  ['syscall', 'nr name'],
  ['irq', 'intid name hw'],
  ['evtchn', 'port phase peer'],
  ['xenstore', 'path value op by'],
  ['ring', 'ring slot op status'],
  ['grant', 'ref frame peer'],
  ['sysreg', 'reg write value fn'],
  ['sanitizer', 'rule va detail'],
  ['console', 'text dom'],
])('conditions of %s may name %s', async (filter, names) => {
  const session = await launch(kernel, { machine });
  const capabilities = await session.send('initialize', { adapterID: 'xen' });
  const known = capabilities?.exceptionBreakpointFilters?.find((one) => one.filter === filter);
  for (const name of names.split(' ')) expect(known?.conditionDescription).toMatch(`$ev.${name}`);
});

test('an event that stops is counted', async () => {
  const session = await launch(kernel, { machine });
  const { breakpoints } = await session.send('xen/setEventBreakpoints', {
    breakpoints: [{ event: 'syscall', hitCondition: '%2' }],
  });
  await session.send('configurationDone', {});
  await stop(session);
  await goOn(session);
  const told = session.events.filter(({ event }) => event === 'xen/hit').at(-1);
  expect(told?.body).toEqual({ counts: [{ id: breakpoints[0]?.id, count: 2 }] });
});

test('a filter stops at the event, and exceptionInfo explains it', async () => {
  const session = await launch(kernel, { machine });
  await session.send('setExceptionBreakpoints', { filters: ['el1exception'] });
  await session.send('configurationDone', {});
  expect(await stop(session)).toMatchObject({ reason: 'exception', description: exception.description });
  const info = await session.send('exceptionInfo', { threadId: 1 });
  expect(info).toMatchObject({
    exceptionId: 'el1exception',
    description: exception.description,
    breakMode: 'always',
    details: { typeName: 'el1exception', evaluateName: '$ev' },
  });
  const text = info?.details?.stackTrace ?? '';
  expect(text).toContain('far      0x12345000');
  expect(text).toMatch(/syndrome 0x96000046/);
  expect(text).toMatch(/DFSC .*[Tt]ranslation fault.*level 2/);
  // The fake machine answers a line as it is: the walk of the address, as the access was.
  expect(text).toContain('walk 0x12345000 access=write');
});

test('what stopped is $ev, and a scope of the frame', async () => {
  const session = await launch(kernel, { machine });
  await session.send('setExceptionBreakpoints', { filters: ['el1exception'] });
  await session.send('configurationDone', {});
  await stop(session);
  const value = async (expression: string): Promise<string> =>
    (await session.send('evaluate', { expression, context: 'watch' })).result;
  expect(await value('$ev.far')).toContain('0x12345000');
  expect(await value('$ev.from_el')).toBe('1');
  expect(await value('$ev.ec + 1')).toBe('38');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  const { scopes } = await session.send('scopes', { frameId: stackFrames[0]?.id ?? 0 });
  const event = scopes.find(({ name }) => name === 'Event');
  const { variables } = await session.send('variables', {
    variablesReference: event?.variablesReference ?? 0,
  });
  expect(variables.find(({ name }) => name === 'far')).toMatchObject({ evaluateName: '$ev.far' });
  await session.send('setExceptionBreakpoints', { filters: [] });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }] });
  await goOn(session);
  await expect(value('$ev')).rejects.toThrow('not stopped by an event');
});

test('event breakpoints: a tree of what there is, and whole lists of what is wanted', async () => {
  const session = await launch(kernel, { machine });
  const { categories } = await session.send('xen/eventCatalog', {});
  const events = categories.flatMap((category) => category.events);
  expect(events.find(({ name }) => name === 'syscall')).toMatchObject({ available: true, stages: ['pre'] });
  expect(events.find(({ name }) => name === 'hypercall')).toMatchObject({ available: false });

  const { breakpoints } = await session.send('xen/setEventBreakpoints', {
    breakpoints: [
      { event: 'syscall', hitCondition: '2' },
      { event: 'nonsense' },
      { event: 'hypercall' },
      { event: 'syscall', stage: 'post' },
      { event: 'el1exception', hitCondition: 'often' },
    ],
  });
  expect(breakpoints.map(({ verified, message }) => [verified, message])).toEqual([
    [true, undefined],
    [false, "There is no event 'nonsense'"],
    [false, "The event 'hypercall' does not happen on a bare machine"],
    [false, "The event 'syscall' has no stage 'post'"],
    [false, expect.stringContaining("'often' is no hit condition")],
  ]);
  await session.send('configurationDone', {});
  const [first] = breakpoints;
  expect(await stop(session)).toMatchObject({
    reason: 'event',
    description: syscall.description,
    hitBreakpointIds: [first?.id],
  });
  expect((await session.send('evaluate', { expression: '$x2' })).result).toMatch(/^(0x)?2\b/);
});

test('conditions name the fields of the event', async () => {
  const session = await launch(kernel, { machine });
  const { breakpoints } =
    (await session.send('setExceptionBreakpoints', {
      filters: [],
      filterOptions: [
        { filterId: 'syscall', condition: '$ev.nr == 63' },
        { filterId: 'el1exception', condition: '$ev.far == 0x12345000 && $ev.from_el == 1' },
        { filterId: 'irq', condition: '$ev.' },
      ],
    })) ?? {};
  expect(breakpoints?.map(({ verified }) => verified)).toEqual([true, true, false]);
  await session.send('configurationDone', {});
  expect(await stop(session)).toMatchObject({ description: exception.description });
  expect(await goOn(session)).toMatchObject({ description: exception.description });
});

test('a panic with a condition stops for the message that is meant', async () => {
  const dying = ['start_kernel', add(2, 1), 'panic', b('start_kernel')];
  const session = await launch(dying);
  const stops = async (condition: string): Promise<boolean | undefined> => {
    const answer = await session.send('setExceptionBreakpoints', {
      filters: [],
      filterOptions: [{ filterId: 'panic', condition }],
    });
    return answer?.breakpoints?.[0]?.verified;
  };
  expect(await stops('$ev.os == "another"')).toBe(true);
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'start_kernel', hitCondition: '3' }],
  });
  await session.send('configurationDone', {});
  expect((await stop(session)).reason).toBe('function breakpoint');
  expect(await stops('$ev.os == "kern*"')).toBe(true);
  expect((await goOn(session)).reason).toBe('exception');
});

test('what is logged goes to the console, what is counted to who shows the tree', async () => {
  const session = await launch(kernel, { machine });
  const { breakpoints } = await session.send('xen/setEventBreakpoints', {
    breakpoints: [
      { event: 'syscall', action: 'log' },
      { event: 'el1exception', action: 'count' },
    ],
  });
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'start_kernel', hitCondition: '4' }],
  });
  await session.send('configurationDone', {});
  await stop(session);
  const output = session.events
    .filter(({ event, body }) => event === 'output' && body.output.includes('System call'))
    .map(({ body }) => body.output)
    .join('');
  const rounds = output.split('\n').length - 1;
  expect(rounds).toBeGreaterThanOrEqual(3);
  expect(output).toBe(`${syscall.description}\n`.repeat(rounds));
  const told = session.events.filter(({ event }) => event === 'xen/hit').at(-1);
  expect(told?.body).toEqual({
    counts: expect.arrayContaining(breakpoints.map(({ id }) => ({ id, count: rounds }))),
  });
  const answer = await session.send('xen/setEventBreakpoints', {
    breakpoints: [{ event: 'el1exception', action: 'count' }],
  });
  expect(answer.breakpoints).toEqual([{ id: breakpoints[1]?.id, verified: true, count: rounds }]);
});

test('what makes no sense is refused as a whole', async () => {
  const session = await launch(kernel, { machine });
  for (const wanted of [undefined, 'syscall', [{}], [{ event: 'syscall', stage: 'never' }], [null]]) {
    const response = await session.raw('xen/setEventBreakpoints', { breakpoints: wanted });
    expect(response.success).toBe(false);
  }
});

test('both kinds hold for a machine that is started anew', async () => {
  const session = await launch(kernel, { machine });
  await session.send('setExceptionBreakpoints', { filters: ['el1exception'] });
  await session.send('xen/setEventBreakpoints', { breakpoints: [{ event: 'syscall' }] });
  await session.send('configurationDone', {});
  expect((await stop(session)).reason).toBe('exception');
  await session.send('restart', {});
  expect((await stop(session)).reason).toBe('exception');
  expect((await goOn(session)).reason).toBe('event');
});
