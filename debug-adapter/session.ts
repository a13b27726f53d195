// One debug session: takes requests in order, keeps what the client knows (handles, breakpoints, generated
// sources), and tells it what the machine does. What each request means stands in `requests/`.

import { DebugSession } from '@vscode/debugadapter/lib/debugSession.js';
import { Event, Response } from '@vscode/debugadapter/lib/messages.js';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../emulator/base/errors.ts';
import { HYPERVISOR_CONSOLE, type MachineEvent, type VcpuId } from '../emulator/machine/messages.ts';
import { BreakpointTable } from './breakpoints/breakpoints.ts';
import type { UserBreakpoint } from './breakpoints/breakpoints.ts';
import { defaultFilters } from './breakpoints/exception-filters.ts';
import type { FilterChoice } from './breakpoints/exception-filters.ts';
import { Hits } from './breakpoints/hits.ts';
import type { LaunchConfiguration } from './configuration.ts';
import type { Debuggee } from './debuggee.ts';
import { Changes } from './changes.ts';
import { loadDisassembler } from './instructions/disassembler.ts';
import type { Disassembler } from './instructions/disassembler.ts';
import * as errors from './errors.ts';
import { GeneratedSources } from './instructions/generated-sources.ts';
import { Handles } from './handles.ts';
import type { Host } from './host.ts';
import type { MachineClient } from './machine/machine-client.ts';
import { Machines } from './machine/machines.ts';
import { PlainOutput } from './plain-output.ts';
import { threadIdOf } from './protocol.ts';
import type { EventBreakpointRequest, XenEvents } from './protocol.ts';
import { type AnyRequest, checkArguments, type Need } from './request.ts';
import { allRequests } from './requests/all.ts';
import { inspectionRequest } from './requests/inspections.ts';
import type { StopReport } from './breakpoints/judge.ts';
import type { Ended, RunControl } from './execution/run-control.ts';
import type { SharedMachine } from './machine/shared-machine.ts';
import type { Frame } from './frames/stack.ts';
import type { ValueHandle } from './values/handles.ts';
import type { Leaving } from './values/return-value.ts';
import type { FrameOfVcpu } from './values/scope.ts';

/** Behind a frame id or a variables reference. */
export type HandleValue =
  | { readonly kind: 'label' }
  /** A call to step into, by its address; undefined: the handler of the next exception. */
  | { readonly kind: 'step-target'; readonly vcpu: VcpuId; readonly call: bigint | undefined }
  | { readonly kind: 'goto-target'; readonly vcpu: VcpuId; readonly address: bigint }
  | ({ readonly kind: 'frame' } & FrameOfVcpu)
  | ValueHandle
  | {
      readonly kind: 'registers';
      readonly group: RegisterScope;
      readonly vcpu: VcpuId;
      readonly index: number;
      readonly frame: Frame;
      /** Of this register the fields. */
      readonly register?: string;
    };

export type RegisterScope = 'general' | 'fp' | 'system' | 'EL0' | 'EL1' | 'EL2' | 'other';

export interface Launched {
  readonly configuration: LaunchConfiguration;
  /** Where relative paths of the configuration start. */
  readonly base: string | undefined;
  readonly client: MachineClient;
  readonly debuggee: Debuggee;
  readonly run: RunControl;
  /** What this session shares with others. */
  readonly shared: SharedMachine;
}

/** Milliseconds. */
const RENAMING_DELAY = 1000;

const requestsByCommand = new Map<string, AnyRequest>(allRequests.map((row) => [row.command, row]));

export class XenSession extends DebugSession {
  readonly host: Host;
  readonly requests = allRequests;
  readonly handles = new Handles<HandleValue>();
  readonly machines: Machines;
  readonly breakpoints: BreakpointTable;
  /** What the client was last told of each breakpoint. */
  readonly shownBreakpoints = new Map<number, string>();
  readonly hits = new Hits(this);
  readonly sources = new GeneratedSources();
  readonly changes = new Changes((event) => this.tellXen('xen/changed', event));
  /** What `initialize` said of the client. */
  client: Partial<Dap.InitializeRequestArguments> = {};
  launched: Launched | undefined;
  /** What this session shares with others; also while the machine is built anew. */
  shared: SharedMachine | undefined;
  /** What the client last asked for, to be asked for again of another machine. */
  eventRequests: readonly EventBreakpointRequest[] = [];
  /** The filters of setExceptionBreakpoints that are on. */
  exceptionFilters: readonly FilterChoice[] = defaultFilters;
  /** The vCPU of the last stop, which plain numbers as addresses refer to. */
  focus: VcpuId = { domain: 0, vcpu: 0 };
  lastStop: StopReport | undefined;
  /** What the last step out leaves: its value is shown where it ends. */
  leaving: Leaving | undefined;
  /** A machine that runs when this session attaches is paused. */
  suspends = false;

