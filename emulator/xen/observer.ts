// Who watches what the hypervisor does: a recorder for the debugger's panels, and what stops a machine at an event.
// Observers learn of things where they happen and change nothing: a machine with an observer runs as one without.

import type { HypercallArgs, HypercallContext } from './hypercalls/define.ts';

/** A stage-2 fault, as the syndrome says it. */
export interface ObservedFault {
  readonly kind: 'data' | 'instruction';
  readonly ipa: number;
  readonly va: bigint;
  readonly pc: bigint;
  readonly esr: number;
  /** The emulated device there; undefined: nobody handles the access. */
  readonly device: string | undefined;
}

/** Calls are cheap and frequent: numbers, and objects that are there anyway. */
export interface XenObserver {
  /**
   * Somebody raises an event at `port` of `domid`: EVTCHNOP_send through its own end `byPort` (0 when it has none), a
   * VIRQ or Xen itself (`byDomid` is -1). `byVcpu` is -1 for a backend of ours. `wasPending`: the port was pending
   * already, so the guest sees one event. Told before the event is delivered, so that a cause comes before its effects.
   */
  eventRaised?(
    domid: number,
    port: number,
    byDomid: number,
    byVcpu: number,
    byPort: number,
    wasPending: boolean,
  ): void;
  /** A port that was not pending is now, for this vCPU to see; `isMasked`: it will look only when it unmasks the port. */
  eventDelivered?(domid: number, port: number, vcpu: number, isMasked: boolean): void;
  /** An edge of an interrupt came to the vGIC. `wasPending`: it merges with one that the guest has not taken yet. */
  interruptRaised?(domid: number, vcpu: number, intid: number, wasPending: boolean): void;
  /** The guest ended an interrupt that had been in a list register. */
  interruptEnded?(domid: number, vcpu: number, intid: number): void;
  /** A grant reference of `granter` was mapped, or copied from or to, by `user`. */
  grantUsed?(
    granter: number,
    reference: number,
    user: number,
    use: 'map' | 'copy',
    isReadOnly: boolean,
  ): void;
  grantUnmapped?(granter: number, reference: number, user: number): void;
  /** It was not allowed, for this reason (GNTST_*): after it was revoked, for one. */
  grantRefused?(granter: number, reference: number, user: number, status: string): void;
  /** A node of xenstore changed. `byDomid` 0 is the toolstack. */
  xenstoreChanged?(path: string, change: 'written' | 'removed' | 'permissions', byDomid: number): void;
  /** A request of the wire protocol was answered, with an error or without. */
  xenstoreAsked?(domid: number, request: string, payload: Uint8Array, error: string | undefined): void;
  /** An event of a watch goes to a client. */
  xenstoreWatchFired?(domid: number, path: string, token: string): void;
  /** Before it is served; each call of a multicall too. */
  hypercallMade?(context: HypercallContext, number: number, args: HypercallArgs): void;
  /** `result` as x0 gets it; undefined: it is to be continued. */
  hypercallDone?(
    context: HypercallContext,
    number: number,
    args: HypercallArgs,
    result: number | undefined,
  ): void;
  /** An exception was taken to EL2, with this vector offset and ESR_EL2. */
  trapTaken?(domid: number, vcpu: number, vector: number, esr: number): void;
  stage2Fault?(domid: number, vcpu: number, fault: ObservedFault): void;
  /** HVC #0 or SMC #0: the function id and its first arguments. */
  firmwareCalled?(domid: number, vcpu: number, functionId: number, args: readonly bigint[]): void;
  firmwareDone?(
    domid: number,
    vcpu: number,
    functionId: number,
    args: readonly bigint[],
    result: bigint,
  ): void;
  /** A trapped access to a system register; `value` is what is written, or was read. Undefined: UNDEFINED. */
  registerAccessed?(
    domid: number,
    vcpu: number,
    name: string,
    isRead: boolean,
    value: bigint | undefined,
  ): void;
  domainCreated?(domid: number, name: string): void;
  /** SHUTDOWN_* of public/sched.h. */
  domainShutDown?(domid: number, reason: number): void;
  domainDestroyed?(domid: number): void;
  vcpuChanged?(domid: number, vcpu: number, state: 'running' | 'blocked' | 'offline'): void;
}

