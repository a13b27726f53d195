// A second extension beside ours, which writes down what the editor and the debug adapter say to each other: a
// message a line. A test so sees what was asked, and what was not.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';

const ROOT = join(import.meta.dirname, '../../..');
const FILE_VARIABLE = 'XENSCOPE_SPY';

const PROGRAM = `
const vscode = require('vscode');
const { appendFileSync } = require('node:fs');
const write = (message) => appendFileSync(process.env.${FILE_VARIABLE}, JSON.stringify(message) + '\\n');
exports.activate = (context) => context.subscriptions.push(
  vscode.debug.registerDebugAdapterTrackerFactory('xen', {
    createDebugAdapterTracker: () => ({ onWillReceiveMessage: write, onDidSendMessage: write }),
  }),
);
`;

const MANIFEST = {
  name: 'spy',
  publisher: 'xenscope',
  version: '0.0.1',
  engines: { vscode: '^1.101.0' },
  main: './spy.js',
  files: ['spy.js'],
  activationEvents: ['onDebugAdapterProtocolTracker:xen'],
};

export class Spy {
  /** The extension to install, and what the editor's server needs in its environment. */
  readonly vsix: string;
  readonly env: Readonly<Record<string, string>>;
  private readonly file: string;

  /** Uses a folder of its own. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify(MANIFEST));
    writeFileSync(join(folder, 'spy.js'), PROGRAM);
    this.vsix = join(folder, 'spy.vsix');
    this.file = join(folder, 'messages.jsonl');
    this.env = { [FILE_VARIABLE]: this.file };
    const args = ['package', '--no-dependencies', '--allow-missing-repository', '--skip-license'];
    execFileSync(join(ROOT, 'node_modules/.bin/vsce'), [...args, '--out', this.vsix], { cwd: folder });
  }

  /** Everything that was said, in order. */
  messages(): DebugProtocol.ProtocolMessage[] {
    if (!existsSync(this.file)) return [];
    return readFileSync(this.file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as DebugProtocol.ProtocolMessage);
  }

  /** What was asked, in order. */
  requests(): DebugProtocol.Request[] {
    return this.messages().filter((message): message is DebugProtocol.Request => message.type === 'request');
  }

  /** Every request that the adapter refused, with its sentence. */
  refusals(): string[] {
    return this.messages().flatMap((message) => {
      const { type, command, success, message: why } = message as DebugProtocol.Response;
      return type === 'response' && !success ? [`${command}: ${why}`] : [];
    });
  }
}
