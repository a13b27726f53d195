import { expect, test } from 'vitest';
import {
  add,
  b,
  bl,
  ERET,
  MMU_ON,
  mov,
  NOP,
  POP_FRAME,
  PUSH_FRAME,
  RET,
  SET_FRAME,
  br,
  sub,
} from './support/assemble.ts';
import { expectGolden, HEADER, launch } from './support/drive.ts';

const LINK = 0xffff_8000_0800_0000n;

/** A kernel in miniature: turns its MMU on, jumps to its virtual address, calls, loops for ever. */
const kernel = [
  'primary_entry',
  mov(0, 1),
  MMU_ON,
  br(8),
  'start_kernel',
  PUSH_FRAME,
  SET_FRAME,
  mov(1, 5),
  bl('setup'),
  add(1, 1),
  bl('idle'),
  'setup',
  PUSH_FRAME,
  SET_FRAME,
  bl('leaf'),
  NOP,
  POP_FRAME,
  RET,
  'leaf',
  add(2, 1),
  RET,
  'idle',
  NOP,
  b('idle'),
  'panic',
  b('panic'),
];

const START_KERNEL = BigInt(HEADER + 12);
const entry = (slide = 0n) => ({ entry: { 8: LINK + slide + START_KERNEL }, slide });

test('a function breakpoint stops before the first instruction, though the MMU was off when it was set', async () => {
  const session = await launch(kernel, { machine: entry() });
  const { breakpoints } = await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'start_kernel' }],
  });
  expect(breakpoints).toMatchObject([{ verified: true, id: 1 }]);
  await session.does('configurationDone', {});
  await session.stopped();
  expectGolden('function-breakpoint', session.transcript());
});

test('a kernel that moves itself is stopped at its moved address, and named there', async () => {
  const session = await launch(kernel, { machine: entry(0x1_2340_0000n) });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }, { name: 'leaf' }] });
  await session.does('configurationDone', {});
  await session.stopped();
  const { modules } = await session.send('modules', {});
  session.note(`slide ${(modules[0] as unknown as { slide: string }).slide}`);
  await session.does('continue', { threadId: 1 });
  await session.stopped();
  expectGolden('moved-kernel', session.transcript());
});

test('steps by instruction: over a call, into a call, out of it', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel+0xc' }] });
  await session.does('configurationDone', {});
  await session.stopped();
  await session.does('stepIn', { threadId: 1, granularity: 'instruction' });
  await session.stopped();
  await session.does('stepOut', { threadId: 1 });
  await session.stopped();
  await session.does('next', { threadId: 1, granularity: 'instruction' });
  await session.stopped();
  expectGolden('instruction-steps', session.transcript());
});

test('stepping over a call runs the called function and everything it calls', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel+0xc' }] });
  await session.does('configurationDone', {});
  await session.stopped();
  await session.does('next', { threadId: 1, granularity: 'instruction' });
  await session.stopped();
  expectGolden('step-over-call', session.transcript());
});

test('a breakpoint inside a function that is stepped over stops there', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'start_kernel+0xc' }, { name: 'leaf' }],
  });
  await session.does('configurationDone', {});
  await session.stopped();
  await session.does('next', { threadId: 1, granularity: 'instruction' });
  await session.stopped();
  expectGolden('breakpoint-while-stepping', session.transcript());
});

test('a pause stops a busy guest, and a step then goes on from there', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.does('configurationDone', {});
  await new Promise((resolve) => setTimeout(resolve, 5));
  await session.does('pause', { threadId: 1 });
  const { body } = await session.until('stopped');
  expect(body).toMatchObject({ reason: 'pause', threadId: 1, allThreadsStopped: true });
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  expect(stackFrames[0]?.name).toMatch(/^idle/);
});

