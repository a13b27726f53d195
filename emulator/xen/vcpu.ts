// A vCPU as the trap half of the hypervisor knows it: in which context its registers are, and why it may not run. What hypercalls keep for it (vcpu_info, runstate, polled ports) is DomainVcpu.

import type { HostCpu } from './hypervisor/platform.ts';
import type { ScheduledVcpu } from './scheduling/scheduled-vcpu.ts';

/** Why a vCPU does not run; several reasons may hold at once. */
export interface VcpuState {
  readonly cpu: number;
  readonly down: boolean;
  readonly paused: boolean;
  readonly blocked: boolean;
  readonly blockedUntilNs: number | null;
  readonly physicalTimer: { readonly control: number; readonly compare: string };
}

export class Vcpu {
  readonly domid: number;
  readonly id: number;
  /** The context that holds its registers, on whatever physical CPU it runs: it is resident there for good. */
  readonly cpu: HostCpu;
  /** As the scheduler knows it; set when its domain comes to the scheduler. */
  scheduled!: ScheduledVcpu;
  /** Never switched on, or switched itself off (PSCI). */
  down = true;
  /** The domain is paused or was shut down. */
  paused = false;
  /** WFI, SCHEDOP_block, SCHEDOP_poll: until an interrupt, an event or the time. */
  blocked = false;
  /** End of a SCHEDOP_poll, in ns of system time. */
  blockedUntilNs: number | undefined;
  /** The emulated physical timer: CNTP_CTL_EL0 and CNTP_CVAL_EL0. */
  readonly physicalTimer = { control: 0, compare: 0n };

  constructor(domid: number, id: number, cpu: HostCpu) {
    this.domid = domid;
    this.id = id;
    this.cpu = cpu;
  }

  get runnable(): boolean {
    return !this.down && !this.paused && !this.blocked;
  }

  /** VMPIDR_EL2: 16 vCPUs for each Aff1; bit 31 is RES1. */
  get vmpidr(): bigint {
    return 0x8000_0000n | BigInt((this.id & 0xf) | ((this.id >>> 4) << 8));
  }

  save(): VcpuState {
    return {
      cpu: this.cpu.index,
      down: this.down,
      paused: this.paused,
      blocked: this.blocked,
      blockedUntilNs: this.blockedUntilNs ?? null,
      physicalTimer: {
        control: this.physicalTimer.control,
        compare: `0x${this.physicalTimer.compare.toString(16)}`,
      },
    };
  }

  restore(state: VcpuState): void {
    this.down = state.down;
    this.paused = state.paused;
    this.blocked = state.blocked;
    this.blockedUntilNs = state.blockedUntilNs ?? undefined;
    this.physicalTimer.control = state.physicalTimer.control;
    this.physicalTimer.compare = BigInt(state.physicalTimer.compare);
  }
}
