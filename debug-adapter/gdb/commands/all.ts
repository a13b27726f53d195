// Every packet that is understood. One without a row gets the empty reply, which says so.

import type { Command } from '../command.ts';
import { executionCommands } from './execution.ts';
import { generalCommands } from './general.ts';
import { lldbCommands } from './lldb.ts';
import { memoryCommands } from './memory.ts';
import { processCommands } from './processes.ts';
import { registerCommands } from './registers.ts';
import { stopPointCommands } from './stop-points.ts';
import { threadCommands } from './threads.ts';

export const allCommands: readonly Command[] = [
  ...generalCommands,
  ...processCommands,
  ...threadCommands,
  ...registerCommands,
  ...memoryCommands,
  ...stopPointCommands,
  ...executionCommands,
  ...lldbCommands,
];
