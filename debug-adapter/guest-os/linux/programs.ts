// The programs that processes of Linux run: include/linux/mm_types.h, include/linux/dcache.h, fs/binfmt_elf.c.

import type { GuestProgram } from '../guest-os.ts';
import type { KernelMemory } from './kernel-memory.ts';

const MAX_DEPTH = 64;
const MAX_NAME = 255;
/** AT_ENTRY of the auxiliary vector. */
const AT_ENTRY = 9n;
const MAX_VECTOR = 32;

/** Undefined: the task is one of the kernel's own, or is being made or taken apart. */
export async function readProgram(memory: KernelMemory, task: bigint): Promise<GuestProgram | undefined> {
  const mm = await memory.pointerIn(task, 'task_struct', 'mm');
  const tables = mm === undefined ? undefined : await memory.pointerIn(mm, 'mm_struct', 'pgd');
  const file = mm === undefined ? undefined : await memory.pointerIn(mm, 'mm_struct', 'exe_file');
  if (mm === undefined || tables === undefined || file === undefined) return undefined;
  const table = await memory.physicalOf(tables);
  const code = await memory.member(mm, 'mm_struct', 'start_code');
  const entry = await entryOf(memory, mm);
  const dentry = await memory.pointerIn(file, 'file', 'f_path.dentry');
  if (table === undefined || code === undefined || entry === undefined || dentry === undefined)
    return undefined;
  const pid = Number((await memory.member(task, 'task_struct', 'tgid')) ?? 0n);
  return { table, pid, path: await pathOf(memory, dentry), entry, code };
}

/** What the kernel told the program of itself. */
async function entryOf(memory: KernelMemory, mm: bigint): Promise<bigint | undefined> {
  const vector = await memory.addressOf(mm, 'mm_struct', 'saved_auxv');
  if (vector === undefined) return undefined;
  for (let i = 0; i < MAX_VECTOR; i++) {
    const at = vector + BigInt(16 * i);
    const kind = await memory.number(at, 8);
    if (kind === undefined || kind === 0n) return undefined;
    if (kind === AT_ENTRY) return memory.number(at + 8n, 8);
  }
  return undefined;
}

/** Up to the root of its file system. */
async function pathOf(memory: KernelMemory, dentry: bigint): Promise<string> {
  const parts: string[] = [];
  for (let at = dentry; parts.length < MAX_DEPTH; ) {
    const parent = await memory.pointerIn(at, 'dentry', 'd_parent');
    if (parent === undefined || parent === at) break;
    const name = await memory.member(at, 'dentry', 'd_name.name');
    parts.unshift(name === undefined ? '?' : await memory.text(name, MAX_NAME));
    at = parent;
  }
  return `/${parts.join('/')}`;
}
