// HYPERVISOR_memory_op. ABI: Xen public header memory.h; behaviour: Xen 4.17 common/memory.c and
// arch/arm/mm.c. The low six bits of the command are the operation, the rest is the extent at which
// a continued call goes on.

import { type Gfn, gfn, type Mfn } from '../../base/address.ts';
import { DOMID_SELF } from '../abi/domid.ts';
import { type Errno, errnoResult } from '../abi/errno.ts';
import {
  INVALID_GFN,
  MEMOP_CMD_MASK,
  MEMOP_EXTENT_SHIFT,
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  XENMEMF_populate_on_demand,
  xenAddToPhysmap,
  xenAddToPhysmapBatch,
  xenMemAcquireResource,
  xenMemoryDomain,
  xenMemoryReservation,
  xenRemoveFromPhysmap,
  xenVnumaTopologyInfo,
} from '../abi/memory.ts';
import type { Domain } from '../domain.ts';
import {
  bareSubOp,
  type HypercallArgs,
  type HypercallContext,
  type HypercallResult,
  hypercall,
  type SubOpRow,
  subOp,
  unsupported,
  vaArg,
} from './define.ts';
import { mayTarget, mustBePrivileged, resolveDomain } from './permission.ts';

/** A domain without devices may ask for extents of up to 2 MiB (CONFIG_DOMU_MAX_ORDER). */
const MAXIMUM_ORDER = 9;
/** The most extents whose number fits a continuation's command. */
const MAXIMUM_EXTENTS = 0xffff_ffffn >> BigInt(MEMOP_EXTENT_SHIFT);
/** Pages handled before a call is continued. */
const PAGES_AT_ONCE = 8192;
const ENTRIES_AT_ONCE = 4096;

const reservationOp = (number: number, name: string, perExtent: ExtentOperation): SubOpRow => ({
  number,
  name,
  argument: { type: xenMemoryReservation, pointer: 1 },
  invoke: (ctx, args) => changeReservation(ctx, args, name, perExtent),
});

