// The tree of xenstore, a part at a time: nodes with values, permissions, watches and their last change; the clients; and
// the devices with the states of their two ends.

import type { Permission } from '../../xen/xenstore/permissions.ts';
import type { XenstoreNodeView, XenstoreView as Known } from '../../xen/hypervisor/xenstore-view.ts';
import { UserError } from '../../base/errors.ts';
import { plainText } from '../plain-text.ts';
import { hypervisorOf, inspection, type Subject } from './inspection.ts';
import { textTable } from './text-table.ts';
import {
  type MomentView,
  momentView,
  PAGE_ARGUMENTS,
  pageOf,
  shortDomain,
  textOfBytes,
} from './xen-words.ts';
import { type DeviceView, devicesIn } from './xenstore-devices.ts';

export interface XenstoreView {
  readonly path: string;
  /** Nodes at and below `path`, as deep as asked for; `nodes` has those that were asked for. */
  readonly total: number;
  readonly start: number;
  readonly nodes: readonly XenstoreNode[];
  readonly devices: readonly DeviceView[];
  readonly clients: readonly XenstoreClientRow[];
}

export interface XenstoreNode {
  readonly path: string;
  readonly name: string;
  /** 0 for `path` itself. */
  readonly depth: number;
  readonly children: number;
  /** What the value holds; with `\xNN` for what does not print, when `binary`. */
  readonly value: string;
  readonly binary: boolean;
  /** Bytes of the value, and those that are not shown. */
  readonly length: number;
  readonly truncated: number;
  readonly owner: number;
  /** As xenstore-ls shows them: `n0,r5`. */
  readonly permissions: string;
  /** `d0 owns it; d5 may read; others may nothing`. */
  readonly permissionWords: string;
  /** Of this node itself; those of nodes above see its changes too. */
  readonly watches: readonly { readonly domain: number; readonly token: string }[];
  readonly generation: number;
  readonly lastChange?: { readonly words: string; readonly by: number; readonly moment: MomentView };
}

export interface XenstoreClientRow {
  readonly domain: number;
  readonly words: string;
  readonly watches: readonly { readonly path: string; readonly token: string }[];
  readonly watchCount: number;
  readonly transactions: readonly { readonly id: number; readonly words: string }[];
  readonly waitingMessages: number;
  readonly nodes: number;
  /** How it stands, in one sentence. */
  readonly sentence: string;
}

const USUAL_NODES = 1000;
const MAX_NODES = 5000;
const MAX_VALUE = 512;
const MAX_LISTED = 64;
const MAX_DEPTH = 1024;
const MAX_TOKEN = 128;

export const xenstoreInspection = inspection('xenstore', {
  doc: 'the tree of xenstore: values, permissions, watches, last changes; devices with the states of both ends',
  needs: 'hypervisor',
  arguments: {
    path: { kind: 'text', doc: 'the node to begin at; / when left out' },
    depth: { kind: 'number', doc: 'levels below it; all when left out' },
    ...PAGE_ARGUMENTS,
  },
  inspect(subject, { path = '/', depth = MAX_DEPTH, ...page }): XenstoreView {
    const store = storeOf(subject);
    const { start, count } = pageOf(page, USUAL_NODES, MAX_NODES);
    const top = path.length > 1 ? path.replace(/\/+$/, '') || '/' : path;
    if (!store.node(top)) {
      throw new UserError(
        `there is no node '${plainText(top)}' in xenstore`,
        'Give the path of a node, such as /local/domain.',
      );
    }
    const clients = store.clients();
    const watches = watchesByPath(clients);
    const nodes: XenstoreNode[] = [];
    let total = 0;
    for (const [node, level] of walk(store, top, Math.min(depth, MAX_DEPTH))) {
      if (total >= start && nodes.length < count) nodes.push(nodeRow(subject, node, level, watches));
      total++;
    }
    return {
      path: top,
      total,
      start,
      nodes,
      devices: devicesIn(store),
      clients: clients.map((client) => clientRow(store, client)),
    };
  },
  text: (view) => `${nodeLines(view)}${deviceTable(view)}`,
});

export function storeOf(subject: Subject): Known {
  const { daemons } = hypervisorOf(subject);
  if (daemons) return daemons.xenstore;
  throw new UserError('there is no xenstore', 'Start the guest as a domain.');
}

/** Parents before children, children in the order in which they were made. */
function* walk(store: Known, top: string, depth: number): Generator<[XenstoreNodeView, number]> {
  const waiting: [string, number][] = [[top, 0]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [path, level] = next;
    const node = store.node(path);
    if (!node) continue;
    yield [node, level];
    if (level >= depth) continue;
    for (let index = node.children.length - 1; index >= 0; index--) {
      const child = node.children[index];
      if (child !== undefined) waiting.push([path === '/' ? `/${child}` : `${path}/${child}`, level + 1]);
    }
  }
}

type Watches = ReadonlyMap<string, { domain: number; token: string }[]>;

