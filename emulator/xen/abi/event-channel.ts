// Event channel numbers and the structures of EVTCHNOP_*. Xen public header event_channel.h; the
// FIFO ABI is the header's "FIFO ABI" part.

import { at, frame, out, struct, u8, u16, u32 } from './layout.ts';

export const evtchnBindInterdomain = struct('evtchn_bind_interdomain', {
  remote_dom: u16,
  remote_port: u32,
  local_port: out(u32),
});
export const evtchnBindVirq = struct('evtchn_bind_virq', { virq: u32, vcpu: u32, port: out(u32) });
export const evtchnClose = struct('evtchn_close', { port: u32 });
export const evtchnSend = struct('evtchn_send', { port: u32 });
export const evtchnStatus = struct('evtchn_status', {
  dom: u16,
  port: u32,
  status: out(u32),
  vcpu: out(u32),
  // The union `u`.
  unbound_dom: out(at(16, u16)),
  interdomain_dom: out(at(16, u16)),
  interdomain_port: out(at(20, u32)),
  virq: out(at(16, u32)),
});
export const evtchnAllocUnbound = struct('evtchn_alloc_unbound', {
  dom: u16,
  remote_dom: u16,
  port: out(u32),
});
export const evtchnBindIpi = struct('evtchn_bind_ipi', { vcpu: u32, port: out(u32) });
export const evtchnBindVcpu = struct('evtchn_bind_vcpu', { port: u32, vcpu: u32 });
export const evtchnUnmask = struct('evtchn_unmask', { port: u32 });
export const evtchnReset = struct('evtchn_reset', { dom: u16 });
export const evtchnInitControl = struct('evtchn_init_control', {
  control_gfn: frame,
  offset: u32,
  vcpu: u32,
  link_bits: out(u8),
});
export const evtchnExpandArray = struct('evtchn_expand_array', { array_gfn: frame });
export const evtchnSetPriority = struct('evtchn_set_priority', { port: u32, priority: u32 });

export const EVTCHNSTAT = { closed: 0, unbound: 1, interdomain: 2, pirq: 3, virq: 4, ipi: 5 } as const;

export const FIFO_PENDING = 31;
export const FIFO_MASKED = 30;
export const FIFO_LINKED = 29;
export const FIFO_BUSY = 28;
export const FIFO_LINK_BITS = 17;
export const FIFO_LINK_MASK = 0x1ffff;
export const FIFO_CHANNELS = 131072;
export const FIFO_WORDS_PER_PAGE = 1024;
export const FIFO_MAX_PAGES = FIFO_CHANNELS / FIFO_WORDS_PER_PAGE;
/** Priorities 0 (highest) to 15. */
export const FIFO_PRIORITIES = 16;
export const FIFO_PRIORITY_DEFAULT = 7;
/** struct evtchn_fifo_control_block: ready, reserved, head[16]. */
export const FIFO_CONTROL_BLOCK_SIZE = 72;
export const FIFO_READY_OFFSET = 0;
export const FIFO_HEADS_OFFSET = 8;

export const NR_VIRQS = 24;
export const VIRQ = {
  TIMER: 0,
  DEBUG: 1,
  CONSOLE: 2,
  DOM_EXC: 3,
  TBUF: 4,
  DEBUGGER: 6,
  XENOPROF: 7,
  CON_RING: 8,
  PCPU_STATE: 9,
  MEM_EVENT: 10,
  ARGO: 11,
  ENOMEM: 12,
  XENPMU: 13,
} as const;

/** VIRQs each vCPU has for itself; every other one belongs to one domain and is raised at vCPU 0. */
const PER_VCPU_VIRQS: readonly number[] = [VIRQ.TIMER, VIRQ.DEBUG, VIRQ.XENOPROF, VIRQ.XENPMU];
export const isGlobalVirq = (virq: number): boolean => !PER_VCPU_VIRQS.includes(virq);

/** `VIRQ_TIMER`; architecture-specific and unknown ones by number. */
export function virqName(virq: number): string {
  for (const [name, number] of Object.entries(VIRQ)) if (number === virq) return `VIRQ_${name}`;
  return virq >= 16 && virq < NR_VIRQS ? `VIRQ_ARCH_${virq - 16}` : `VIRQ ${virq}`;
}
