// A block frontend by hand: a domain with a grant table, a ring page and xenstore nodes, in front of a backend
// of domain 0. Nothing keeps it from doing what no frontend should.

import { EVTCHN_PENDING_OFFSET } from '../../../../emulator/xen/abi/shared-info.ts';
import { FrontendDomain } from '../../../../emulator/xen/backends/frontend-domain.ts';
import { BlockBackend } from '../../../../emulator/xen/backends/block-backend.ts';
import { ScratchDisk } from '../../../../emulator/xen/backends/scratch-disk.ts';
import { Page } from '../../../../emulator/xen/page.ts';
import { XenstoreClient } from '../../../../emulator/xen/xenstore/client.ts';
import { writeDiskNodes, writeHotplugStatus } from '../../../../emulator/xen/xenstore/disk-nodes.ts';
import { XenstoreServer } from '../../../../emulator/xen/xenstore/server.ts';
import { bootXen, RAM_GFN } from '../fake-xen.ts';

export const READ = 0;
export const WRITE = 1;
export const FLUSH = 3;

export const RING_REFERENCE = 8;
const GTF_permit_access = 1;
/** Pages 16 and up of the guest hold data; their references have the same numbers. */
export const RING_PAGE = 15;
const SLOT = 112;

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
}

export interface Response {
  readonly id: bigint;
  readonly operation: number;
  readonly status: number;
}

export type BlockFrontend = ReturnType<typeof blockFrontend>;

export function blockFrontend({ sectors = 2048, readOnly = false } = {}) {
  const xen = bootXen({ domU: { pages: 64 } }, { pages: 256 });
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
  const device = { domid: 1, vdev: 'xvda', device: 51712, target: 'scratch:1M', readOnly };
  const paths = writeDiskNodes(toolstack, device);
  const disk = new ScratchDisk(sectors * 512);
  const kernel = new XenstoreClient(server);
  const backend = new BlockBackend(kernel, paths, new FrontendDomain(xen.domain0, domain), {
    disk,
    readOnly,
  });
  backend.start();
  writeHotplugStatus(toolstack, paths.backend);

  const table = domain.grantTable.frame(0);
  if (typeof table === 'string') throw new Error(table);
  const entries = new Page(xen.machine, table);
  const ring = guest.page(RING_PAGE);
  let next = 0;

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
    port: 0,

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

    /** Up to the state in which the backend looks at what was published. */
    offer() {
      for (const event of [4, 12]) ring.write32(event, 1);
      frontend.grant(RING_REFERENCE, RING_PAGE);
      for (let page = 16; page < 64; page++) frontend.grant(page, page);
      const offered = guest.call('EVTCHNOP_alloc_unbound', { dom: 0x7ff0, remote_dom: 0 });
      frontend.port = Number(offered.arg['port']);
      frontend.publish('ring-ref', `${RING_REFERENCE}`);
      frontend.publish('event-channel', `${frontend.port}`);
      frontend.publish('protocol', 'arm-abi');
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
    put({ operation, id = BigInt(next), sector = 0n, segments = [], count = segments.length }: Request) {
      const bytes = new Uint8Array(SLOT);
      const view = new DataView(bytes.buffer);
      view.setUint8(0, operation);
      view.setUint8(1, count);
      view.setBigUint64(8, id, true);
      view.setBigUint64(16, sector, true);
      for (const [index, { reference, first, last }] of segments.entries()) {
        view.setUint32(24 + index * 8, reference, true);
        view.setUint8(28 + index * 8, first);
        view.setUint8(29 + index * 8, last);
      }
      ring.write(slotOf(next), bytes);
      next = (next + 1) >>> 0;
    },
    push: () => ring.write32(0, next),
    notify: () => void guest.call('EVTCHNOP_send', { port: frontend.port }),
    /** Answers from `index` to what the backend published. */
    responses(index: number): Response[] {
      const found: Response[] = [];
      const end = ring.read32(8);
      for (let at = index; at !== end && found.length < 64; at = (at + 1) >>> 0) {
        const bytes = ring.read(slotOf(at), 16);
        const view = new DataView(bytes.buffer, bytes.byteOffset);
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

const slotOf = (index: number): number => 64 + (index % 32) * SLOT;