/** What those call whom something happens to. */
export type ObserverCalls = Required<XenObserver>;
type Arguments<Name extends keyof ObserverCalls> = Parameters<ObserverCalls[Name]>;

/** Passes on to all that watch now; nobody at first. */
export class ObserverRelay implements ObserverCalls {
  private observers: readonly XenObserver[] = [];

  /** From now on, until what it returns is called. */
  add(observer: XenObserver): () => void {
    this.observers = [...this.observers, observer];
    return () => {
      this.observers = this.observers.filter((other) => other !== observer);
    };
  }

  eventRaised(...args: Arguments<'eventRaised'>): void {
    for (const observer of this.observers) observer.eventRaised?.(...args);
  }

  eventDelivered(...args: Arguments<'eventDelivered'>): void {
    for (const observer of this.observers) observer.eventDelivered?.(...args);
  }

  interruptRaised(...args: Arguments<'interruptRaised'>): void {
    for (const observer of this.observers) observer.interruptRaised?.(...args);
  }

  interruptEnded(...args: Arguments<'interruptEnded'>): void {
    for (const observer of this.observers) observer.interruptEnded?.(...args);
  }

  grantUsed(...args: Arguments<'grantUsed'>): void {
    for (const observer of this.observers) observer.grantUsed?.(...args);
  }

  grantUnmapped(...args: Arguments<'grantUnmapped'>): void {
    for (const observer of this.observers) observer.grantUnmapped?.(...args);
  }

  grantRefused(...args: Arguments<'grantRefused'>): void {
    for (const observer of this.observers) observer.grantRefused?.(...args);
  }

  xenstoreChanged(...args: Arguments<'xenstoreChanged'>): void {
    for (const observer of this.observers) observer.xenstoreChanged?.(...args);
  }

  xenstoreAsked(...args: Arguments<'xenstoreAsked'>): void {
    for (const observer of this.observers) observer.xenstoreAsked?.(...args);
  }

  xenstoreWatchFired(...args: Arguments<'xenstoreWatchFired'>): void {
    for (const observer of this.observers) observer.xenstoreWatchFired?.(...args);
  }

  hypercallMade(...args: Arguments<'hypercallMade'>): void {
    for (const observer of this.observers) observer.hypercallMade?.(...args);
  }

  hypercallDone(...args: Arguments<'hypercallDone'>): void {
    for (const observer of this.observers) observer.hypercallDone?.(...args);
  }

  trapTaken(...args: Arguments<'trapTaken'>): void {
    for (const observer of this.observers) observer.trapTaken?.(...args);
  }

  stage2Fault(...args: Arguments<'stage2Fault'>): void {
    for (const observer of this.observers) observer.stage2Fault?.(...args);
  }

  firmwareCalled(...args: Arguments<'firmwareCalled'>): void {
    for (const observer of this.observers) observer.firmwareCalled?.(...args);
  }

  firmwareDone(...args: Arguments<'firmwareDone'>): void {
    for (const observer of this.observers) observer.firmwareDone?.(...args);
  }

  registerAccessed(...args: Arguments<'registerAccessed'>): void {
    for (const observer of this.observers) observer.registerAccessed?.(...args);
  }

  domainCreated(...args: Arguments<'domainCreated'>): void {
    for (const observer of this.observers) observer.domainCreated?.(...args);
  }

  domainShutDown(...args: Arguments<'domainShutDown'>): void {
    for (const observer of this.observers) observer.domainShutDown?.(...args);
  }

  domainDestroyed(...args: Arguments<'domainDestroyed'>): void {
    for (const observer of this.observers) observer.domainDestroyed?.(...args);
  }

  vcpuChanged(...args: Arguments<'vcpuChanged'>): void {
    for (const observer of this.observers) observer.vcpuChanged?.(...args);
  }
}
