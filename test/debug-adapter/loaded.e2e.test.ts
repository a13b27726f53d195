// Symbols of what Debian's unmodified kernel loads: a module and programs that the test has compiled, and modules of
// which nothing but the kernel's own table is known.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { folder } from '../e2e/console.ts';
import { PROMPT } from '../e2e/debian.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { guestCompiler } from '../tools/build-guest.ts';
import { TestSession } from './support/drive.ts';
import { buildModule, buildProgram, SOURCES } from './support/loaded.ts';

const guest = await external("Debian's arm64 kernel with a module", async () => {
  const { blockModules = '', ...files } = await fetchDebian({ modules: true });
  return { ...files, blockModules };
});
const compiler = await external('aarch64-linux-gnu-gcc (Debian: gcc-aarch64-linux-gnu)', guestCompiler);

type Guest = Extract<typeof guest, { value: unknown }>['value'];

interface Prepared {
  readonly files: Guest;
  readonly initramfs: string;
  readonly programs: readonly string[];
}

async function prepared(files: Guest): Promise<Prepared> {
  const module = await buildModule(join(files.blockModules, 'brd.ko'), folder);
  const programs = [
    buildProgram(folder, 'worker', 'static'),
    buildProgram(folder, 'worker-pie', 'static-pie'),
    // The same code at the same addresses.
    buildProgram(folder, 'other', 'static'),
  ];
  const contents = {
    '/probe.ko': readFileSync(module),
    '/brd.ko': readFileSync(join(files.blockModules, 'brd.ko')),
    ...Object.fromEntries(programs.map((file) => [`/bin/${file.split('/').at(-1)}`, readFileSync(file)])),
  };
  const { busybox } = files;
  return {
    files,
    programs,
    initramfs: writeInitramfs(join(folder, 'loaded.cpio'), { busybox, files: contents }),
  };
}

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

const THREAD = 257;
const PROBE = join(SOURCES, 'probe.c');
const WORKER = join(SOURCES, 'worker.c');

const lineOf = (file: string, text: string): number =>
  readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1;

const consoleText = (session: TestSession): string =>
  session.events
    .flatMap(({ event, body }) => (event === 'xen/consoleData' ? [(body as { text: string }).text] : []))
    .join('')
    .replaceAll('\r', '');

/** A session whose guest has come to its shell, and runs. */
async function atShell(
  { files, initramfs }: Prepared,
  keys: Record<string, unknown>,
  breakpoints: (session: TestSession) => Promise<void> = async () => {},
): Promise<TestSession> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen' });
  const cmdline = 'console=hvc0 cryptomgr.notests';
  const domain = { kernel: files.vmlinuz, ramdisk: initramfs, cmdline, memory: 256 };
  await session.send('launch', { domains: [domain], ...keys } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await breakpoints(session);
  await session.send('configurationDone', {});
  await session.untilOne(() => consoleText(session).includes(PROMPT));
  return session;
}

const type = (session: TestSession, text: string) => session.send('xen/console', { text: `${text}\n` });

async function stack(session: TestSession): Promise<readonly Dap.StackFrame[]> {
  await session.until('stopped');
  return (await session.send('stackTrace', { threadId: THREAD })).stackFrames;
}

const names = (frames: readonly Dap.StackFrame[]): string[] =>
  frames.map(({ name }) => name.replace(/\+0x.*/, ''));

const places = (frames: readonly Dap.StackFrame[]): string[] =>
  frames.map(
    ({ name, source, line }) => `${name.replace(/\+0x.*/, '')} ${source?.path?.split('/').at(-1)}:${line}`,
  );

async function value(session: TestSession, expression: string, frame?: Dap.StackFrame): Promise<string> {
  const at = frame && { frameId: frame.id };
  return (await session.send('evaluate', { expression, context: 'watch', ...at })).result;
}

const told = (session: TestSession, event: string): readonly unknown[] =>
  session.events.filter((one) => one.event === event).map(({ body }) => body as unknown);