  /** The program that runs the session may end now. */
  onDisconnected: () => void = () => {};

  private queue: Promise<void> = Promise.resolve();
  /** By number: requests without an answer yet, and whether the client gave them up. */
  private readonly unanswered = new Map<number, { isCancelled: boolean }>();
  /** The one under way. */
  private current: { readonly isCancelled: boolean } | undefined;
  private afterwards: (() => void)[] = [];
  private readonly compared = new Set<string>();
  private readonly existing = new Map<string, Promise<boolean>>();
  private readonly consoles = new Map<
    number,
    { readonly decoder: TextDecoder; readonly plain: PlainOutput }
  >();
  private loadingDisassembler: Promise<Disassembler> | undefined;
  private over = false;

  /** `machines`: those of this process, which sessions share. */
  constructor(host: Host, machines = new Machines()) {
    super();
    this.host = host;
    this.machines = machines;
    this.breakpoints = new BreakpointTable(machines);
  }

  // ---------------------------------------------------------------- for request handlers

  /** The client is gone: what is still being built is of no use. */
  get closed(): boolean {
    return this.over;
  }

  get machine(): Launched {
    if (!this.launched) throw errors.notLaunched();
    return this.launched;
  }

  get debuggee(): Debuggee {
    return this.machine.debuggee;
  }

  disassembler(): Promise<Disassembler> {
    this.loadingDisassembler ??= loadDisassembler(() => this.host.readCapstone());
    return this.loadingDisassembler;
  }

  tell(event: string, body?: unknown): void {
    if (!this.over) this.sendEvent(new Event(event, body));
  }

  /** The user changed something: what clients show of the stop is out of date, in other sessions too. */
  changedByUser(areas: readonly Dap.InvalidatedAreas[] = ['variables', 'stacks']): void {
    for (const session of this.shared?.sessions ?? [this]) session.showChange(areas);
  }

  showChange(areas: readonly Dap.InvalidatedAreas[]): void {
    if (this.client.supportsInvalidatedEvent) this.tell('invalidated', { areas });
    if (this.launched?.run.running === false) this.changes.machineIs(false, this.handles.stopGeneration);
  }

  /**
   * More is known of what the vCPUs run than when the client asked. VS Code loads most of a stack a little after a
   * stop, and never does when its threads become invalid in between: so that comes later.
   */
  threadsRenamed(): void {
    if (!this.client.supportsInvalidatedEvent) return;
    const { stopGeneration } = this.handles;
    setTimeout(() => {
      const isSameStop =
        this.launched?.run.running === false && this.handles.stopGeneration === stopGeneration;
      if (isSameStop) this.tell('invalidated', { areas: ['threads'] });
    }, RENAMING_DELAY);
  }

  tellXen<Name extends keyof XenEvents>(name: Name, body: XenEvents[Name]): void {
    this.tell(name, body);
  }

  say(text: string, category: 'console' | 'important' | 'stderr' = 'console'): void {
    this.tell('output', { category, output: `${text}\n` });
  }

  /** Done once the response of the current request is on its way: what follows from it comes after it. */
  afterResponse(action: () => void): void {
    this.afterwards.push(action);
  }

  lineToClient(line: number): number {
    return this.client.linesStartAt1 === false ? line - 1 : line;
  }

  lineFromClient(line: number): number {
    return this.client.linesStartAt1 === false ? line + 1 : line;
  }

  columnFromClient(column: number): number {
    return this.client.columnsStartAt1 === false ? column + 1 : column;
  }

  columnToClient(column: number): number {
    return this.client.columnsStartAt1 === false ? column - 1 : column;
  }

  /** Paths go out as the client wants them. */
  pathToClient(path: string): string {
    if (this.client.pathFormat !== 'uri') return path;
    return `file://${path.split('/').map(encodeURIComponent).join('/')}`;
  }

  pathFromClient(path: string): string {
    return path.startsWith('file://') ? decodeURIComponent(path.slice('file://'.length)) : path;
  }

  /** Asked for every frame, so the answer is kept. */
  fileExists(path: string): Promise<boolean> {
    let answer = this.existing.get(path);
    if (!answer) {
      answer = this.host.fileExists(path);
      this.existing.set(path, answer);
    }
    return answer;
  }

