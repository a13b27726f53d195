// Starts debug sessions as a user would and listens to what the adapter tells the editor.

import * as vscode from 'vscode';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { XenEvents } from '../../../debug-adapter/protocol.ts';

const PATIENCE_MS = 90_000;

interface Waiter {
  readonly event: string;
  /** Undefined: of any session. */
  readonly session: string | undefined;
  readonly wanted: (body: unknown) => boolean;
  readonly resolve: (body: unknown) => void;
}

/** Everything that adapters have told since the suite began. */
class Ear implements vscode.DebugAdapterTrackerFactory {
  private heard: { event: string; session: string; body: unknown }[] = [];
  private waiters: Waiter[] = [];

  createDebugAdapterTracker({ id }: vscode.DebugSession): vscode.DebugAdapterTracker {
    return {
      onDidSendMessage: (message: Dap.ProtocolMessage) => {
        if (message.type !== 'event') return;
        const { event, body } = message as Dap.Event;
        this.hear(event, id, body);
      },
    };
  }

  /** The next event of that name, or an earlier one that nobody has taken. */
  take(event: string, session: string | undefined, wanted: (body: unknown) => boolean): Promise<unknown> {
    const at = this.heard.findIndex(
      (item) =>
        item.event === event && (session === undefined || item.session === session) && wanted(item.body),
    );
    if (at >= 0) return Promise.resolve(this.heard.splice(at, 1)[0]?.body);
    return new Promise((resolve, reject) => {
      const waiter = { event, session, wanted, resolve };
      this.waiters.push(waiter);
      setTimeout(() => reject(new Error(`no event ${event} came`)), PATIENCE_MS).unref();
    });
  }

  /** Of the events heard so far, taken or not. */
  console = '';

  forget(): void {
    this.heard = [];
    this.waiters = [];
    this.console = '';
  }

  private hear(event: string, session: string, body: unknown): void {
    if (event === 'xen/consoleData') this.console += (body as XenEvents['xen/consoleData']).text;
    const at = this.waiters.findIndex(
      (waiter) =>
        waiter.event === event &&
        (waiter.session === undefined || waiter.session === session) &&
        waiter.wanted(body),
    );
    if (at >= 0) this.waiters.splice(at, 1)[0]?.resolve(body);
    else this.heard.push({ event, session, body });
  }
}

const ear = new Ear();
vscode.debug.registerDebugAdapterTrackerFactory('xen', ear);

export interface Stop {
  readonly reason: string;
  readonly threadId: number;
  readonly frames: readonly Dap.StackFrame[];
}

export class Driven {
  readonly session: vscode.DebugSession;

  constructor(session: vscode.DebugSession) {
    this.session = session;
  }

  async stopped(): Promise<Stop> {
    const { reason, threadId = 0 } = (await ear.take(
      'stopped',
      this.session.id,
      () => true,
    )) as Dap.StoppedEvent['body'];
    const { stackFrames } = await this.ask<Dap.StackTraceResponse['body']>('stackTrace', { threadId });
    return { reason, threadId, frames: stackFrames };
  }

  /** Everything the guest has written, once it has written this. */
  async console(wanted: string | RegExp): Promise<string> {
    const there = (): boolean =>
      typeof wanted === 'string' ? ear.console.includes(wanted) : wanted.test(ear.console);
    while (!there()) await ear.take('xen/consoleData', undefined, () => true);
    return ear.console;
  }

  /** The variables of a scope, as the Variables view shows them: name to value. */
  async variables(frame: Dap.StackFrame | undefined, scope: RegExp): Promise<ReadonlyMap<string, string>> {
    const { scopes } = await this.ask<Dap.ScopesResponse['body']>('scopes', { frameId: frame?.id });
    const found = scopes.find(({ name }) => scope.test(name));
    if (!found) throw new Error(`no scope ${scope} among ${scopes.map(({ name }) => name).join(', ')}`);
    const { variablesReference } = found;
    const { variables } = await this.ask<Dap.VariablesResponse['body']>('variables', { variablesReference });
    return new Map(variables.map(({ name, value }) => [name, value]));
  }

  async ask<Body>(command: string, args: unknown): Promise<Body> {
    return (await this.session.customRequest(command, args)) as Body;
  }

  /** Stops it, or with `disconnect` takes leave of what goes on. */
  async end(how: 'stop' | 'disconnect' = 'stop'): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      const listener = vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.id !== this.session.id) return;
        listener.dispose();
        resolve();
      });
    });
    if (how === 'stop') await vscode.debug.stopDebugging(this.session);
    else await this.ask('disconnect', { terminateDebuggee: false });
    await ended;
  }
}

/** Starts what a launch.json entry of the workspace, or a configuration, says. */
export async function start(what: string | vscode.DebugConfiguration): Promise<Driven> {
  ear.forget();
  const begun = new Promise<vscode.DebugSession>((resolve) => {
    const listener = vscode.debug.onDidStartDebugSession((session) => {
      listener.dispose();
      resolve(session);
    });
  });
  const accepted = await vscode.debug.startDebugging(vscode.workspace.workspaceFolders?.[0], what);
  if (!accepted) throw new Error('the editor did not start the session');
  return new Driven(await begun);
}

export function workspaceFile(path: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) throw new Error('no workspace is open');
  return vscode.Uri.joinPath(folder.uri, path);
}

/** Sets a breakpoint on the first line that has this text. */
export async function breakAt(path: string, text: string): Promise<number> {
  const uri = workspaceFile(path);
  const document = await vscode.workspace.openTextDocument(uri);
  const line = document
    .getText()
    .split('\n')
    .findIndex((content) => content.includes(text));
  if (line < 0) throw new Error(`${path} has no '${text}'`);
  const place = new vscode.Location(uri, new vscode.Position(line, 0));
  vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(place)]);
  return line + 1;
}

export function breakOn(functionName: string): void {
  vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(functionName)]);
}

export function clearBreakpoints(): void {
  vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
}