testWith(
  [guest, compiler],
  'a module has its symbols before its first instruction, until it is unloaded',
  async (files) => {
    const machine = await prepared(files);
    let pending: readonly Dap.Breakpoint[] = [];
    const session = await atShell(machine, { moduleFolders: [folder] }, async (one) => {
      const functions = { breakpoints: [{ name: 'probe!init_module' }, { name: 'probe!probe_add' }] };
      pending = (await one.send('setFunctionBreakpoints', functions)).breakpoints;
      const lines = { source: { path: PROBE }, breakpoints: [{ line: lineOf(PROBE, 'probe_count = ') }] };
      pending = [...pending, ...(await one.send('setBreakpoints', lines)).breakpoints];
    });
    expect(pending).toMatchObject([
      {
        verified: false,
        reason: 'pending',
        message: "No module 'probe' is loaded, and no program of that name runs",
      },
      { verified: false, reason: 'pending' },
      { verified: false, reason: 'pending' },
    ]);

    await type(session, 'insmod /probe.ko; echo in');
    const init = await stack(session);
    expect(init[0]?.name).toBe('init_module');
    expect(places(init)[0]).toBe(`init_module probe.c:${lineOf(PROBE, 'int init_module')}`);
    expect(names(init).slice(1, 3)).toEqual(['do_one_initcall', 'do_init_module']);
    expect(told(session, 'module')).toMatchObject([
      { reason: 'new', module: { id: 'd1:module:probe', symbolStatus: 'Symbols and lines' } },
    ]);
    const bound = told(session, 'breakpoint') as Dap.BreakpointEvent['body'][];
    expect(bound.map(({ reason, breakpoint }) => [reason, breakpoint.verified])).toEqual(
      bound.map(() => ['changed', true]),
    );
    expect(new Set(bound.map(({ breakpoint }) => breakpoint.id)).size).toBe(3);
    expect(await value(session, 'probe_count')).toBe('0');

    await session.send('continue', { threadId: THREAD });
    const add = await stack(session);
    expect(places(add).slice(0, 2)).toEqual([
      `probe_add probe.c:${lineOf(PROBE, 'int probe_add')}`,
      `init_module probe.c:${lineOf(PROBE, 'probe_count +=')}`,
    ]);
    expect(await value(session, 'number', add[0])).toBe('0');
    expect(await value(session, 'step->sum', add[0])).toBe('100');
    expect(await value(session, 'weights[2]', add[0])).toBe('5');
    // From the frame of the kernel, and the kernel's from the module's.
    expect(await value(session, 'probe!probe_count', add.at(-1))).toBe('0');
    expect(await value(session, 'vfs_read', add[0])).toMatch(/^0xffff/);
    await session.send('stepOut', { threadId: THREAD });
    expect(places(await stack(session))[0]).toBe(`init_module probe.c:${lineOf(PROBE, 'probe_count +=')}`);
    // A condition over an argument and a static variable of the module.
    const condition = 'number == 2 && weights[number] == 5';
    await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'probe!init_module' }, { name: 'probe!probe_add', condition }],
    });
    await session.send('continue', { threadId: THREAD });
    expect(await value(session, 'number', (await stack(session))[0])).toBe('2');
    await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'probe!init_module' }] });
    await session.send('continue', { threadId: THREAD });
    await session.untilOne(() => consoleText(session).includes('\nin\n'));

    // Once it is in, its beginning is gone; the rest goes when it is unloaded.
    await type(session, 'rmmod probe; echo out');
    const exit = await stack(session);
    expect(places(exit)[0]).toBe(`cleanup_module probe.c:${lineOf(PROBE, 'probe_count = ')}`);
    // 100 + 0*2, + 1*3, + 2*5, + 3*2, added up.
    expect(await value(session, 'probe_count')).toBe('435');
    const { breakpoints } = await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'probe!init_module' }, { name: 'probe!probe_add' }],
    });
    expect(breakpoints.map(({ verified }) => verified)).toEqual([false, true]);
    await session.send('continue', { threadId: THREAD });
    expect(names(await stack(session)).slice(0, 2)).toEqual(['probe_add', 'cleanup_module']);
    session.forget();
    await session.send('continue', { threadId: THREAD });
    await session.untilOne(() => consoleText(session).includes('out\n'));
    expect(told(session, 'module')).toMatchObject([{ reason: 'removed', module: { id: 'd1:module:probe' } }]);
    const lost = told(session, 'breakpoint') as Dap.BreakpointEvent['body'][];
    expect(lost.map(({ breakpoint: { verified, reason } }) => [verified, reason])).toEqual([
      [false, 'pending'],
      [false, 'pending'],
      [false, 'pending'],
    ]);
    expect(told(session, 'stopped')).toEqual([]);
  },
);

