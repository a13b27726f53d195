// What a board is: where RAM, interrupt controller and devices stand and how they are wired. A
// board is data. The devices (`board-devices.ts`) and the guest's device tree
// (`board-device-tree.ts`) are both made from it.

export interface Range {
  readonly base: number;
  readonly size: number;
}

export type GicVersion = 2 | 3;

/** A device on the bus beside the interrupt controller. */
export interface BoardPart {
  readonly device: 'pl011' | 'pl031';
  readonly base: number;
  readonly size: number;
  /** Level-sensitive, active high. */
  readonly interrupt: { readonly spi: number };
  readonly compatible: readonly string[];
  /** Names of its clocks; all of them are the board's peripheral clock. */
  readonly clocks: readonly string[];
}

export interface Board {
  readonly name: string;
  readonly compatible: string;
  readonly ram: { readonly base: number; readonly maxSize: number };
  readonly gicV2: {
    readonly compatible: string;
    readonly spis: number;
    /** Under a hypervisor, contexts of vCPUs; a guest of its own sees eight. */
    readonly maxCpus: number;
    /** Sizes are those of the device tree; the frames inside are smaller. */
    readonly distributor: Range;
    readonly cpuInterface: Range;
    readonly hypervisorInterface: Range;
    readonly virtualCpuInterface: Range;
  };
  readonly gicV3: {
    readonly compatible: string;
    readonly spis: number;
    readonly maxCpus: number;
    readonly distributor: Range;
    readonly redistributors: Range;
  };
  /** INTIDs of the private interrupts. */
  readonly privateInterrupts: {
    readonly maintenance: number;
    readonly hypervisorTimer: number;
    readonly virtualTimer: number;
    readonly secureTimer: number;
    readonly physicalTimer: number;
  };
  /** Hertz. */
  readonly peripheralClock: number;
  readonly parts: readonly BoardPart[];
  /** CPUs in a cluster, which is what Aff1 of MPIDR_EL1 counts. */
  readonly clusterSize: Readonly<Record<GicVersion, number>>;
}

/** The affinity fields of a CPU's MPIDR_EL1 (Aff3 would be in bits 31..24 here), as `reg` has it. */
export function affinityOf(board: Board, gic: GicVersion, cpu: number): number {
  const perCluster = board.clusterSize[gic];
  return (Math.floor(cpu / perCluster) << 8) | (cpu % perCluster);
}