test('a panic of the guest stops by default, and not when the filter is off', async () => {
  const panics = [
    ...kernel.slice(0, 3),
    'start_kernel',
    mov(0, 0),
    bl('panic'),
    'panic',
    NOP,
    'idle',
    b('idle'),
  ];
  const session = await launch(panics, { machine: entry() });
  await session.does('configurationDone', {});
  await session.stopped();
  const info = await session.send('exceptionInfo', { threadId: 1 });
  expect(info).toMatchObject({ exceptionId: 'panic', breakMode: 'always' });
  expectGolden('panic', session.transcript());

  const calm = await launch(panics, { machine: entry() });
  await calm.send('setExceptionBreakpoints', { filters: [] });
  await calm.send('setFunctionBreakpoints', { breakpoints: [{ name: 'idle' }] });
  await calm.send('configurationDone', {});
  expect((await calm.until('stopped')).body).toMatchObject({ reason: 'function breakpoint' });
});

test('an interrupt between two steps runs to completion', async () => {
  const withHandler = [
    ...kernel,
    ...Array.from({ length: 3 }, () => NOP),
    'vectors',
    ...Array.from({ length: 0x280 / 4 }, () => NOP),
    'irq',
    sub(31, 16),
    add(31, 16),
    ERET,
  ];
  for (const command of ['next', 'stepIn'] as const) {
    const session = await launch(withHandler, { machine: { ...entry(), interruptAt: 4 } });
    await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }] });
    await session.send('configurationDone', {});
    await session.until('stopped');
    for (const name of ['start_kernel+0x4', 'start_kernel+0x8']) {
      await session.send(command, { threadId: 1, granularity: 'instruction' });
      await session.until('stopped');
      const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
      expect(stackFrames[0]?.name).toBe(name);
    }
  }
});

test('stopOnEntry stops before the first instruction, or at a symbol', async () => {
  const session = await launch(kernel, { machine: entry(), launch: { stopOnEntry: true } });
  await session.does('configurationDone', {});
  await session.stopped();
  expectGolden('stop-on-entry', session.transcript());

  const later = await launch(kernel, { machine: entry(), launch: { stopOnEntry: 'setup' } });
  await later.does('configurationDone', {});
  await later.stopped();
  expectGolden('stop-on-symbol', later.transcript());
});

test('stopOnEntry knows the kernel and its main function by these words', async () => {
  for (const [stopOnEntry, name] of [
    ['kernel', '_text'],
    ['main', 'start_kernel'],
  ] as const) {
    const session = await launch(kernel, { machine: entry(), launch: { stopOnEntry } });
    await session.send('configurationDone', {});
    expect((await session.until('stopped')).body).toMatchObject({ reason: 'entry' });
    const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
    expect(stackFrames[0]?.name).toBe(name);
  }
});

test('registers can be read and changed in the innermost frame, and only what is known in a caller', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'leaf' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  const scopesOf = async (frame: number) =>
    (await session.send('scopes', { frameId: stackFrames[frame]?.id ?? 0 })).scopes;
  const [general] = await scopesOf(0);
  const reference = general?.variablesReference ?? 0;
  const { variables } = await session.send('variables', { variablesReference: reference });
  const value = (name: string) => variables.find((variable) => variable.name === name)?.value;
  expect(value('x1')).toBe('0x0000000000000005');
  expect(value('pc')).toMatch(/<leaf>$/);
  expect(value('pstate')).toBe('0x000003c5 nzcv DAIF EL1h');

  const changed = await session.send('setVariable', {
    variablesReference: reference,
    name: 'x1',
    value: '-1',
  });
  expect(changed?.value).toBe('0xffffffffffffffff');
  await expect(
    session.send('setVariable', { variablesReference: reference, name: 'x1', value: 'one' }),
  ).rejects.toThrow("'one' is not a number of 64 bits");

  const [callers] = await scopesOf(1);
  const { variables: saved } = await session.send('variables', {
    variablesReference: callers?.variablesReference ?? 0,
  });
  expect(saved.find(({ name }) => name === 'x0')?.value).toBe('<not saved>');
  expect(saved.find(({ name }) => name === 'pc')?.value).toMatch(/<setup\+0xc>$/);
  await expect(
    session.send('setVariable', {
      variablesReference: callers?.variablesReference ?? 0,
      name: 'x0',
      value: '1',
    }),
  ).rejects.toThrow('cannot be changed');
});

