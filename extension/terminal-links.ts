// Addresses and symbols in what a guest prints are links: to the source line where it is known, otherwise to the
// instructions or the memory there. A panic's backtrace can be walked with the mouse.

import * as vscode from 'vscode';
import { ask } from './ask.ts';
import type { Consoles } from './consoles.ts';
import { findAddresses } from './terminal-text.ts';

interface AddressLink extends vscode.TerminalLink {
  readonly session: vscode.DebugSession;
  readonly domain: number;
  /** An expression for the adapter. */
  readonly expression: string;
}

export function registerTerminalLinks(consoles: Consoles): vscode.Disposable {
  return vscode.window.registerTerminalLinkProvider({
    provideTerminalLinks({ line, terminal }): AddressLink[] {
      const owner = consoles.ownerOf(terminal);
      if (!owner) return [];
      return findAddresses(line).map(({ start, length, expression }) => ({
        startIndex: start,
        length,
        tooltip: vscode.l10n.t('Show what is at this address'),
        expression,
        ...owner,
      }));
    },
    handleTerminalLink: follow,
  });
}

async function follow({ session, domain, expression }: AddressLink): Promise<void> {
  try {
    const place = await ask(session, 'xen/resolve', { domain, text: expression });
    const { symbols } = await ask(session, 'xen/symbols', { domain, addresses: [place.memoryReference] });
    // What has a name is code, mostly; the rest is looked at as bytes.
    const kind = symbols[0] ? 'source' : 'memory';
    await vscode.commands.executeCommand('xenscope.openLink', { kind, reference: place.memoryReference });
  } catch (error) {
    void vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error));
  }
}
