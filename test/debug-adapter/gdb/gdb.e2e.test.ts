// The real gdb and lldb on the bundled guest, in batch mode.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect } from 'vitest';
import { external, testWith } from '../../tools/external.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SAMPLE = join(ROOT, 'media/samples/hello-xen');
const ELF = join(SAMPLE, 'hello-xen.elf');
const CONFIG = join(SAMPLE, 'hello.cfg');

const folder = mkdtempSync(join(tmpdir(), 'xenscope-gdb-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = promisify(execFile);
const installed = async (program: string): Promise<string> => {
  await run(program, ['--version']);
  return program;
};
const gdb = await external('gdb-multiarch', () => installed('gdb-multiarch'));
const lldb = await external('lldb (Debian: lldb-14)', () =>
  installed('lldb-14').catch(() => installed('lldb')),
);

interface Debugged {
  /** What the debugger printed. */
  readonly text: string;
  /** The guest's console. */
  readonly console: string;
  readonly status: number | null;
}

/** A debugger on a server of its own, which ends when the debugger has gone. */
async function debug(
  configs: readonly string[],
  debugger_: (port: string) => Promise<string>,
): Promise<Debugged> {
  const server = spawn(
    process.execPath,
    [join(ROOT, 'debug-adapter/node/cli.ts'), 'gdbserver', '--listen', '127.0.0.1:0', '--once', ...configs],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const output = { stdout: '', stderr: '' };
  server.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.stdout += chunk));
  server.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk));
  const ended = once(server, 'exit');
  try {
    await expect.poll(() => output.stderr, { timeout: 30_000 }).toMatch(/127\.0\.0\.1:\d+\n/);
    const text = await debugger_(/127\.0\.0\.1:(\d+)/.exec(output.stderr)?.[1] ?? '');
    const [status] = (await ended) as [number | null];
    return { text, console: output.stdout, status };
  } finally {
    server.kill();
  }
}

const inGdb = (program: string, commands: readonly string[], configs: readonly string[] = [CONFIG]) =>
  debug(configs, async (port) => {
    const script = [
      'set pagination off',
      'set confirm off',
      'set width 0',
      `set substitute-path /hello-xen ${SAMPLE}`,
      `target extended-remote 127.0.0.1:${port}`,
      ...commands,
    ];
    const file = join(folder, `${port}.gdb`);
    writeFileSync(file, script.join('\n'));
    const { stdout, stderr } = await run(program, ['-nx', '-batch', '-x', file, ELF], {
      timeout: 60_000,
      env: { ...process.env, LC_ALL: 'C' },
    });
    return stdout + stderr;
  });

const lineOf = (text: string, file = 'main.c'): number =>
  1 +
  readFileSync(join(SAMPLE, 'src', file), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));

