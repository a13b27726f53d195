// Commands of the debug console about the guest's operating system: `:tasks`, `:bt all`, `:dmesg`.

import type { Debuggee } from '../debuggee.ts';
import { guestOf, taskFrames } from '../requests/guest-os.ts';
import type { GuestLogRecord, GuestTask } from './guest-os.ts';

const MAX_FRAMES = 32;
const MAX_STACKS = 500;

interface Command {
  /** As a user writes it. */
  readonly form: string;
  readonly doc: string;
  readonly pattern: RegExp;
  run(debuggee: Debuggee, domain: number, match: RegExpExecArray): Promise<string>;
}

const COMMANDS: readonly Command[] = [
  {
    form: 'tasks',
    doc: 'Processes and threads of the guest',
    pattern: /^tasks$/,
    async run(debuggee, domain) {
      return table(await (await guestOf(debuggee, domain)).tasks());
    },
  },
  {
    form: 'bt all|PID',
    doc: 'Stacks of all tasks of the guest, or of one',
    pattern: /^bt\s+(all|\d+)$/,
    async run(debuggee, domain, [, which]) {
      const guest = await guestOf(debuggee, domain);
      const tasks = (await guest.tasks()).filter(({ pid }) => which === 'all' || pid === Number(which));
      const parts: string[] = [];
      for (const task of tasks.slice(0, MAX_STACKS)) {
        const frames = await taskFrames(debuggee, domain, guest, task, MAX_FRAMES);
        const lines = frames.map(({ name, path, line }) =>
          path === undefined ? `  ${name}` : `  ${name}  ${path}:${line}`,
        );
        parts.push([`${task.pid} ${task.name} (${whereabouts(task)})`, ...lines].join('\n'));
      }
      return parts.length === 0 ? `There is no task ${which}\n` : `${parts.join('\n\n')}\n`;
    },
  },
  {
    form: 'modules',
    doc: "Modules that the guest's kernel has loaded",
    pattern: /^modules$/,
    async run(debuggee, domain) {
      const modules = await (await guestOf(debuggee, domain)).modules();
      if (modules.length === 0) return 'No modules are loaded\n';
      return modules
        .map(
          ({ name, address, size, state }) =>
            `${name.padEnd(24)} 0x${address.toString(16)} ${String(size).padStart(9)} ${state}\n`,
        )
        .join('');
    },
  },
  {
    form: 'dmesg',
    doc: "The log of the guest's kernel, out of its memory",
    pattern: /^dmesg$/,
    async run(debuggee, domain) {
      return (await (await guestOf(debuggee, domain)).log()).map(logLines).join('');
    },
  },
];

/** Undefined: it is none of these. */
export async function guestCommand(
  debuggee: Debuggee,
  domain: number,
  line: string,
): Promise<string | undefined> {
  for (const command of COMMANDS) {
    const match = command.pattern.exec(line);
    if (match) return command.run(debuggee, domain, match);
  }
  return undefined;
}

/** For the help of the console. */
export const guestHelp = (): string =>
  COMMANDS.map(({ form, doc }) => `:${form.padEnd(23)} ${doc}\n`).join('');

export const guestCommandNames = (): readonly string[] =>
  COMMANDS.map(({ form }) => form.split(' ')[0] ?? form);

const whereabouts = ({ state, on, isKernel }: GuestTask): string =>
  `${on ? `running on v${on.vcpu}` : state}${isKernel ? ', kernel' : ''}`;

function table(tasks: readonly GuestTask[]): string {
  const rows = tasks.map(({ pid, tgid, parent, cpu, on, state, isKernel, name }) => [
    on ? '>' : ' ',
    String(pid).padStart(7),
    String(tgid).padStart(7),
    String(parent ?? '').padStart(7),
    String(cpu ?? '').padStart(4),
    state.padEnd(11),
    isKernel ? `[${name}]` : name,
  ]);
  const head = [
    ' ',
    'pid'.padStart(7),
    'tgid'.padStart(7),
    'parent'.padStart(7),
    'cpu'.padStart(4),
    'state'.padEnd(11),
    'name',
  ];
  return `${[head, ...rows].map((row) => row.join(' ').trimEnd()).join('\n')}\n`;
}

/** As the kernel writes it to its consoles: each line of a record has its time. Nothing else of it moves a cursor. */
export function logLines({ nanoseconds, text }: GuestLogRecord): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const micro = String((nanoseconds % 1_000_000_000n) / 1000n).padStart(6, '0');
  const prefix = `[${String(seconds).padStart(5)}.${micro}] `;
  return text
    .replaceAll(/[^\P{Cc}\n\t]/gu, '?')
    .split('\n')
    .map((line) => `${prefix}${line}\n`)
    .join('');
}
