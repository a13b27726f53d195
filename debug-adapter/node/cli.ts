// The command line: `xenscope COMMAND …`. Exit status 0 for success, 1 for a failed run, 2 for
// unusable arguments or input.

import { Command, CommanderError } from 'commander';
import { UserError } from '../../emulator/base/errors.ts';
import { casesCommand } from './commands/cases.ts';
import { dapCommand } from './commands/dap.ts';
import { demoCommand } from './commands/demo.ts';
import { runCommand } from './commands/run.ts';

const program = new Command('xenscope')
  .description('Boot and debug kernels that run as Xen guests on ARM, without a board or QEMU.')
  .version('0.1.0')
  .showHelpAfterError()
  .exitOverride();

for (const command of [runCommand(), demoCommand(), casesCommand(), dapCommand()])
  program.addCommand(command.exitOverride());

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof UserError) {
    console.error(`xenscope: ${error.toString()}`);
    process.exitCode = 2;
  } else {
    throw error;
  }
}
