// HYPERVISOR_xen_version. Xen 4.17 common/kernel.c. Who may not know gets an answer without it,
// not an error, except for the build id.

import {
  XEN_CAPABILITIES_LEN,
  XEN_CHANGESET_LEN,
  XEN_COMMANDLINE_LEN,
  XEN_COMPILE_INFO_LENGTHS,
  XEN_EXTRAVERSION_LEN,
  XENFEAT_ARM_SMCCC_supported,
  XENFEAT_auto_translated_physmap,
  XENFEAT_direct_mapped,
  XENFEAT_dom0,
  XENFEAT_memory_op_vnode_supported,
  XENFEAT_not_direct_mapped,
  XENFEAT_writable_page_tables,
  xenFeatureInfo,
} from '../abi/version.ts';
import {
  bareSubOp,
  type HypercallArgs,
  type HypercallContext,
  type HypercallResult,
  hypercall,
  subOp,
  vaArg,
} from './define.ts';

const DENIED = '<denied>';

export const xenVersion = hypercall(17, 'xen_version', [
  bareSubOp(0, 'XENVER_version', ({ xen }) => (xen.identity.major << 16) | xen.identity.minor),
  bareSubOp(1, 'XENVER_extraversion', (ctx, args) =>
    put(ctx, args, text(ctx.xen.identity.extra, XEN_EXTRAVERSION_LEN)),
  ),
  bareSubOp(2, 'XENVER_compile_info', (ctx, args) => {
    const { compiler, compiledBy, compileDomain, compileDate } = ctx.xen.identity;
    const parts = [compiler, compiledBy, compileDomain, compileDate];
    return put(ctx, args, join(parts.map((part, index) => text(part, XEN_COMPILE_INFO_LENGTHS[index] ?? 0))));
  }),
  bareSubOp(3, 'XENVER_capabilities', (ctx, args) =>
    put(ctx, args, text(ctx.xen.identity.capabilities, XEN_CAPABILITIES_LEN)),
  ),
  bareSubOp(4, 'XENVER_changeset', (ctx, args) =>
    put(ctx, args, text(ctx.xen.identity.changeset, XEN_CHANGESET_LEN)),
  ),
  bareSubOp(5, 'XENVER_platform_parameters', (ctx, args) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, ctx.xen.identity.virtualStart, true);
    return put(ctx, args, bytes);
  }),
  subOp(6, 'XENVER_get_features', xenFeatureInfo, {
    handle({ caller }, arg) {
      if (arg.submap_idx !== 0) return 'EINVAL';
      const features = [
        XENFEAT_writable_page_tables,
        XENFEAT_auto_translated_physmap,
        XENFEAT_memory_op_vnode_supported,
        XENFEAT_ARM_SMCCC_supported,
        caller.directMapped ? XENFEAT_direct_mapped : XENFEAT_not_direct_mapped,
        ...(caller.privileged ? [XENFEAT_dom0] : []),
      ];
      arg.submap = features.reduce((word, bit) => word | (1 << bit), 0);
      return undefined;
    },
  }),
  bareSubOp(7, 'XENVER_pagesize', (_ctx, args) => (vaArg(args, 1) === 0n ? 4096 : 'EINVAL')),
  bareSubOp(8, 'XENVER_guest_handle', (ctx, args) => put(ctx, args, ctx.caller.handle)),
  bareSubOp(9, 'XENVER_commandline', (ctx, args) => {
    const { identity } = ctx.xen;
    const line = ctx.caller.privileged
      ? text(identity.commandLine, XEN_COMMANDLINE_LEN)
      : text(DENIED, DENIED.length + 1);
    return put(ctx, args, line);
  }),
  bareSubOp(10, 'XENVER_build_id', (ctx, args) => {
    if (!ctx.caller.privileged) return 'EPERM';
    const { buildId } = ctx.xen.identity;
    const address = vaArg(args, 1);
    if (address === 0n) return buildId.length;
    const header = ctx.memory.readVa(address, 4);
    if (!header) return 'EFAULT';
    const room = new DataView(header.buffer, header.byteOffset).getUint32(0, true);
    if (room === 0) return 'EINVAL';
    if (room < buildId.length) return 'ENOBUFS';
    return ctx.memory.writeVa(address + 4n, buildId) ? buildId.length : 'EFAULT';
  }),
]);

function put(ctx: HypercallContext, args: HypercallArgs, bytes: Uint8Array): HypercallResult {
  return ctx.memory.writeVa(vaArg(args, 1), bytes) ? undefined : 'EFAULT';
}

/** A char array of this size, cut so that it ends in a zero. */
function text(value: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode(value).subarray(0, size - 1));
  return bytes;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
