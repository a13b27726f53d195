// All open panels. This is the door of the bundle `dist/panels.cjs`.

import * as vscode from 'vscode';
import type { Link, PanelArguments, PinnedTo } from '../../media/messages.ts';
import { Links } from './links.ts';
import { PanelHost, pinIn } from './panel-host.ts';
import { PANELS, type PanelRow, viewTypeOf } from './panels.ts';
import type { Sessions } from './sessions.ts';
import { SessionModel } from './session-model.ts';

const PLACED_WITHIN_MS = 1000;

export class Panels implements vscode.Disposable {
  private readonly context: vscode.ExtensionContext;
  private readonly model: SessionModel;
  private readonly links: Links;
  private readonly hosts: PanelHost[] = [];
  private opening = Promise.resolve();

  constructor(context: vscode.ExtensionContext, sessions: Sessions) {
    this.context = context;
    this.model = new SessionModel(sessions);
    this.links = new Links(this.model, (id, args, another) => this.open(id, args, another));
  }

  /** Shows a panel: one that is open and free to show this, or a new one. */
  open(id: string, args?: PanelArguments, another = false): Promise<void> {
    const row = PANELS.find((candidate) => candidate.id === id);
    if (!row) throw new Error(`there is no panel '${id}'`);
    // One after the other: the next one stands where the last one came to stand.
    this.opening = this.opening.then(() => this.openNow(row, args, another));
    return this.opening;
  }

  private async openNow(row: PanelRow, args: PanelArguments | undefined, another: boolean): Promise<void> {
    const domain = typeof args?.['domain'] === 'number' ? args['domain'] : undefined;
    const found = another ? undefined : this.hostFor(row, domain);
    if (found) {
      found.show(args);
      return;
    }
    const neighbour = this.hosts.at(-1)?.column;
    const panel = vscode.window.createWebviewPanel(
      viewTypeOf(row),
      vscode.l10n.t(row.title),
      neighbour ?? besideCode(),
    );
    this.adopt(row, panel, undefined, args);
    await placed(panel);
    // The source of the next stop is to open beside the panel, not over it.
    if (neighbour === undefined) await vscode.commands.executeCommand('workbench.action.lockEditorGroup');
  }

  /** A panel that was open when the window was reloaded. */
  restore(row: PanelRow, panel: vscode.WebviewPanel, state: unknown): void {
    this.adopt(row, panel, pinIn(state), undefined);
  }

  openLink(link: Link): Promise<void> {
    return this.links.open(link);
  }

  dispose(): void {
    for (const host of [...this.hosts]) host.dispose();
    this.links.dispose();
    this.model.dispose();
  }

  /** The panel of a domain, or one that follows the focus. */
  private hostFor({ id }: PanelRow, domain: number | undefined): PanelHost | undefined {
    const ofKind = this.hosts.filter((host) => host.id === id);
    const pinned = domain === undefined ? undefined : ofKind.find((host) => host.pin?.domain === domain);
    return pinned ?? ofKind.find((host) => host.pin === undefined);
  }

  private adopt(
    row: PanelRow,
    panel: vscode.WebviewPanel,
    pin: PinnedTo | undefined,
    args: PanelArguments | undefined,
  ): void {
    const media = vscode.Uri.joinPath(this.context.extensionUri, 'dist', 'media');
    const host = new PanelHost({ row, panel, media, model: this.model, links: this.links, pin, args });
    this.hosts.push(host);
    panel.onDidDispose(() => this.hosts.splice(this.hosts.indexOf(host), 1));
  }
}

/** Panels stand beside the code that they are looked at with, even if none is open yet. */
const besideCode = (): vscode.ViewColumn =>
  vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Two;

/** The editor tells where a new panel stands with its first change of state; it is not waited for in vain. */
function placed(panel: vscode.WebviewPanel): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      listener.dispose();
      resolve();
    };
    const listener = panel.onDidChangeViewState(done);
    const timer = setTimeout(done, PLACED_WITHIN_MS);
  });
}
