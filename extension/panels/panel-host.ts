// The extension's end of one panel: answers its queries, asks before it changes something, and lets the
// machine tell it about changes only while it is visible.

import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Confirmation, PanelArguments, PinnedTo, ToHost, ToView } from '../../media/messages.ts';
import { MESSAGES_VERSION, PANEL_COMMANDS } from '../../media/messages.ts';
import type { Links } from './links.ts';
import { panelPage } from './page.ts';
import { type PanelRow, areasOf } from './panels.ts';
import type { SessionModel } from './session-model.ts';

const DEFAULT_RATE = 5;

interface Parts {
  readonly row: PanelRow;
  readonly panel: vscode.WebviewPanel;
  /** Folder of the bundles. */
  readonly media: vscode.Uri;
  readonly model: SessionModel;
  readonly links: Links;
  readonly pin: PinnedTo | undefined;
  readonly args: PanelArguments | undefined;
}

let lastSubscriber = 0;

export class PanelHost implements vscode.Disposable {
  readonly id: string;
  /** Undefined: the panel follows the focus. */
  pin: PinnedTo | undefined;
  private readonly row: PanelRow;
  private readonly panel: vscode.WebviewPanel;
  private readonly model: SessionModel;
  private readonly links: Links;
  private readonly disposables: vscode.Disposable[] = [];
  private readonly subscriber = `panel ${++lastSubscriber}`;
  /** What the panel is to show once it is there. */
  private args: PanelArguments | undefined;
  private ready = false;
  /** The session that tells changes to this panel. */
  private subscribedTo: string | undefined;

  constructor({ row, panel, media, model, links, pin, args }: Parts) {
    this.id = row.id;
    this.row = row;
    this.panel = panel;
    this.model = model;
    this.links = links;
    this.pin = pin;
    this.args = args;
    panel.webview.options = { enableScripts: true, localResourceRoots: [media] };
    this.disposables.push(
      panel.webview.onDidReceiveMessage((message: ToHost) => void this.received(message)),
      panel.onDidChangeViewState(() => this.shownOrHidden()),
      panel.onDidDispose(() => this.disposed()),
      model.onDidChange(() => this.sessionChanged()),
      model.onDidChangeViews(({ sessionId, areas, generation, running }) => {
        if (sessionId === this.model.liveId) this.post({ type: 'changed', areas, generation, running });
      }),
    );
    this.nameTab();
    panel.webview.html = pageOf(row, panel.webview, media);
    this.shownOrHidden();
  }

  get column(): vscode.ViewColumn | undefined {
    return this.panel.viewColumn;
  }

  show(args: PanelArguments | undefined): void {
    this.panel.reveal();
    if (!args) return;
    if (this.ready) this.post({ type: 'show', arguments: args });
    else this.args = args;
  }

  dispose(): void {
    this.panel.dispose();
  }

