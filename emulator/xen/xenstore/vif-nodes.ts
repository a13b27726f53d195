// The nodes that libxl 4.17 writes for a network interface of a domain, and those of its script, vif-bridge.

import type { VifSpec } from '../../formats/vif-spec.ts';
import type { XenstoreClient } from './client.ts';
import { type DevicePaths, writeDeviceNodes } from './device-nodes.ts';

export interface VifNodes {
  readonly domid: number;
  readonly handle: number;
  readonly vif: VifSpec;
  readonly mac: string;
}

/** libxl__set_xenstore_nic() (tools/libs/light/libxl_nic.c). Returns where the two ends of the device are. */
export function writeVifNodes(client: XenstoreClient, { domid, handle, vif, mac }: VifNodes): DevicePaths {
  const { ip, rate, name } = vif;
  return writeDeviceNodes(client, {
    domid,
    kind: 'vif',
    id: handle,
    frontendKeys: {
      'backend-id': '0',
      state: '1',
      handle: `${handle}`,
      mac,
      trusted: vif.trusted ? '1' : '0',
    },
    backendKeys: {
      'frontend-id': `${domid}`,
      online: '1',
      state: '1',
      script: vif.script,
      ...(name !== undefined && { vifname: name }),
      mac,
      ...(ip !== undefined && { ip }),
      ...(rate && { rate: `${rate.bytes},${rate.microseconds}` }),
      bridge: vif.bridge,
      handle: `${handle}`,
      type: 'vif',
      'hotplug-status': '',
    },
  });
}

/** What vif-bridge says when the interface is in the bridge. */
export function writeVifHotplug(
  client: XenstoreClient,
  { frontend, backend }: DevicePaths,
  { domid, mtu }: { readonly domid: number; readonly mtu: number },
): void {
  client.write(`${frontend}/mtu`, `${mtu}`);
  client.setPermissions(`${frontend}/mtu`, `n0,r${domid}`);
  client.write(`${backend}/hotplug-status`, 'connected');
}
