// One virtual interrupt of a domain: what Xen's classic vGIC keeps in struct pending_irq and in the
// rank it belongs to (xen/arch/arm/vgic.c).

/** Interrupts 0..31 are private to a vCPU: SGIs and PPIs. */
export const PRIVATE_INTERRUPTS = 32;
export const SGIS = 16;
/** No list register. */
export const NO_LR = -1;

export interface InterruptState {
  readonly enabled: boolean;
  readonly queued: boolean;
  readonly visible: boolean;
  readonly active: boolean;
  readonly inflight: boolean;
  readonly configuredPriority: number;
  readonly priority: number;
  readonly configuration: number;
  readonly target: number;
  readonly lr: number;
}

export class VirtualInterrupt {
  readonly intid: number;
  /** The guest enabled it in the distributor. */
  enabled = false;
  /** An edge came that no list register shows yet. */
  queued = false;
  /** It stands in a list register. */
  visible = false;
  /** The guest had acknowledged it when its list register was last looked at. */
  active = false;
  /** Between injection and the end of its life in a list register. */
  inflight = false;
  /** IPRIORITYR. */
  configuredPriority = 0;
  /** IPRIORITYR as it was at injection: what the queues are ordered by. */
  priority = 0;
  /** Two bits of ICFGR. */
  configuration = 0;
  /** The vCPU that gets it, if it is an SPI. */
  target = 0;
  lr = NO_LR;

  constructor(intid: number) {
    this.intid = intid;
  }

  save(): InterruptState {
    const { intid: _known, ...state } = this;
    return state;
  }

  restore(state: InterruptState): void {
    Object.assign(this, state);
  }
}
