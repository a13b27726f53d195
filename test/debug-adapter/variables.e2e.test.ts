// Variables of the bundled guest on the real machine, as the views of an editor ask for them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { TestSession } from './support/drive.ts';

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen');
const MAIN = join(SAMPLE, 'src/main.c');
const THREAD = 257;

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

async function stoppedAt(breakpoint: Dap.FunctionBreakpoint): Promise<Stop> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path', supportsInvalidatedEvent: true });
  await session.send('launch', {
    config: join(SAMPLE, 'hello.cfg'),
    symbols: join(SAMPLE, 'hello-xen.elf'),
    sourceMap: { '/hello-xen': SAMPLE },
  } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('setFunctionBreakpoints', { breakpoints: [breakpoint] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  return new Stop(session);
}

class Stop {
  readonly session: TestSession;

  constructor(session: TestSession) {
    this.session = session;
  }

  async frame(index: number): Promise<number> {
    const { stackFrames } = await this.session.send('stackTrace', { threadId: THREAD });
    return stackFrames[index]?.id ?? 0;
  }

  async scope(name: string, index = 0): Promise<number> {
    const { scopes } = await this.session.send('scopes', { frameId: await this.frame(index) });
    return scopes.find((scope) => scope.name === name)?.variablesReference ?? 0;
  }

  async variables(variablesReference: number, more: Partial<Dap.VariablesArguments> = {}) {
    return (await this.session.send('variables', { variablesReference, ...more })).variables;
  }

  async named(reference: number, name: string): Promise<Dap.Variable> {
    const found = (await this.variables(reference)).find((variable) => variable.name === name);
    if (!found) throw new Error(`no variable ${name}`);
    return found;
  }

  async value(expression: string, index = 0, context = 'watch'): Promise<string> {
    const frameId = await this.frame(index);
    return (await this.session.send('evaluate', { expression, frameId, context })).result;
  }
}

const texts = (variables: readonly Dap.Variable[]): string[] =>
  variables.map(({ name, type, value }) => `${name}: ${type} = ${value}`);

test('arguments and locals of a function and of its callers, structures and arrays expanded', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  const argumentsOf = await stop.variables(await stop.scope('Arguments'));
  expect(argumentsOf).toMatchObject([
    { name: 'greeting', type: 'const struct greeting *', evaluateName: 'greeting', namedVariables: 3 },
  ]);
  const members = await stop.variables(argumentsOf[0]?.variablesReference ?? 0);
  expect(members.map(({ name, value }) => `${name} ${value.replace(/0x\w+ /, '')}`)).toEqual([
    'name "hello-xen"',
    'domid 1',
    'times 3',
  ]);
  // Each is reached again by what it says of itself.
  for (const { evaluateName = '', value } of members) expect(await stop.value(evaluateName)).toBe(value);

  const locals = await stop.scope('Locals', 1);
  expect(texts(await stop.variables(locals))).toEqual([
    'name: char [64] = "hello-xen"',
    'length: int = <optimised out>',
    expect.stringMatching(/^greeting: struct greeting = \{name = 0x\w+ "hello-xen", domid = 1, times = 3\}$/),
  ]);
  expect(await stop.value('greeting.times + domid', 1)).toBe('4');

  const platform = await stop.named(await stop.scope('Locals', 2), 'platform');
  const gic = await stop.named(platform.variablesReference, 'gic');
  expect(gic).toMatchObject({ type: 'struct range [2]', indexedVariables: 2 });
  const [, second] = await stop.variables(gic.variablesReference);
  expect(second).toMatchObject({ name: '[1]', evaluateName: 'platform.gic[1]' });
  expect(await stop.variables(gic.variablesReference, { start: 1, count: 5 })).toHaveLength(1);
  expect(await stop.variables(gic.variablesReference, { start: 7, count: 5 })).toEqual([]);
  const base = await stop.named(second?.variablesReference ?? 0, 'base');
  const hex = await stop.variables(second?.variablesReference ?? 0, { format: { hex: true } });
  expect(hex[0]?.value).toBe(`0x${Number(base.value).toString(16)}`);
});

test('a local that is changed is what the guest goes on with', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  const { session } = stop;
  const [greeting] = await stop.variables(await stop.scope('Arguments'));
  const set = await session.send('setVariable', {
    variablesReference: greeting?.variablesReference ?? 0,
    name: 'times',
    value: '1',
  });
  expect(set).toMatchObject({
    value: '1',
    type: 'unsigned int',
    memoryReference: expect.stringMatching(/^d1\/va/),
  });
  expect((await session.until('invalidated')).body).toMatchObject({ areas: ['variables', 'stacks'] });
  const frameId = await stop.frame(0);
  const name = await session.send('setExpression', {
    expression: 'greeting->name[0]',
    value: "'j'",
    frameId,
  });
  expect(name).toMatchObject({ value: "106 'j'" });
  await expect(
    session.send('setExpression', { expression: 'greeting->times', value: '0x100000000', frameId }),
  ).rejects.toThrow('32 bits');
  // A watch changes nothing, whatever it says; the console does.
  await expect(stop.value('greeting->times = 7')).rejects.toThrow('cannot be changed');
  expect(await stop.value('greeting->domid = 9', 0, 'repl')).toBe('9');
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'run_hello_task' }] });
  await session.send('continue', { threadId: THREAD });
  const printed = session.events
    .filter(({ event }) => event === 'xen/consoleData')
    .map(({ body }) => body.text);
  await session.until('stopped');
  const text = [
    ...printed,
    ...session.events.filter((e) => e.event === 'xen/consoleData').map((e) => e.body.text),
  ];
  expect(text.join('')).toContain("hello 1:   I am domain 9, 'jello-xen'");
  expect(text.join('')).not.toContain('hello 2:');
});

