// The backend of a virtual block device (vbd): what Linux's xen-blkback is to a domain, with its features, keys and
// limits. Xen public header io/blkif.h; drivers/block/xen-blkback of Linux 6.1.
//
// Nothing that a frontend does is our mistake: a bad request is answered with an error, a ring that makes no
// sense closes the device. (xen-blkback stops looking at such a ring, and says so in dom0's log only.)

import { type BlkifLayout, blkifLayouts, VDISK_CDROM, VDISK_READONLY } from '../../abi/blkif.ts';
import type { XenbusState } from '../../abi/xenbus.ts';
import type { XenstoreClient } from '../../xenstore/client.ts';
import type { FrontendDomain, GrantMapping } from '../frontend-domain.ts';
import type { BackendTimers } from '../timers.ts';
import {
  type BackendDriver,
  type DeviceError,
  type Keys,
  XenbusBackend,
  type XenbusPaths,
} from '../xenbus-backend.ts';
import { QueueGrants } from './grants.ts';
import { type BlockRingView, BlockQueue, type BusyDisk } from './queue.ts';
import { type BlockDevice, MAX_INDIRECT_SEGMENTS, Requests } from './requests.ts';

/** xen-blkback has a queue for each CPU of its domain; domain 0 here has none, and takes as many as a machine has. */
export const MAX_QUEUES = 8;
/** XENBUS_MAX_RING_GRANT_ORDER */
const MAX_RING_PAGE_ORDER = 4;
/** What a sector can be thrown away in, as a loop device says it. */
const DISCARD_GRANULARITY = 4096;

export interface BlockBackendView extends XenbusPaths {
  readonly kind: 'vbd';
  readonly domid: number;
  readonly state: XenbusState;
  /** Of 512 bytes; 0 in an empty drive. */
  readonly sectors: number;
  readonly readOnly: boolean;
  /** While connected: one for each queue. */
  readonly rings: readonly BlockRingView[];
}

export interface BlockServices {
  readonly store: XenstoreClient;
  readonly timers: BackendTimers;
  readonly frontend: FrontendDomain;
}

export class BlockBackend implements BackendDriver {
  readonly features: Keys;
  private readonly xenbus: XenbusBackend;
  private readonly frontend: FrontendDomain;
  private readonly timers: BackendTimers;
  /** Undefined in an empty drive. */
  private readonly device: BlockDevice | undefined;
  private readonly busy: BusyDisk = { until: 0 };
  private queues: BlockQueue[] = [];

  constructor(services: BlockServices, paths: XenbusPaths, device: BlockDevice | undefined) {
    this.frontend = services.frontend;
    this.timers = services.timers;
    this.device = device;
    this.features = {
      'feature-max-indirect-segments': String(MAX_INDIRECT_SEGMENTS),
      'multi-queue-max-queues': String(MAX_QUEUES),
      'max-ring-page-order': String(MAX_RING_PAGE_ORDER),
    };
    this.xenbus = new XenbusBackend(services.store, paths, this);
  }

  get paths(): XenbusPaths {
    return this.xenbus.paths;
  }

  /** The toolstack wrote the device's nodes. `removed` is called once, when it is closed for good. */
  start(removed: () => void = () => {}): void {
    this.xenbus.start(removed);
  }

  /** The toolstack wants the device to go: at once, or when the frontend has let go of it. */
  detach(force: boolean): void {
    this.xenbus.detach(force);
  }

  /** In the order of xen-blkback's connect(). */
  get properties(): Keys {
    const { device } = this;
    if (!device) return {};
    const discards = device.discard && device.disk.canDiscard;
    return {
      'feature-flush-cache': '1',
      ...(discards && {
        'discard-granularity': String(DISCARD_GRANULARITY),
        'discard-alignment': '0',
        'discard-secure': '0',
        'feature-discard': '1',
      }),
      'feature-barrier': '1',
      'feature-persistent': '1',
      sectors: String(device.disk.sectors),
      info: String((device.cdrom ? VDISK_CDROM : 0) | (device.readOnly ? VDISK_READONLY : 0)),
      'sector-size': String(device.disk.sectorSize),
      'physical-sector-size': String(device.disk.sectorSize),
    };
  }

  /** A drive without a medium has nothing to connect to. */
  get isReady(): boolean {
    return this.device !== undefined;
  }

