// Starts the VS Code server that `install.ts` has put into the cache. It has no connection to anything but
// this machine: no gallery, no updates, no telemetry.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installVsCodeHost } from './install.ts';

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 5_000;

const SETTINGS = {
  'chat.disableAIFeatures': true,
  'debug.toolBarLocation': 'docked',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

interface ServerOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Packaged extensions, installed as a user would. */
  readonly vsix?: readonly string[];
  /** Takes development and test paths from the page's address; shows no notifications and no dialogs. */
  readonly automation?: boolean;
}

export interface VsCodeServer {
  readonly port: number;
  /** The workbench's address for a folder of this machine. */
  url(folder: string, payload?: readonly (readonly [string, string])[]): string;
  /** A path of this machine as the workbench's page names it. */
  uri(path: string): string;
  stop(): Promise<void>;
}

export async function startVsCodeServer(options: ServerOptions = {}): Promise<VsCodeServer> {
  const program = join(await installVsCodeHost((line) => console.error(line)), 'out/server-main.js');
  const data = mkdtempSync(join(tmpdir(), 'xenscope-vscode-'));
  const user = join(data, 'data/User');
  mkdirSync(user, { recursive: true });
  writeFileSync(join(user, 'settings.json'), JSON.stringify({ ...SETTINGS, ...options.settings }));

  const env = environment(options.env);
  const folders = ['--server-data-dir', data, '--extensions-dir', join(data, 'extensions')];
  const common = [program, '--accept-server-license-terms', '--disable-telemetry', ...folders];
  if (options.vsix) {
    const install = options.vsix.flatMap((file) => ['--install-extension', file]);
    execFileSync(process.execPath, [...common, ...install, '--force'], { env });
  }
  const child = spawn(
    process.execPath,
    [
      ...common,
      '--host=127.0.0.1',
      '--port=0',
      '--without-connection-token',
      '--disable-workspace-trust',
      '--disable-experiments',
      ...(options.automation ? ['--enable-smoke-test-driver'] : []),
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const port = await listeningPort(child);
  const uri = (path: string): string => `vscode-remote://127.0.0.1:${port}${path}`;
  return {
    port,
    uri,
    url(folder, payload = []) {
      const url = new URL(`http://127.0.0.1:${port}/`);
      url.searchParams.set('folder', folder);
      url.searchParams.set('payload', JSON.stringify([['skipWelcome', 'true'], ...payload]));
      return url.href;
    },
    async stop() {
      await ended(child);
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A test may itself run in a terminal of VS Code, whose variables are not for this server. */
function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(VSCODE_|ELECTRON_)/.test(name));
  return { ...Object.fromEntries(own), EXTENSIONS_GALLERY: '{"serviceUrl":""}', ...more };
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const failed = (why: string): void => reject(new Error(`the VS Code server ${why}\n${output}`));
    const timer = setTimeout(() => {
      child.kill();
      failed('did not start');
    }, START_LIMIT_MS);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const match = /agent listening on (\d+)/.exec(output);
      if (!match) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => failed(`ended with status ${code}`));
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS).unref();
  });
}