test('stepping out shows what the function returned', async () => {
  const stop = await stoppedAt({ name: 'xenstore_read' });
  await stop.session.send('stepOut', { threadId: THREAD });
  await stop.session.until('stopped');
  const returned = await stop.variables(await stop.scope('Return value'));
  expect(texts(returned)).toEqual(['xenstore_read returned: int = 9']);
  await stop.session.send('next', { threadId: THREAD });
  await stop.session.until('stopped');
  expect(await stop.scope('Return value')).toBe(0);
});

test('statics of the file, declarations, and the function behind a pointer', async () => {
  const stop = await stoppedAt({ name: 'handle_timer_tick' });
  const statics = await stop.scope('Statics of file');
  const timer = (await stop.variables(statics)).find(({ name }) => name === 'timer');
  expect(timer?.declarationLocationReference).toBeGreaterThan(0);
  const place = await stop.session.send('locations', {
    locationReference: timer?.declarationLocationReference ?? 0,
  });
  const declared = readFileSync(place?.source.path ?? '', 'utf8').split('\n')[(place?.line ?? 0) - 1];
  expect(declared).toContain(timer?.name);

  // It hides none of the frame, so its name is enough; from elsewhere its file is said.
  expect(timer).toMatchObject({ evaluateName: 'timer', type: 'struct timer' });
  expect(await stop.value("exceptions.c'registrations[27].handler")).toMatch(/ <timer_interrupt>$/);
  expect(await stop.value("'timer.c'::timer.intid")).toBe('27');

  const frameId = await stop.frame(0);
  const pointer = await stop.session.send('evaluate', { expression: '&say_hello', frameId });
  expect(pointer).toMatchObject({ type: 'void (*)(const struct greeting *)' });
  const code = await stop.session.send('locations', {
    locationReference: pointer.valueLocationReference ?? 0,
  });
  const line = readFileSync(MAIN, 'utf8').split('\n')[(code?.line ?? 0) - 1];
  expect(line).toContain('say_hello');
});

test('conditions and log messages name locals, and count without stopping', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  const { session } = stop;
  const line =
    1 +
    readFileSync(MAIN, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('print("hello %u:'));
  const { breakpoints } = await session.send('setBreakpoints', {
    source: { path: MAIN },
    breakpoints: [
      { line, condition: 'i == 3 && greeting->times > 2' },
      { line, logMessage: 'round {i} of {greeting->times,x}: {greeting->name}' },
      { line, condition: 'nobody == 3' },
    ],
  });
  expect(breakpoints.map(({ verified }) => verified)).toEqual([true, true, false]);
  expect(breakpoints[2]?.message).toContain("No symbol 'nobody'");
  await session.send('continue', { threadId: THREAD });
  await session.until('stopped');
  expect(await stop.value('i')).toBe('3');
  const said = session.events
    .filter(({ event }) => event === 'output')
    .map(({ body }) => body.output)
    .join('');
  expect(said).toContain('round 1 of 0x3: hello-xen\nround 2 of 0x3: hello-xen\n');
});

test('objects of the hypervisor, translations and lookups', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  expect(await stop.value('$evtchn[1].stateWords')).toMatch(/^bound to d0 port/);
  expect(await stop.value('$xs("/local/domain/1/name")')).toBe('hello-xen');
  expect(await stop.value('$gic[27].name')).toContain('timer');
  expect(await stop.value('$sym($pc)')).toBe('say_hello');
  expect(await stop.value('$line($pc)')).toMatch(/main\.c:\d+$/);
  expect(await stop.value('$dis($pc)')).toMatch(/^stp\t? ?x29/);
  expect(await stop.value('$walk(greeting).result.what')).toBe('RAM');
  const ipa = await stop.value('$va2ipa(greeting)');
  expect(await stop.value(`*(unsigned *){d1/ipa}(${ipa} + 12)`)).toBe('3');
  expect(await stop.value('$dom * 10 + $vcpu')).toBe('10');
  await expect(stop.value('$evtchn[4000]')).rejects.toThrow('no $evtchn[4000]');
});

