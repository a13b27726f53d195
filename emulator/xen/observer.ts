// Who watches what the hypervisor does: a recorder for the debugger's panels, and what stops a machine at an event.
// Observers learn of things where they happen and change nothing: a machine with an observer runs as one without.

import type { HypercallArgs, HypercallContext } from './hypercalls/define.ts';

/** Registers of the vCPU whose trap is served. */
interface ObservedRegisters {
  x(register: number): bigint;
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
  /** Xen has a VIRQ for a vCPU; `port` is 0 when the guest did not bind it. */
  virqRaised?(domid: number, vcpu: number, virq: number, port: number): void;
  /** A port that was not pending is now, for this vCPU to see; `isMasked`: it will look only when it unmasks the port. */
  eventDelivered?(domid: number, port: number, vcpu: number, isMasked: boolean): void;
  /** An edge of an interrupt came to the vGIC. `wasPending`: it merges with one that the guest has not taken yet. */
  interruptRaised?(domid: number, vcpu: number, intid: number, wasPending: boolean): void;
  /** The vGIC has written an interrupt into a list register: the vCPU can take it from now on. */
  interruptListed?(domid: number, vcpu: number, intid: number, listRegister: number): void;
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
  /** An exception was taken to EL2: TRAP_VECTOR and ESR_EL2 say which. */
  trapTaken?(domid: number, vcpu: number): void;
  /** `device`: the emulated one there, whose instruction was skipped; undefined: nobody handles the access. */
  stage2Fault?(
    domid: number,
    vcpu: number,
    kind: 'data' | 'instruction',
    ipa: number,
    esr: number,
    device: string | undefined,
  ): void;
  /** HVC #0 or SMC #0: the function id; its arguments, and then the results, are in the registers. */
  firmwareCalled?(domid: number, vcpu: number, functionId: number, registers: ObservedRegisters): void;
  firmwareDone?(domid: number, vcpu: number, functionId: number, registers: ObservedRegisters): void;
  /** A trapped access to a system register was served; the value is in X`register`. */
  registerAccessed?(
    domid: number,
    vcpu: number,
    name: string,
    isRead: boolean,
    register: number,
    isUndefined: boolean,
  ): void;
  /** Guest physical addresses of the domain lead elsewhere than before. */
  memoryMapped?(domid: number): void;
  domainCreated?(domid: number, name: string): void;
  /** SHUTDOWN_* of public/sched.h. */
  domainShutDown?(domid: number, reason: number): void;
  domainDestroyed?(domid: number): void;
  /** The scheduler gives the vCPU a CPU, or takes it. */
  vcpuSwitched?(domid: number, vcpu: number, isIn: boolean): void;
  vcpuChanged?(domid: number, vcpu: number, state: 'running' | 'blocked' | 'offline'): void;
  /** An Ethernet frame comes into a bridge through this port (`vif1.0`); `isPartial`: its checksum is left to others. */
  packetSent?(bridge: string, port: string, bytes: Uint8Array, isPartial: boolean): void;
}

/** What those call whom something happens to. */
export type ObserverCalls = Required<XenObserver>;
const nobody = (): void => {};

/** Passes on to all that watch now; nobody at first. A call that nobody hears costs next to nothing. */
export class ObserverRelay implements ObserverCalls {
  private observers: readonly XenObserver[] = [];
  private wrapper: ((call: () => void) => void) | undefined;

