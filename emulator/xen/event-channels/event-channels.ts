// The event channels of one domain. Xen common/event_channel.c. The class knows ports and
// bindings; how a pending port reaches the guest is the delivery's business.
//
// Left out: pirqs (Xen on Arm routes none to event channels).

import type { Errno } from '../abi/errno.ts';
import { isGlobalVirq, NR_VIRQS } from '../abi/event-channel.ts';
import type { DomainVcpu } from '../domain-vcpu.ts';
import type { ObserverCalls } from '../observer.ts';
import type { Page } from '../page.ts';
import { type Binding, type Channel, type Delivery, isUsable, newChannel } from './channel.ts';
import { EmbeddedDelivery } from './embedded.ts';
import { FifoDelivery } from './fifo.ts';
import { TwoLevelDelivery } from './two-level.ts';

/** Ports come into being this many at a time (EVTCHNS_PER_BUCKET); below that a port is closed, beyond it is an error. */
const PORTS_PER_BUCKET = 64;

/** To observers: Xen itself raised an event; no vCPU did. */
const BY_XEN = -1;
const NO_VCPU = -1;

/** What the event channels need of their domain. */
export interface EventChannelSockets {
  readonly domid: number;
  readonly vcpus: readonly DomainVcpu[];
  /** Undefined for a domain without guest code: its ports are served by TypeScript. */
  readonly sharedInfo: Page | undefined;
  /** The highest port the domain may use (max_evtchn_port). */
  readonly maxPort: number;
  /** The event channels of another domain, or of this one. */
  peer(domid: number): EventChannels | undefined;
  /** Raises the event interrupt at a vCPU. */
  raiseInterrupt(vcpu: number): void;
  wake(vcpu: number): void;
  readonly observer: ObserverCalls;
}

export interface PortDetails {
  readonly port: number;
  readonly binding: Binding;
  readonly vcpu: number;
  readonly pending: boolean;
  readonly masked: boolean;
  readonly queued: boolean;
  readonly latched: boolean;
  readonly xenAttached: boolean;
  readonly priority?: number;
}

export type PortResult = { readonly port: number } | Errno;

export class EventChannels {
  readonly domid: number;
  private readonly sockets: EventChannelSockets;
  private channels: Channel[] = [];
  private delivery: Delivery;
  /** Ports of bound VIRQs: by vCPU, then VIRQ. Global ones at vCPU 0. */
  private readonly virqPorts: Map<number, number>[];
  /** No state of the machine: who serves a port follows from the configuration. */
  private readonly handlers = new Map<number, () => void>();

  constructor(sockets: EventChannelSockets) {
    this.sockets = sockets;
    this.domid = sockets.domid;
    this.virqPorts = sockets.vcpus.map(() => new Map());
    this.delivery = this.initialDelivery();
    this.addBucket();
    this.setBinding(0, { state: 'reserved' });
  }

  get abi(): Delivery['name'] {
    return this.delivery.name;
  }

  /** EVTCHNOP_alloc_unbound. Checked by the caller: who may do this. */
  allocateUnbound(remoteDomid: number): PortResult {
    const port = this.freePort();
    if (typeof port === 'string') return port;
    this.setBinding(port, { state: 'unbound', remoteDomid });
    return { port };
  }

  /** An unbound port whose local end is Xen's own (alloc_unbound_xen_event_channel). */
  allocateXenAttached(remoteDomid: number, vcpu: number): PortResult {
    const result = this.allocateUnbound(remoteDomid);
    if (typeof result !== 'string') {
      const channel = this.existing(result.port);
      channel.xenAttached = true;
      channel.notifyVcpu = vcpu;
    }
    return result;
  }

  /** EVTCHNOP_bind_interdomain. `mayConnect` is asked once both ends are known to fit. */
  bindInterdomain(
    remote: EventChannels,
    remotePort: number,
    mayConnect: () => Errno | undefined,
  ): PortResult {
    const port = this.freePort();
    if (typeof port === 'string') return port;
    const far = remote.channel(remotePort);
    if (far?.binding.state !== 'unbound' || far.binding.remoteDomid !== this.domid) return 'EINVAL';
    const refused = mayConnect();
    if (refused) return refused;

    this.setBinding(port, { state: 'interdomain', remoteDomid: remote.domid, remotePort });
    far.binding = { state: 'interdomain', remoteDomid: this.domid, remotePort: port };
    // Notifications sent while the port was unbound are lost, so one is always made up.
    this.raise(this.existing(port), BY_XEN);
    return { port };
  }

