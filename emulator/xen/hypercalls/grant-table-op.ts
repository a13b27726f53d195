// HYPERVISOR_grant_table_op. ABI: Xen public header grant_table.h; behaviour: Xen 4.17
// common/grant_table.c and arch/arm/mm.c. Most operations take an array of structures, each with
// its own status; the call itself then succeeds.

import { type Gfn, gfn, PAGE_SIZE } from '../../base/address.ts';
import { DOMID_SELF } from '../abi/domid.ts';
import type { Errno } from '../abi/errno.ts';
import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTTAB_CACHE_CLEAN,
  GNTTAB_CACHE_INVAL,
  type GrantStatus,
  gnttabCacheFlush,
  gnttabCopy,
  gnttabGetStatusFrames,
  gnttabGetVersion,
  gnttabMapGrantRef,
  gnttabQuerySize,
  gnttabSetupTable,
  gnttabSetVersion,
  gnttabSwapGrantRef,
  gnttabTransfer,
  gnttabUnmapAndReplace,
  gnttabUnmapGrantRef,
  grantStatus,
} from '../abi/grant-table.ts';
import type { Struct } from '../abi/layout.ts';
import { INVALID_GFN } from '../abi/memory.ts';
import type { Domain } from '../domain.ts';
import type { Page } from '../page.ts';
import {
  type HypercallContext,
  hypercall,
  i32Arg,
  type SubOpRow,
  subOp,
  u32Arg,
  unsupported,
  vaArg,
} from './define.ts';
import { mayCommunicate, mayTarget, resolveDomain } from './permission.ts';

const COMMAND_MASK = 0xfff;
const CACHE_FLUSH = 12;
/** Entries handled before a call is continued. */
const ENTRIES_AT_ONCE = 1024;

export const grantTableOp = hypercall(
  20,
  'grant_table_op',
  [
    arrayOp(0, 'GNTTABOP_map_grant_ref', gnttabMapGrantRef, mapGrant),
    arrayOp(1, 'GNTTABOP_unmap_grant_ref', gnttabUnmapGrantRef, (ctx, op) => {
      op.status = grantStatus[unmapGrant(ctx, op.handle, op.host_addr, 0n)];
      return undefined;
    }),
    subOp(2, 'GNTTABOP_setup_table', gnttabSetupTable, {
      handle(ctx, op, args) {
        if (u32Arg(args, 2) !== 1) return 'EINVAL';
        op.status = grantStatus[setupTable(ctx, op)];
        return undefined;
      },
    }),
    unsupported(3, 'GNTTABOP_dump_table', 'Xen prints no grant tables on request of a guest.'),
    arrayOp(4, 'GNTTABOP_transfer', gnttabTransfer, (_ctx, op) => {
      // Pages cannot be taken from a domain on Arm.
      op.status = grantStatus.bad_page;
      return undefined;
    }),
    arrayOp(5, 'GNTTABOP_copy', gnttabCopy, (ctx, op) => {
      op.status = grantStatus[copy(ctx, op)];
      return undefined;
    }),
    subOp(6, 'GNTTABOP_query_size', gnttabQuerySize, {
      handle(ctx, op, args) {
        if (u32Arg(args, 2) !== 1) return 'EINVAL';
        const domain = resolveDomain(ctx, op.dom);
        const status = !domain ? 'bad_domain' : mayTarget(ctx, domain) ? 'permission_denied' : 'okay';
        op.status = grantStatus[status];
        if (status === 'okay' && domain) {
          op.nr_frames = domain.grantTable.frameCount;
          op.max_nr_frames = domain.grantTable.maximumFrames;
        }
        return undefined;
      },
    }),
    arrayOp(7, 'GNTTABOP_unmap_and_replace', gnttabUnmapAndReplace, (ctx, op) => {
      op.status = grantStatus[unmapGrant(ctx, op.handle, op.host_addr, op.new_addr)];
      return undefined;
    }),
    subOp(8, 'GNTTABOP_set_version', gnttabSetVersion, {
      partial: 'Version 1 only, as Xen on Arm offers by default.',
      handle(ctx, op, args) {
        const wanted = op.version;
        // The structure is copied back on failure too, saying which version there is.
        op.version = 1;
        if (wanted === 1) return undefined;
        const bytes = new Uint8Array(gnttabSetVersion.size);
        gnttabSetVersion.update(bytes, op);
        if (!ctx.memory.writeVa(vaArg(args, 1), bytes)) return 'EFAULT';
        return wanted === 2 ? 'ENOSYS' : 'EINVAL';
      },
    }),
    subOp(9, 'GNTTABOP_get_status_frames', gnttabGetStatusFrames, {
      partial: 'Status frames belong to version 2, which Xen on Arm does not offer by default.',
      handle(ctx, op, args) {
        if (u32Arg(args, 2) !== 1) return 'EINVAL';
        const domain = resolveDomain(ctx, op.dom);
        const status = !domain
          ? 'bad_domain'
          : mayTarget(ctx, domain)
            ? 'permission_denied'
            : 'general_error';
        op.status = grantStatus[status];
        return undefined;
      },
    }),
    subOp(10, 'GNTTABOP_get_version', gnttabGetVersion, {
      handle(ctx, op) {
        const domain = resolveDomain(ctx, op.dom);
        if (!domain) return 'ESRCH';
        const refused = mayTarget(ctx, domain);
        if (refused) return refused;
        op.version = 1;
        return undefined;
      },
    }),
    arrayOp(11, 'GNTTABOP_swap_grant_ref', gnttabSwapGrantRef, ({ caller }, op) => {
      op.status = grantStatus[caller.grantTable.swap(op.ref_a, op.ref_b)];
      return undefined;
    }),
    {
      ...arrayOp(CACHE_FLUSH, 'GNTTABOP_cache_flush', gnttabCacheFlush, (_ctx, op) => cacheFlush(op)),
      partial:
        'Memory is always coherent here, so a valid request has nothing to do; who owns the page is not checked.',
    },
  ],
  {
    selector: (args) => u32Arg(args, 0) & COMMAND_MASK,
    before(_ctx, args) {
      if (i32Arg(args, 2) < 0) return 'EINVAL';
      const isContinuation = (u32Arg(args, 0) & ~COMMAND_MASK) !== 0;
      return isContinuation && (u32Arg(args, 0) & COMMAND_MASK) !== CACHE_FLUSH ? 'EINVAL' : undefined;
    },
  },
);

