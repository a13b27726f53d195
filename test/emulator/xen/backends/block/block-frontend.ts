// A block frontend by hand: a domain with a grant table, a ring and xenstore nodes, in front of a backend of domain 0.
// Nothing keeps it from doing what no frontend should.

import { blkifLayouts } from '../../../../../emulator/xen/abi/blkif.ts';
import { EVTCHN_PENDING_OFFSET } from '../../../../../emulator/xen/abi/shared-info.ts';
import { BlockBackend } from '../../../../../emulator/xen/backends/block/block-backend.ts';
import { type Disk, scratchDisk } from '../../../../../emulator/xen/backends/block/disk.ts';
import { FrontendDomain } from '../../../../../emulator/xen/backends/frontend-domain.ts';
import { BackendTimers } from '../../../../../emulator/xen/backends/timers.ts';
import { Page } from '../../../../../emulator/xen/page.ts';
import { XenstoreClient } from '../../../../../emulator/xen/xenstore/client.ts';
import { writeDiskNodes, writeHotplugNodes } from '../../../../../emulator/xen/xenstore/disk-nodes.ts';
import { XenstoreServer } from '../../../../../emulator/xen/xenstore/server.ts';
import { bootXen, RAM_GFN } from '../../fake-xen.ts';
import { diskSpec } from './disks.ts';

export const READ = 0;
export const WRITE = 1;
export const BARRIER = 2;
export const FLUSH = 3;
export const DISCARD = 5;
export const INDIRECT = 6;

export const RING_REFERENCE = 8;
const GTF_permit_access = 1;
/** Pages 16 and up of the guest hold data; their references have the same numbers. */
export const RING_PAGE = 15;
/** A ring of several pages stands behind the data, its references too. */
export const LARGE_RING = 100;
const PAGES = 160;

export interface Segment {
  readonly reference: number;
  readonly first: number;
  readonly last: number;
}

export interface Request {
  readonly operation: number;
  readonly id?: bigint;
  readonly sector?: bigint;
  readonly segments?: readonly Segment[];
  /** nr_segments, where it says something else. */
  readonly count?: number;
  /** Of a discard request. */
  readonly sectors?: bigint;
  readonly flag?: number;
  /** Of an indirect request: for what, and its pages. */
  readonly indirect?: number;
  readonly pages?: readonly number[];
}

export interface Response {
  readonly id: bigint;
  readonly operation: number;
  readonly status: number;
}

export interface FrontendOptions {
  readonly sectors?: number;
  readonly readOnly?: boolean;
  /** In place of a scratch disk. */
  readonly disk?: Disk;
  /** As in xl.cfg. */
  readonly text?: string;
  readonly protocol?: string;
  readonly order?: number;
  readonly persistent?: boolean;
}

export type BlockFrontend = ReturnType<typeof blockFrontend>;

