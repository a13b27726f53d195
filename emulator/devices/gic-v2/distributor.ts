// GICD: the distributor's register frame of a GICv2 (IHI 0048, 4.3), as one CPU sees it: the
// registers of the first 32 interrupts are banked.

import { type Distributor, PRIVATE_COUNT, SGI_COUNT } from '../gic/distributor.ts';
import { interruptRegisters, type InterruptView } from '../gic/interrupt-registers.ts';
import { identification, registerBlock } from '../register-block.ts';

/** GICD_IIDR: implementer Arm, as QEMU's. */
const IIDR = 0x43b;
const CTLR_ENABLES = 3;

const SGIR_FILTER_SHIFT = 24;
const SGIR_TO_LIST = 0;
const SGIR_TO_OTHERS = 1;
const SGIR_TO_SELF = 2;

export class GicV2DistributorFrame implements InterruptView {
  readonly distributor: Distributor;
  readonly cpu: number;

  constructor(distributor: Distributor, cpu: number) {
    this.distributor = distributor;
    this.cpu = cpu;
  }

  /** GICD_SGIR. */
  sendSgi(value: number): void {
    const { distributor, cpu } = this;
    const filter = (value >>> SGIR_FILTER_SHIFT) & 3;
    let targets = 0;
    if (filter === SGIR_TO_LIST) targets = (value >>> 16) & 0xff;
    else if (filter === SGIR_TO_OTHERS) targets = 0xff & ~(1 << cpu);
    else if (filter === SGIR_TO_SELF) targets = 1 << cpu;
    for (let target = 0; target < distributor.cpus; target++) {
      if ((targets & (1 << target)) !== 0) distributor.sendSgi(target, value & 0xf, cpu);
    }
  }

  /** GICD_ITARGETSR: private interrupts go to the CPU that asks; a single CPU reads zero. */
  targetsOf(intid: number): number {
    const { distributor, cpu } = this;
    if (distributor.cpus === 1) return 0;
    if (intid < PRIVATE_COUNT) return 1 << cpu;
    const spi = intid - PRIVATE_COUNT;
    return spi < distributor.spis ? distributor.routeOf(spi) : 0;
  }

  setTargets(intid: number, targets: number): void {
    const { distributor } = this;
    const spi = intid - PRIVATE_COUNT;
    if (distributor.cpus === 1 || spi < 0 || spi >= distributor.spis) return;
    distributor.route(spi, targets & ((1 << distributor.cpus) - 1));
  }
}

export const distributorRegisters = registerBlock<GicV2DistributorFrame>('gicd', 0x1000, {
  GICD_CTLR: {
    offset: 0x000,
    width: 4,
    doc: 'Distributor control: forwarding of groups 0 and 1',
    read: ({ distributor }) => distributor.enables,
    write: ({ distributor }, value) => distributor.setEnables(value & CTLR_ENABLES),
  },
  GICD_TYPER: {
    offset: 0x004,
    width: 4,
    doc: 'Interrupt controller type',
    read: ({ distributor }) => (distributor.spis >>> 5) | ((distributor.cpus - 1) << 5),
  },
  GICD_IIDR: { offset: 0x008, width: 4, doc: 'Implementer identification', read: () => IIDR },
  ...interruptRegisters<GicV2DistributorFrame>(0, 32),
  GICD_ITARGETSR: {
    offset: 0x800,
    width: 4,
    accessWidths: [1, 2, 4],
    count: 1024,
    bitsPerElement: 8,
    doc: 'Interrupt processor targets',
    read: (frame, intid) => frame.targetsOf(intid),
    write: (frame, value, intid) => frame.setTargets(intid, value),
  },
  GICD_PPISR: {
    offset: 0xd00,
    width: 4,
    doc: 'Levels of PPI inputs (GIC-400): not shown',
    status: 'reserved',
  },
  GICD_SPISR: {
    offset: 0xd04,
    width: 4,
    count: 31,
    doc: 'Levels of SPI inputs (GIC-400): not shown',
    status: 'reserved',
  },
  GICD_NSACR: { offset: 0xe00, width: 4, count: 64, doc: 'RES0 without security', status: 'reserved' },
  GICD_SGIR: {
    offset: 0xf00,
    width: 4,
    doc: 'Software generated interrupt',
    read: () => 0,
    write: (frame, value) => frame.sendSgi(value),
  },
  GICD_CPENDSGIR: {
    offset: 0xf10,
    width: 4,
    accessWidths: [1, 2, 4],
    count: SGI_COUNT,
    bitsPerElement: 8,
    doc: 'SGI clear-pending, a bit for each sender',
    read: ({ distributor, cpu }, intid) => distributor.sgiSourcesOf(cpu, intid),
    write: ({ distributor, cpu }, value, intid) =>
      distributor.setSgiSources(cpu, intid, distributor.sgiSourcesOf(cpu, intid) & ~value),
  },
  GICD_SPENDSGIR: {
    offset: 0xf20,
    width: 4,
    accessWidths: [1, 2, 4],
    count: SGI_COUNT,
    bitsPerElement: 8,
    doc: 'SGI set-pending, a bit for each sender',
    read: ({ distributor, cpu }, intid) => distributor.sgiSourcesOf(cpu, intid),
    write: ({ distributor, cpu }, value, intid) =>
      distributor.setSgiSources(cpu, intid, distributor.sgiSourcesOf(cpu, intid) | value),
  },
  GICD_PIDR: identification(0xfd0, [0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1]),
});
