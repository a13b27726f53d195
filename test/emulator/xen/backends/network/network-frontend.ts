// A network frontend by hand, in front of a backend of domain 0. Nothing keeps it from doing what no frontend should.

import { parseVifSpec, type VifSpec } from '../../../../../emulator/formats/vif-spec.ts';
import { FrontendDomain } from '../../../../../emulator/xen/backends/frontend-domain.ts';
import { NetworkBackend } from '../../../../../emulator/xen/backends/network/network-backend.ts';
import { BackendTimers } from '../../../../../emulator/xen/backends/timers.ts';
import { Bridge } from '../../../../../emulator/xen/network/bridge.ts';
import type { Packet } from '../../../../../emulator/xen/network/packet.ts';
import { Page } from '../../../../../emulator/xen/page.ts';
import { XenstoreClient } from '../../../../../emulator/xen/xenstore/client.ts';
import { XenstoreServer } from '../../../../../emulator/xen/xenstore/server.ts';
import { writeVifNodes } from '../../../../../emulator/xen/xenstore/vif-nodes.ts';
import { bootXen, RAM_GFN } from '../../fake-xen.ts';

const TX_PAGE = 14;
const RX_PAGE = 15;
/** Pages from here on hold data; their references have the same numbers. */
export const DATA = 16;
const PAGES = 160;
const GTF_permit_access = 1;

export interface Slot {
  readonly reference?: number;
  readonly offset?: number;
  readonly flags?: number;
  readonly size?: number;
}

export function networkFrontend() {
  const xen = bootXen({ domU: { pages: PAGES } }, { pages: 512 });
  const guest = xen.guest('domU');
  const { domain } = guest;
  const server = new XenstoreServer({ domainExists: (domid) => domid <= 1 });
  const toolstack = new XenstoreClient(server);
  const own = new XenstoreClient(server, 1);
  toolstack.write('/local/domain/1/device', '');
  toolstack.setPermissions('/local/domain/1/device', 'n0,r1');
  const spec = parseVifSpec('') as VifSpec;
  const paths = writeVifNodes(toolstack, { domid: 1, handle: 0, vif: spec, mac: '00:16:3e:00:00:01' });
  const bridge = new Bridge('xenbr0');
  /** What came out of the bridge elsewhere. */
  const sent: Packet[] = [];
  const other = bridge.attach('other', { deliver: (packet) => sent.push(packet) });
  const services = {
    store: new XenstoreClient(server),
    timers: new BackendTimers(() => 0),
    frontend: new FrontendDomain(xen.domain0, domain),
    bridge,
  };
  const backend = new NetworkBackend(services, paths, { name: 'vif1.0', mtu: 1500 });
  backend.start(() => {});
  const table = domain.grantTable.frame(0);
  if (typeof table === 'string') throw new Error(table);
  const entries = new Page(xen.machine, table);
  const [tx, rx] = [guest.page(TX_PAGE), guest.page(RX_PAGE)];
  for (let page = TX_PAGE; page < PAGES; page++) {
    entries.write32(page * 8 + 4, RAM_GFN + page);
    entries.write16(page * 8 + 2, 0);
    entries.write16(page * 8, GTF_permit_access);
  }
  const port = Number(guest.call('EVTCHNOP_alloc_unbound', { dom: 0x7ff0, remote_dom: 0 }).arg['port']);
  for (const ring of [tx, rx]) for (const event of [4, 12]) ring.write32(event, 1);
  const keys = {
    'tx-ring-ref': `${TX_PAGE}`,
    'rx-ring-ref': `${RX_PAGE}`,
    'event-channel': `${port}`,
    'request-rx-copy': '1',
  };
  let produced = 0;
  return {
    guest,
    backend,
    tx,
    rx,
    other,
    sent,
    state: () => toolstack.read(`${paths.backend}/state`),
    error: () => toolstack.read('/local/domain/0/error/backend/vif/1/0/error'),
    /** Whether domain 0 uses any page of the guest. */
    isUsed: () => domain.grantTable.list().some(({ reference }) => domain.grantTable.isPinned(reference)),
    connect() {
      for (const [key, value] of Object.entries(keys)) own.write(`${paths.frontend}/${key}`, value);
      own.write(`${paths.frontend}/state`, '4');
    },
    fill: (page: number, bytes: Uint8Array) => guest.page(page).write(0, bytes),
    put(...slots: readonly (Slot | Uint8Array)[]) {
      for (const slot of slots) {
        const at = 64 + (produced % 256) * 12;
        if (slot instanceof Uint8Array) tx.write(at, slot);
        else {
          tx.write32(at, slot.reference ?? DATA);
          tx.write16(at + 4, slot.offset ?? 0);
          tx.write16(at + 6, slot.flags ?? 0);
          tx.write16(at + 8, produced & 0xffff);
          tx.write16(at + 10, slot.size ?? 60);
        }
        produced++;
      }
      tx.write32(0, produced);
    },
    /** Buffers for what comes, in these pages. */
    offer(pages: readonly number[]) {
      for (const page of pages) {
        const index = rx.read32(0);
        rx.write16(64 + (index % 256) * 8, index & 0xffff);
        rx.write32(64 + (index % 256) * 8 + 4, page);
        rx.write32(0, index + 1);
      }
    },
    ring: () => guest.call('EVTCHNOP_send', { port }),
    statuses: () =>
      Array.from({ length: tx.read32(8) }, (_, i) => (tx.read16(64 + (i % 256) * 12 + 2) << 16) >> 16),
  };
}
