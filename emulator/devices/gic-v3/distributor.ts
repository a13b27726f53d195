// GICD: the distributor's register frame of a GICv3 (IHI 0069, 12.9).

import type { Distributor } from '../gic/distributor.ts';
import { interruptRegisters, type InterruptView } from '../gic/interrupt-registers.ts';
import { registerBlock } from '../register-block.ts';
import { gicV3Identification, IIDR, PART_DISTRIBUTOR } from './identity.ts';

const CTLR_ENABLES = 3;
const CTLR_ARE = 1 << 4;
const CTLR_DS = 1 << 6;
const TYPER_IDBITS_16 = 0xf << 19;
const TYPER_A3V = 1 << 24;
const TYPER_NO1N = 1 << 25;
/** INTIDs 32 to 1019 have an IROUTER. */
const ROUTED = 988;

export interface GicV3DistributorFrameState {
  readonly routes: number[];
}

export class GicV3DistributorFrame implements InterruptView {
  readonly distributor: Distributor;
  /** Private interrupts are in the redistributors; the distributor shows nobody's. */
  readonly cpu = -1;
  /** Of each SPI the affinity it is routed to: Aff3 in bits 31..24, Aff2..0 below. */
  readonly routes: Uint32Array;
  private readonly affinities: readonly number[];

  constructor(distributor: Distributor, affinities: readonly number[]) {
    this.distributor = distributor;
    this.affinities = affinities;
    this.routes = new Uint32Array(distributor.spis);
    for (let spi = 0; spi < distributor.spis; spi++) this.setRoute(spi, 0);
  }

  /** An affinity that no CPU has leaves the interrupt pending without a target. */
  setRoute(spi: number, affinity: number): void {
    this.routes[spi] = affinity;
    const cpu = this.affinities.indexOf(affinity >>> 0);
    this.distributor.route(spi, cpu < 0 ? 0 : 1 << cpu);
  }

  save(): GicV3DistributorFrameState {
    return { routes: [...this.routes] };
  }

  restore(state: GicV3DistributorFrameState): void {
    this.routes.set(state.routes);
  }
}

export const distributorRegisters = registerBlock<GicV3DistributorFrame>('gicd', 0x1_0000, {
  GICD_CTLR: {
    offset: 0x000,
    width: 4,
    doc: 'Distributor control: one security state, affinity routing always on',
    read: ({ distributor }) => CTLR_DS | CTLR_ARE | distributor.enables,
    write: ({ distributor }, value) => distributor.setEnables(value & CTLR_ENABLES),
  },
  GICD_TYPER: {
    offset: 0x004,
    width: 4,
    doc: 'Interrupt controller type',
    read: ({ distributor }) => TYPER_NO1N | TYPER_A3V | TYPER_IDBITS_16 | (distributor.spis >>> 5),
  },
  GICD_IIDR: { offset: 0x008, width: 4, doc: 'Implementer identification', read: () => IIDR },
  GICD_TYPER2: { offset: 0x00c, width: 4, doc: 'GICv4.1 only', status: 'reserved' },
  GICD_STATUSR: { offset: 0x010, width: 4, doc: 'Error reporting: none', status: 'reserved' },
  GICD_SETSPI_NSR: { offset: 0x040, width: 4, doc: 'Message-based SPIs: none', status: 'reserved' },
  GICD_CLRSPI_NSR: { offset: 0x048, width: 4, doc: 'Message-based SPIs: none', status: 'reserved' },
  GICD_SETSPI_SR: { offset: 0x050, width: 4, doc: 'Message-based SPIs: none', status: 'reserved' },
  GICD_CLRSPI_SR: { offset: 0x058, width: 4, doc: 'Message-based SPIs: none', status: 'reserved' },
  ...interruptRegisters<GicV3DistributorFrame>(0, 32),
  GICD_ITARGETSR: {
    offset: 0x800,
    width: 4,
    accessWidths: [1, 2, 4],
    count: 256,
    doc: 'RES0 with affinity routing',
    status: 'reserved',
  },
  GICD_IGRPMODR: {
    offset: 0xd00,
    width: 4,
    count: 32,
    doc: 'RES0 with one security state',
    status: 'reserved',
  },
  GICD_NSACR: { offset: 0xe00, width: 4, count: 64, doc: 'RES0 with one security state', status: 'reserved' },
  GICD_SGIR: { offset: 0xf00, width: 4, doc: 'RES0 with affinity routing', status: 'reserved' },
  GICD_CPENDSGIR: {
    offset: 0xf10,
    width: 4,
    count: 4,
    doc: 'RES0 with affinity routing',
    status: 'reserved',
  },
  GICD_SPENDSGIR: {
    offset: 0xf20,
    width: 4,
    count: 4,
    doc: 'RES0 with affinity routing',
    status: 'reserved',
  },
  GICD_IROUTER: {
    offset: 0x6100,
    width: 8,
    count: ROUTED,
    doc: 'Interrupt routing of SPIs; Interrupt_Routing_Mode is RES0',
    read: ({ routes }, spi, half) => {
      const affinity = routes[spi] ?? 0;
      return half === 0 ? affinity & 0xff_ffff : affinity >>> 24;
    },
    write: (frame, value, spi, half) => {
      if (spi >= frame.routes.length) return;
      const affinity = frame.routes[spi] ?? 0;
      const changed =
        half === 0 ? (affinity & 0xff00_0000) | (value & 0xff_ffff) : (affinity & 0xff_ffff) | (value << 24);
      frame.setRoute(spi, changed >>> 0);
    },
  },
  GICD_PIDR: gicV3Identification(PART_DISTRIBUTOR),
});
