// The backend of a virtual block device (vbd) on a scratch disk: what Linux's xen-blkback is to a domain, one
// queue on one ring page. Requests are served, and answered, when their event comes. Xen public header
// io/blkif.h; drivers/block/xen-blkback.
//
// Left out, and not announced: indirect segments, discard, write barriers, persistent grants, more queues,
// larger rings. A frontend that asks for them all the same gets the answer that a backend without them gives.
//
// Nothing that a frontend does is our mistake: a bad request is answered with an error, a ring that makes no
// sense closes the device. (xen-blkback stops looking at such a ring, and says so in dom0's log only.)

import {
  BLKIF_MAX_SEGMENTS_PER_REQUEST,
  BLKIF_OP_FLUSH_DISKCACHE,
  BLKIF_OP_READ,
  BLKIF_OP_WRITE,
  BLKIF_REQUEST_ID_OFFSET,
  BLKIF_REQUEST_NR_SEGMENTS_OFFSET,
  BLKIF_REQUEST_OPERATION_OFFSET,
  BLKIF_REQUEST_SECTOR_OFFSET,
  BLKIF_REQUEST_SEGMENTS_OFFSET,
  BLKIF_RESPONSE_ID_OFFSET,
  BLKIF_RESPONSE_OPERATION_OFFSET,
  BLKIF_RESPONSE_STATUS_OFFSET,
  BLKIF_RING_SIZE,
  BLKIF_RSP_EOPNOTSUPP,
  BLKIF_RSP_ERROR,
  BLKIF_RSP_OKAY,
  BLKIF_SECTOR_SIZE,
  BLKIF_SECTORS_PER_PAGE,
  BLKIF_SEGMENT_FIRST_SECTOR_OFFSET,
  BLKIF_SEGMENT_GREF_OFFSET,
  BLKIF_SEGMENT_LAST_SECTOR_OFFSET,
  BLKIF_SEGMENT_SIZE,
  BLKIF_SLOT_SIZE,
  VDISK_READONLY,
} from '../abi/blkif.ts';
import type { XenbusState } from '../abi/xenbus.ts';
import type { XenstoreClient } from '../xenstore/client.ts';
import { BackRing } from './back-ring.ts';
import type { BoundChannel, FrontendDomain, GrantMapping } from './frontend-domain.ts';
import type { ScratchDisk } from './scratch-disk.ts';
import {
  type BackendDriver,
  type DeviceError,
  type Keys,
  XenbusBackend,
  type XenbusPaths,
} from './xenbus-backend.ts';

export interface BlockDevice {
  readonly disk: ScratchDisk;
  readonly readOnly: boolean;
}

/** What a backend knows of its ring beside what stands in the page. */
export interface BackendRingView {
  readonly reference: number;
  readonly mfn: number;
  /** Domain 0's port. */
  readonly port: number;
  readonly frontendPort: number;
  readonly size: number;
  /** req_cons */
  readonly requestConsumer: number;
  /** rsp_prod_pvt */
  readonly responseProducer: number;
}

export interface BlockBackendView extends XenbusPaths {
  readonly kind: 'vbd';
  readonly domid: number;
  readonly state: XenbusState;
  readonly sectors: number;
  readonly readOnly: boolean;
  /** While connected. */
  readonly ring?: BackendRingView;
}

interface Connection {
  readonly ring: BackRing;
  readonly grant: GrantMapping;
  readonly channel: BoundChannel;
}

interface Segment {
  readonly reference: number;
  /** Sectors of the page, both included. */
  readonly first: number;
  readonly last: number;
}

export class BlockBackend implements BackendDriver {
  readonly features: Keys = { 'feature-flush-cache': '1' };
  readonly properties: Keys;
  private readonly xenbus: XenbusBackend;
  private readonly frontend: FrontendDomain;
  private readonly device: BlockDevice;
  private connection: Connection | undefined;

