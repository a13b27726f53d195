// `xenscope demo`: boots the bundled guest under the embedded Xen in the terminal, stops at a breakpoint
// in its C code, shows what a debugger can see there, and lets it go on to its end. It is an ordinary
// client of the debug adapter: everything shown comes from requests an editor could send.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { Command } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import { DirectClient } from '../direct-client.ts';
import type { SetStatus } from './status.ts';

const SAMPLE = 'media/samples/hello-xen';
/** From the bundle, or from the source itself when the sources are run as they are. */
const ROOTS = ['..', '../../..'];
/** Directory that the guest's debug information names: see test/tools/build-guest.ts. */
const RECORDED_FOLDER = '/hello-xen';
const SOURCE = 'src/main.c';
/** The line to stop at is the one that says this, whatever its number is. */
const STOP_AT = 'print("hello %u:';
const CONTEXT = 5;
const PROMPT = 'hello> ';

export type Write = (text: string) => void;

export const demoCommand = (setStatus: SetStatus): Command =>
  new Command('demo')
    .description('boot the bundled guest, stop in its C code, show what can be seen there, and go on')
    .action(async () => {
      setStatus(await runDemo((text) => process.stdout.write(text)));
    });

/** Exit status: 0 when the guest came to its prompt and powered itself off. */
export async function runDemo(write: Write, folder: string = sampleFolder()): Promise<number> {
  const client = new DirectClient();
  const say = (text: string): void => write(`${text}\n`);
  const console = new GuestConsole(client, write);
  try {
    say(heading('boot'));
    say(`${SAMPLE}/hello.cfg, under the embedded Xen\n`);
    const line = await launch(client, folder);
    const stopped = client.next(({ event }) => event === 'stopped' || event === 'terminated');
    await client.send('configurationDone', {});
    const { event, body } = (await stopped) as Dap.StoppedEvent;
    const { threadId = 1 } = body;
    if (event !== 'stopped') throw new UserError('the guest ended before its breakpoint', 'Build it again.');

    console.endLine();
    await showStop(client, say, folder, line, body);

    say(heading('continue'));
    await client.send('setBreakpoints', { source: { path: join(folder, SOURCE) }, breakpoints: [] });
    await console.answer(client, PROMPT, 'help', () => client.send('continue', { threadId }));
    await console.answer(client, PROMPT, 'xs memory');
    const end = client.next(({ event: name }) => name === 'exited');
    await console.answer(client, PROMPT, 'poweroff');
    const { exitCode } = ((await end) as Dap.ExitedEvent).body;
    say(heading('end'));
    say('The guest powered itself off. The same in the editor: open this folder and press F5.');
    return exitCode;
  } finally {
    await client.send('disconnect', {});
  }
}

/** Builds the machine and sets the breakpoint; returns its line. Nothing runs yet. */
async function launch(client: DirectClient, folder: string): Promise<number> {
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  const configuration = {
    config: join(folder, 'hello.cfg'),
    symbols: join(folder, 'hello-xen.elf'),
    sourceMap: { [RECORDED_FOLDER]: folder },
  };
  await client.send('launch', configuration as Dap.LaunchRequestArguments);
  const path = join(folder, SOURCE);
  const line = 1 + linesOf(path).findIndex((text) => text.includes(STOP_AT));
  const answer = await client.send('setBreakpoints', { source: { path }, breakpoints: [{ line }] });
  const [breakpoint] = answer?.breakpoints ?? [];
  if (breakpoint?.verified) return breakpoint.line ?? line;
  throw new UserError(
    `no breakpoint at ${SOURCE}:${line}: ${breakpoint?.message ?? ''}`,
    'Build the guest again.',
  );
}

// ---------------------------------------------------------------- what can be seen at a stop

