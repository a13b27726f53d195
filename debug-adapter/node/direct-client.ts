// A client of the debug adapter in the same process: sends requests, gets their bodies, waits for events.
// The machine runs in this thread too, between two turns of the event loop.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../../emulator/base/errors.ts';
import type { Host } from '../host.ts';
import { LocalMachineClient } from '../machine/machine-client.ts';
import type { Requests } from '../request.ts';
import { XenSession } from '../session.ts';
import { createMachineServer } from './machine-server.ts';
import { logToStderr, nodeHost } from './node-host.ts';

/** What to do without a connection: nothing waits for the program to end but the machine itself. */
const startLocalMachine = async (): Promise<LocalMachineClient> =>
  new LocalMachineClient(createMachineServer);

export class DirectClient {
  private readonly session: XenSession;
  private readonly waiting = new Map<number, (response: Dap.Response) => void>();
  private readonly listeners = new Set<(event: Dap.Event) => void>();
  private nextSeq = 1;

  constructor(host: Host = { ...nodeHost(logToStderr), startMachine: startLocalMachine }) {
    this.session = new XenSession(host);
    this.session.onDidSendMessage((message) => this.receive(message as Dap.ProtocolMessage));
  }

  /** Throws a UserError when the adapter refuses. */
  async send<Name extends keyof Requests>(
    command: Name,
    args: Requests[Name]['arguments'],
  ): Promise<Requests[Name]['body']> {
    const seq = this.nextSeq++;
    const response = await new Promise<Dap.Response>((resolve) => {
      this.waiting.set(seq, resolve);
      this.session.handleMessage({ seq, type: 'request', command, arguments: args } as Dap.Request);
    });
    if (!response.success) throw new UserError(response.message ?? `${command} was refused`, '');
    return response.body as Requests[Name]['body'];
  }

  /** Calls back for every event, until the result is called. */
  listen(listener: (event: Dap.Event) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The next event that `wanted` accepts. */
  next(wanted: (event: Dap.Event) => boolean): Promise<Dap.Event> {
    return new Promise((resolve) => {
      const forget = this.listen((event) => {
        if (!wanted(event)) return;
        forget();
        resolve(event);
      });
    });
  }

  private receive(message: Dap.ProtocolMessage): void {
    if (message.type === 'response') {
      const response = message as Dap.Response;
      const resolve = this.waiting.get(response.request_seq);
      this.waiting.delete(response.request_seq);
      resolve?.(response);
    } else if (message.type === 'event') {
      for (const listener of [...this.listeners]) listener(message as Dap.Event);
    }
  }
}
