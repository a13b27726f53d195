// The kinds of devices that domain 0 serves. A row makes a device: its nodes, as libxl writes them, and what serves it.
// Everything else that happens to devices (when a domain is built, looked at, saved and destroyed, and when one is
// attached or detached while it runs) follows from the rows, in control-domain.ts.

import { UserError } from '../../base/errors.ts';
import { virtualDeviceNumber } from '../../formats/disk-spec.ts';
import { BlockBackend } from '../backends/block/block-backend.ts';
import type { DeviceView } from '../backends/device-view.ts';
import { FrontendDomain } from '../backends/frontend-domain.ts';
import { NetworkBackend } from '../backends/network/network-backend.ts';
import type { BackendTimers } from '../backends/timers.ts';
import { PvConsole } from '../console/pv-console.ts';
import type { Domain } from '../domain.ts';
import type { DaemonRingView } from '../hypervisor/view.ts';
import type { ByteSink } from '../sockets.ts';
import type { XenstoreClient } from '../xenstore/client.ts';
import { askToClose, removeDeviceNodes } from '../xenstore/device-nodes.ts';
import { writeDiskNodes, writeHotplugNodes } from '../xenstore/disk-nodes.ts';
import { writeVifHotplug, writeVifNodes } from '../xenstore/vif-nodes.ts';
import { writeConsoleNodes } from '../xenstore/domain-nodes.ts';
import { connectRing, type SharedRing } from './daemon-ring.ts';
import type { DiskStore, OpenDisk } from './disk-store.ts';
import type { DiskConfig, VifConfig } from './domain-config.ts';
import type { Networks } from './networks.ts';

/** What a kind of device stands on, for a device of one domain. */
export interface DeviceServices {
  readonly control: Domain;
  readonly domain: Domain;
  /** The toolstack's connection to xenstore, and that of domain 0's kernel. */
  readonly toolstack: XenstoreClient;
  readonly kernel: () => XenstoreClient;
  readonly timers: BackendTimers;
  readonly disks: DiskStore;
  readonly networks: Networks;
  readonly consoleOutput: ByteSink;
  /** How many devices of this kind domain 0 has had. */
  readonly sequence: number;
}

/** A device, and what serves it. */
export interface Device {
  /** As in `device/vbd/51712`. */
  readonly id: number;
  save(): unknown;
  /** Its domain is gone: lets go of everything. Its nodes are the caller's. */
  close(): void;
  /** For panels. */
  view?(): DeviceView;
  ring?(): DaemonRingView;
  /** Somebody typed. */
  receive?(bytes: Uint8Array): void;
  /** Asks the frontend to let go; `force` does not wait for it. What is closed then calls `removed` of attach(). */
  detach?(force: boolean): void;
  resize?(size: number): void;
  /** The domain has ended: what it wrote goes where it belongs. */
  settle?(): void;
}

export interface DeviceKind<Config> {
  readonly name: string;
  /** `removed`: it was detached, and its nodes are gone. Throws UserErrors, before anything is done. */
  attach(services: DeviceServices, config: Config, removed: () => void): Device;
}

export interface ConsoleConfig extends SharedRing {
  /** Where the page is in the domain. */
  readonly gfn: number;
}

/** xenconsoled with a domain's first console, whose ring the toolstack made. */
const console: DeviceKind<ConsoleConfig> = {
  name: 'console',
  attach({ control, domain, toolstack, consoleOutput }, config) {
    writeConsoleNodes(toolstack, { domid: domain.id, port: config.port, gfn: config.gfn });
    const ring = connectRing(control, domain, config, 'console');
    const served = new PvConsole(ring.page, ring.notify, consoleOutput);
    ring.onEvent(() => served.onEvent());
    return {
      id: 0,
      save: () => ({ ...ring.ids, state: served.save() }),
      close: () => ring.close(),
      ring: () => ({ ...ring.ids, waiting: served.waitingBytes }),
      receive: (bytes) => served.receive(bytes),
    };
  },
};

export interface VbdConfig {
  readonly disk: DiskConfig;
  /** Its image, when that was opened before. */
  readonly opened?: OpenDisk | undefined;
}

/** libxl__device_disk_add(), the block script, and xen-blkback. */
const vbd: DeviceKind<VbdConfig> = {
  name: 'vbd',
  attach({ control, domain, toolstack, kernel, timers, disks, sequence }, config, removed) {
    const { disk } = config;
    const id = deviceNumber(disk);
    const opened = config.opened ?? disks.open(disk);
    const paths = writeDiskNodes(toolstack, { domid: domain.id, device: id, disk });
    const frontend = new FrontendDomain(control, domain);
    const backend = new BlockBackend({ store: kernel(), timers, frontend }, paths, opened?.device);
    backend.start(() => {
      backend.disconnect();
      opened?.drop();
      removeDeviceNodes(toolstack, paths);
      removed();
    });
    writeHotplugNodes(toolstack, paths, disk, sequence);
    return {
      id,
      save: () => backend.save(),
      close: () => {
        backend.disconnect();
        opened?.letGo();
      },
      view: () => backend.view(),
      detach: (force) => {
        askToClose(toolstack, paths);
        backend.detach(force);
      },
      resize: (size) => backend.resize(size),
      settle: () => backend.settle(),
    };
  },
};

/** libxl__device_nic_add(), vif-bridge, and xen-netback. */
const vif: DeviceKind<VifConfig> = {
  name: 'vif',
  attach({ control, domain, toolstack, kernel, timers, networks }, { handle, mac, spec }, removed) {
    const paths = writeVifNodes(toolstack, { domid: domain.id, handle, vif: spec, mac });
    const backend = new NetworkBackend(
      {
        store: kernel(),
        timers,
        frontend: new FrontendDomain(control, domain),
        bridge: networks.bridge(spec.bridge),
      },
      paths,
      {
        name: spec.name ?? `vif${domain.id}.${handle}`,
        mtu: spec.mtu,
        ...(spec.rate && { rate: spec.rate }),
      },
    );
    backend.start(() => {
      backend.close();
      removeDeviceNodes(toolstack, paths);
      removed();
    });
    writeVifHotplug(toolstack, paths, { domid: domain.id, mtu: spec.mtu });
    return {
      id: handle,
      save: () => backend.save(),
      close: () => backend.close(),
      view: () => backend.view(),
      detach: (force) => {
        askToClose(toolstack, paths);
        backend.detach(force);
      },
    };
  },
};

export const deviceKinds = { console, vbd, vif } as const;

export type DeviceKindName = keyof typeof deviceKinds;
export type DeviceConfig<Name extends DeviceKindName> =
  (typeof deviceKinds)[Name] extends DeviceKind<infer Config> ? Config : never;

function deviceNumber({ vdev }: DiskConfig): number {
  const device = virtualDeviceNumber(vdev);
  if (device !== undefined) return device;
  throw new UserError(`'${vdev}' is not a virtual disk`, 'Name it as xvda, xvdb, xvda1.');
}
