// PV rings: every ring that is connected, with the indices of both sides, what they mean, and who waits for whom.

import { hex } from '../../base/address.ts';
import type { XenbusState } from '../../xen/abi/xenbus.ts';
import { plainText } from '../plain-text.ts';
import { findRings, type FoundRing } from '../rings/find.ts';
import type { Health, Notification } from '../rings/health.ts';
import { lookAt, type RingLook } from '../rings/look.ts';
import type { RingProtocol, Side } from '../rings/protocol.ts';
import { ringProtocols } from '../rings/protocols.ts';
import { occupancyOf } from '../rings/slot-state.ts';
import { type RingWorld, worldOf } from '../rings/world.ts';
import type { RingRecord } from '../record/ring-record.ts';
import { inspection } from './inspection.ts';
import { textTable } from './text-table.ts';

export interface RingsView {
  readonly rings: readonly RingView[];
  /** There are more than are looked for. */
  readonly isIncomplete: boolean;
}

export interface RingView {
  /** `vbd-51712`, `vif-0 tx q0`, `console`. Unique in its domain. */
  readonly name: string;
  /** `block`, `network tx`. */
  readonly protocol: string;
  readonly doc: string;
  readonly unit: 'slots' | 'bytes';
  /** Of the frontend. */
  readonly domain: number;
  readonly frontend: RingEndView;
  readonly backend: RingEndView;
  readonly pages: readonly RingPageView[];
  readonly indices: readonly RingIndexView[];
  /** The whole ring, or each direction of it. */
  readonly parts: readonly RingPartView[];
  /** `29 of 32 slots are free`. */
  readonly occupancy: string;
  readonly notifications: readonly Notification[];
  readonly health: Health;
  /** What was recorded; absent when the ring was not followed. */
  readonly recorded?: {
    /** Messages since the ring was first seen. */
    readonly messages: number;
    /** Messages that were overwritten before they could be seen. */
    readonly lost: number;
    readonly unanswered: number;
  };
}

export interface RingEndView {
  /** Left out when the frontend names no backend. */
  readonly domain?: number;
  readonly domainName?: string;
  /** The event channel, of this end. */
  readonly port?: number;
  readonly pending?: boolean;
  readonly masked?: boolean;
  /** Its events are handled at once, in the emulator. */
  readonly isEmbedded?: boolean;
  /** Of the device, for those that have one. */
  readonly state?: XenbusState;
  /** In xenstore. */
  readonly directory?: string;
  /** Events at this end since the ring was found. */
  readonly events?: number;
  /** Nanoseconds since the last one. */
  readonly lastEventAge?: number;
}

export interface RingPageView {
  readonly reference?: number;
  readonly ipa?: string;
  readonly pa?: string;
}

export interface RingIndexView {
  readonly name: string;
  /** The direction, of a ring of bytes. */
  readonly stream?: string;
  readonly value: number;
  /** The slot or byte that it points at. */
  readonly place: number;
  readonly writer: Side;
  readonly kind: 'producer' | 'consumer' | 'event';
  /** `shared`: it stands in the ring's page. `known`: its owner says so. `inferred`: with how. */
  readonly certainty: 'shared' | 'known' | 'inferred';
  readonly how?: string;
}

export interface RingPartView {
  /** The direction, of a ring of bytes. */
  readonly stream?: string;
  readonly from?: Side;
  readonly size: number;
  readonly counts: readonly { readonly state: string; readonly count: number }[];
}

export const ringsInspection = inspection('rings', {
  doc: 'PV rings: indices of both sides, occupancy, whether a notification is owed, and who waits for whom',
  arguments: {
    domain: { kind: 'number', doc: 'id of the domain with the frontends; all domains when left out' },
  },
  needs: 'hypervisor',
  inspect({ loaded, record }, { domain }): RingsView {
    const world = worldOf(loaded);
    return world
      ? ringsView(world, record.rings, loaded.machine.clock.nanoseconds(), domain)
      : { rings: [], isIncomplete: false };
  },
  text: (view) =>
    textTable(
      ['domain', 'ring', 'backend', 'occupancy', 'health'],
      view.rings.map(({ domain, name, backend, occupancy, health }) => [
        domain,
        name,
        backend.domain,
        occupancy,
        health.sentence,
      ]),
    ),
});

export function ringsView(
  world: RingWorld,
  record: RingRecord | undefined,
  now: number,
  domain: number | undefined,
  protocols: readonly RingProtocol[] = ringProtocols,
): RingsView {
  const { rings, isIncomplete } = findRings(world, protocols, domain);
  return { rings: rings.map((ring) => ringView(world, lookAt(world, record, ring), now)), isIncomplete };
}

