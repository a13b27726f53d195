import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { XenRequests } from '../../../debug-adapter/protocol.ts';
import { breakAt, breakOn, clearBreakpoints, type Driven, start } from './drive.ts';

const MAIN = 'src/main.c';

/** The bundled guest, as the extension offers it. */
const guest = (more: Record<string, unknown> = {}): vscode.DebugConfiguration => ({
  type: 'xen',
  request: 'launch',
  name: 'bundled guest',
  domains: [{ name: 'hello', kernel: '${command:BundledGuest}/hello-xen.elf', memory: 64 }],
  sourceMap: { '/hello-xen': '${command:BundledGuest}' },
  ...more,
});

describe('debugging the bundled guest', () => {
  let driven: Driven | undefined;

  afterEach(async () => {
    clearBreakpoints();
    await driven?.end();
    driven = undefined;
  });

  it('stops at a breakpoint in its C code, with the stack and the registers of that place', async () => {
    const line = await breakAt(MAIN, 'I am domain %u');
    driven = await start(guest());

    const stop = await driven.stopped();
    assert.equal(stop.reason, 'breakpoint');
    assert.match(stop.frames[0]?.name ?? '', /^say_hello\b/);
    assert.equal(stop.frames[0]?.line, line);
    assert.match(stop.frames[0]?.source?.path ?? '', /hello-xen\/src\/main\.c$/);
    assert.ok(stop.frames.some(({ name }) => name.startsWith('kernel_main')));

    const registers = await driven.variables(stop.frames[0], /^Registers$/);
    assert.match(registers.get('pc') ?? '', /^0x[0-9a-f]+/);
  });

  it('stops at a function before its first instruction, steps by line, and goes on to the prompt', async () => {
    breakOn('say_hello');
    driven = await start(guest());
    const entry = await driven.stopped();
    assert.equal(entry.frames[0]?.name, 'say_hello');

    await driven.ask('next', { threadId: entry.threadId });
    const after = await driven.stopped();
    assert.equal(after.reason, 'step');
    assert.match(after.frames[0]?.name ?? '', /^say_hello\b/);

    clearBreakpoints();
    await driven.ask('continue', { threadId: entry.threadId });
    assert.match(await driven.console('hello> '), /hello 3: {3}I am domain 1/);
  });

  it('takes what is typed into the terminal of its console', async () => {
    const earlier = new Set(vscode.window.terminals);
    driven = await start(guest());
    await driven.console('hello> ');
    // The hypervisor has a console as well.
    const terminal = await openedTerminal(earlier, /^hello\b/);
    terminal.sendText('help');
    await driven.console(/hello> help[\s\S]*hello> /);
  });

  it('is paused while it runs, and shows its stage 2 map', async () => {
    driven = await start(guest());
    await driven.console('hello> ');
    const { threads } = await driven.ask<{ threads: { id: number }[] }>('threads', {});
    await driven.ask('pause', { threadId: threads[0]?.id });
    const stop = await driven.stopped();
    assert.equal(stop.reason, 'pause');

    const { ranges } = await driven.ask<XenRequests['xen/stage2Map']['result']>('xen/stage2Map', {});
    assert.ok(ranges.length > 0);
  });

  it('leaves no process behind when the session ends', async () => {
    driven = await start(guest({ stopOnEntry: true }));
    await driven.stopped();
    await driven.end();
    driven = undefined;
    await noActiveSession();
  });
});

/** The extension hears that no session is the active one a moment after it hears of the end. */
async function noActiveSession(): Promise<void> {
  while (vscode.debug.activeDebugSession) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** The extension hears of the guest's output a moment after the test does. */
async function openedTerminal(earlier: ReadonlySet<vscode.Terminal>, name: RegExp): Promise<vscode.Terminal> {
  for (;;) {
    const opened = vscode.window.terminals.find(
      (terminal) => !earlier.has(terminal) && name.test(terminal.name),
    );
    if (opened) return opened;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
