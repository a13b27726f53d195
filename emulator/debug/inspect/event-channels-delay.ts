// Why a pending event has not reached its guest. The way of an event: the port's pending bit, unless it is masked the
// selector or the queue of its vCPU, evtchn_upcall_pending, the event interrupt through the vGIC and a list register, the
// priority mask and PSTATE.I of the vCPU. What is found first on this way is what holds it up.

import type {
  EventChannelsView,
  EventPortView,
  EventVcpuView,
} from '../../xen/hypervisor/event-channel-view.ts';
import type { DomainView, VcpuView } from '../../xen/hypervisor/view.ts';
import type { Subject } from './inspection.ts';

export interface Delay {
  /** Without a full stop. */
  readonly sentence: string;
  /** It does not pass by itself: something has to change first. */
  readonly lasting: boolean;
}

const PSTATE_I = 1 << 7;

const lasting = (sentence: string): Delay => ({ sentence, lasting: true });
const passing = (sentence: string): Delay => ({ sentence, lasting: false });

/** Undefined when nothing is pending. */
export function deliveryDelay(
  subject: Subject,
  domain: DomainView,
  known: EventChannelsView,
  port: EventPortView,
): Delay | undefined {
  if (port.latched && !port.pending) {
    return lasting('an event came before the guest gave the page with its event word');
  }
  if (!port.pending) return undefined;
  if (port.masked) return lasting('the port is masked');
  const vcpu = known.vcpus[port.vcpu];
  const state = domain.vcpus[port.vcpu];
  if (!vcpu || !state) return lasting(`it goes to vCPU ${port.vcpu}, which does not exist`);
  if (domain.state === 'shutdown') return lasting('the domain was shut down');
  if (vcpu.info === 'none') return lasting(`vCPU ${port.vcpu} has not registered its vcpu_info`);
  if (known.abi === 'fifo' && vcpu.ready === undefined) {
    return lasting(`vCPU ${port.vcpu} has no control block for its event queues`);
  }
  if (state.state === 'offline') return lasting(`vCPU ${port.vcpu} is switched off`);
  if (!port.queued) {
    const where =
      known.abi === 'fifo' ? 'it is not linked into a queue' : 'its bit of evtchn_pending_sel is clear';
    return vcpu.upcallPending
      ? lasting(`${where}: the guest unmasked it without asking Xen, or took the word and left the event`)
      : passing(`${where}: the guest is about to handle it, or unmasked it without asking Xen`);
  }
  if (!vcpu.upcallPending) {
    return passing(`vCPU ${port.vcpu} cleared evtchn_upcall_pending and is about to look for events`);
  }
  return interruptDelay(subject, vcpu, state);
}

/** How it stands with the events of a vCPU as a whole. */
export function vcpuSentence(subject: Subject, domain: DomainView, vcpu: EventVcpuView): string {
  const state = domain.vcpus[vcpu.vcpu];
  if (!state) return 'the vCPU does not exist';
  if (state.state === 'offline') return 'the vCPU is switched off';
  if (vcpu.info === 'none') return 'the vCPU has not registered its vcpu_info: it hears of no event';
  if (vcpu.upcallPending) return `an upcall is pending: ${interruptDelay(subject, vcpu, state).sentence}`;
  return vcpu.interrupt && !vcpu.interrupt.enabled
    ? `no upcall is pending; the event interrupt ${vcpu.interrupt.intid} is not enabled`
    : 'no upcall is pending';
}

/** The upcall is pending: what became of the event interrupt. */
function interruptDelay({ loaded }: Subject, { vcpu, interrupt }: EventVcpuView, state: VcpuView): Delay {
  if (!interrupt) return lasting(`vCPU ${vcpu} has no event interrupt`);
  const { intid, enabled, priority, priorityMask, groupEnabled, runningPriority } = interrupt;
  const name = `the event interrupt ${intid} of vCPU ${vcpu}`;
  if (state.state === 'paused') return lasting(`vCPU ${vcpu} is paused`);
  switch (interrupt.state) {
    case 'idle':
      return lasting(
        `${name} is neither pending nor active: the guest ended it without clearing evtchn_upcall_pending`,
      );
    case 'active':
    case 'pending and active':
      return passing(`vCPU ${vcpu} is in its handler of the event interrupt ${intid}`);
    case 'queued':
      return enabled
        ? passing(`${name} waits for a free list register`)
        : lasting(`${name} is not enabled in the GIC`);
    case 'pending':
      break;
  }
  if (!groupEnabled) {
    return lasting(
      `${name} is pending, but the CPU interface of vCPU ${vcpu} does not let its group through`,
    );
  }
  if ((priority & 0xf8) >= priorityMask) {
    return lasting(
      `${name} has priority 0x${hex2(priority)}, which the priority mask 0x${hex2(priorityMask)} holds back`,
    );
  }
  if ((priority & 0xf8) >= runningPriority) {
    return passing(
      `vCPU ${vcpu} handles an interrupt of priority 0x${hex2(runningPriority)}, no less urgent`,
    );
  }
  const pstate = loaded.machine.cpus[state.cpu]?.pstate ?? 0;
  if ((pstate & PSTATE_I) !== 0) return passing(`vCPU ${vcpu} has PSTATE.I set`);
  return passing(`${name} is pending and will be taken with the next instruction of vCPU ${vcpu}`);
}

const hex2 = (value: number): string => value.toString(16).padStart(2, '0');
