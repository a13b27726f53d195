// Completion in the debug console and in watches: expressions, and commands behind a colon.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { guestCommandNames } from '../guest-os/commands.ts';
import { request } from '../request.ts';
import { completionsOf } from '../values/complete.ts';
import type { Completions } from '../values/complete.ts';
import type { XenSession } from '../session.ts';
import { Scope } from '../values/scope.ts';
import { frameOf, lookupOf } from './evaluate.ts';

export const completionRequests = [
  request('completions', {
    capabilities: {
      supportsCompletionsRequest: true,
      completionTriggerCharacters: ['.', '>', ':', '$', '!', '['],
    },
    needs: 'machine',
    quiet: true,
    takes: { text: 'string', column: 'number' },
    async handle(session, { text, column, line = session.lineToClient(1), frameId }) {
      const row = text.split('\n')[session.lineFromClient(line) - 1] ?? '';
      const end = Math.max(session.columnFromClient(column) - 1, 0);
      const before = row.slice(0, end);
      const { items, length } = await found(session, before, frameId);
      const start = session.columnToClient(before.length - length + 1);
      return { targets: items.map((item): Dap.CompletionItem => ({ ...item, start, length })) };
    },
  }),
];

async function found(session: XenSession, before: string, frameId: number | undefined): Promise<Completions> {
  const command = /^\s*:(\w*)$/.exec(before);
  if (command) return commands(session, command[1] ?? '');
  if (session.machine.run.running || /^\s*:/.test(before)) return { items: [], length: 0 };
  const scope = new Scope(session.debuggee, await frameOf(session, frameId));
  return completionsOf(scope, { effects: false, lookup: lookupOf(session) }, before);
}

/** The machine knows which there are. */
async function commands(session: XenSession, prefix: string): Promise<Completions> {
  const help = await session.machine.client.request('inspectCommand', { line: 'help', focus: session.focus });
  const names = [...help.matchAll(/^:(\w+)/gm)].map(([, name = '']) => name);
  const items = [...new Set([...names, ...guestCommandNames()])].filter((name) => name.startsWith(prefix));
  return { items: items.map((label) => ({ label, type: 'method' as const })), length: prefix.length };
}