test('a handle of an earlier stop is stale, never data of another stop', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }, { name: 'leaf' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  await session.send('continue', { threadId: 1 });
  await session.until('stopped');
  const answer = await session.raw('scopes', { frameId: stackFrames[0]?.id });
  expect(answer).toMatchObject({ success: false, message: 'stale', body: { error: { showUser: false } } });
});

test('what needs a stopped machine is refused while it runs', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('configurationDone', {});
  expect(await session.raw('stackTrace', { threadId: 1 })).toMatchObject({
    success: false,
    message: 'notStopped',
  });
  await session.send('pause', { threadId: 1 });
  await session.until('stopped');
  expect(await session.raw('stackTrace', { threadId: 1 })).toMatchObject({ success: true });
  expect(await session.raw('stackTrace', { threadId: 9 })).toMatchObject({ success: false });
});

test('unknown requests and broken arguments get an answer', async () => {
  const session = await launch(kernel, { machine: entry() });
  expect(await session.raw('stepBack', {})).toMatchObject({
    success: false,
    message: "The request 'stepBack' is not supported",
  });
  expect(await session.raw('readMemory', { memoryReference: 'nowhere', count: 4 })).toMatchObject({
    success: false,
    message: "'nowhere' is not an address. Use hexadecimal, such as 0xffff800008080000 or d1/ipa:0x40000000",
  });
  expect(await session.raw('disassemble', undefined)).toMatchObject({ success: false });
  expect(await session.raw('variables', { variablesReference: 77 })).toMatchObject({ success: false });
  const part = await session.raw('readMemory', { memoryReference: '0x40001000', offset: 1.5, count: 4 });
  expect(part.message).toBe("'offset' of readMemory is not a whole number");
});

test('breakpoints keep their ids over a restart, and are hit again', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }] });
  await session.send('configurationDone', {});
  expect((await session.until('stopped')).body).toMatchObject({ hitBreakpointIds: [1] });
  await session.send('restart', {});
  expect((await session.until('stopped')).body).toMatchObject({ hitBreakpointIds: [1] });
});

test('memory is read to the last byte that is there, and written whole or not at all', async () => {
  const session = await launch(kernel, { machine: entry() });
  const end = 'host/pa:0x400ffff8';
  expect(await session.send('readMemory', { memoryReference: end, count: 16 })).toMatchObject({
    address: end,
    unreadableBytes: 8,
  });
  const data = Buffer.from('0123456789abcdef').toString('base64');
  await expect(session.send('writeMemory', { memoryReference: end, data })).rejects.toThrow(
    'Only 8 of 16 bytes',
  );
  expect(await session.send('writeMemory', { memoryReference: end, data, allowPartial: true })).toEqual({
    bytesWritten: 8,
  });
  const back = await session.send('readMemory', { memoryReference: end, count: 8 });
  expect(Buffer.from(back?.data ?? '', 'base64').toString()).toBe('01234567');
});

