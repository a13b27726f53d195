// Rings in made memory: a world whose pages, grants, channels and xenstore a test writes, and both sides of a
// request/response ring as ring.h has them.

import { PAGE_SIZE } from '../../../../emulator/base/address.ts';
import { RingRecord } from '../../../../emulator/debug/record/ring-record.ts';
import { type RingSlotsView, ringSlotsView } from '../../../../emulator/debug/inspect/ring-slots.ts';
import {
  findRing,
  type RingsView,
  ringsView,
  type RingView,
} from '../../../../emulator/debug/inspect/rings.ts';
import { ringHistoryView, type RingHistoryView } from '../../../../emulator/debug/inspect/ring-history.ts';
import type { RingProtocol } from '../../../../emulator/debug/rings/protocol.ts';
import { ringProtocols } from '../../../../emulator/debug/rings/protocols.ts';
import type {
  BackendIndices,
  RingChannel,
  RingGrant,
  RingWorld,
} from '../../../../emulator/debug/rings/world.ts';

export const FRONTEND = 1;
export const BACKEND = 2;

export class FakeRings implements RingWorld {
  readonly domains = [{ id: FRONTEND, name: 'front' }];
  readonly nodes = new Map<string, string>();
  readonly parameters = new Map<number, bigint>();
  readonly grants = new Map<number, RingGrant>();
  readonly channels = new Map<string, RingChannel>();
  readonly pages = new Map<number, Uint8Array>();
  backend: BackendIndices | undefined;
  now = 0;
  readonly protocols: readonly RingProtocol[];
  private recorded: RingRecord | undefined;

  constructor(protocols: readonly RingProtocol[] = ringProtocols) {
    this.protocols = protocols;
  }

  value = (path: string) => this.nodes.get(path);

  children(path: string): readonly string[] {
    const names = [...this.nodes.keys()]
      .filter((node) => node.startsWith(`${path}/`))
      .map((node) => node.slice(path.length + 1).split('/')[0] ?? '');
    return [...new Set(names)];
  }

  parameter = (_domid: number, index: number) => this.parameters.get(index) ?? 0n;
  grant = (_domid: number, reference: number) => this.grants.get(reference);
  mfnOf = (_domid: number, gfn: number) => (this.pages.has(gfn) ? gfn : undefined);
  page = (mfn: number) => this.pages.get(mfn);
  channel = (domid: number, port: number) => this.channels.get(`${domid}:${port}`);
  backendOf = () => this.backend;

  // -------------------------------------------------------------------------- what tests set up

  addPage(gfn: number): DataView {
    const page = new Uint8Array(PAGE_SIZE);
    this.pages.set(gfn, page);
    return new DataView(page.buffer);
  }

  write(directory: string, nodes: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(nodes)) this.nodes.set(`${directory}/${name}`, value);
  }

  /** A connected device with its nodes, one granted page for each reference, and bound event channels. */
  device(
    type: string,
    id: string,
    nodes: Readonly<Record<string, string>>,
    references: readonly number[] = [8],
    ports: readonly number[] = [5],
  ): DataView[] {
    const directory = `/local/domain/${FRONTEND}/device/${type}/${id}`;
    const backend = `/local/domain/${BACKEND}/backend/${type}/${FRONTEND}/${id}`;
    this.write(directory, { backend, 'backend-id': String(BACKEND), state: '4', ...nodes });
    this.write(backend, { state: '4' });
    for (const port of ports) this.bind(port, {});
    return references.map((reference) => {
      this.grants.set(reference, { grantee: BACKEND, gfn: 0x100 + reference });
      return this.addPage(0x100 + reference);
    });
  }

  bind(port: number, flags: Partial<RingChannel>): void {
    const quiet = { pending: false, masked: false, isEmbedded: false };
    this.channels.set(`${FRONTEND}:${port}`, {
      ...quiet,
      peer: { domid: BACKEND, port: port + 100 },
      ...flags,
    });
    this.channels.set(`${BACKEND}:${port + 100}`, { ...quiet, peer: { domid: FRONTEND, port } });
  }

  /** Follows rings from now on. */
  record(): RingRecord {
    const clock = { instructions: () => this.now, nanoseconds: () => this.now };
    this.recorded = new RingRecord({ world: () => this }, clock, this.protocols);
    return this.recorded;
  }

  /** The other side of `side` raised an event at it. */
  tell(side: 'frontend' | 'backend', port = 5): void {
    this.now += 10;
    if (side === 'frontend') this.recorded?.eventRaised(FRONTEND, port, BACKEND);
    else this.recorded?.eventRaised(BACKEND, port + 100, FRONTEND);
  }

  // -------------------------------------------------------------------------- what they look at

  rings(): RingsView {
    return json(ringsView(this, this.recorded, this.now, undefined, this.protocols));
  }

  ring(name?: string): RingView {
    const found = this.rings().rings.find((ring) => name === undefined || ring.name === name);
    if (!found) throw new Error(`there is no ring ${name ?? ''}`);
    return found;
  }

  sentence(name?: string): string {
    return this.ring(name).health.sentence;
  }

  slots(name?: string): RingSlotsView {
    const { ring } = findRing(this, FRONTEND, name, this.protocols);
    if (!ring) throw new Error(`there is no ring ${name ?? ''}`);
    return json(ringSlotsView(this, this.recorded, this.now, ring));
  }

  history(ring?: string): RingHistoryView {
    if (!this.recorded) throw new Error('nothing is recorded');
    return json(ringHistoryView(this.recorded, ring === undefined ? {} : { ring }));
  }
}

