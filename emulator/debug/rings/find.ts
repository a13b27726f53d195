// Finds the rings of domains by what the protocols declare: HVM parameters, and what frontends published in
// xenstore. Everything here was written by guests; what makes no sense is a ring with a reason why it cannot be
// read, and there is an end to how many are looked for.

import { PAGE_SIZE } from '../../base/address.ts';
import { xenbusState, type XenbusState } from '../../xen/abi/xenbus.ts';
import type { DeviceSource, DomainPageSource, RingProtocol, Side } from './protocol.ts';
import { RingMemory } from './ring-memory.ts';
import type { RingWorld } from './world.ts';

export interface FoundRing {
  /** `vbd-51712`, `vif-0 tx q1`, `console`. Unique in its domain. */
  readonly name: string;
  readonly protocol: RingProtocol;
  /** The frontend's domain. */
  readonly domain: number;
  /** Undefined when the frontend names none. */
  readonly backend: number | undefined;
  /** The frontend's event channel. */
  readonly port: number | undefined;
  /** The other end of it, once it is bound. */
  readonly backendPort: number | undefined;
  /** With the header first; of a protocol with data pages those follow. */
  readonly pages: readonly RingPage[];
  /** Directories in xenstore. */
  readonly directories: Readonly<Partial<Record<Side, string>>>;
  /** For devices that have them. */
  readonly states: Readonly<Partial<Record<Side, XenbusState>>>;
  /** Why it cannot be read. */
  readonly problem?: string;
}

export interface RingPage {
  readonly reference?: number;
  readonly gfn?: number;
  readonly mfn?: number;
}

/** More than any machine has, few enough to be looked at in an instant. */
const MOST = { rings: 128, devices: 64, queues: 16, ringsOfDevice: 16, pageOrder: 4 };

export interface FoundRings {
  readonly rings: readonly FoundRing[];
  /** There may be more. */
  readonly isIncomplete: boolean;
}

/** Rings of one domain, or of all; in the order of domains and protocols. */
export function findRings(
  world: RingWorld,
  protocols: readonly RingProtocol[],
  domid: number | undefined,
): FoundRings {
  const rings: FoundRing[] = [];
  let isIncomplete = false;
  for (const { id } of world.domains) {
    if (domid !== undefined && id !== domid) continue;
    for (const protocol of protocols) {
      const { source } = protocol;
      const found =
        source.kind === 'domain page'
          ? domainPage(world, protocol, source, id)
          : deviceRings(world, protocol, source, id);
      for (const ring of found) {
        if (rings.length === MOST.rings) return { rings, isIncomplete: true };
        rings.push(ring);
      }
      if (source.kind === 'device' && world.children(directoryOf(id, source)).length > MOST.devices) {
        isIncomplete = true;
      }
    }
  }
  return { rings, isIncomplete };
}

/** The ring's pages as they are now; undefined when one of them is not there. */
export function memoryOf(world: RingWorld, ring: FoundRing): RingMemory | undefined {
  if (ring.problem !== undefined) return undefined;
  const pages: Uint8Array[] = [];
  for (const { mfn } of ring.pages) {
    const page = mfn === undefined ? undefined : world.page(mfn);
    if (!page) return undefined;
    pages.push(page);
  }
  return pages.length > 0 ? new RingMemory(pages) : undefined;
}

function domainPage(
  world: RingWorld,
  protocol: RingProtocol,
  source: DomainPageSource,
  domain: number,
): FoundRing[] {
  const gfn = Number(world.parameter(domain, source.pageParameter));
  const port = portOf(world.parameter(domain, source.portParameter));
  if (gfn === 0 || port === undefined) return [];
  const grant = world.grant(domain, source.grantReference);
  // The backend has the page that it mapped, wherever the guest has moved its own since.
  const mfn = (grant?.gfn === gfn ? grant.mapped : undefined) ?? world.mfnOf(domain, gfn);
  const page = {
    ...(grant?.gfn === gfn && { reference: source.grantReference }),
    gfn,
    ...(mfn !== undefined && { mfn }),
  };
  const home = `/local/domain/${domain}`;
  const directory = source.directory === undefined ? undefined : `${home}/${source.directory}`;
  const backendDirectory = directory && world.value(`${directory}/backend`);
  return [
    {
      name: source.name,
      protocol,
      domain,
      backend: grant?.grantee ?? 0,
      port,
      backendPort: world.channel(domain, port)?.peer?.port,
      pages: [page],
      directories: {
        ...(directory && { frontend: directory }),
        ...(backendDirectory && { backend: backendDirectory }),
      },
      states: {},
      ...(mfn === undefined && { problem: `gfn 0x${gfn.toString(16)} is not mapped` }),
    },
  ];
}

const directoryOf = (domain: number, { type }: DeviceSource): string =>
  `/local/domain/${domain}/device/${type}`;

