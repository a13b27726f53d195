// Generic Interrupt Controller, version 3 (Arm IHI 0069): wiring of distributor, redistributors
// and CPU interfaces.
//
// One security state (GICD_CTLR.DS is 1), affinity routing always on, five priority bits, four
// list registers: what QEMU's `virt` machine shows without EL3. Left out: LPIs and the ITS,
// 1-of-N routing (GICD_TYPER.No1N), message-based SPIs, extended INTID ranges.

import type { OnceLogger } from '../../base/log.ts';
import { Distributor, type DistributorState } from '../gic/distributor.ts';
import type { VirtualInterfaceState } from '../gic/virtual-interface.ts';
import type { CpuInterruptLines, IrqLine } from '../irq-line.ts';
import { EXTERNAL_ABORT, mmioDevice, type MmioDevice } from '../register-block.ts';
import { GicV3CpuInterface } from './cpu-interface.ts';
import {
  distributorRegisters,
  GicV3DistributorFrame,
  type GicV3DistributorFrameState,
} from './distributor.ts';
import { Redistributor, redistributorRegisters, type RedistributorState } from './redistributor.ts';

export const GICD_SIZE = 0x1_0000;
/** Two frames of 64 KiB for each CPU. */
export const GICR_STRIDE = 0x2_0000;
/** INTID of the maintenance interrupt, a PPI. */
export const MAINTENANCE_INTID = 25;

export interface GicV3Options {
  /** Shared peripheral interrupts; a multiple of 32. */
  readonly spis: number;
  readonly log?: OnceLogger;
}

export interface GicV3State {
  readonly distributor: DistributorState;
  readonly frame: GicV3DistributorFrameState;
  readonly redistributors: RedistributorState[];
  readonly virtual: VirtualInterfaceState[];
}

/** A processor as the GIC knows it. */
export interface GicV3Processor {
  readonly lines: CpuInterruptLines;
  /** MPIDR_EL1 affinity: Aff3 in bits 31..24, Aff2..Aff0 below. */
  readonly affinity: number;
}

export class GicV3 {
  readonly distributor: Distributor;
  /** The system register interface of each CPU. */
  readonly cpus: readonly GicV3CpuInterface[];
  /** GICD, for the bus. */
  readonly distributorDevice: MmioDevice;
  /** GICR, GICR_STRIDE bytes for each CPU, for the bus. */
  readonly redistributorDevice: MmioDevice;
  private readonly frame: GicV3DistributorFrame;
  private readonly redistributors: readonly Redistributor[];

  constructor(processors: readonly GicV3Processor[], options: GicV3Options) {
    const affinities = processors.map((processor) => processor.affinity);
    this.distributor = new Distributor(
      processors.map((processor) => processor.lines),
      { spis: options.spis, bankedSgis: false, combinedPriorities: false, group0IsFiq: true },
    );
    this.frame = new GicV3DistributorFrame(this.distributor, affinities);
    this.redistributors = processors.map(
      (processor, cpu) =>
        new Redistributor(this.distributor, cpu, processor.affinity, cpu === processors.length - 1),
    );
    this.cpus = processors.map(
      (processor, cpu) =>
        new GicV3CpuInterface(this.distributor, cpu, affinities, {
          virq: processor.lines.virq,
          vfiq: processor.lines.vfiq,
          maintenance: this.distributor.ppi(cpu, MAINTENANCE_INTID),
          deactivatePhysical: (intid) => this.distributor.deactivate(cpu, intid),
        }),
    );
    this.distributorDevice = mmioDevice(distributorRegisters, this.frame, options.log);
    this.redistributorDevice = redistributorDevice(this.redistributors, options.log);
  }

  /** The input of shared peripheral interrupt `number`, which is INTID 32 + number. */
  spi(number: number): IrqLine {
    return this.distributor.spi(number);
  }

  /** The input of a private peripheral interrupt, by INTID (16 to 31). */
  ppi(cpu: number, intid: number): IrqLine {
    return this.distributor.ppi(cpu, intid);
  }

  /** GICD_IROUTER of shared peripheral interrupt `number`: Aff3 in bits 31..24, Aff2..Aff0 below. */
  routeOf(number: number): number {
    return this.frame.routes[number] ?? 0;
  }

  save(): GicV3State {
    return {
      distributor: this.distributor.save(),
      frame: this.frame.save(),
      redistributors: this.redistributors.map((each) => each.save()),
      virtual: this.cpus.map((each) => each.virtual.save()),
    };
  }

  restore(state: GicV3State): void {
    this.frame.restore(state.frame);
    state.redistributors.forEach((each, cpu) => this.redistributors[cpu]?.restore(each));
    state.virtual.forEach((each, cpu) => this.cpus[cpu]?.virtual.restore(each));
    // Last: restoring the virtual side may have moved the maintenance lines.
    this.distributor.restore(state.distributor);
  }
}

/** The redistributors stand in one window, one behind the other. */
function redistributorDevice(redistributors: readonly Redistributor[], log?: OnceLogger): MmioDevice {
  const frames = redistributors.map((each) => mmioDevice(redistributorRegisters, each, log));
  const last = GICR_STRIDE - 1;
  return {
    name: redistributorRegisters.name,
    read: (offset, size, cpu) =>
      frames[Math.floor(offset / GICR_STRIDE)]?.read(offset & last, size, cpu) ?? EXTERNAL_ABORT,
    write: (offset, size, value, cpu) =>
      frames[Math.floor(offset / GICR_STRIDE)]?.write(offset & last, size, value, cpu) ?? EXTERNAL_ABORT,
    peek: (offset, size, cpu) =>
      frames[Math.floor(offset / GICR_STRIDE)]?.peek(offset & last, size, cpu) ?? EXTERNAL_ABORT,
  };
}