  bindVirq(virq: number, vcpu: number): PortResult {
    if (virq >= NR_VIRQS) return 'EINVAL';
    if (isGlobalVirq(virq) && vcpu !== 0) return 'EINVAL';
    const ports = this.virqPorts[vcpu];
    if (!ports) return 'ENOENT';
    if (ports.has(virq)) return 'EEXIST';
    const port = this.freePort();
    if (typeof port === 'string') return port;
    this.setBinding(port, { state: 'virq', virq }, vcpu);
    ports.set(virq, port);
    return { port };
  }

  bindIpi(vcpu: number): PortResult {
    if (!this.sockets.vcpus[vcpu]) return 'ENOENT';
    const port = this.freePort();
    if (typeof port === 'string') return port;
    this.setBinding(port, { state: 'ipi' }, vcpu);
    return { port };
  }

  /** EVTCHNOP_close: the peer of an interdomain port goes back to waiting for this domain. */
  close(port: number, by: 'guest' | 'xen' = 'guest'): Errno | undefined {
    const channel = this.channel(port);
    if (!channel || (channel.xenAttached && by === 'guest')) return 'EINVAL';
    const { binding } = channel;
    switch (binding.state) {
      case 'free':
      case 'reserved':
        return 'EINVAL';
      case 'virq':
        this.virqPorts[isGlobalVirq(binding.virq) ? 0 : channel.notifyVcpu]?.delete(binding.virq);
        break;
      case 'interdomain': {
        const far = this.sockets.peer(binding.remoteDomid)?.channel(binding.remotePort);
        if (far) far.binding = { state: 'unbound', remoteDomid: this.domid };
        break;
      }
      case 'unbound':
      case 'ipi':
        break;
    }
    this.free(channel);
    return undefined;
  }

  /** EVTCHNOP_send, by a vCPU of the domain or, without one, by a backend of ours in it. */
  send(port: number, vcpu = NO_VCPU): Errno | undefined {
    const channel = this.channel(port);
    if (!channel || channel.xenAttached) return 'EINVAL';
    return this.signal(channel, vcpu);
  }

  /** The local end is Xen's or a backend's of ours (notify_via_xen_event_channel). */
  notify(port: number): void {
    const channel = this.channel(port);
    if (channel?.binding.state === 'interdomain') this.signal(channel, NO_VCPU);
  }

  /** A VIRQ for one vCPU, or a global one. Nothing happens when the guest did not bind it. */
  raiseVirq(virq: number, vcpu = 0): void {
    const port = this.virqPorts[isGlobalVirq(virq) ? 0 : vcpu]?.get(virq);
    this.sockets.observer.virqRaised(this.sockets.domid, isGlobalVirq(virq) ? 0 : vcpu, virq, port ?? 0);
    if (port !== undefined) this.raise(this.existing(port), BY_XEN);
  }

  unmask(port: number): Errno | undefined {
    const channel = this.channel(port);
    if (!channel) return 'EINVAL';
    if (isUsable(channel)) this.delivery.unmask(channel);
    return undefined;
  }

  /** Masks a port as the guest would. False when there is nowhere to write it. */
  mask(port: number): boolean {
    const channel = this.channel(port);
    return channel !== undefined && isUsable(channel) && this.delivery.mask(channel);
  }

  /** For a debugger: an event at the port, as whoever may send one would. False when there is nobody. */
  raiseAsPeer(port: number): boolean {
    const channel = this.channel(port);
    const binding = channel?.binding;
    switch (binding?.state) {
      case 'interdomain':
        return this.sockets.peer(binding.remoteDomid)?.sendAsXen(binding.remotePort) ?? false;
      case 'virq':
        this.sockets.observer.virqRaised(this.domid, this.existing(port).notifyVcpu, binding.virq, port);
        this.raise(this.existing(port), BY_XEN);
        return true;
      case 'ipi':
        this.raise(this.existing(port), this.domid, NO_VCPU, port);
        return true;
      case 'unbound':
      case 'free':
      case 'reserved':
      case undefined:
        return false;
    }
  }

  private sendAsXen(port: number): boolean {
    const channel = this.channel(port);
    return channel !== undefined && this.signal(channel, NO_VCPU) === undefined;
  }

