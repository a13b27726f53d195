// HYPERVISOR_vcpu_op and HYPERVISOR_vm_assist. Xen 4.17 common/domain.c, arch/arm/domain.c: of the
// common operations Arm lets only two through; a guest starts its vCPUs by PSCI.

import { gfn, gfnOf, PAGE_SIZE } from '../../base/address.ts';
import { RUNSTATE_INFO_SIZE, VCPU_INFO_SIZE } from '../abi/shared-info.ts';
import {
  VMASST_RUNSTATE_UPDATE_FLAG,
  vcpuRegisterRunstateMemoryArea,
  vcpuRegisterVcpuInfo,
} from '../abi/vcpu.ts';
import type { AreaPiece } from '../domain-vcpu.ts';
import { type HypercallContext, hypercall, plainHypercall, subOp, u32Arg, unsupported } from './define.ts';

const byPsci = 'A guest on Arm starts and stops its vCPUs by PSCI.';
const byTimer = 'A guest on Arm uses the virtual timer of the architecture.';

export const vcpuOp = hypercall(
  24,
  'vcpu_op',
  [
    unsupported(0, 'VCPUOP_initialise', byPsci, 'EINVAL'),
    unsupported(1, 'VCPUOP_up', byPsci, 'EINVAL'),
    unsupported(2, 'VCPUOP_down', byPsci, 'EINVAL'),
    unsupported(3, 'VCPUOP_is_up', byPsci, 'EINVAL'),
    unsupported(4, 'VCPUOP_get_runstate_info', 'A guest on Arm registers a runstate area.', 'EINVAL'),
    subOp(5, 'VCPUOP_register_runstate_memory_area', vcpuRegisterRunstateMemoryArea, {
      pointer: 2,
      // Deviation: Xen keeps the VA and writes through the page tables of the moment at every
      // switch; here the pages are found once, as later versions of Xen do.
      handle(ctx, { v }, args) {
        const vcpu = ctx.caller.vcpus[u32Arg(args, 1)];
        // Xen ignores an area it cannot reach.
        const before = vcpu?.registerRunstate(runstateArea(ctx, v) ?? []) ?? [];
        for (const { page } of before) ctx.caller.releasePage(page);
        return undefined;
      },
    }),
    unsupported(6, 'VCPUOP_set_periodic_timer', byTimer, 'EINVAL'),
    unsupported(7, 'VCPUOP_stop_periodic_timer', byTimer, 'EINVAL'),
    unsupported(8, 'VCPUOP_set_singleshot_timer', byTimer, 'EINVAL'),
    unsupported(9, 'VCPUOP_stop_singleshot_timer', byTimer, 'EINVAL'),
    subOp(10, 'VCPUOP_register_vcpu_info', vcpuRegisterVcpuInfo, {
      pointer: 2,
      handle(ctx, { mfn, offset }, args) {
        const { caller, xen } = ctx;
        const vcpu = caller.vcpus[u32Arg(args, 1)];
        if (!vcpu) return 'ENOENT';
        if (offset > PAGE_SIZE - VCPU_INFO_SIZE || offset % 8 !== 0) return 'ENXIO';
        if (vcpu.hasRegisteredInfo) return 'EINVAL';
        if (vcpu !== ctx.vcpu && xen.sockets.vcpus.isOnline(caller.id, vcpu.id)) return 'EINVAL';
        const page = caller.holdOwnPage(gfn(mfn));
        if (!page) return 'EINVAL';

        vcpu.registerInfo(page, offset);
        if (!vcpu.markUpcallPending()) xen.sockets.vcpus.raiseEventInterrupt(caller.id, vcpu.id);
        return undefined;
      },
    }),
  ],
  {
    unknown: 'EINVAL',
    before: ({ caller }, args) => (caller.vcpus[u32Arg(args, 1)] ? undefined : 'ENOENT'),
  },
);

/** The area's pages: one, or two when it crosses a page boundary. */
function runstateArea(ctx: HypercallContext, address: bigint): AreaPiece[] | undefined {
  const pieces: AreaPiece[] = [];
  for (let done = 0; done < RUNSTATE_INFO_SIZE; ) {
    const at = ctx.memory.translateVa(BigInt.asUintN(64, address + BigInt(done)), 'write');
    const page = at === undefined ? undefined : ctx.caller.holdOwnPage(gfnOf(at));
    if (at === undefined || !page) {
      for (const piece of pieces) ctx.caller.releasePage(piece.page);
      return undefined;
    }
    const offset = at % PAGE_SIZE;
    const length = Math.min(PAGE_SIZE - offset, RUNSTATE_INFO_SIZE - done);
    pieces.push({ page, offset, length });
    done += length;
  }
  return pieces;
}

/** VMASST_CMD_enable 0, VMASST_CMD_disable 1. */
export const vmAssist = plainHypercall(21, 'vm_assist', ({ caller }, args) => {
  const command = u32Arg(args, 0);
  const type = u32Arg(args, 1);
  if (type !== VMASST_RUNSTATE_UPDATE_FLAG) return 'EINVAL';
  if (command === 0) caller.vmAssists.add(type);
  else if (command === 1) caller.vmAssists.delete(type);
  else return 'ENOSYS';
  return undefined;
});
