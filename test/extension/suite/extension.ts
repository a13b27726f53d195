import assert from 'node:assert/strict';
import * as vscode from 'vscode';

const extension = vscode.extensions.getExtension('xenscope.xenscope');

describe('the extension', () => {
  it('is there, and sleeps until it is used', () => {
    assert.ok(extension);
    assert.equal(extension.isActive, false);
  });

  it('wakes up when a command of its is called', async () => {
    assert.ok(extension);
    await vscode.commands.executeCommand('xenscope.showLog');
    assert.equal(extension.isActive, true);
  });

  it('names the bundled guest, and its file is there', async () => {
    const folder = await vscode.commands.executeCommand<string>('xenscope.bundledGuest');
    const { type } = await vscode.workspace.fs.stat(vscode.Uri.file(`${folder}/hello-xen.elf`));
    assert.equal(type, vscode.FileType.File);
  });
});
