// The generic timers of CPUs, as events. Under Xen, CNTP is emulated by the hypervisor: what a guest writes there are
// trapped accesses (`sysreg.access`), and the timers here are those of the CPU that the vCPU has.

import {
  CTL_ENABLE,
  CTL_IMASK,
  HYPERVISOR_TIMER_INTID,
  PHYSICAL_TIMER_INTID,
  type Timer,
  VIRTUAL_TIMER_INTID,
} from '../../devices/generic-timer.ts';
import type { LoadedMachine } from '../../machine/guest.ts';
import { BARE_DOMAIN } from '../../machine/messages.ts';
import { TIMERS } from './cpu-catalog.ts';
import { type EventSink, vcpuText } from './event-sink.ts';

type TimerName = (typeof TIMERS)[number];

const INTIDS: Readonly<Record<TimerName, number>> = {
  virtual: VIRTUAL_TIMER_INTID,
  physical: PHYSICAL_TIMER_INTID,
  hypervisor: HYPERVISOR_TIMER_INTID,
};

export class TimerEvents {
  private readonly loaded: LoadedMachine;
  private readonly sink: EventSink;

  constructor(loaded: LoadedMachine, sink: EventSink) {
    this.loaded = loaded;
    this.sink = sink;
  }

  start(): () => void {
    const { timers } = this.loaded.machine.devices;
    timers.forEach((timer, cpu) => {
      for (const name of TIMERS) {
        timer[name].observer = {
          programmed: () => this.tell('program', name, timer[name], cpu),
          fired: () => this.tell('fire', name, timer[name], cpu),
        };
      }
    });
    return () => {
      for (const timer of timers) for (const name of TIMERS) timer[name].observer = undefined;
    };
  }

  private tell(what: 'program' | 'fire', name: TimerName, timer: Timer, cpu: number): void {
    const id = this.loaded.vcpuOf(cpu) ?? { domain: BARE_DOMAIN, vcpu: cpu };
    const names = ['timer', `timer.${what}`, `timer.${what}.${name}`];
    this.sink.tell(names, [id.domain], id, () => {
      const control = timer.readControl() & (CTL_ENABLE | CTL_IMASK);
      const left = what === 'fire' ? 0 : timer.nextDeadline() - this.loaded.machine.clock.nanoseconds();
      const who = vcpuText(id.domain, id.vcpu);
      return {
        fields: {
          timer: name,
          intid: BigInt(INTIDS[name]),
          control: BigInt(control),
          compare: (BigInt(timer.compareHigh) << 32n) | BigInt(timer.compareLow),
          left: Number.isFinite(left) ? BigInt(Math.ceil(left)) : -1n,
          dom: BigInt(id.domain),
          vcpu: BigInt(id.vcpu),
        },
        description: () =>
          what === 'fire'
            ? `The ${name} timer of ${who} fires`
            : `The ${name} timer of ${who} is programmed: ${words(control, left)}`,
      };
    });
  }
}

function words(control: number, left: number): string {
  if ((control & CTL_ENABLE) === 0) return 'off';
  if ((control & CTL_IMASK) !== 0) return 'its interrupt is masked';
  return Number.isFinite(left) ? `it fires in ${Math.ceil(left)} ns` : 'it is due, or far away';
}