  private async received(message: ToHost): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        this.init();
        break;
      case 'query':
        await this.answer(message.id, message.request, this.row.requests, () =>
          this.model.request(message.request, message.arguments),
        );
        break;
      case 'action':
        await this.answer(message.id, message.request, this.row.actions, async () => {
          if (message.confirm && !(await confirmed(message.confirm))) return false;
          return this.model.request(message.request, message.arguments);
        });
        break;
      case 'input': {
        const { id, input } = message;
        this.post({ type: 'answer', id, result: (await vscode.window.showInputBox(input)) ?? null });
        break;
      }
      case 'open':
        await this.links.open(message.link);
        break;
      case 'command':
        if (PANEL_COMMANDS.includes(message.command)) await vscode.commands.executeCommand(message.command);
        break;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'export':
        await saved(message.name, message.text);
        break;
      case 'pin':
        this.pin = message.pin ?? undefined;
        this.nameTab();
        break;
    }
  }

  private async answer(
    id: number,
    request: string,
    allowed: readonly string[],
    get: () => Promise<unknown>,
  ): Promise<void> {
    if (!allowed.includes(request)) {
      this.post({ type: 'answer', id, error: `the panel '${this.id}' may not ask for ${request}` });
      return;
    }
    try {
      this.post({ type: 'answer', id, result: await get() });
    } catch (error) {
      this.post({ type: 'answer', id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  private init(): void {
    const { args } = this;
    this.args = undefined;
    this.post({
      type: 'init',
      version: MESSAGES_VERSION,
      panel: this.id,
      session: this.model.state,
      ...(args && { arguments: args }),
    });
  }

  private sessionChanged(): void {
    this.subscribe();
    this.post({ type: 'session', session: this.model.state });
  }

  private shownOrHidden(): void {
    const { visible, active } = this.panel;
    // A hidden panel's page is gone; it says that it is ready when it is shown again.
    if (!visible) this.ready = false;
    this.model.watch(this, visible);
    void vscode.commands.executeCommand('setContext', 'xenscope.panelFocus', active && this.id);
    this.subscribe();
  }

  /** A hidden panel costs nothing. */
  private subscribe(): void {
    const wanted = this.panel.visible ? this.model.liveId : undefined;
    if (wanted === this.subscribedTo) return;
    const areas = wanted === undefined ? [] : areasOf(this.row);
    const { subscriber } = this;
    this.subscribedTo = wanted;
    const { rate = DEFAULT_RATE } = this.row;
    // Fails only when the session has just ended.
    this.model.request('xen/subscribe', { subscriber, areas, rate }).then(undefined, () => {});
  }

  private disposed(): void {
    this.model.watch(this, false);
    if (this.subscribedTo !== undefined) {
      this.model
        .request('xen/subscribe', { subscriber: this.subscriber, areas: [] })
        .then(undefined, () => {});
    }
    void vscode.commands.executeCommand('setContext', 'xenscope.panelFocus', false);
    for (const disposable of this.disposables) disposable.dispose();
  }

  private nameTab(): void {
    const title = vscode.l10n.t(this.row.title);
    this.panel.title = this.pin ? `${title} · ${nameOf(this.pin)}` : title;
  }

  private post(message: ToView): void {
    if (this.ready) void this.panel.webview.postMessage(message);
  }
}

function pageOf({ id, title }: PanelRow, webview: vscode.Webview, media: vscode.Uri): string {
  const file = (name: string): string => String(webview.asWebviewUri(vscode.Uri.joinPath(media, name)));
  return panelPage({
    id,
    title: vscode.l10n.t(title),
    language: vscode.env.language,
    nonce: randomBytes(16).toString('base64'),
    source: webview.cspSource,
    script: file(`${id}.js`),
    icons: file('codicon.css'),
    texts: textsOf(vscode.l10n.bundle),
  });
}

const nameOf = ({ domain, vcpu }: PinnedTo): string =>
  `${domain < 0 ? 'host' : `d${domain}`}${vcpu === undefined ? '' : ` v${vcpu}`}`;

/** The pin in what a panel kept. */
export function pinIn(state: unknown): PinnedTo | undefined {
  const { common } = (state ?? {}) as { common?: { pin?: PinnedTo } };
  return common?.pin;
}

async function confirmed({ message, detail, button }: Confirmation): Promise<boolean> {
  const options = { modal: true, ...(detail !== undefined && { detail }) };
  return (await vscode.window.showWarningMessage(message, options, button)) === button;
}

async function saved(name: string, text: string): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const uri = await vscode.window.showSaveDialog({
    ...(folder && { defaultUri: vscode.Uri.joinPath(folder, name) }),
  });
  if (uri) await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
}

/** A bundle's texts without the comments that some have. */
function textsOf(bundle: typeof vscode.l10n.bundle): Record<string, string> {
  return Object.fromEntries(
    Object.entries(bundle ?? {}).map(([key, text]) => [key, typeof text === 'string' ? text : key]),
  );
}
