// Consoles as terminals, of the guests and of the hypervisor: what is written appears there, and what is typed
// goes to the guest. A guest's terminal opens with its first output, the hypervisor's stands behind it. Both
// outlive their session, so that a panic can be read, and give way to the next session's console of the same name.

import * as vscode from 'vscode';
import { HYPERVISOR_CONSOLE, type XenEvents, type XenRequests } from '../debug-adapter/protocol.ts';
import { ConsoleFilter } from './console-filter.ts';

type ConsoleData = XenEvents['xen/consoleData'];

/** Kept of each console for a terminal that is opened (again) later. In characters. */
const KEPT = 256 * 1024;

export class Consoles implements vscode.Disposable {
  private readonly consoles: GuestConsole[] = [];

  receive({ session, event, body }: vscode.DebugSessionCustomEvent): void {
    if (event !== 'xen/consoleData') return;
    const data = body as ConsoleData;
    this.of(session, data).receive(data.text);
  }

  sessionEnded(session: vscode.DebugSession): void {
    for (const console of this.consoles) {
      if (console.session.id === session.id) console.end();
    }
  }

  /**
   * Brings a console to the front, opening its terminal again if it was closed: that of a domain, or of several the
   * one that is chosen.
   */
  async show(domain?: number): Promise<void> {
    const consoles = this.consoles.filter((console) => domain === undefined || console.domain === domain);
    if (consoles.length === 0) {
      void vscode.window.showInformationMessage(vscode.l10n.t('No guest has written to a console yet.'));
      return;
    }
    if (domain !== undefined || consoles.length === 1) {
      consoles.at(-1)?.show(false);
      return;
    }
    const items = consoles.toReversed().map((console) => ({
      label: console.name,
      description: console.ended ? vscode.l10n.t('[the machine has ended]') : '',
      console,
    }));
    const placeHolder = vscode.l10n.t('Which console?');
    (await vscode.window.showQuickPick(items, { placeHolder }))?.console.show(false);
  }

  /** The session whose console a terminal shows, and its domain; undefined for other terminals. */
  ownerOf(
    terminal: vscode.Terminal,
  ): { readonly session: vscode.DebugSession; readonly domain: number } | undefined {
    return this.consoles.find((console) => console.isShownIn(terminal));
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
    console.open();
    // What the hypervisor says is no reason to cover what the guest says.
    if (!console.isHypervisor) console.show(true);
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
  private readonly filter = new ConsoleFilter();
  private kept = '';
  private saidReadOnly = false;
  private terminal: vscode.Terminal | undefined;
  /** Set once the terminal shows what is written. */
  private output: vscode.EventEmitter<string> | undefined;

  constructor(session: vscode.DebugSession, domain: number, name: string) {
    this.session = session;
    this.domain = domain;
    this.name = name;
  }

  /** Output of a guest, which is not trusted. */
  receive(text: string): void {
    this.write(this.filter.pass(text));
  }

  write(text: string): void {
    // Early consoles of guests end lines with a line feed alone.
    const shown = text.replaceAll(/\r?\n/g, '\r\n');
    this.kept += shown;
    // Not at every write, which may be a single character.
    if (this.kept.length > 2 * KEPT) this.kept = this.kept.slice(-KEPT);
    this.output?.fire(shown);
  }

  get isHypervisor(): boolean {
    return this.domain === HYPERVISOR_CONSOLE;
  }

  isShownIn(terminal: vscode.Terminal): boolean {
    return this.terminal === terminal;
  }

  open(): vscode.Terminal {
    this.terminal ??= vscode.window.createTerminal({
      name: vscode.l10n.t('{0} console', this.name),
      iconPath: new vscode.ThemeIcon(this.isHypervisor ? 'server' : 'vm'),
      isTransient: true,
      pty: this.pseudoterminal(),
    });
    return this.terminal;
  }

  show(preserveFocus: boolean): void {
    this.open().show(preserveFocus);
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
    if (this.isHypervisor) {
      if (!this.saidReadOnly)
        this.write(`\r\n\x1b[2m${vscode.l10n.t('[the hypervisor reads no keys]')}\x1b[0m\r\n`);
      this.saidReadOnly = true;
      return;
    }
    const args: XenRequests['xen/console']['arguments'] = { domain: this.domain, text };
    try {
      await this.session.customRequest('xen/console', args);
    } catch (error) {
      this.write(`\r\n\x1b[31m${error instanceof Error ? error.message : String(error)}\x1b[0m\r\n`);
    }
  }
}
