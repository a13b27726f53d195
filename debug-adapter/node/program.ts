// The commands of `xenscope`, and what becomes of their failures. Exit status 0 for success, 1 for a
// failed run, 2 for unusable arguments or input; one message on stderr, never a stack trace.

import { Command, CommanderError } from 'commander';
import { describeBug, UserError } from '../../emulator/base/errors.ts';
import { benchCommand } from './commands/bench.ts';
import { casesCommand } from './commands/cases.ts';
import { checkCommand } from './commands/check.ts';
import { dapCommand } from './commands/dap.ts';
import { demoCommand } from './commands/demo.ts';
import { inspectCommand } from './commands/inspect.ts';
import { runCommand } from './commands/run.ts';

const FAILED = 1;
const UNUSABLE = 2;

/** Commands that are part of the design and not written yet: asked for by name, they say so. */
const ABSENT: Readonly<Record<string, string>> = {
  gdbserver: 'serve the GDB remote protocol',
  replay: 'repeat a recorded run',
  fmt: 'format xl.cfg files and Xen device trees',
};

/** A command reports through this what its process ends with. */
export type SetStatus = (status: number) => void;

/** Runs one command line, without the program's name; returns the exit status. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let status = 0;
  const program = newProgram((result) => {
    status = result;
  });
  // Whoever reads may be gone; what is said to nobody is no failure.
  for (const stream of [process.stdout, process.stderr]) stream.off('error', ignore).on('error', ignore);
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return report(error);
  }
}

const ignore = (): void => {};

function newProgram(setStatus: SetStatus): Command {
  const program = new Command('xenscope')
    .description('Boot and debug kernels that run as Xen guests on ARM, without a board or QEMU.')
    .version('0.1.0');
  const commands = [
    runCommand(setStatus),
    inspectCommand(setStatus),
    demoCommand(setStatus),
    checkCommand(setStatus),
    casesCommand(setStatus),
    benchCommand(setStatus),
    dapCommand(),
    ...Object.entries(ABSENT).map(([name, does]) => absentCommand(name, does)),
  ];
  for (const command of [program, ...commands]) speakPlainly(command);
  for (const command of commands) program.addCommand(command);
  return program;
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
