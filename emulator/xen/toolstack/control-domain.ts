// What runs in domain 0 of a real machine and here beside the hypervisor: the xenstore daemon, the
// console daemon and the backends of devices. Domain 0 has no guest code; its event channels end in TypeScript.

import { invariant } from '../../base/errors.ts';
import { virtualDeviceNumber } from '../../formats/disk-spec.ts';
import { BlockBackend } from '../backends/block-backend.ts';
import { FrontendDomain } from '../backends/frontend-domain.ts';
import { ScratchDisk } from '../backends/scratch-disk.ts';
import { PvConsole } from '../console/pv-console.ts';
import type { Domain } from '../domain.ts';
import type { Hypervisor } from '../hypervisor.ts';
import type { DaemonRingView } from '../hypervisor/view.ts';
import { xenstoreViewOf } from '../hypervisor/xenstore-view.ts';
import type { ByteSink } from '../sockets.ts';
import { XenstoreClient } from '../xenstore/client.ts';
import { removeDomainNodes, writeControlDomainNodes } from '../xenstore/domain-nodes.ts';
import { writeDiskNodes, writeHotplugStatus } from '../xenstore/disk-nodes.ts';
import { XenstoreRing } from '../xenstore/ring.ts';
import { XenstoreServer } from '../xenstore/server.ts';
import { QUOTA } from '../xenstore/tree.ts';
import type { DiskConfig } from './domain-config.ts';

const CONTROL_DOMID = 0;
const BACKENDS = '/local/domain/0/backend';

/** A granted page of a domain, and the domain's event channel that goes with it. */
export interface SharedRing {
  readonly grantReference: number;
  /** The guest's port. */
  readonly port: number;
}

type ConnectedRing = Omit<DaemonRingView, 'waiting'>;

export class ControlDomain {
  readonly xenstore: XenstoreServer;
  /** The toolstack's own connection to xenstore. */
  readonly client: XenstoreClient;
  private readonly hypervisor: Hypervisor;
  private readonly consoleOutput: (domid: number) => ByteSink;
  private readonly rings = new Map<number, XenstoreRing>();
  private readonly consoles = new Map<number, PvConsole>();
  /** Which grant and ports each of them has. */
  private connected: ConnectedRing[] = [];
  private disks: BlockBackend[] = [];
  /** The backends' connection, as a kernel has one for all of its; from the first device on. */
  private backendClient: XenstoreClient | undefined;

  /** `consoleOutput` gives the sink for what a domain prints on its first console. */
  constructor(hypervisor: Hypervisor, consoleOutput: (domid: number) => ByteSink) {
    this.hypervisor = hypervisor;
    this.consoleOutput = consoleOutput;
    this.xenstore = new XenstoreServer({
      domainExists: (domid) => hypervisor.domains.find(domid) !== undefined,
      observer: hypervisor.observer,
    });
    this.client = new XenstoreClient(this.xenstore);
    writeControlDomainNodes(this.client);
    hypervisor.daemons = {
      xenstore: xenstoreViewOf(this.xenstore, QUOTA.nodes),
      rings: () => this.ringViews(),
      devices: () => this.disks.map((disk) => disk.view()),
    };
  }

  /** xenstored on INTRODUCE: serves the domain's ring. */
  introduce(domain: Domain, shared: SharedRing): void {
    const { page, notify, onEvent } = this.connect(domain, shared, 'xenstore');
    const ring = new XenstoreRing(this.xenstore, domain.id, page, notify);
    onEvent(() => ring.onEvent());
    this.rings.set(domain.id, ring);
    ring.connect();
  }

  /** xenconsoled: serves the domain's first console. */
  connectConsole(domain: Domain, shared: SharedRing): void {
    const { page, notify, onEvent } = this.connect(domain, shared, 'console');
    const console = new PvConsole(page, notify, this.consoleOutput(domain.id));
    onEvent(() => console.onEvent());
    this.consoles.set(domain.id, console);
  }

