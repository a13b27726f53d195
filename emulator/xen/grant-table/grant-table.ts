// The grant table of one domain: the entries it shares with Xen, who has them pinned, and the
// grants of others it has mapped. Xen common/grant_table.c, version 1 of the entries only, which is
// all that Xen on Arm offers.
//
// The guest's entry is read when a grant is first pinned; while pins exist Xen goes by its own
// record, so a guest that rewrites the entry changes nothing for who already has the page.

import { type Gfn, gfn, type Mfn } from '../../base/address.ts';
import type { Errno } from '../abi/errno.ts';
import {
  GRANT_DOMID_OFFSET,
  GRANT_ENTRIES_PER_FRAME,
  GRANT_ENTRY_SIZE,
  GRANT_FLAGS_OFFSET,
  GRANT_FRAME_OFFSET,
  type GrantStatus,
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_sub_page,
  GTF_type_mask,
  GTF_writing,
} from '../abi/grant-table.ts';
import type { ObserverCalls } from '../observer.ts';
import { Page } from '../page.ts';
import type { DomainMemory, MachineMemory, XenHeap } from '../sockets.ts';
import { Maptrack } from './maptrack.ts';

export interface GrantTableSockets {
  readonly domid: number;
  readonly vcpuCount: number;
  readonly machine: MachineMemory;
  readonly heap: XenHeap;
  /** The granting domain's p2m. */
  readonly memory: DomainMemory;
  readonly maximumFrames: number;
  readonly maximumMaptrackFrames: number;
  readonly observer: ObserverCalls;
}

/** A grant in use. */
interface ActiveGrant {
  readonly domid: number;
  readonly mfn: Mfn;
  readonly gfn: Gfn;
  readers: number;
  writers: number;
}

/** An entry as the guest wrote it, and what Xen goes by while it is in use. */
export interface GrantDetails {
  readonly reference: number;
  readonly flags: number;
  readonly domid: number;
  readonly gfn: number;
  readonly active?: ActiveGrant;
}

/** A counter has eight bits and stops one step before it would run into the next. */
const MAXIMUM_PINS = 128;

export class GrantTable {
  readonly domid: number;
  readonly maptrack: Maptrack;
  readonly maximumFrames: number;
  private readonly sockets: GrantTableSockets;
  private readonly frames: Page[] = [];
  /** Where the guest mapped a frame; the p2m says whether it still is there. */
  private readonly mappedAt: (Gfn | undefined)[] = [];
  private readonly active = new Map<number, ActiveGrant>();

  constructor(sockets: GrantTableSockets) {
    this.sockets = sockets;
    this.domid = sockets.domid;
    this.maximumFrames = sockets.maximumFrames;
    this.maptrack = new Maptrack(sockets.vcpuCount, sockets.maximumMaptrackFrames);
    if (this.maximumFrames > 0) this.grow(1);
  }

  get frameCount(): number {
    return this.frames.length;
  }

  /** Makes the table at least this long. False beyond the maximum, or without memory. */
  grow(count: number): boolean {
    if (count > this.maximumFrames) return false;
    while (this.frames.length < count) {
      const mfn = this.sockets.heap.allocatePage();
      if (mfn === undefined) return false;
      this.frames.push(new Page(this.sockets.machine, mfn));
    }
    return true;
  }

  /** XENMAPSPACE_grant_table: the page of a frame, growing the table if it must. */
  frame(index: number): Mfn | Errno {
    this.grow(index + 1);
    return this.frames[index]?.mfn ?? 'EINVAL';
  }

  /** Where frame `index` is mapped in the domain, if anywhere. */
  frameGfn(index: number): Gfn | undefined {
    const at = this.mappedAt[index];
    if (at === undefined) return undefined;
    return this.sockets.memory.frame(at)?.mfn === this.frames[index]?.mfn ? at : undefined;
  }

  /** The domain ends: the frames, for Xen's heap. */
  takeFrames(): Page[] {
    return this.frames.splice(0);
  }