  bindVcpu(port: number, vcpu: number): Errno | undefined {
    if (!this.sockets.vcpus[vcpu]) return 'ENOENT';
    const channel = this.channel(port);
    if (!channel || channel.xenAttached) return 'EINVAL';
    const { binding } = channel;
    const movable =
      binding.state === 'unbound' ||
      binding.state === 'interdomain' ||
      (binding.state === 'virq' && isGlobalVirq(binding.virq));
    if (!movable) return 'EINVAL';
    channel.notifyVcpu = vcpu;
    return undefined;
  }

  setPriority(port: number, priority: number): Errno | undefined {
    const channel = this.channel(port);
    if (!channel) return 'EINVAL';
    if (this.delivery.name === '2-level') return 'ENOSYS';
    if (!isUsable(channel)) return 'EACCES';
    return this.delivery.setPriority(channel, priority);
  }

  status(port: number): { binding: Binding; vcpu: number } | Errno {
    const channel = this.channel(port);
    if (!channel) return 'EINVAL';
    if (channel.xenAttached) return 'EACCES';
    return { binding: channel.binding, vcpu: channel.notifyVcpu };
  }

  /** EVTCHNOP_reset: closes everything a guest can close, and returns to the 2-level ABI. Returns the
   * pages of the FIFO ABI, which nobody needs any more. */
  reset(by: 'guest' | 'xen' = 'guest'): readonly Page[] {
    for (const { port } of this.channels) this.close(port, by);
    if (!(this.delivery instanceof FifoDelivery)) return [];
    const pages = this.delivery.heldPages();
    this.delivery = this.initialDelivery();
    return pages;
  }

  /**
   * EVTCHNOP_init_control. The first control block switches the domain to the FIFO ABI; what is
   * pending in shared_info then is kept for the moment the event words appear.
   */
  initFifo(vcpu: number, page: Page, offset: number): Errno | undefined {
    if (this.delivery instanceof FifoDelivery) return this.delivery.setControlBlock(vcpu, page, offset);
    const fifo = new FifoDelivery(this.sockets.vcpus.length, this.signals());
    const error = fifo.setControlBlock(vcpu, page, offset);
    if (error) return error;
    for (const channel of this.channels) {
      if (channel.port === 0 || channel.port >= this.delivery.capacity) continue;
      if (this.delivery.isPending(channel)) channel.latched = true;
      fifo.bound(channel);
    }
    this.delivery = fifo;
    return undefined;
  }

  /** Whether EVTCHNOP_expand_array may be called; the page is looked up only then. */
  expandError(): Errno | undefined {
    if (!(this.delivery instanceof FifoDelivery)) return 'EOPNOTSUPP';
    return this.delivery.isFull ? 'ENOSPC' : undefined;
  }

  /** EVTCHNOP_expand_array: latched events of the new page's ports are raised now. */
  expandFifo(page: Page): void {
    if (!(this.delivery instanceof FifoDelivery)) return;
    const first = this.delivery.addPage(page);
    for (const channel of this.channels.slice(first, first + 1024)) {
      if (channel.latched) this.delivery.setPending(channel);
    }
  }

  isPending(port: number): boolean {
    const channel = this.channel(port);
    return channel !== undefined && isUsable(channel) && this.delivery.isPending(channel);
  }

  /** What SCHEDOP_poll finds at a port. */
  poll(port: number): 'pending' | 'quiet' | Errno {
    const channel = this.channel(port);
    if (!channel || !isUsable(channel)) return 'EINVAL';
    return this.delivery.isPending(channel) ? 'pending' : 'quiet';
  }

  isMasked(port: number): boolean {
    const channel = this.channel(port);
    return channel === undefined || !isUsable(channel) || this.delivery.isMasked(channel);
  }

  /** Events of the port go to TypeScript: a Xen-attached port, or one of a domain without guest code. */
  serve(port: number, handler: () => void): void {
    this.handlers.set(port, handler);
  }

  get maximumPort(): number {
    return Math.min(this.sockets.maxPort, this.delivery.capacity - 1);
  }

  /** What is bound, for inspectors: every port that is not free. */
  list(): PortDetails[] {
    return this.channels
      .filter(({ binding }) => binding.state !== 'free' && binding.state !== 'reserved')
      .map((channel) => ({
        port: channel.port,
        binding: channel.binding,
        vcpu: channel.notifyVcpu,
        pending: this.isPending(channel.port),
        masked: !channel.xenAttached && this.delivery.isMasked(channel),
        queued: this.delivery.isQueued(channel),
        latched: this.isLatched(channel),
        xenAttached: channel.xenAttached,
        ...(this.delivery.name === 'fifo' && { priority: channel.priority }),
      }));
  }

