// The view "Events" of Run and Debug: events of the hypervisor that stop the machine, are logged or counted. What was
// chosen belongs to the workspace and goes to every session before its machine runs.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
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
import { type Choice, type EventItem, eventItems, OTHER_FILTERS, requestsOf } from './items.ts';

const VIEW = 'xenscope.events';
const KEPT = 'xenscope.events';
const DEBUG_TYPE = 'xen';

export class EventsTree implements vscode.TreeDataProvider<EventItem>, vscode.Disposable {
  private readonly sessions: Sessions;
  private readonly state: vscode.Memento;
  private readonly change = new vscode.EventEmitter<EventItem[] | undefined>();
  private readonly view: vscode.TreeView<EventItem>;
  private readonly disposables: vscode.Disposable[];
  private readonly choices: Map<string, Choice>;
  private categories: readonly CatalogCategory[] = [];
  /** By session: each asks for the events of its domain. */
  private readonly answers = new Map<string, Map<string, EventBreakpointAnswer>>();
  /** Exception filters that are set, with their conditions. */
  private filters: ReadonlyMap<string, string> = new Map();
  /** What the editor has of the tree, by id. */
  private readonly given = new Map<string, EventItem>();
  /** What is known of it since then. */
  private latest: ReadonlyMap<string, EventItem> = new Map();
  /** The session that the catalogue is of. */
  private loadedFrom = '';
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
        for (const [item, state] of items) this.tick(item, state === vscode.TreeItemCheckboxState.Checked);
        void this.sendToAll();
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
          onWillReceiveMessage: (message: { command?: string; arguments?: unknown }) => {
            if (message.command === 'setExceptionBreakpoints')
              this.filtersSet(message.arguments as Dap.SetExceptionBreakpointsArguments);
          },
        }),
      }),
      vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
        if (event === 'xen/hit') this.counted(session, body as XenEvents['xen/hit']);
      }),
      vscode.debug.onDidTerminateDebugSession(({ id }) => this.answers.delete(id)),
      sessions.onDidChange(() => void this.load()),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  getChildren(item?: EventItem): EventItem[] {
    if (!item) this.latest = new Map();
    const children = item ? item.children : this.items();
    for (const child of children) this.given.set(child.id, child);
    return [...children];
  }

  private items(): EventItem[] {
    const { choices, filters } = this;
    return eventItems(this.categories, { choices, filters, answers: combined([...this.answers.values()]) });
  }

  getTreeItem(given: EventItem): vscode.TreeItem {
    const item = this.latest.get(given.id) ?? given;
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

  private tick({ event, isFilter }: EventItem, on: boolean): void {
    if (!event) return;
    const chosen = this.choices.get(event.name)?.on ?? false;
    if (on || chosen || !isFilter) this.choose(event.name, on);
    // No extension can change what is ticked there.
    if (!on && isFilter) void showBreakpoints(event.label);
  }

  private choose(event: string, on: boolean, what: Partial<EventBreakpointRequest> = {}): void {
    const before = this.choices.get(event)?.request;
    this.choices.set(event, { on, request: { ...before, ...what, event } });
    void this.state.update(KEPT, [...this.choices]);
  }

  private async editCondition({ event }: EventItem): Promise<void> {
    if (!event) return;
    const condition = await vscode.window.showInputBox({
      title: event.label,
      prompt: vscode.l10n.t(
        'An expression; empty: always. The event is $ev, with {0}.',
        event.fields.map(({ name }) => name).join(', '),
      ),
      placeHolder: `$ev.${event.fields[0]?.name ?? 'dom'} == …`,
      value: this.choices.get(event.name)?.request.condition ?? '',
    });
    if (condition === undefined) return;
    this.choose(event.name, true, { condition });
    await this.sendToAll();
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
    await this.sendToAll();
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
    await this.sendToAll();
  }

  private async clear(): Promise<void> {
    this.choices.clear();
    await this.state.update(KEPT, []);
    await this.sendToAll();
  }

  // ---------------------------------------------------------------- the session

  private async load(): Promise<void> {
    const { current } = this.sessions;
    if (!current || current.ended || this.loadedFrom === current.session.id) return;
    this.loadedFrom = current.session.id;
    try {
      // Of a bare machine there is less than of one with Xen.
      this.categories = (await ask(current.session, 'xen/eventCatalog', {})).categories;
      this.change.fire(undefined);
    } catch {
      // The session ended in between: the next one will do.
      this.loadedFrom = '';
    }
  }

  private async sendToAll(): Promise<void> {
    this.change.fire(undefined);
    await Promise.all(this.sessions.live.map((session) => this.send(session)));
  }

  private async send(session: vscode.DebugSession): Promise<void> {
    const wanted = requestsOf(this.choices);
    try {
      const { breakpoints } = await ask(session, 'xen/setEventBreakpoints', { breakpoints: wanted });
      const answers = new Map<string, EventBreakpointAnswer>();
      wanted.forEach(({ event }, i) => {
        const answer = breakpoints[i];
        if (answer) answers.set(event, answer);
      });
      this.answers.set(session.id, answers);
      this.change.fire(undefined);
    } catch {
      // What was chosen holds for the next session.
    }
  }

  /** The editor sends the same to every session. */
  private filtersSet({ filters, filterOptions = [] }: Dap.SetExceptionBreakpointsArguments): void {
    const set = [
      ...filters.map((filter) => [filter, ''] as const),
      ...filterOptions.map(({ filterId, condition = '' }) => [filterId, condition] as const),
    ];
    this.filters = new Map(set.filter(([filter]) => !OTHER_FILTERS.has(filter)));
    this.change.fire(undefined);
  }

  private counted({ id: session }: vscode.DebugSession, { counts }: XenEvents['xen/hit']): void {
    const answers = this.answers.get(session);
    if (!answers) return;
    const changed: EventItem[] = [];
    for (const { id, count } of counts) {
      for (const [event, answer] of answers) {
        if (answer.id !== id || answer.count === count) continue;
        answers.set(event, { ...answer, count });
        const item = this.given.get(event);
        if (item) changed.push(item);
      }
    }
    // Only these rows: others may be clicked on at this moment.
    this.latest = new Map(flat(this.items()).map((item) => [item.id, item]));
    if (changed.length > 0) this.change.fire(changed);
  }
}

const flat = (items: readonly EventItem[]): EventItem[] =>
  items.flatMap((item) => [item, ...flat(item.children)]);

/** What several sessions say of the same event: how often all of them passed it. */
function combined(
  sessions: readonly ReadonlyMap<string, EventBreakpointAnswer>[],
): ReadonlyMap<string, EventBreakpointAnswer> {
  const all = new Map<string, EventBreakpointAnswer>();
  for (const [event, answer] of sessions.flatMap((answers) => [...answers])) {
    const known = all.get(event);
    all.set(event, known ? { ...answer, ...known, count: known.count + answer.count } : answer);
  }
  return all;
}

async function showBreakpoints(event: string): Promise<void> {
  const show = vscode.l10n.t('Show Breakpoints');
  const message = vscode.l10n.t("'{0}' is set as a filter in the view Breakpoints.", event);
  if ((await vscode.window.showInformationMessage(message, show)) !== show) return;
  await vscode.commands.executeCommand('workbench.debug.action.focusBreakpointsView');
}