testWith(
  [guest, compiler],
  'a module without a file is known by the table that the kernel keeps of it',
  async (files) => {
    const machine = await prepared(files);
    const session = await atShell(machine, { moduleFolders: [join(folder, 'nothing')] }, async (one) => {
      await one.send('setFunctionBreakpoints', { breakpoints: [{ name: 'brd!brd_init' }] });
    });
    await type(session, 'insmod /brd.ko rd_nr=1; echo in');
    const init = await stack(session);
    expect(names(init).slice(0, 3)).toEqual(['brd_init', 'do_one_initcall', 'do_init_module']);
    const lines = { source: { path: '/src/brd.c' }, breakpoints: [{ line: 1 }] };
    const [line] = (await session.send('setBreakpoints', lines)).breakpoints;
    expect(line).toMatchObject({
      verified: false,
      reason: 'pending',
      message: expect.stringContaining('module brd'),
    });
    const { modules } = await session.send('modules', {});
    expect(modules[1]).toMatchObject({
      name: 'brd',
      symbolStatus: 'Symbols',
      symbolFilePath: 'kallsyms of brd',
    });
    await session.send('continue', { threadId: THREAD });
    await session.untilOne(() => consoleText(session).includes('\nin\n'));
    const { breakpoints } = await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'brd!brd_do_bvec' }],
    });
    expect(breakpoints).toMatchObject([{ verified: true }]);
    await type(session, 'dd if=/dev/ram0 of=/dev/null bs=4k count=1');
    expect(names(await stack(session))).toContain('vfs_read');
    const said = told(session, 'output').map((body) => (body as Dap.OutputEvent['body']).output);
    expect(said.filter((text) => text.includes('No file of the module brd'))).toHaveLength(1);
    session.forget();
    await session.send('restart', {});
    expect(told(session, 'module')).toMatchObject([{ reason: 'removed', module: { id: 'd1:module:brd' } }]);
  },
);

testWith(
  [guest, compiler],
  'programs have their symbols wherever the guest puts them, and only they stop',
  async (files) => {
    const machine = await prepared(files);
    const [worker = '', moved = ''] = machine.programs;
    const line = lineOf(WORKER, 'total += sum');
    let pending: readonly Dap.Breakpoint[] = [];
    const session = await atShell(
      machine,
      { programs: [worker, { file: moved, guest: '/bin/worker-pie' }] },
      async (one) => {
        const functions = { breakpoints: [{ name: 'worker!work' }] };
        pending = (await one.send('setFunctionBreakpoints', functions)).breakpoints;
      },
    );
    expect(pending).toMatchObject([
      { verified: false, reason: 'pending', message: 'The program worker does not run yet' },
    ]);

    // Another program with the same code at the same place goes by.
    await type(session, 'other; worker');
    const frames = await stack(session);
    expect(consoleText(session)).toContain('worked');
    expect(names(frames)).toEqual(['work', '_start']);
    expect(places(frames).slice(1)).toEqual([`_start worker.c:${lineOf(WORKER, 'work(10 * i')}`]);
    expect(await value(session, 'count', frames[0])).toBe('4');
    expect(await value(session, 'i', frames[1])).toBe('0');
    await session.send('next', { threadId: THREAD });
    expect(names(await stack(session))).toEqual(['work', '_start']);
    await session.send('stepOut', { threadId: THREAD });
    expect(names(await stack(session))).toEqual(['_start']);

    // A system call of the program, seen from the kernel.
    await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'do_sched_yield' }] });
    await session.send('continue', { threadId: THREAD });
    const inKernel = await stack(session);
    expect(names(inKernel)[0]).toBe('do_sched_yield');
    expect(names(inKernel).at(-3)).toBe('call');
    expect(places(inKernel).slice(-2)).toEqual([
      `rest worker.c:${lineOf(WORKER, 'call(124')}`,
      `_start worker.c:${lineOf(WORKER, 'rest();')}`,
    ]);

    await session.send('setFunctionBreakpoints', { breakpoints: [] });
    const { breakpoints } = await session.send('setBreakpoints', {
      source: { path: WORKER },
      breakpoints: [{ line }],
    });
    expect(breakpoints).toMatchObject([{ verified: true }]);
    await session.send('continue', { threadId: THREAD });
    const inWork = await stack(session);
    expect(places(inWork)[0]).toBe(`work worker.c:${line}`);
    expect(await value(session, 'first', inWork[0])).toBe('10');
    await session.send('setBreakpoints', { source: { path: WORKER }, breakpoints: [] });
    await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'worker-pie!work' }] });
    await session.send('continue', { threadId: THREAD });
    await type(session, 'worker-pie');
    const far = await stack(session);
    expect(names(far)).toEqual(['work', '_start']);
    expect(BigInt(far[0]?.instructionPointerReference?.split(':')[1] ?? 0)).toBeGreaterThan(0x100_0000n);
    expect(await value(session, 'worker_pie!work', far[0])).toMatch(/0x[0-9a-f]+ <work>/);
    // A child that was forked has its own tables.
    await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'worker-pie!work', condition: 'first == 100' }],
    });
    await session.send('continue', { threadId: THREAD });
    expect(await value(session, 'first', (await stack(session))[0])).toBe('100');
  },
);