  eventRaised: ObserverCalls['eventRaised'] = nobody;
  eventDelivered: ObserverCalls['eventDelivered'] = nobody;
  interruptRaised: ObserverCalls['interruptRaised'] = nobody;
  interruptListed: ObserverCalls['interruptListed'] = nobody;
  virqRaised: ObserverCalls['virqRaised'] = nobody;
  interruptEnded: ObserverCalls['interruptEnded'] = nobody;
  grantUsed: ObserverCalls['grantUsed'] = nobody;
  grantUnmapped: ObserverCalls['grantUnmapped'] = nobody;
  grantRefused: ObserverCalls['grantRefused'] = nobody;
  xenstoreChanged: ObserverCalls['xenstoreChanged'] = nobody;
  xenstoreAsked: ObserverCalls['xenstoreAsked'] = nobody;
  xenstoreWatchFired: ObserverCalls['xenstoreWatchFired'] = nobody;
  hypercallMade: ObserverCalls['hypercallMade'] = nobody;
  hypercallDone: ObserverCalls['hypercallDone'] = nobody;
  trapTaken: ObserverCalls['trapTaken'] = nobody;
  stage2Fault: ObserverCalls['stage2Fault'] = nobody;
  firmwareCalled: ObserverCalls['firmwareCalled'] = nobody;
  firmwareDone: ObserverCalls['firmwareDone'] = nobody;
  registerAccessed: ObserverCalls['registerAccessed'] = nobody;
  memoryMapped: ObserverCalls['memoryMapped'] = nobody;
  domainCreated: ObserverCalls['domainCreated'] = nobody;
  domainShutDown: ObserverCalls['domainShutDown'] = nobody;
  domainDestroyed: ObserverCalls['domainDestroyed'] = nobody;
  vcpuSwitched: ObserverCalls['vcpuSwitched'] = nobody;
  vcpuChanged: ObserverCalls['vcpuChanged'] = nobody;
  packetSent: ObserverCalls['packetSent'] = nobody;

  /** From now on, until what it returns is called. */
  add(observer: XenObserver): () => void {
    this.change([...this.observers, observer]);
    return () => this.change(this.observers.filter((other) => other !== observer));
  }

  /** From now on each call is made by this, until it is undefined again. */
  around(wrapper: ((call: () => void) => void) | undefined): void {
    this.wrapper = wrapper;
    this.change(this.observers);
  }

  private change(observers: readonly XenObserver[]): void {
    this.observers = observers;
    this.eventRaised = this.callsOf('eventRaised');
    this.eventDelivered = this.callsOf('eventDelivered');
    this.interruptRaised = this.callsOf('interruptRaised');
    this.interruptListed = this.callsOf('interruptListed');
    this.virqRaised = this.callsOf('virqRaised');
    this.interruptEnded = this.callsOf('interruptEnded');
    this.grantUsed = this.callsOf('grantUsed');
    this.grantUnmapped = this.callsOf('grantUnmapped');
    this.grantRefused = this.callsOf('grantRefused');
    this.xenstoreChanged = this.callsOf('xenstoreChanged');
    this.xenstoreAsked = this.callsOf('xenstoreAsked');
    this.xenstoreWatchFired = this.callsOf('xenstoreWatchFired');
    this.hypercallMade = this.callsOf('hypercallMade');
    this.hypercallDone = this.callsOf('hypercallDone');
    this.trapTaken = this.callsOf('trapTaken');
    this.stage2Fault = this.callsOf('stage2Fault');
    this.firmwareCalled = this.callsOf('firmwareCalled');
    this.firmwareDone = this.callsOf('firmwareDone');
    this.registerAccessed = this.callsOf('registerAccessed');
    this.memoryMapped = this.callsOf('memoryMapped');
    this.domainCreated = this.callsOf('domainCreated');
    this.domainShutDown = this.callsOf('domainShutDown');
    this.domainDestroyed = this.callsOf('domainDestroyed');
    this.vcpuSwitched = this.callsOf('vcpuSwitched');
    this.vcpuChanged = this.callsOf('vcpuChanged');
    this.packetSent = this.callsOf('packetSent');
  }

  private callsOf<Name extends keyof ObserverCalls>(name: Name): ObserverCalls[Name] {
    const heard = this.observers.filter((observer) => observer[name] !== undefined);
    const calls = heard.map((observer) => (observer[name] as unknown as AnyCall).bind(observer));
    const [only] = calls;
    if (!only) return nobody;
    const { wrapper } = this;
    if (wrapper)
      return (...args: readonly unknown[]) => wrapper(() => calls.forEach((call) => call(...args)));
    if (calls.length === 1) return only;
    return (...args: readonly unknown[]) => {
      for (const call of calls) call(...args);
    };
  }
}

type AnyCall = (...args: readonly unknown[]) => void;