export function ringView(world: RingWorld, look: RingLook, now: number): RingView {
  const { ring, health, notifications, track } = look;
  const { protocol } = ring;
  const parts = partsOf(look);
  return {
    name: ring.name,
    protocol: protocol.name,
    doc: protocol.doc,
    unit: protocol.shape,
    domain: ring.domain,
    frontend: endView(world, look, 'frontend', ring.domain, now),
    backend: endView(world, look, 'backend', ring.backend, now),
    pages: ring.pages.map(({ reference, gfn, mfn }) => ({
      ...(reference !== undefined && { reference }),
      ...(gfn !== undefined && { ipa: hex(gfn * 4096) }),
      ...(mfn !== undefined && { pa: hex(mfn * 4096) }),
    })),
    indices: indicesOf(look),
    parts,
    occupancy: occupancyText(parts, protocol.shape),
    notifications,
    health,
    ...(track && {
      recorded: { messages: track.log.total, lost: track.log.lost, unanswered: track.log.unansweredCount },
    }),
  };
}

function endView(
  world: RingWorld,
  { ring, ends }: RingLook,
  side: Side,
  domain: number | undefined,
  now: number,
): RingEndView {
  const { port, channel, told } = ends[side];
  const domainName = domain === 0 ? 'Domain-0' : world.domains.find(({ id }) => id === domain)?.name;
  const state = ring.states[side];
  const directory = ring.directories[side];
  return {
    ...(domain !== undefined && { domain }),
    ...(domainName !== undefined && { domainName }),
    ...(port !== undefined && { port }),
    ...(channel && { pending: channel.pending, masked: channel.masked, isEmbedded: channel.isEmbedded }),
    ...(state !== undefined && { state }),
    ...(directory !== undefined && { directory: plainText(directory) }),
    ...(told && { events: told.count }),
    ...(told?.at && { lastEventAge: now - told.at.nanoseconds }),
  };
}

function indicesOf(look: RingLook): RingIndexView[] {
  if (look.shape === 'unreadable') return [];
  if (look.shape === 'bytes') {
    return look.streams.flatMap(({ name, from, size, producer, consumer }): RingIndexView[] => {
      const shared = { stream: name, certainty: 'shared' } as const;
      const reader: Side = from === 'frontend' ? 'backend' : 'frontend';
      return [
        {
          ...shared,
          name: `${name}_prod`,
          value: producer,
          place: producer % size,
          writer: from,
          kind: 'producer',
        },
        {
          ...shared,
          name: `${name}_cons`,
          value: consumer,
          place: consumer % size,
          writer: reader,
          kind: 'consumer',
        },
      ];
    });
  }
  const { state } = look;
  const shared = (name: string, value: number, writer: Side, kind: RingIndexView['kind']): RingIndexView => ({
    name,
    value,
    place: value % state.size,
    writer,
    kind,
    certainty: 'shared',
  });
  const own = (
    name: string,
    { value, certainty, how }: typeof state.requestConsumer,
    writer: Side,
  ): RingIndexView => ({
    ...shared(name, value, writer, 'consumer'),
    certainty,
    how,
  });
  return [
    shared('req_prod', state.requestProducer, 'frontend', 'producer'),
    shared('rsp_prod', state.responseProducer, 'backend', 'producer'),
    shared('req_event', state.requestEvent, 'backend', 'event'),
    shared('rsp_event', state.responseEvent, 'frontend', 'event'),
    ...(state.impossible === undefined
      ? [
          own('req_cons', state.requestConsumer, 'backend'),
          own('rsp_cons', state.responseConsumer, 'frontend'),
        ]
      : []),
  ];
}

function partsOf(look: RingLook): RingPartView[] {
  if (look.shape === 'unreadable') return [];
  if (look.shape === 'bytes') {
    return look.streams.map(({ name, from, size, used, impossible }) => ({
      stream: name,
      from,
      size,
      counts:
        impossible === undefined
          ? [
              { state: 'free', count: size - used },
              { state: from === 'frontend' ? 'request waiting' : 'response waiting', count: used },
            ]
          : [{ state: 'unknown', count: size }],
    }));
  }
  const { state } = look;
  if (state.impossible !== undefined) {
    return [{ size: state.size, counts: [{ state: 'unknown', count: state.size }] }];
  }
  const { free, requestsWaiting, taken, responsesWaiting } = occupancyOf(state);
  return [
    {
      size: state.size,
      counts: [
        { state: 'free', count: free },
        { state: 'request waiting', count: requestsWaiting },
        { state: 'taken', count: taken },
        { state: 'response waiting', count: responsesWaiting },
      ],
    },
  ];
}

function occupancyText(parts: readonly RingPartView[], unit: string): string {
  return parts
    .map(({ stream, size, counts }) => {
      const free = counts.find(({ state }) => state === 'free')?.count;
      const text =
        free === undefined ? `${size} ${unit}, in an unknown state` : `${free} of ${size} ${unit} free`;
      return stream === undefined ? text : `${stream}: ${text}`;
    })
    .join(', ');
}

/** The ring with this name. */
export function findRing(
  world: RingWorld,
  domain: number,
  name: string | undefined,
  protocols: readonly RingProtocol[] = ringProtocols,
): { readonly ring: FoundRing | undefined; readonly names: readonly string[] } {
  const { rings } = findRings(world, protocols, domain);
  return {
    ring: name === undefined ? rings[0] : rings.find((ring) => ring.name === name),
    names: rings.map((ring) => ring.name),
  };
}
