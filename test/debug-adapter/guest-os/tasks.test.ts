import { expect, test } from 'vitest';
import { readTask, taskAddresses } from '../../../debug-adapter/guest-os/linux/tasks.ts';
import { HEAP, type Layouts, LINK, LinuxMemory } from '../support/linux-memory.ts';

const LAYOUTS: Layouts = {
  task_struct: {
    size: 256,
    fields: {
      'thread_info.cpu': [0, 4],
      __state: [4, 4],
      flags: [8, 4],
      tasks: [16, 16],
      exit_state: [32, 4],
      pid: [36, 4],
      tgid: [40, 4],
      real_parent: [48, 8],
      thread_node: [56, 16],
      signal: [72, 8],
      comm: [80, 16],
    },
  },
  signal_struct: { size: 32, fields: { thread_head: [0, 16] } },
};

const INIT_TASK = LINK + 0x1000n;
const taskAt = (n: number): bigint => HEAP + BigInt(0x1000 * n);

/** init_task, and a process for each group of names, whose first is the thread that leads it. */
function kernelWith(processes: readonly (readonly string[])[]): LinuxMemory {
  const memory = new LinuxMemory(LAYOUTS);
  memory.set(INIT_TASK, 'task_struct', { comm: 'swapper/0', real_parent: INIT_TASK });
  let next = 1;
  const leaders: bigint[] = [];
  for (const names of processes) {
    const leader = next;
    const signal = taskAt(next++) + 0x800n;
    const threads = names.map((name, i) => {
      const address = taskAt(i === 0 ? leader : next++);
      const pid = leader + i;
      memory.set(address, 'task_struct', { comm: name, pid, tgid: leader, real_parent: INIT_TASK, signal });
      memory.set(address, 'task_struct', { __state: 1, 'thread_info.cpu': i });
      return memory.at(address, 'task_struct', 'thread_node');
    });
    memory.list(signal, threads);
    leaders.push(memory.at(taskAt(leader), 'task_struct', 'tasks'));
  }
  memory.list(memory.at(INIT_TASK, 'task_struct', 'tasks'), leaders);
  return memory;
}

async function named(memory: LinuxMemory): Promise<readonly (string | undefined)[]> {
  const addresses = await taskAddresses(memory.kernel, INIT_TASK);
  const tasks = await Promise.all(addresses.map((address) => readTask(memory.kernel, address, undefined)));
  return tasks.map((task) => task && `${task.pid}/${task.tgid} ${task.name}`);
}

test('every process is listed with its threads', async () => {
  const memory = kernelWith([['init'], ['server', 'worker', 'timer']]);
  expect(await named(memory)).toEqual(['0/0 swapper/0', '1/1 init', '2/2 server', '3/2 worker', '4/2 timer']);
});

test('a task has a state in words, a CPU, a parent and an owner', async () => {
  const memory = kernelWith([['init'], ['server', 'worker']]);
  expect(await readTask(memory.kernel, taskAt(3), undefined)).toMatchObject({
    name: 'worker',
    state: 'sleeping',
    cpu: 1,
    parent: 0,
    isKernel: false,
  });
  const states: [Record<string, number>, string][] = [
    [{ __state: 0 }, 'runnable'],
    [{ __state: 2 }, 'disk sleep'],
    [{ __state: 0x402 }, 'idle'],
    [{ __state: 4 }, 'stopped'],
    [{ __state: 0, exit_state: 0x20 }, 'zombie'],
    [{ __state: 0x1000, exit_state: 0 }, '0x1000'],
  ];
  for (const [values, words] of states) {
    const changed = kernelWith([['init']]);
    changed.set(taskAt(1), 'task_struct', values);
    expect((await readTask(changed.kernel, taskAt(1), undefined))?.state).toBe(words);
  }
  memory.set(taskAt(1), 'task_struct', { flags: 0x0020_0000 });
  expect(await readTask(kernelWith([['x']]).kernel, taskAt(1), { domain: 1, vcpu: 0 })).toMatchObject({
    state: 'running',
    on: { domain: 1, vcpu: 0 },
  });
  const thread = kernelWith([['kthreadd']]);
  thread.set(taskAt(1), 'task_struct', { flags: 0x0020_0040 });
  expect((await readTask(thread.kernel, taskAt(1), undefined))?.isKernel).toBe(true);
});

test('before the list of tasks is set up there is only the first one', async () => {
  const memory = new LinuxMemory(LAYOUTS, { mmu: false });
  memory.set(INIT_TASK, 'task_struct', { comm: 'swapper' });
  expect(await named(memory)).toEqual(['0/0 swapper']);
});

test('a list that goes round without its head ends', async () => {
  const memory = kernelWith([['init'], ['a'], ['b']]);
  const node = (n: number): bigint => memory.at(taskAt(n), 'task_struct', 'tasks');
  memory.word(node(3), node(2));
  expect(await named(memory)).toEqual(['0/0 swapper/0', '1/1 init', '2/2 a', '3/3 b']);
});

test('a list that leads nowhere ends there, and what is no task is none', async () => {
  const memory = kernelWith([['init'], ['a']]);
  memory.word(memory.at(taskAt(1), 'task_struct', 'tasks'), 0xdead_beef_0000_0000n);
  memory.word(memory.at(taskAt(1), 'task_struct', 'signal'), HEAP + 0x3_f000n);
  expect(await named(memory)).toEqual(['0/0 swapper/0', '1/1 init']);
  for (const address of [0n, 1n, 0x4000n, HEAP + 0x3_8000n, taskAt(1) + 4n, (1n << 64n) - 8n]) {
    expect(await readTask(memory.kernel, address, undefined)).toBeUndefined();
  }
});
