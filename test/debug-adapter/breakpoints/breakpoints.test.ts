// Breakpoints of all kinds, with what makes them count, on the fake machine.

import { expect, test } from 'vitest';
import {
  add,
  b,
  bl,
  hvc,
  ldr,
  MMU_ON,
  mov,
  NOP,
  POP_FRAME,
  PUSH_FRAME,
  RET,
  SET_FRAME,
  br,
  str,
} from '../support/assemble.ts';
import { HEADER, launch, launchElf } from '../support/drive.ts';
import type { TestSession } from '../support/drive.ts';
import { TTBR0 } from '../support/fake-machine.ts';

const LINK = 0xffff_8000_0800_0000n;
const RAM = 0x4000_0000n;

/** Calls `work` for ever, which counts in X2 and in memory at X10. */
const kernel = [
  'primary_entry',
  mov(0, 1),
  MMU_ON,
  br(8),
  'start_kernel',
  PUSH_FRAME,
  SET_FRAME,
  '.again',
  mov(0, 7),
  bl('work'),
  bl('idle'),
  b('.again'),
  'work',
  PUSH_FRAME,
  SET_FRAME,
  add(2, 1),
  str(2, 10),
  ldr(3, 10),
  mov(0, 42),
  POP_FRAME,
  RET,
  'idle',
  NOP,
  hvc(0),
  RET,
  'die',
  b('die'),
];

const START_KERNEL = BigInt(HEADER + 12);
const COUNTER = RAM + 0x8000n;
const entry = (slide = 0n) => ({ entry: { 8: LINK + slide + START_KERNEL, 10: COUNTER }, slide });

type Stopped = { reason: string; description: string; hitBreakpointIds?: number[] };

async function stop(session: TestSession): Promise<Stopped> {
  return (await session.until('stopped')).body as Stopped;
}

const x2 = async (session: TestSession): Promise<number> =>
  Number((await session.send('evaluate', { expression: '$x2' })).result.split(' ')[0]);

async function goOn(session: TestSession): Promise<Stopped> {
  await session.send('continue', { threadId: 1 });
  return stop(session);
}

test.each([
  ['3', [3]],
  ['>3', [4, 5, 6]],
  ['>=3', [3, 4, 5]],
  ['%4', [4, 8, 12]],
])('hit condition %s', async (hitCondition, expected) => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'work', hitCondition }] });
  await session.send('configurationDone', {});
  const seen: number[] = [];
  await stop(session);
  seen.push((await x2(session)) + 1);
  while (seen.length < expected.length) {
    expect((await goOn(session)).reason).toBe('function breakpoint');
    seen.push((await x2(session)) + 1);
  }
  expect(seen).toEqual(expected);
});

test('a condition is judged by the machine, which does not stop for others', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'work', condition: '$x2 % 5 == 4' }],
  });
  await session.send('configurationDone', {});
  await stop(session);
  expect(await x2(session)).toBe(4);
  await goOn(session);
  expect(await x2(session)).toBe(9);
});

test('hits that a condition lets through are counted', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'work', condition: '$x2 > 10', hitCondition: '3' }],
  });
  await session.send('configurationDone', {});
  await stop(session);
  expect(await x2(session)).toBe(13);
});

test('a condition that makes no sense is told beside the breakpoint, which is not set', async () => {
  const session = await launch(kernel, { machine: entry() });
  const conditions = ['$x2 ==', 'no_such_name == 1', '$x2 = 5', '$x99 == 1'];
  const { breakpoints } = await session.send('setFunctionBreakpoints', {
    breakpoints: conditions.map((condition) => ({ name: 'work', condition })),
  });
  for (const { verified, message } of breakpoints) {
    expect(verified).toBe(false);
    expect(message).toMatch(/\w/);
  }
  expect(breakpoints[1]?.message).toContain('no_such_name');
});

test('a condition that cannot be computed stops once, says why, and is ignored then', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'work', condition: '*(long *)0x10 == 5' }],
  });
  await session.send('configurationDone', {});
  const changed = await session.untilOne(({ event }) => event === 'breakpoint');
  expect(changed.body).toMatchObject({
    reason: 'changed',
    breakpoint: { id: 1, message: expect.stringContaining('could not be computed') },
  });
  expect((await stop(session)).description).toContain('could not be computed');
  expect((await goOn(session)).description).toBe('Paused on function breakpoint');
});

