// Scopes and variables of a frame: arguments, locals, statics of its file, registers; and changing them.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { eventTree } from '../breakpoints/event-tree.ts';
import * as errors from '../errors.ts';
import { request } from '../request.ts';
import type { HandleValue, RegisterScope } from '../handle-values.ts';
import type { XenSession } from '../session.ts';
import { assign } from '../values/assign.ts';
import { childrenOf } from '../values/children.ts';
import type { Child } from '../values/children.ts';
import { CONTEXT_SCOPES } from '../values/context-scopes.ts';
import type { ContextScope } from '../values/context-scopes.ts';
import { Evaluator, parseIn } from '../values/evaluate.ts';
import { GuestMemory, VIEW_ALLOWANCE } from '../values/guest-memory.ts';
import type { VariableScope } from '../values/handles.ts';
import { returnValue } from '../values/return-value.ts';
import type { Leaving } from '../values/return-value.ts';
import { Scope } from '../values/scope.ts';
import type { FrameOfVcpu } from '../values/scope.ts';
import { show, variableOf } from '../values/show.ts';
import type { Showing } from '../values/show.ts';
import { declaredIn, variablesIn } from '../values/variable-scopes.ts';
import { lookupOf } from './evaluate.ts';
import { registerVariables, setRegisterVariable } from './register-variables.ts';

type Container = Extract<HandleValue, { kind: 'variables' | 'context' | 'value' }>;

/** A page, when the client does not say how much it wants. */
const PAGE = 200;
/** However much it wants. */
const MOST_IN_PAGE = 4096;

export const variableRequests = [
  request('scopes', {
    needs: 'machine',
    async handle(session, { frameId }) {
      // Editors ask once more just after the machine went on, and would show an error as a scope.
      if (session.machine.run.running) return { scopes: [] };
      const handle = session.handles.get(frameId);
      if (handle.kind === 'hypervisor') {
        const hint = { name: 'Arguments', presentationHint: 'arguments', expensive: false };
        return { scopes: eventScope(session, handle.at).map((scope) => ({ ...scope, ...hint })) };
      }
      if (handle.kind !== 'frame') return { scopes: [] };
      const { kind: _, ...at } = handle;
      const registers = (name: string, group: RegisterScope, expensive: boolean): Dap.Scope => ({
        name,
        variablesReference: session.handles.add({ ...at, kind: 'registers', group }),
        expensive,
        presentationHint: 'registers',
      });
      const variables = async (name: string, group: VariableScope, more: Partial<Dap.Scope>) => {
        const scope = new Scope(session.debuggee, at);
        const count =
          group === 'return' ? (leftAt(session, at) ? 1 : 0) : (await variablesIn(scope, group)).length;
        if (count === 0) return [];
        const variablesReference = session.handles.add({ kind: 'variables', at, group });
        return [{ name, variablesReference, namedVariables: count, expensive: false, ...more }];
      };
      return {
        scopes: [
          ...(await variables('Arguments', 'arguments', { presentationHint: 'arguments' })),
          ...(await variables('Locals', 'locals', { presentationHint: 'locals' })),
          ...(await variables('Return value', 'return', { presentationHint: 'returnValue' })),
          registers('Registers', 'general', false),
          ...(await variables('Statics of file', 'statics', { expensive: true })),
          ...(at.index > 0
            ? []
            : [
                registers('FP and SIMD registers', 'fp', true),
                registers('System registers', 'system', true),
                ...contextScopes(session, at),
                ...eventScope(session, at),
              ]),
        ],
      };
    },
  }),

  request('variables', {
    capabilities: { supportsValueFormattingOptions: true },
    needs: 'stopped',
    async handle(session, { variablesReference, filter, start = 0, count = 0, format }) {
      const handle = session.handles.get(variablesReference);
      if (handle.kind === 'registers') {
        const variables = await registerVariables(session, handle);
        return { variables: variables.slice(start, count === 0 ? undefined : start + count) };
      }
      if (!isContainer(handle)) return { variables: [] };
      if (start < 0 || count < 0) return { variables: [] };
      const end = start + (count === 0 ? PAGE : Math.min(count, MOST_IN_PAGE));
      return {
        variables: await variablesOf(session, handle, { filter, start, end, hex: format?.hex === true }),
      };
    },
  }),

  request('setVariable', {
    capabilities: { supportsSetVariable: true },
    needs: 'stopped',
    quiet: true,
    async handle(session, { variablesReference, name, value: text, format }) {
      const handle = session.handles.get(variablesReference);
      if (handle.kind === 'registers') return setRegisterVariable(session, handle, name, text);
      if (!isContainer(handle)) throw errors.notAssignable(name);
      const scope = new Scope(session.debuggee, handle.at);
      const child = await childNamed(scope, handle, name);
      if (child?.value.kind !== 'typed') throw errors.notAssignable(name);
      const evaluator = new Evaluator(scope, { effects: false, lookup: lookupOf(session) });
      const wanted = await evaluator.typed((await parseIn(scope, withoutHint(text))).expression);
      const changed = await assign(scope, child.value, wanted);
      session.afterResponse(() => session.changedByUser());
      const own = handle.kind === 'value' ? handle.format : {};
      const showing = { session, scope, format: { ...own, ...(format?.hex === true && { hex: true }) } };
      return show(showing, changed, child.expression);
    },
  }),

  request('locations', {
    needs: 'stopped',
    quiet: true,
    async handle(session, { locationReference }) {
      const handle = session.handles.get(locationReference);
      if (handle.kind === 'line') return placeOf(session, handle.path, handle.line);
      if (handle.kind !== 'code') throw errors.stale();
      const line = await session.debuggee.targetFor(session.vcpuIn(handle.domain)).lineAt(handle.address);
      if (!line) throw errors.notComputable(`No line is known at 0x${handle.address.toString(16)}`);
      return placeOf(session, line.path, line.line);
    },
  }),
];

