// Lines of a program with DWARF, on the fake machine. The program is fixtures/steps.s.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { launchElf } from '../support/drive.ts';
import type { TestSession } from '../support/drive.ts';

/** Of fixtures/steps.elf. */
const LINE_TABLE_SIZE = 0x6e;
const MAIN = 0xffff_8000_0800_000cn;
const at = { machine: { entry: { 8: MAIN } } };

/** The lines of the stack, innermost first: `main:12`. */
async function where(session: TestSession): Promise<string[]> {
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  return stackFrames.map(({ name, source, line }) => {
    const [symbol] = name.split('+');
    return source?.path ? `${symbol}:${line}` : `${symbol}`;
  });
}

async function stoppedAt(line: number, path = '/src/steps.c'): Promise<TestSession> {
  const session = await launchElf(at);
  const { breakpoints } = await session.send('setBreakpoints', { source: { path }, breakpoints: [{ line }] });
  expect(breakpoints).toMatchObject([{ verified: true, line }]);
  await session.send('configurationDone', {});
  expect(await where(session)).toContain(`main:${Math.min(line, 17)}`);
  await session.send('setBreakpoints', { source: { path }, breakpoints: [] });
  return session;
}

async function steps(
  session: TestSession,
  command: 'next' | 'stepIn' | 'stepOut',
  count: number,
): Promise<string[][]> {
  const places: string[][] = [];
  for (let i = 0; i < count; i++) {
    await session.send(command, { threadId: 1 });
    places.push(await where(session));
  }
  return places;
}

test('a breakpoint on a line stops there, and the frame shows the file where the user has it', async () => {
  const session = await stoppedAt(11);
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  expect(stackFrames).toMatchObject([
    { name: 'main+0x8', line: 11, column: 3, source: { path: '/src/steps.c' } },
  ]);
});

test('a breakpoint is found when only the end of the path agrees', async () => {
  await stoppedAt(12, '/home/somebody/demo/steps.c');
});

test('a breakpoint on a line without code moves down; an unknown file says what to do', async () => {
  const session = await launchElf(at);
  const moved = await session.send('setBreakpoints', {
    source: { path: '/src/steps.c' },
    breakpoints: [{ line: 5 }],
  });
  expect(moved.breakpoints).toMatchObject([{ verified: true, line: 10 }]);
  const beyond = await session.send('setBreakpoints', {
    source: { path: '/src/steps.c' },
    breakpoints: [{ line: 99 }],
  });
  expect(beyond.breakpoints).toMatchObject([
    { verified: false, message: 'This line has no code, the nearest is line 33' },
  ]);
  const unknown = await session.send('setBreakpoints', {
    source: { path: '/src/other.c' },
    breakpoints: [{ line: 1 }],
  });
  expect(unknown.breakpoints).toMatchObject([
    {
      verified: false,
      message:
        "No debug information names '/src/other.c'. If it was built under another path, add it to sourceMap",
    },
  ]);
});

test('next goes from line to line, around a loop and over calls', async () => {
  const session = await stoppedAt(11);
  expect(await steps(session, 'next', 8)).toEqual([
    ['main:12'],
    ['main:13'],
    ['main:12'],
    ['main:13'],
    ['main:12'],
    ['main:13'],
    ['main:14'],
    ['main:15'],
  ]);
});

test('stepIn enters a function that has lines, and passes over one that has none', async () => {
  const session = await stoppedAt(12);
  expect(await steps(session, 'stepIn', 4)).toEqual([
    ['work:20', 'main:12'],
    ['work:21', 'main:12'],
    ['work:22', 'main:12'],
    ['main:13'],
  ]);
  const later = await stoppedAt(14);
  expect(await steps(later, 'stepIn', 1)).toEqual([['main:15']]);
});

test('next over a recursive call stops in the same activation, not in a deeper one', async () => {
  const session = await stoppedAt(15);
  const down = ['recurse:30', 'main:15'];
  expect((await steps(session, 'stepIn', 1))[0]).toEqual(down);
  expect(await steps(session, 'next', 3)).toEqual([
    ['recurse:31', 'main:15'],
    ['recurse:32', 'main:15'],
    ['recurse:33', 'main:15'],
  ]);
});

test('stepOut returns to the caller, from the prologue, the body and the epilogue alike', async () => {
  for (const line of [20, 21, 22]) {
    const session = await launchElf(at);
    await session.send('setBreakpoints', { source: { path: '/src/steps.c' }, breakpoints: [{ line }] });
    await session.send('configurationDone', {});
    expect(await where(session)).toEqual([`work:${line}`, 'main:12']);
    await session.send('setBreakpoints', { source: { path: '/src/steps.c' }, breakpoints: [] });
    expect(await steps(session, 'stepOut', 1)).toEqual([['main:13']]);
  }
});

test('a function without lines is shown as disassembly below the lines of its caller', async () => {
  const session = await launchElf(at);
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'nolines' }] });
  await session.send('configurationDone', {});
  expect(await where(session)).toEqual(['nolines', 'main:14']);
});

test('a source that is not on the disk is replaced by disassembly that names it', async () => {
  const session = await launchElf({ ...at, launch: { sourceMap: {} } });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'main' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  expect(stackFrames[0]?.source).toMatchObject({
    name: 'main (disassembly)',
    origin: '/build/demo/steps.c:10',
  });
});

test('disassembly names the line at which each begins', async () => {
  const session = await stoppedAt(11);
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  const memoryReference = stackFrames[0]?.instructionPointerReference ?? '';
  const answer = await session.send('disassemble', {
    memoryReference,
    instructionOffset: -2,
    instructionCount: 4,
  });
  expect(answer?.instructions.map(({ line }) => line)).toEqual([10, undefined, 11, 12]);
});

test('damaged debug information is told once, and disassembly takes its place', async () => {
  const elf = new Uint8Array(readFileSync(join(import.meta.dirname, '../fixtures/steps.elf')));
  // The unit of the line table, which begins with its length and version, claims another length.
  const view = new DataView(elf.buffer);
  for (let at = 0; at + 8 < elf.length; at++) {
    if (view.getUint32(at, true) === LINE_TABLE_SIZE - 4 && view.getUint16(at + 4, true) === 5) {
      view.setUint32(at, 0x7fff_fff0, true);
    }
  }
  const session = await launchElf({ ...at, files: { '/steps.elf': elf } });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'work' }] });
  await session.send('configurationDone', {});
  expect(await where(session)).toEqual(['work', 'main']);
  await session.send('next', { threadId: 1 });
  expect(await where(session)).toEqual(['work', 'main']);
  const told = session.events.filter(({ event, body }) => event === 'output' && body.category === 'stderr');
  expect(told).toHaveLength(1);
  expect(told[0]?.body.output).toContain('/steps.elf');
});
