// Which grants of other domains a domain has mapped, by handle. Xen common/grant_table.c
// (maptrack): handles come from pages of 256, each vCPU has its own free list, taken from at the
// head and returned to at the tail, so a handle is not reused at once.

export interface Mapping {
  readonly domid: number;
  readonly ref: number;
  /** GNTMAP_* of what is still mapped; the mapping is gone when neither host nor device map is left. */
  flags: number;
}

const HANDLES_PER_PAGE = 256;

export class Maptrack {
  private readonly maximumPages: number;
  private readonly mappings = new Map<number, Mapping>();
  private readonly freeLists: number[][];
  private limit = 0;

  constructor(vcpuCount: number, maximumPages: number) {
    this.maximumPages = maximumPages;
    this.freeLists = Array.from({ length: Math.max(vcpuCount, 1) }, () => []);
  }

  /** A handle for a mapping the vCPU is about to make. */
  allocate(vcpu: number): number | undefined {
    const own = this.freeLists[vcpu] ?? [];
    // The last entry of a list stays, as the mark of its end.
    if (own.length > 1) return own.shift();
    if (this.limit >= this.maximumPages * HANDLES_PER_PAGE) return this.steal();

    const handle = this.limit;
    this.limit += HANDLES_PER_PAGE;
    const fresh = Array.from({ length: HANDLES_PER_PAGE - 1 }, (_, i) => handle + 1 + i);
    this.freeLists[vcpu] = [...fresh, ...own];
    return handle;
  }

  set(handle: number, mapping: Mapping): void {
    this.mappings.set(handle, mapping);
  }

  get(handle: number): Mapping | undefined {
    return this.mappings.get(handle);
  }

  release(handle: number, vcpu: number): void {
    this.mappings.delete(handle);
    this.freeLists[vcpu]?.push(handle);
  }

  /** The domain ends: every mapping, taken out of the table. */
  takeAll(): Mapping[] {
    const all = [...this.mappings.values()];
    this.mappings.clear();
    return all;
  }

  /** What is mapped, by handle. */
  list(): [number, Mapping][] {
    return [...this.mappings].sort(([a], [b]) => a - b);
  }

  /** Handles that exist, free ones included. */
  get handleCount(): number {
    return this.limit;
  }

  get maximumHandles(): number {
    return this.maximumPages * HANDLES_PER_PAGE;
  }

  save(): unknown {
    return {
      limit: this.limit,
      mappings: [...this.mappings].map(([handle, mapping]) => ({ handle, ...mapping })),
      freeLists: this.freeLists.map((list) => [...list]),
    };
  }

  private steal(): number | undefined {
    return this.freeLists.find((list) => list.length > 1)?.shift();
  }
}