function placeOf(session: XenSession, path: string, line: number): Dap.LocationsResponse['body'] {
  const source = { name: path.split(/[/\\]/).at(-1) ?? path, path: session.pathToClient(path) };
  return { source, line: session.lineToClient(line) };
}

async function variablesOf(
  session: XenSession,
  handle: Container,
  page: {
    readonly filter: 'indexed' | 'named' | undefined;
    readonly start: number;
    readonly end: number;
    readonly hex: boolean;
  },
): Promise<Dap.Variable[]> {
  const memory = new GuestMemory(session.debuggee, VIEW_ALLOWANCE);
  const scope = new Scope(session.debuggee, handle.at, memory);
  const { filter, start, end } = page;
  const own = handle.kind === 'value' ? handle.format : {};
  const showing: Showing = { session, scope, format: { ...own, ...(page.hex && { hex: true }) } };
  const variables: Dap.Variable[] = [];
  if (handle.kind === 'variables') {
    if (filter === 'indexed') return [];
    if (handle.group === 'return') {
      const left = leftAt(session, handle.at);
      if (!left) return [];
      const value = await returnValue(scope, left);
      return [await variableOf(showing, { name: `${left.name} returned`, value, expression: undefined })];
    }
    for (const { child, declared } of await declaredIn(scope, handle.group, start, end)) {
      const place = declared && { ...declared, file: await scope.target.pathToUser(declared.file) };
      memory.renewAllowance();
      variables.push(await variableOf(showing, child, place));
    }
    return variables;
  }
  const children =
    handle.kind === 'context'
      ? await CONTEXT_SCOPES[handle.group].children(scope, start, end)
      : await childrenOf(handle.value, handle.expression, scope, start, end);
  for (const child of children) {
    memory.renewAllowance();
    variables.push(await variableOf(showing, child));
  }
  return variables;
}

const isContainer = (handle: HandleValue): handle is Container =>
  handle.kind === 'variables' || handle.kind === 'context' || handle.kind === 'value';

function contextScopes(session: XenSession, at: FrameOfVcpu): Dap.Scope[] {
  const scope = new Scope(session.debuggee, at);
  const rows = Object.entries(CONTEXT_SCOPES) as [ContextScope, (typeof CONTEXT_SCOPES)[ContextScope]][];
  return rows
    .filter(([, { isThere }]) => isThere(scope))
    .map(([group, { title }]) => {
      const variablesReference = session.handles.add({ kind: 'context', at, group });
      return { name: title, variablesReference, expensive: true };
    });
}

/** What stopped this vCPU, if that was an event. */
function eventScope(session: XenSession, at: FrameOfVcpu): Dap.Scope[] {
  const { lastStop } = session;
  const data = eventTree(lastStop);
  if (!data || lastStop?.vcpu.vcpu !== at.vcpu.vcpu || lastStop.vcpu.domain !== at.vcpu.domain) return [];
  const value = { kind: 'tree' as const, data, space: { kind: 'va' as const, at: at.vcpu } };
  const variablesReference = session.handles.add({ kind: 'value', at, value, expression: '$ev', format: {} });
  return [{ name: 'Event', variablesReference, namedVariables: Object.keys(data).length, expensive: true }];
}

/** The function that was stepped out of to get here. */
function leftAt(session: XenSession, { vcpu, index, frame }: FrameOfVcpu): Leaving | undefined {
  const { leaving: left } = session;
  const isHere = left?.generation === session.handles.stopGeneration && left.to === frame.pc && index === 0;
  return isHere && left.vcpu.domain === vcpu.domain && left.vcpu.vcpu === vcpu.vcpu ? left : undefined;
}

export async function childNamed(scope: Scope, handle: Container, name: string): Promise<Child | undefined> {
  if (handle.kind === 'variables') {
    if (handle.group === 'return') return undefined;
    const all = await declaredIn(scope, handle.group, 0, Infinity);
    return all.find(({ child }) => child.name === name)?.child;
  }
  if (handle.kind === 'context') {
    const all = await CONTEXT_SCOPES[handle.group].children(scope, 0, Infinity);
    return all.find((child) => child.name === name);
  }
  const index = /^\[(\d+)\]$/.exec(name)?.[1];
  const { value, expression } = handle;
  if (index !== undefined && value.kind === 'typed' && value.type.kind === 'array') {
    const at = Number(index) - value.type.first;
    return (await childrenOf(value, expression, scope, at, at + 1))[0];
  }
  const children = await childrenOf(value, expression, scope, 0, MOST_CHILDREN);
  return children.find((child) => child.name === name);
}

const MOST_CHILDREN = 100_000;

/** What was shown beside a number is not part of it: `0x40001000 <main>`, `65 'A'`. */
function withoutHint(text: string): string {
  return text
    .trim()
    .replace(/^(-?(?:0x[0-9a-f]+|\d+))\s+(?:<[^>]*>|'(?:\\.[^']*|[^'\\])'|".*")\u2026?$/i, '$1');
}
