// Guests' consoles as terminals: what a guest writes appears there, and what is typed goes to the guest.
// A terminal opens with the first output, outlives its session so that a panic can be read, and gives way
// to the next session's console of the same name.

import * as vscode from 'vscode';
import type { XenEvents, XenRequests } from '../debug-adapter/protocol.ts';

type ConsoleData = XenEvents['xen/consoleData'];

/** Kept of each console for a terminal that is opened (again) later. In characters. */
const KEPT = 256 * 1024;

export class Consoles implements vscode.Disposable {
  private readonly consoles: GuestConsole[] = [];

  receive({ session, event, body }: vscode.DebugSessionCustomEvent): void {
    if (event !== 'xen/consoleData') return;
    const data = body as ConsoleData;
    this.of(session, data).write(data.text);
  }

  sessionEnded(session: vscode.DebugSession): void {
    for (const console of this.consoles) {
      if (console.session.id === session.id) console.end();
    }
  }

  /** Brings the newest console to the front, opening its terminal again if it was closed. */
  show(): void {
    const console = this.consoles.at(-1);
    if (console) console.show(false);
    else void vscode.window.showInformationMessage(vscode.l10n.t('No guest has written to a console yet.'));
  }

  dispose(): void {
    for (const console of this.consoles) console.dispose();
    this.consoles.length = 0;
  }

  private of(session: vscode.DebugSession, { domain, name }: ConsoleData): GuestConsole {
    const known = this.consoles.find(
      (console) => console.session.id === session.id && console.domain === domain,
    );
    if (known) return known;
    this.removeEnded(name);
    const console = new GuestConsole(session, domain, name);
    this.consoles.push(console);
    console.show(true);
    return console;
  }

  private removeEnded(name: string): void {
    const at = this.consoles.findIndex((console) => console.name === name && console.ended);
    if (at >= 0) this.consoles.splice(at, 1)[0]?.dispose();
  }
}

class GuestConsole {
  readonly session: vscode.DebugSession;
  readonly domain: number;
  readonly name: string;
  ended = false;
  private kept = '';
  private terminal: vscode.Terminal | undefined;
  /** Set once the terminal shows what is written. */
  private output: vscode.EventEmitter<string> | undefined;

  constructor(session: vscode.DebugSession, domain: number, name: string) {
    this.session = session;
    this.domain = domain;
    this.name = name;
  }

  write(text: string): void {
    // Early consoles of guests end lines with a line feed alone.
    const shown = text.replaceAll(/\r?\n/g, '\r\n');
    this.kept += shown;
    // Not at every write, which may be a single character.
    if (this.kept.length > 2 * KEPT) this.kept = this.kept.slice(-KEPT);
    this.output?.fire(shown);
  }

  show(preserveFocus: boolean): void {
    this.terminal ??= vscode.window.createTerminal({
      name: vscode.l10n.t('{0} console', this.name),
      iconPath: new vscode.ThemeIcon('vm'),
      isTransient: true,
      pty: this.pseudoterminal(),
    });
    this.terminal.show(preserveFocus);
  }

  end(): void {
    this.ended = true;
    this.write(`\r\n\x1b[2m${vscode.l10n.t('[the machine has ended]')}\x1b[0m\r\n`);
  }

  dispose(): void {
    this.terminal?.dispose();
  }

  private pseudoterminal(): vscode.Pseudoterminal {
    const output = new vscode.EventEmitter<string>();
    return {
      onDidWrite: output.event,
      open: () => {
        // What was written before a terminal is open would be lost.
        output.fire(this.kept);
        this.output = output;
      },
      close: () => {
        this.output = undefined;
        this.terminal = undefined;
        output.dispose();
      },
      handleInput: (text) => void this.type(text),
    };
  }

  private async type(text: string): Promise<void> {
    if (this.ended) return;
    const args: XenRequests['xen/console']['arguments'] = { domain: this.domain, text };
    try {
      await this.session.customRequest('xen/console', args);
    } catch (error) {
      this.write(`\r\n\x1b[31m${error instanceof Error ? error.message : String(error)}\x1b[0m\r\n`);
    }
  }
}