testWith([gdb], 'gdb breaks, steps, finishes, and shows stack, threads and registers', async (program) => {
  const hello = lineOf('print("hello %u:');
  const { text, console, status } = await inGdb(program, [
    'echo [start]\\n',
    'p/x $pc',
    'break say_hello',
    'continue',
    'echo [stack]\\n',
    'bt',
    'info threads',
    'echo [next]\\n',
    'next',
    'next',
    'echo [step]\\n',
    'step',
    'info symbol $pc',
    'echo [finish]\\n',
    'finish',
    'echo [registers]\\n',
    'info registers SCTLR_EL1',
    'p $SCTLR_EL1 & 1',
    'p/x $TTBR0_EL1 != 0',
    'set var $TPIDR_EL0 = 0x1234',
    'p/x $TPIDR_EL0',
    'p $cpsr',
    'echo [memory]\\n',
    'p greeting->times',
    'set var ((struct greeting *)greeting)->times = 5',
    'p greeting->times',
    'x/2i say_hello',
    'monitor inferiors',
    'monitor domains',
    'monitor nonsense',
    'echo [end]\\n',
    'delete',
    'break run_hello_task',
    'continue',
    'set var $pc = power_off',
    'continue',
  ]);
  const part = (name: string): string => text.split(`[${name}]`)[1]?.split(/\n\[\w+\]\n/)[0] ?? '';
  expect(part('start')).toContain('= 0x40000000');
  expect(part('stack')).toMatch(/#0 {2}say_hello .*main\.c:\d+\n#1 .* in greet .*\n#2 .* in kernel_main /);
  expect(part('stack')).toMatch(/\* 1 {4}Thread 1\.1 "d1v0 hello-xen" \(EL1\) +say_hello/);
  expect(part('next')).toContain(`\n${hello - 1}\t`);
  expect(part('next')).toContain(`\n${hello}\t`);
  expect(part('step')).toMatch(/print in section/);
  expect(part('finish')).toMatch(/say_hello .*main\.c:\d+/);
  expect(part('registers')).toMatch(
    /SCTLR_EL1 +0x[0-9a-f]+ +\[ M C .*\]\n\$\d+ = 1\n\$\d+ = 0x1\n\$\d+ = 0x1234/,
  );
  expect(part('registers')).toMatch(/\[ M=5 /);
  expect(part('memory')).toMatch(/= 3\n\$\d+ = 5\n/);
  expect(part('memory')).toMatch(/<say_hello>:\tstp\tx29, x30/);
  // What `monitor` prints is not standard output of gdb.
  expect(text).toMatch(/1 {2}d1 hello-xen\n/);
  expect(text).toMatch(/there is no inspection 'nonsense'/);
  expect(part('end')).toContain('[Inferior 1 (process 1) exited normally]');
  expect(console.match(/hello \d: {3}I am domain 1/g)).toHaveLength(5);
  expect(status).toBe(0);
});

testWith([gdb], 'steps stay in their function while interrupts are served', async (program) => {
  const { text } = await inGdb(program, [
    'break wait_for_ticks',
    'continue',
    'p timer.ticks',
    'set $i = 0',
    // Round and round through WFI, which interrupts end.
    'while $i < 60',
    'stepi',
    'info symbol $pc',
    'set $i = $i + 1',
    'end',
    'p timer.ticks',
    'next',
    'next',
    'next',
    'frame',
  ]);
  const places = [...text.matchAll(/^(\w+)(?: \+ \d+)? in section/gm)].map(([, name]) => name);
  expect(places).toHaveLength(60);
  // No vector, and no handler.
  expect(new Set(places)).toEqual(new Set(['wait_for_ticks', 'start_interrupts', 'print']));
  expect(text).toMatch(/\$1 = 0\n/);
  expect(text).toMatch(/\$2 = [1-9]/);
  expect(text).toMatch(/#0 {2}(kernel_main|start_interrupts) .*main\.c:\d+/);
});

testWith(
  [gdb],
  'watchpoints stop right behind the access, with the old and the new value',
  async (program) => {
    const { text } = await inGdb(program, [
      'break start_interrupts',
      'continue',
      'watch timer.ticks',
      'continue',
      'x/i $pc - 4',
      'continue',
      'delete',
      'rwatch timer.frequency',
      'continue',
      'x/i $pc - 4',
      'delete',
      'awatch timer.ticks',
      'continue',
      'stepi',
      'info symbol $pc',
    ]);
    expect(text).toMatch(
      /Hardware watchpoint 2: timer\.ticks\n\nOld value = 0\nNew value = 1\nhandle_timer_tick /,
    );
    expect(text).toMatch(/<handle_timer_tick\+\d+>:\tstr\t/);
    expect(text).toMatch(/Old value = 1\nNew value = 2\n/);
    expect(text).toMatch(/Hardware read watchpoint 3: timer\.frequency\n\nValue = [1-9]\d+\n/);
    expect(text).toMatch(/<start_interrupts\+\d+>:\tldr\t/);
    expect(text).toMatch(/Hardware access \(read\/write\) watchpoint 4: timer\.ticks\n\nValue = 3\n/);
    expect(text).toMatch(/start_interrupts \+ \d+ in section/);
  },
);

testWith([gdb], 'each domain is an inferior with breakpoints and memory of its own', async (program) => {
  const second = join(folder, 'second.cfg');
  const text = readFileSync(CONFIG, 'utf8').replace('"hello-xen"', '"second"');
  writeFileSync(second, text.replace('"hello-xen.img"', `"${join(SAMPLE, 'hello-xen.img')}"`));
  const debugged = await inGdb(
    program,
    [
      'set schedule-multiple on',
      'info os processes',
      `add-inferior -exec ${ELF}`,
      'inferior 2',
      'attach 2',
      'inferior 1',
      'info inferiors',
      // Of the second one only: gdb 13 has no other word for that than its number of a place.
      'break say_hello',
      'disable 1.1',
      'continue',
      'echo [second]\\n',
      'bt 2',
      'up',
      'p domid',
      'p name',
      'info threads',
      'disable 1.2',
      'enable 1.1',
      'continue',
      'echo [first]\\n',
      'up',
      'p domid',
      'detach',
      'kill inferiors 2',
      'info inferiors',
    ],
    [CONFIG, second],
  );
  const [before = '', rest = ''] = debugged.text.split('[second]');
  const [inSecond = '', inFirst = ''] = rest.split('[first]');
  expect(before).toMatch(/1 +xen +hello-xen +\n2 +xen +second/);
  expect(before).toMatch(/\* 1 +process 1 .*\n +2 +process 2 /);
  expect(before).toMatch(/Thread 2\.1 "d2v0 second" hit Breakpoint 1/);
  expect(inSecond).toMatch(/domid=domid@entry=2/);
  expect(inSecond).toMatch(/\$1 = 2\n\$2 = "second/);
  expect(inSecond).toMatch(/ 1\.1 +Thread 1\.1 "d1v0 hello-xen"[^]*\* 2\.1 +Thread 2\.1 "d2v0 second"/);
  expect(inFirst).toMatch(/\$3 = 1\n/);
  expect(inFirst).toMatch(/<null>[^]*<null>/);
});

testWith(
  [lldb],
  'lldb breaks, watches, steps, and reads and writes registers and memory',
  async (program) => {
    const { text } = await debug([CONFIG], async (port) => {
      const script = [
        `gdb-remote 127.0.0.1:${port}`,
        'breakpoint set -H -n start_interrupts',
        'continue',
        'watchpoint set expression -w write -s 8 -- &timer.ticks',
        'continue',
        'continue',
        "disassemble -s '$pc-4' -c 1",
        'watchpoint delete 1',
        'breakpoint set -H -n say_hello',
        'continue',
        'bt',
        'register read SCTLR_EL1',
        'register write x5 0x1234',
        'register read x5',
        'thread step-over',
        'thread step-out',
        'memory write $sp 0x55',
        'memory read -c 1 $sp',
        'thread list',
        'process detach',
      ];
      const file = join(folder, 'script.lldb');
      writeFileSync(file, script.join('\n'));
      const { stdout, stderr } = await run(program, ['-x', '-b', '-s', file, ELF], { timeout: 60_000 });
      return stdout + stderr;
    });
    expect(text).toMatch(/old value: 0x0+\nnew value: 0x0+1\n/);
    expect(text).toMatch(/handle_timer_tick:\n.*str {4}x/);
    expect(text).toMatch(/stop reason = breakpoint 2\.1/);
    expect(text).toMatch(/frame #0: .*say_hello.*\n.*frame #1: .*greet.*\n.*frame #2: .*kernel_main/);
    expect(text).toMatch(/SCTLR_EL1 = 0x[0-9a-f]*d\n/);
    expect(text).toMatch(/x5 = 0x0*1234\n/);
    expect(text).toMatch(/stop reason = step over/);
    expect(text).toMatch(/stop reason = step out/);
    expect(text).toMatch(/0x[0-9a-f]+: 55 /);
    expect(text).toMatch(/Process 1 detached/);
  },
);
