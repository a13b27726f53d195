// Exception filters and event breakpoints on the bundled guest.

import { afterEach, expect, test } from 'vitest';
import type { XenEvents } from '../../../debug-adapter/protocol.ts';
import type { TestSession } from '../support/drive.ts';
import { goOn, helloXen, printedUntil, stackOf, stopOf, THREAD } from '../support/hello-xen.ts';

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

async function launched(more: Record<string, unknown> = {}): Promise<TestSession> {
  const session = await helloXen(more);
  open.push(session);
  return session;
}

const details = async (session: TestSession) => {
  const info = await session.send('exceptionInfo', { threadId: THREAD });
  return { id: info?.exceptionId, text: info?.details?.stackTrace ?? '', description: info?.description };
};

test('the filter for hypercalls stops where the guest makes one, with its arguments in words', async () => {
  const session = await launched();
  await session.send('setExceptionBreakpoints', { filters: ['hypercall'] });
  await session.send('configurationDone', {});
  const { reason, description } = await stopOf(session);
  expect(reason).toBe('exception');
  const { id, text, description: told } = await details(session);
  expect(id).toMatch(/^hypercall\.\w+/);
  expect(told).toBe(description);
  expect(text).toMatch(/^name +\w+$/m);
  const [hypervisor, caller] = await stackOf(session);
  expect(hypervisor).toMatch(/^Xen: \w+(\(\w+\))?:0$/);
  expect(caller).toMatch(/^hypercall:/);
});

test('event breakpoints: a sub-operation by name, before and after', async () => {
  const session = await launched();
  await session.send('setExceptionBreakpoints', { filters: [] });
  const { breakpoints } = await session.send('xen/setEventBreakpoints', {
    breakpoints: [{ event: 'hypercall.grant_table_op.copy', stage: 'post' }],
  });
  expect(breakpoints).toMatchObject([{ verified: true }]);
  await session.send('configurationDone', {});
  const stopped = await stopOf(session);
  expect(stopped).toMatchObject({ reason: 'event', hitBreakpointIds: [breakpoints[0]?.id] });
  expect(await stackOf(session)).toEqual(expect.arrayContaining([expect.stringMatching(/^try_grants:/)]));
});

test('hypercalls that are logged do not stop, and there is a line for each', async () => {
  const session = await launched();
  const { breakpoints } = await session.send('xen/setEventBreakpoints', {
    breakpoints: [
      { event: 'hypercall.xen_version', action: 'log' },
      { event: 'hypercall', action: 'count' },
    ],
  });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'say_hello' }] });
  await session.send('configurationDone', {});
  expect((await stopOf(session)).reason).toBe('function breakpoint');
  const logged = session.events
    .filter(({ event, body }) => event === 'output' && body.category === 'console')
    .flatMap(({ body }) => (body.output as string).split('\n'))
    .filter((line) => line.includes('xen_version'));
  expect(logged).toHaveLength(3);
  // Each tells of those that were passed since the one before.
  const counts = new Map<number, number>();
  for (const { event, body } of session.events) {
    if (event !== 'xen/hit') continue;
    for (const { id, count } of (body as XenEvents['xen/hit']).counts) counts.set(id, count);
  }
  expect(counts.get(breakpoints[0]?.id ?? 0)).toBe(3);
  expect(counts.get(breakpoints[1]?.id ?? 0)).toBeGreaterThan(10);
});

test('a data abort of the guest is explained: its syndrome, and the walk up to the level that failed', async () => {
  const session = await launched();
  await session.send('configurationDone', {});
  await printedUntil(session, 'hello> ');
  await session.send('setExceptionBreakpoints', { filters: ['el1exception'] });
  // It writes to address 0x10, where nothing is.
  await session.send('xen/console', { text: 'crash\n' });
  expect((await stopOf(session)).reason).toBe('exception');
  const { id, text } = await details(session);
  expect(id).toBe('el1exception.data-abort');
  expect(text).toMatch(/syndrome 0x96\w+: Data Abort from the same EL: write, Translation fault/);
  expect(text).toContain('ISS.WnR');
  expect(text).toMatch(/0x10 /);
  expect(text).toMatch(/stage 1/i);
});

test('an access that nothing stands behind stops by default, before the guest is told', async () => {
  const session = await launched({ stopOnEntry: true });
  await session.send('configurationDone', {});
  expect((await stopOf(session)).reason).toBe('entry');
  // LDR X1, [X0] in place of the first instruction, while the MMU is off.
  const { stackFrames } = await session.send('stackTrace', { threadId: THREAD });
  const memoryReference = stackFrames[0]?.instructionPointerReference ?? '';
  await session.send('writeMemory', { memoryReference, data: btoa('\x01\x00\x40\xf9') });
  await session.send('evaluate', { expression: '$x0 = 0x7000000000', context: 'repl' });
  await session.send('continue', { threadId: THREAD });
  expect((await stopOf(session)).reason).toBe('exception');
  const { id, text } = await details(session);
  expect(id).toBe('s2unhandled');
  expect(text).toMatch(/^ipa +0x7000000000$/m);
  expect(text).toMatch(/stage 2/i);
});