test('a log point says what it finds, with its line, and does not stop', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'idle', hitCondition: '3' }] });
  const at = `0x${(LINK + BigInt(HEADER + 36)).toString(16)}`;
  await session.send('setInstructionBreakpoints', {
    breakpoints: [
      { instructionReference: at, logMessage: 'work begins, x2 = {$x2,d}\\{}' } as never,
      { instructionReference: at, offset: 12, logMessage: 'then {$x2,x}', condition: '$x2 >= 2' } as never,
    ],
  });
  await session.send('configurationDone', {});
  expect((await stop(session)).reason).toBe('function breakpoint');
  const lines = session.events
    .filter(({ event, body }) => event === 'output' && /work|then/.test(body.output))
    .map(({ body }) => body.output as string)
    .join('');
  expect(lines).toBe(
    'work begins, x2 = 0{}\nwork begins, x2 = 1{}\nthen 0x2\nwork begins, x2 = 2{}\nthen 0x3\n',
  );
});

test('a log point speaks once though the guest came to it by single steps', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'work+0x4' }, { name: 'idle', condition: '$x2 == 2' }],
  });
  const at = (offset: number): string => `0x${(LINK + BigInt(HEADER + offset)).toString(16)}`;
  await session.send('setInstructionBreakpoints', {
    breakpoints: [{ instructionReference: at(36 + 8), logMessage: 'x2 was {$x2,d}' } as never],
  });
  await session.send('configurationDone', {});
  await stop(session);
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'idle', condition: '$x2 == 2' }] });
  for (let i = 0; i < 2; i++) {
    await session.send('stepIn', { threadId: 1, granularity: 'instruction' });
    expect((await stop(session)).reason).toBe('step');
  }
  expect((await goOn(session)).reason).toBe('function breakpoint');
  const lines = session.events
    .filter(({ event, body }) => event === 'output' && body.output.startsWith('x2 was'))
    .map(({ body }) => body.output as string)
    .join('');
  expect(lines).toBe('x2 was 0\nx2 was 1\n');
});

test('a breakpoint for one hit is gone after it', async () => {
  const session = await launch(kernel, { machine: entry() });
  const { breakpoints } = await session.send('setInstructionBreakpoints', {
    breakpoints: [{ instructionReference: `0x${(LINK + START_KERNEL).toString(16)}`, mode: 'once' }],
  });
  await session.send('configurationDone', {});
  const { body } = await session.untilOne(({ event }) => event === 'breakpoint');
  expect(body).toMatchObject({ reason: 'removed', breakpoint: { id: breakpoints[0]?.id } });
  expect(await stop(session)).toMatchObject({ hitBreakpointIds: [breakpoints[0]?.id] });
});

test('modes say who counts; one that is none is refused by name', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'work@el0' }, { name: 'idle@el1' }] });
  await session.send('configurationDone', {});
  const { stackFrames } = (await stop(session)) && (await session.send('stackTrace', { threadId: 1 }));
  expect(stackFrames[0]?.name).toBe('idle');
  const at = `0x${(LINK + BigInt(HEADER + 40)).toString(16)}`;
  const answer = await session.send('setInstructionBreakpoints', {
    breakpoints: ['vcpu', 'process', 'el1', 'el0', 'anydomain', 'phys', 'once', 'record'].map((mode) => ({
      instructionReference: at,
      mode,
    })),
  });
  expect(answer.breakpoints.map(({ verified }) => verified)).toEqual([
    ...Array.from({ length: 7 }, () => true),
    false,
  ]);
  expect(answer.breakpoints[7]?.message).toContain("no mode 'record'");
});

test.each([
  ['el1', ['el0', 'el1']],
  ['vcpu', ['el0', 'vcpu']],
  ['process', ['el0', 'process']],
  ['anydomain', ['el0', 'anydomain']],
  ['phys', ['el0', 'phys']],
] as const)('mode %s counts where EL0 does not', async (_mode, modes) => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }] });
  await session.send('configurationDone', {});
  await stop(session);
  const at = (offset: number): string => `0x${(LINK + BigInt(HEADER + 36 + offset)).toString(16)}`;
  const { breakpoints } = await session.send('setInstructionBreakpoints', {
    breakpoints: modes.map((mode, i) => ({ instructionReference: at(8 + 4 * i), mode })),
  });
  expect((await goOn(session)).hitBreakpointIds).toEqual([breakpoints[1]?.id]);
});

