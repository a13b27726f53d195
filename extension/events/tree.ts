// The view "Events" of Run and Debug: events of the hypervisor that stop the machine, are logged or counted. What was
// chosen belongs to the workspace and goes to every session before its machine runs.

import * as vscode from 'vscode';
import type {
  CatalogCategory,
  EventBreakpointAnswer,
  EventBreakpointRequest,
  EventStage,
  XenEvents,
} from '../../debug-adapter/protocol.ts';
import { ask } from '../ask.ts';
import type { Sessions } from '../panels/sessions.ts';
import { type Choice, type EventItem, eventItems, requestsOf } from './items.ts';

const VIEW = 'xenscope.events';
const KEPT = 'xenscope.events';
const DEBUG_TYPE = 'xen';

export class EventsTree implements vscode.TreeDataProvider<EventItem>, vscode.Disposable {
  private readonly sessions: Sessions;
  private readonly state: vscode.Memento;
  private readonly change = new vscode.EventEmitter<void>();
  private readonly view: vscode.TreeView<EventItem>;
  private readonly disposables: vscode.Disposable[];
  private readonly choices: Map<string, Choice>;
  private categories: readonly CatalogCategory[] = [];
  private answers = new Map<string, EventBreakpointAnswer>();
  readonly onDidChangeTreeData = this.change.event;

  constructor(sessions: Sessions, state: vscode.Memento) {
    this.sessions = sessions;
    this.state = state;
    this.choices = new Map(state.get<[string, Choice][]>(KEPT, []));
    this.view = vscode.window.createTreeView(VIEW, {
      treeDataProvider: this,
      manageCheckboxStateManually: true,
    });
    const command = (name: string, action: (item: EventItem) => Promise<void>): vscode.Disposable =>
      vscode.commands.registerCommand(name, (item?: EventItem) => item && action(item));
    this.disposables = [
      this.change,
      this.view,
      this.view.onDidChangeCheckboxState(({ items }) => {
        for (const [{ event }, state] of items) {
          if (event) this.choose(event.name, state === vscode.TreeItemCheckboxState.Checked);
        }
        void this.send();
      }),
      command('xenscope.events.condition', (item) => this.editCondition(item)),
      command('xenscope.events.action', (item) => this.editAction(item)),
      command('xenscope.events.stage', (item) => this.editStage(item)),
      vscode.commands.registerCommand('xenscope.events.clear', () => this.clear()),
      // Before the client says that it is configured, so that nothing of the guest's start is missed.
      vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: ({ type, event }: { type?: string; event?: string }) => {
            if (type === 'event' && event === 'initialized') void this.send(session);
          },
        }),
      }),
      vscode.debug.onDidReceiveDebugSessionCustomEvent(({ event, body }) => {
        if (event === 'xen/hit') this.counted(body as XenEvents['xen/hit']);
      }),
      sessions.onDidChange(() => void this.load()),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  getChildren(item?: EventItem): EventItem[] {
    return item ? [...item.children] : eventItems(this.categories, this.choices, this.answers);
  }

  getTreeItem(item: EventItem): vscode.TreeItem {
    const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
    const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
    const state = item.children.length === 0 ? None : item.holdsChoices ? Expanded : Collapsed;
    const shown = new vscode.TreeItem(item.label, state);
    shown.id = item.id;
    shown.description = item.description;
    shown.tooltip = item.tooltip;
    if (item.event) {
      shown.checkboxState = item.isOn ? Checked : Unchecked;
      shown.contextValue = item.event.stages.length > 1 ? 'event stages' : 'event';
    }
    return shown;
  }

  // ---------------------------------------------------------------- what the user chooses

  private choose(event: string, on: boolean, what: Partial<EventBreakpointRequest> = {}): void {
    const before = this.choices.get(event)?.request;
    this.choices.set(event, { on, request: { ...before, ...what, event } });
    void this.state.update(KEPT, [...this.choices]);
  }

  private async editCondition({ event }: EventItem): Promise<void> {
    if (!event) return;
    const condition = await vscode.window.showInputBox({
      title: event.label,
      prompt: vscode.l10n.t('An expression; empty: always'),
      placeHolder: event.fields.map(({ name }) => `$ev.${name}`).join(' '),
      value: this.choices.get(event.name)?.request.condition ?? '',
    });
    if (condition === undefined) return;
    this.choose(event.name, true, { condition });
    await this.send();
  }

  private async editAction({ event }: EventItem): Promise<void> {
    if (!event) return;
    const actions = [
      { label: vscode.l10n.t('Stop'), action: 'stop' },
      { label: vscode.l10n.t('Log to the debug console'), action: 'log' },
      { label: vscode.l10n.t('Count'), action: 'count' },
    ] as const;
    const chosen = await vscode.window.showQuickPick(actions, { title: event.label });
    if (!chosen) return;
    this.choose(event.name, true, { action: chosen.action });
    await this.send();
  }

  private async editStage({ event }: EventItem): Promise<void> {
    if (!event) return;
    const stages: { label: string; stage: EventStage | 'both' }[] = [
      { label: vscode.l10n.t('As it begins'), stage: 'pre' },
      { label: vscode.l10n.t('With its result'), stage: 'post' },
      { label: vscode.l10n.t('Both'), stage: 'both' },
    ];
    const chosen = await vscode.window.showQuickPick(stages, { title: event.label });
    if (!chosen) return;
    this.choose(event.name, true, { stage: chosen.stage });
    await this.send();
  }

  private async clear(): Promise<void> {
    this.choices.clear();
    await this.state.update(KEPT, []);
    await this.send();
  }

  // ---------------------------------------------------------------- the session

  /** The tree is the adapter's, and the same for all of its sessions. */
  private async load(): Promise<void> {
    const { current } = this.sessions;
    if (!current || current.ended || this.categories.length > 0) return;
    try {
      this.categories = (await ask(current.session, 'xen/eventCatalog', {})).categories;
      this.change.fire();
    } catch {
      // The session ended in between: the next one will do.
    }
  }

  private async send(session = this.sessions.current?.session): Promise<void> {
    this.change.fire();
    if (!session) return;
    const wanted = requestsOf(this.choices);
    try {
      const { breakpoints } = await ask(session, 'xen/setEventBreakpoints', { breakpoints: wanted });
      this.answers = new Map();
      wanted.forEach(({ event }, i) => {
        const answer = breakpoints[i];
        if (answer) this.answers.set(event, answer);
      });
      this.change.fire();
    } catch {
      // What was chosen holds for the next session.
    }
  }

  private counted({ counts }: XenEvents['xen/hit']): void {
    for (const { id, count } of counts) {
      for (const [event, answer] of this.answers) {
        if (answer.id === id) this.answers.set(event, { ...answer, count });
      }
    }
    this.change.fire();
  }
}