export const memoryOp = hypercall(
  12,
  'memory_op',
  [
    reservationOp(0, 'XENMEM_increase_reservation', increaseExtent),
    reservationOp(1, 'XENMEM_decrease_reservation', decreaseExtent),
    {
      ...reservationOp(6, 'XENMEM_populate_physmap', populateExtent),
      partial: 'Not for a direct-mapped domain.',
    },
    bareSubOp(2, 'XENMEM_maximum_ram_page', (ctx, args) =>
      firstExtent(args) ? 'EINVAL' : ctx.xen.sockets.heap.maximumPage,
    ),
    statistic(3, 'XENMEM_current_reservation', ({ memory }) => memory.totalPages),
    statistic(4, 'XENMEM_maximum_reservation', ({ memory }) => memory.maximumPages),
    statistic(14, 'XENMEM_maximum_gpfn', ({ memory }) => memory.highestGfn),
    subOp(7, 'XENMEM_add_to_physmap', xenAddToPhysmap, {
      handle(ctx, arg) {
        // Another domain's pages are mapped by the batch form only.
        if (arg.space === XENMAPSPACE_gmfn_foreign) return 'ENOSYS';
        const domain = resolveDomain(ctx, arg.domid);
        if (!domain) return 'ESRCH';
        const refused = mayMap(ctx, domain, arg.space);
        if (refused) return refused;
        if (arg.gpfn === INVALID_GFN) return 'EINVAL';
        return mapOne(ctx, domain, arg.space, arg.idx, gfn(Number(arg.gpfn)), undefined);
      },
    }),
    subOp(23, 'XENMEM_add_to_physmap_batch', xenAddToPhysmapBatch, { handle: addToPhysmapBatch }),
    subOp(15, 'XENMEM_remove_from_physmap', xenRemoveFromPhysmap, {
      handle(ctx, { domid, gpfn }, args) {
        if (firstExtent(args)) return 'EINVAL';
        const domain = resolveDomain(ctx, domid);
        if (!domain) return 'ESRCH';
        const refused = mayTarget(ctx, domain);
        if (refused) return refused;
        const mapping = domain.memory.frame(gfn(gpfn));
        // Grants are unmapped by handle, devices by the toolstack.
        const removable =
          mapping?.kind === 'ram' || mapping?.kind === 'xen' || mapping?.kind === 'foreign-rw';
        if (!removable) return 'ENOENT';
        domain.memory.unmapPage(gfn(gpfn));
        return undefined;
      },
    }),
    unsupported(9, 'XENMEM_memory_map', 'Xen on Arm describes memory in the device tree only.'),
    unsupported(10, 'XENMEM_machine_memory_map', 'Xen on Arm has no machine memory map.'),
    unsupported(11, 'XENMEM_exchange', 'Pages cannot be taken from a domain on Arm.', 'EOPNOTSUPP'),
    bareSubOp(18, 'XENMEM_get_sharing_freed_pages', () => 0),
    bareSubOp(19, 'XENMEM_get_sharing_shared_pages', () => 0),
    unsupported(
      21,
      'XENMEM_access_op',
      'Memory access events are not modelled; a domain has none on itself.',
      'EPERM',
    ),
    subOp(24, 'XENMEM_claim_pages', xenMemoryReservation, {
      partial: 'Checks its arguments; nobody may claim pages here.',
      handle(ctx, arg, args) {
        if (firstExtent(args) || arg.extent_start !== 0n || arg.extent_order !== 0 || arg.mem_flags !== 0) {
          return 'EINVAL';
        }
        if (!ctx.xen.domains.find(arg.domid)) return 'EINVAL';
        return mustBePrivileged(ctx) ?? 'ENOMEM';
      },
    }),
    subOp(26, 'XENMEM_get_vnumainfo', xenVnumaTopologyInfo, {
      partial: 'Domains have no virtual NUMA topology.',
      handle(ctx, arg, args) {
        if (firstExtent(args) || arg.pad !== 0) return 'EINVAL';
        const domain = resolveDomain(ctx, arg.domid);
        if (!domain) return 'ESRCH';
        return mayTarget(ctx, domain) ?? 'EOPNOTSUPP';
      },
    }),
    unsupported(27, 'XENMEM_reserved_device_memory_map', 'There is no IOMMU.'),
    subOp(28, 'XENMEM_acquire_resource', xenMemAcquireResource, {
      partial: 'Checks its arguments and permission; no resource can be mapped yet.',
      handle(ctx, arg) {
        if (arg.pad !== 0 || arg.frame >> 32n || (arg.frame + BigInt(arg.nr_frames)) >> 32n) return 'EINVAL';
        if (arg.domid === DOMID_SELF || arg.domid === ctx.caller.id) return 'EPERM';
        if (!ctx.xen.domains.find(arg.domid)) return 'ESRCH';
        return mustBePrivileged(ctx) ?? 'EOPNOTSUPP';
      },
    }),
  ],
  { selector: (args) => Number((args[0] ?? 0n) & BigInt(MEMOP_CMD_MASK)) },
);

const firstExtent = (args: HypercallArgs): number => Number(vaArg(args, 0) >> BigInt(MEMOP_EXTENT_SHIFT));

/** The same call again, from this extent on. */
function continueAt(args: HypercallArgs, extent: number): HypercallResult {
  const command = vaArg(args, 0) & BigInt(MEMOP_CMD_MASK);
  return { continueWith: [command | (BigInt(extent) << BigInt(MEMOP_EXTENT_SHIFT)), vaArg(args, 1)] };
}

function statistic(number: number, name: string, value: (domain: Domain) => number) {
  return subOp(number, name, xenMemoryDomain, {
    handle(ctx, { domid }, args) {
      if (firstExtent(args)) return 'EINVAL';
      const domain = resolveDomain(ctx, domid);
      if (!domain) return 'ESRCH';
      return mayTarget(ctx, domain) ?? value(domain);
    },
  });
}