  /** Xen's pages that hold the frames. */
  framePages(): Mfn[] {
    return this.frames.map(({ mfn }) => mfn);
  }

  noteFrameMapped(index: number, at: Gfn): void {
    this.mappedAt[index] = at;
  }

  /**
   * Pins a grant for a domain: checks the guest's entry and marks it in use.
   * `purpose` map refuses sub-page entries, as Xen does.
   */
  pin(ref: number, by: number, readonly: boolean, purpose: 'map' | 'copy'): { mfn: Mfn } | GrantStatus {
    const result = this.tryToPin(ref, by, readonly, purpose);
    const { observer } = this.sockets;
    if (typeof result === 'string') observer.grantRefused(this.domid, ref, by, result);
    else observer.grantUsed(this.domid, ref, by, purpose, readonly);
    return result;
  }

  private tryToPin(
    ref: number,
    by: number,
    readonly: boolean,
    purpose: 'map' | 'copy',
  ): { mfn: Mfn } | GrantStatus {
    const entry = this.entry(ref);
    if (!entry) return 'bad_gntref';
    const active = this.active.get(ref);
    if (active && (active.domid !== by || (readonly ? active.readers : active.writers) >= MAXIMUM_PINS)) {
      return 'general_error';
    }

    const mustMark = !active || (!readonly && active.writers === 0);
    if (mustMark) {
      const refused = this.mark(entry, by, readonly, purpose, active !== undefined);
      if (refused) return refused;
    }
    const grant = active ?? this.activate(ref, entry, by);
    // A writer of a copy that joins readers must find the page they have.
    const moved = active && mustMark && purpose === 'copy' && this.pageOf(entry.frame())?.mfn !== active.mfn;
    if (!grant || moved) {
      this.unmark(entry, active, readonly);
      return moved ? 'general_error' : 'bad_page';
    }
    if (readonly) grant.readers++;
    else grant.writers++;
    // The owner may give the page up; it is not reused while the grant is in use.
    this.sockets.heap.addReference(grant.mfn);
    return { mfn: grant.mfn };
  }

  /** `purpose` is that of the pin. */
  unpin(ref: number, readonly: boolean, purpose: 'map' | 'copy' = 'map'): void {
    const active = this.active.get(ref);
    const entry = this.entry(ref);
    if (!active || !entry) return;
    if (readonly) active.readers--;
    else active.writers--;
    this.sockets.heap.dropReference(active.mfn);
    if (active.readers + active.writers === 0) this.active.delete(ref);
    this.unmark(entry, this.active.get(ref), readonly);
    if (purpose === 'map') this.sockets.observer.grantUnmapped(this.domid, ref, active.domid);
  }

  /** The page a pinned grant stands for. */
  pinnedPage(ref: number): Mfn | undefined {
    return this.active.get(ref)?.mfn;
  }

  isPinned(ref: number): boolean {
    return this.active.has(ref);
  }

  get entryCount(): number {
    return this.frames.length * GRANT_ENTRIES_PER_FRAME;
  }

  /** GNTTABOP_swap_grant_ref. */
  swap(a: number, b: number): GrantStatus {
    const first = this.entry(a);
    const second = this.entry(b);
    if (!first || !second) return 'bad_gntref';
    if (a === b) return 'okay';
    if (this.isPinned(a) || this.isPinned(b)) return 'eagain';
    const bytes = first.page.read(first.at, GRANT_ENTRY_SIZE);
    first.page.write(first.at, second.page.read(second.at, GRANT_ENTRY_SIZE));
    second.page.write(second.at, bytes);
    return 'okay';
  }

  /** The toolstack's way to fill a reserved entry (gnttab_seed). */
  seed(ref: number, remoteDomid: number, frame: Gfn): void {
    const entry = this.entry(ref);
    if (!entry) return;
    entry.page.write32(entry.at + GRANT_FRAME_OFFSET, frame);
    entry.page.write16(entry.at + GRANT_DOMID_OFFSET, remoteDomid);
    entry.page.write16(entry.at + GRANT_FLAGS_OFFSET, GTF_permit_access);
  }

