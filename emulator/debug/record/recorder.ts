// What happened in a machine since it was loaded, as far as panels ask for it: counts, last senders, latencies,
// histories. It listens to the hypervisor and is no part of the machine's state: a machine that is recorded runs
// as one that is not. Every record is bounded.

import type { LoadedMachine } from '../../machine/guest.ts';
import { EventRecord } from './event-record.ts';
import { GrantRecord } from './grant-record.ts';
import { InterruptRecord } from './interrupt-record.ts';
import { clockOf, type RecordPart } from './part.ts';
import { RingRecord, ringSockets } from './ring-record.ts';
import { XenstoreRecord } from './xenstore-record.ts';

export class Recorder implements RecordPart {
  readonly events: EventRecord;
  readonly grants: GrantRecord;
  readonly interrupts: InterruptRecord;
  readonly rings: RingRecord;
  readonly xenstore: XenstoreRecord;
  private readonly parts: readonly RecordPart[];

  constructor(loaded: LoadedMachine) {
    const clock = clockOf(loaded);
    this.events = new EventRecord(loaded, clock);
    this.grants = new GrantRecord(loaded, clock);
    this.interrupts = new InterruptRecord(loaded, clock);
    this.rings = new RingRecord(ringSockets(loaded), clock);
    this.xenstore = new XenstoreRecord(loaded, clock);
    this.parts = [this.events, this.grants, this.interrupts, this.rings, this.xenstore];
    loaded.observe?.(this);
  }

  eventRaised(
    domid: number,
    port: number,
    byDomid: number,
    byVcpu: number,
    byPort: number,
    wasPending: boolean,
  ): void {
    for (const part of this.parts) part.eventRaised?.(domid, port, byDomid, byVcpu, byPort, wasPending);
  }

  interruptRaised(domid: number, vcpu: number, intid: number, wasPending: boolean): void {
    for (const part of this.parts) part.interruptRaised?.(domid, vcpu, intid, wasPending);
  }

  interruptEnded(domid: number, vcpu: number, intid: number): void {
    for (const part of this.parts) part.interruptEnded?.(domid, vcpu, intid);
  }

  grantUsed(
    granter: number,
    reference: number,
    user: number,
    use: 'map' | 'copy',
    isReadOnly: boolean,
  ): void {
    for (const part of this.parts) part.grantUsed?.(granter, reference, user, use, isReadOnly);
  }

  grantUnmapped(granter: number, reference: number, user: number): void {
    for (const part of this.parts) part.grantUnmapped?.(granter, reference, user);
  }

  xenstoreChanged(path: string, change: 'written' | 'removed' | 'permissions', byDomid: number): void {
    for (const part of this.parts) part.xenstoreChanged?.(path, change, byDomid);
  }
}
