// Debian's kernel, where a debugger that knows addresses only stops in the wrong place: another process with the same
// address, a kernel that moved since the breakpoint was set, another function of the same name.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect } from 'vitest';
import { MOUNTS } from '../../../debug-adapter/node/bench/initramfs.ts';
import { nodeHost } from '../../../debug-adapter/node/node-host.ts';
import { writeInitramfs } from '../../tools/build-initramfs.ts';
import { external, testWith } from '../../tools/external.ts';
import { fetchDebian } from '../../tools/fetch-debian.ts';
import { TestSession } from '../support/drive.ts';

const log = (line: string): void => console.log(line);
const debian = await external("Debian's arm64 kernel", () => fetchDebian({ log }));
const withSymbols = await external("Debian's arm64 kernel with debug information", async () => {
  const files = await fetchDebian({ debugSymbols: true, log });
  return files.vmlinux === undefined ? undefined : { ...files, vmlinux: files.vmlinux };
});

const THREAD = 257;
const open: TestSession[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function launched(configuration: Record<string, unknown>): Promise<TestSession> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', configuration as Dap.LaunchRequestArguments);
  await session.until('initialized');
  return session;
}

async function stopOf(session: TestSession) {
  return (await session.until('stopped')).body as Dap.StoppedEvent['body'];
}

async function goOn(session: TestSession) {
  await session.send('continue', { threadId: THREAD });
  return stopOf(session);
}

async function value(session: TestSession, expression: string): Promise<bigint> {
  const { result } = await session.send('evaluate', { expression, context: 'repl' });
  return BigInt(result.split(' ')[0] ?? '');
}

testWith(
  [debian],
  'a data breakpoint in a process is not met by another one',
  async ({ vmlinuz, busybox }) => {
    const folder = mkdtempSync(join(tmpdir(), 'xenscope-space-'));
    folders.push(folder);
    // Two copies of one shell, whose stacks are at the same addresses.
    const loop = 'while :; do read line < /proc/version; done';
    const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), {
      busybox,
      init: `${MOUNTS}(${loop}) &\n(${loop}) &\necho both run\nwait\n`,
    });
    const cmdline = 'console=hvc0 cryptomgr.notests norandmaps';
    const session = await launched({ domains: [{ kernel: vmlinuz, ramdisk, cmdline, memory: 256 }] });
    await session.send('setExceptionBreakpoints', { filters: [] });
    await session.send('configurationDone', {});
    for (let text = ''; !text.includes('both run'); ) {
      text += ((await session.until('xen/consoleData')).body as { text: string }).text;
    }
    await session.send('setExceptionBreakpoints', { filters: ['syscall'] });
    await stopOf(session);
    // Some system calls later one of the two has made one.
    for (let i = 0; i < 50; i++) await goOn(session);
    await session.send('setExceptionBreakpoints', { filters: [] });
    const process = await value(session, '$TTBR0_EL1');
    const stack = (await value(session, '$SP_EL0')) - 512n;
    const info = await session.send('dataBreakpointInfo', {
      name: `0x${stack.toString(16)}`,
      asAddress: true,
      bytes: 512,
    });
    expect(info?.dataId).toContain(`d1/va@ttbr${process.toString(16)}:`);

    const writers = async (dataId: string): Promise<Set<bigint>> => {
      const { breakpoints } = await session.send('setDataBreakpoints', {
        breakpoints: [{ dataId, accessType: 'write', hitCondition: '%20' }],
      });
      expect(breakpoints).toMatchObject([{ verified: true }]);
      const found = new Set<bigint>();
      for (let i = 0; i < 100; i++) {
        expect((await goOn(session)).reason).toBe('data breakpoint');
        if ((await value(session, '$el')) === 0n) found.add(await value(session, '$TTBR0_EL1'));
      }
      return found;
    };
    expect([...(await writers(info?.dataId ?? ''))]).toEqual([process]);
    // The same address in whatever process runs: both write there.
    expect((await writers(`d1/va:0x${stack.toString(16)},512`)).size).toBeGreaterThan(1);
  },
);

testWith(
  [withSymbols],
  'what is set before KASLR has moved the kernel holds where it runs',
  async ({ vmlinuz, vmlinux }) => {
    const bare = { kernel: vmlinuz, cmdline: 'console=ttyAMA0', memory: 256, kaslrSeed: 777 };
    const session = await launched({ bare, symbols: vmlinux, stopOnEntry: true });
    await session.send('setExceptionBreakpoints', { filters: [] });
    await session.send('configurationDone', {});
    expect((await stopOf(session)).reason).toBe('entry');
    const info = await session.send('dataBreakpointInfo', { name: 'system_state', bytes: 4 });
    await session.send('setDataBreakpoints', {
      breakpoints: [{ dataId: info?.dataId ?? '', accessType: 'write' }],
    });
    await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'rest_init', hitCondition: '>=1' }],
    });
    await session.send('continue', { threadId: 1 });
    const first = await stopOf(session);
    expect(first.reason).toBe('function breakpoint');
    const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
    expect(stackFrames[0]?.name).toBe('rest_init');
    await session.send('continue', { threadId: 1 });
    const second = await stopOf(session);
    expect(second.description).toMatch(/^system_state was written: 0 → 1, by rest_init/);
  },
);

testWith(
  [withSymbols],
  'functions of one name are told apart by their file',
  async ({ vmlinuz, vmlinux }) => {
    const domains = [{ kernel: vmlinuz, cmdline: 'console=hvc0', memory: 256 }];
    const session = await launched({ domains, symbols: vmlinux });
    const { breakpoints } = await session.send('setFunctionBreakpoints', {
      breakpoints: [
        { name: 'init_once' },
        { name: "fs/inode.c'init_once" },
        { name: 'd1!vmlinux!start_kernel' },
      ],
    });
    const [all, one, qualified] = breakpoints;
    expect(Number(/^Set at (\d+) places: /.exec(all?.message ?? '')?.[1])).toBeGreaterThan(5);
    expect(one).toMatchObject({ verified: true });
    expect(one?.message).toBeUndefined();
    expect(qualified).toMatchObject({ verified: true });
    await session.send('setFunctionBreakpoints', { breakpoints: [{ name: "fs/inode.c'init_once" }] });
    await session.send('configurationDone', {});
    await stopOf(session);
    const { stackFrames } = await session.send('stackTrace', { threadId: THREAD });
    expect(stackFrames[0]?.source?.origin).toMatch(/fs\/inode\.c:\d+$/);
  },
);

testWith(
  [withSymbols],
  'parameters are there where a function begins, before what a tracer may patch',
  async ({ vmlinuz, vmlinux }) => {
    const domains = [{ kernel: vmlinuz, cmdline: 'console=hvc0', memory: 256 }];
    const session = await launched({ domains, symbols: vmlinux });
    const { breakpoints } = await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'kernel_clone', condition: 'args->flags == 0x800700 && args->fn != 0' }],
    });
    expect(breakpoints).toMatchObject([{ verified: true }]);
    await session.send('configurationDone', {});
    await stopOf(session);
    const { result } = await session.send('evaluate', { expression: 'args->flags,x', context: 'watch' });
    expect(result).toBe('0x800700');
  },
);