  /** Every entry that is not invalid or is in use, for inspectors. */
  list(): GrantDetails[] {
    const rows: GrantDetails[] = [];
    for (let reference = 0; reference < this.entryCount; reference++) {
      const entry = this.entry(reference);
      const active = this.active.get(reference);
      if (!entry || ((entry.flags() & GTF_type_mask) === 0 && !active)) continue;
      rows.push({
        reference,
        flags: entry.flags(),
        domid: entry.domid(),
        gfn: entry.frame(),
        ...(active && { active: { ...active } }),
      });
    }
    return rows;
  }

  /** The guest's flags of an entry, for inspectors. */
  flagsOf(reference: number): number | undefined {
    return this.entry(reference)?.flags();
  }

  save(): unknown {
    return {
      domid: this.domid,
      frames: this.frames.map(({ mfn }) => mfn),
      mappedAt: this.frames.map((_, index) => this.mappedAt[index] ?? null),
      active: [...this.active].map(([ref, grant]) => ({ ref, ...grant })),
      maptrack: this.maptrack.save(),
    };
  }

  private entry(ref: number): GrantEntry | undefined {
    const page = this.frames[Math.floor(ref / GRANT_ENTRIES_PER_FRAME)];
    return page && new GrantEntry(page, (ref % GRANT_ENTRIES_PER_FRAME) * GRANT_ENTRY_SIZE);
  }

  private mark(
    entry: GrantEntry,
    by: number,
    readonly: boolean,
    purpose: 'map' | 'copy',
    pinned: boolean,
  ): GrantStatus | undefined {
    const flags = entry.flags();
    const typeBits = purpose === 'map' ? GTF_type_mask | GTF_sub_page : GTF_type_mask;
    if (!pinned && ((flags & typeBits) !== GTF_permit_access || entry.domid() !== by)) return 'general_error';
    if (!readonly && (flags & GTF_readonly) !== 0) return 'general_error';
    entry.setFlags(flags | GTF_reading | (readonly ? 0 : GTF_writing));
    return undefined;
  }

  /** Reading and writing are taken back separately, as the pins that are left allow. */
  private unmark(entry: GrantEntry, left: ActiveGrant | undefined, readonly: boolean): void {
    let clear = left ? 0 : GTF_reading;
    if (!readonly && !left?.writers) clear |= GTF_writing;
    if (clear !== 0) entry.setFlags(entry.flags() & ~clear);
  }

  private activate(ref: number, entry: GrantEntry, by: number): ActiveGrant | undefined {
    const page = this.pageOf(entry.frame());
    if (!page) return undefined;
    const grant: ActiveGrant = { domid: by, mfn: page.mfn, gfn: gfn(entry.frame()), readers: 0, writers: 0 };
    this.active.set(ref, grant);
    return grant;
  }

  /** Only the domain's own pages can be granted: no grants of others, no device. */
  private pageOf(frameNumber: number): { mfn: Mfn } | undefined {
    const mapping = this.sockets.memory.frame(gfn(frameNumber));
    return mapping?.kind === 'ram' || mapping?.kind === 'xen' ? mapping : undefined;
  }
}

/** grant_entry_v1 in its page. */
class GrantEntry {
  readonly page: Page;
  readonly at: number;

  constructor(page: Page, at: number) {
    this.page = page;
    this.at = at;
  }

  flags(): number {
    return this.page.read16(this.at + GRANT_FLAGS_OFFSET);
  }

  setFlags(flags: number): void {
    this.page.write16(this.at + GRANT_FLAGS_OFFSET, flags);
  }

  domid(): number {
    return this.page.read16(this.at + GRANT_DOMID_OFFSET);
  }

  frame(): number {
    return this.page.read32(this.at + GRANT_FRAME_OFFSET);
  }
}
