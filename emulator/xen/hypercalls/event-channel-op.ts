// HYPERVISOR_event_channel_op. ABI: Xen public header event_channel.h; behaviour: Xen 4.17
// common/event_channel.c.

import { gfn } from '../../base/address.ts';
import { DOMID_SELF } from '../abi/domid.ts';
import {
  EVTCHNSTAT,
  evtchnAllocUnbound,
  evtchnBindInterdomain,
  evtchnBindIpi,
  evtchnBindVcpu,
  evtchnBindVirq,
  evtchnClose,
  evtchnExpandArray,
  evtchnInitControl,
  evtchnReset,
  evtchnSend,
  evtchnSetPriority,
  evtchnStatus,
  evtchnUnmask,
  FIFO_CONTROL_BLOCK_SIZE,
  FIFO_LINK_BITS,
} from '../abi/event-channel.ts';
import { type HypercallContext, hypercall, plainHypercall, subOp, unsupported, vaArg } from './define.ts';
import { mayCommunicate, mayTarget, resolveDomain } from './permission.ts';

export const eventChannelOp = hypercall(32, 'event_channel_op', [
  subOp(0, 'EVTCHNOP_bind_interdomain', evtchnBindInterdomain, {
    handle(ctx, arg) {
      const remote = resolveDomain(ctx, arg.remote_dom);
      if (!remote) return 'ESRCH';
      const result = ctx.caller.eventChannels.bindInterdomain(remote.eventChannels, arg.remote_port, () =>
        mayCommunicate(ctx, ctx.caller, remote) ? undefined : 'EPERM',
      );
      if (typeof result === 'string') return result;
      arg.local_port = result.port;
      return undefined;
    },
  }),
  subOp(1, 'EVTCHNOP_bind_virq', evtchnBindVirq, {
    handle({ caller }, arg) {
      const result = caller.eventChannels.bindVirq(arg.virq, arg.vcpu);
      if (typeof result === 'string') return result;
      arg.port = result.port;
      return undefined;
    },
  }),
  unsupported(
    2,
    'EVTCHNOP_bind_pirq',
    'No physical interrupt is routed to an event channel on Arm.',
    'EINVAL',
  ),
  subOp(3, 'EVTCHNOP_close', evtchnClose, {
    handle: ({ caller }, { port }) => caller.eventChannels.close(port),
  }),
  subOp(4, 'EVTCHNOP_send', evtchnSend, {
    handle: ({ caller, vcpu }, { port }) => caller.eventChannels.send(port, vcpu.id),
  }),
  subOp(5, 'EVTCHNOP_status', evtchnStatus, {
    handle(ctx, arg) {
      const domain = resolveDomain(ctx, arg.dom);
      if (!domain) return 'ESRCH';
      const status = domain.eventChannels.status(arg.port);
      if (typeof status === 'string') return status;
      const refused = mayTarget(ctx, domain);
      if (refused) return refused;

      const { binding } = status;
      switch (binding.state) {
        case 'free':
        case 'reserved':
          arg.status = EVTCHNSTAT.closed;
          break;
        case 'unbound':
          arg.status = EVTCHNSTAT.unbound;
          arg.unbound_dom = arg.interdomain_dom = binding.remoteDomid;
          break;
        case 'interdomain':
          arg.status = EVTCHNSTAT.interdomain;
          arg.interdomain_dom = arg.unbound_dom = binding.remoteDomid;
          arg.interdomain_port = binding.remotePort;
          break;
        case 'virq':
          arg.status = EVTCHNSTAT.virq;
          arg.virq = binding.virq;
          break;
        case 'ipi':
          arg.status = EVTCHNSTAT.ipi;
          break;
      }
      arg.vcpu = status.vcpu;
      return undefined;
    },
  }),
  subOp(6, 'EVTCHNOP_alloc_unbound', evtchnAllocUnbound, {
    handle(ctx, arg) {
      const owner = resolveDomain(ctx, arg.dom);
      if (!owner) return 'ESRCH';
      if (ctx.xen.xsm === 'silo') {
        const remote = resolveDomain(ctx, arg.remote_dom);
        if (!remote) return 'ESRCH';
        if (!mayCommunicate(ctx, owner, remote)) return 'EPERM';
      }
      const refused = mayTarget(ctx, owner);
      if (refused) return refused;

      const remote = arg.remote_dom === DOMID_SELF ? ctx.caller.id : arg.remote_dom;
      const result = owner.eventChannels.allocateUnbound(remote);
      if (typeof result === 'string') return result;
      arg.port = result.port;
      return undefined;
    },
  }),
  subOp(7, 'EVTCHNOP_bind_ipi', evtchnBindIpi, {
    handle({ caller }, arg) {
      const result = caller.eventChannels.bindIpi(arg.vcpu);
      if (typeof result === 'string') return result;
      arg.port = result.port;
      return undefined;
    },
  }),
  subOp(8, 'EVTCHNOP_bind_vcpu', evtchnBindVcpu, {
    handle: ({ caller }, { port, vcpu }) => caller.eventChannels.bindVcpu(port, vcpu),
  }),
  subOp(9, 'EVTCHNOP_unmask', evtchnUnmask, {
    handle: ({ caller }, { port }) => caller.eventChannels.unmask(port),
  }),
  subOp(10, 'EVTCHNOP_reset', evtchnReset, { handle: reset }),
  subOp(14, 'EVTCHNOP_reset_cont', evtchnReset, { handle: reset }),
  subOp(11, 'EVTCHNOP_init_control', evtchnInitControl, {
    handle({ caller }, arg) {
      arg.link_bits = FIFO_LINK_BITS;
      if (!caller.vcpus[arg.vcpu]) return 'ENOENT';
      if (arg.offset > 4096 - FIFO_CONTROL_BLOCK_SIZE || arg.offset % 8 !== 0) return 'EINVAL';
      const page = caller.ownPage(gfn(arg.control_gfn));
      if (!page) return 'EINVAL';
      const error = caller.eventChannels.initFifo(arg.vcpu, page, arg.offset);
      if (!error) caller.holdOwnPage(gfn(arg.control_gfn));
      return error;
    },
  }),
  subOp(12, 'EVTCHNOP_expand_array', evtchnExpandArray, {
    handle({ caller }, arg) {
      const error = caller.eventChannels.expandError();
      if (error) return error;
      const page = caller.holdOwnPage(gfn(arg.array_gfn));
      if (!page) return 'EINVAL';
      caller.eventChannels.expandFifo(page);
      return undefined;
    },
  }),
  subOp(13, 'EVTCHNOP_set_priority', evtchnSetPriority, {
    handle: ({ caller }, { port, priority }) => caller.eventChannels.setPriority(port, priority),
  }),
]);

function reset(ctx: HypercallContext, arg: { dom: number }) {
  const domain = resolveDomain(ctx, arg.dom);
  if (!domain) return 'ESRCH';
  const refused = mayTarget(ctx, domain);
  if (refused) return refused;
  for (const page of domain.eventChannels.reset()) domain.releasePage(page);
  return undefined;
}

/** struct evtchn_op: {u32 cmd; union}, 28 bytes. */
const COMPAT_SIZE = 28;
const COMPAT_LAST_COMMAND = 9;

/** The old form: one structure that holds the command and the union of its arguments. */
export const eventChannelOpCompat = plainHypercall(16, 'event_channel_op_compat', (ctx, args) => {
  const address = vaArg(args, 0);
  const bytes = ctx.memory.readVa(address, COMPAT_SIZE);
  if (!bytes) return 'EFAULT';
  const command = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (command > COMPAT_LAST_COMMAND) return 'ENOSYS';
  return eventChannelOp.invoke(ctx, [BigInt(command), address + 4n]);
});
