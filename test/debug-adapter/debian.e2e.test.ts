// Debian's unmodified kernel on the real machine: names out of the kernel's own table, lines out of its debug
// package, and a kernel that KASLR has moved.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import type { DebianFiles } from '../tools/fetch-debian.ts';
import { TestSession } from './support/drive.ts';

const log = (line: string): void => console.log(line);
const debian = await external("Debian's arm64 kernel", () => fetchDebian({ log }));
const withSymbols = await external("Debian's arm64 kernel with debug information", async () => {
  const files = await fetchDebian({ debugSymbols: true, log });
  return files.vmlinux === undefined ? undefined : { ...files, vmlinux: files.vmlinux };
});
if ('value' in debian) log(`Debian kernel ${debian.value.kernelVersion}`);

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

async function launched(configuration: Record<string, unknown>): Promise<TestSession> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', configuration as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('setExceptionBreakpoints', { filters: ['panic'] });
  return session;
}

const asGuest = ({ vmlinuz }: DebianFiles) => ({
  domains: [{ kernel: vmlinuz, cmdline: 'console=hvc0', memory: 256 }],
});
const bare = ({ vmlinuz }: DebianFiles, more: Record<string, unknown> = {}) => ({
  bare: { kernel: vmlinuz, cmdline: 'console=ttyAMA0', memory: 256, ...more },
});

async function stack(session: TestSession): Promise<string[]> {
  const { body } = (await session.until('stopped')) as Dap.StoppedEvent;
  const { stackFrames } = await session.send('stackTrace', { threadId: body.threadId ?? 1 });
  return stackFrames.map(({ name }) => name);
}

async function slideOf(session: TestSession): Promise<string> {
  const { modules } = await session.send('modules', {});
  return (modules[0] as unknown as { slide: string }).slide;
}

testWith(
  [debian],
  'as a Xen guest the kernel stops at start_kernel before its first instruction',
  async (files) => {
    const session = await launched(asGuest(files));
    const { breakpoints } = await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'start_kernel' }],
    });
    expect(breakpoints).toMatchObject([{ verified: true }]);
    await session.send('configurationDone', {});
    expect(await stack(session)).toEqual(['start_kernel', expect.stringMatching(/^__primary_switched/)]);
    expect(await slideOf(session)).toBe('0x0');

    // Steps by instruction, into and out of a function far away.
    const threadId = 257;
    await session.send('next', { threadId, granularity: 'instruction' });
    expect((await stack(session))[0]).toBe('start_kernel+0x4');
    await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'setup_arch' }] });
    await session.send('continue', { threadId });
    expect((await stack(session))[0]).toBe('setup_arch');
    await session.send('setFunctionBreakpoints', { breakpoints: [] });
    await session.send('stepOut', { threadId });
    expect((await stack(session))[0]).toMatch(/^start_kernel\+0x/);
  },
);

testWith([debian], 'a kernel moved by KASLR is stopped where it really runs', async (files) => {
  const session = await launched(bare(files, { kaslrSeed: 12345 }));
  await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'start_kernel' }, { name: 'rest_init' }],
  });
  await session.send('configurationDone', {});
  expect((await stack(session))[0]).toBe('start_kernel');
  expect(await slideOf(session)).not.toBe('0x0');
  await session.send('continue', { threadId: 1 });
  expect(await stack(session)).toEqual([
    'rest_init',
    expect.stringMatching(/^arch_call_rest_init/),
    expect.stringMatching(/^start_kernel/),
    expect.stringMatching(/^__primary_switched/),
  ]);
});

testWith([withSymbols], 'lines come from the debug package: breakpoint, step, stack', async (files) => {
  const session = await launched({ ...asGuest(files), symbols: files.vmlinux });
  const source = { path: '/home/me/linux/init/main.c' };
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'start_kernel' }] });
  await session.send('configurationDone', {});
  expect((await stack(session))[0]).toBe('start_kernel');

  // The line of the frame stands in the origin of its disassembly, as the source is not there.
  const line = async (): Promise<number> => {
    const { stackFrames } = await session.send('stackTrace', { threadId: 257 });
    return Number(/main\.c:(\d+)$/.exec(stackFrames[0]?.source?.origin ?? '')?.[1]);
  };
  const first = await line();
  expect(first).toBeGreaterThan(100);
  await session.send('next', { threadId: 257 });
  await session.until('stopped');
  const second = await line();
  expect(second).not.toBe(first);

  const { breakpoints } = await session.send('setBreakpoints', {
    source,
    breakpoints: [{ line: second + 20 }],
  });
  expect(breakpoints).toMatchObject([{ verified: true }]);
  await session.send('continue', { threadId: 257 });
  expect((await stack(session))[0]).toMatch(/^start_kernel/);
  expect(await line()).toBe(breakpoints[0]?.line);
});

testWith([debian], 'a panic stops by default and says why; a pause comes at once', async (files) => {
  const session = await launched(bare(files, { cmdline: 'console=ttyAMA0 cryptomgr.notests' }));
  await session.send('configurationDone', {});
  const asked = performance.now();
  await session.send('pause', { threadId: 1 });
  await session.until('stopped');
  console.log(`pause answered in ${(performance.now() - asked).toFixed(1)} ms`);
  await session.send('continue', { threadId: 1 });
  const { body } = (await session.until('stopped')) as Dap.StoppedEvent;
  expect(body).toMatchObject({ reason: 'exception' });
  expect(body.description).toMatch(/^Guest panic: VFS: Unable to mount root fs on unknown-block/);
});

testWith([debian], 'a step follows its task to another vCPU', async (files) => {
  const folder = mkdtempSync(join(tmpdir(), 'xenscope-steps-'));
  try {
    // Each of the two moves itself.
    const init = `${MOUNTS}while :; do taskset 1 true; taskset 2 true; done\n`;
    const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), { busybox: files.busybox, init });
    const session = await launched({
      domains: [
        { kernel: files.vmlinuz, ramdisk, cmdline: 'console=hvc0 cryptomgr.notests', memory: 256, vcpus: 2 },
      ],
    });
    await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'sched_setaffinity' }] });
    await session.send('configurationDone', {});
    const threads = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const before = ((await session.until('stopped')) as Dap.StoppedEvent).body;
      await session.send('stepOut', { threadId: before.threadId ?? 0 });
      const { body } = (await session.until('stopped')) as Dap.StoppedEvent;
      expect(body.reason).toBe('step');
      const { stackFrames } = await session.send('stackTrace', { threadId: body.threadId ?? 0 });
      expect(stackFrames[0]?.name).toMatch(/sched_setaffinity\+0x/);
      threads.add(`${before.threadId} ${body.threadId}`);
      await session.send('continue', { threadId: body.threadId ?? 0 });
    }
    expect([...threads].some((pair) => new Set(pair.split(' ')).size === 2)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