// ---------------------------------------------------------------- the reservation

/** Does one extent; false ends the call with the count so far. */
type ExtentOperation = (
  domain: Domain,
  nextGfn: () => Gfn | undefined,
  pages: number,
  memFlags: number,
  isSelf: boolean,
) => boolean;

/** These three never answer with an error: a bad pointer, domid or permission ends them at the count so far. */
function changeReservation(
  ctx: HypercallContext,
  args: HypercallArgs,
  name: string,
  perExtent: ExtentOperation,
): HypercallResult {
  const start = firstExtent(args);
  const bytes = ctx.memory.readVa(vaArg(args, 1), xenMemoryReservation.size);
  if (!bytes) return start;
  const reservation = xenMemoryReservation.read(bytes);
  if (reservation.nr_extents > MAXIMUM_EXTENTS || BigInt(start) >= reservation.nr_extents) return start;
  const domain = resolveDomain(ctx, reservation.domid);
  if (!domain || mayTarget(ctx, domain) || reservation.extent_order > MAXIMUM_ORDER) return start;

  const total = Number(reservation.nr_extents);
  const pages = 2 ** reservation.extent_order;
  let done = start;
  const nextGfn = () => readFrame(ctx, reservation.extent_start + BigInt(done) * 8n);
  for (; done < total; done++) {
    if ((done - start) * pages >= PAGES_AT_ONCE) {
      return continueAt(args, done);
    }
    if (!perExtent(domain, nextGfn, pages, reservation.mem_flags, domain === ctx.caller)) {
      ctx.xen.once.once(
        `${name} short ${domain.id}`,
        'debug',
        'xen',
        `${name} of domain ${domain.id} stopped after ${done} of ${total} extents`,
      );
      break;
    }
  }
  return done;
}

function readFrame(ctx: HypercallContext, address: bigint): Gfn | undefined {
  const bytes = ctx.memory.readVa(BigInt.asUintN(64, address), 8);
  if (!bytes) return undefined;
  return gfn(Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)));
}

/** Pages without a place: only the domain's count grows, since the p2m is Xen's on Arm. */
function increaseExtent({ memory }: Domain, _next: () => Gfn | undefined, pages: number): boolean {
  return allocatePages(memory, pages) !== undefined;
}

function populateExtent(
  { memory, directMapped }: Domain,
  nextGfn: () => Gfn | undefined,
  pages: number,
  memFlags: number,
  isSelf: boolean,
): boolean {
  const first = nextGfn();
  if (first === undefined) return false;
  // Populate-on-demand does not exist on Arm, and no domain may ask it for itself.
  if ((memFlags & XENMEMF_populate_on_demand) !== 0) return !isSelf;
  if (directMapped) return false;
  const mfns = allocatePages(memory, pages);
  if (!mfns) return false;
  return mfns.every((mfn, index) => {
    const failed = memory.mapPage(gfn(first + index), mfn, 'ram');
    if (failed) memory.freePage(mfn);
    return !failed;
  });
}

function decreaseExtent(
  { memory, directMapped }: Domain,
  nextGfn: () => Gfn | undefined,
  pages: number,
): boolean {
  const first = nextGfn();
  if (first === undefined) return false;
  for (let index = 0; index < pages; index++) {
    const at = gfn(first + index);
    const mapping = memory.frame(at);
    // A hole, or a page of somebody else.
    if (mapping?.kind !== 'ram' && mapping?.kind !== 'xen') return false;
    memory.unmapPage(at);
    // A direct-mapped domain has to get the same page again, and Xen's own pages stay Xen's.
    if (mapping.kind === 'ram' && !directMapped) memory.freePage(mapping.mfn);
  }
  return true;
}

/** All of an extent, or nothing. */
function allocatePages(memory: Domain['memory'], count: number): Mfn[] | undefined {
  const mfns: Mfn[] = [];
  while (mfns.length < count) {
    const mfn = memory.allocatePage();
    if (mfn === undefined) {
      for (const page of mfns) memory.freePage(page);
      return undefined;
    }
    mfns.push(mfn);
  }
  return mfns;
}

