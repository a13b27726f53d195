// Variables of Debian's kernel, optimised as distributions do it, out of the DWARF of its debug package.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { TestSession } from './support/drive.ts';

const log = (line: string): void => console.log(line);
const withSymbols = await external("Debian's arm64 kernel with debug information", async () => {
  const files = await fetchDebian({ debugSymbols: true, log });
  return files.vmlinux === undefined ? undefined : { ...files, vmlinux: files.vmlinux };
});

const THREAD = 257;
const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

testWith(
  [withSymbols],
  'locals of optimised frames, kernel globals, per-CPU variables and casts of Linux',
  async ({ vmlinuz, vmlinux }) => {
    const session = new TestSession(nodeHost(() => {}));
    open.push(session);
    await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
    await session.send('launch', {
      domains: [{ kernel: vmlinuz, cmdline: 'console=hvc0', memory: 256 }],
      symbols: vmlinux,
    } as unknown as Dap.LaunchRequestArguments);
    await session.until('initialized');
    await session.send('setFunctionBreakpoints', {
      breakpoints: [{ name: 'lookup_dcache', condition: 'dir->d_parent == dir && name->len == 3' }],
    });
    await session.send('configurationDone', {});
    await session.until('stopped');
    const { stackFrames } = await session.send('stackTrace', { threadId: THREAD });
    const value = async (expression: string, frame = 0): Promise<string> => {
      const frameId = stackFrames[frame]?.id ?? 0;
      return (await session.send('evaluate', { expression, frameId, context: 'watch' })).result;
    };

    expect(await value('name->len')).toBe('3');
    const called = await value('name->name');
    expect(called).toMatch(/^0x[0-9a-f]+( <.*>)? "\w{3}/);
    // What a caller had in a register that is gone since is known from its own caller.
    const named = stackFrames.findIndex(({ name }) => name.startsWith('lookup_one_len'));
    if (named > 0) expect(await value('base', named)).toBe(await value('dir'));

    expect(await value('init_task.comm')).toBe('"swapper/0"');
    expect(await value('init_uts_ns.name.sysname')).toBe('"Linux"');
    expect(await value('linux_banner')).toMatch(/^"Linux version 6\./);
    expect(await value('sizeof(struct page)')).toBe('64');
    expect(await value('(enum pid_type)1')).toBe('PIDTYPE_TGID');
    expect(await value('$container_of(&init_task.tasks, struct task_struct, tasks) == &init_task')).toBe('1');
    const current = '((struct task_struct *)$SP_EL0)';
    expect(await value(`${current}->stack == (void *)($sp & ~0x3fff)`)).toBe('1');
    // The copy of this CPU, of a CPU by number, of all.
    expect(await value('runqueues.cpu')).toBe('0');
    expect(await value('runqueues.curr')).toBe(await value(current));
    expect(await value('$percpu(runqueues, 0).curr')).toBe(await value(current));
    expect(await value('$percpu(runqueues).cpu')).toBe('{[0] = 0}');
    await expect(value('$percpu(runqueues, 1)')).rejects.toThrow('no CPU 1');
    await expect(value('$percpu(init_task, 0)')).rejects.toThrow('no per-CPU variable');

    // Tasks by the kernel's own list, and as the guest's system is known to have them.
    const names = '$list(&init_task.tasks, struct task_struct, tasks).comm';
    expect(await value(names)).toMatch(/^\{\[0\] = "(?:swapper\/0|init)", \[1\] = "kthreadd"/);
    expect(await value('$threads[0]->pid')).toBe('0');
    expect(await value('$task(2)->comm')).toBe('"kthreadd"');
    expect(await value('$current == $task($current->pid) || $current->pid == 0')).toBe('1');
    expect(await value('$xarray(&init_pid_ns.idr.idr_rt, struct pid)[1]->level')).toBe('0');
    // A mount's tree of extents is there only later: what is empty is so.
    expect(await value('$rbtree(&vmap_area_root, struct vmap_area, rb_node)[0].va_end > 0')).toBe('1');

    const frameId = stackFrames[0]?.id ?? 0;
    const { scopes } = await session.send('scopes', { frameId });
    const variablesOf = async (name: string, more: Partial<Dap.VariablesArguments> = {}) => {
      const reference = scopes.find((scope) => scope.name === name)?.variablesReference ?? 0;
      return (await session.send('variables', { variablesReference: reference, ...more })).variables;
    };
    const task = (await variablesOf('Current task')).find(({ name }) => name === 'comm');
    expect(task).toMatchObject({ evaluateName: '$current->comm', value: await value('$current->comm') });
    const perCpu = await variablesOf('Per-CPU', { start: 0, count: 4096 });
    expect(perCpu.length).toBeGreaterThan(100);
    const runqueues = perCpu.find(({ name }) => name === 'runqueues');
    expect(runqueues?.memoryReference).toBe(
      (await session.send('evaluate', { expression: 'runqueues', frameId })).memoryReference,
    );
  },
);