  /** Says once for each file that it is not what the guest was built from: lines may be off. */
  async compareSource(path: string, md5: string): Promise<void> {
    if (this.compared.has(path)) return;
    this.compared.add(path);
    const own = await this.host.md5Of(path);
    if (own !== undefined && own !== md5) {
      this.say(`${path} differs from the file that the guest was built from: lines may be off`, 'important');
    }
  }

  // ---------------------------------------------------------------- what the machine tells

  machineEvent({ event, body }: MachineEvent): void {
    switch (event) {
      case 'console':
        this.consoleOutput(body.domain, body.bytes);
        return;
      case 'hit':
        this.hits.passed(body);
        return;
      case 'log':
        this.host.log(body.level, `${body.source}: ${body.message}`);
        if (body.level === 'warn' || body.level === 'error')
          this.say(`${body.source}: ${body.message}`, 'stderr');
        return;
      default:
        // The run state is told by the machine that this session shares: see SharedMachine.
        return;
    }
  }

  /** The machine stands, and the user is to see why. `isCause`: the reason is this session's own. */
  showStop(report: StopReport, moment: string, isCause: boolean): void {
    this.hits.flush();
    this.handles.invalidate();
    this.lastStop = report;
    this.focus = report.vcpu;
    const { domain, vcpu } = report.vcpu;
    const isShown = this.launched?.debuggee.shown.includes(domain) ?? false;
    this.tell('stopped', {
      reason: report.reason,
      ...(isShown && { threadId: threadIdOf(domain, vcpu) }),
      ...(!isCause && { preserveFocusHint: true }),
      allThreadsStopped: true,
      description: report.description,
      text: report.reason === 'exception' ? report.description : moment,
      ...(report.hitBreakpointIds.length > 0 && { hitBreakpointIds: report.hitBreakpointIds }),
    });
    this.tellXen('xen/state', { running: false });
    this.changes.machineIs(false, this.handles.stopGeneration);
  }

  wantsException(filter: string): boolean {
    return this.exceptionFilters.some(({ filterId }) => filterId === filter);
  }

  /** A breakpoint that was for one hit is gone. */
  breakpointUsed({ id, kind }: UserBreakpoint): void {
    this.breakpoints.remove(id);
    if (kind !== 'exception')
      this.tell('breakpoint', { reason: 'removed', breakpoint: { id, verified: false } });
  }

  conditionFailed({ id, kind }: UserBreakpoint, problem: string): void {
    const message = errors.breakpointMessages.conditionFailed(problem);
    this.breakpoints.dropCondition(id);
    this.say(message, 'important');
    if (kind !== 'exception')
      this.tell('breakpoint', { reason: 'changed', breakpoint: { id, verified: true, message } });
  }

  /** The client asked for it: the machine runs from now on, in all sessions. */
  running(): void {
    this.launched?.shared.began(this);
  }

  /** The machine runs. `isAsked`: this session's client knows, for it wanted that. */
  showRun(isAsked: boolean): void {
    this.handles.invalidate();
    if (!isAsked) {
      const { domain, vcpu } = this.focus;
      this.tell('continued', { threadId: threadIdOf(domain, vcpu), allThreadsContinued: true });
    }
    this.tellXen('xen/state', { running: true });
    this.changes.machineIs(true, this.handles.stopGeneration);
  }

  vcpuSwitched({ domain, vcpu }: VcpuId, isOn: boolean): void {
    if (!this.launched?.debuggee.shown.includes(domain)) return;
    this.tell('thread', { reason: isOn ? 'started' : 'exited', threadId: threadIdOf(domain, vcpu) });
  }

  /** A domain is gone, with its vCPUs. */
  threadsExited(domain: number): void {
    for (const one of this.launched?.debuggee.vcpus ?? []) {
      if (one.domain !== domain) continue;
      this.tell('thread', { reason: 'exited', threadId: threadIdOf(domain, one.vcpu) });
    }
  }

  ended({ reason, domain }: Ended): void {
    this.say(domain < 0 ? `The machine ended: ${reason}` : `Domain d${domain} ended: ${reason}`);
    this.tell('exited', { exitCode: reason === 'crash' ? 1 : 0 });
    this.tell('terminated');
  }

  failed(message: string): void {
    this.host.log('error', message);
    if (!this.launched) return;
    this.say(errors.machineFailed(message.split('\n', 1)[0] ?? message).toString(), 'important');
  }

  /** Ends the machine that this session launched; of another's it takes its leave. */
  endMachine(): void {
    this.shared?.leave(this);
  }