test('a breakpoint on a physical address is met with the MMU off and on', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setInstructionBreakpoints', {
    breakpoints: [
      { instructionReference: `host/ipa:0x${(RAM + BigInt(HEADER)).toString(16)}` },
      { instructionReference: `0x${(LINK + START_KERNEL).toString(16)}`, mode: 'phys' },
    ],
  });
  await session.send('configurationDone', {});
  expect(await stop(session)).toMatchObject({ hitBreakpointIds: [1] });
  expect(await goOn(session)).toMatchObject({ hitBreakpointIds: [2] });
});

test('where a function has returned to is the caller, with the value in words', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'work:return' }] });
  await session.send('configurationDone', {});
  for (let round = 0; round < 3; round++) {
    const body = round === 0 ? await stop(session) : await goOn(session);
    expect(body).toMatchObject({
      reason: 'function breakpoint',
      description: 'work returned 0x2a (42)',
      hitBreakpointIds: [1],
    });
    const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
    expect(stackFrames[0]?.name).toBe('start_kernel+0x10');
    expect(await x2(session)).toBe(round + 1);
  }
});

test('patterns set one breakpoint at many functions; names that are several are told', async () => {
  const rows = [...Array.from({ length: 2100 }, (_, i) => `many_${i}`), 'twice', 'twice'];
  const symbols = [
    `${LINK.toString(16)} T _text`,
    ...rows.map((name, i) => `${(LINK + 0x1000n + 4n * BigInt(i)).toString(16)} t ${name}`),
    `${(LINK + 0x4000n).toString(16)} T _etext`,
  ].join('\n');
  const session = await launch(kernel, { machine: entry(), symbols: `${symbols}\n` });
  const { breakpoints } = await session.send('setFunctionBreakpoints', {
    breakpoints: [
      { name: 'many_1?' },
      { name: '/^many_20[0-4]$/' },
      { name: 'many_*' },
      { name: 'twice' },
      { name: 'host!twice' },
      { name: 'd7!twice' },
      { name: 'none' },
      { name: 'two words' },
    ],
  });
  expect(breakpoints.map(({ verified, message }) => [verified, message])).toEqual([
    [true, 'Set at 10 places'],
    [true, 'Set at 5 places'],
    [false, "More than 2000 functions match 'many_*'. Narrow it down"],
    [true, 'Set at 2 places: 0xffff8000080030d0, 0xffff8000080030d4'],
    [true, 'Set at 2 places: 0xffff8000080030d0, 0xffff8000080030d4'],
    [false, "No function 'd7!twice' in the loaded symbols"],
    [false, "No function 'none' in the loaded symbols"],
    [false, expect.stringContaining("'two words' names no function")],
  ]);
  expect(breakpoints[6]).toMatchObject({ reason: 'pending' });
});

test('a breakpoint set before a kernel moved itself is told anew where it is', async () => {
  const slide = 0x1_2340_0000n;
  const session = await launch(kernel, { machine: entry(slide) });
  const { breakpoints } = await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'work', hitCondition: '2' }],
  });
  const place = (at: bigint): string => `host/va@v0:0x${at.toString(16)}`;
  const work = LINK + BigInt(HEADER + 36);
  expect(breakpoints[0]?.instructionReference).toBe(place(work));
  await session.send('configurationDone', {});
  const { body } = await session.untilOne(({ event }) => event === 'breakpoint');
  expect(body).toMatchObject({
    reason: 'changed',
    breakpoint: { id: 1, instructionReference: place(work + slide) },
  });
  await stop(session);
  expect(await x2(session)).toBe(1);
});

test('before a launch a breakpoint is pending, and is told of when it is there', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'work' }] });
  await session.send('configurationDone', {});
  await stop(session);
  await session.send('restart', {});
  expect(await stop(session)).toMatchObject({ hitBreakpointIds: [1] });
});

// ---------------------------------------------------------------- lines and columns

