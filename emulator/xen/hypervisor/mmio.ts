// Emulated MMIO of a domain: windows of its guest physical address space that are not mapped in
// stage 2, so that every access faults into the hypervisor.

export interface MmioRegion {
  readonly name: string;
  readonly base: number;
  readonly size: number;
  /** 1, 2 or 4 bytes, unsigned; EXTERNAL_ABORT refuses the access with a data abort. */
  read(vcpu: number, offset: number, size: number): number;
  /** False refuses the access with a data abort. */
  write(vcpu: number, offset: number, size: number, value: number): boolean;
  /** 8 bytes; undefined refuses the access. */
  readWide(vcpu: number, offset: number): bigint | undefined;
  writeWide(vcpu: number, offset: number, value: bigint): boolean;
}

export class MmioSpace {
  private readonly regions: MmioRegion[] = [];
  /** One of them: most accesses go to the region that was accessed before. */
  private last: MmioRegion | undefined;

  add(...regions: readonly MmioRegion[]): void {
    this.regions.push(...regions);
  }

  find(ipa: number): MmioRegion | undefined {
    const { last } = this;
    if (last !== undefined && ipa >= last.base && ipa < last.base + last.size) return last;
    const found = this.regions.find((region) => ipa >= region.base && ipa < region.base + region.size);
    if (found) this.last = found;
    return found;
  }

  get all(): readonly MmioRegion[] {
    return this.regions;
  }
}
