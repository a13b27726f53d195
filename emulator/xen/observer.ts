// Who watches what the hypervisor does: a recorder for the debugger's panels. Observers learn of things that
// have just happened and change nothing: a machine with an observer runs as one without.

/** Calls are cheap and frequent: numbers, no objects. */
export interface XenObserver {
  /**
   * Somebody raises an event at `port` of `domid`: EVTCHNOP_send through its own end `byPort` (0 when it has none), a
   * VIRQ or Xen itself (`byDomid` is -1). `byVcpu` is -1 for a backend of ours. `wasPending`: the port was pending
   * already, so the guest sees one event. Told before the event is delivered, so that a cause comes before its effects.
   */
  eventRaised(
    domid: number,
    port: number,
    byDomid: number,
    byVcpu: number,
    byPort: number,
    wasPending: boolean,
  ): void;
  /** An edge of an interrupt came to the vGIC. `wasPending`: it merges with one that the guest has not taken yet. */
  interruptRaised(domid: number, vcpu: number, intid: number, wasPending: boolean): void;
  /** The guest ended an interrupt that had been in a list register. */
  interruptEnded(domid: number, vcpu: number, intid: number): void;
  /** A grant reference of `granter` was mapped, or copied from or to, by `user`. */
  grantUsed(granter: number, reference: number, user: number, use: 'map' | 'copy', isReadOnly: boolean): void;
  grantUnmapped(granter: number, reference: number, user: number): void;
  /** A node of xenstore changed. `byDomid` 0 is the toolstack. */
  xenstoreChanged(path: string, change: 'written' | 'removed' | 'permissions', byDomid: number): void;
}

/** Passes on to whoever watches now; nobody at first. */
export class ObserverRelay implements XenObserver {
  target: XenObserver | undefined;

  eventRaised(
    domid: number,
    port: number,
    byDomid: number,
    byVcpu: number,
    byPort: number,
    wasPending: boolean,
  ): void {
    this.target?.eventRaised(domid, port, byDomid, byVcpu, byPort, wasPending);
  }

  interruptRaised(domid: number, vcpu: number, intid: number, wasPending: boolean): void {
    this.target?.interruptRaised(domid, vcpu, intid, wasPending);
  }

  interruptEnded(domid: number, vcpu: number, intid: number): void {
    this.target?.interruptEnded(domid, vcpu, intid);
  }

  grantUsed(
    granter: number,
    reference: number,
    user: number,
    use: 'map' | 'copy',
    isReadOnly: boolean,
  ): void {
    this.target?.grantUsed(granter, reference, user, use, isReadOnly);
  }

  grantUnmapped(granter: number, reference: number, user: number): void {
    this.target?.grantUnmapped(granter, reference, user);
  }

  xenstoreChanged(path: string, change: 'written' | 'removed' | 'permissions', byDomid: number): void {
    this.target?.xenstoreChanged(path, change, byDomid);
  }
}