/** An operation on each of x2 structures at x1. A fault ends it; entries before have their status. */
function arrayOp<V>(
  number: number,
  name: string,
  type: Struct<V>,
  handle: (ctx: HypercallContext, entry: V) => Errno | undefined,
): SubOpRow {
  return {
    number,
    name,
    argument: { type, pointer: 1 },
    invoke(ctx, args) {
      const count = i32Arg(args, 2);
      for (let index = 0; index < count; index++) {
        const address = BigInt.asUintN(64, vaArg(args, 1) + BigInt(index * type.size));
        if (index === ENTRIES_AT_ONCE)
          return { continueWith: [BigInt(number), address, BigInt(count - index)] };
        const bytes = ctx.memory.readVa(address, type.size);
        if (!bytes) return 'EFAULT';
        const entry = type.read(bytes);
        const error = handle(ctx, entry);
        if (error) return error;
        if (!type.hasOutput) continue;
        type.update(bytes, entry);
        if (!ctx.memory.writeVa(address, bytes)) return 'EFAULT';
      }
      return undefined;
    },
  };
}

type MapOp = ReturnType<typeof gnttabMapGrantRef.read>;

function mapGrant(ctx: HypercallContext, op: MapOp): undefined {
  const result = tryMapGrant(ctx, op);
  if (typeof result === 'string') {
    op.status = grantStatus[result];
    return undefined;
  }
  op.status = grantStatus.okay;
  op.handle = result.handle;
  op.dev_bus_addr = BigInt(result.mfn) * BigInt(PAGE_SIZE);
  return undefined;
}

function tryMapGrant(ctx: HypercallContext, op: MapOp): { handle: number; mfn: number } | GrantStatus {
  const { caller, vcpu } = ctx;
  if ((op.flags & (GNTMAP_host_map | GNTMAP_device_map)) === 0) return 'bad_gntref';
  if ((op.flags & (GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte)) !== 0)
    return 'general_error';
  // Not DOMID_SELF: a mapper names the granter by number.
  const granter = op.dom === caller.id ? caller : ctx.xen.domains.find(op.dom);
  if (!granter) return 'bad_domain';
  if (!mayCommunicate(ctx, caller, granter)) return 'permission_denied';
  const { maptrack } = caller.grantTable;
  const handle = maptrack.allocate(vcpu.id);
  if (handle === undefined) return 'no_space';

  const readonly = (op.flags & GNTMAP_readonly) !== 0;
  const pinned = granter.grantTable.pin(op.ref, caller.id, readonly, 'map');
  if (typeof pinned === 'string') {
    maptrack.release(handle, vcpu.id);
    return pinned;
  }
  const flagsAreHostMap = (op.flags & ~GNTMAP_readonly) === GNTMAP_host_map;
  const failed =
    !flagsAreHostMap ||
    caller.memory.mapPage(gfnOfAddress(op.host_addr), pinned.mfn, readonly ? 'grant-ro' : 'grant-rw');
  if (failed) {
    granter.grantTable.unpin(op.ref, readonly);
    maptrack.release(handle, vcpu.id);
    return 'general_error';
  }
  maptrack.set(handle, { domid: granter.id, ref: op.ref, flags: op.flags });
  return { handle, mfn: pinned.mfn };
}