  /** libxl__device_disk_add() and the backend of the new device. */
  attachDisk(domain: Domain, { vdev, size, readOnly }: DiskConfig): void {
    const control = this.controlDomain();
    const device = virtualDeviceNumber(vdev);
    invariant(device !== undefined, 'the name of a disk was checked before');
    const target = `scratch:${size % 2 ** 20 === 0 ? `${size / 2 ** 20}M` : `${size / 1024}K`}`;
    const paths = writeDiskNodes(this.client, { domid: domain.id, vdev, device, target, readOnly });
    this.backendClient ??= new XenstoreClient(this.xenstore);
    const disk = { disk: new ScratchDisk(size), readOnly };
    const backend = new BlockBackend(this.backendClient, paths, new FrontendDomain(control, domain), disk);
    this.disks.push(backend);
    backend.start();
    writeHotplugStatus(this.client, paths.backend);
  }

  /** Somebody typed into the first console of a domain. */
  type(domid: number, bytes: Uint8Array): void {
    this.consoles.get(domid)?.receive(bytes);
  }

  domainShutDown(domid: number): void {
    this.xenstore.domainShutDown(domid);
  }

  /** What xl destroy does beside the hypervisor: devices, daemons and xenstore let go of the domain. */
  domainDestroyed(domid: number, uuid: string): void {
    removeDomainNodes(this.client, domid, uuid);
    // The frontends' nodes are gone, so the backends have let go; now theirs go.
    for (const kind of this.client.directory(BACKENDS) ?? [])
      this.client.remove(`${BACKENDS}/${kind}/${domid}`);
    this.xenstore.release(domid);
    for (const ring of this.connected.filter((one) => one.domid === domid)) {
      this.controlDomain().eventChannels.close(ring.port);
      this.hypervisor.domains.find(domid)?.grantTable.unpin(ring.reference, false);
    }
    this.connected = this.connected.filter((one) => one.domid !== domid);
    this.disks = this.disks.filter((disk) => disk.view().domid !== domid);
    this.rings.delete(domid);
    this.consoles.delete(domid);
  }

  save(): unknown {
    const byDomid = <T extends { save(): unknown }>(parts: ReadonlyMap<number, T>) =>
      [...parts].sort(([a], [b]) => a - b).map(([domid, part]) => ({ domid, state: part.save() }));
    return {
      xenstore: this.xenstore.save(),
      rings: byDomid(this.rings),
      consoles: byDomid(this.consoles),
      connected: this.connected.map((ring) => ({ ...ring })),
      disks: this.disks.map((disk) => disk.save()),
    };
  }

  private ringViews(): DaemonRingView[] {
    return this.connected.map((ring) => {
      const { domid, use } = ring;
      const daemon = use === 'console' ? this.consoles.get(domid) : this.rings.get(domid);
      return { ...ring, waiting: daemon?.waitingBytes ?? 0 };
    });
  }

  private controlDomain(): Domain {
    const control = this.hypervisor.domains.find(CONTROL_DOMID);
    invariant(control !== undefined, 'there is a control domain');
    return control;
  }

  /** Maps the granted page and binds an event channel of domain 0 to the guest's. */
  private connect(domain: Domain, { grantReference, port }: SharedRing, use: ConnectedRing['use']) {
    const control = this.controlDomain();
    const grant = domain.grantTable.pin(grantReference, CONTROL_DOMID, false, 'map');
    invariant(typeof grant === 'object', 'the toolstack granted the page before');
    const bound = control.eventChannels.bindInterdomain(domain.eventChannels, port, () => undefined);
    invariant(typeof bound !== 'string', 'the toolstack allocated the port before');
    this.connected.push({
      domid: domain.id,
      use,
      reference: grantReference,
      mfn: grant.mfn,
      guestPort: port,
      port: bound.port,
    });
    return {
      page: domain.machinePage(grant.mfn),
      notify: () => void control.eventChannels.send(bound.port),
      onEvent: (handler: () => void) => control.eventChannels.serve(bound.port, handler),
    };
  }
}
