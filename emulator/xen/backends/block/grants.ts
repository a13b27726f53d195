// The grants of one queue while its requests are served. A frontend with persistent grants keeps using the same pages
// and never takes them back, so they stay mapped: drivers/block/xen-blkback.

import type { FrontendDomain, GrantMapping } from '../frontend-domain.ts';

/** max_persistent_grants for each queue: what one ring page of requests with 32 segments takes. */
const MOST_PERSISTENT = 1056;

export class QueueGrants {
  readonly isPersistent: boolean;
  private readonly frontend: FrontendDomain;
  private readonly persistent = new Map<number, GrantMapping>();
  /** Those of the request that is served. */
  private readonly transient: GrantMapping[] = [];

  constructor(frontend: FrontendDomain, isPersistent: boolean) {
    this.frontend = frontend;
    this.isPersistent = isPersistent;
  }

  /** Undefined when the page was not granted. `readonly`: the backend only reads it. */
  map(reference: number, readonly: boolean): GrantMapping | undefined {
    const known = this.persistent.get(reference);
    if (known) return known;
    // What may serve any request later is mapped for all of them.
    const mapping = this.frontend.map(reference, readonly && !this.isPersistent);
    if (typeof mapping === 'string') return undefined;
    if (this.isPersistent && this.persistent.size < MOST_PERSISTENT) this.persistent.set(reference, mapping);
    else this.transient.push(mapping);
    return mapping;
  }

  /** The request is served. */
  release(): void {
    for (let mapping = this.transient.pop(); mapping; mapping = this.transient.pop()) mapping.unmap();
  }

  releaseAll(): void {
    this.release();
    for (const mapping of this.persistent.values()) mapping.unmap();
    this.persistent.clear();
  }

  get persistentCount(): number {
    return this.persistent.size;
  }

  save(): unknown {
    return {
      isPersistent: this.isPersistent,
      persistent: [...this.persistent].map(([reference, { page }]) => ({ reference, mfn: page.mfn })),
      transient: this.transient.map(({ reference }) => reference),
    };
  }
}
