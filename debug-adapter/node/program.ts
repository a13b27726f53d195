// The commands of `xenscope`, and what becomes of their failures. Exit status 0 for success, 1 for a
// failed run, 2 for unusable arguments or input; one message on stderr, never a stack trace.

import { Command, CommanderError } from 'commander';
import { describeBug, UserError } from '../../emulator/base/errors.ts';
import type { SetStatus } from './commands/status.ts';

const FAILED = 1;
const UNUSABLE = 2;
const VERSION = '0.1.0';
const VERSION_FLAGS = '-V, --version';

type LoadCommand = (setStatus: SetStatus) => Promise<Command>;

/** In the order of the help. A command's parts are read when it is asked for: together they are most of the program. */
const COMMANDS: Readonly<Record<string, LoadCommand>> = {
  run: async (setStatus) => (await import('./commands/run.ts')).runCommand(setStatus),
  inspect: async (setStatus) => (await import('./commands/inspect.ts')).inspectCommand(setStatus),
  top: async (setStatus) => (await import('./commands/top.ts')).topCommand(setStatus),
  sched: async (setStatus) => (await import('./commands/top.ts')).schedCommand(setStatus),
  demo: async (setStatus) => (await import('./commands/demo.ts')).demoCommand(setStatus),
  check: async (setStatus) => (await import('./commands/check.ts')).checkCommand(setStatus),
  cases: async (setStatus) => (await import('./commands/cases.ts')).casesCommand(setStatus),
  bench: async (setStatus) => (await import('./commands/bench.ts')).benchCommand(setStatus),
  gdbserver: async (setStatus) => (await import('./commands/gdbserver.ts')).gdbserverCommand(setStatus),
  dap: async () => (await import('./commands/dap.ts')).dapCommand(),
};

/** Commands that are part of the design and not written yet: asked for by name, they say so. */
const ABSENT: Readonly<Record<string, string>> = {
  replay: 'repeat a recorded run',
  fmt: 'format xl.cfg files and Xen device trees',
};

/** Runs one command line, without the program's name; returns the exit status. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let status = 0;
  const program = newProgram();
  // Whoever reads may be gone; what is said to nobody is no failure.
  for (const stream of [process.stdout, process.stderr]) stream.off('error', ignore).on('error', ignore);
  try {
    for (const load of wanted(args)) {
      addCommand(
        program,
        await load((result) => {
          status = result;
        }),
      );
    }
    for (const [name, does] of Object.entries(ABSENT)) addCommand(program, absentCommand(name, does));
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return report(error);
  }
}

const ignore = (): void => {};

function newProgram(): Command {
  const program = new Command('xenscope')
    .description('Boot and debug kernels that run as Xen guests on ARM, without a board or QEMU.')
    .version(VERSION, VERSION_FLAGS);
  speakPlainly(program);
  return program;
}

/** The command that is named; all of them for the help, and for what resembles a name that is none. */
function wanted([first = '']: readonly string[]): readonly LoadCommand[] {
  const named = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (named) return [named];
  return VERSION_FLAGS.split(', ').includes(first) ? [] : Object.values(COMMANDS);
}

function addCommand(program: Command, command: Command): void {
  speakPlainly(command);
  program.addCommand(command);
}

/** Complaints about arguments in one line, as all our messages are. */
function speakPlainly(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const [complaint = '', ...suggestion] = text
        .replace(/^error: /, '')
        .trim()
        .split('\n');
      const path = command.parent ? `xenscope ${command.name()}` : 'xenscope';
      const hint = suggestion.length > 0 ? ` ${suggestion.join(' ')}` : '';
      write(`xenscope: ${complaint.replace(/\.$/, '')}.${hint} See \`${path} --help\`.\n`);
    },
  });
}

function absentCommand(name: string, does: string): Command {
  return new Command(name)
    .description(`${does} (not available in this version)`)
    .argument('[arguments...]')
    .allowUnknownOption()
    .action(() => {
      throw new UserError(
        `'${name}' is not available in this version`,
        '`xenscope --help` lists what there is.',
      );
    });
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : UNUSABLE;
  if (error instanceof UserError) {
    process.stderr.write(`xenscope: ${error.toString().replace(/([^.!?])$/, '$1.')}\n`);
    return UNUSABLE;
  }
  process.stderr.write(`xenscope: ${describeBug(error)}.\n`);
  return FAILED;
}
