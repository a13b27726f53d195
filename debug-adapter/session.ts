// One debug session: takes requests in order, keeps what the client knows (handles, breakpoints, generated
// sources), and tells it what the machine does. What each request means stands in `requests/`.

import { DebugSession } from '@vscode/debugadapter/lib/debugSession.js';
import { Event } from '@vscode/debugadapter/lib/messages.js';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { MachineConfig, MachineEvent, VcpuId } from '../emulator/machine/messages.ts';
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
import { GuestOutput } from './guest-output.ts';
import type { HandleValue } from './handle-values.ts';
import { Handles } from './handles.ts';
import type { Host } from './host.ts';
import type { MachineClient } from './machine/machine-client.ts';
import { Machines } from './machine/machines.ts';
import { threadIdOf } from './protocol.ts';
import type { EventBreakpointRequest, XenEvents } from './protocol.ts';
import { RecentReads } from './recent-reads.ts';
import type { Need } from './request.ts';
import { RequestQueue } from './request-queue.ts';
import { allRequests } from './requests/all.ts';
import type { StopReport } from './breakpoints/judge.ts';
import type { Ended, RunControl } from './execution/run-control.ts';
import type { SharedMachine } from './machine/shared-machine.ts';
import { PreviousValues } from './values/previous.ts';
import type { Leaving } from './values/return-value.ts';

export interface Launched {
  readonly configuration: LaunchConfiguration;
  /** Where relative paths of the configuration start. */
  readonly base: string | undefined;
  readonly machineConfig: MachineConfig;
  readonly client: MachineClient;
  readonly debuggee: Debuggee;
  readonly run: RunControl;
  /** What this session shares with others. */
  readonly shared: SharedMachine;
}

/** Milliseconds. */
const RENAMING_DELAY = 1000;

export class XenSession extends DebugSession {
  readonly host: Host;
  readonly requests = allRequests;
  readonly handles = new Handles<HandleValue>();
  readonly machines: Machines;
  readonly breakpoints: BreakpointTable;
  /** What the client was last told of each breakpoint. */
  readonly shownBreakpoints = new Map<number, string>();
  readonly hits = new Hits(this);
  readonly previousValues = new PreviousValues();
  readonly sources = new GeneratedSources();
  readonly changes = new Changes((event) => this.tellXen('xen/changed', event));
  /** What the client shows of memory. */
  readonly reads = new RecentReads((change) => this.tell('memory', change));
  readonly queue = new RequestQueue(this, (response) => {
    if (!this.over) this.sendResponse(response);
  });
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

  private readonly output = new GuestOutput(this);
  private readonly compared = new Set<string>();
  private readonly existing = new Map<string, Promise<boolean>>();
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

  /** The vCPU that is looked at, or the first of another domain. */
  vcpuIn(domain: number): VcpuId {
    return this.focus.domain === domain ? this.focus : { domain, vcpu: 0 };
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
    this.reads.changed();
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
        this.output.write(body.domain, body.bytes);
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
    this.hits.stopped(report.hitBreakpointIds);
    this.hits.flush();
    this.handles.invalidate();
    this.previousValues.stopped();
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
    this.reads.changed();
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
  endMachine(how?: Parameters<SharedMachine['leave']>[1]): void {
    this.shared?.leave(this, how);
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

  // ---------------------------------------------------------------- dispatch

  protected override dispatchRequest(request: Dap.Request): void {
    this.queue.take(request);
  }

  /** Throws when the machine is not as a request needs it. */
  check(need: Need): void {
    if (need === 'nothing') return;
    const { run } = this.machine;
    if (need === 'stopped' && run.running) throw errors.notStopped();
  }

  /** Done once the response of the current request is on its way: what follows from it comes after it. */
  afterResponse(action: () => void): void {
    this.queue.afterResponse(action);
  }

  /** Throws when the client gave up the request that is being answered: asked between the parts of a long one. */
  checkCancelled(): void {
    this.queue.checkCancelled();
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
