// Grants as they were used: how often and by whom each entry was mapped or copied, when it was first there unused, and
// what a guest did to an entry while others had it mapped.
//
// A guest grants and revokes by writing to its table, which nobody is told of. The tables are therefore looked through
// when something happens in a domain, not more often than each SAMPLE_INTERVAL of virtual time: what is found has been
// so since that moment or shortly before.

import type { LoadedMachine } from '../../machine/guest.ts';
import type { Moment } from '../../machine/messages.ts';
import { GTF_type_mask } from '../../xen/abi/grant-table.ts';
import type { RecordClock, RecordPart } from './part.ts';

/** One entry, since the machine was loaded. */
export interface GrantUse {
  readonly maps: number;
  readonly copies: number;
  readonly unmaps: number;
  readonly first: Moment;
  readonly last: Moment;
  readonly lastUser: number;
  /** The guest took back the entry while it was mapped; how often, and when it was noticed last. */
  readonly endedWhileMapped: number;
  readonly endedAt?: Moment;
}

/** Virtual nanoseconds, for each page of a table. */
const SAMPLE_INTERVAL = 10_000_000;
/** Entries that are remembered; the rest is not. */
const MAX_ENTRIES = 1 << 16;

interface Use {
  maps: number;
  copies: number;
  unmaps: number;
  first: Moment;
  last: Moment;
  lastUser: number;
  endedWhileMapped: number;
  endedAt: Moment | undefined;
}

interface Noticed {
  readonly domid: number;
  readonly gfn: number;
  readonly since: Moment;
}

export class GrantRecord implements RecordPart {
  private readonly loaded: LoadedMachine;
  private readonly clock: RecordClock;
  private readonly uses = new Map<number, Use>();
  /** Entries that permit something, by key: since when, at the latest. */
  private noticed = new Map<number, Map<number, Noticed>>();
  private readonly nextSample = new Map<number, number>();

  constructor(loaded: LoadedMachine, clock: RecordClock) {
    this.loaded = loaded;
    this.clock = clock;
  }

  useOf(domid: number, reference: number): GrantUse | undefined {
    const use = this.uses.get(keyOf(domid, reference));
    if (!use) return undefined;
    const { endedAt, ...rest } = use;
    return { ...rest, ...(endedAt && { endedAt }) };
  }

  /** Since when the entry has granted this page to this domain, at the latest; undefined: not seen before. */
  grantedSince(domid: number, reference: number, to: number, gfn: number): Moment | undefined {
    const seen = this.noticed.get(domid)?.get(reference);
    return seen?.domid === to && seen.gfn === gfn ? seen.since : undefined;
  }

  // ---------------------------------------------------------------- XenObserver

  grantUsed(granter: number, reference: number, user: number, use: 'map' | 'copy'): void {
    const entry = this.entryOf(granter, reference);
    if (!entry) return;
    if (use === 'map') entry.maps++;
    else entry.copies++;
    entry.last = this.now();
    entry.lastUser = user;
  }

  grantUnmapped(granter: number, reference: number): void {
    const entry = this.entryOf(granter, reference);
    if (!entry) return;
    entry.unmaps++;
    const flags = this.loaded.view?.grantFlags(granter, reference);
    if (flags === undefined || (flags & GTF_type_mask) !== 0) return;
    entry.endedWhileMapped++;
    entry.endedAt = this.now();
  }

  eventRaised(_domid: number, _port: number, byDomid: number): void {
    if (byDomid > 0) this.sample(byDomid);
  }

  interruptRaised(domid: number): void {
    this.sample(domid);
  }

  private sample(domid: number): void {
    const nanoseconds = this.clock.nanoseconds();
    if (nanoseconds < (this.nextSample.get(domid) ?? 0)) return;
    const entries = this.loaded.view?.grantEntries(domid) ?? [];
    const before = this.noticed.get(domid);
    const after = new Map<number, Noticed>();
    const since = this.now();
    let highest = 0;
    for (const { reference, flags, domid: to, gfn } of entries) {
      highest = reference;
      if ((flags & GTF_type_mask) === 0 || after.size >= MAX_ENTRIES) continue;
      const known = before?.get(reference);
      after.set(reference, known?.domid === to && known.gfn === gfn ? known : { domid: to, gfn, since });
    }
    this.noticed.set(domid, after);
    this.nextSample.set(domid, nanoseconds + SAMPLE_INTERVAL * Math.ceil((highest + 1) / 512));
  }

  private entryOf(granter: number, reference: number): Use | undefined {
    const key = keyOf(granter, reference);
    const known = this.uses.get(key);
    if (known || this.uses.size >= MAX_ENTRIES) return known;
    const now = this.now();
    const use: Use = {
      maps: 0,
      copies: 0,
      unmaps: 0,
      first: now,
      last: now,
      lastUser: 0,
      endedWhileMapped: 0,
      endedAt: undefined,
    };
    this.uses.set(key, use);
    return use;
  }

  private now(): Moment {
    return { instructions: this.clock.instructions(), virtualNanoseconds: this.clock.nanoseconds() };
  }
}

const keyOf = (domid: number, reference: number): number => domid * 2 ** 32 + reference;
