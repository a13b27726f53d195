import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { breakOn, clearBreakpoints, start } from './drive.ts';

const extension = vscode.extensions.getExtension('xenscope.xenscope');

describe('the extension', () => {
  it('is there, and sleeps until it is used', () => {
    assert.ok(extension);
    assert.equal(extension.isActive, false);
  });

  it('wakes up when a command of its is called', async () => {
    assert.ok(extension);
    const began = performance.now();
    await vscode.commands.executeCommand('xenscope.showLog');
    report(`activated and a command carried out in ${(performance.now() - began).toFixed(1)} ms`);
    assert.equal(extension.isActive, true);
  });

  it('loads neither panels nor the language client before one is wanted', async function () {
    this.timeout(240_000);
    assert.deepEqual(loaded(), ['extension.cjs']);
    breakOn('say_hello');
    const driven = await start({
      type: 'xen',
      request: 'launch',
      name: 'bundled guest',
      domains: [{ name: 'hello', kernel: '${command:BundledGuest}/hello-xen.elf', memory: 64 }],
    });
    try {
      await driven.stopped();
      assert.deepEqual(loaded(), ['extension.cjs']);
    } finally {
      clearBreakpoints();
      await driven.end();
    }
    await vscode.commands.executeCommand('xenscope.panel.registers');
    assert.deepEqual(loaded(), ['extension.cjs', 'panels.cjs']);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('names the bundled guest, and its file is there', async () => {
    const folder = await vscode.commands.executeCommand<string>('xenscope.bundledGuest');
    const { type } = await vscode.workspace.fs.stat(vscode.Uri.file(`${folder}/hello-xen.elf`));
    assert.equal(type, vscode.FileType.File);
  });
});

/** Bundles of the extension that its host has executed. */
function loaded(): string[] {
  const folder = `${extension?.extensionPath}/dist/`;
  // The suite itself lies in a folder of dist.
  const ours = (file: string): boolean => file.startsWith(folder) && !file.startsWith(`${folder}suite/`);
  const files = Object.keys(createRequire(__filename).cache).filter(ours);
  return files.map((file) => basename(file)).filter((name) => OURS.has(name));
}

const OURS = new Set(['extension.cjs', 'panels.cjs', 'language-client.cjs', 'language-server.cjs']);

/** A line between those of the tests; nothing is required of it. */
function report(line: string): void {
  const output = process.env['SUITE_OUTPUT'];
  if (output !== undefined) appendFileSync(output, `      ${line}\n`);
}
