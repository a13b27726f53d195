// The nodes that libxl 4.17 writes for a disk of a domain, as `xenstored -T` shows them, and those of its block script. A scratch disk has no script: nothing of a host stands
// behind it.

import type { DiskSpec } from '../../formats/disk-spec.ts';
import type { XenstoreClient } from './client.ts';
import { type DevicePaths, writeDeviceNodes } from './device-nodes.ts';

export interface DiskNodes {
  readonly domid: number;
  /** The number of the disk's vdev. */
  readonly device: number;
  readonly disk: DiskSpec;
}

const BLOCK_SCRIPT = '/etc/xen/scripts/block';

/** Returns where the two ends of the device are. */
export function writeDiskNodes(client: XenstoreClient, { domid, device, disk }: DiskNodes): DevicePaths {
  const deviceType = disk.cdrom ? 'cdrom' : 'disk';
  return writeDeviceNodes(client, {
    domid,
    kind: 'vbd',
    ...(disk.backend === 'qdisk' && { backendKind: 'qdisk' }),
    id: device,
    frontendKeys: {
      'backend-id': '0',
      state: '1',
      'virtual-device': `${device}`,
      'device-type': deviceType,
      trusted: disk.trusted ? '1' : '0',
    },
    backendKeys: {
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
    },
  });
}

/** What the block script says when the device is there; a file has loop device number `loop`. */
export function writeHotplugNodes(
  client: XenstoreClient,
  { backend }: DevicePaths,
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

const hasScript = ({ source, backend }: DiskSpec): boolean => source.kind === 'image' && backend === 'phy';

/** libxl__device_disk_string_of_format(), where QEMU is to know it. */
function paramsOf({ source, backend, target }: DiskSpec): string {
  if (backend === 'phy') return target;
  if (source.kind === 'empty') return 'empty:';
  return `${source.kind === 'image' && source.format === 'qcow2' ? 'qcow2' : 'aio'}:${target}`;
}