test('breakpointLocations names the statements of a range of lines', async () => {
  const session = await launchElf({ machine: { entry: { 8: 0xffff_8000_0800_000cn } } });
  const source = { path: '/src/steps.c' };
  const { breakpoints } = await session.send('breakpointLocations', { source, line: 10, endLine: 14 });
  expect(breakpoints.map(({ line }) => line)).toEqual([10, 11, 12, 13, 14]);
  expect(await session.send('breakpointLocations', { source: { path: '/src/none.c' }, line: 1 })).toEqual({
    breakpoints: [],
  });
});

// ---------------------------------------------------------------- data

const address = `0x${COUNTER.toString(16)}`;

async function watched(
  more: { accessType?: 'read' | 'write' | 'readWrite'; condition?: string; hitCondition?: string } = {},
): Promise<TestSession> {
  const session = await launch(kernel, { machine: entry() });
  const info = await session.send('dataBreakpointInfo', { name: address, asAddress: true, bytes: 8 });
  expect(info).toMatchObject({ accessTypes: ['read', 'write', 'readWrite'], canPersist: true });
  const { breakpoints } = await session.send('setDataBreakpoints', {
    breakpoints: [{ dataId: info?.dataId ?? '', ...more }],
  });
  expect(breakpoints).toEqual([{ id: 1, verified: true }]);
  await session.send('configurationDone', {});
  return session;
}

test('a data breakpoint stops behind the write, and says what changed and who did it', async () => {
  const session = await watched({ accessType: 'write' });
  expect(await stop(session)).toMatchObject({
    reason: 'data breakpoint',
    hitBreakpointIds: [1],
    description: `${address} was written: 0 → 1, by work+0xc`,
  });
  expect((await goOn(session)).description).toContain('1 → 2');
});

test('reads and all accesses can be watched', async () => {
  const reads = await watched({ accessType: 'read' });
  expect((await stop(reads)).description).toBe(`${address} was read: 1, by work+0x10`);
  expect((await goOn(reads)).description).toBe(`${address} was read: 2, by work+0x10`);
  const both = await watched({ accessType: 'readWrite', hitCondition: '%3' });
  expect((await stop(both)).description).toBe(`${address} was written: 1 → 2, by work+0xc`);
});

test('conditions of data breakpoints compare what was there with what is', async () => {
  const session = await watched({ accessType: 'write', condition: '$new - $old == 1 && $new % 3 == 0' });
  expect((await stop(session)).description).toContain('2 → 3');
  expect((await goOn(session)).description).toContain('5 → 6');
});

test('what cannot be watched says why', async () => {
  const session = await launch(kernel, { machine: entry() });
  const info = async (name: string, more: object = {}) =>
    (await session.send('dataBreakpointInfo', { name, ...more })) as { dataId: unknown; description: string };
  expect(await info('$x0')).toMatchObject({
    dataId: null,
    description: expect.stringContaining('registers are not watched'),
  });
  expect(await info('host/sysreg:TTBR0_EL1')).toMatchObject({ dataId: 'host/sysreg:TTBR0_EL1' });
  for (const name of ['host/sysreg:SPSel', 'host/sysreg:x0', 'd7/sysreg:TTBR0_EL1']) {
    expect(await info(name)).toMatchObject({ dataId: null });
  }
  expect(await info('0x40008000', { asAddress: true, bytes: 2 ** 30 })).toMatchObject({ dataId: null });
  expect(await info('nothing_of_this_name')).toMatchObject({ dataId: null });
  const { breakpoints } = await session.send('setDataBreakpoints', { breakpoints: [{ dataId: 'nonsense' }] });
  expect(breakpoints).toMatchObject([{ verified: false, message: expect.stringContaining('names no data') }]);
});

test('while the machine runs, addresses can be watched and variables cannot', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('configurationDone', {});
  const named = await session.send('dataBreakpointInfo', { name: 'start_kernel' });
  expect(named).toMatchObject({ dataId: null, description: expect.stringContaining('Pause') });
  const info = await session.send('dataBreakpointInfo', { name: address, asAddress: true });
  await session.send('setDataBreakpoints', {
    breakpoints: [{ dataId: info?.dataId ?? '', accessType: 'write' }],
  });
  expect((await stop(session)).reason).toBe('data breakpoint');
});

test('an address of a process counts for that process alone', async () => {
  const session = await launch(kernel, { machine: entry() });
  const at = (LINK + BigInt(HEADER + 36)).toString(16);
  await session.send('setInstructionBreakpoints', {
    breakpoints: [
      { instructionReference: `host/va@ttbr1234000:0x${at}` },
      { instructionReference: `host/va@ttbr${TTBR0.toString(16)}:0x${at}` },
    ],
  });
  await session.send('configurationDone', {});
  expect(await stop(session)).toMatchObject({ hitBreakpointIds: [2] });
});

