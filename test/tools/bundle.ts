// Bundles the programs into dist/: the command line, the debug adapter's process, the machine's worker
// (ES modules), the extension (CommonJS, as older editors load nothing else) and the panels (ES modules for
// webviews, in dist/media). What they load at run time is copied beside them.

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'debug-adapter/node');

/** CommonJS packages inside an ES module bundle expect what Node gives to CommonJS modules. */
const COMMON_JS = [
  "import { createRequire as makeRequire } from 'node:module';",
  'const require = makeRequire(import.meta.url);',
  'const { filename: __filename, dirname: __dirname } = import.meta;',
].join(' ');

/** The function around a module of which the command line is made, and what modules ask of themselves in it. */
const SCRIPT_START =
  '(function (exports, require, module, __filename, __dirname) { "use strict"; const importMeta = { dirname: __dirname, ' +
  "filename: __filename, get url() { return require('node:url').pathToFileURL(__filename).href; } };";

const NOTICES = 'third-party-notices.txt';

const COMMON: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node22',
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
};

export async function buildBundles(folder: string): Promise<void> {
  removeStaleBundles(folder);
  const results = await Promise.all([
    // The launcher runs under any Node, so its syntax stays old and it imports nothing statically.
    module(
      folder,
      { cli: join(NODE, 'launcher.ts') },
      { target: 'node14', banner: { js: '#!/usr/bin/env node' } },
    ),
    // Split where they import dynamically: a command that is not asked for is not read.
    module(
      folder,
      {
        adapter: join(NODE, 'adapter.ts'),
        'machine-worker': join(NODE, 'machine-worker.ts'),
      },
      { splitting: true },
    ),
    buildCommandLine(folder),
    bundled({
      // Panels are a bundle of their own: nothing of them is loaded before one is opened.
      entryPoints: {
        extension: join(ROOT, 'extension/main.ts'),
        panels: join(ROOT, 'extension/panels/host.ts'),
      },
      outdir: folder,
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      external: ['vscode'],
    }),
    buildLanguageBundles(folder),
    buildPanels(join(folder, 'media')),
  ]);
  writeFileSync(join(folder, NOTICES), notices(results.map(({ metafile }) => metafile)));
  const capstone = createRequire(import.meta.url).resolve('@alexaltea/capstone-js/dist/capstone.wasm');
  copyFileSync(capstone, join(folder, 'capstone.wasm'));
}

/** commander can start other programs as commands. Ours are none: what it takes, with sockets and all, waits until then. */
const lateChildProcess: Plugin = {
  name: 'late child_process',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /\bnode_modules\/commander\//.test(importer) ? { path: 'child_process', namespace: 'late' } : undefined,
    );
    onLoad({ filter: /^child_process$/, namespace: 'late' }, () => ({
      contents: "module.exports = { get spawn() { return require('node:child_process').spawn; } };",
    }));
  },
};

/** The command line: what starts it knows the identity of the script, of which something is kept between processes. */
async function buildCommandLine(folder: string): Promise<{ metafile: Metafile }> {
  const program = await bundled({
    entryPoints: { program: join(NODE, 'program.ts') },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    banner: { js: SCRIPT_START },
    footer: { js: '})' },
    plugins: [lateChildProcess],
    define: { 'import.meta': 'importMeta' },
    // Less to read, without renaming what errors show.
    minifyWhitespace: true,
    minifySyntax: true,
  });
  const script = readFileSync(join(folder, 'program.cjs'));
  if (script.some((byte) => byte > 0x7f)) throw new Error('the program is read as ASCII, and is not');
  const identity = createHash('sha256').update(script).digest('hex').slice(0, 16);
  const start = { xenscope: join(NODE, 'shipped-cli.ts') };
  await module(folder, start, {
    banner: {},
    define: { PROGRAM_IDENTITY: JSON.stringify(identity) },
  });
  return program;
}

/** The language server, and its client: loaded when the first xl.cfg file opens. */
export const buildLanguageBundles = (folder: string): Promise<{ metafile: Metafile }> =>
  bundled({
    entryPoints: {
      'language-client': join(ROOT, 'extension/language-client.ts'),
      'language-server': join(ROOT, 'extension/language-server/node.ts'),
    },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    external: ['vscode'],
    minify: true,
  });

const CODICONS = join(ROOT, 'node_modules/@vscode/codicons/dist');

/** A folder of media/ with a file of its name is a panel. */
export function panelEntries(): Record<string, string> {
  const entries = readdirSync(join(ROOT, 'media'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'panel')
    .map(({ name }) => [name, join(ROOT, 'media', name, `${name}.ts`)] as const);
  return Object.fromEntries(entries.filter(([, path]) => existsSync(path)));
}

/** Panels and the icon font, as a webview loads them. */
export async function buildPanels(
  folder: string,
  entryPoints: Record<string, string> = panelEntries(),
): Promise<{ metafile: Metafile }> {
  mkdirSync(folder, { recursive: true });
  for (const name of ['codicon.css', 'codicon.ttf']) copyFileSync(join(CODICONS, name), join(folder, name));
  return bundled({
    entryPoints,
    outdir: folder,
    format: 'esm',
    platform: 'browser',
    target: 'chrome128',
    minify: true,
    sourcemap: false,
    loader: { '.css': 'text' },
  });
}

async function module(
  outdir: string,
  entryPoints: Record<string, string>,
  options: BuildOptions = {},
): Promise<{ metafile: Metafile }> {
  const missing = Object.values(entryPoints).filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`the bundles lack ${missing.join(', ')}`);
  return bundled({ format: 'esm', banner: { js: COMMON_JS }, ...options, entryPoints, outdir });
}

async function bundled(options: BuildOptions): Promise<{ metafile: Metafile }> {
  const { metafile } = await build({ ...COMMON, ...options });
  if (!metafile) throw new Error('esbuild made no metafile');
  return { metafile };
}

/** The licences of the packages that went into the bundles, which ask to be passed on. */
function notices(metafiles: readonly Metafile[]): string {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const packages = inputs.flatMap((path) => /\bnode_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  // The icon font is copied, not bundled.
  const texts = [...new Set([...packages, '@vscode/codicons'])].sort().map((name) => {
    const folder = join(ROOT, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return `Xenscope contains these packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

function removeStaleBundles(folder: string): void {
  rmSync(join(folder, 'media'), { recursive: true, force: true });
  for (const name of readdirSync(folder)) {
    if (/\.(c?js|map)$/.test(name)) rmSync(join(folder, name));
  }
}