function* deviceRings(
  world: RingWorld,
  protocol: RingProtocol,
  source: DeviceSource,
  domain: number,
): IterableIterator<FoundRing> {
  const devices = directoryOf(domain, source);
  for (const device of world.children(devices).slice(0, MOST.devices)) {
    const directory = `${devices}/${device}`;
    const base = `${source.type}-${device}${source.part === undefined ? '' : ` ${source.part}`}`;
    const number = (key: string): number | undefined => decimal(world.value(`${directory}/${key}`));
    const read = (name: string, place: Place) =>
      deviceRing(world, { protocol, source, domain, directory }, name, place);

    if (source.rings !== undefined) {
      const count = Math.min(number(source.rings) ?? 0, MOST.ringsOfDevice);
      for (let index = 0; index < count; index++) {
        yield* read(`${base} ring ${index}`, { at: directory, suffix: String(index), order: 0 });
      }
      continue;
    }
    const order = (source.pageOrder && number(source.pageOrder)) || 0;
    const queues = (source.queues && number(source.queues)) || 1;
    if (queues === 1) yield* read(base, { at: directory, suffix: '', order });
    for (let queue = 0; queues > 1 && queue < Math.min(queues, MOST.queues); queue++) {
      yield* read(`${base} q${queue}`, { at: `${directory}/queue-${queue}`, suffix: '', order });
    }
  }
}

interface Device {
  readonly protocol: RingProtocol;
  readonly source: DeviceSource;
  readonly domain: number;
  readonly directory: string;
}

interface Place {
  /** The directory with the ring's own nodes. */
  readonly at: string;
  readonly suffix: string;
  readonly order: number;
}

/** None while the frontend has published no grant reference. */
function deviceRing(
  world: RingWorld,
  { protocol, source, domain, directory }: Device,
  name: string,
  { at, suffix, order }: Place,
): FoundRing[] {
  const value = (key: string): string | undefined => world.value(`${at}/${key}`);
  const single = value(`${source.reference}${suffix}`);
  const texts =
    single === undefined
      ? Array.from({ length: 2 ** Math.min(order, MOST.pageOrder) }, (_, page) =>
          value(`${source.reference}${page}`),
        )
      : [single];
  if (texts[0] === undefined) return [];

  const problems: string[] = [];
  if (order > MOST.pageOrder)
    problems.push(`${source.pageOrder} is ${order}: more than ${2 ** MOST.pageOrder} pages`);
  const pages = texts.map((text, index): RingPage => {
    const reference = decimal(text);
    if (reference === undefined) problems.push(`page ${index} has no grant reference`);
    return reference === undefined ? {} : grantedPage(world, domain, reference, problems);
  });
  const memory =
    problems.length === 0 ? new RingMemory(pages.flatMap((page) => pageBytes(world, page))) : undefined;
  if (protocol.shape === 'bytes' && protocol.data && memory) {
    const { order: at, references, maximumOrder } = protocol.data;
    const dataOrder = memory.read32(at);
    if (dataOrder > maximumOrder) problems.push(`ring_order is ${dataOrder}: more than ${maximumOrder}`);
    else if (memory.size >= PAGE_SIZE) {
      for (let page = 0; page < 2 ** dataOrder; page++) {
        pages.push(grantedPage(world, domain, memory.read32(references + page * 4), problems));
      }
    }
  }

  const port = source.channels
    .map((key) => portOf(value(`${key}${suffix}`)))
    .find((candidate) => candidate !== undefined);
  const backendDirectory = world.value(`${directory}/backend`);
  const state = (path: string | undefined) => path && world.value(`${path}/state`);
  return [
    {
      name,
      protocol,
      domain,
      backend: decimal(world.value(`${directory}/backend-id`)),
      port,
      backendPort: port === undefined ? undefined : world.channel(domain, port)?.peer?.port,
      pages,
      directories: { frontend: directory, ...(backendDirectory && { backend: backendDirectory }) },
      states: {
        frontend: xenbusState(state(directory)),
        backend: xenbusState(state(backendDirectory)),
      },
      ...(problems[0] !== undefined && { problem: problems[0] }),
    },
  ];
}

function grantedPage(world: RingWorld, domain: number, reference: number, problems: string[]): RingPage {
  const grant = world.grant(domain, reference);
  if (!grant) {
    problems.push(`grant reference ${reference} grants nothing`);
    return { reference };
  }
  const mfn = grant.mapped ?? world.mfnOf(domain, grant.gfn);
  if (mfn === undefined)
    problems.push(`grant reference ${reference} is of gfn 0x${grant.gfn.toString(16)}, which is not mapped`);
  return { reference, gfn: grant.gfn, ...(mfn !== undefined && { mfn }) };
}

function pageBytes(world: RingWorld, { mfn }: RingPage): Uint8Array[] {
  const page = mfn === undefined ? undefined : world.page(mfn);
  return page ? [page] : [];
}

const decimal = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;

function portOf(value: string | bigint | undefined): number | undefined {
  const port = typeof value === 'bigint' ? Number(value) : decimal(value);
  return port !== undefined && port > 0 && port < 2 ** 17 ? port : undefined;
}