  constructor(store: XenstoreClient, paths: XenbusPaths, frontend: FrontendDomain, device: BlockDevice) {
    this.frontend = frontend;
    this.device = device;
    this.properties = {
      sectors: String(device.disk.sectors),
      info: String(device.readOnly ? VDISK_READONLY : 0),
      'sector-size': String(BLKIF_SECTOR_SIZE),
      'physical-sector-size': String(BLKIF_SECTOR_SIZE),
    };
    this.xenbus = new XenbusBackend(store, paths, this);
  }

  /** The toolstack wrote the device's nodes. */
  start(): void {
    this.xenbus.start();
  }

  connect(): DeviceError | undefined {
    const reference = this.number('ring-ref');
    const port = this.number('event-channel');
    if (reference === undefined) return invalid(`reading ${this.xenbus.paths.frontend}/ring-ref`);
    if (port === undefined) return invalid(`reading ${this.xenbus.paths.frontend}/event-channel`);
    const refused = this.unsupportedWish();
    if (refused) return refused;

    const grant = this.frontend.map(reference, false);
    if (typeof grant === 'string') {
      return { errno: 'EINVAL', message: `mapping ring-ref ${reference}: ${grant}` };
    }
    const ring = new BackRing(grant.page, BLKIF_RING_SIZE, BLKIF_SLOT_SIZE);
    if (ring.isOverflow(ring.requestProducer)) {
      grant.unmap();
      return { errno: 'EIO', message: `the ring of ring-ref ${reference} holds more requests than slots` };
    }
    const channel = this.frontend.bind(port, () => this.onEvent());
    if (typeof channel === 'string') {
      grant.unmap();
      return { errno: channel, message: `binding event-channel ${port}` };
    }
    this.connection = { ring, grant, channel };
    return undefined;
  }

  connected(): void {
    this.onEvent();
  }

  disconnect(): void {
    this.connection?.channel.close();
    this.connection?.grant.unmap();
    this.connection = undefined;
  }

  view(): BlockBackendView {
    const { xenbus, frontend, device, connection } = this;
    return {
      kind: 'vbd',
      domid: frontend.domid,
      ...xenbus.paths,
      state: xenbus.state,
      sectors: device.disk.sectors,
      readOnly: device.readOnly,
      ...(connection && { ring: viewOf(connection) }),
    };
  }

  save(): unknown {
    return {
      xenbus: this.xenbus.save(),
      readOnly: this.device.readOnly,
      disk: this.device.disk.save(),
      connection: this.connection ? { ...viewOf(this.connection) } : null,
    };
  }

  /** The frontend rang, or may have. No more than a ring full of requests is served for it. */
  private onEvent(): void {
    if (!this.connection || this.xenbus.state !== 'Connected') return;
    const { ring, channel } = this.connection;
    const until = ring.requestProducer;
    if (ring.isOverflow(until)) {
      const ahead = (until - ring.responseProducer) >>> 0;
      this.fail(`req_prod is ${until}, ${ahead} requests ahead of rsp_prod in a ring of ${ring.size}`);
      return;
    }
    while (ring.requestConsumer !== until) this.serve(ring, ring.takeRequest());
    const more = ring.finalCheck();
    if (ring.push()) channel.notify();
    // No vCPU runs meanwhile. A request whose data went into the ring's own page can do this, without end.
    if (more) this.fail('req_prod changed while the requests were served');
  }

  private serve(ring: BackRing, request: Uint8Array): void {
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
    const operation = view.getUint8(BLKIF_REQUEST_OPERATION_OFFSET);
    const status = this.perform(operation, view);
    const at = ring.nextResponse();
    ring.page.write(
      at + BLKIF_RESPONSE_ID_OFFSET,
      request.subarray(BLKIF_REQUEST_ID_OFFSET, BLKIF_REQUEST_ID_OFFSET + 8),
    );
    ring.page.write8(at + BLKIF_RESPONSE_OPERATION_OFFSET, operation);
    ring.page.write16(at + BLKIF_RESPONSE_STATUS_OFFSET, status & 0xffff);
  }

