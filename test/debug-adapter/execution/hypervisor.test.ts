// The hypervisor as a part of the stack: what it did for a vCPU stands above what asked it to.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { Machines } from '../../../debug-adapter/machine/machines.ts';
import type { TestSession } from '../support/drive.ts';
import { client, D1, disconnectAll, guest } from '../support/two-domains.ts';

afterEach(disconnectAll);

/** The bundled guest, at the HVC of its first hypercall. */
async function atHypercall(): Promise<TestSession> {
  const session = await client(new Machines());
  await session.send('launch', { domains: [guest('one')] } as Dap.LaunchRequestArguments);
  // Four instructions into `hypercall` stands HVC #0xEA1.
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'hypercall+0x10' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  await session.send('setFunctionBreakpoints', { breakpoints: [] });
  return session;
}

async function stackOf(session: TestSession): Promise<Dap.StackFrame[]> {
  return (await session.send('stackTrace', { threadId: D1 })).stackFrames;
}

const stoppedOf = async (session: TestSession): Promise<Dap.StoppedEvent['body']> =>
  (await session.until('stopped')).body as Dap.StoppedEvent['body'];

test('stepping into a hypercall shows what the hypervisor did, with its arguments', async () => {
  const session = await atHypercall();
  const before = await stackOf(session);
  expect(before[0]?.name).toBe('hypercall+0x10');
  await session.send('stepIn', { threadId: D1 });
  const stopped = await stoppedOf(session);
  expect(stopped).toMatchObject({ reason: 'step', threadId: D1 });
  expect(stopped.description).toMatch(/^Hypercall \w+/);

  const [top, below] = await stackOf(session);
  expect(top).toMatchObject({ name: expect.stringMatching(/^Xen: \w+/), line: 0 });
  expect(top).not.toHaveProperty('source');
  expect(below?.name).toBe('hypercall+0x14');
  const { scopes } = await session.send('scopes', { frameId: top?.id ?? 0 });
  expect(scopes).toMatchObject([{ name: 'Arguments', presentationHint: 'arguments', expensive: false }]);
  const { variables } = await session.send('variables', {
    variablesReference: scopes[0]?.variablesReference ?? 0,
  });
  expect(variables.map(({ name }) => name)).toEqual(expect.arrayContaining(['name', 'op', 'a0']));
  expect((await session.send('stepInTargets', { frameId: top?.id ?? 0 })).targets).toEqual([]);
  const evaluated = await session.send('evaluate', { expression: '$ev.name', frameId: top?.id ?? 0 });
  expect(evaluated.result).toContain(variables.find(({ name }) => name === 'name')?.value);

  // From there a step goes on in the guest, and the frame is gone.
  await session.send('next', { threadId: D1, granularity: 'instruction' });
  expect(await stoppedOf(session)).toMatchObject({ reason: 'step' });
  expect((await stackOf(session))[0]?.name).not.toContain('Xen');
});

test('stepping over a hypercall leads behind it', async () => {
  const session = await atHypercall();
  await session.send('next', { threadId: D1, granularity: 'instruction' });
  expect(await stoppedOf(session)).toMatchObject({ reason: 'step', description: 'Paused on step' });
  expect((await stackOf(session))[0]?.name).toBe('hypercall+0x14');
});

test('a hypercall that a filter stops at has the same frame, and a stop for something else has none', async () => {
  const session = await atHypercall();
  await session.send('setExceptionBreakpoints', { filters: ['hypercall'] });
  await session.send('continue', { threadId: D1 });
  expect(await stoppedOf(session)).toMatchObject({ reason: 'exception' });
  expect((await stackOf(session))[0]?.name).toMatch(/^Xen: /);
  await session.send('setExceptionBreakpoints', { filters: [] });
  await session.send('continue', { threadId: D1 });
  await session.send('pause', { threadId: D1 });
  await stoppedOf(session);
  expect((await stackOf(session))[0]?.name).not.toContain('Xen');
});