function watchesByPath(clients: ReturnType<Known['clients']>): Watches {
  const watches = new Map<string, { domain: number; token: string }[]>();
  for (const { domid, watches: own } of clients) {
    for (const { path, token } of own) {
      const known = watches.get(path) ?? [];
      if (known.length < MAX_LISTED) known.push({ domain: domid, token: tokenText(token) });
      watches.set(path, known);
    }
  }
  return watches;
}

/** A token is bytes of the guest's choice, one character each. */
const tokenText = (token: string): string =>
  textOfBytes(
    Uint8Array.from(token.slice(0, MAX_TOKEN), (character) => character.charCodeAt(0) & 0xff),
    MAX_TOKEN,
  ).text;

function nodeRow(subject: Subject, node: XenstoreNodeView, depth: number, watches: Watches): XenstoreNode {
  const { path, value, children, permissions, generation } = node;
  const { text, binary, more } = textOfBytes(value, MAX_VALUE);
  const last = subject.record.xenstore.lastChange(path);
  return {
    path,
    name: path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1),
    depth,
    children: children.length,
    value: text,
    binary,
    length: value.length,
    truncated: more,
    owner: permissions[0].domid,
    permissions: permissions.slice(0, MAX_LISTED).map(letterOf).join(','),
    permissionWords: permissionWords(permissions),
    watches: watches.get(path) ?? [],
    generation,
    ...(last && {
      lastChange: {
        words: changeWords(last.change, last.byDomain),
        by: last.byDomain,
        moment: momentView(subject, last.moment),
      },
    }),
  };
}

export const changeWords = (change: 'written' | 'removed' | 'permissions', by: number): string =>
  `${change === 'permissions' ? 'permissions set' : change} by ${shortDomain(by)}${by === 0 ? ' (toolstack)' : ''}`;

const letterOf = ({ domid, read, write }: Permission): string =>
  `${read ? (write ? 'b' : 'r') : write ? 'w' : 'n'}${domid}`;

function permissionWords(permissions: XenstoreNodeView['permissions']): string {
  const [owner, ...others] = permissions;
  const may = ({ read, write }: Permission): string =>
    read ? (write ? 'may read and write' : 'may read') : write ? 'may write' : 'may nothing';
  const listed = others
    .slice(0, MAX_LISTED)
    .map((entry) =>
      entry.ignored
        ? `an entry for ${shortDomain(entry.domid)}, which is gone, gives nothing`
        : `${shortDomain(entry.domid)} ${may(entry)}`,
    );
  return [`${shortDomain(owner.domid)} owns it`, ...listed, `others ${may(owner)}`].join('; ');
}

function clientRow(store: Known, client: ReturnType<Known['clients']>[number]): XenstoreClientRow {
  const { domid, kind, watches, transactions, waitingMessages, ignored, partialRequest } = client;
  const sentence = ignored
    ? 'the guest broke the protocol: xenstored looks at its ring no more'
    : waitingMessages > 0
      ? `${waitingMessages} messages wait for room in its ring: the guest does not take them`
      : partialRequest > 0
        ? `${partialRequest} bytes of a request came so far; xenstored waits for the rest`
        : 'nothing waits';
  return {
    domain: domid,
    words: kind === 'toolstack' ? 'a client of the toolstack' : `${shortDomain(domid)}, by its ring`,
    watches: watches.slice(0, MAX_LISTED).map(({ path, token }) => ({ path, token: tokenText(token) })),
    watchCount: watches.length,
    transactions: transactions.slice(0, MAX_LISTED).map(({ id, accessed, modified, failed }) => ({
      id,
      words: failed
        ? `can only be aborted; looked at ${accessed} nodes`
        : `looked at ${accessed} nodes, changed ${modified}`,
    })),
    waitingMessages,
    nodes: store.nodesOf(domid),
    sentence,
  };
}

// ---------------------------------------------------------------- text

function nodeLines({ nodes, start, total }: XenstoreView): string {
  const lines = nodes.map(({ path: at, name, depth, value, binary, truncated, permissions }) => {
    const shown = depth === 0 ? at : name;
    const mark = binary ? ' (binary)' : '';
    const rest = truncated > 0 ? ` … ${truncated} bytes more` : '';
    return `${' '.repeat(Math.min(depth, 64))}${plainText(shown)} = "${plainText(value)}"${mark}${rest}   (${permissions})\n`;
  });
  const left = total - start - nodes.length;
  return `${lines.join('')}${left > 0 ? `… ${left} nodes more (start=${start + nodes.length})\n` : ''}`;
}

const deviceTable = ({ devices }: XenstoreView): string =>
  devices.length === 0
    ? ''
    : `\n${textTable(
        ['device', 'frontend', 'state', 'backend', 'state', 'how it stands'],
        devices.map(({ name, frontend, backend, sentence, error }) => [
          name,
          shortDomain(frontend.domain),
          frontend.stateName,
          shortDomain(backend.domain),
          backend.stateName,
          error === undefined ? sentence : `${sentence}; error: ${error}`,
        ]),
      )}`;
