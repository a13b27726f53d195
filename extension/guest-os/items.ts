// The tree of a guest's operating system as data: its processes, kernel threads and modules, the stack of a task, and
// the kernel's log as text. Nothing of the editor is in here, so that tests can look at it.

import type { LogRow, TaskFrame, TaskRow } from '../../debug-adapter/protocol.ts';

/** A module, of what the protocol's request `modules` answers. */
export interface ModuleRow {
  readonly name: string;
  readonly addressRange?: string;
  readonly symbolStatus?: string;
  /** Name of the domain. */
  readonly domain?: string;
}

/** What was found in a domain. */
export interface GuestRows {
  readonly domain: number;
  readonly name: string;
  readonly os: string;
  readonly tasks: readonly TaskRow[];
  readonly modules: readonly ModuleRow[];
}

export interface GuestItem {
  /** Stays the same while the thing exists, so that the tree keeps what is open. */
  readonly id: string;
  readonly label: string;
  readonly description: string;
  /** Lines. */
  readonly tooltip: string;
  /** Name of a codicon. */
  readonly icon: string;
  /** What menus look for. */
  readonly context: 'guest' | 'group' | 'task' | 'module' | 'frame';
  readonly domain: number;
  readonly children: readonly GuestItem[];
  /** Shown at first. */
  readonly open: boolean;
  /** Its stack is asked for when it is opened. */
  readonly task?: TaskRow;
  /** What there is to be seen. */
  readonly reference?: string;
}

/** The groups of the only guest, or those of each. `filter`: a part of a name, or a pid. */
export function guestItems(guests: readonly GuestRows[], filter: string): GuestItem[] {
  const [only] = guests;
  if (only && guests.length === 1) return groupsOf(only, filter);
  return guests.map((guest) => ({
    id: `d${guest.domain}`,
    label: titleOf(guest),
    description: guest.os,
    tooltip: `${titleOf(guest)}: ${guest.os}`,
    icon: 'vm',
    context: 'guest',
    domain: guest.domain,
    open: true,
    children: groupsOf(guest, filter),
  }));
}

/** `d1 linux`; a bare machine has no number. */
export const titleOf = ({ domain, name }: { readonly domain: number; readonly name: string }): string =>
  domain < 0 ? name : `d${domain} ${name}`;

function groupsOf({ domain, tasks, modules }: GuestRows, filter: string): GuestItem[] {
  const wanted = filter.toLowerCase();
  const found = tasks.filter(
    ({ name, pid }) => wanted === '' || name.toLowerCase().includes(wanted) || String(pid) === wanted,
  );
  const loaded = modules.filter(({ name }) => name.toLowerCase().includes(wanted));
  const group = (
    name: string,
    label: string,
    icon: string,
    open: boolean,
    children: GuestItem[],
  ): GuestItem[] =>
    children.length === 0
      ? []
      : [
          {
            // What is looked for is to be seen, even where the group was closed before.
            id: `d${domain} ${name}${wanted === '' ? '' : ' found'}`,
            label,
            description: String(children.length),
            tooltip: `${children.length}`,
            icon,
            context: 'group',
            domain,
            open: open || wanted !== '',
            children,
          },
        ];
  const items = (rows: readonly TaskRow[]): GuestItem[] => rows.map((task) => taskItem(domain, task));
  return [
    ...group('processes', 'Processes', 'list-unordered', true, items(found.filter(({ kernel }) => !kernel))),
    ...group('kernel', 'Kernel threads', 'gear', false, items(found.filter(({ kernel }) => kernel))),
    ...group(
      'modules',
      'Modules',
      'package',
      false,
      loaded.map((module) => moduleItem(domain, module)),
    ),
  ];
}

function taskItem(domain: number, task: TaskRow): GuestItem {
  const { address, pid, tgid, parent, name, state, cpu, vcpu } = task;
  const where = vcpu !== undefined ? `on vCPU ${vcpu}` : cpu === undefined ? '' : `CPU ${cpu}`;
  const thread = tgid === pid ? '' : `thread of ${tgid}`;
  return {
    // Several have the pid 0.
    id: `d${domain} task ${address}`,
    label: `${pid} ${name}`,
    description: [state, where, thread].filter((text) => text !== '').join(' · '),
    tooltip: [
      `${name}, pid ${pid}: ${state}`,
      ...(thread === '' ? [] : [`Thread of process ${tgid}`]),
      ...(parent === undefined ? [] : [`Parent: ${parent}`]),
      `Descriptor at ${address}`,
    ].join('\n'),
    icon:
      vcpu !== undefined
        ? 'play'
        : state === 'zombie' || state === 'dead'
          ? 'circle-slash'
          : 'circle-outline',
    context: 'task',
    domain,
    open: false,
    children: [],
    task,
  };
}

function moduleItem(domain: number, { name, addressRange, symbolStatus }: ModuleRow): GuestItem {
  const start = addressRange?.split('-')[0];
  return {
    id: `d${domain} module ${name}`,
    label: name,
    description: [start, symbolStatus].filter((text) => text !== undefined).join(' · '),
    tooltip: [name, addressRange, symbolStatus].filter((text) => text !== undefined).join('\n'),
    icon: 'symbol-module',
    context: 'module',
    domain,
    open: false,
    children: [],
    ...(start !== undefined && { reference: referenceOf(domain, start) }),
  };
}

/** The stack of a task, innermost frame first. */
export function frameItems(domain: number, task: TaskRow, frames: readonly TaskFrame[]): GuestItem[] {
  return frames.map(({ name, address, path, line }, i) => {
    const file = path?.split(/[/\\]/).at(-1);
    return {
      id: `d${domain} task ${task.address} frame ${i}`,
      label: name,
      description: file !== undefined ? `${file}:${line ?? 0}` : address === name ? '' : (address ?? ''),
      tooltip: [name, address, path && `${path}:${line ?? 0}`].filter(Boolean).join('\n'),
      icon: address === undefined ? 'dash' : 'debug-stackframe',
      context: 'frame',
      domain,
      open: false,
      children: [],
      // A program's addresses mean something else while another runs.
      ...(address !== undefined && IN_KERNEL.test(address) && { reference: referenceOf(domain, address) }),
    };
  });
}

/** In the upper half of the address space. */
const IN_KERNEL = /^0x[89a-f][0-9a-f]{15}$/;

const referenceOf = (domain: number, address: string): string =>
  domain < 0 ? address : `d${domain}/va:${address}`;

/** As the kernel writes it to its consoles. */
export const logText = (records: readonly LogRow[]): string =>
  records
    .flatMap(({ nanoseconds, text }) => {
      const seconds = Math.floor(nanoseconds / 1e9);
      const microseconds = String(Math.floor((nanoseconds % 1e9) / 1000)).padStart(6, '0');
      const lines = text.replace(/\n$/, '').split('\n');
      return lines.map((line) => `[${String(seconds).padStart(5)}.${microseconds}] ${line}\n`);
    })
    .join('');
