// The lines of `monitor`: a few of our own, and every view of the machine by its name.

import { UserError } from '../../emulator/base/errors.ts';
import { hex } from '../../emulator/index.ts';
import { nameOfDomain } from '../memory-reference.ts';
import type { GdbSession, MemorySpace } from './session.ts';
import { pidOf } from './thread-ids.ts';

interface MonitorCommand {
  readonly name: string;
  readonly doc: string;
  run(session: GdbSession, argument: string): string | Promise<string>;
}

const MONITOR_COMMANDS: readonly MonitorCommand[] = [
  {
    name: 'help',
    doc: 'this list',
    run: async (session) => `${ownHelp()}${(await view(session, 'help')).replace(/^:/gm, '')}`,
  },
  {
    name: 'inferiors',
    doc: 'which domain is which inferior',
    run: (session) =>
      session.debuggee.info.domains
        .map(
          ({ domain, name }) =>
            `${pidOf(domain)}  ${nameOfDomain(domain)} ${name}${stateOf(session, domain)}\n`,
        )
        .join(''),
  },
  {
    name: 'slide',
    doc: 'how far the kernel of this inferior was moved (KASLR), as far as it is known yet',
    run: async (session) => {
      const slide = await slideOf(session);
      if (slide === undefined) return NOT_KNOWN;
      return slide === 0n ? '0: the kernel runs where it was linked.\n' : `${hex(slide)}\n`;
    },
  },
  {
    name: 'symbols',
    doc: 'the line that loads the symbols of this inferior to where its kernel runs',
    run: async (session) => {
      const slide = await slideOf(session);
      if (slide === undefined) return NOT_KNOWN;
      const file = session.machine.symbolFileOf(session.general.domain) ?? 'vmlinux';
      return `symbol-file ${file}${slide === 0n ? '' : ` -o ${hex(slide)}`}\n`;
    },
  },
  {
    name: 'space',
    doc: 'what addresses of memory mean from now on: va, ipa or pa',
    run: (session, argument) => {
      if (argument === '') return `${session.memorySpace}\n`;
      if (!['va', 'ipa', 'pa'].includes(argument)) {
        throw new UserError(`'${argument}' is no address space`, 'Give va, ipa or pa.');
      }
      session.memorySpace = argument as MemorySpace;
      return `Memory is read and written by ${argument.toUpperCase()}. Then: maintenance flush dcache\n`;
    },
  },
  {
    name: 'reset',
    doc: 'the machine at its first instruction again',
    run: async (session) => {
      await session.restart();
      return 'The machine stands at its first instruction. Then: maintenance flush register-cache\n';
    },
  },
];

const NOT_KNOWN = 'Not known yet: let the kernel run until its MMU is on.\n';

const slideOf = async (session: GdbSession): Promise<bigint | undefined> =>
  (await session.machine.learnedTarget(session.general.domain)).map.slide;

/** What the client is shown. A refusal is shown too: an error reply would hide its words. */
export async function monitor(session: GdbSession, line: string): Promise<string> {
  const [name = '', argument = ''] = line.trim().split(/\s+/, 2);
  const own = MONITOR_COMMANDS.find((command) => command.name === name);
  try {
    return own ? await own.run(session, argument) : await view(session, line.trim());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `${error.toString()}\n`;
  }
}

const view = async (session: GdbSession, line: string): Promise<string> => {
  const text = await session.machine.client.request('inspectCommand', {
    line: line === '' ? 'help' : line,
    focus: session.general,
  });
  return text.endsWith('\n') ? text : `${text}\n`;
};

const ownHelp = (): string =>
  `Commands:\n${MONITOR_COMMANDS.map(({ name, doc }) => `${name}\n    ${doc}\n`).join('')}`;

function stateOf(session: GdbSession, domain: number): string {
  if (!session.run.isAlive(domain)) return ' (ended)';
  return session.machine.detached.has(domain) ? ` (attach ${pidOf(domain)})` : '';
}
