// Requests of a client, served one after the other; those that end or interrupt others are served at once. Every
// request gets one response, whatever becomes of it.

import { Response } from '@vscode/debugadapter/lib/messages.js';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../emulator/base/errors.ts';
import * as errors from './errors.ts';
import { Progress } from './progress.ts';
import { type AnyRequest, checkArguments } from './request.ts';
import { allRequests } from './requests/all.ts';
import { inspectionRequest } from './requests/inspections.ts';
import type { XenSession } from './session.ts';

/** A request without a response yet. */
interface Pending {
  isCancelled: boolean;
  /** Done once the response is on its way. */
  readonly afterwards: (() => void)[];
  progress?: Progress;
}

const requestsByCommand = new Map<string, AnyRequest>(allRequests.map((row) => [row.command, row]));

export class RequestQueue {
  private readonly session: XenSession;
  private readonly respond: (response: Dap.Response) => void;
  private queue: Promise<void> = Promise.resolve();
  /** By number. */
  private readonly pending = new Map<number, Pending>();
  /** The one under way. */
  private current: Pending | undefined;
  /** The urgent one whose handler is being called. */
  private urgent: Pending | undefined;
  private progressSoFar = 0;

  constructor(session: XenSession, respond: (response: Dap.Response) => void) {
    this.session = session;
    this.respond = respond;
  }

  take(request: Dap.Request): void {
    const row = requestsByCommand.get(request.command) ?? inspectionRequest(request.command);
    const pending: Pending = { isCancelled: false, afterwards: [] };
    this.pending.set(request.seq, pending);
    if (row?.urgent) void this.answer(request, row, pending);
    else this.queue = this.queue.then(() => this.answer(request, row, pending));
  }

  /** Of the request that is being answered. One that is urgent says so before it waits for anything. */
  afterResponse(action: () => void): void {
    (this.urgent ?? this.current)?.afterwards.push(action);
  }

  /** The client no longer wants the answer of this request; it gets one that says so, if there is time. */
  giveUp(seq: number): void {
    const pending = this.pending.get(seq);
    if (pending) pending.isCancelled = true;
  }

  giveUpProgress(id: string): void {
    for (const pending of this.pending.values()) {
      if (pending.progress?.id === id) pending.isCancelled = true;
    }
  }

  /** All that are waiting or under way. */
  giveUpAll(): void {
    for (const pending of this.pending.values()) pending.isCancelled = true;
  }

  /** Throws when the client gave up the request that is being answered: asked between the parts of a long one. */
  checkCancelled(): void {
    if (this.isCancelled) throw errors.cancelled();
  }

  get isCancelled(): boolean {
    return this.current?.isCancelled ?? false;
  }

  /** What the request under way does now, for a client that shows it. */
  report(message: string): void {
    this.current?.progress?.report(message);
  }

  private async answer(request: Dap.Request, row: AnyRequest | undefined, pending: Pending): Promise<void> {
    const response = new Response(request);
    if (!row?.urgent) this.current = pending;
    if (row?.progress !== undefined && this.session.client.supportsProgressReporting) {
      const id = `p${++this.progressSoFar}`;
      pending.progress = new Progress(id, request.seq, row.progress, (event, body) =>
        this.session.tell(event, body),
      );
    }
    try {
      if (pending.isCancelled) throw errors.cancelled();
      if (!row) throw errors.unsupportedRequest(request.command);
      this.session.check(row.needs);
      checkArguments(row, request.arguments ?? {});
      const body = await this.handled(row, request.arguments ?? {}, pending);
      if (body !== undefined) (response as Dap.Response).body = body;
    } catch (error) {
      pending.afterwards.length = 0;
      this.refuse(response, error, row?.quiet ?? false);
    }
    pending.progress?.end();
    this.respond(response);
    this.pending.delete(request.seq);
    for (const action of pending.afterwards) action();
  }

  private handled(row: AnyRequest, args: unknown, pending: Pending): unknown {
    if (!row.urgent) return row.handle(this.session, args);
    this.urgent = pending;
    try {
      return row.handle(this.session, args);
    } finally {
      this.urgent = undefined;
    }
  }

  /** Bad input is an error response, shown to the user when there is something for a person to do. */
  private refuse(response: Dap.Response, error: unknown, quiet: boolean): void {
    response.success = false;
    if (error instanceof UserError) {
      const id = error instanceof errors.AdapterError ? error.number : 1000;
      const showUser = !(error instanceof errors.AdapterError) || error.showUser;
      const text = showUser ? error.toString() : error.message;
      // Braces would be taken for variables of the format.
      const format = text.replaceAll('{', '(').replaceAll('}', ')');
      response.message = text;
      response.body = { error: { id, format, showUser: showUser && !quiet } };
      return;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.session.host.log('error', `${response.command}: ${text}`);
    response.message = error instanceof Error ? error.message : String(error);
    response.body = {
      error: { id: 1000, format: 'An error inside the debug adapter: see the log', showUser: true },
    };
  }
}