async function showStop(
  client: DirectClient,
  say: Write,
  folder: string,
  line: number,
  { description, threadId = 1 }: Dap.StoppedEvent['body'],
): Promise<void> {
  say(heading(`stopped: ${description ?? ''}`));
  say(sourceAround(join(folder, SOURCE), line));

  const frames = (await client.send('stackTrace', { threadId }))?.stackFrames ?? [];
  say(heading('call stack'));
  say(frames.map((frame, i) => callLine(frame, i, folder)).join('\n'));

  const [top] = frames;
  if (top) {
    say(heading('registers'));
    say(await registers(client, top.id));
  }

  const { ranges } = (await client.send('xen/stage2Map', {})) ?? { ranges: [] };
  say(heading('stage 2: where guest physical memory lies'));
  say(`${row(['IPA', 'PA', 'size', 'access', 'what'])}`);
  for (const { ipa, pa, size, access, memory } of ranges) say(row([ipa, pa, size, access, memory]));
}

function sourceAround(path: string, line: number): string {
  const lines = linesOf(path);
  const first = Math.max(1, line - CONTEXT);
  const shown = lines.slice(first - 1, line + CONTEXT);
  const text = shown.map((code, i) => {
    const number = first + i;
    return `${number === line ? '  -->' : '     '} ${String(number).padStart(4)}  ${code}`.trimEnd();
  });
  return [`${SOURCE}:${line}`, ...text].join('\n');
}

function callLine({ name, source, line }: Dap.StackFrame, index: number, folder: string): string {
  const path = source?.path?.startsWith(folder) ? source.path.slice(folder.length + 1) : source?.name;
  const place = path === undefined ? '' : line > 0 ? `${path}:${line}` : path;
  return `  ${`#${index}`.padEnd(4)} ${name.padEnd(24)} ${place}`.trimEnd();
}

/** Three in a row. */
async function registers(client: DirectClient, frameId: number): Promise<string> {
  const scopes = (await client.send('scopes', { frameId }))?.scopes ?? [];
  const variablesReference = scopes.find(({ name }) => name === 'Registers')?.variablesReference ?? 0;
  const variables = (await client.send('variables', { variablesReference }))?.variables ?? [];
  // Symbols that values belong to are left out here: three fit into a row.
  const cells = variables.map(({ name, value }) => {
    const plain = name === 'pstate' ? value : (value.split(' ')[0] ?? '');
    return `${name.padEnd(6)} ${plain}`.padEnd(28);
  });
  const rows: string[] = [];
  for (let i = 0; i < cells.length; i += 3) rows.push(`  ${cells.slice(i, i + 3).join('')}`.trimEnd());
  return rows.join('\n');
}

const row = (cells: readonly string[]): string =>
  `  ${cells.map((cell, i) => (i === 3 ? cell.padEnd(8) : cell.padEnd(14))).join('')}`.trimEnd();

const heading = (text: string): string => `\n── ${text} ${'─'.repeat(Math.max(0, 76 - text.length))}\n`;

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n');

// ---------------------------------------------------------------- the console

/** What the guest prints goes straight to the terminal. */
class GuestConsole {
  private text = '';
  private readonly write: Write;

  constructor(client: DirectClient, write: Write) {
    this.write = write;
    client.listen(({ event, body }) => {
      if (event !== 'xen/consoleData') return;
      const { text } = body as { readonly text: string };
      this.text += text;
      write(text.replaceAll('\r', ''));
    });
  }

  /** A guest stops in the middle of a line. */
  endLine(): void {
    if (this.text !== '' && !this.text.endsWith('\n')) this.write('\n');
  }

  /** Types a line once the guest waits for one; `start` sets it going, if it stands. */
  async answer(
    client: DirectClient,
    prompt: string,
    line: string,
    start?: () => Promise<unknown>,
  ): Promise<void> {
    const ready = client.next(({ event }) => event === 'terminated' || this.waitsAt(event, prompt));
    await start?.();
    if (!this.text.endsWith(prompt)) await ready;
    this.text = '';
    await client.send('xen/console', { text: `${line}\n` });
  }

  private waitsAt(event: string, prompt: string): boolean {
    return event === 'xen/consoleData' && this.text.endsWith(prompt);
  }
}

function sampleFolder(from: string = import.meta.dirname): string {
  const folder = ROOTS.map((root) => join(from, root, SAMPLE)).find((path) => existsSync(path));
  if (folder === undefined) throw new UserError('the bundled guest is missing', `It belongs into ${SAMPLE}.`);
  return folder;
}
