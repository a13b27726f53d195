// What the inspection `gic` shows: one interrupt controller as one processor sees it. The same shape for the
// virtual controller of a domain (Xen's vGIC with the list registers behind it) and for the machine's own.

/** Why a pending interrupt is not taken, in the order in which they are looked at; `none`: it is. */
export type Obstacle =
  | 'distributor off'
  | 'distributor group off'
  | 'not enabled'
  | 'no target'
  | 'active already'
  | 'priority mask'
  | 'running priority'
  | 'another goes first'
  | 'no list register'
  | 'interface group off'
  | 'not running'
  | 'interface off'
  | 'not routed'
  | 'masked'
  | 'none';

/** One pending interrupt, and one sentence why it is not taken, or that it is. */
export interface PendingInterrupt {
  readonly intid: number;
  readonly name?: string;
  /** Of the vCPU, or CPU, that is to get it. */
  readonly vcpu: number;
  readonly obstacle: Obstacle;
  readonly why: string;
}

export interface InterruptRow {
  readonly intid: number;
  readonly type: 'SGI' | 'PPI' | 'SPI';
  readonly name?: string;
  /** Path of its node in the device tree. */
  readonly node?: string;
  readonly enabled: boolean;
  readonly pending: boolean;
  /** Where that comes from: `edge latched`, `level line`, `software`; `, ` between several. */
  readonly pendingSource?: string;
  readonly active: boolean;
  /** `pending`, `active`, `pending and active`, `inactive`. */
  readonly state: string;
  /** `0xa0`; lower values are more urgent. */
  readonly priority: string;
  readonly group: number;
  /** `vCPU 0`, `CPU 0, CPU 2`, `nobody`. */
  readonly target: string;
  /** Of an SPI: `affinity 0.0.0.1` (GICD_IROUTER) or `mask 0x02` (GICD_ITARGETSR). */
  readonly route?: string;
  readonly trigger: 'edge' | 'level';
  /** The input of the physical interrupt. */
  readonly lineHigh?: boolean;
  /** The list register that holds it, and its state there. */
  readonly listRegister?: number;
  readonly listRegisterState?: string;
  /** It waits for a list register. */
  readonly waiting?: boolean;
  /** The physical INTID that a list register with HW set ends with it. */
  readonly physicalIntid?: number;
  /**
   * Edges at the vGIC since the machine was loaded, and of those the ones that merged with a pending one; on a bare
   * machine how often CPUs acknowledged it.
   */
  readonly count?: number;
  readonly merged?: number;
  readonly ended?: number;
  /** The last of them, in virtual nanoseconds. */
  readonly lastNanoseconds?: number;
  readonly obstacle?: Obstacle;
  readonly why?: string;
}

export interface ListRegisterRow {
  readonly index: number;
  /** The register: 64 bits with a GICv3, 32 with a GICv2. */
  readonly raw: string;
  readonly intid: number;
  readonly name?: string;
  /** `invalid`, `pending`, `active`, `pending and active`. */
  readonly state: string;
  readonly priority: string;
  readonly group: number;
  /** HW: a physical interrupt stands behind it. */
  readonly hardware: boolean;
  readonly physicalIntid?: number;
  /** Its end raises the maintenance interrupt. */
  readonly eoiMaintenance: boolean;
}

/** A register or a value of one, with what it means. */
export interface RegisterFact {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

/** A processor behind the controller, for those who choose one. */
export interface ProcessorRow {
  readonly vcpu: number;
  /** `running`, `blocked`, `off`, `paused`, `wfi`, `wfe`. */
  readonly state: string;
  /** Its own interrupts and the shared ones that go to it. */
  readonly pending: number;
}

export interface GicView {
  readonly domain: number;
  readonly domainName: string;
  readonly vcpu: number;
  readonly kind: 'virtual' | 'physical';
  readonly version: 2 | 3;
  /** `vGICv3 of domain 1 'hello', vCPU 0`. */
  readonly title: string;
  /** The CPU interface in one line. */
  readonly summary: string;
  readonly processors: readonly ProcessorRow[];
  /** The physical CPU. */
  readonly cpu: number;
  /** What it does: `running`, `blocked`, `off`, `paused`, `wfi`, `wfe`. */
  readonly state: string;
  readonly el: number;
  readonly pc: string;
  readonly maskedIrq: boolean;
  readonly maskedFiq: boolean;
  readonly interface: InterfaceView;
  readonly registers: readonly RegisterFact[];
  readonly pending: readonly PendingInterrupt[];
  readonly interrupts: readonly InterruptRow[];
  /** INTIDs that are neither enabled, pending, active, counted nor named, and were left out. */
  readonly leftOut: number;
  /** What a list register may hold for the guest; only where there is a hypervisor. */
  readonly listRegisters?: readonly ListRegisterRow[];
  /** Virtual interrupts that a hypervisor of the guest's own has in list registers, as `pending` for those. */
  readonly virtualPending?: readonly PendingInterrupt[];
}

/** The CPU interface. */
export interface InterfaceView {
  /** PMR. */
  readonly priorityMask: string;
  /** RPR; absent when no interrupt is handled. */
  readonly runningPriority?: string;
  /** INTIDs that are active at it, as far as they can be told. */
  readonly runningIntids: readonly number[];
  /** HPPIR; absent when nothing is pending. */
  readonly highestPending?: number;
  readonly group0Enabled: boolean;
  readonly group1Enabled: boolean;
  readonly binaryPoint0: number;
  readonly binaryPoint1: number;
  /** EOImode: EOIR drops the priority only, DIR deactivates. */
  readonly splitEoi: boolean;
}