test('disassembly has exactly as many lines as asked for, before and behind the address', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'setup' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  const memoryReference = stackFrames[0]?.instructionPointerReference ?? '';
  const answer = await session.send('disassemble', {
    memoryReference,
    instructionOffset: -3,
    instructionCount: 6,
  });
  expect(answer?.instructions.map(({ instruction }) => instruction)).toEqual([
    expect.stringMatching(/^bl #0x[0-9a-f]+ <setup>$/),
    'add x1, x1, #1',
    expect.stringMatching(/^bl #0x[0-9a-f]+ <idle>$/),
    'stp x29, x30, [sp, #-0x10]!',
    'mov x29, sp',
    expect.stringMatching(/^bl #0x[0-9a-f]+ <leaf>$/),
  ]);
  const below = await session.send('disassemble', { memoryReference: '0x3ffffff8', instructionCount: 3 });
  expect(below?.instructions.map(({ presentationHint }) => presentationHint)).toEqual([
    'invalid',
    'invalid',
    undefined,
  ]);
});

test('disassembly goes on where there are no addresses, for clients that compute with them', async () => {
  const session = await launch(kernel, { machine: entry() });
  const around = async (memoryReference: string): Promise<bigint[]> => {
    const answer = await session.send('disassemble', {
      memoryReference,
      instructionOffset: -2,
      instructionCount: 4,
    });
    expect(answer?.instructions.every(({ presentationHint }) => presentationHint === 'invalid')).toBe(true);
    return answer?.instructions.map(({ address }) => BigInt(address)) ?? [];
  };
  expect(await around('0x4')).toEqual([-4n, 0n, 4n, 8n]);
  const end = 1n << 64n;
  expect(await around('0xfffffffffffffffc')).toEqual([end - 12n, end - 8n, end - 4n, end]);
});

test('a function without source is shown as its disassembly, the frame on its line', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'setup+0x8' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  const { source, line } = stackFrames[0] ?? {};
  const { content } = await session.send('source', { sourceReference: source?.sourceReference ?? 0 });
  expect(content.split('\n')[(line ?? 0) - 1]).toMatch(/ 94000004 {2}bl #0x[0-9a-f]+ <leaf>$/);

  // A breakpoint on a line of the listing.
  const { breakpoints } = await session.send('setBreakpoints', {
    source: source ?? {},
    breakpoints: [{ line: (line ?? 0) + 1 }],
  });
  expect(breakpoints).toMatchObject([{ verified: true }]);
  await session.send('continue', { threadId: 1 });
  await session.until('stopped');
  const { stackFrames: later } = await session.send('stackTrace', { threadId: 1 });
  expect(later[0]).toMatchObject({ name: 'setup+0xc', line: (line ?? 0) + 1, source });
});

test('expressions name registers, symbols, addresses and memory', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'leaf' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const value = async (expression: string, context = 'watch') =>
    (await session.send('evaluate', { expression, context })).result;
  expect(await value('$x1')).toBe('0x5');
  expect(await value('$x1 + 0x10 - 1,d')).toBe('20');
  expect(await value('$pc')).toMatch(/ <leaf>$/);
  expect(await value('leaf + 4')).toMatch(/ <leaf\+0x4>$/);
  expect(await value('$SCTLR_EL1')).toBe('0x1');
  expect(await value('*($sp + 8)')).toMatch(/ <start_kernel\+0x10>$/);
  expect(await value('*host/pa:0x40001000')).toBe(await value('*primary_entry'));
  expect(await value('$x3 = 7', 'repl')).toBe('0x7');
  await expect(value('$x3 = 8')).rejects.toThrow('cannot be changed');
  await expect(value('nothing_here')).rejects.toThrow("No symbol 'nothing_here'");
  await expect(value('$x0 +')).rejects.toThrow('expected at column 6');
});

test('what the guest prints arrives as output and for its terminal', async () => {
  const session = await launch(kernel, { machine: entry() });
  await session.send('xen/console', { text: 'héllo' });
  expect((await session.until('output')).body).toBeDefined();
  expect((await session.until('xen/consoleData')).body).toEqual({ domain: -1, name: 'host', text: 'héllo' });
});

test('more breakpoints than the machine can watch are refused one by one', async () => {
  const session = await launch(kernel, { machine: entry() });
  const breakpoints = Array.from({ length: 20_100 }, (_, i) => ({
    instructionReference: '0x40001000',
    offset: 4 * i,
  }));
  const answer = await session.send('setInstructionBreakpoints', { breakpoints });
  const verified = answer.breakpoints.filter((breakpoint) => breakpoint.verified);
  expect(verified.length).toBeGreaterThan(19_000);
  expect(answer.breakpoints[20_099]?.message).toContain('No more breakpoints');
});
