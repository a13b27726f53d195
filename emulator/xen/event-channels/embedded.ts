// Event delivery for a domain that is no guest: domain 0 when the embedded toolstack stands in for
// it. Its ports are served by TypeScript (EventChannels.serve); there is nothing to mark pending.

import type { Errno } from '../abi/errno.ts';
import { FIFO_CHANNELS } from '../abi/event-channel.ts';
import type { Delivery } from './channel.ts';

export class EmbeddedDelivery implements Delivery {
  readonly name = 'embedded';
  readonly capacity = FIFO_CHANNELS;

  bound(): void {}

  setPending(): void {}

  clearPending(): void {}

  unmask(): void {}

  mask(): boolean {
    return false;
  }

  isPending(): boolean {
    return false;
  }

  isMasked(): boolean {
    return false;
  }

  isBusy(): boolean {
    return false;
  }

  setPriority(): Errno | undefined {
    return undefined;
  }

  isQueued(): boolean {
    return false;
  }

  save(): unknown {
    return { name: this.name };
  }
}
