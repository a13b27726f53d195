// A domain with guest code: its stage 2, pages, vGIC, vCPUs and emulated devices, beside what
// hypercalls know of it (Domain). Xen's struct arch_domain.

import { OnceLogger } from '../../base/log.ts';
import type { Domain } from '../domain.ts';
import type { P2m } from '../p2m.ts';
import type { TrapContexts } from '../traps/dispatch.ts';
import type { Vcpu } from '../vcpu.ts';
import { vgicV2Regions, vgicV3Regions } from '../vgic/mmio.ts';
import type { Vgic } from '../vgic/vgic.ts';
import type { Vpl011 } from '../vpl011.ts';
import type { DomainPages } from './domain-pages.ts';
import { type MmioRegion, MmioSpace } from './mmio.ts';

export interface HostedDomainParts {
  readonly domain: Domain;
  readonly p2m: P2m;
  readonly pages: DomainPages;
  readonly vgic: Vgic;
  readonly vcpus: readonly Vcpu[];
  /** CNTVOFF_EL2: the counter when the domain was created. */
  readonly virtualOffset: bigint;
}

/** Where the domain's emulated devices stand. */
export interface VgicPlace {
  readonly v2: { readonly distributor: number };
  readonly v3: {
    readonly distributor: number;
    readonly redistributors: number;
    readonly redistributorsSize: number;
  };
}

export class HostedDomain {
  readonly domain: Domain;
  readonly p2m: P2m;
  readonly pages: DomainPages;
  readonly vgic: Vgic;
  readonly vcpus: readonly Vcpu[];
  readonly virtualOffset: bigint;
  readonly mmio = new MmioSpace();
  vpl011: Vpl011 | undefined;
  /** By vCPU, from its first trap on. */
  readonly trapContexts: TrapContexts[] = [];

  constructor(parts: HostedDomainParts, place: VgicPlace, log: OnceLogger) {
    this.domain = parts.domain;
    this.p2m = parts.p2m;
    this.pages = parts.pages;
    this.vgic = parts.vgic;
    this.vcpus = parts.vcpus;
    this.virtualOffset = parts.virtualOffset;
    const regions: MmioRegion[] =
      this.vgic.version === 2
        ? vgicV2Regions(this.vgic, place.v2.distributor, log)
        : vgicV3Regions(this.vgic, place.v3, log);
    this.mmio.add(...regions);
  }

  get id(): number {
    return this.domain.id;
  }

  save(): unknown {
    return {
      domain: this.domain.save(),
      p2m: this.p2m.save(),
      pages: this.pages.save(),
      vgic: this.vgic.save(),
      vcpus: this.vcpus.map((vcpu) => vcpu.save()),
      virtualOffset: `0x${this.virtualOffset.toString(16)}`,
      vpl011: this.vpl011?.save() ?? null,
    };
  }
}
