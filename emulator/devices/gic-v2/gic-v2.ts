// Generic Interrupt Controller, version 2 (Arm IHI 0048), without the Security Extensions and
// with the Virtualization Extensions: a GIC-400 with 256 SPIs, five priority bits and four list
// registers. The register frames are in the files beside this one.
//
// Deviation: GICH shows a CPU its own list registers only; the aliases that reach those of
// other CPUs are not there.

import type { OnceLogger } from '../../base/log.ts';
import { invariant } from '../../base/errors.ts';
import { Distributor, type DistributorState } from '../gic/distributor.ts';
import { VirtualInterface, type VirtualInterfaceState } from '../gic/virtual-interface.ts';
import type { CpuInterruptLines, IrqLine } from '../irq-line.ts';
import { mmioDevice, type MmioDevice } from '../register-block.ts';
import { cpuInterfaceRegisters, virtualCpuInterfaceRegisters } from './cpu-interface.ts';
import { distributorRegisters, GicV2DistributorFrame } from './distributor.ts';
import { hypervisorRegisters } from './hypervisor-interface.ts';

export const GICD_SIZE = 0x1000;
export const GICC_SIZE = 0x2000;
export const GICH_SIZE = 0x1000;
export const GICV_SIZE = 0x2000;
/** INTID of the maintenance interrupt, a PPI. */
export const MAINTENANCE_INTID = 25;
/** The writable bits of GICH_HCR: enables and EOICount. */
const GICH_HCR_MASK = 0xf800_00ff;

export interface GicV2Options {
  /** Shared peripheral interrupts; a multiple of 32. */
  readonly spis: number;
  readonly log?: OnceLogger;
}

export interface GicV2State {
  readonly distributor: DistributorState;
  readonly virtual: VirtualInterfaceState[];
}

export class GicV2 {
  readonly distributor: Distributor;
  /** The virtualization side of each CPU. */
  readonly virtual: readonly VirtualInterface[];
  /** GICD, GICC, GICH and GICV, for the bus. */
  readonly distributorDevice: MmioDevice;
  readonly cpuInterfaceDevice: MmioDevice;
  readonly hypervisorDevice: MmioDevice;
  readonly virtualCpuInterfaceDevice: MmioDevice;

  /** SPIs and SGIs reach the first eight processors only, since targets are a byte; PPIs and the virtual side reach all. */
  constructor(processors: readonly CpuInterruptLines[], options: GicV2Options) {
    const { log } = options;
    const distributor = new Distributor(processors, {
      spis: options.spis,
      bankedSgis: true,
      combinedPriorities: true,
      group0IsFiq: false,
    });
    this.distributor = distributor;
    this.virtual = processors.map(
      (lines, cpu) =>
        new VirtualInterface(
          {
            virq: lines.virq,
            vfiq: lines.vfiq,
            maintenance: distributor.ppi(cpu, MAINTENANCE_INTID),
            deactivatePhysical: (intid) => distributor.deactivate(cpu, intid),
          },
          { combinedPriorities: true, controlMask: GICH_HCR_MASK, group0AlwaysFiq: false },
        ),
    );

    const frames = processors.map((_, cpu) => new GicV2DistributorFrame(distributor, cpu));
    // A single CPU is the target of everything, and the registers that say so are RAZ/WI.
    if (processors.length === 1) for (let spi = 0; spi < options.spis; spi++) distributor.route(spi, 1);

    this.distributorDevice = mmioDevice(distributorRegisters, bankOf(frames), log);
    this.cpuInterfaceDevice = mmioDevice(cpuInterfaceRegisters, bankOf(distributor.interfaces), log);
    this.hypervisorDevice = mmioDevice(hypervisorRegisters, bankOf(this.virtual), log);
    this.virtualCpuInterfaceDevice = mmioDevice(virtualCpuInterfaceRegisters, bankOf(this.virtual), log);
  }

  /** The input of shared peripheral interrupt `number`, which is INTID 32 + number. */
  spi(number: number): IrqLine {
    return this.distributor.spi(number);
  }

  /** The input of a private peripheral interrupt, by INTID (16 to 31). */
  ppi(cpu: number, intid: number): IrqLine {
    return this.distributor.ppi(cpu, intid);
  }

  save(): GicV2State {
    return { distributor: this.distributor.save(), virtual: this.virtual.map((each) => each.save()) };
  }

  restore(state: GicV2State): void {
    state.virtual.forEach((each, cpu) => this.virtual[cpu]?.restore(each));
    // Last: restoring the virtual side may have moved the maintenance lines.
    this.distributor.restore(state.distributor);
  }
}

/** Every CPU reaches its own bank at the same address. */
function bankOf<Device>(banks: readonly Device[]): (cpu: number) => Device {
  return (cpu) => {
    const bank = banks[cpu];
    invariant(bank !== undefined, `CPU ${cpu} has a bank of the GIC`);
    return bank;
  };
}