  /** Does what a request asks for; returns BLKIF_RSP_*. */
  private perform(operation: number, request: DataView): number {
    const { disk, readOnly } = this.device;
    const isRead = operation === BLKIF_OP_READ;
    const isFlush = operation === BLKIF_OP_FLUSH_DISKCACHE;
    if (!isRead && !isFlush && operation !== BLKIF_OP_WRITE) return BLKIF_RSP_EOPNOTSUPP;
    // What is written is on the disk at once. A flush may bring data, as a write does.
    const segments = segmentsOf(request);
    if (!segments || (segments.length === 0 && !isFlush)) return BLKIF_RSP_ERROR;
    if (readOnly && !isRead && segments.length > 0) return BLKIF_RSP_ERROR;
    const sectors = segments.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    const start = request.getBigUint64(BLKIF_REQUEST_SECTOR_OFFSET, true);
    if (sectors > 0 && start + BigInt(sectors) > BigInt(disk.sectors)) return BLKIF_RSP_ERROR;

    const mapped: GrantMapping[] = [];
    for (const { reference } of segments) {
      const mapping = this.frontend.map(reference, !isRead);
      if (typeof mapping === 'object') mapped.push(mapping);
    }
    const complete = mapped.length === segments.length;
    if (complete) this.transfer(isRead, Number(start), segments, mapped);
    for (const mapping of mapped) mapping.unmap();
    return complete ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
  }

  private transfer(
    isRead: boolean,
    start: number,
    segments: readonly Segment[],
    mapped: readonly GrantMapping[],
  ): void {
    let sector = start;
    for (const [index, { page }] of mapped.entries()) {
      const { first, last } = segments[index] ?? { first: 0, last: -1 };
      const count = last - first + 1;
      const at = first * BLKIF_SECTOR_SIZE;
      if (isRead) page.write(at, this.device.disk.read(sector, count));
      else this.device.disk.write(sector, page.read(at, count * BLKIF_SECTOR_SIZE));
      sector += count;
    }
  }

  /** What the frontend wants although it was not offered. */
  private unsupportedWish(): DeviceError | undefined {
    const protocol = this.xenbus.read('protocol') ?? PROTOCOL;
    if (protocol !== PROTOCOL) return invalid(`unknown fe protocol ${protocol}`);
    if ((this.number('ring-page-order') ?? 0) > 0) return invalid('ring-page-order is larger than 0');
    if ((this.number('multi-queue-num-queues') ?? 1) > 1) {
      return { errno: 'ENOSYS', message: 'more queues than one' };
    }
    return undefined;
  }

  private number(key: string): number | undefined {
    const text = this.xenbus.read(key);
    if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
    const value = Number(text);
    return value < 2 ** 32 ? value : undefined;
  }

  private fail(message: string): void {
    this.xenbus.fail(invalid(message));
  }
}

/** XEN_IO_PROTO_ABI_ARM */
const PROTOCOL = 'arm-abi';

const invalid = (message: string): DeviceError => ({ errno: 'EINVAL', message });

/** Undefined when there are too many, or one does not lie in a page. */
function segmentsOf(request: DataView): Segment[] | undefined {
  const count = request.getUint8(BLKIF_REQUEST_NR_SEGMENTS_OFFSET);
  if (count > BLKIF_MAX_SEGMENTS_PER_REQUEST) return undefined;
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const at = BLKIF_REQUEST_SEGMENTS_OFFSET + index * BLKIF_SEGMENT_SIZE;
    const first = request.getUint8(at + BLKIF_SEGMENT_FIRST_SECTOR_OFFSET);
    const last = request.getUint8(at + BLKIF_SEGMENT_LAST_SECTOR_OFFSET);
    if (first > last || last >= BLKIF_SECTORS_PER_PAGE) return undefined;
    segments.push({ reference: request.getUint32(at + BLKIF_SEGMENT_GREF_OFFSET, true), first, last });
  }
  return segments;
}

const viewOf = ({ ring, grant, channel }: Connection): BackendRingView => ({
  reference: grant.reference,
  mfn: ring.page.mfn,
  port: channel.port,
  frontendPort: channel.remotePort,
  size: ring.size,
  requestConsumer: ring.requestConsumer,
  responseProducer: ring.responseProducer,
});
