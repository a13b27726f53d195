// Emulated MMIO of a domain: windows of its guest physical address space that are not mapped in
// stage 2, so that every access faults into the hypervisor.

export interface MmioRegion {
  readonly name: string;
  readonly base: number;
  readonly size: number;
  /** 1, 2, 4 or 8 bytes; undefined refuses the access with a data abort. */
  read(vcpu: number, offset: number, size: number): bigint | undefined;
  /** False refuses the access with a data abort. */
  write(vcpu: number, offset: number, size: number, value: bigint): boolean;
}

export class MmioSpace {
  private readonly regions: MmioRegion[] = [];

  add(...regions: readonly MmioRegion[]): void {
    this.regions.push(...regions);
  }

  find(ipa: number): MmioRegion | undefined {
    return this.regions.find((region) => ipa >= region.base && ipa < region.base + region.size);
  }

  get all(): readonly MmioRegion[] {
    return this.regions;
  }
}
