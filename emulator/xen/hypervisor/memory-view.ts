// What only the hypervisor knows about memory, for the debugger: where it emulates devices, which pages have a
// use of their own, and whose every page of the machine is. What is mapped where stands in the stage-2 tables.

import { type Gfn, gfn, PAGE_SIZE } from '../../base/address.ts';
import { DOMID_XEN } from '../abi/domid.ts';
import { HVM_PARAM_CONSOLE_PFN, HVM_PARAM_MONITOR_RING_PFN, HVM_PARAM_STORE_PFN } from '../abi/hvm-params.ts';
import type { Heap } from '../heap.ts';
import { GUEST_MAGIC } from '../toolstack/guest-layout.ts';
import type { HostedDomain } from './hosted-domain.ts';

export interface MemoryView {
  /** Windows of a domain in which every access is emulated. */
  emulated(domid: number): EmulatedRegion[];
  /** Pages of a domain with a use that is known, lowest first. */
  knownPages(domid: number): KnownPage[];
  /** All of the machine's RAM by owner, lowest first, neighbours joined. */
  machinePages(): MachinePages[];
  /** Pages of the hypervisor's own whose use is known, in no order. */
  xenPages(): XenPage[];
}

export interface EmulatedRegion {
  readonly ipa: number;
  readonly size: number;
  /** `GIC distributor`. */
  readonly name: string;
}

export interface KnownPage {
  readonly ipa: number;
  readonly use: 'magic page' | 'shared info' | 'grant table';
  /** `console ring`, `grant table frame 0`. */
  readonly name: string;
}

export interface MachinePages {
  readonly pa: number;
  readonly pages: number;
  /** A domid, `xen`, or `free`. */
  readonly owner: number | 'xen' | 'free';
}

export interface XenPage {
  readonly pa: number;
  /** Whose it is about. */
  readonly domain: number;
  /** `stage-2 table`, `shared info`, `grant table frame 0`. */
  readonly use: string;
}

export function memoryViewOf(heap: Heap, hosted: ReadonlyMap<number, HostedDomain>): MemoryView {
  return {
    emulated: (domid) =>
      (hosted.get(domid)?.mmio.all ?? []).map(({ base, size, name }) => ({
        ipa: base,
        size,
        name: REGION_NAMES[name] ?? name,
      })),
    knownPages(domid) {
      const domain = hosted.get(domid);
      return domain === undefined ? [] : knownPagesOf(domain).sort((a, b) => a.ipa - b.ipa);
    },
    machinePages: () =>
      heap.ranges().map(({ page, pages, owner }) => ({
        pa: page * PAGE_SIZE,
        pages,
        owner: owner === undefined ? 'free' : owner === DOMID_XEN ? 'xen' : owner,
      })),
    xenPages: () => [...hosted.values()].flatMap(xenPagesOf),
  };
}

const REGION_NAMES: Readonly<Record<string, string>> = {
  vGICD: 'GIC distributor',
  vGICR: 'GIC redistributors',
  vpl011: 'vPL011',
};

function knownPagesOf({ domain, vpl011 }: HostedDomain): KnownPage[] {
  const found: KnownPage[] = [];
  const add = (at: Gfn | undefined, use: KnownPage['use'], name: string): void => {
    if (at !== undefined) found.push({ ipa: at * PAGE_SIZE, use, name });
  };
  for (const [parameter, name] of MAGIC_PAGES) {
    const value = domain.getParam(parameter);
    if (value > 0n && value < MAX_GFN) add(gfn(Number(value)), 'magic page', name);
  }
  const vuart = vpl011 ? 'vuart ring' : 'vuart ring (not in use)';
  add(gfn(GUEST_MAGIC.base / PAGE_SIZE + MAGIC_VUART), 'magic page', vuart);
  add(domain.sharedInfoAt, 'shared info', 'shared info');
  for (let index = 0; index < domain.grantTable.frameCount; index++) {
    add(domain.grantTable.frameGfn(index), 'grant table', `grant table frame ${index}`);
  }
  return found;
}

/** The fourth magic page. */
const MAGIC_VUART = 3;
/** A parameter of all ones stands for a page that is not there yet. */
const MAX_GFN = 1n << 36n;

const MAGIC_PAGES = [
  [HVM_PARAM_CONSOLE_PFN, 'console ring'],
  [HVM_PARAM_STORE_PFN, 'xenstore ring'],
  [HVM_PARAM_MONITOR_RING_PFN, 'memory access ring'],
] as const;

function xenPagesOf({ id, domain, p2m }: HostedDomain): XenPage[] {
  const page = (frame: number, use: string): XenPage => ({ pa: frame * PAGE_SIZE, domain: id, use });
  return [
    ...p2m.tablePages().map((frame) => page(frame, 'stage-2 table')),
    ...(domain.sharedInfo ? [page(domain.sharedInfo.mfn, 'shared info')] : []),
    ...domain.grantTable.framePages().map((frame, index) => page(frame, `grant table frame ${index}`)),
  ];
}
