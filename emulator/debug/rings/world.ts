// What rings are found and explained by: the little of a hypervisor, its xenstore and its memory that they touch.
// A world is a look at one moment: it remembers what it asked for, and is made anew for the next one.

import { PAGE_SIZE } from '../../base/address.ts';
import type { LoadedMachine } from '../../machine/guest.ts';
import type { EventChannelsView } from '../../xen/hypervisor/event-channel-view.ts';
import type { GrantTableView, GrantView } from '../../xen/hypervisor/grant-view.ts';
import type { HypervisorView } from '../../xen/hypervisor/view.ts';

export interface RingWorld {
  /** Domains that may have frontends, by domid. */
  readonly domains: readonly { readonly id: number; readonly name: string }[];
  /** Undefined when there is no such node. */
  value(path: string): string | undefined;
  children(path: string): readonly string[];
  /** A HVM parameter; 0 when it was never set. */
  parameter(domid: number, index: number): bigint;
  grant(domid: number, reference: number): RingGrant | undefined;
  mfnOf(domid: number, gfn: number): number | undefined;
  /** A page of RAM as it is now: a view, for reading only. */
  page(mfn: number): Uint8Array | undefined;
  channel(domid: number, port: number): RingChannel | undefined;
  /** What a backend in this process knows of the ring of this port, and nobody else can. */
  backendOf(domid: number, frontendPort: number): BackendIndices | undefined;
}

export interface RingGrant {
  /** Whom it allows. */
  readonly grantee: number;
  readonly gfn: number;
  /** The page that is mapped, while one is. */
  readonly mapped?: number;
}

export interface RingChannel {
  readonly pending: boolean;
  readonly masked: boolean;
  /** The other end, once it is bound. */
  readonly peer?: { readonly domid: number; readonly port: number };
  /** Its events end in this process: they are handled at once. */
  readonly isEmbedded: boolean;
}

export interface BackendIndices {
  readonly requestConsumer: number;
  readonly responseProducer: number;
}

/** The world of the embedded hypervisor; undefined on a bare machine. */
export function worldOf(loaded: LoadedMachine): RingWorld | undefined {
  const { view, machine } = loaded;
  if (!view) return undefined;
  const xenstore = view.daemons?.xenstore;
  const channels = remembered((domid: number) => channelsByPort(view.eventChannels(domid)));
  const grants = remembered((domid: number) => grantsByReference(view.grantTable(domid)));
  const backends = remembered(() => backendsByPort(view));
  return {
    domains: view
      .domains()
      .filter(({ id }) => id !== 0)
      .map(({ id, name }) => ({ id, name })),
    value(path) {
      const node = xenstore?.node(path);
      return node && String.fromCharCode(...node.value.subarray(0, LONGEST_VALUE));
    },
    children: (path) => xenstore?.node(path)?.children ?? [],
    parameter: (domid, index) => view.parameter(domid, index),
    grant: (domid, reference) => grants(domid).get(reference),
    mfnOf(domid, gfn) {
      const pa = loaded.paOfIpa(domid, gfn * PAGE_SIZE);
      return pa === undefined ? undefined : Math.floor(pa / PAGE_SIZE);
    },
    page(mfn) {
      const at = mfn * PAGE_SIZE;
      return machine.memory.contains(at, PAGE_SIZE) ? machine.memory.bytes(at, PAGE_SIZE) : undefined;
    },
    channel: (domid, port) => channels(domid).get(port),
    backendOf: (domid, port) => backends(0).get(`${domid}:${port}`),
  };
}

/** Nodes that rings are told by hold short numbers, names and paths. */
const LONGEST_VALUE = 256;

function channelsByPort(view: EventChannelsView | undefined): Map<number, RingChannel> {
  const isEmbedded = view?.abi === 'embedded';
  return new Map(
    view?.ports.map(({ port, state, remoteDomid, remotePort, pending, masked }) => [
      port,
      {
        pending,
        masked,
        isEmbedded,
        ...(state === 'interdomain' &&
          remoteDomid !== undefined &&
          remotePort !== undefined && { peer: { domid: remoteDomid, port: remotePort } }),
      },
    ]),
  );
}

const grantsByReference = (view: GrantTableView | undefined): Map<number, RingGrant> =>
  new Map(view?.grants.map((grant) => [grant.reference, grantOf(grant)]));

const grantOf = ({ domid, gfn, active }: GrantView): RingGrant => ({
  grantee: domid,
  gfn,
  ...(active && { mapped: active.mfn }),
});

function backendsByPort(view: HypervisorView): Map<string, BackendIndices> {
  const devices = view.daemons?.devices() ?? [];
  return new Map(
    devices.flatMap(({ domid, rings }) =>
      rings.map((ring) => [`${domid}:${ring.frontendPort}`, ring] as const),
    ),
  );
}

function remembered<Result>(ask: (domid: number) => Result): (domid: number) => Result {
  const answers = new Map<number, Result>();
  return (domid) => {
    const known = answers.get(domid);
    if (known !== undefined) return known;
    const answer = ask(domid);
    answers.set(domid, answer);
    return answer;
  };
}
