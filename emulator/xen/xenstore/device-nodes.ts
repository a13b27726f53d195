// The nodes that libxl 4.17 writes for a device of a domain, in its order and with its permissions: both ends, and what
// libxl keeps for itself (tools/libs/light/libxl_device.c, libxl__device_generic_add()).

import { invariant } from '../../base/errors.ts';
import type { XenstoreClient } from './client.ts';

export interface DevicePaths {
  readonly frontend: string;
  readonly backend: string;
  /** What libxl keeps of the device. */
  readonly record: string;
}

type Nodes = Readonly<Record<string, string>>;

export interface DeviceNodes {
  readonly domid: number;
  /** `vbd`, as the frontend calls it. */
  readonly kind: string;
  /** Where the backend's kind has another name. */
  readonly backendKind?: string;
  readonly id: number;
  readonly frontendKeys: Nodes;
  readonly backendKeys: Nodes;
}

/** Returns where the two ends of the device are. */
export function writeDeviceNodes(client: XenstoreClient, nodes: DeviceNodes): DevicePaths {
  const { domid, kind, id, frontendKeys, backendKeys } = nodes;
  const frontend = `/local/domain/${domid}/device/${kind}/${id}`;
  const backend = `/local/domain/0/backend/${nodes.backendKind ?? kind}/${domid}/${id}`;
  const record = `/libxl/${domid}/device/${kind}/${id}`;
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
  invariant(failed === undefined, 'the toolstack may write the nodes of a device');
  return { frontend, backend, record };
}

/** libxl__initiate_device_generic_remove(): the frontend sees it and lets go. */
export function askToClose(client: XenstoreClient, { backend }: DevicePaths): void {
  client.transaction((t) => {
    client.write(`${backend}/online`, '0', t);
    client.write(`${backend}/state`, '5', t);
  });
}

/** libxl__device_destroy() */
export function removeDeviceNodes(client: XenstoreClient, { frontend, backend, record }: DevicePaths): void {
  for (const path of [frontend, backend, record]) client.remove(path);
}
