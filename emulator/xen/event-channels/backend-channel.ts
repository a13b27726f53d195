// The backend's end of an event channel when the backend is TypeScript: a port of domain 0, which
// the embedded toolstack stands in for.

import { invariant } from '../../base/errors.ts';
import type { EventChannels } from './event-channels.ts';

export interface BackendChannel {
  /** In domain 0. */
  readonly port: number;
  /** Rings the guest's end. */
  notify(): void;
}

/**
 * Binds a port of a guest that waits for domain 0. `onEvent` runs whenever the guest rings, within
 * its hypercall; the caller runs it once after binding, since earlier notifications are lost.
 */
export function serveChannel(
  domain0: EventChannels,
  guest: EventChannels,
  guestPort: number,
  onEvent: () => void,
): BackendChannel {
  const bound = domain0.bindInterdomain(guest, guestPort, () => undefined);
  invariant(typeof bound === 'object', `port ${guestPort} of domain ${guest.domid} waits for domain 0`);
  domain0.serve(bound.port, onEvent);
  return { port: bound.port, notify: () => domain0.notify(bound.port) };
}
