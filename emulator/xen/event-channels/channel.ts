// One event channel of a domain, and what the two delivery ABIs must offer for it.

import type { Errno } from '../abi/errno.ts';
import { FIFO_PRIORITY_DEFAULT } from '../abi/event-channel.ts';

/** What a port is bound to. Xen's ECS_* states. */
export type Binding =
  | { readonly state: 'free' }
  | { readonly state: 'reserved' }
  | { readonly state: 'unbound'; readonly remoteDomid: number }
  | { readonly state: 'interdomain'; readonly remoteDomid: number; readonly remotePort: number }
  | { readonly state: 'virq'; readonly virq: number }
  | { readonly state: 'ipi' };

export interface Channel {
  readonly port: number;
  binding: Binding;
  notifyVcpu: number;
  /** The end belongs to Xen itself: the guest may neither send, close nor ask for its status. */
  xenAttached: boolean;
  // Only the FIFO ABI uses the rest.
  /** Raised before the page with its word existed. */
  latched: boolean;
  priority: number;
  /** The queue it was last put on. */
  lastVcpu: number;
  lastPriority: number;
}

export const newChannel = (port: number): Channel => ({
  port,
  binding: { state: 'free' },
  notifyVcpu: 0,
  xenAttached: false,
  latched: false,
  priority: FIFO_PRIORITY_DEFAULT,
  lastVcpu: 0,
  lastPriority: 0,
});

/** Whether a guest can see the channel at work (evtchn_usable). */
export const isUsable = ({ binding, xenAttached }: Channel): boolean =>
  !xenAttached && binding.state !== 'free' && binding.state !== 'reserved';

/** How events reach a domain: the 2-level ABI, the FIFO ABI, or calls into a backend of ours. */
export interface Delivery {
  readonly name: '2-level' | 'fifo' | 'embedded';
  /** How many ports the ABI has. */
  readonly capacity: number;
  bound(channel: Channel): void;
  setPending(channel: Channel): void;
  clearPending(channel: Channel): void;
  unmask(channel: Channel): void;
  /** As the guest does it itself. False when there is nowhere to write it. */
  mask(channel: Channel): boolean;
  isPending(channel: Channel): boolean;
  isMasked(channel: Channel): boolean;
  /** The port is closed, but the guest has not yet taken it off its queue. */
  isBusy(channel: Channel): boolean;
  setPriority(channel: Channel, priority: number): Errno | undefined;
  /** For inspectors: the guest finds the port, once it is pending, when it looks for events. */
  isQueued(channel: Channel): boolean;
  save(): unknown;
}

/** What a delivery tells the domain. */
export interface DeliverySignals {
  /** Sets evtchn_upcall_pending of the vCPU, and raises the interrupt if that changed it. */
  upcall(vcpu: number): void;
  /** A port became pending: SCHEDOP_poll waiters on it wake. */
  wakePollers(port: number): void;
}
