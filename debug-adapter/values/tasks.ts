// `$current`, `$threads` and `$task(pid)`: tasks of the guest's operating system as values, pointers to their descriptors where
// their type is known.

import * as errors from '../errors.ts';
import type { GuestOs, GuestTask } from '../guest-os/guest-os.ts';
import { nameOfDomain } from '../memory-reference.ts';
import type { Scope } from './scope.ts';
import { pointerTo } from './types.ts';
import { ofInteger } from './value.ts';
import type { Value } from './value.ts';

const DESCRIPTOR = 'struct task_struct';

/** What the vCPU runs. */
export const currentTask = (scope: Scope): Promise<Value> =>
  taskValue(scope, (guest) => guest.currentTask(scope.at.vcpu), 'that this vCPU runs');

export const taskOf = (scope: Scope, pid: number): Promise<Value> =>
  taskValue(
    scope,
    async (guest) => (await guest.tasks()).find((task) => task.pid === pid),
    `with the pid ${pid}`,
  );

export async function allTasks(scope: Scope): Promise<Value> {
  const tasks = await (await guestOf(scope)).tasks();
  const items: { name: string; value: Value }[] = [];
  for (const task of tasks) items.push({ name: `[${items.length}]`, value: await valueOf(scope, task) });
  return { kind: 'list', items, isArray: true };
}

async function guestOf(scope: Scope): Promise<GuestOs> {
  const { domain } = scope.at.vcpu;
  const guest = await scope.debuggee.guestOs(domain);
  if (!guest) throw errors.noGuestOs(nameOfDomain(domain));
  return guest;
}

async function taskValue(
  scope: Scope,
  find: (guest: GuestOs) => Promise<GuestTask | undefined>,
  which: string,
): Promise<Value> {
  const task = await find(await guestOf(scope));
  if (!task) throw errors.noSuchTask(which);
  return valueOf(scope, task);
}

async function valueOf(scope: Scope, task: GuestTask): Promise<Value> {
  const type = await (scope.below ?? scope).target.types?.named(DESCRIPTOR, undefined);
  if (type) return ofInteger(pointerTo(type), 8, task.address, scope.space);
  const { address, on, isKernel, ...data } = task;
  const vcpu = on?.vcpu;
  const tree = { address: `0x${address.toString(16)}`, ...data, kernel: isKernel, ...(on && { vcpu }) };
  return { kind: 'tree', data: tree, space: scope.space };
}
