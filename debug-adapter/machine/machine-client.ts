// The machine as the adapter sees it: requests as promises, events as calls. Two transports: the same
// thread (tests, tools), and a message port to a worker.

import { UserError } from '../../emulator/base/errors.ts';
import type { Place } from '../../emulator/base/errors.ts';
import type {
  MachineEvent,
  MachineEventSink,
  MachineRequestName,
  MachineRequests,
  MachineServer,
} from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';

export interface MachineClient {
  request<Name extends MachineRequestName>(
    name: Name,
    args: MachineRequests[Name]['arguments'],
  ): Promise<MachineRequests[Name]['result']>;
  /** Goes up whenever the machine may have become another one: what was read of it before may be out of date. */
  readonly changes: number;
  /** One listener: the session that owns the machine. */
  onEvent: MachineEventSink;
  /** Ends the machine and its worker. Requests under way fail. */
  dispose(): void;
}

/** Requests that leave the machine as it is. */
const LOOKS: ReadonlySet<MachineRequestName> = new Set<MachineRequestName>([
  'setBreakpoints',
  'setWatchpoints',
  'setEventBreakpoints',
  'judgeHere',
  'vcpus',
  'readRegisters',
  'readMemory',
  'translate',
  'deviceTree',
  'stage2Map',
  'inspect',
  'inspectCommand',
  'stateHash',
  'snapshot',
  'statistics',
]);

/** Events that may come while the machine stands, and say nothing of its state. */
const NEWS: ReadonlySet<MachineEvent['event']> = new Set<MachineEvent['event']>(['console', 'hit', 'log']);

// ---------------------------------------------------------------- same thread

/** Drives a machine in the same thread. Events come between two turns, as they would from a worker. */
export class LocalMachineClient implements MachineClient {
  onEvent: MachineEventSink = () => {};
  changes = 0;
  private readonly server: MachineServer;
  private disposed = false;

  constructor(create: (events: MachineEventSink) => MachineServer) {
    this.server = create((event) => {
      queueMicrotask(() => {
        if (!NEWS.has(event.event)) this.changes++;
        if (!this.disposed) this.onEvent(event);
      });
    });
  }

  async request<Name extends MachineRequestName>(
    name: Name,
    args: MachineRequests[Name]['arguments'],
  ): Promise<MachineRequests[Name]['result']> {
    if (this.disposed) throw errors.notLaunched();
    if (!LOOKS.has(name)) this.changes++;
    const result = await this.server[name](args);
    if (this.disposed) throw errors.notLaunched();
    return result;
  }

  dispose(): void {
    if (!this.disposed) void this.server.close({});
    this.disposed = true;
  }
}

// ---------------------------------------------------------------- message port

/** What both ends need of a MessagePort, a worker or a worker's parent, in Node and in a browser. */
export interface Port {
  post(message: unknown): void;
  /** One listener. */
  listen(listener: (message: unknown) => void): void;
}

interface RequestMessage {
  readonly id: number;
  readonly name: MachineRequestName;
  readonly args: unknown;
}

/** Errors do not survive a structured clone with their fields: they travel as plain data. */
interface PlainError {
  readonly message: string;
  readonly hint?: string;
  readonly place?: Place;
  /** Of our own mistakes, for the log. */
  readonly stack?: string;
}

type ReplyMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PlainError }
  | { readonly event: MachineEvent };

export class PortMachineClient implements MachineClient {
  onEvent: MachineEventSink = () => {};
  changes = 0;
  private readonly port: Port;
  private readonly close: () => void;
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private nextId = 1;
  private failure: Error | undefined;

  constructor(port: Port, close: () => void) {
    this.port = port;
    this.close = close;
    port.listen((message) => this.receive(message as ReplyMessage));
  }

  request<Name extends MachineRequestName>(
    name: Name,
    args: MachineRequests[Name]['arguments'],
  ): Promise<MachineRequests[Name]['result']> {
    if (this.failure) return Promise.reject(this.failure);
    if (!LOOKS.has(name)) this.changes++;
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.port.post({ id, name, args } satisfies RequestMessage);
    });
  }

  /** The worker is gone: nothing under way will be answered. */
  fail(reason: string): void {
    if (this.failure) return;
    this.rejectAll(errors.machineFailed(reason));
    this.onEvent({ event: 'failed', body: { message: reason } });
  }

  dispose(): void {
    this.onEvent = () => {};
    if (!this.failure) this.port.post({ id: 0, name: 'close', args: {} } satisfies RequestMessage);
    // Wanted by somebody: nothing that a user must hear of.
    this.rejectAll(errors.notLaunched());
    this.close();
  }

  private rejectAll(failure: Error): void {
    this.failure ??= failure;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }

  private receive(message: ReplyMessage): void {
    if ('event' in message) {
      if (!NEWS.has(message.event.event)) this.changes++;
      this.onEvent(message.event);
      return;
    }
    const call = this.waiting.get(message.id);
    if (!call) return;
    this.waiting.delete(message.id);
    if ('error' in message) call.reject(revived(message.error));
    else call.resolve(message.result);
  }
}

/** The worker's end: answers requests from the port with the machine, and passes on its events. */
export function serveMachine(port: Port, create: (events: MachineEventSink) => MachineServer): void {
  const server = create((event) => port.post({ event } satisfies ReplyMessage));
  port.listen((message) => {
    const { id, name, args } = message as RequestMessage;
    const handler = server[name] as (args: unknown) => unknown;
    Promise.resolve()
      .then(() => handler.call(server, args))
      .then(
        (result) => port.post({ id, result } satisfies ReplyMessage),
        (error: unknown) => port.post({ id, error: flattened(error) } satisfies ReplyMessage),
      );
  });
}

function flattened(error: unknown): PlainError {
  if (error instanceof UserError) return { message: error.message, hint: error.hint, place: error.place };
  if (!(error instanceof Error)) return { message: String(error) };
  return { message: error.message, ...(error.stack !== undefined && { stack: error.stack }) };
}

function revived({ message, hint, place, stack }: PlainError): Error {
  if (hint !== undefined) return new UserError(message, hint, place);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
