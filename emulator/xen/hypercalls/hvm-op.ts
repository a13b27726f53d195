// HYPERVISOR_hvm_op. Xen 4.17 arch/arm/hvm.c.

import { GUEST_READABLE_PARAMS, TOOLSTACK_PARAMS, xenHvmParam } from '../abi/hvm-params.ts';
import { bareSubOp, hypercall, subOp, vaArg } from './define.ts';
import { mayTarget, resolveDomain } from './permission.ts';

export const hvmOp = hypercall(
  34,
  'hvm_op',
  [
    subOp(0, 'HVMOP_set_param', xenHvmParam, {
      handle(ctx, arg) {
        const domain = resolveDomain(ctx, arg.domid);
        if (!domain) return 'ESRCH';
        const refused = mayTarget(ctx, domain);
        if (refused) return refused;
        if (!TOOLSTACK_PARAMS.includes(arg.index)) return 'EINVAL';
        if (domain === ctx.caller) return 'EPERM';
        domain.setParam(arg.index, arg.value);
        return undefined;
      },
    }),
    subOp(1, 'HVMOP_get_param', xenHvmParam, {
      handle(ctx, arg) {
        const domain = resolveDomain(ctx, arg.domid);
        if (!domain) return 'ESRCH';
        const refused = mayTarget(ctx, domain);
        if (refused) return refused;
        if (!TOOLSTACK_PARAMS.includes(arg.index)) return 'EINVAL';
        if (domain === ctx.caller && !GUEST_READABLE_PARAMS.includes(arg.index)) return 'EPERM';
        arg.value = domain.getParam(arg.index);
        return undefined;
      },
    }),
    {
      ...bareSubOp(24, 'HVMOP_guest_request_vm_event', (_ctx, args) =>
        vaArg(args, 1) === 0n ? undefined : 'EINVAL',
      ),
      partial: 'Nobody listens for such events, so the request has no effect.',
    },
  ],
  // The operation is a whole register here.
  { selector: (args) => (vaArg(args, 0) > 0xffffn ? -1 : Number(vaArg(args, 0))) },
);