  /** FIFO ABI, for inspectors: a bit for each queue of the vCPU with something in it. */
  readyQueues(vcpu: number): number | undefined {
    return this.delivery instanceof FifoDelivery ? this.delivery.ready(vcpu) : undefined;
  }

  save(): unknown {
    return {
      domid: this.domid,
      delivery: this.delivery.save(),
      validPorts: this.channels.length,
      channels: this.channels
        .filter((channel) => JSON.stringify(channel) !== JSON.stringify(newChannel(channel.port)))
        .map((channel) => ({ ...channel, binding: { ...channel.binding } })),
      virqPorts: this.virqPorts.map((ports) => Object.fromEntries(ports)),
    };
  }

  /** FIFO ABI: an event waits for the guest to give the page with the port's event word. */
  private isLatched({ port, latched }: Channel): boolean {
    return latched && this.delivery instanceof FifoDelivery && !this.delivery.hasWord(port);
  }

  private signal(channel: Channel, vcpu: number): Errno | undefined {
    const { binding } = channel;
    switch (binding.state) {
      case 'interdomain': {
        const remote = this.sockets.peer(binding.remoteDomid);
        const far = remote?.channel(binding.remotePort);
        if (remote && far) remote.raise(far, this.domid, vcpu, channel.port);
        return undefined;
      }
      case 'ipi':
        this.raise(channel, this.domid, vcpu, channel.port);
        return undefined;
      case 'unbound':
        return undefined; // Silently dropped.
      case 'free':
      case 'reserved':
      case 'virq':
        return 'EINVAL';
    }
  }

  private raise(channel: Channel, byDomid: number, byVcpu = NO_VCPU, byPort = 0): void {
    const handler = this.handlers.get(channel.port);
    if (!handler && !isUsable(channel)) return;
    const { domid, observer } = this.sockets;
    const wasPending = this.delivery.isPending(channel) || this.isLatched(channel);
    observer.eventRaised(domid, channel.port, byDomid, byVcpu, byPort, wasPending);
    if (handler) {
      handler();
      return;
    }
    this.delivery.setPending(channel);
    if (wasPending) return;
    observer.eventDelivered(domid, channel.port, channel.notifyVcpu, this.delivery.isMasked(channel));
  }

  private channel(port: number): Channel | undefined {
    return this.channels[port];
  }

  private existing(port: number): Channel {
    const channel = this.channels[port];
    if (!channel) throw new RangeError(`port ${port} of domain ${this.domid} does not exist`);
    return channel;
  }

  /** The lowest port that is free; one still linked in a queue of the guest is not. */
  private freePort(): number | Errno {
    for (let port = 0; port <= this.sockets.maxPort; port++) {
      if (port >= this.delivery.capacity) return 'ENOSPC';
      if (port >= this.channels.length) this.addBucket();
      const channel = this.existing(port);
      if (channel.binding.state === 'free' && !this.delivery.isBusy(channel)) return port;
    }
    return 'ENOSPC';
  }

  private addBucket(): void {
    for (let i = 0; i < PORTS_PER_BUCKET; i++) this.channels.push(newChannel(this.channels.length));
  }

  private setBinding(port: number, binding: Binding, vcpu?: number): void {
    const channel = this.existing(port);
    channel.binding = binding;
    if (vcpu !== undefined) channel.notifyVcpu = vcpu;
    this.delivery.bound(channel);
  }

  private free(channel: Channel): void {
    // Nothing may be pending when the port is bound to something else later.
    if (isUsable(channel)) this.delivery.clearPending(channel);
    this.handlers.delete(channel.port);
    channel.binding = { state: 'free' };
    channel.notifyVcpu = 0;
    channel.xenAttached = false;
  }

  private initialDelivery(): Delivery {
    const { sharedInfo, vcpus } = this.sockets;
    return sharedInfo ? new TwoLevelDelivery(sharedInfo, vcpus, this.signals()) : new EmbeddedDelivery();
  }

  private signals() {
    const { vcpus, raiseInterrupt, wake } = this.sockets;
    return {
      upcall: (vcpu: number) => {
        if (vcpus[vcpu] && !vcpus[vcpu].markUpcallPending()) raiseInterrupt(vcpu);
      },
      wakePollers: (port: number) => {
        for (const vcpu of vcpus) {
          if (!vcpu.polls(port)) continue;
          vcpu.stopPolling();
          wake(vcpu.id);
        }
      },
    };
  }
}
