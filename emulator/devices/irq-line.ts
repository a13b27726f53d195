// The wires between devices, interrupt controller and processors.

/** One end of a wire: who drives it says whether it is high. Setting the level it has is harmless. */
export interface IrqLine {
  set(high: boolean): void;
}

/** The four interrupt inputs of a processor that an interrupt controller drives. */
export interface CpuInterruptLines {
  readonly irq: IrqLine;
  readonly fiq: IrqLine;
  readonly virq: IrqLine;
  readonly vfiq: IrqLine;
}

/** Passes on changes only, so that a controller may recompute a level without disturbing the processor. */
export class EdgeFilter implements IrqLine {
  private high = false;
  private readonly line: IrqLine;

  constructor(line: IrqLine) {
    this.line = line;
  }

  get level(): boolean {
    return this.high;
  }

  set(high: boolean): void {
    if (high === this.high) return;
    this.high = high;
    this.line.set(high);
  }
}
