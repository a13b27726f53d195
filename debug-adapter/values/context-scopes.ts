// What surrounds a frame and is dear to look at: its vCPU, its domain as the hypervisor sees it, the task that
// runs, and the per-CPU variables of the kernel.

import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import type { Child } from './children.ts';
import { childrenOf } from './children.ts';
import { globalValue } from './names.ts';
import { inspect, objects } from './objects.ts';
import type { ObjectName } from './objects.ts';
import { CONTEXT_NAMES, registerValue } from './registers.ts';
import type { Target } from '../symbols/target.ts';
import type { Scope } from './scope.ts';
import { currentTask } from './tasks.ts';
import type { Value } from './value.ts';

export type ContextScope = 'vcpu' | 'domain' | 'task' | 'percpu';

interface ContextScopeRow {
  readonly title: string;
  /** Whether it can have anything, by what costs nothing to find out. */
  isThere(scope: Scope): boolean;
  children(scope: Scope, start: number, end: number): Promise<readonly Child[]>;
}

/** In the order in which they are shown. */
export const CONTEXT_SCOPES: Readonly<Record<ContextScope, ContextScopeRow>> = {
  vcpu: {
    title: 'vCPU',
    isThere: () => true,
    children: async (scope, start, end) => {
      const children: Child[] = [];
      for (const name of CONTEXT_NAMES.slice(start, end)) {
        const value = await registerValue(scope, name);
        if (value) children.push({ name, value, expression: `$${name}` });
      }
      return children;
    },
  },
  domain: {
    title: 'Domain',
    isThere: (scope) => scope.at.vcpu.domain !== BARE_DOMAIN,
    children: async (scope, start, end) => (await domainChildren(scope)).slice(start, end),
  },
  task: {
    title: 'Current task',
    isThere: (scope) => kernelOf(scope).addressesOf('init_task').length > 0,
    children: async (scope, start, end) =>
      childrenOf(await currentTask(scope), '$current', scope, start, end),
  },
  percpu: {
    title: 'Per-CPU',
    isThere: (scope) => kernelOf(scope).addressesOf('__per_cpu_start').length > 0,
    children: async (scope, start, end) => {
      const children: Child[] = [];
      for (const name of perCpuNames(scope).slice(start, end)) {
        const value = await globalValue(scope.within(kernelOf(scope)), name);
        if (value) children.push({ name, value, expression: name });
      }
      return children;
    },
  },
};

/** Of the hypervisor: looked up when somebody opens them. */
const DOMAIN_OBJECTS: readonly (readonly [title: string, name: ObjectName])[] = [
  ['event channels', 'evtchn'],
  ['grants', 'grant'],
  ['rings', 'ring'],
  ['interrupts', 'gic'],
];

async function domainChildren(scope: Scope): Promise<readonly Child[]> {
  const { debuggee, space, at } = scope;
  const { domain } = at.vcpu;
  const { domains } = await inspect(debuggee, 'domains', {});
  const data = domains.find((row) => row.domain === domain);
  const row: Value = { kind: 'tree', data: data ?? {}, space };
  const deferred = DOMAIN_OBJECTS.map(([name, object]): Child => {
    const resolve = async (): Promise<Value> => ({
      kind: 'tree',
      data: await objects(debuggee, object, domain),
      space,
    });
    return { name, value: { kind: 'deferred', type: object, resolve }, expression: `$${object}` };
  });
  return [...(await childrenOf(row, undefined, scope, 0, Number.POSITIVE_INFINITY)), ...deferred];
}

/** A frame may be of a module or of a program. */
const kernelOf = ({ debuggee, at }: Scope): Target => debuggee.targetOf(at.vcpu.domain);

/** More than any kernel has. */
const MOST_NAMES = 16_384;

/** Of the kernel's pattern of a CPU's variables, by its symbols. */
function perCpuNames(scope: Scope): readonly string[] {
  const target = kernelOf(scope);
  const [start] = target.addressesOf('__per_cpu_start');
  const [end] = target.addressesOf('__per_cpu_end');
  if (start === undefined || end === undefined) return [];
  const names = new Set<string>();
  let at = target.map.toRuntime(start);
  const last = target.map.toRuntime(end);
  while (at < last && names.size < MOST_NAMES) {
    const symbol = target.symbolAt(at);
    const isOwn = symbol && symbol.start >= at && symbol.end > at;
    if (isOwn && !/^(?:__per_cpu_|__UNIQUE_ID)/.test(symbol.name)) names.add(symbol.name);
    // What has no symbol is passed over a word at a time.
    at = symbol && symbol.end > at ? symbol.end : at + 8n;
  }
  return [...names].sort();
}