test('system calls of the program at EL0 are an exception of their own', async () => {
  const session = await launched();
  await session.send('setExceptionBreakpoints', { filters: ['syscall'] });
  await session.send('configurationDone', {});
  expect((await stopOf(session)).reason).toBe('exception');
  const { id, text } = await details(session);
  expect(id).toBe('el1exception.svc');
  expect(text).toMatch(/^nr +\d+$/m);
  expect(text).toMatch(/^from_el +0$/m);
});

test('a node of xenstore is watched as data', async () => {
  const session = await launched();
  const info = await session.send('dataBreakpointInfo', { name: 'd1/xs:/control/shutdown' });
  expect(info).toMatchObject({ dataId: 'host/xs:/local/domain/1/control/shutdown' });
  const { breakpoints } = await session.send('setDataBreakpoints', {
    breakpoints: [{ dataId: info?.dataId ?? '', accessType: 'write' }],
  });
  expect(breakpoints).toMatchObject([{ verified: true }]);
  await session.send('configurationDone', {});
  await printedUntil(session, 'hello> ');
  await session.send('xen/act', { action: { kind: 'shutdown', domain: 1, reason: 'poweroff' } });
  const stopped = await stopOf(session);
  expect(stopped).toMatchObject({ reason: 'data breakpoint', hitBreakpointIds: [breakpoints[0]?.id] });
  expect(stopped.description).toContain('/local/domain/1/control/shutdown');
  await session.send('setDataBreakpoints', { breakpoints: [] });
  await session.send('continue', { threadId: THREAD });
});

test('a system register is watched as data: whoever writes it, and by its variable', async () => {
  const session = await launched();
  const info = await session.send('dataBreakpointInfo', { name: '$TTBR0_EL1' });
  expect(info).toMatchObject({
    dataId: 'd1/sysreg:TTBR0_EL1',
    accessTypes: ['read', 'write', 'readWrite'],
    canPersist: true,
  });
  const set = (dataId: string, more = {}) =>
    session.send('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write', ...more }] });
  const { breakpoints } = await set(info?.dataId ?? '', { condition: '$old != $new && $new > 0x1000' });
  expect(breakpoints).toMatchObject([{ verified: true }]);
  await session.send('configurationDone', {});
  const stopped = await stopOf(session);
  expect(stopped).toMatchObject({ reason: 'data breakpoint', hitBreakpointIds: [breakpoints[0]?.id] });
  expect(stopped.description).toMatch(/^d1v0 writes TTBR0_EL1: 0x0 → 0x[0-9a-f]{5,}$/);
  expect((await session.send('evaluate', { expression: '$TTBR0_EL1 == $ev.value' })).result).toBe('1');

  const { stackFrames } = await session.send('stackTrace', { threadId: THREAD, levels: 1 });
  const { scopes } = await session.send('scopes', { frameId: stackFrames[0]?.id ?? 0 });
  const inside = async (reference: number | undefined, name: string) => {
    const { variables } = await session.send('variables', { variablesReference: reference ?? 0 });
    return variables.find((one) => one.name === name)?.variablesReference;
  };
  const system = scopes.find(({ name }) => name === 'System registers')?.variablesReference;
  const el1 = (await inside(system, 'EL1')) ?? 0;
  const about = (variablesReference: number, name: string) =>
    session.send('dataBreakpointInfo', { variablesReference, name });
  expect(await about(el1, 'ELR_EL1')).toMatchObject({ dataId: 'd1/sysreg:ELR_EL1' });
  expect(await about((await inside(el1, 'TTBR0_EL1')) ?? 0, 'ASID')).toMatchObject({
    dataId: 'd1/sysreg:TTBR0_EL1',
  });
  const general = scopes.find(({ name }) => name === 'Registers')?.variablesReference ?? 0;
  expect(await about(general, 'x1')).toMatchObject({
    dataId: null,
    description: expect.stringContaining('X1'),
  });
  // An exception writes it, and no instruction.
  await set('d1/sysreg:ELR_EL1');
  expect((await goOn(session)).description).toMatch(/^d1v0 takes an exception, which writes ELR_EL1: /);
  expect((await set('d1/sysreg:MIDR_EL1')).breakpoints).toMatchObject([
    { verified: false, reason: 'failed' },
  ]);
});

test('interrupts and event channels stop by their numbers', async () => {
  const session = await launched();
  await session.send('setExceptionBreakpoints', { filters: ['irq'] });
  await session.send('configurationDone', {});
  expect((await stopOf(session)).reason).toBe('exception');
  expect((await details(session)).text).toMatch(/^intid +\d+$/m);
  await session.send('setExceptionBreakpoints', { filters: ['evtchn'] });
  expect((await goOn(session)).reason).toBe('exception');
  expect((await details(session)).text).toMatch(/^port +\d+$/m);
});

test('a crash that is not the one meant by a condition ends the session', async () => {
  const session = await launched();
  await session.send('setExceptionBreakpoints', {
    filters: [],
    filterOptions: [{ filterId: 'crash', condition: '$ev.reason == "watchdog"' }],
  });
  await session.send('configurationDone', {});
  await printedUntil(session, 'hello> ');
  await session.send('xen/console', { text: 'crash\n' });
  expect((await session.until('exited')).body).toEqual({ exitCode: 1 });
  expect(session.events.some(({ event }) => event === 'stopped')).toBe(false);
});
