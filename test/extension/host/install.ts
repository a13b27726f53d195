// Installs a VS Code server from its npm package: the workbench and the Node extension host that the
// tests of the extension run in. It lives outside the clone, so a fresh clone does not install it again.
//
//   node test/extension/host/install.ts        prints where it is

import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { cacheDirectory } from '../../tools/fetch-debian.ts';
import { withLock } from '../../tools/lock.ts';

const run = promisify(execFile);

/** Its version is VS Code's with a 4 in front. */
const CODE_SERVER = '4.139.1';

/** The server's folder, installed when it is missing. Safe to call from several processes at once. */
export async function installVsCodeHost(log: (line: string) => void = () => {}): Promise<string> {
  const folder = join(cacheDirectory(), `code-server-${CODE_SERVER}`);
  const server = join(folder, 'node_modules/code-server/lib/vscode');
  if (existsSync(folder)) return server;
  mkdirSync(cacheDirectory(), { recursive: true });
  return withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return server;
    log(`installing code-server ${CODE_SERVER} in ${folder}`);
    const work = `${folder}.part`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    writeFileSync(join(work, 'package.json'), '{"name":"vscode-host","private":true}');

    // Install scripts compile native modules that a test host does not need.
    await npm(work, ['install', '--no-save', '--ignore-scripts', `code-server@${CODE_SERVER}`]);
    const inside = join(work, 'node_modules/code-server/lib/vscode');
    // Not `npm ci`: the lock file inside the package lacks a peer that newer npms ask for.
    await npm(inside, ['install', '--omit=dev', '--ignore-scripts']);
    // The one native module whose absence is loud: the log writer.
    cpSync(
      join(import.meta.dirname, 'spdlog-stand-in.cjs'),
      join(inside, 'node_modules/@vscode/spdlog/index.js'),
    );
    renameSync(work, folder);
    return server;
  });
}

async function npm(folder: string, args: readonly string[]): Promise<void> {
  // The engine check looks at the Node that runs npm: let that be ours.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', [...args, ...quiet], { cwd: folder, env, maxBuffer: 64 << 20 });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(await installVsCodeHost((line) => console.error(line)));
}