// ---------------------------------------------------------------- mapping into the physmap

function mayMap(ctx: HypercallContext, domain: Domain, space: number): Errno | undefined {
  if (space === XENMAPSPACE_dev_mmio && !(ctx.caller.privileged && ctx.caller === domain)) return 'EACCES';
  return mayTarget(ctx, domain);
}

function mapOne(
  ctx: HypercallContext,
  domain: Domain,
  space: number,
  index: bigint,
  at: Gfn,
  foreignDomid: number | undefined,
): Errno | undefined {
  switch (space) {
    case XENMAPSPACE_shared_info:
      return index === 0n ? domain.mapXenPage(at, { space: 'shared_info' }) : 'EINVAL';
    case XENMAPSPACE_grant_table:
      return domain.mapXenPage(at, { space: 'grant_table', index: Number(index) });
    case XENMAPSPACE_gmfn_foreign:
      return mapForeign(ctx, domain, foreignDomid, gfn(Number(index)), at);
    default:
      return 'ENOSYS';
  }
}

function mapForeign(
  ctx: HypercallContext,
  domain: Domain,
  foreignDomid: number | undefined,
  foreignGfn: Gfn,
  at: Gfn,
): Errno | undefined {
  if (foreignDomid === DOMID_SELF) return domain === ctx.caller ? 'EINVAL' : 'EPERM';
  const owner =
    foreignDomid === undefined || foreignDomid === ctx.caller.id
      ? undefined
      : ctx.xen.domains.find(foreignDomid);
  if (!owner) return 'ESRCH';
  if (owner === domain) return 'EINVAL';
  if (!ctx.caller.privileged) return 'EPERM';
  const mapping = owner.memory.frame(foreignGfn);
  if (mapping?.kind !== 'ram' && mapping?.kind !== 'xen') return 'EINVAL';
  return domain.memory.mapPage(at, mapping.mfn, 'foreign-rw');
}

type BatchArg = ReturnType<typeof xenAddToPhysmapBatch.read>;

/** The call succeeds although single entries fail: each has its own error number. */
function addToPhysmapBatch(ctx: HypercallContext, arg: BatchArg, args: HypercallArgs): HypercallResult {
  if (arg.space === XENMAPSPACE_gmfn_range) return 'EOPNOTSUPP';
  const domain = resolveDomain(ctx, arg.domid);
  if (!domain) return 'ESRCH';
  const refused = mayMap(ctx, domain, arg.space);
  if (refused) return refused;
  const start = firstExtent(args);
  if (arg.size < start || (arg.size === start && start > 0)) return 'EILSEQ';
  if (arg.space === XENMAPSPACE_dev_mmio && arg.foreign_domid !== 0) return 'EOPNOTSUPP';

  for (let extent = start; extent < arg.size; extent++) {
    if (extent - start === ENTRIES_AT_ONCE) return continueAt(args, extent);
    const offset = BigInt(extent);
    const index = readFrame(ctx, arg.idxs + offset * 8n);
    const gfnBytes = ctx.memory.readVa(BigInt.asUintN(64, arg.gpfns + offset * 8n), 8);
    if (index === undefined || !gfnBytes) return 'EFAULT';
    const target = new DataView(gfnBytes.buffer, gfnBytes.byteOffset).getBigUint64(0, true);
    if (target === INVALID_GFN) return 'EINVAL';

    const error = mapOne(ctx, domain, arg.space, BigInt(index), gfn(Number(target)), arg.foreign_domid);
    const code = new Uint8Array(4);
    new DataView(code.buffer).setInt32(0, error ? errnoResult(error) : 0, true);
    if (!ctx.memory.writeVa(BigInt.asUintN(64, arg.errs + offset * 4n), code)) return 'EFAULT';
  }
  return undefined;
}
