// Objects of the hypervisor as values: what the inspections of the emulator say of an event channel, a
// grant, a ring, a node of xenstore, an interrupt. The same views fill the panels.

import { UserError } from '../../emulator/base/errors.ts';
import type { Inspections } from '../../emulator/debug/inspect/catalog.ts';
import type { Debuggee } from '../debuggee.ts';
import * as errors from '../errors.ts';

export const OBJECT_NAMES = ['evtchn', 'grant', 'ring', 'xs', 'gic'] as const;
export type ObjectName = (typeof OBJECT_NAMES)[number];

export const isObjectName = (name: string): name is ObjectName =>
  (OBJECT_NAMES as readonly string[]).includes(name);

const MOST_ROWS = 4096;

type View<Name extends keyof Inspections> = Inspections[Name]['view'];

/** All of a kind. */
export async function objects(debuggee: Debuggee, name: ObjectName, domain: number): Promise<unknown> {
  switch (name) {
    case 'evtchn':
      return keyed((await eventChannels(debuggee, domain)).ports, (row) => row.port);
    case 'grant':
      return keyed((await grants(debuggee, domain)).grants, (row) => row.reference);
    case 'ring':
      return keyed((await inspect(debuggee, 'rings', { domain })).rings, (row) => row.name);
    case 'xs':
      return xenstore(debuggee, '/');
    case 'gic':
      return inspect(debuggee, 'gic', { domain });
  }
}

/** One of them: by port, reference, name, path, INTID. */
export async function object(
  debuggee: Debuggee,
  name: ObjectName,
  key: bigint | string,
  domain: number,
): Promise<unknown> {
  const none = (): UserError => errors.notComputable(`There is no $${name}[${key}] in domain ${domain}`);
  const number = Number(key);
  switch (name) {
    case 'evtchn': {
      const found = (await eventChannels(debuggee, domain)).ports.find(({ port }) => port === number);
      return found ?? Promise.reject(none());
    }
    case 'grant': {
      const found = (await grants(debuggee, domain)).grants.find(({ reference }) => reference === number);
      return found ?? Promise.reject(none());
    }
    case 'ring': {
      const { rings } = await inspect(debuggee, 'rings', { domain });
      return rings.find((ring) => ring.name === key) ?? Promise.reject(none());
    }
    case 'xs':
      return xenstore(debuggee, String(key));
    case 'gic': {
      const { interrupts } = await inspect(debuggee, 'gic', { domain, all: true });
      return interrupts.find(({ intid }) => intid === number) ?? Promise.reject(none());
    }
  }
}

const eventChannels = (debuggee: Debuggee, domain: number): Promise<View<'eventChannels'>> =>
  inspect(debuggee, 'eventChannels', { domain, start: 0, count: MOST_ROWS });

const grants = (debuggee: Debuggee, domain: number): Promise<View<'grants'>> =>
  inspect(debuggee, 'grants', { domain, start: 0, count: MOST_ROWS });

export async function inspect<Name extends keyof Inspections>(
  debuggee: Debuggee,
  name: Name,
  args: Inspections[Name]['arguments'],
): Promise<View<Name>> {
  const { view } = await debuggee.machine.request('inspect', { name, args: { ...args } });
  return view as View<Name>;
}

function keyed<Row>(rows: readonly Row[], key: (row: Row) => number | string): Readonly<Record<string, Row>> {
  return Object.fromEntries(rows.map((row) => [String(key(row)), row]));
}

interface StoreNode {
  readonly value: string;
  readonly [name: string]: StoreNode | string;
}

/** A node with its children as members; one without any is its value. */
async function xenstore(debuggee: Debuggee, path: string): Promise<StoreNode | string> {
  const { nodes } = await inspect(debuggee, 'xenstore', { path, start: 0, count: MOST_ROWS });
  const byPath = new Map<string, Record<string, unknown>>();
  const hasChildren = new Set(nodes.filter(({ children }) => children > 0).map((node) => node.path));
  let top: StoreNode | string = '';
  for (const node of nodes) {
    const shown: Record<string, unknown> | string = hasChildren.has(node.path)
      ? { ...(node.value !== '' && { value: node.value }) }
      : node.value;
    if (typeof shown !== 'string') byPath.set(node.path, shown);
    if (node.depth === 0) {
      top = shown as StoreNode | string;
      continue;
    }
    const parent = byPath.get(node.path.slice(0, node.path.lastIndexOf('/')) || '/');
    if (parent) parent[node.name] = shown;
  }
  return top;
}