  /** A request to the client. The library's own way has a timer, which would keep a program alive that is done. */
  ask(command: string, args: unknown): Promise<Dap.Response> {
    return new Promise((resolve) => {
      (this['_pendingRequests'] as Map<number, (response: Dap.Response) => void>).set(
        this['_sequence'],
        resolve,
      );
      (this.sendRequest as (command: string, args: unknown) => void).call(this, command, args);
    });
  }

  private consoleOutput(domain: number, bytes: Uint8Array): void {
    let state = this.consoles.get(domain);
    if (!state) {
      state = { decoder: new TextDecoder(), plain: new PlainOutput() };
      this.consoles.set(domain, state);
    }
    const text = state.decoder.decode(bytes, { stream: true });
    if (text === '') return;
    const isXen = domain === HYPERVISOR_CONSOLE;
    const info = this.launched?.debuggee.info.domains.find((candidate) => candidate.domain === domain);
    const name = isXen ? 'Xen' : (info?.name ?? '');
    // Our extension shows a terminal instead.
    if (this.client.clientID !== 'vscode') {
      const output = this.client.supportsANSIStyling ? text : state.plain.write(text);
      if (output !== '') this.tell('output', { category: isXen ? 'console' : 'stdout', output });
    }
    this.tellXen('xen/consoleData', { domain, name, text });
  }

  // ---------------------------------------------------------------- dispatch

  protected override dispatchRequest(request: Dap.Request): void {
    const row = requestsByCommand.get(request.command) ?? inspectionRequest(request.command);
    this.unanswered.set(request.seq, { isCancelled: false });
    const answer = (): Promise<void> => this.answer(request, row);
    if (row?.urgent) void answer();
    else this.queue = this.queue.then(answer);
  }

  private async answer(request: Dap.Request, row: AnyRequest | undefined): Promise<void> {
    const response = new Response(request);
    const actions: (() => void)[] = [];
    const state = this.unanswered.get(request.seq);
    if (!row?.urgent) this.current = state;
    try {
      if (state?.isCancelled) throw errors.cancelled();
      if (!row) throw errors.unsupportedRequest(request.command);
      this.check(row.needs);
      checkArguments(row, request.arguments ?? {});
      const body = await this.handled(row, request.arguments ?? {}, actions);
      if (body !== undefined) (response as Dap.Response).body = body;
      if (!this.over) this.sendResponse(response);
    } catch (error) {
      actions.length = 0;
      this.refuse(response, error, row?.quiet ?? false);
    }
    this.unanswered.delete(request.seq);
    for (const action of actions) action();
  }

  /** The client no longer wants the answer of this request; it gets one that says so, if there is time. */
  giveUp(seq: number): void {
    const state = this.unanswered.get(seq);
    if (state) state.isCancelled = true;
  }

  /** Throws when the client gave up the request that is being answered: asked between the parts of a long one. */
  checkCancelled(): void {
    if (this.current?.isCancelled) throw errors.cancelled();
  }

  /** An urgent request comes between the steps of another, whose actions it leaves alone. */
  private handled(row: AnyRequest, args: unknown, actions: (() => void)[]): unknown {
    const interrupted = this.afterwards;
    this.afterwards = actions;
    try {
      return row.handle(this, args);
    } finally {
      if (row.urgent) this.afterwards = interrupted;
    }
  }

  private check(need: Need): void {
    if (need === 'nothing') return;
    const { run } = this.machine;
    if (need === 'stopped' && run.running) throw errors.notStopped();
  }

  /** Bad input is an error response, shown to the user when there is something for a person to do. */
  private refuse(response: Dap.Response, error: unknown, quiet: boolean): void {
    if (error instanceof UserError) {
      const id = error instanceof errors.AdapterError ? error.number : 1000;
      const showUser = !(error instanceof errors.AdapterError) || error.showUser;
      const text = showUser ? error.toString() : error.message;
      // Braces would be taken for variables of the format.
      const format = text.replaceAll('{', '(').replaceAll('}', ')');
      response.success = false;
      response.message = showUser ? text : error.message;
      response.body = { error: { id, format, showUser: showUser && !quiet } };
    } else {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.host.log('error', `${response.command}: ${text}`);
      response.success = false;
      response.message = error instanceof Error ? error.message : String(error);
      response.body = {
        error: { id: 1000, format: 'An error inside the debug adapter: see the log', showUser: true },
      };
    }
    if (!this.over) this.sendResponse(response);
  }

  /** The client has said goodbye, and has its answer. */
  disconnected(): void {
    this.over = true;
    this.onDisconnected();
  }

  /** The connection is gone, or the client has said goodbye. */
  override shutdown(): void {
    this.endMachine();
    if (!this.over) this.disconnected();
  }
}
