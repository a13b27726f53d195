// Nodes of xenstore as data that can be watched: `d1/xs:/device/vif/0/state` is below the home of domain 1,
// `host/xs:/local/domain/1/name` a path as it is.

import type { EventBreakpoint } from '../../emulator/machine/messages.ts';
import type { StopRules } from '../../emulator/machine/stop-programs.ts';

const REFERENCE = /^(?:(d\d{1,5}|host)\/)?xs:(\/?[^;\s]{1,2048})$/i;

/** The absolute path, or undefined for what is no such reference. A `*` stands for anything. */
export function xenstorePathOf(text: string, focused: number): string | undefined {
  const [, domain, path = ''] = REFERENCE.exec(text.trim()) ?? [];
  if (path === '') return undefined;
  const absolute = path.startsWith('/') ? path : `/${path}`;
  if (domain?.toLowerCase() === 'host' || absolute.startsWith('/local/')) return absolute;
  const id = domain === undefined ? focused : Number(domain.slice(1));
  return `/local/domain/${id}${absolute}`;
}

/** What changes a node, and what reads it. */
const EVENTS = {
  read: ['xenstore.read'],
  write: ['xenstore.write', 'xenstore.rm'],
  readWrite: ['xenstore.read', 'xenstore.write', 'xenstore.rm'],
} as const;

/** The node and, with a star at its end, what is below it. */
export function xenstoreEvents(
  path: string,
  access: keyof typeof EVENTS,
  { condition, ...rules }: StopRules,
): readonly Omit<EventBreakpoint, 'id'>[] {
  const isNode = { kind: 'event-text', field: 'path', pattern: path } as const;
  return EVENTS[access].map((event) => ({
    ...rules,
    event,
    condition: condition ? { kind: 'and', left: isNode, right: condition } : isNode,
  }));
}