  connect(): DeviceError | undefined {
    const { device } = this;
    if (!device) return undefined;
    const protocol = this.xenbus.read('protocol') ?? NATIVE;
    const layout = Object.hasOwn(blkifLayouts, protocol) ? blkifLayouts[protocol] : undefined;
    if (!layout) return { errno: 'ENOSYS', message: `unknown fe protocol ${protocol}` };
    const isPersistent = this.number('feature-persistent') === 1;
    const count = this.number('multi-queue-num-queues') ?? 1;
    if (count === 0 || count > MAX_QUEUES) {
      const message = `guest requested ${count} queues, exceeding the maximum of ${MAX_QUEUES}.`;
      return { errno: 'ENOSYS', message };
    }
    for (let index = 0; index < count; index++) {
      const error = this.connectQueue(device, layout, {
        index,
        isPersistent,
        directory: count === 1 ? '' : `queue-${index}/`,
      });
      if (!error) continue;
      this.disconnect();
      return error;
    }
    return undefined;
  }

  connected(): void {
    for (const queue of [...this.queues]) this.onEvent(queue);
  }

  disconnect(): void {
    for (const queue of this.queues.splice(0)) queue.disconnect();
  }

  /** xen_vbd_resize(): the frontend is told by another change of the state to Connected. */
  resize(size: number): void {
    this.device?.disk.resize(size);
    this.xenbus.announce({ sectors: String(this.device?.disk.sectors ?? 0) });
  }

  get sectors(): number {
    return this.device?.disk.sectors ?? 0;
  }

  /** What was written is in its file. */
  settle(): void {
    try {
      this.device?.disk.flush();
    } catch (error) {
      this.device?.failed(error);
    }
  }

  view(): BlockBackendView {
    const { xenbus, frontend, device } = this;
    return {
      kind: 'vbd',
      domid: frontend.domid,
      ...xenbus.paths,
      state: xenbus.state,
      sectors: this.sectors,
      readOnly: device?.readOnly ?? true,
      rings: this.queues.map((queue) => queue.view()),
    };
  }

  save(): unknown {
    return {
      xenbus: this.xenbus.save(),
      readOnly: this.device?.readOnly ?? true,
      discard: this.device?.discard ?? false,
      disk: this.device?.disk.save() ?? null,
      busyUntil: this.busy.until,
      queues: this.queues.map((queue) => queue.save()),
    };
  }

  private connectQueue(
    device: BlockDevice,
    layout: BlkifLayout,
    { index, isPersistent, directory }: { index: number; isPersistent: boolean; directory: string },
  ): DeviceError | undefined {
    const port = this.number(`${directory}event-channel`);
    if (port === undefined) return this.missing(`${directory}event-channel`);
    const mapped = this.mapRing(directory);
    if ('errno' in mapped) return mapped;
    const grants = new QueueGrants(this.frontend, isPersistent);
    const queue = new BlockQueue({
      index,
      layout,
      pages: mapped,
      grants,
      requests: new Requests(device, layout, grants),
      timers: this.timers,
      busy: this.busy,
      fail: (message) => this.xenbus.fail(invalid(message)),
    });
    this.queues.push(queue);
    if (queue.isOverfull) {
      const [{ reference }] = mapped;
      return { errno: 'EIO', message: `the ring of ring-ref ${reference} holds more requests than slots` };
    }
    const channel = this.frontend.bind(port, () => this.onEvent(queue));
    if (typeof channel === 'string') return { errno: channel, message: `binding event-channel ${port}` };
    queue.bind(channel);
    return undefined;
  }

  private mapRing(directory: string): [GrantMapping, ...GrantMapping[]] | DeviceError {
    const order = this.number('ring-page-order');
    if (order !== undefined && order > MAX_RING_PAGE_ORDER) {
      return invalid(`requested ring page order ${order} exceed max:${MAX_RING_PAGE_ORDER}`);
    }
    const mapped: GrantMapping[] = [];
    const refused = (error: DeviceError): DeviceError => {
      for (const grant of mapped) grant.unmap();
      return error;
    };
    for (let page = 0; page < 2 ** (order ?? 0); page++) {
      const key = `${directory}ring-ref${order === undefined ? '' : page}`;
      const reference = this.number(key);
      if (reference === undefined) return refused(this.missing(key));
      const grant = this.frontend.map(reference, false);
      if (typeof grant === 'string') return refused(invalid(`mapping ring-ref ${reference}: ${grant}`));
      mapped.push(grant);
    }
    return mapped as [GrantMapping, ...GrantMapping[]];
  }

  private onEvent(queue: BlockQueue): void {
    if (this.xenbus.state === 'Connected' && this.queues.includes(queue)) queue.onEvent();
  }

  private missing(key: string): DeviceError {
    return invalid(`reading ${this.xenbus.paths.frontend}/${key}`);
  }

  private number(key: string): number | undefined {
    const text = this.xenbus.read(key);
    if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
    const value = Number(text);
    return value < 2 ** 32 ? value : undefined;
  }
}

/** XEN_IO_PROTO_ABI_ARM */
const NATIVE = 'arm-abi';

const invalid = (message: string): DeviceError => ({ errno: 'EINVAL', message });