/** Views survive JSON. */
function json<View>(view: View): View {
  const text = JSON.stringify(view);
  const again = JSON.parse(text) as View;
  if (JSON.stringify(again) !== text) throw new Error('the view is no JSON');
  return again;
}

/** Both sides of a ring of slots, with their private indices. */
export class SlotRing {
  requestProducer = 0;
  responseProducer = 0;
  requestConsumer = 0;
  responseConsumer = 0;
  readonly page: DataView;
  readonly slotSize: number;
  readonly size: number;

  constructor(page: DataView, slotSize: number, start = 0) {
    this.page = page;
    this.slotSize = slotSize;
    this.size = 2 ** Math.floor(Math.log2((PAGE_SIZE - 64) / slotSize));
    this.requestProducer = this.responseProducer = this.requestConsumer = this.responseConsumer = start;
    for (const [offset, value] of [start, start + 1, start, start + 1].entries()) {
      page.setUint32(offset * 4, value >>> 0, true);
    }
  }

  /** The slot of an index. */
  slot(index: number): DataView {
    return new DataView(this.page.buffer, 64 + (index % this.size) * this.slotSize, this.slotSize);
  }

  /** Fills a request in without publishing it. */
  fill(write: (slot: DataView) => void): void {
    write(this.slot(this.requestProducer));
    this.requestProducer = (this.requestProducer + 1) >>> 0;
  }

  /** RING_PUSH_REQUESTS */
  publish(): void {
    this.page.setUint32(0, this.requestProducer, true);
  }

  request(write: (slot: DataView) => void): void {
    this.fill(write);
    this.publish();
  }

  /** The backend takes what is there, and asks to be told of the next one. */
  take(count = Number.MAX_SAFE_INTEGER): void {
    const published = this.page.getUint32(0, true);
    for (let taken = 0; taken < count && this.requestConsumer !== published; taken++) {
      this.requestConsumer = (this.requestConsumer + 1) >>> 0;
    }
    this.page.setUint32(4, (this.requestConsumer + 1) >>> 0, true);
  }

  respond(write: (slot: DataView) => void): void {
    write(this.slot(this.responseProducer));
    this.responseProducer = (this.responseProducer + 1) >>> 0;
    this.page.setUint32(8, this.responseProducer, true);
  }

  /** The frontend takes the responses, and asks to be told of the next one. */
  takeResponses(): void {
    this.responseConsumer = this.page.getUint32(8, true);
    this.page.setUint32(12, (this.responseConsumer + 1) >>> 0, true);
  }
}

/** struct blkif_request: reads whole pages. */
export const blockRead =
  (id: number, sector: number, segments = 1) =>
  (slot: DataView): void => {
    for (let at = 0; at < slot.byteLength; at++) slot.setUint8(at, 0);
    slot.setUint8(1, segments);
    slot.setBigUint64(8, BigInt(id), true);
    slot.setBigUint64(16, BigInt(sector), true);
    for (let segment = 0; segment < segments; segment++) {
      slot.setUint32(24 + segment * 8, 40 + segment, true);
      slot.setUint8(24 + segment * 8 + 5, 7);
    }
  };

export const blockAnswer =
  (id: number, status = 0) =>
  (slot: DataView): void => {
    slot.setBigUint64(0, BigInt(id), true);
    slot.setUint8(8, 0);
    slot.setInt16(10, status, true);
  };

/** A vbd with its ring. */
export function blockRing(world = new FakeRings(), start = 0): { world: FakeRings; ring: SlotRing } {
  const [page] = world.device('vbd', '51712', { 'ring-ref': '8', 'event-channel': '5' });
  if (!page) throw new Error('a device has a page');
  const ring = new SlotRing(page, 112, start);
  world.record();
  return { world, ring };
}
