// What panels link to: memory, code, other panels.

import * as vscode from 'vscode';
import type { XenRequests } from '../../debug-adapter/protocol.ts';
import type { Link, PanelArguments } from '../../media/messages.ts';
import { GuestDocuments } from './guest-documents.ts';
import type { SessionModel } from './session-model.ts';

type OpenPanel = (id: string, args: PanelArguments | undefined, another: boolean) => Promise<void>;

export class Links implements vscode.Disposable {
  private readonly model: SessionModel;
  private readonly documents: GuestDocuments;
  private readonly openPanel: OpenPanel;

  constructor(model: SessionModel, openPanel: OpenPanel) {
    this.model = model;
    this.documents = new GuestDocuments(model);
    this.openPanel = openPanel;
  }

  dispose(): void {
    this.documents.dispose();
  }

  async open(link: Link): Promise<void> {
    switch (link.kind) {
      case 'panel':
        await this.openPanel(link.panel, link.arguments, link.another ?? false);
        break;
      case 'memory':
        await this.documents.show('memory', link.reference);
        break;
      case 'disassembly':
        await this.documents.show('disassembly', link.reference);
        break;
      case 'source':
        if (!(await this.showSource(link.reference)))
          await this.documents.show('disassembly', link.reference);
        break;
    }
  }

  /** False where the line is not known, or its file is not on this machine. */
  private async showSource(reference: string): Promise<boolean> {
    const domain = /^d(\d+)\//.exec(reference)?.[1];
    const args: XenRequests['xen/symbols']['arguments'] = {
      addresses: [reference],
      ...(domain !== undefined && { domain: Number(domain) }),
    };
    try {
      const answer = (await this.model.request('xen/symbols', args)) as XenRequests['xen/symbols']['result'];
      const [symbol] = answer.symbols;
      if (symbol?.path === undefined || symbol.line === undefined) return false;
      const at = new vscode.Position(symbol.line - 1, 0);
      await vscode.window.showTextDocument(vscode.Uri.file(symbol.path), {
        selection: new vscode.Range(at, at),
        viewColumn: vscode.ViewColumn.One,
      });
      return true;
    } catch {
      return false;
    }
  }
}
