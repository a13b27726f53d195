// HYPERVISOR_sched_op and its old form. Xen 4.17 common/sched/core.c.

import {
  POLL_PORTS_MAX,
  schedPoll,
  schedRemoteShutdown,
  schedShutdown,
  schedWatchdog,
} from '../abi/sched.ts';
import {
  bareSubOp,
  type HypercallArgs,
  type HypercallContext,
  type HypercallResult,
  hypercall,
  subOp,
  u32Arg,
  unsupported,
} from './define.ts';
import { mustBePrivileged, resolveDomain } from './permission.ts';

export const schedOp = hypercall(29, 'sched_op', [
  bareSubOp(0, 'SCHEDOP_yield', yieldCpu),
  bareSubOp(1, 'SCHEDOP_block', block),
  subOp(2, 'SCHEDOP_shutdown', schedShutdown, {
    handle: ({ caller }, { reason }) => {
      caller.shutdown(reason & 0xff);
      return undefined;
    },
  }),
  subOp(3, 'SCHEDOP_poll', schedPoll, { handle: poll }),
  subOp(4, 'SCHEDOP_remote_shutdown', schedRemoteShutdown, {
    handle(ctx, { domain_id, reason }) {
      const domain = resolveDomain(ctx, domain_id);
      if (!domain || domain_id >= 0x7ff0) return 'ESRCH';
      const refused = mustBePrivileged(ctx);
      if (refused) return refused;
      domain.shutdown(reason & 0xff);
      return undefined;
    },
  }),
  subOp(5, 'SCHEDOP_shutdown_code', schedShutdown, {
    handle({ caller }, { reason }) {
      caller.setShutdownCode(reason);
      return undefined;
    },
  }),
  subOp(6, 'SCHEDOP_watchdog', schedWatchdog, {
    handle: ({ caller }, { id, timeout }) => caller.setWatchdog(id, timeout),
  }),
  unsupported(
    7,
    'SCHEDOP_pin_override',
    'Only the hardware domain may pin vCPUs, and there is none.',
    'EPERM',
  ),
]);

/** The old form: the argument is the reason itself. */
export const schedOpCompat = hypercall(6, 'sched_op_compat', [
  bareSubOp(0, 'SCHEDOP_yield', yieldCpu),
  bareSubOp(1, 'SCHEDOP_block', block),
  bareSubOp(2, 'SCHEDOP_shutdown', ({ caller }, args) => {
    caller.shutdown(u32Arg(args, 1) & 0xff);
    return undefined;
  }),
]);

function yieldCpu({ caller, vcpu, xen }: HypercallContext): undefined {
  xen.sockets.vcpus.yield(caller.id, vcpu.id);
  return undefined;
}

/** Interrupts are unmasked and the vCPU waits for one, in one step. */
function block({ caller, vcpu, xen }: HypercallContext): undefined {
  xen.sockets.vcpus.block(caller.id, vcpu.id, { unmaskInterrupts: true });
  return undefined;
}

function poll(
  { caller, vcpu, memory, xen }: HypercallContext,
  arg: ReturnType<typeof schedPoll.read>,
  _args: HypercallArgs,
): HypercallResult {
  if (arg.nr_ports > POLL_PORTS_MAX) return 'EINVAL';
  const ports: number[] = [];
  for (let index = 0; index < arg.nr_ports; index++) {
    const bytes = memory.readVa(BigInt.asUintN(64, arg.ports + BigInt(index * 4)), 4);
    if (!bytes) return 'EFAULT';
    const port = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const state = caller.eventChannels.poll(port);
    if (state === 'pending') return undefined;
    if (state !== 'quiet') return state;
    ports.push(port);
  }

  vcpu.startPolling(ports);
  const until = arg.timeout === 0n ? {} : { untilNs: Number(arg.timeout) };
  const blocked = xen.sockets.vcpus.block(caller.id, vcpu.id, { unmaskInterrupts: false, ...until });
  if (!blocked) vcpu.stopPolling();
  return undefined;
}
