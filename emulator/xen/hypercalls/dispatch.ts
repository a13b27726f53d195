// The table of all hypercalls of Xen on Arm, and the one way into it.

import { errnoResult } from '../abi/errno.ts';
import { consoleIo } from './console-io.ts';
import { domctl, hypfsOp, platformOp, sysctl } from './control-ops.ts';
import {
  type Continuation,
  type HypercallArgs,
  type HypercallContext,
  type HypercallResult,
  type HypercallRow,
  unsupportedHypercall,
} from './define.ts';
import { eventChannelOp, eventChannelOpCompat } from './event-channel-op.ts';
import { grantTableOp } from './grant-table-op.ts';
import { hvmOp } from './hvm-op.ts';
import { memoryOp } from './memory-op.ts';
import { multicallHypercall } from './multicall.ts';
import { schedOp, schedOpCompat } from './sched-op.ts';
import { vcpuOp, vmAssist } from './vcpu-op.ts';
import { xenVersion } from './xen-version.ts';

const notOnArm = 'Xen on Arm does not have this hypercall.';
const noPci = 'There is no PCI passthrough.';

const plainRows: readonly HypercallRow[] = [
  unsupportedHypercall(0, 'set_trap_table', notOnArm),
  unsupportedHypercall(1, 'mmu_update', notOnArm),
  unsupportedHypercall(2, 'set_gdt', notOnArm),
  unsupportedHypercall(3, 'stack_switch', notOnArm),
  unsupportedHypercall(4, 'set_callbacks', notOnArm),
  unsupportedHypercall(5, 'fpu_taskswitch', notOnArm),
  schedOpCompat,
  platformOp,
  unsupportedHypercall(8, 'set_debugreg', notOnArm),
  unsupportedHypercall(9, 'get_debugreg', notOnArm),
  unsupportedHypercall(10, 'update_descriptor', notOnArm),
  memoryOp,
  unsupportedHypercall(14, 'update_va_mapping', notOnArm),
  unsupportedHypercall(15, 'set_timer_op', 'A guest on Arm uses the virtual timer of the architecture.'),
  eventChannelOpCompat,
  xenVersion,
  consoleIo,
  unsupportedHypercall(19, 'physdev_op_compat', noPci),
  grantTableOp,
  vmAssist,
  unsupportedHypercall(22, 'update_va_mapping_otherdomain', notOnArm),
  unsupportedHypercall(23, 'iret', notOnArm),
  vcpuOp,
  unsupportedHypercall(25, 'set_segment_base', notOnArm),
  unsupportedHypercall(26, 'mmuext_op', notOnArm),
  unsupportedHypercall(27, 'xsm_op', 'FLASK is not the policy in force.'),
  unsupportedHypercall(28, 'nmi_op', notOnArm),
  schedOp,
  unsupportedHypercall(30, 'callback_op', notOnArm),
  unsupportedHypercall(31, 'xenoprof_op', notOnArm),
  eventChannelOp,
  unsupportedHypercall(33, 'physdev_op', noPci),
  hvmOp,
  sysctl,
  domctl,
  unsupportedHypercall(37, 'kexec_op', notOnArm),
  unsupportedHypercall(38, 'tmem_op', notOnArm),
  unsupportedHypercall(39, 'argo_op', 'Xen is built without Argo by default.'),
  unsupportedHypercall(40, 'xenpmu_op', notOnArm),
  unsupportedHypercall(41, 'dm_op', "Debian's Xen 4.17 is built without I/O request servers."),
  hypfsOp,
];

const rowsByNumber = new Map(plainRows.map((row) => [row.number, row]));

const multicall = multicallHypercall((ctx, number, args) =>
  outcomeOf(ctx, rowsByNumber.get(number), number, args),
);

/** Every hypercall, by number: for reference pages and traces. */
export const hypercalls: readonly HypercallRow[] = [...plainRows, multicall].sort(
  (a, b) => a.number - b.number,
);

/** What HVC #0xEA1 does: `number` from x16, `args` from x0..x4. */
export type HypercallOutcome =
  /** x0 becomes the result, sign-extended to 64 bits. */
  | { readonly kind: 'done'; readonly result: number }
  /** x0.. become the arguments and the HVC is executed again. */
  | { readonly kind: 'again'; readonly args: HypercallArgs };

export function dispatchHypercall(
  ctx: HypercallContext,
  number: number,
  args: HypercallArgs,
): HypercallOutcome {
  const row = number === multicall.number ? multicall : rowsByNumber.get(number);
  const outcome = outcomeOf(ctx, row, number, args);
  return typeof outcome === 'number'
    ? { kind: 'done', result: outcome }
    : { kind: 'again', args: outcome.continueWith };
}

/** `event_channel_op EVTCHNOP_send`: how a call is called in a trace. */
export function hypercallName(number: number, args: HypercallArgs): string {
  const row = hypercalls.find((candidate) => candidate.number === number);
  if (!row) return `hypercall ${number}`;
  const subOp = row.select(args);
  if (subOp) return `${row.name} ${subOp.name}`;
  return row.subOps.length > 0 ? `${row.name} ${args[0]}` : row.name;
}

function outcomeOf(
  ctx: HypercallContext,
  row: HypercallRow | undefined,
  number: number,
  args: HypercallArgs,
): number | Continuation {
  if (!row) {
    // A multicall inside a multicall is refused, not unknown.
    if (number === multicall.number) return errnoResult('EINVAL');
    const key = number < 64 ? `hypercall ${number}` : 'hypercalls beyond 63';
    ctx.xen.once.once(key, 'info', 'xen', `${key}: not in the table of Xen, -ENOSYS`);
    return errnoResult('ENOSYS');
  }
  const { observer } = ctx.xen.sockets;
  observer.hypercallMade(ctx, number, args);
  const outcome = numberOf(row.invoke(ctx, args));
  observer.hypercallDone(ctx, number, args, typeof outcome === 'number' ? outcome : undefined);
  return outcome;
}

function numberOf(result: HypercallResult): number | Continuation {
  if (result === undefined) return 0;
  return typeof result === 'string' ? errnoResult(result) : result;
}