export function blockFrontend(options: FrontendOptions = {}) {
  const { sectors = 2048, readOnly = false, protocol = 'arm-abi', order = 0, persistent = false } = options;
  const layout = blkifLayouts[protocol] ?? blkifLayouts['arm-abi'];
  if (!layout) throw new Error('there is a layout');
  const xen = bootXen({ domU: { pages: PAGES } }, { pages: 512 });
  const guest = xen.guest('domU');
  const { domain } = guest;
  const server = new XenstoreServer({
    domainExists: (domid) => domid <= 1,
  });
  const toolstack = new XenstoreClient(server);
  const own = new XenstoreClient(server, 1);
  // What stands there before a device does.
  toolstack.write('/local/domain/1/device', '');
  toolstack.setPermissions('/local/domain/1/device', 'n0,r1');
  const spec = diskSpec(options.text ?? `scratch:1M,raw,xvda,${readOnly ? 'r' : 'w'}`);
  const paths = writeDiskNodes(toolstack, { domid: 1, device: 51712, disk: spec });
  const disk = options.disk ?? scratchDisk(sectors * 512);
  const kernel = new XenstoreClient(server);
  const clock = { time: 1600 };
  const timers = new BackendTimers(() => clock.time);
  const failures: string[] = [];
  const isEmpty = spec.source.kind === 'empty';
  const device = {
    disk,
    readOnly: spec.readOnly,
    cdrom: spec.cdrom,
    discard: spec.discard,
    failed: (error: unknown) => failures.push(String(error)),
  };
  const services = { store: kernel, timers, frontend: new FrontendDomain(xen.domain0, domain) };
  const backend = new BlockBackend(services, paths, isEmpty ? undefined : device);
  let gone = false;
  backend.start(() => (gone = true));
  writeHotplugNodes(toolstack, paths, spec, 0);

  for (let frame = 1; frame * 512 <= PAGES; frame++) domain.grantTable.frame(frame);
  const table = domain.grantTable.frame(0);
  if (typeof table === 'string') throw new Error(table);
  const entries = new Page(xen.machine, table);
  const ringPages =
    order === 0 ? [RING_PAGE] : Array.from({ length: 2 ** order }, (_, at) => LARGE_RING + at);
  const ring = guest.page(ringPages[0] ?? 0);
  const size = 2 ** Math.floor(Math.log2((ringPages.length * 4096 - 64) / layout.slotSize));
  let next = 0;

  const slotOf = (index: number): number => 64 + (index % size) * layout.slotSize;
  const ringByte = (at: number) => ({ page: guest.page(ringPages[at >>> 12] ?? 0), at: at & 4095 });

  const frontend = {
    xen,
    guest,
    domain,
    server,
    toolstack,
    paths,
    backend,
    disk,
    ring,
    size,
    clock,
    timers,
    failures,
    port: 0,

    get gone() {
      return gone;
    },
    /** A node of its own end. */
    publish: (key: string, value: string) => own.write(`${paths.frontend}/${key}`, value),
    state: () => toolstack.read(`${paths.backend}/state`),
    error: () => toolstack.read('/local/domain/0/error/backend/vbd/1/51712/error'),
    grant(reference: number, page: number, flags = GTF_permit_access, domid = 0) {
      entries.write32(reference * 8 + 4, RAM_GFN + page);
      entries.write16(reference * 8 + 2, domid);
      entries.write16(reference * 8, flags);
    },
    flags: (reference: number) => entries.read16(reference * 8),
    /** Whether domain 0 uses any page of the guest. */
    isUsed: () => domain.grantTable.list().some(({ reference }) => domain.grantTable.isPinned(reference)),
    allocatePort: () =>
      Number(guest.call('EVTCHNOP_alloc_unbound', { dom: 0x7ff0, remote_dom: 0 }).arg['port']),

    /** Up to the state in which the backend looks at what was published. */
    offer() {
      for (const event of [4, 12]) ring.write32(event, 1);
      frontend.grant(RING_REFERENCE, RING_PAGE);
      for (let page = 16; page < PAGES; page++) frontend.grant(page, page);
      frontend.port = frontend.allocatePort();
      if (order === 0) frontend.publish('ring-ref', `${RING_REFERENCE}`);
      else {
        frontend.publish('ring-page-order', `${order}`);
        ringPages.forEach((page, index) => frontend.publish(`ring-ref${index}`, `${page}`));
      }
      frontend.publish('event-channel', `${frontend.port}`);
      frontend.publish('protocol', protocol);
      if (persistent) frontend.publish('feature-persistent', '1');
    },
    connect() {
      frontend.offer();
      frontend.publish('state', '3');
      frontend.publish('state', '4');
      return frontend;
    },

    /** Where the next request and the next response are. */
    goOnFrom(index: number) {
      next = index;
      ring.write32(0, index);
      ring.write32(8, index);
    },
    put(request: Request) {
      const { operation, id = BigInt(next), sector = 0n, segments = [], count = segments.length } = request;
      const bytes = new Uint8Array(layout.slotSize);
      const view = new DataView(bytes.buffer);
      view.setUint8(0, operation);
      view.setUint8(1, request.flag ?? count);
      view.setBigUint64(layout.id, id, true);
      view.setBigUint64(layout.sector, sector, true);
      if (request.sectors !== undefined) view.setBigUint64(layout.discardSectors, request.sectors, true);
      if (request.indirect !== undefined) {
        view.setUint8(1, request.indirect);
        view.setUint16(2, count, true);
        for (const [index, reference] of (request.pages ?? []).entries()) {
          view.setUint32(layout.indirectReferences + index * 4, reference, true);
        }
      } else writeSegments(segments, view, layout.segments);
      bytes.forEach((byte, index) => {
        const { page, at } = ringByte(slotOf(next) + index);
        page.write8(at, byte);
      });
      next = (next + 1) >>> 0;
    },
    /** Segments in a page of their own. */
    fillIndirect(page: number, segments: readonly Segment[]) {
      const bytes = new Uint8Array(segments.length * 8);
      writeSegments(segments, new DataView(bytes.buffer), 0);
      guest.page(page).write(0, bytes);
    },
    push: () => ring.write32(0, next),
    notify: () => void guest.call('EVTCHNOP_send', { port: frontend.port }),
    /** Time passes until the backend has nothing left to answer. */
    settle() {
      for (let left = 1000; Number.isFinite(timers.deadline) && left > 0; left--) {
        clock.time = Math.max(clock.time, timers.deadline);
        timers.expire();
      }
    },
    /** Answers from `index` to what the backend published. */
    responses(index: number): Response[] {
      const found: Response[] = [];
      const end = ring.read32(8);
      for (let at = index; at !== end && found.length < 1024; at = (at + 1) >>> 0) {
        const bytes = Uint8Array.from({ length: 12 }, (_, offset) => {
          const { page, at: place } = ringByte(slotOf(at) + offset);
          return page.read8(place);
        });
        const view = new DataView(bytes.buffer);
        found.push({
          id: view.getBigUint64(0, true),
          operation: view.getUint8(8),
          status: view.getInt16(10, true),
        });
      }
      return found;
    },
    /** Sends requests and returns the status of each. */
    send(...requests: Request[]): number[] {
      const from = next;
      for (const request of requests) frontend.put(request);
      frontend.push();
      frontend.notify();
      frontend.settle();
      return frontend.responses(from).map(({ status }) => status);
    },
    isPending: () => domain.eventChannels.isPending(frontend.port),
    takeEvent: () => domain.sharedInfo?.clearBit(EVTCHN_PENDING_OFFSET, frontend.port),
  };
  return frontend;
}

/** `count` sectors in the page of a reference. */
export const segment = (reference: number, count = 8, first = 0): Segment => ({
  reference,
  first,
  last: first + count - 1,
});

function writeSegments(segments: readonly Segment[], view: DataView, from: number): void {
  for (const [index, { reference, first, last }] of segments.entries()) {
    view.setUint32(from + index * 8, reference, true);
    view.setUint8(from + index * 8 + 4, first);
    view.setUint8(from + index * 8 + 5, last);
  }
}
