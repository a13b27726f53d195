// What panels are told of the session they look at, and their way to its adapter.

import * as vscode from 'vscode';
import type { PanelArguments, SessionDomain, SessionState, VcpuId } from '../../media/messages.ts';
import type { FollowedSession, Sessions } from './sessions.ts';

/** The debug adapter ids a vCPU so: `threadIdOf` of debug-adapter/protocol.ts. */
const VCPUS = 256;

export class SessionModel implements vscode.Disposable {
  private readonly sessions: Sessions;
  private readonly change = new vscode.EventEmitter<void>();
  private readonly subscription: vscode.Disposable;
  private domains: readonly SessionDomain[] = [];
  /** For what the domains were asked: session and stop. */
  private domainsOf = '';
  /** Panels in sight. While there are none, nothing is asked. */
  private readonly watchers = new Set<object>();
  readonly onDidChange = this.change.event;
  readonly onDidChangeViews: Sessions['onDidChangeViews'];

  constructor(sessions: Sessions) {
    this.sessions = sessions;
    this.onDidChangeViews = sessions.onDidChangeViews;
    this.subscription = sessions.onDidChange(() => void this.update());
  }

  dispose(): void {
    this.subscription.dispose();
    this.change.dispose();
  }

  /** A panel came in sight, or is out of it. */
  watch(panel: object, visible: boolean): void {
    const first = this.watchers.size === 0;
    if (visible) this.watchers.add(panel);
    else this.watchers.delete(panel);
    if (first && visible) void this.update();
  }

  /** The session's id while it can be asked. */
  get liveId(): string | undefined {
    const current = this.sessions.current;
    return current && !current.ended ? current.session.id : undefined;
  }

  get state(): SessionState {
    const current = this.sessions.current;
    if (!current) return { phase: 'none', domains: [], generation: 0 };
    const { session, generation } = current;
    const focus = this.focusIn(current);
    return {
      phase: phaseOf(current),
      id: session.id,
      name: session.name,
      domains: this.domains,
      generation,
      ...(focus && { focus }),
    };
  }

  /** Rejects with the adapter's sentence. */
  async request(name: string, args: PanelArguments): Promise<unknown> {
    const current = this.sessions.current;
    if (!current || current.ended) throw new Error(vscode.l10n.t('No guest is being debugged.'));
    return current.session.customRequest(name, args);
  }

  private async update(): Promise<void> {
    const current = this.sessions.current;
    const key = current ? `${current.session.id} ${current.generation} ${current.running}` : '';
    if (current && !this.domainsOf.startsWith(current.session.id)) this.domains = [];
    this.change.fire();
    if (this.watchers.size === 0 || key === this.domainsOf) return;
    if (!current || current.ended || current.running === undefined) return;
    this.domainsOf = key;
    const domains = domainsIn(await this.request('xen/domains', {}).then(undefined, () => undefined));
    if (this.domainsOf !== key || !domains) return;
    this.domains = domains;
    this.change.fire();
  }

  private focusIn({ session }: FollowedSession): VcpuId | undefined {
    const item = vscode.debug.activeStackItem;
    if (!item || item.session.id !== session.id) return undefined;
    const domain = Math.floor((item.threadId - 1) / VCPUS);
    const vcpu = (item.threadId - 1) % VCPUS;
    // A bare machine counts its threads as domain 0 would.
    return { domain: this.domains.some((row) => row.domain === -1) ? -1 : domain, vcpu };
  }
}

function phaseOf({ ended, running }: FollowedSession): SessionState['phase'] {
  if (ended) return 'ended';
  if (running === undefined) return 'none';
  return running ? 'running' : 'stopped';
}

/** The rows of `xen/domains`, of which panels need who is there and how many vCPUs they have. */
function domainsIn(answer: unknown): SessionDomain[] | undefined {
  const { view = answer } = (answer ?? {}) as { view?: unknown };
  const { domains } = (view ?? {}) as { domains?: unknown };
  if (!Array.isArray(domains)) return undefined;
  return domains.flatMap((row: { domain?: unknown; name?: unknown; vcpus?: unknown }) => {
    const { domain, name, vcpus } = row;
    if (typeof domain !== 'number') return [];
    const count = Array.isArray(vcpus) ? vcpus.length : typeof vcpus === 'number' ? vcpus : 0;
    return [{ domain, name: typeof name === 'string' ? name : '', vcpus: count }];
  });
}
