// The view "Guest OS" of Run and Debug: what the guest's operating system runs and has loaded, as it was at the last
// stop. It is asked for only while it can be seen; the stack of a task when the task is opened.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { ask } from '../ask.ts';
import type { Sessions } from '../panels/sessions.ts';
import { frameItems, type GuestItem, guestItems, type GuestRows, type ModuleRow } from './items.ts';

const VIEW = 'xenscope.guestOs';

export class GuestOsTree implements vscode.TreeDataProvider<GuestItem>, vscode.Disposable {
  private readonly sessions: Sessions;
  private readonly change = new vscode.EventEmitter<void>();
  private readonly view: vscode.TreeView<GuestItem>;
  private readonly disposables: vscode.Disposable[];
  private guests: readonly GuestRows[] = [];
  private filter = '';
  /** Session and stop that were asked last. */
  private shownOf = '';
  readonly onDidChangeTreeData = this.change.event;

  constructor(sessions: Sessions) {
    this.sessions = sessions;
    this.view = vscode.window.createTreeView(VIEW, { treeDataProvider: this });
    this.disposables = [
      this.change,
      this.view,
      this.view.onDidChangeVisibility(() => void this.refresh()),
      sessions.onDidChange(() => void this.refresh()),
      vscode.commands.registerCommand('xenscope.guestOs.filter', () => this.editFilter()),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  getChildren(item?: GuestItem): GuestItem[] | Promise<GuestItem[]> {
    if (!item) return guestItems(this.guests, this.filter);
    return item.task ? this.stackOf(item) : [...item.children];
  }

  getTreeItem(item: GuestItem): vscode.TreeItem {
    const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
    const canOpen = item.task !== undefined || item.children.length > 0;
    const shown = new vscode.TreeItem(item.label, canOpen ? (item.open ? Expanded : Collapsed) : None);
    shown.id = item.id;
    shown.description = item.description;
    // Text of a guest is text: a Markdown tooltip would render it.
    shown.tooltip = item.tooltip;
    shown.iconPath = new vscode.ThemeIcon(item.icon);
    shown.contextValue = item.context;
    shown.accessibilityInformation = { label: `${item.label}, ${item.description}` };
    if (item.reference !== undefined) {
      const kind = item.context === 'module' ? 'disassembly' : 'source';
      shown.command = {
        command: 'xenscope.openLink',
        title: vscode.l10n.t('Show what is at this address'),
        arguments: [{ kind, reference: item.reference }],
      };
    }
    return shown;
  }

  private async refresh(): Promise<void> {
    const { current } = this.sessions;
    if (!current || current.ended) {
      this.shownOf = '';
      this.show([]);
      this.view.message = '';
      return;
    }
    if (current.running !== false) {
      if (this.guests.length > 0) this.view.message = vscode.l10n.t('As it was at the last stop.');
      return;
    }
    const of = `${current.session.id} ${current.generation}`;
    if (!this.view.visible || of === this.shownOf) return;
    this.shownOf = of;
    const guests = await guestsOf(current.session);
    if (this.shownOf !== of) return;
    this.view.message = '';
    this.show(guests);
  }

  private show(guests: readonly GuestRows[]): void {
    if (guests.length === 0 && this.guests.length === 0) return;
    this.guests = guests;
    this.change.fire();
  }

  private async stackOf({ domain, task }: GuestItem): Promise<GuestItem[]> {
    const { current } = this.sessions;
    if (!task || !current || current.ended) return [];
    try {
      const { frames } = await ask(current.session, 'xen/taskStack', { domain, address: task.address });
      return frameItems(domain, task, frames);
    } catch (error) {
      // The machine runs again, or the task has ended.
      const reason = error instanceof Error ? error.message : String(error);
      return frameItems(domain, task, [{ name: reason }]);
    }
  }

  private async editFilter(): Promise<void> {
    const filter = await vscode.window.showInputBox({
      title: vscode.l10n.t('Filter Tasks and Modules'),
      prompt: vscode.l10n.t('A part of a name, or a pid; empty: all'),
      value: this.filter,
    });
    if (filter === undefined) return;
    this.filter = filter.trim();
    this.view.description = this.filter;
    this.change.fire();
  }
}

/** Domains whose operating system is known. */
async function guestsOf(session: vscode.DebugSession): Promise<GuestRows[]> {
  try {
    const { view } = await ask(session, 'xen/domains', {});
    const { modules } = (await session.customRequest('modules', {})) as {
      modules: (Dap.Module & ModuleRow)[];
    };
    const guests = view.domains
      .filter(({ vcpus }) => vcpus.length > 0)
      .map(async ({ domain, name }): Promise<GuestRows[]> => {
        try {
          const { os, tasks } = await ask(session, 'xen/tasks', { domain });
          const loaded = modules.filter((row) => row.addressRange !== undefined && row.domain === name);
          return [{ domain, name, os, tasks, modules: loaded }];
        } catch {
          // Not one whose tasks are known.
          return [];
        }
      });
    return (await Promise.all(guests)).flat();
  } catch {
    // The session ended in between, or the machine runs again.
    return [];
  }
}
