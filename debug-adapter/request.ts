// A request as one row of a table: what it announces, when it may come, and what it does. A handler returns
// the body of the response or throws an AdapterError; it never builds a response and never touches the
// connection. Dispatch and the capabilities of `initialize` follow from the rows.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { argumentShapes, wrongArgument } from './argument-shapes.ts';
import type { Shape } from './argument-shapes.ts';
import * as errors from './errors.ts';
import type { XenRequests } from './protocol.ts';
import type { XenSession } from './session.ts';

interface Call<Request extends Dap.Request, Response extends Dap.Response> {
  readonly arguments: NonNullable<Request['arguments']>;
  readonly body: Response['body'];
}

export interface DapRequests {
  initialize: Call<Dap.InitializeRequest, Dap.InitializeResponse>;
  launch: Call<Dap.LaunchRequest, Dap.LaunchResponse>;
  attach: Call<Dap.AttachRequest, Dap.AttachResponse>;
  configurationDone: Call<Dap.ConfigurationDoneRequest, Dap.ConfigurationDoneResponse>;
  restart: Call<Dap.RestartRequest, Dap.RestartResponse>;
  disconnect: Call<Dap.DisconnectRequest, Dap.DisconnectResponse>;
  terminate: Call<Dap.TerminateRequest, Dap.TerminateResponse>;
  setBreakpoints: Call<Dap.SetBreakpointsRequest, Dap.SetBreakpointsResponse>;
  setFunctionBreakpoints: Call<Dap.SetFunctionBreakpointsRequest, Dap.SetFunctionBreakpointsResponse>;
  setInstructionBreakpoints: Call<
    Dap.SetInstructionBreakpointsRequest,
    Dap.SetInstructionBreakpointsResponse
  >;
  breakpointLocations: Call<Dap.BreakpointLocationsRequest, Dap.BreakpointLocationsResponse>;
  dataBreakpointInfo: Call<Dap.DataBreakpointInfoRequest, Dap.DataBreakpointInfoResponse>;
  setDataBreakpoints: Call<Dap.SetDataBreakpointsRequest, Dap.SetDataBreakpointsResponse>;
  setExceptionBreakpoints: Call<Dap.SetExceptionBreakpointsRequest, Dap.SetExceptionBreakpointsResponse>;
  exceptionInfo: Call<Dap.ExceptionInfoRequest, Dap.ExceptionInfoResponse>;
  continue: Call<Dap.ContinueRequest, Dap.ContinueResponse>;
  pause: Call<Dap.PauseRequest, Dap.PauseResponse>;
  next: Call<Dap.NextRequest, Dap.NextResponse>;
  stepIn: Call<Dap.StepInRequest, Dap.StepInResponse>;
  stepOut: Call<Dap.StepOutRequest, Dap.StepOutResponse>;
  stepInTargets: Call<Dap.StepInTargetsRequest, Dap.StepInTargetsResponse>;
  gotoTargets: Call<Dap.GotoTargetsRequest, Dap.GotoTargetsResponse>;
  goto: Call<Dap.GotoRequest, Dap.GotoResponse>;
  terminateThreads: Call<Dap.TerminateThreadsRequest, Dap.TerminateThreadsResponse>;
  threads: Call<Dap.ThreadsRequest, Dap.ThreadsResponse>;
  stackTrace: Call<Dap.StackTraceRequest, Dap.StackTraceResponse>;
  scopes: Call<Dap.ScopesRequest, Dap.ScopesResponse>;
  variables: Call<Dap.VariablesRequest, Dap.VariablesResponse>;
  setVariable: Call<Dap.SetVariableRequest, Dap.SetVariableResponse>;
  setExpression: Call<Dap.SetExpressionRequest, Dap.SetExpressionResponse>;
  locations: Call<Dap.LocationsRequest, Dap.LocationsResponse>;
  evaluate: Call<Dap.EvaluateRequest, Dap.EvaluateResponse>;
  completions: Call<Dap.CompletionsRequest, Dap.CompletionsResponse>;
  readMemory: Call<Dap.ReadMemoryRequest, Dap.ReadMemoryResponse>;
  writeMemory: Call<Dap.WriteMemoryRequest, Dap.WriteMemoryResponse>;
  disassemble: Call<Dap.DisassembleRequest, Dap.DisassembleResponse>;
  source: Call<Dap.SourceRequest, Dap.SourceResponse>;
  loadedSources: Call<Dap.LoadedSourcesRequest, Dap.LoadedSourcesResponse>;
  cancel: Call<Dap.CancelRequest, Dap.CancelResponse>;
  modules: Call<Dap.ModulesRequest, Dap.ModulesResponse>;
}

type Custom = {
  [Name in keyof XenRequests]: {
    arguments: XenRequests[Name]['arguments'];
    body: XenRequests[Name]['result'];
  };
};

export type Requests = DapRequests & Custom;

export type Command = keyof Requests;

/** What must hold when the request comes; otherwise it gets an error that no user sees. */
export type Need = 'nothing' | 'machine' | 'stopped';

export interface RequestRow<Name extends Command> {
  /** Announced by `initialize`. */
  readonly capabilities?: Readonly<Dap.Capabilities>;
  readonly needs: Need;
  /** Of our own requests; those of the protocol are in argument-shapes.ts. Checked before the handler is called. */
  readonly takes?: Readonly<Record<string, Shape>>;
  /** Answered before requests that came earlier: what ends or interrupts them. */
  readonly urgent?: boolean;
  /** What the client shows while it takes long; it may give the request up then (`checkCancelled`). */
  readonly progress?: string;
  /** The client shows what went wrong in the place where it asked: no notification for each hover. */
  readonly quiet?: boolean;
  handle(
    session: XenSession,
    args: Requests[Name]['arguments'],
  ): Promise<Requests[Name]['body']> | Requests[Name]['body'];
}

export interface AnyRequest extends RequestRow<Command> {
  readonly command: Command;
}

export function request<Name extends Command>(command: Name, row: RequestRow<Name>): AnyRequest {
  // The row's own types hold for its own command, and dispatch goes by command.
  return { command, ...row } as unknown as AnyRequest;
}

/** Throws for arguments that the request does not take. */
export function checkArguments({ command, takes }: AnyRequest, args: unknown): void {
  if (typeof args !== 'object' || args === null) throw errors.badArgument(command, 'arguments', 'an object');
  const shape = takes ?? argumentShapes[command as keyof DapRequests];
  const wrong = shape && wrongArgument(shape, args);
  if (wrong) throw errors.badArgument(command, wrong.name, wrong.wanted);
}
