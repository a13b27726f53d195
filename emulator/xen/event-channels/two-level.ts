// The 2-level ABI: pending and mask bits in shared_info, a selector in each vcpu_info.
// Xen common/event_2l.c. The order of the steps is the ABI's: bits first, then the selector, then
// the upcall, so that a guest scanning in between misses nothing.

import type { Errno } from '../abi/errno.ts';
import { EVTCHN_2L_CHANNELS, EVTCHN_MASK_OFFSET, EVTCHN_PENDING_OFFSET } from '../abi/shared-info.ts';
import type { DomainVcpu } from '../domain-vcpu.ts';
import type { Page } from '../page.ts';
import type { Channel, Delivery, DeliverySignals } from './channel.ts';

export class TwoLevelDelivery implements Delivery {
  readonly name = '2-level';
  readonly capacity = EVTCHN_2L_CHANNELS;
  private readonly sharedInfo: Page;
  private readonly vcpus: readonly DomainVcpu[];
  private readonly signals: DeliverySignals;

  constructor(sharedInfo: Page, vcpus: readonly DomainVcpu[], signals: DeliverySignals) {
    this.sharedInfo = sharedInfo;
    this.vcpus = vcpus;
    this.signals = signals;
  }

  bound(): void {}

  setPending({ port, notifyVcpu }: Channel): void {
    if (this.sharedInfo.setBit(EVTCHN_PENDING_OFFSET, port)) return;
    if (!this.sharedInfo.testBit(EVTCHN_MASK_OFFSET, port)) this.select(port, notifyVcpu);
    this.signals.wakePollers(port);
  }

  clearPending({ port }: Channel): void {
    this.sharedInfo.clearBit(EVTCHN_PENDING_OFFSET, port);
  }

  unmask({ port, notifyVcpu }: Channel): void {
    const wasMasked = this.sharedInfo.clearBit(EVTCHN_MASK_OFFSET, port);
    if (wasMasked && this.sharedInfo.testBit(EVTCHN_PENDING_OFFSET, port)) this.select(port, notifyVcpu);
  }

  mask({ port }: Channel): boolean {
    this.sharedInfo.setBit(EVTCHN_MASK_OFFSET, port);
    return true;
  }

  isPending({ port }: Channel): boolean {
    return this.sharedInfo.testBit(EVTCHN_PENDING_OFFSET, port);
  }

  isMasked({ port }: Channel): boolean {
    return this.sharedInfo.testBit(EVTCHN_MASK_OFFSET, port);
  }

  isBusy(): boolean {
    return false;
  }

  setPriority(): Errno | undefined {
    return 'ENOSYS';
  }

  isQueued({ port, notifyVcpu }: Channel): boolean {
    return this.vcpus[notifyVcpu]?.selects(port >>> 6) ?? false;
  }

  save(): unknown {
    return { name: this.name };
  }

  private select(port: number, vcpu: number): void {
    if (!this.vcpus[vcpu]?.selectWord(port >>> 6)) this.signals.upcall(vcpu);
  }
}
