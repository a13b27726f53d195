// What lldb asks beyond gdb's protocol (LLDB, "GDB Remote Protocol Extensions").

import type { Command } from '../command.ts';
import { hexOfText } from '../packets.ts';
import { pidOf } from '../thread-ids.ts';

const TRIPLE = `triple:${hexOfText('aarch64-unknown-none-elf')};endian:little;ptrsize:8;`;

export const lldbCommands: readonly Command[] = [
  {
    name: 'qHostInfo',
    doc: 'The target, and that watchpoints are reported behind the access',
    handle(session) {
      session.expectsWatchAfter = true;
      return `${TRIPLE}watchpoint_exceptions_received:after;`;
    },
  },
  {
    name: 'qProcessInfo',
    doc: 'The process that is looked at',
    handle: (session) => `pid:${pidOf(session.general.domain).toString(16)};${TRIPLE}`,
  },
  {
    name: 'qWatchpointSupportInfo',
    doc: 'How many watchpoints there can be',
    handle: () => 'num:64;',
  },
];
