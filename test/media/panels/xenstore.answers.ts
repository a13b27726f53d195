// A domain with a disk whose backend waits for it, as inspections tell it.

import type { Inspections } from '../../../debug-adapter/protocol.ts';
import type { PanelOptions } from './harness.ts';

type View = Inspections['xenstore']['view'];
type Node = View['nodes'][number];
type Device = View['devices'][number];
type History = Inspections['xenstoreHistory']['view'];

const moment = (seconds: number) => ({
  instructions: seconds * 1e9,
  virtualNanoseconds: seconds * 1e9,
  at: `${seconds.toFixed(6)} s`,
  ago: '1.2 ms ago',
});

/** Nodes by path, in the order of the tree. */
export function nodes(values: Readonly<Record<string, string>>): Node[] {
  const paths = Object.keys(values);
  return paths.map((path, i): Node => {
    const owner = path.startsWith('/local/domain/1/') ? 1 : 0;
    return {
      path,
      name: path === '/' ? '/' : (path.split('/').at(-1) ?? ''),
      depth: path === '/' ? 0 : path.split('/').length - 1,
      children: paths.filter((other) => other !== '/' && (other.replace(/\/[^/]+$/, '') || '/') === path)
        .length,
      value: values[path] ?? '',
      binary: false,
      length: (values[path] ?? '').length,
      truncated: 0,
      owner,
      permissions: owner === 1 ? 'n1,r0' : 'n0,r1',
      permissionWords:
        owner === 1
          ? 'd1 owns it; d0 may read; others may nothing'
          : 'd0 owns it; d1 may read; others may nothing',
      watches: path.endsWith('/state') ? [{ domain: 0, token: 'blkback' }] : [],
      generation: i,
      ...(i % 3 === 0 && { lastChange: { words: `written by d${owner}`, by: owner, moment: moment(0.08) } }),
    };
  });
}

const FRONTEND = '/local/domain/1/device/vbd/51712';
const BACKEND = '/local/domain/0/backend/vbd/1/51712';

const TREE = {
  '/': '',
  '/local': '',
  '/local/domain': '',
  '/local/domain/0': '',
  '/local/domain/0/backend': '',
  '/local/domain/0/backend/vbd': '',
  '/local/domain/0/backend/vbd/1': '',
  [BACKEND]: '',
  [`${BACKEND}/frontend`]: FRONTEND,
  [`${BACKEND}/state`]: '2',
  '/local/domain/1': '',
  '/local/domain/1/name': 'hello',
  '/local/domain/1/memory': '',
  '/local/domain/1/memory/target': '65536',
  '/local/domain/1/data': '<b onmouseover=alert(1)>not markup</b>',
  '/local/domain/1/device': '',
  '/local/domain/1/device/vbd': '',
  [FRONTEND]: '',
  [`${FRONTEND}/backend`]: BACKEND,
  [`${FRONTEND}/state`]: '1',
  '/vm': '',
};

export const waiting: Device = {
  kind: 'vbd',
  id: '51712',
  name: 'vbd xvda',
  frontend: {
    domain: 1,
    path: FRONTEND,
    state: 1,
    stateName: 'Initialising',
    next: ['Initialised', 'Connected', 'Closing', 'Closed'],
  },
  backend: {
    domain: 0,
    path: BACKEND,
    state: 2,
    stateName: 'InitWait',
    next: ['Initialised', 'Connected', 'Closing', 'Closed'],
  },
  connected: false,
  sentence: 'the backend waits in InitWait for the frontend to reach Initialised',
  ports: {},
  references: {},
};

/** The first console: the toolstack made its ring, and nobody changes a state. */
export const stateless: Device = {
  kind: 'console',
  id: '0',
  name: 'console 0',
  frontend: { domain: 1, path: '/local/domain/1/console', stateName: 'Unknown', next: ['Initialising'] },
  backend: {
    domain: 0,
    path: '/local/domain/0/backend/console/1/0',
    state: 1,
    stateName: 'Initialising',
    next: ['InitWait', 'Closed'],
  },
  connected: true,
  sentence: 'the toolstack made the ring of the first console: it has no states',
  ports: { port: 2 },
  references: {},
};

export const connected: Device = {
  ...waiting,
  frontend: {
    ...waiting.frontend,
    state: 4,
    stateName: 'Connected',
    next: ['Reconfiguring', 'Closing', 'Closed'],
  },
  backend: {
    ...waiting.backend,
    state: 4,
    stateName: 'Connected',
    next: ['Reconfiguring', 'Closing', 'Closed'],
  },
  connected: true,
  sentence: 'connected',
};

export function storeView(values: Readonly<Record<string, string>>, devices: readonly Device[]): View {
  const all = nodes(values);
  return {
    path: '/',
    total: all.length,
    start: 0,
    nodes: all,
    devices,
    clients: [
      {
        domain: 0,
        words: 'a client of the toolstack',
        watches: [],
        watchCount: 3,
        transactions: [],
        waitingMessages: 0,
        nodes: 40,
        sentence: 'nothing waits',
      },
      {
        domain: 1,
        words: 'd1, by its ring',
        watches: [],
        watchCount: 1,
        transactions: [{ id: 7, words: 'looked at 2 nodes, changed 1' }],
        waitingMessages: 4,
        nodes: 12,
        sentence: '4 messages wait for room in its ring: the guest does not take them',
      },
    ],
  };
}

export const WAITING = storeView(TREE, [waiting, stateless]);
export const CONNECTED = storeView(
  { ...TREE, [`${BACKEND}/state`]: '4', [`${FRONTEND}/state`]: '4', '/vm/1': '' },
  [connected, stateless],
);

const HISTORY: History = {
  total: 3,
  remembered: 3,
  matching: 2,
  start: 0,
  changes: [
    {
      number: 2,
      path: `${FRONTEND}/state`,
      change: 'written',
      by: 1,
      words: 'written by d1',
      value: '1',
      moment: moment(0.08),
    },
    {
      number: 1,
      path: FRONTEND,
      change: 'permissions',
      by: 0,
      words: 'permissions set by d0 (toolstack)',
      moment: moment(0),
    },
  ],
};

export default {
  answers: { 'xen/xenstore': WAITING, 'xen/xenstoreHistory': HISTORY },
  kept: { panel: { tab: 1 } },
} satisfies PanelOptions;
