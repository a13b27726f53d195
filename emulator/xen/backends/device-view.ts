// What inspectors see of the devices that domain 0 serves.

import type { BlockBackendView } from './block/block-backend.ts';
import type { NetworkBackendView } from './network/network-backend.ts';

export type DeviceView = BlockBackendView | NetworkBackendView;
