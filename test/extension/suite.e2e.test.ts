// The suite inside the extension host of a real VS Code. `VSCODE_EXECUTABLE` names a desktop build; without
// it a VS Code server shown by a headless Chromium stands in.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { expect } from 'vitest';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { chromiumPath } from './host/browser.ts';
import { installVsCodeHost } from './host/install.ts';

const ROOT = join(import.meta.dirname, '../..');
const WORKSPACE = join(ROOT, 'media/samples/hello-xen');

const executable = process.env['VSCODE_EXECUTABLE'];
const desktop = executable !== undefined;
const chromium = await external('Chromium', () => (desktop ? 'not needed' : chromiumPath()));
const host = await external('VS Code host', () => (desktop ? executable : installVsCodeHost(console.log)));
const debian = await external("Debian's arm64 kernel", () => fetchDebian({ log: console.log }));

testWith(
  [chromium, host, debian],
  'the suite inside the extension host passes',
  async (_chromium, _host, files) => {
    const work = mkdtempSync(join(tmpdir(), 'xenscope-suite-'));
    const output = join(work, 'output.txt');
    const ramdisk = join(work, 'initramfs.cpio');
    try {
      console.log(`Debian kernel ${files.kernelVersion}`);
      writeInitramfs(ramdisk, { busybox: files.busybox });
      const suite = await bundledSuite();
      await runTests({
        vscodeExecutablePath: executable ?? join(import.meta.dirname, 'host/code-stand-in'),
        extensionDevelopmentPath: ROOT,
        extensionTestsPath: suite,
        launchArgs: [WORKSPACE, '--disable-extensions'],
        extensionTestsEnv: { SUITE_OUTPUT: output, SUITE_KERNEL: files.vmlinuz, SUITE_RAMDISK: ramdisk },
      }).finally(() => console.log(readFileSync(output, 'utf8')));
      const text = readFileSync(output, 'utf8');
      expect(text).toMatch(/\b[1-9]\d* passing/);
      expect(text).not.toMatch(/\b\d+ (failing|pending)/);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
);

/** The extension host of a desktop VS Code runs no TypeScript. */
async function bundledSuite(): Promise<string> {
  const outdir = join(ROOT, 'dist/suite');
  await build({
    entryPoints: ['index', 'extension', 'debugging', 'domains', 'open-panels', 'linux'].map((name) =>
      join(import.meta.dirname, `suite/${name}.ts`),
    ),
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['vscode', 'mocha'],
  });
  return join(outdir, 'index.cjs');
}