function unmapGrant(
  ctx: HypercallContext,
  handle: number,
  hostAddress: bigint,
  newAddress: bigint,
): GrantStatus {
  const { caller, vcpu } = ctx;
  const { maptrack } = caller.grantTable;
  const mapping = maptrack.get(handle);
  if (!mapping) return 'bad_handle';
  const granter = mapping.domid === caller.id ? caller : ctx.xen.domains.find(mapping.domid);
  // Without an address nothing is unmapped, and that is no error.
  if (hostAddress === 0n) return 'okay';

  const at = gfnOfAddress(hostAddress);
  const mfn = granter?.grantTable.pinnedPage(mapping.ref);
  const there = caller.memory.frame(at);
  const isOtherPage = there !== undefined && there.kind !== 'device' && there.mfn !== mfn;
  if (newAddress !== 0n || isOtherPage) return 'general_error';
  caller.memory.unmapPage(at);
  maptrack.release(handle, vcpu.id);
  granter?.grantTable.unpin(mapping.ref, (mapping.flags & GNTMAP_readonly) !== 0);
  return 'okay';
}

function setupTable(ctx: HypercallContext, op: ReturnType<typeof gnttabSetupTable.read>): GrantStatus {
  const domain = resolveDomain(ctx, op.dom);
  if (!domain) return 'bad_domain';
  if (mayTarget(ctx, domain)) return 'permission_denied';
  if (!domain.grantTable.grow(op.nr_frames)) return 'general_error';
  let status: GrantStatus = 'okay';
  for (let index = 0; index < op.nr_frames; index++) {
    const at = domain.grantTable.frameGfn(index);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, at === undefined ? INVALID_GFN : BigInt(at), true);
    const address = BigInt.asUintN(64, op.frame_list + BigInt(index * 8));
    if (!ctx.memory.writeVa(address, bytes)) status = 'bad_virt_addr';
  }
  return status;
}

type CopyOp = ReturnType<typeof gnttabCopy.read>;

function copy(ctx: HypercallContext, op: CopyOp): GrantStatus {
  const sourceIsGrant = (op.flags & GNTCOPY_source_gref) !== 0;
  const destIsGrant = (op.flags & GNTCOPY_dest_gref) !== 0;
  // Only its own pages may a domain name by frame.
  if (!sourceIsGrant && op.source_domid !== DOMID_SELF) return 'permission_denied';
  const source = resolveDomain(ctx, op.source_domid);
  if (!source) return 'bad_domain';
  if (!destIsGrant && op.dest_domid !== DOMID_SELF) return 'permission_denied';
  const dest = resolveDomain(ctx, op.dest_domid);
  if (!dest) return 'bad_domain';
  if (!mayCommunicate(ctx, source, dest)) return 'permission_denied';

  const from = claim(
    ctx,
    source,
    sourceIsGrant ? { ref: op.source_ref } : { frame: gfn(op.source_gmfn) },
    true,
  );
  if (typeof from === 'string') return from;
  const to = claim(ctx, dest, destIsGrant ? { ref: op.dest_ref } : { frame: gfn(op.dest_gmfn) }, false);
  if (typeof to === 'string') {
    from.release();
    return to;
  }
  const beyondPage = op.source_offset + op.len > PAGE_SIZE || op.dest_offset + op.len > PAGE_SIZE;
  if (!beyondPage) to.page.write(op.dest_offset, from.page.read(op.source_offset, op.len));
  to.release();
  from.release();
  return beyondPage ? 'bad_copy_arg' : 'okay';
}

function claim(
  ctx: HypercallContext,
  domain: Domain,
  what: { ref: number } | { frame: Gfn },
  readonly: boolean,
): { page: Page; release(): void } | GrantStatus {
  if ('frame' in what) {
    const page = domain.ownPage(what.frame);
    return page ? { page, release: () => {} } : 'bad_page';
  }
  const pinned = domain.grantTable.pin(what.ref, ctx.caller.id, readonly, 'copy');
  if (typeof pinned === 'string') return pinned;
  return {
    page: domain.machinePage(pinned.mfn),
    release: () => domain.grantTable.unpin(what.ref, readonly, 'copy'),
  };
}

function cacheFlush(op: ReturnType<typeof gnttabCacheFlush.read>): Errno | undefined {
  const unknownOperation = (op.op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) !== 0;
  if (op.offset >= PAGE_SIZE || op.offset + op.length > PAGE_SIZE || unknownOperation) return 'EINVAL';
  return undefined;
}

const gfnOfAddress = (address: bigint): Gfn => gfn(Number(address >> 12n));