test('the clipboard gets all of it, a view a line', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  const short = await stop.value("main.c'offered", 0, 'hover').catch(() => '');
  const view = await stop.value('tables');
  const whole = await stop.value('tables', 0, 'clipboard');
  expect(view.length).toBeLessThan(400);
  expect(whole.length).toBeGreaterThan(view.length);
  expect(whole.endsWith('}')).toBe(true);
  expect(short).toBe('');
});

test('completion knows names, members, registers and commands', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  const frameId = await stop.frame(1);
  const offered = async (text: string): Promise<Dap.CompletionItem[]> =>
    (await stop.session.send('completions', { text, column: text.length + 1, frameId })).targets;
  const labels = async (text: string): Promise<string[]> => (await offered(text)).map(({ label }) => label);
  expect(await offered('1 + greeting.ti')).toEqual([
    { label: 'times', type: 'field', detail: 'unsigned int', start: 14, length: 2 },
  ]);
  expect(await labels('(&greeting)->')).toEqual(['name', 'domid', 'times']);
  expect(await labels('le')).toEqual(expect.arrayContaining(['length']));
  expect(await labels('xenstore_r')).toEqual(['xenstore_read']);
  expect(await labels('$SCTLR')).toEqual(expect.arrayContaining(['SCTLR_EL1']));
  expect(await labels('$ESR_EL1.')).toEqual(expect.arrayContaining(['EC', 'ISS']));
  expect(await labels('$contai')).toEqual(['container_of']);
  expect(await labels(':wal')).toEqual(['walk']);
  expect(await labels('"gre')).toEqual([]);
  expect(await labels('nothing_here.')).toEqual([]);
});

test('what surrounds a frame is shown behind its variables, and looked up when it is opened', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  const { session } = stop;
  const { scopes } = await session.send('scopes', { frameId: await stop.frame(0) });
  expect(scopes.map(({ name, expensive }) => `${name}${expensive ? ' …' : ''}`)).toEqual([
    'Arguments',
    'Registers',
    'FP and SIMD registers …',
    'System registers …',
    'vCPU …',
    'Domain …',
  ]);
  const vcpu = await stop.variables(await stop.scope('vCPU'));
  for (const { name, evaluateName = '', value } of vcpu) {
    expect(evaluateName).toBe(`$${name}`);
    expect(await stop.value(evaluateName)).toBe(value);
  }
  const domain = await stop.scope('Domain');
  expect(await stop.named(domain, 'name')).toMatchObject({ value: 'hello-xen' });
  const rings = await stop.named(domain, 'rings');
  expect(rings).toMatchObject({ presentationHint: { lazy: true }, evaluateName: '$ring' });
  const [resolved, ...more] = await stop.variables(rings.variablesReference);
  expect(more).toEqual([]);
  const console = await stop.named(resolved?.variablesReference ?? 0, 'console');
  expect(console.evaluateName).toBe('$ring["console"]');
});

test('menus are told what a variable is', async () => {
  const stop = await stoppedAt({ name: 'say_hello' });
  const kind = (variable: Dap.Variable | undefined): unknown =>
    (variable as { __vscodeVariableMenuContext?: string } | undefined)?.__vscodeVariableMenuContext;
  const expanded = async (expression: string): Promise<Record<string, unknown>> => {
    const frameId = await stop.frame(0);
    const { variablesReference } = await stop.session.send('evaluate', { expression, frameId });
    const variables = await stop.variables(variablesReference);
    return Object.fromEntries(variables.map((variable) => [variable.name, kind(variable)]));
  };
  expect(kind(await stop.named(await stop.scope('Arguments'), 'greeting'))).toBe('pointer');
  expect(await expanded('greeting')).toEqual({ name: 'pointer', domid: 'address', times: 'address' });
  expect(await expanded('gic_v3')).toMatchObject({ init: 'functionPointer' });
  expect(await expanded('$ring')).toMatchObject({ console: 'ring' });
  expect(await expanded('$evtchn')).toMatchObject({ 1: 'port' });
  expect(await expanded('$evtchn[1].peer')).toMatchObject({ port: 'port' });
  expect(await expanded('$xs("/local/domain/1")')).toMatchObject({ name: 'xsPath', device: 'xsPath' });
  expect(await expanded('$grant[0]')).toMatchObject({ ipa: 'address', pa: 'address' });
  const registers = await stop.variables(await stop.scope('Registers'));
  expect(kind(registers[0])).toBe('address');
  const system = await stop.variables(await stop.scope('System registers'));
  const [first] = await stop.variables(system[0]?.variablesReference ?? 0);
  expect(kind(first)).toBe('sysreg');
});
