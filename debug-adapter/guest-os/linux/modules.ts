// Loaded modules of Linux: include/linux/module.h.

import type { GuestModule } from '../guest-os.ts';
import type { KernelMemory } from './kernel-memory.ts';

const MAX_MODULES = 4096;
/** enum module_state. */
const STATES = ['live', 'coming', 'going', 'unformed'] as const;
/** MODULE_NAME_LEN allows 55 letters. */
const NAME = /^[\w-]{1,55}$/;

/** Whether the first that is on a list is a module: it says so itself, in the object that sysfs shows of it. */
export async function isModuleList(memory: KernelMemory, head: bigint): Promise<boolean> {
  const node = await memory.pointer(head);
  const field = await memory.layout('module', 'list');
  if (node === undefined || node === head || !field) return false;
  const at = node - BigInt(field.offset);
  return (await memory.member(at, 'module', 'mkobj.mod')) === at;
}

/** `head`: address of the list `modules`. */
export async function readModules(memory: KernelMemory, head: bigint): Promise<readonly GuestModule[]> {
  const found: GuestModule[] = [];
  for (const at of await memory.list(head, 'module', 'list', MAX_MODULES)) {
    const name = await memory.textIn(at, 'module', 'name');
    if (name === undefined || !NAME.test(name)) break;
    const field = (...paths: readonly string[]) => memory.member(at, 'module', ...paths);
    // Up to 6.3 in core_layout; from then on `mem[MOD_TEXT]`, whose first element is meant without an index.
    const address = await field('core_layout.base');
    const size = await field('core_layout.size');
    const first = await memory.addressOf(at, 'module', 'mem');
    const text = first === undefined ? undefined : await memory.member(first, 'module_memory', 'base');
    const textSize = first === undefined ? undefined : await memory.member(first, 'module_memory', 'size');
    found.push({
      name,
      address: address ?? text ?? 0n,
      size: Number(size ?? textSize ?? 0n),
      state: STATES[Number((await field('state')) ?? 0n)] ?? 'unknown',
    });
  }
  return found;
}
