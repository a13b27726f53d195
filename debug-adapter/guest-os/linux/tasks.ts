// Processes and threads of Linux: include/linux/sched.h, struct task_struct.

import type { VcpuId } from '../../../emulator/machine/messages.ts';
import type { GuestTask } from '../guest-os.ts';
import { isKernelPointer } from './kernel-memory.ts';
import type { KernelMemory } from './kernel-memory.ts';

/** PID_MAX_LIMIT of include/linux/threads.h. */
const MAX_PID = 4 * 1024 * 1024;
/** More are not looked at. */
export const MAX_TASKS = 16_384;
const PF_KTHREAD = 0x0020_0000n;
const COMM = /^[ -~\u00a0-\uffff]+$/;

/** task_struct.__state and exit_state: the words of /proc/PID/status. */
const STATES: readonly (readonly [bit: bigint, words: string])[] = [
  [0x01n, 'sleeping'],
  [0x02n, 'disk sleep'],
  [0x04n, 'stopped'],
  [0x08n, 'traced'],
  [0x10n, 'dead'],
  [0x20n, 'zombie'],
  [0x40n, 'parked'],
  [0x80n, 'dead'],
  [0x200n, 'waking'],
  [0x800n, 'new'],
];
/** TASK_UNINTERRUPTIBLE | TASK_NOLOAD: a kernel thread that waits for work. */
const TASK_IDLE = 0x402n;

/** What is at an address, if that can be a task. */
export async function readTask(
  memory: KernelMemory,
  address: bigint,
  on: VcpuId | undefined,
): Promise<GuestTask | undefined> {
  if (!isKernelPointer(address)) return undefined;
  const field = (...paths: readonly string[]) => memory.member(address, 'task_struct', ...paths);
  const name = await memory.textIn(address, 'task_struct', 'comm');
  const pid = Number((await field('pid')) ?? -1n);
  const tgid = Number((await field('tgid')) ?? -1n);
  const isPid = (value: number): boolean => value >= 0 && value <= MAX_PID;
  if (name === undefined || !COMM.test(name) || !isPid(pid) || !isPid(tgid)) return undefined;
  const parent = await memory.pointerIn(address, 'task_struct', 'real_parent');
  const parentId = parent === undefined ? undefined : await memory.member(parent, 'task_struct', 'tgid');
  const cpu = await field('thread_info.cpu', 'cpu');
  const state = ((await field('__state', 'state')) ?? 0n) | ((await field('exit_state')) ?? 0n);
  const flags = (await field('flags')) ?? 0n;
  return {
    address,
    pid,
    tgid,
    parent: parentId === undefined ? undefined : Number(parentId),
    name,
    state: on ? 'running' : stateInWords(state),
    cpu: cpu === undefined ? undefined : Number(BigInt.asIntN(32, cpu)),
    // Idle tasks, whose flags differ from version to version, have this one.
    isKernel: (flags & PF_KTHREAD) !== 0n || pid === 0,
    on,
  };
}

function stateInWords(state: bigint): string {
  if (state === 0n) return 'runnable';
  if ((state & TASK_IDLE) === TASK_IDLE) return 'idle';
  return STATES.find(([bit]) => (state & bit) !== 0n)?.[1] ?? `0x${state.toString(16)}`;
}

/** Every process from `init_task` on, and the threads of each. */
export async function taskAddresses(memory: KernelMemory, initTask: bigint): Promise<readonly bigint[]> {
  const head = await memory.addressOf(initTask, 'task_struct', 'tasks');
  if (head === undefined) return [];
  const found = new Set<bigint>([initTask]);
  for (const leader of await memory.list(head, 'task_struct', 'tasks', MAX_TASKS)) {
    found.add(leader);
    const signal = await memory.pointerIn(leader, 'task_struct', 'signal');
    const threads = signal && (await memory.addressOf(signal, 'signal_struct', 'thread_head'));
    if (threads === undefined) continue;
    for (const thread of await memory.list(threads, 'task_struct', 'thread_node', MAX_TASKS - found.size)) {
      found.add(thread);
    }
    if (found.size >= MAX_TASKS) break;
  }
  return [...found];
}
