// What runs in domain 0 of a real machine and here beside the hypervisor: the xenstore daemon, and whatever serves
// devices (device-kinds.ts). Domain 0 has no guest code; its event channels end in TypeScript.

import { invariant, UserError } from '../../base/errors.ts';
import { type HostFiles, noHostFiles } from '../../formats/disk-image/host-files.ts';
import type { Domain } from '../domain.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { xenstoreViewOf } from '../hypervisor/xenstore-view.ts';
import type { ByteSink } from '../sockets.ts';
import { XenstoreClient } from '../xenstore/client.ts';
import { removeDomainNodes, writeControlDomainNodes } from '../xenstore/domain-nodes.ts';
import { XenstoreRing } from '../xenstore/ring.ts';
import { XenstoreServer } from '../xenstore/server.ts';
import { QUOTA } from '../xenstore/tree.ts';
import { connectRing, type DaemonRing, type SharedRing } from './daemon-ring.ts';
import {
  type Device,
  type DeviceConfig,
  type DeviceKind,
  type DeviceKindName,
  deviceKinds,
} from './device-kinds.ts';
import { DiskStore } from './disk-store.ts';
import { Networks } from './networks.ts';

const CONTROL_DOMID = 0;
const BACKENDS = '/local/domain/0/backend';

interface Attached {
  readonly domid: number;
  readonly kind: DeviceKindName;
  readonly device: Device;
}

interface IntroducedRing {
  readonly ring: DaemonRing;
  readonly served: XenstoreRing;
}

export class ControlDomain {
  readonly xenstore: XenstoreServer;
  /** The toolstack's own connection to xenstore. */
  readonly client: XenstoreClient;
  readonly disks: DiskStore;
  readonly networks: Networks;
  private readonly hypervisor: Hypervisor;
  private readonly consoleOutput: (domid: number) => ByteSink;
  private readonly rings = new Map<number, IntroducedRing>();
  /** In the order in which they were attached. */
  private devices: readonly Attached[] = [];
  /** How many there ever were, by kind. */
  private readonly counts = new Map<DeviceKindName, number>();
  /** The backends' connection, as a kernel has one for all of its; from the first device on. */
  private kernelClient: XenstoreClient | undefined;

  /** `consoleOutput` gives the sink for what a domain prints on its first console. */
  constructor(
    hypervisor: Hypervisor,
    consoleOutput: (domid: number) => ByteSink,
    files: HostFiles = noHostFiles,
  ) {
    this.hypervisor = hypervisor;
    this.consoleOutput = consoleOutput;
    this.disks = new DiskStore(files, hypervisor.platform.log);
    this.networks = new Networks(hypervisor.timers, hypervisor.observer, (what) =>
      hypervisor.once.once(
        `network:${what}`,
        'warn',
        'network',
        `a guest wanted to reach what no configuration opens: ${what}`,
      ),
    );
    this.xenstore = new XenstoreServer({
      domainExists: (domid) => hypervisor.domains.find(domid) !== undefined,
      observer: hypervisor.observer,
    });
    this.client = new XenstoreClient(this.xenstore);
    writeControlDomainNodes(this.client);
    hypervisor.daemons = {
      xenstore: xenstoreViewOf(this.xenstore, QUOTA.nodes),
      rings: () => [
        ...[...this.rings.values()].map(({ ring, served }) => ({
          ...ring.ids,
          waiting: served.waitingBytes,
        })),
        ...this.devices.flatMap(({ device }) => device.ring?.() ?? []),
      ],
      devices: () => this.devices.flatMap(({ device }) => device.view?.() ?? []),
    };
  }

  /** xenstored on INTRODUCE: serves the domain's ring. */
  introduce(domain: Domain, shared: SharedRing): void {
    const ring = connectRing(this.controlDomain(), domain, shared, 'xenstore');
    const served = new XenstoreRing(this.xenstore, domain.id, ring.page, ring.notify);
    ring.onEvent(() => served.onEvent());
    this.rings.set(domain.id, { ring, served });
    served.connect();
  }

