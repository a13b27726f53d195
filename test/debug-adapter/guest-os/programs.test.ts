import { expect, test } from 'vitest';
import { readProgram } from '../../../debug-adapter/guest-os/linux/programs.ts';
import { type Layouts, LINK, LinuxMemory } from '../support/linux-memory.ts';

const LAYOUTS: Layouts = {
  task_struct: { size: 64, fields: { mm: [0, 8], tgid: [8, 4] } },
  mm_struct: {
    size: 512,
    fields: { pgd: [0, 8], exe_file: [8, 8], start_code: [16, 8], saved_auxv: [24, 368] },
  },
  file: { size: 32, fields: { 'f_path.dentry': [8, 8] } },
  dentry: { size: 32, fields: { d_parent: [0, 8], 'd_name.name': [8, 8] } },
};

const TASK = LINK + 0x100n;
const MM = LINK + 0x200n;
const FILE = LINK + 0x500n;
const DENTRIES = LINK + 0x600n;
const TABLES = LINK + 0x2000n;

/** A task that runs a file with these names from the root on. */
function running(...path: readonly string[]): LinuxMemory {
  const memory = new LinuxMemory(LAYOUTS);
  memory.set(TASK, 'task_struct', { mm: MM, tgid: 42 });
  memory.set(MM, 'mm_struct', { pgd: TABLES, exe_file: FILE, start_code: 0xaaaa_0000n });
  for (const [i, word] of [6n, 4096n, 9n, 0xaaaa_0740n, 0n, 0n].entries())
    memory.word(memory.at(MM, 'mm_struct', 'saved_auxv') + BigInt(8 * i), word);
  const dentry = (i: number): bigint => DENTRIES + BigInt(32 * i);
  for (const [i, name] of ['/', ...path].entries()) {
    const text = LINK + 0x1001n + BigInt(0x40 * i);
    memory.text(text, name);
    memory.set(dentry(i), 'dentry', { d_parent: dentry(Math.max(i - 1, 0)), 'd_name.name': text });
  }
  memory.set(FILE, 'file', { 'f_path.dentry': dentry(path.length) });
  return memory;
}

test('a task says which file it runs, where it is, and by which tables', async () => {
  const memory = running('usr', 'bin', 'server');
  expect(await readProgram(memory.kernel, TASK)).toEqual({
    table: 0x4020_2000n,
    pid: 42,
    path: '/usr/bin/server',
    entry: 0xaaaa_0740n,
    code: 0xaaaa_0000n,
  });
});

test('a thread of the kernel runs no program, and one whose memory is not ready neither', async () => {
  const memory = running('init');
  memory.set(TASK, 'task_struct', { mm: 0 });
  expect(await readProgram(memory.kernel, TASK)).toBeUndefined();
  memory.set(TASK, 'task_struct', { mm: MM });
  memory.word(memory.at(MM, 'mm_struct', 'saved_auxv'), 0n);
  expect(await readProgram(memory.kernel, TASK)).toBeUndefined();
});

test('directories that lead round end somewhere', async () => {
  const memory = running('a', 'b');
  memory.set(DENTRIES + 32n, 'dentry', { d_parent: DENTRIES + 64n });
  const program = await readProgram(memory.kernel, TASK);
  expect(program?.path.length).toBeLessThan(256);
});
