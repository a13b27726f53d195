// Registers over the protocol, on the bundled guest: what panels get is what the Variables view shows, and both
// can change a register or a field of it.

import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { TestSession } from './support/drive.ts';

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen');

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

/** Stopped in the EL1 kernel, after it turned its MMU on. */
async function stopped(): Promise<TestSession> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', {
    config: join(SAMPLE, 'hello.cfg'),
    symbols: join(SAMPLE, 'hello-xen.elf'),
  } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'say_hello' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  return session;
}

const variablesOf = async (session: TestSession, variablesReference: number): Promise<Dap.Variable[]> =>
  (await session.send('variables', { variablesReference })).variables;

/** The variables of the System registers scope by name, those of all levels. */
async function systemVariables(session: TestSession): Promise<Map<string, Dap.Variable>> {
  const { stackFrames } = await session.send('stackTrace', { threadId: 257 });
  const { scopes } = await session.send('scopes', { frameId: stackFrames[0]?.id ?? 0 });
  const scope = scopes.find(({ name }) => name === 'System registers');
  const levels = await variablesOf(session, scope?.variablesReference ?? 0);
  const all = await Promise.all(levels.map((level) => variablesOf(session, level.variablesReference)));
  return new Map(all.flat().map((variable) => [variable.name, variable]));
}

async function registers(session: TestSession) {
  const { view } = await session.send('xen/registers', {});
  return new Map(
    view.groups.flatMap((group) => group.registers).map((register) => [register.name, register]),
  );
}

test('the view for panels and the Variables view show the same registers and fields', async () => {
  const session = await stopped();
  const variables = await systemVariables(session);
  const view = await registers(session);
  const shown = [...view.values()].filter(({ name, value }) => /^[A-Z]/.test(name) && value !== undefined);
  expect(shown.length).toBeGreaterThan(200);
  expect([...variables.keys()].sort()).toEqual(shown.map(({ name }) => name).sort());
  for (const { name, value } of shown) {
    expect(variables.get(name)?.value.split(' ')[0], name).toBe(value);
  }
  const fields = await variablesOf(session, variables.get('SCTLR_EL1')?.variablesReference ?? 0);
  expect(fields.find(({ name }) => name === 'M')).toMatchObject({
    value: '0x1 <on>',
    type: 'bit 0: Stage 1 translation',
  });
  expect(fields.map(({ name }) => name)).toEqual(view.get('SCTLR_EL1')?.fields.map(({ name }) => name));
});

test('a panel changes a register and a field, and what cannot be is refused', async () => {
  const session = await stopped();
  const set = (name: string, value: string, field?: string) =>
    session.raw('xen/setRegister', { domain: 1, vcpu: 0, name, value, ...(field && { field }) });
  await set('CONTEXTIDR_EL1', '0x12345678');
  expect((await registers(session)).get('CONTEXTIDR_EL1')?.value).toBe('0x0000000012345678');
  await set('CNTKCTL_EL1', '5', 'EVNTI');
  expect((await registers(session)).get('CNTKCTL_EL1')?.fields).toContainEqual(
    expect.objectContaining({ name: 'EVNTI', value: '0x5', words: 'bit 5' }),
  );
  await set('x3', '-1');
  expect((await registers(session)).get('x3')?.value).toBe('0xffffffffffffffff');
  await set('pstate', '1', 'I');
  expect((await registers(session)).get('pstate')?.fields).toContainEqual(
    expect.objectContaining({ name: 'I', words: 'masked' }),
  );
  const refused = async (name: string, value: string, field?: string): Promise<string> => {
    const { success, body } = await set(name, value, field);
    expect(success).toBe(false);
    return (body as { error: { format: string } }).error.format;
  };
  expect(await refused('MIDR_EL1', '0')).toContain("'MIDR_EL1' is not a register that can be written");
  expect(await refused('NOSUCH_EL1', '0', 'M')).toContain("There is no register 'NOSUCH_EL1'");
  expect(await refused('SCTLR_EL1', '0', 'NOSUCH')).toContain("'SCTLR_EL1' has no field 'NOSUCH'");
  expect(await refused('SCTLR_EL1', '2', 'WXN')).toContain("'2' is not a number of 1 bits");
  expect(await refused('x0', '<b>')).toContain("'<b>' is not a number of 64 bits");
});

test('a field is changed in the Variables view', async () => {
  const session = await stopped();
  const variables = await systemVariables(session);
  const variablesReference = variables.get('CNTKCTL_EL1')?.variablesReference ?? 0;
  await session.send('setVariable', { variablesReference, name: 'EVNTI', value: '7' });
  const fields = await variablesOf(session, variablesReference);
  expect(fields.find(({ name }) => name === 'EVNTI')?.value).toBe('0x7 <bit 7>');
});
