// What only the hypervisor knows about grants, for the debugger: each domain's table as the guest filled it, beside
// what Xen recorded when a grant was taken up, and who has it mapped.

import { GNTMAP_device_map, GNTMAP_host_map, GNTMAP_readonly } from '../abi/grant-table.ts';
import type { DomainList } from '../domain-list.ts';
import { gfn } from '../../base/address.ts';
import type { FrameKind } from '../sockets.ts';

export interface GrantTableView {
  /** Of the entries. */
  readonly version: 1;
  readonly frames: readonly GrantFrameView[];
  readonly maximumFrames: number;
  /** Entries that the frames hold. */
  readonly entries: number;
  /** Every entry that is not invalid, or that is in use all the same; lowest first. */
  readonly grants: readonly GrantView[];
  /** Grants of others that the domain has mapped, by handle. */
  readonly mappings: readonly GrantMappingView[];
  /** Handles that exist, and at most. */
  readonly handles: number;
  readonly maximumHandles: number;
}

/** A page of the table. */
export interface GrantFrameView {
  readonly mfn: number;
  /** Where the guest sees it. */
  readonly gfn?: number;
}

export interface GrantView {
  readonly reference: number;
  /** As the guest left them: GTF_*. */
  readonly flags: number;
  /** To whom, as the guest left it. */
  readonly domid: number;
  /** What, as the guest left it: any 32 bits. */
  readonly gfn: number;
  /** Where that lies now. */
  readonly mfn?: number;
  readonly kind?: FrameKind;
  /** What Xen goes by while the grant is in use. */
  readonly active?: {
    readonly domid: number;
    readonly gfn: number;
    readonly mfn: number;
    readonly readers: number;
    readonly writers: number;
  };
}

export interface GrantMappingView {
  readonly handle: number;
  /** Whose grant it is, and which. */
  readonly granter: number;
  readonly reference: number;
  readonly readOnly: boolean;
  readonly host: boolean;
  readonly device: boolean;
}

/** Undefined for a domain that does not exist. */
export function grantTableViewOf(domid: number, domains: DomainList): GrantTableView | undefined {
  const domain = domains.find(domid);
  if (!domain) return undefined;
  const { grantTable, memory } = domain;
  const { maptrack } = grantTable;
  return {
    version: 1,
    frames: grantTable.framePages().map((mfn, index) => {
      const at = grantTable.frameGfn(index);
      return { mfn, ...(at !== undefined && { gfn: at }) };
    }),
    maximumFrames: grantTable.maximumFrames,
    entries: grantTable.entryCount,
    grants: grantTable.list().map((grant) => {
      const there = memory.frame(gfn(grant.gfn));
      return { ...grant, ...(there && { mfn: there.mfn, kind: there.kind }) };
    }),
    mappings: maptrack.list().map(([handle, { domid: granter, ref, flags }]) => ({
      handle,
      granter,
      reference: ref,
      readOnly: (flags & GNTMAP_readonly) !== 0,
      host: (flags & GNTMAP_host_map) !== 0,
      device: (flags & GNTMAP_device_map) !== 0,
    })),
    handles: maptrack.handleCount,
    maximumHandles: maptrack.maximumHandles,
  };
}
