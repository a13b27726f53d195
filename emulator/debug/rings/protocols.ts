// Every ring protocol that is known.

import type { RingProtocol } from './protocol.ts';
import { p9Protocols } from './protocols/9pfs.ts';
import { blockProtocols } from './protocols/block.ts';
import { consoleProtocols } from './protocols/console.ts';
import { networkProtocols } from './protocols/network.ts';
import { xenstoreProtocols } from './protocols/xenstore.ts';

export const ringProtocols: readonly RingProtocol[] = [
  ...consoleProtocols,
  ...xenstoreProtocols,
  ...blockProtocols,
  ...networkProtocols,
  ...p9Protocols,
];
