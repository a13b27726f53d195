// The nodes that libxl 4.17 writes for a disk of a domain, in its order and with its permissions, as
// `xenstored -T` shows them. What the block script of a host would add (node, physical-device) is not there:
// no device of a host stands behind a scratch disk.

import { invariant } from '../../base/errors.ts';
import type { XenstoreClient } from './client.ts';

export interface DiskNodes {
  readonly domid: number;
  /** `xvda`, and its number. */
  readonly vdev: string;
  readonly device: number;
  /** What the disk is made from. */
  readonly target: string;
  readonly readOnly: boolean;
}

/** Returns where the two ends of the device are. */
export function writeDiskNodes(client: XenstoreClient, nodes: DiskNodes) {
  const { domid, vdev, device, target, readOnly } = nodes;
  const frontend = `/local/domain/${domid}/device/vbd/${device}`;
  const backend = `/local/domain/0/backend/vbd/${domid}/${device}`;
  const record = `/libxl/${domid}/device/vbd/${device}`;
  const backendKeys = {
    params: target,
    'frontend-id': `${domid}`,
    online: '1',
    removable: '0',
    bootable: '1',
    state: '1',
    dev: vdev,
    type: 'phy',
    mode: readOnly ? 'r' : 'w',
    'device-type': 'disk',
    'discard-enable': readOnly ? '0' : '1',
    specification: 'xen',
  };
  const frontendKeys = {
    'backend-id': '0',
    state: '1',
    'virtual-device': `${device}`,
    'device-type': 'disk',
    trusted: '1',
  };
  const failed = client.transaction((t) => {
    client.write(`${record}/frontend`, frontend, t);
    client.write(`${record}/backend`, backend, t);
    client.mkdir(frontend, t);
    client.setPermissions(frontend, `n${domid},r0`, t);
    client.write(`${frontend}/backend`, backend, t);
    for (const [key, value] of Object.entries(frontendKeys)) client.write(`${frontend}/${key}`, value, t);
    client.mkdir(backend, t);
    client.setPermissions(backend, `n0,r${domid}`, t);
    client.write(`${backend}/frontend`, frontend, t);
    for (const [key, value] of Object.entries(backendKeys)) client.write(`${backend}/${key}`, value, t);
    for (const [key, value] of Object.entries(backendKeys)) client.write(`${record}/${key}`, value, t);
  });
  invariant(failed === undefined, 'the toolstack may write the nodes of a disk');
  return { frontend, backend };
}

/** What the block script says when the device is there. */
export function writeHotplugStatus(client: XenstoreClient, backend: string): void {
  client.write(`${backend}/hotplug-status`, 'connected');
}