// ---------------------------------------------------------------- where a step ends

const stepOn = async (session: TestSession): Promise<Stopped> => {
  await session.send('stepIn', { threadId: 1, granularity: 'instruction' });
  return stop(session);
};

/** Stands behind `add(2, 1)`, one step before the store; `more` is set at the store. */
async function beforeTheStore(more: object): Promise<TestSession> {
  const session = await launch(kernel, { machine: entry() });
  const at = (offset: number): string => `0x${(LINK + BigInt(HEADER + 36 + offset)).toString(16)}`;
  const set = (breakpoints: readonly { instructionReference: string }[]) =>
    session.send('setInstructionBreakpoints', { breakpoints: [...breakpoints] });
  await set([{ instructionReference: at(8) }, { instructionReference: at(12), ...more }]);
  await session.send('configurationDone', {});
  await stop(session);
  return session;
}

test('a condition counts where a step ends', async () => {
  const session = await beforeTheStore({ condition: '$x2 == 2' });
  expect(await stepOn(session)).toMatchObject({ reason: 'step' });
  expect((await goOn(session)).hitBreakpointIds).toEqual([1]);
  expect(await x2(session)).toBe(1);
  expect(await stepOn(session)).toMatchObject({ reason: 'step', hitBreakpointIds: [2] });
  // It is not met again by going on.
  expect((await goOn(session)).hitBreakpointIds).toEqual([1]);
});

test('hits count where a step ends, each once', async () => {
  const session = await beforeTheStore({ hitCondition: '3' });
  expect((await stepOn(session)).hitBreakpointIds).toBeUndefined();
  expect((await goOn(session)).hitBreakpointIds).toEqual([1]);
  expect((await stepOn(session)).hitBreakpointIds).toBeUndefined();
  expect((await goOn(session)).hitBreakpointIds).toEqual([1]);
  expect((await stepOn(session)).hitBreakpointIds).toEqual([2]);
});

test('a condition that cannot be computed says so where a step ends, once', async () => {
  const session = await beforeTheStore({ condition: '*(long *)0x10 == 5' });
  expect((await stepOn(session)).description).toContain('could not be computed');
  await goOn(session);
  expect(await stepOn(session)).toMatchObject({ reason: 'step', hitBreakpointIds: [2] });
});

test('what is for one hit goes where a step ends', async () => {
  const session = await beforeTheStore({ mode: 'once' });
  expect(await stepOn(session)).toMatchObject({ reason: 'step', hitBreakpointIds: [2] });
  const removed = session.events.filter(
    ({ event, body }) => event === 'breakpoint' && body.reason === 'removed',
  );
  expect(removed).toHaveLength(1);
  expect((await goOn(session)).hitBreakpointIds).toEqual([1]);
  expect((await stepOn(session)).hitBreakpointIds).toBeUndefined();
});

// ---------------------------------------------------------------- exceptions

test('an oops stops as a panic does, with what it says', async () => {
  const dying = [...kernel.slice(0, 6), mov(0, 0), bl('die'), 'die', b('die')];
  const session = await launch(dying, { machine: entry() });
  await session.send('configurationDone', {});
  expect(await stop(session)).toMatchObject({ reason: 'exception', description: 'Guest oops' });
  const info = await session.send('exceptionInfo', { threadId: 1 });
  expect(info).toMatchObject({
    exceptionId: 'panic',
    breakMode: 'always',
    details: { typeName: 'panic', evaluateName: '$ev', stackTrace: expect.stringContaining('Linux') },
  });
});

test('filters are answered one by one', async () => {
  const session = await launch(kernel, { machine: entry() });
  const answer = await session.send('setExceptionBreakpoints', {
    filters: ['panic', 'nonsense'],
    filterOptions: [{ filterId: 'crash' }, { filterId: 'panic', mode: 'phys' }],
  });
  expect(answer?.breakpoints).toMatchObject([
    { verified: true },
    { verified: false, message: expect.stringContaining("'nonsense'") },
    { verified: true },
    { verified: false, message: expect.stringContaining("'phys'") },
  ]);
});
