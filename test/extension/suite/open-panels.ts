import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { PANELS, commandOf, viewTypeOf } from '../../../extension/panels/panels.ts';
import { breakOn, clearBreakpoints, type Driven, start } from './drive.ts';

const BYTES = 256;
/** So many lines on, say_hello has called print. */
const LINES = 4;

const GUEST: vscode.DebugConfiguration = {
  type: 'xen',
  request: 'launch',
  name: 'bundled guest',
  domains: [{ name: 'hello', kernel: '${command:BundledGuest}/hello-xen.elf', memory: 64 }],
  sourceMap: { '/hello-xen': '${command:BundledGuest}' },
};

describe('panels', () => {
  let driven: Driven | undefined;

  afterEach(async () => {
    clearBreakpoints();
    await driven?.end();
    driven = undefined;
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('open by their commands, one tab for each kind, beside each other', async () => {
    for (const row of PANELS) await vscode.commands.executeCommand(commandOf(row));
    for (const row of PANELS) await vscode.commands.executeCommand(commandOf(row));
    const open = () => tabs().map(({ input }) => (input as vscode.TabInputWebview).viewType);
    await until(() => open().length === PANELS.length);
    for (const row of PANELS) {
      assert.equal(open().filter((viewType) => viewType.endsWith(viewTypeOf(row))).length, 1, row.id);
    }
    assert.equal(new Set(tabs().map(({ group }) => group.viewColumn)).size, 1);
  });

  it('lead to memory as text, which is read again after a stop', async () => {
    breakOn('say_hello');
    driven = await start(GUEST);
    const { frames, threadId } = await driven.stopped();
    const registers = await driven.variables(frames[0], /^Registers$/);
    // What the next calls put on the stack.
    const below = (BigInt(/^0x[0-9a-f]+/.exec(registers.get('sp') ?? '')?.[0] ?? 0) - 0x80n) & ~0xffn;
    const reference = `d1/va@v0:0x${below.toString(16)}`;
    const [first] = PANELS;
    if (first) await vscode.commands.executeCommand(commandOf(first));

    const uri = vscode.Uri.from({ scheme: 'xen-memory', path: '/stack', query: reference });
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    const read = async (): Promise<string> => {
      const args = { memoryReference: reference, count: BYTES };
      const body = await driven?.ask<Dap.ReadMemoryResponse['body']>('readMemory', args);
      return Buffer.from(body?.data ?? '', 'base64').toString('hex');
    };
    /** Sixteen bytes a line, between the address and the characters. */
    const shown = (): string => {
      const lines = document.getText().split('\n');
      const at = lines.findIndex((line) => line.startsWith(below.toString(16).padStart(16, '0')));
      return lines
        .slice(at, at + BYTES / 16)
        .map((line) => line.slice(16, line.indexOf('|')).replaceAll(' ', ''))
        .join('');
    };
    const before = await read();
    await until(() => shown() === before);

    for (let line = 0; line < LINES; line++) {
      await driven.ask('next', { threadId });
      await driven.stopped();
    }
    const after = await read();
    assert.notEqual(after, before);
    await until(() => shown() === after);
  });
});

const tabs = (): vscode.Tab[] =>
  vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(({ input }) => input instanceof vscode.TabInputWebview);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 50));
}
