// What guests do with their interrupts: the acknowledge that begins a handler, and the end. Edges at the vGIC are
// told by the hypervisor.

import type { LoadedMachine } from '../../machine/guest.ts';
import { BARE_DOMAIN, type VcpuId } from '../../machine/messages.ts';
import type { Recorder } from '../record/recorder.ts';
import { type EventSink, vcpuText } from './event-sink.ts';

const FIRST_SPECIAL_INTID = 1020;

export class InterruptEvents {
  private readonly loaded: LoadedMachine;
  private readonly record: Recorder;
  private readonly sink: EventSink;
  private taken: (id: VcpuId, intid: number) => void = () => {};

  constructor(loaded: LoadedMachine, record: Recorder, sink: EventSink) {
    this.loaded = loaded;
    this.record = record;
    this.sink = sink;
  }

  /** `taken` is called for each interrupt that is acknowledged. */
  start(taken: (id: VcpuId, intid: number) => void): () => void {
    this.taken = taken;
    if (this.loaded.view === undefined) return this.onBareMachine();
    const { gicV2, gicV3 } = this.loaded.machine.devices;
    const interfaces = gicV3?.cpus.map(({ virtual }) => virtual) ?? gicV2?.virtual ?? [];
    interfaces.forEach((one, cpu) => {
      one.observer = {
        acknowledged: (intid, isHardware) => this.onCpu('irq', cpu, intid, isHardware),
        ended: (intid, isHardware) => this.onCpu('irq.ended', cpu, intid, isHardware),
      };
    });
    return () => {
      for (const one of interfaces) one.observer = undefined;
    };
  }

  /** There a CPU that acknowledges is what an observer is told of. */
  private onBareMachine(): () => void {
    const stop = this.loaded.observe?.({
      interruptRaised: (domain, vcpu, intid) => this.tell('irq', domain, vcpu, intid, true),
      interruptEnded: (domain, vcpu, intid) => this.tell('irq.ended', domain, vcpu, intid, true),
    });
    const { gicV2, gicV3 } = this.loaded.machine.devices;
    const interfaces = (gicV3 ?? gicV2)?.distributor.interfaces ?? [];
    for (const one of interfaces) one.spurious = () => this.tellSpurious(BARE_DOMAIN, one.cpu);
    return () => {
      stop?.();
      for (const one of interfaces) one.spurious = undefined;
    };
  }

  private onCpu(name: 'irq' | 'irq.ended', cpu: number, intid: number, isHardware: boolean): void {
    const { domain, vcpu } = this.loaded.vcpuOf(cpu) ?? { domain: BARE_DOMAIN, vcpu: cpu };
    if (intid < FIRST_SPECIAL_INTID) this.tell(name, domain, vcpu, intid, isHardware);
    else if (name === 'irq') this.tellSpurious(domain, vcpu);
  }

  private tellSpurious(domain: number, vcpu: number): void {
    this.sink.tell(['irq.spurious'], [domain], { domain, vcpu }, () => ({
      fields: { dom: BigInt(domain), vcpu: BigInt(vcpu) },
      description: () => `${vcpuText(domain, vcpu)} acknowledges an interrupt, and there is none`,
    }));
  }

  private tell(
    name: 'irq' | 'irq.ended',
    domain: number,
    vcpu: number,
    intid: number,
    isHardware: boolean,
  ): void {
    if (name === 'irq') this.taken({ domain, vcpu }, intid);
    this.sink.tell([name], [domain], { domain, vcpu }, () => {
      const known = this.record.interrupts.namesOf(domain).get(intid)?.name ?? '';
      const what = known === '' ? `interrupt ${intid}` : `interrupt ${intid} (${known})`;
      return {
        fields: {
          intid: BigInt(intid),
          name: known,
          hw: isHardware ? 1n : 0n,
          dom: BigInt(domain),
          vcpu: BigInt(vcpu),
        },
        description: () => `${vcpuText(domain, vcpu)} ${name === 'irq' ? 'acknowledges' : 'ends'} ${what}`,
      };
    });
  }
}
