// The nodes that libxl 4.17 writes for a disk of a domain, in its order and with its permissions, as
// `xenstored -T` shows them, and those of its block script. A scratch disk has no script: nothing of a host stands
// behind it.

import { invariant } from '../../base/errors.ts';
import type { DiskSpec } from '../../formats/disk-spec.ts';
import type { XenstoreClient } from './client.ts';

export interface DiskNodes {
  readonly domid: number;
  /** The number of the disk's vdev. */
  readonly device: number;
  readonly disk: DiskSpec;
}

export interface DiskPaths {
  readonly frontend: string;
  readonly backend: string;
  /** What libxl keeps of the device. */
  readonly record: string;
}

const BLOCK_SCRIPT = '/etc/xen/scripts/block';

/** Returns where the two ends of the device are. */
export function writeDiskNodes(client: XenstoreClient, { domid, device, disk }: DiskNodes): DiskPaths {
  const kind = disk.backend === 'qdisk' ? 'qdisk' : 'vbd';
  const frontend = `/local/domain/${domid}/device/vbd/${device}`;
  const backend = `/local/domain/0/backend/${kind}/${domid}/${device}`;
  const record = `/libxl/${domid}/device/vbd/${device}`;
  const deviceType = disk.cdrom ? 'cdrom' : 'disk';
  const backendKeys = {
    params: paramsOf(disk),
    ...(hasScript(disk) && { script: BLOCK_SCRIPT }),
    'frontend-id': `${domid}`,
    online: '1',
    removable: disk.cdrom ? '1' : '0',
    bootable: '1',
    state: '1',
    dev: disk.vdev,
    type: disk.backend,
    mode: disk.readOnly ? 'r' : 'w',
    'device-type': deviceType,
    'discard-enable': disk.discard ? '1' : '0',
    specification: 'xen',
  };
  const frontendKeys = {
    'backend-id': '0',
    state: '1',
    'virtual-device': `${device}`,
    'device-type': deviceType,
    trusted: disk.trusted ? '1' : '0',
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
  return { frontend, backend, record };
}

/** What the block script says when the device is there; a file has loop device number `loop`. */
export function writeHotplugNodes(
  client: XenstoreClient,
  { backend }: DiskPaths,
  disk: DiskSpec,
  loop: number,
): void {
  if (disk.backend !== 'phy') return;
  if (hasScript(disk)) {
    client.write(`${backend}/node`, `/dev/loop${loop}`);
    client.write(`${backend}/physical-device`, `7:${loop.toString(16)}`);
    client.write(`${backend}/physical-device-path`, `/dev/loop${loop}`);
  }
  client.write(`${backend}/hotplug-status`, 'connected');
}

/** libxl__initiate_device_generic_remove(): the frontend sees it and lets go. */
export function askToClose(client: XenstoreClient, { backend }: DiskPaths): void {
  client.transaction((t) => {
    client.write(`${backend}/online`, '0', t);
    client.write(`${backend}/state`, '5', t);
  });
}

/** libxl__device_destroy() */
export function removeDiskNodes(client: XenstoreClient, { frontend, backend, record }: DiskPaths): void {
  for (const path of [frontend, backend, record]) client.remove(path);
}

const hasScript = ({ source, backend }: DiskSpec): boolean => source.kind === 'image' && backend === 'phy';

/** libxl__device_disk_string_of_format(), where QEMU is to know it. */
function paramsOf({ source, backend, target }: DiskSpec): string {
  if (backend === 'phy') return target;
  if (source.kind === 'empty') return 'empty:';
  return `${source.kind === 'image' && source.format === 'qcow2' ? 'qcow2' : 'aio'}:${target}`;
}
