// What only the hypervisor knows about event channels, for the debugger: the ports of each domain, and what stands
// between a pending port and the guest that is to hear of it.

import type { DomainList } from '../domain-list.ts';
import { HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_STORE_EVTCHN } from '../abi/hvm-params.ts';
import type { Domain } from '../domain.ts';
import type { Binding } from '../event-channels/channel.ts';
import { GUEST_EVTCHN_PPI } from '../toolstack/guest-layout.ts';
import type { VgicCpu } from '../vgic/vgic.ts';
import type { HostedDomain } from './hosted-domain.ts';
import type { HostGic } from './platform.ts';

export interface EventChannelsView {
  /** How events reach the domain; `embedded`: its ports end in this process. */
  readonly abi: '2-level' | 'fifo' | 'embedded';
  /** The highest port that the domain may use. */
  readonly maximumPort: number;
  /** Lowest first; free ports are left out. */
  readonly ports: readonly EventPortView[];
  readonly vcpus: readonly EventVcpuView[];
}

export interface EventPortView {
  readonly port: number;
  readonly state: Exclude<Binding['state'], 'free'>;
  /** Of `unbound`: who may bind it. Of `interdomain`: the other end. */
  readonly remoteDomid?: number;
  readonly remotePort?: number;
  readonly virq?: number;
  /** The vCPU that is told. */
  readonly vcpu: number;
  readonly pending: boolean;
  readonly masked: boolean;
  /** Whether the guest finds it when it looks for events: its word of evtchn_pending_sel, or its link. */
  readonly queued: boolean;
  /** FIFO ABI: the page with its event word is not there yet, but an event came. */
  readonly latched: boolean;
  /** FIFO ABI. */
  readonly priority?: number;
  /** The end belongs to Xen itself. */
  readonly xenAttached: boolean;
  /** What the toolstack made it for, by HVM parameter of the domain or of its peer. */
  readonly use?: 'console' | 'xenstore';
}

/** How a vCPU learns that there are events. */
export interface EventVcpuView {
  readonly vcpu: number;
  /** The guest registered a vcpu_info; vCPU 0 has one in shared_info from the start. */
  readonly info: 'registered' | 'shared_info' | 'none';
  readonly upcallPending: boolean;
  /** 2-level ABI: evtchn_pending_sel. */
  readonly selector?: bigint;
  /** FIFO ABI: the queues with something in them, a bit for each priority; absent without a control block. */
  readonly ready?: number;
  /** The event interrupt. */
  readonly interrupt: EventInterruptView | undefined;
}

export interface EventInterruptView {
  readonly intid: number;
  readonly enabled: boolean;
  /** `queued`: it waits for a list register, or to be enabled. */
  readonly state: 'idle' | 'queued' | 'pending' | 'active' | 'pending and active';
  readonly priority: number;
  /** ICH_VMCR_EL2.VPMR: only interrupts of a lower value are taken. */
  readonly priorityMask: number;
  /** The guest's CPU interface lets interrupts of its group through. */
  readonly groupEnabled: boolean;
  /** Of the interrupt that the guest handles now; 0xff when there is none. */
  readonly runningPriority: number;
}

/** Undefined for a domain that does not exist. */
export function eventChannelsViewOf(
  domid: number,
  domains: DomainList,
  hosted: HostedDomain | undefined,
  gic: HostGic,
): EventChannelsView | undefined {
  const domain = domains.find(domid);
  if (!domain) return undefined;
  const { eventChannels } = domain;
  return {
    abi: eventChannels.abi,
    maximumPort: eventChannels.maximumPort,
    ports: eventChannels.list().map(({ binding, ...rest }) => ({
      ...rest,
      ...bindingView(binding),
      ...useOf(domain, rest.port, binding, domains),
    })),
    vcpus: domain.vcpus.map((vcpu) => {
      const cpu = hosted?.vgic.cpus[vcpu.id];
      const at = hosted?.vcpus[vcpu.id]?.cpu.index;
      const ready = eventChannels.readyQueues(vcpu.id);
      return {
        vcpu: vcpu.id,
        info: vcpu.infoPlace,
        upcallPending: vcpu.upcallPending,
        ...(eventChannels.abi === '2-level' && { selector: vcpu.selector }),
        ...(ready !== undefined && { ready }),
        interrupt: cpu && at !== undefined ? interruptView(cpu, at, gic) : undefined,
      };
    }),
  };
}

function bindingView(binding: Binding): Pick<EventPortView, 'state' | 'remoteDomid' | 'remotePort' | 'virq'> {
  const { state, ...rest } = binding;
  return { state: state === 'free' ? 'reserved' : state, ...rest };
}

/** A domain's own parameter names the port; the other end has the same use. */
function useOf(
  domain: Domain,
  port: number,
  binding: Binding,
  domains: DomainList,
): Pick<EventPortView, 'use'> {
  const own = useByParameter(domain, port);
  if (own) return { use: own };
  if (binding.state !== 'interdomain' || domain.vcpus.length > 0) return {};
  const peer = domains.find(binding.remoteDomid);
  const theirs = peer && useByParameter(peer, binding.remotePort);
  return theirs ? { use: theirs } : {};
}

function useByParameter(domain: Domain, port: number): EventPortView['use'] {
  if (port === 0) return undefined;
  if (domain.getParam(HVM_PARAM_CONSOLE_EVTCHN) === BigInt(port)) return 'console';
  if (domain.getParam(HVM_PARAM_STORE_EVTCHN) === BigInt(port)) return 'xenstore';
  return undefined;
}

function interruptView(cpu: VgicCpu, physicalCpu: number, gic: HostGic): EventInterruptView | undefined {
  const interrupt = cpu.privateInterrupts[GUEST_EVTCHN_PPI];
  if (!interrupt) return undefined;
  const { intid, enabled, priority, inflight, visible, lr } = interrupt;
  const shown = visible ? gic.readListRegister(physicalCpu, lr) : undefined;
  return {
    intid,
    enabled,
    state: shown ? stateOf(shown) : inflight ? 'queued' : 'idle',
    priority: inflight ? priority : interrupt.configuredPriority,
    priorityMask: gic.virtualPriorityMask(physicalCpu),
    groupEnabled: gic.virtualGroupEnabled(physicalCpu),
    runningPriority: gic.virtualActivePriority(physicalCpu),
  };
}

function stateOf({ pending, active }: { pending: boolean; active: boolean }): EventInterruptView['state'] {
  if (pending) return active ? 'pending and active' : 'pending';
  return active ? 'active' : 'idle';
}
