// The hypercalls of a toolstack: domctl, sysctl, platform_op, hypfs_op. The embedded toolstack
// makes none, so nothing stands behind them yet; what an ordinary domain gets as an answer is what
// Xen 4.17 gives it.

import type { Errno } from '../abi/errno.ts';
import { type HypercallContext, type HypercallRow, plainHypercall, vaArg } from './define.ts';

const XEN_DOMCTL_INTERFACE_VERSION = 0x15;
const XEN_SYSCTL_INTERFACE_VERSION = 0x15;
const XENPF_INTERFACE_VERSION = 0x0300_0001;

const notThere = 'The embedded toolstack builds and controls domains; a guest cannot.';

/** A structure that begins {u32 cmd; u32 interface_version}. */
function controlHypercall(number: number, name: string, size: number, version: number): HypercallRow {
  return {
    ...plainHypercall(number, name, (ctx, args) => {
      const bytes = ctx.memory.readVa(vaArg(args, 0), size);
      if (!bytes) return 'EFAULT';
      if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true) !== version) return 'EACCES';
      return refuse(ctx, name);
    }),
    unsupported: notThere,
  };
}

function refuse({ caller, xen }: HypercallContext, name: string): Errno {
  const result = caller.privileged ? 'ENOSYS' : 'EPERM';
  xen.once.once(`hypercall ${name}`, 'info', 'xen', `HYPERVISOR_${name}: ${notThere} -${result}`);
  return result;
}

export const domctl = controlHypercall(36, 'domctl', 144, XEN_DOMCTL_INTERFACE_VERSION);
export const sysctl = controlHypercall(35, 'sysctl', 136, XEN_SYSCTL_INTERFACE_VERSION);
export const platformOp = controlHypercall(7, 'platform_op', 136, XENPF_INTERFACE_VERSION);
export const hypfsOp: HypercallRow = {
  ...plainHypercall(42, 'hypfs_op', (ctx) => refuse(ctx, 'hypfs_op')),
  unsupported: notThere,
};
