// The view "Domains" of Run and Debug: domains with their vCPUs, devices and consoles. It is asked for only while
// it can be seen.

import * as vscode from 'vscode';
import type { XenRequests } from '../../debug-adapter/protocol.ts';
import { ask } from '../ask.ts';
import { commandOf, PANELS } from '../panels/panels.ts';
import type { Sessions } from '../panels/sessions.ts';
import { addressesIn, type Item, itemsOf } from './items.ts';

const VIEW = 'xenscope.domains';
/** Times a second, while the machine runs. */
const RATE = 2;

export class DomainsTree implements vscode.TreeDataProvider<Item>, vscode.Disposable {
  private readonly sessions: Sessions;
  private readonly change = new vscode.EventEmitter<void>();
  private readonly view: vscode.TreeView<Item>;
  private readonly disposables: vscode.Disposable[];
  private items: Item[] = [];
  /** The session that tells of changes now. */
  private subscribed: vscode.DebugSession | undefined;
  private asking = false;
  private askAgain = false;
  readonly onDidChangeTreeData = this.change.event;

  constructor(sessions: Sessions) {
    this.sessions = sessions;
    this.view = vscode.window.createTreeView(VIEW, { treeDataProvider: this });
    this.disposables = [
      this.change,
      this.view,
      this.view.onDidChangeVisibility(() => void this.follow()),
      sessions.onDidChange(() => void this.follow()),
      sessions.onDidChangeViews(({ areas }) => {
        if (areas.includes('domains')) void this.refresh();
      }),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  getChildren(item?: Item): Item[] {
    return item ? [...item.children] : this.items;
  }

  getTreeItem(item: Item): vscode.TreeItem {
    const { Expanded, None } = vscode.TreeItemCollapsibleState;
    const shown = new vscode.TreeItem(item.label, item.children.length > 0 ? Expanded : None);
    shown.id = item.id;
    shown.description = item.description;
    // Text of a guest is text: a Markdown tooltip would render it.
    shown.tooltip = item.tooltip;
    shown.iconPath = new vscode.ThemeIcon(item.icon);
    shown.contextValue = item.context;
    shown.accessibilityInformation = { label: `${item.label}, ${item.description}` };
    const { panel } = item;
    const row = panel && PANELS.find(({ id }) => id === panel.id);
    if (panel && row) {
      shown.command = {
        command: commandOf(row),
        title: vscode.l10n.t(row.title),
        arguments: [panel.arguments],
      };
    }
    return shown;
  }

  /** Subscribes to the session that is looked at, as long as somebody looks. */
  private async follow(): Promise<void> {
    const { current } = this.sessions;
    const wanted = this.view.visible && current && !current.ended ? current.session : undefined;
    if (wanted?.id !== this.subscribed?.id) {
      const before = this.subscribed;
      this.subscribed = wanted;
      if (before) await subscribe(before, []);
      if (wanted) await subscribe(wanted, ['domains']);
    }
    if (wanted) await this.refresh();
    else if (!current || current.ended) this.show([]);
  }

  private async refresh(): Promise<void> {
    this.askAgain = this.asking;
    if (this.asking) return;
    this.asking = true;
    try {
      const { current } = this.sessions;
      if (this.view.visible && current && !current.ended && current.running !== undefined) {
        this.show(await domainsOf(current.session));
      }
    } catch {
      // The session ended in between: it will be told.
    } finally {
      this.asking = false;
    }
    if (this.askAgain) await this.refresh();
  }

  private show(items: Item[]): void {
    if (JSON.stringify(items) === JSON.stringify(this.items)) return;
    this.items = items;
    this.change.fire();
  }
}

async function domainsOf(session: vscode.DebugSession): Promise<Item[]> {
  const { view } = await ask(session, 'xen/domains', {});
  const names = new Map<string, string>();
  for (const { domain, addresses } of addressesIn(view)) {
    const { symbols } = await ask(session, 'xen/symbols', { domain, addresses });
    symbols.forEach((symbol, i) => {
      if (symbol) names.set(`${domain} ${addresses[i]}`, symbol.name);
    });
  }
  return itemsOf(view, (domain, address) => names.get(`${domain} ${address}`));
}

async function subscribe(
  session: vscode.DebugSession,
  areas: XenRequests['xen/subscribe']['arguments']['areas'],
): Promise<void> {
  try {
    await ask(session, 'xen/subscribe', { subscriber: VIEW, areas, rate: RATE });
  } catch {
    // A session that is gone tells nothing anyway.
  }
}