  /** A domain gets a device, when it is built or while it runs. Throws UserErrors, before anything is done. */
  attach<Name extends DeviceKindName>(domain: Domain, kind: Name, config: DeviceConfig<Name>): void {
    const row = deviceKinds[kind] as unknown as DeviceKind<DeviceConfig<Name>>;
    const sequence = this.counts.get(kind) ?? 0;
    const services = {
      control: this.controlDomain(),
      domain,
      toolstack: this.client,
      kernel: () => (this.kernelClient ??= new XenstoreClient(this.xenstore)),
      timers: this.hypervisor.timers,
      disks: this.disks,
      networks: this.networks,
      consoleOutput: this.consoleOutput(domain.id),
      sequence,
    };
    const device = row.attach(services, config, () => this.forget(device));
    this.counts.set(kind, sequence + 1);
    this.devices = [...this.devices, { domid: domain.id, kind, device }];
  }

  /** The device of a domain; undefined when there is none. */
  device(domid: number, kind: DeviceKindName, id: number): Device | undefined {
    return this.devices.find((one) => one.domid === domid && one.kind === kind && one.device.id === id)
      ?.device;
  }

  /** The domain's frontend is asked to let go of it, and it goes when that has; `force` takes it away at once. */
  detach(domid: number, kind: DeviceKindName, id: number, force: boolean): void {
    const device = this.device(domid, kind, id);
    if (!device?.detach) {
      throw new UserError(`domain ${domid} has no device ${kind} ${id}`, 'Name one that it has.');
    }
    device.detach(force);
  }

  /** Somebody typed into the first console of a domain. */
  type(domid: number, bytes: Uint8Array): void {
    for (const { device } of this.of(domid)) device.receive?.(bytes);
  }

  /** libxl_domain_rename(). */
  rename(domid: number, name: string): void {
    const domain = this.hypervisor.domains.find(domid);
    if (!domain) return;
    domain.name = name;
    this.client.write(`/local/domain/${domid}/name`, name);
  }

  domainShutDown(domid: number): void {
    this.xenstore.domainShutDown(domid);
    for (const { device } of this.of(domid)) device.settle?.();
  }

  /** What xl destroy does beside the hypervisor: devices, daemons and xenstore let go of the domain. */
  domainDestroyed(domid: number, uuid: string): void {
    removeDomainNodes(this.client, domid, uuid);
    // The frontends' nodes are gone, so the backends have let go; now theirs go.
    for (const { device } of this.of(domid)) device.close();
    for (const kind of this.client.directory(BACKENDS) ?? [])
      this.client.remove(`${BACKENDS}/${kind}/${domid}`);
    this.xenstore.release(domid);
    this.rings.get(domid)?.ring.close();
    this.rings.delete(domid);
    this.devices = this.devices.filter((one) => one.domid !== domid);
  }

  /** The machine ends: whatever the guests' disks were to keep is in their files. */
  close(): void {
    for (const { device } of this.devices) device.close();
    this.devices = [];
    this.disks.close();
  }

  save(): unknown {
    return {
      xenstore: this.xenstore.save(),
      rings: [...this.rings]
        .sort(([a], [b]) => a - b)
        .map(([domid, { ring, served }]) => ({ domid, ring: { ...ring.ids }, state: served.save() })),
      counts: Object.fromEntries(this.counts),
      disks: this.disks.save(),
      networks: this.networks.save(),
      devices: this.devices.map(({ domid, kind, device }) => ({
        domid,
        kind,
        id: device.id,
        state: device.save(),
      })),
    };
  }

  private of(domid: number): readonly Attached[] {
    return this.devices.filter((one) => one.domid === domid);
  }

  private forget(device: Device): void {
    this.devices = this.devices.filter((one) => one.device !== device);
  }

  private controlDomain(): Domain {
    const control = this.hypervisor.domains.find(CONTROL_DOMID);
    invariant(control !== undefined, 'there is a control domain');
    return control;
  }
}
