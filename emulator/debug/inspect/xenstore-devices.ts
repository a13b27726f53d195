// The two ends of each PV device, found in xenstore: where they stand on the way to a connection, what either may do
// next, and who waits for whom. States: Xen public header io/xenbus.h; the way they go: Linux
// drivers/xen/xenbus, xen-blkfront, xen-blkback, xen-netfront, xen-netback.

import { type XenbusState, xenbusState, xenbusStates } from '../../xen/abi/xenbus.ts';
import type { XenstoreView } from '../../xen/hypervisor/xenstore-view.ts';
import { textOfBytes } from './xen-words.ts';

export interface DeviceEndView {
  readonly domain: number;
  readonly path: string;
  /** The number in its node `state`; absent without such a node or when it is no state. */
  readonly state?: number;
  readonly stateName: XenbusState;
  /** What the node `state` holds, when it is no state. */
  readonly stateText?: string;
  /** States that this end may go to. */
  readonly next: readonly XenbusState[];
}

export interface DeviceView {
  /** `vbd`, `vif`, `console`. */
  readonly kind: string;
  /** `51712`, `0`. */
  readonly id: string;
  /** `vbd xvda`. */
  readonly name: string;
  readonly frontend: DeviceEndView;
  readonly backend: DeviceEndView;
  /** Both ends are connected, or the device has no states. */
  readonly connected: boolean;
  /** How it stands, in one sentence. */
  readonly sentence: string;
  /** What a driver wrote about a failure. */
  readonly error?: string;
  /** Ports and grant references that the frontend published, by node: `event-channel`, `ring-ref`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly references: Readonly<Record<string, number>>;
}

/** Devices that are looked at; a guest can make as many nodes as it may. */
const MAX_DEVICES = 256;
const MAX_QUEUES = 64;

/** States that an end may go to from where it is. */
const NEXT: Readonly<Record<XenbusState, readonly XenbusState[]>> = {
  Unknown: ['Initialising'],
  Initialising: ['InitWait', 'Initialised', 'Connected', 'Closing', 'Closed'],
  InitWait: ['Initialised', 'Connected', 'Closing', 'Closed'],
  Initialised: ['Connected', 'Closing', 'Closed'],
  Connected: ['Reconfiguring', 'Closing', 'Closed'],
  Closing: ['Closed'],
  Closed: ['Initialising', 'InitWait'],
  Reconfiguring: ['Reconfigured', 'Closing', 'Closed'],
  Reconfigured: ['Connected', 'Closing', 'Closed'],
};

/** InitWait is the backend's alone: a frontend answers it with Initialised or Connected. */
const NEXT_OF_FRONTEND: Readonly<Partial<Record<XenbusState, readonly XenbusState[]>>> = {
  Initialising: ['Initialised', 'Connected', 'Closing', 'Closed'],
  Closed: ['Initialising'],
};

/** What is said of a pair of states, by frontend and then backend; the rest follows from `otherwise`. */
const SENTENCES: Readonly<Partial<Record<XenbusState, Readonly<Partial<Record<XenbusState, string>>>>>> = {
  Initialising: {
    Initialising: 'frontend and backend are new: the frontend waits for the backend to reach InitWait',
    InitWait: 'the backend waits in InitWait for the frontend to reach Initialised',
    Connected:
      'the backend is Connected while the frontend begins: the backend still serves an earlier frontend',
    Closed: 'the backend is Closed: the frontend waits for it to begin again, in InitWait',
  },
  InitWait: {
    InitWait: 'both ends wait in InitWait, each for the other to reach Initialised',
  },
  Initialised: {
    Initialising: 'the frontend published its rings before the backend was ready: it waits for InitWait',
    InitWait: 'the frontend waits in Initialised for the backend to connect to its rings',
    Initialised: 'both ends are Initialised: each waits for the other to reach Connected',
    Connected: 'the backend is Connected and waits for the frontend to reach Connected',
    Closed: 'the frontend waits in Initialised, but the backend is Closed',
  },
  Connected: {
    Connected: 'connected',
    InitWait: 'the frontend is Connected, but the backend has not taken up its rings and waits in InitWait',
    Initialised: 'the frontend is Connected and waits for the backend to reach Connected',
    Closing: 'the backend closes: it waits for the frontend to reach Closing and Closed',
    Closed: 'the backend is Closed, but the frontend still takes itself for connected',
  },
  Closing: {
    Connected: 'the frontend closes: it waits for the backend to reach Closing',
    Closing: 'both ends close: neither has reached Closed yet',
    Closed: 'the backend is Closed: it waits for the frontend to finish closing',
  },
  Closed: {
    Closed: 'closed',
    Closing: 'the frontend is Closed: it waits for the backend to finish closing',
    Connected: 'the frontend is Closed, but the backend still is Connected',
    InitWait: 'the backend waits in InitWait for the frontend to begin, in Initialising',
    Initialising: 'the frontend is Closed; the backend begins',
  },
};

/** Every device of every frontend domain, in the order of their nodes. */
export function devicesIn(store: XenstoreView): DeviceView[] {
  const devices: DeviceView[] = [];
  for (const name of childrenOf(store, '/local/domain')) {
    const domain = domidOf(name);
    if (domain === undefined) continue;
    const home = `/local/domain/${domain}`;
    const consoleEnd = deviceAt(store, domain, 'console', '0', `${home}/console`);
    if (consoleEnd) devices.push(consoleEnd);
    for (const kind of childrenOf(store, `${home}/device`)) {
      for (const id of childrenOf(store, `${home}/device/${kind}`)) {
        if (devices.length >= MAX_DEVICES) return devices;
        const device = deviceAt(store, domain, kind, id, `${home}/device/${kind}/${id}`);
        if (device) devices.push(device);
      }
    }
  }
  return devices;
}

/** Undefined for a directory that names no backend. */
function deviceAt(
  store: XenstoreView,
  domain: number,
  kind: string,
  id: string,
  path: string,
): DeviceView | undefined {
  const backendPath = valueOf(store, `${path}/backend`);
  const backendDomain = domidOf(valueOf(store, `${path}/backend-id`) ?? '');
  if (backendPath === undefined || backendDomain === undefined || !backendPath.startsWith('/'))
    return undefined;
  // The first console's ring is the toolstack's work, and nobody changes a state.
  const hasStates = store.node(`${path}/state`) !== undefined || kind !== 'console';
  const frontend = endOf(store, domain, path, NEXT_OF_FRONTEND);
  const backend = endOf(store, backendDomain, backendPath, {});
  const vdev = valueOf(store, `${backendPath}/dev`);
  const error = errorOf(store, frontend) ?? errorOf(store, backend);
  return {
    kind,
    id,
    name: `${kind} ${vdev ?? id}`,
    frontend,
    backend,
    connected: !hasStates || (frontend.stateName === 'Connected' && backend.stateName === 'Connected'),
    sentence: hasStates
      ? sentenceOf(frontend, backend)
      : 'the toolstack made the ring of the first console: it has no states',
    ...(error !== undefined && { error }),
    ports: numbersOf(store, path, /^(event-channel(-tx|-rx)?|port)$/),
    references: numbersOf(store, path, /^((tx-|rx-)?ring-ref\d{0,2}|page-ref|tx-ring-ref|rx-ring-ref)$/),
  };
}

function endOf(
  store: XenstoreView,
  domain: number,
  path: string,
  next: Readonly<Partial<Record<XenbusState, readonly XenbusState[]>>>,
): DeviceEndView {
  const text = valueOf(store, `${path}/state`);
  const stateName = xenbusState(text);
  const isState = text !== undefined && (stateName !== 'Unknown' || text === '0');
  return {
    domain,
    path,
    ...(isState && { state: xenbusStates[stateName] }),
    stateName,
    ...(!isState && text !== undefined && { stateText: text }),
    next: next[stateName] ?? NEXT[stateName],
  };
}

function sentenceOf(frontend: DeviceEndView, backend: DeviceEndView): string {
  for (const [name, end] of [
    ['frontend', frontend],
    ['backend', backend],
  ] as const) {
    if (end.stateText !== undefined) return `the ${name}'s state is '${end.stateText}', which is none`;
    if (end.state === undefined)
      return `the ${name} has no node 'state': its nodes are gone, or not there yet`;
  }
  const known = SENTENCES[frontend.stateName]?.[backend.stateName];
  if (known !== undefined) return known;
  const behind = ORDER.indexOf(frontend.stateName) < ORDER.indexOf(backend.stateName);
  const [first, second, ahead, waits] = behind
    ? ['backend', 'frontend', backend, frontend]
    : ['frontend', 'backend', frontend, backend];
  return `the ${first} is ${ahead.stateName}, and waits for the ${second}, which is ${waits.stateName}`;
}

const ORDER: readonly XenbusState[] = [
  'Unknown',
  'Initialising',
  'InitWait',
  'Initialised',
  'Connected',
  'Reconfiguring',
  'Reconfigured',
  'Closing',
  'Closed',
];

/** xenbus_dev_error() writes below `error` of the domain whose driver failed. */
function errorOf(store: XenstoreView, { domain, path }: DeviceEndView): string | undefined {
  const home = `/local/domain/${domain}`;
  if (!path.startsWith(`${home}/`)) return undefined;
  return valueOf(store, `${home}/error${path.slice(home.length)}/error`);
}

/** Nodes of the frontend, and of its queues, that hold a number. */
function numbersOf(store: XenstoreView, path: string, wanted: RegExp): Record<string, number> {
  const numbers: Record<string, number> = {};
  const take = (directory: string, prefix: string): void => {
    for (const name of childrenOf(store, directory)) {
      if (!wanted.test(name)) continue;
      const value = valueOf(store, `${directory}/${name}`) ?? '';
      if (/^\d{1,10}$/.test(value)) numbers[`${prefix}${name}`] = Number(value);
    }
  };
  take(path, '');
  for (let queue = 0; queue < MAX_QUEUES && store.node(`${path}/queue-${queue}`); queue++) {
    take(`${path}/queue-${queue}`, `queue-${queue}/`);
  }
  return numbers;
}

const childrenOf = (store: XenstoreView, path: string): readonly string[] =>
  (store.node(path)?.children ?? []).slice(0, MAX_CHILDREN);
const MAX_CHILDREN = 1024;

const VALUE_BYTES = 512;

function valueOf(store: XenstoreView, path: string): string | undefined {
  const value = store.node(path)?.value;
  return value && textOfBytes(value, VALUE_BYTES).text;
}

function domidOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) < 0x7ff0 ? Number(text) : undefined;
}
