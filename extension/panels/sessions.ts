// The debug session that panels follow: the active one of ours, else the newest that lives, else the last that
// ended. Small, because it listens from the activation on.

import * as vscode from 'vscode';
import type { XenEvents } from '../../debug-adapter/protocol.ts';

const DEBUG_TYPE = 'xen';

export interface FollowedSession {
  readonly session: vscode.DebugSession;
  /** Undefined before the machine first runs or stops. */
  running: boolean | undefined;
  generation: number;
  ended: boolean;
}

export class Sessions implements vscode.Disposable {
  private readonly followed: FollowedSession[] = [];
  private readonly disposables: vscode.Disposable[];
  private readonly change = new vscode.EventEmitter<void>();
  private readonly views = new vscode.EventEmitter<XenEvents['xen/changed'] & { sessionId: string }>();
  /** Another session, another state of it, or another focus. */
  readonly onDidChange = this.change.event;
  readonly onDidChangeViews = this.views.event;

  constructor() {
    const { debug } = vscode;
    this.disposables = [
      this.change,
      this.views,
      debug.onDidStartDebugSession((session) => this.started(session)),
      debug.onDidTerminateDebugSession((session) => this.terminated(session)),
      debug.onDidReceiveDebugSessionCustomEvent((event) => this.received(event)),
      debug.onDidChangeActiveDebugSession(() => this.change.fire()),
      debug.onDidChangeActiveStackItem(() => this.change.fire()),
    ];
    if (debug.activeDebugSession) this.started(debug.activeDebugSession);
  }

  get current(): FollowedSession | undefined {
    const active = this.followed.find(({ session }) => session.id === vscode.debug.activeDebugSession?.id);
    return active ?? this.followed.findLast(({ ended }) => !ended) ?? this.followed.at(-1);
  }

  /** All that can be asked. */
  get live(): readonly vscode.DebugSession[] {
    return this.followed.filter(({ ended }) => !ended).map(({ session }) => session);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private started(session: vscode.DebugSession): FollowedSession | undefined {
    if (session.type !== DEBUG_TYPE) return undefined;
    const known = this.followed.find((followed) => followed.session.id === session.id);
    if (known) return known;
    // One that ended is kept, to be looked at until there is another.
    for (const followed of this.followed.filter(({ ended }) => ended)) {
      this.followed.splice(this.followed.indexOf(followed), 1);
    }
    const followed = { session, running: undefined, generation: 0, ended: false };
    this.followed.push(followed);
    this.changed();
    return followed;
  }

  private terminated(session: vscode.DebugSession): void {
    const followed = this.followed.find((one) => one.session.id === session.id);
    if (!followed) return;
    followed.ended = true;
    this.changed();
  }

  private received({ session, event, body }: vscode.DebugSessionCustomEvent): void {
    if (event !== 'xen/state' && event !== 'xen/changed') return;
    const followed = this.started(session);
    if (!followed) return;
    const { running } = body as { running: boolean };
    const changed = followed.running !== running;
    followed.running = running;
    if (event === 'xen/changed') {
      const views = body as XenEvents['xen/changed'];
      const another = followed.generation !== views.generation;
      followed.generation = views.generation;
      if (changed || another) this.change.fire();
      this.views.fire({ ...views, sessionId: session.id });
    } else if (changed) this.change.fire();
  }

  private changed(): void {
    const active = this.followed.some(({ ended }) => !ended);
    void vscode.commands.executeCommand('setContext', 'xenscope.sessionActive', active);
    this.change.fire();
  }
}
