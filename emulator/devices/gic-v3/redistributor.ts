// GICR: a redistributor's two register frames (IHI 0069, 12.11): control and LPIs, and at
// 0x10000 the private interrupts of its CPU. LPIs are not implemented.

import type { Distributor } from '../gic/distributor.ts';
import { interruptRegisters, type InterruptView } from '../gic/interrupt-registers.ts';
import { registerBlock } from '../register-block.ts';
import { gicV3Identification, IIDR, PART_REDISTRIBUTOR } from './identity.ts';

const WAKER_PROCESSOR_SLEEP = 1 << 1;
const WAKER_CHILDREN_ASLEEP = 1 << 2;
const TYPER_LAST = 1 << 4;
const TYPER_PROCESSOR_NUMBER_SHIFT = 8;
const SGI_FRAME = 0x1_0000;

export interface RedistributorState {
  readonly sleeping: boolean;
}

export class Redistributor implements InterruptView {
  readonly distributor: Distributor;
  readonly cpu: number;
  readonly affinity: number;
  readonly isLast: boolean;
  /**
   * GICR_WAKER.ProcessorSleep. ChildrenAsleep follows at once. Deviation: a sleeping CPU
   * interface still gets interrupts; software that sleeps masks them itself.
   */
  sleeping = true;

  constructor(distributor: Distributor, cpu: number, affinity: number, isLast: boolean) {
    this.distributor = distributor;
    this.cpu = cpu;
    this.affinity = affinity;
    this.isLast = isLast;
  }

  save(): RedistributorState {
    return { sleeping: this.sleeping };
  }

  restore(state: RedistributorState): void {
    this.sleeping = state.sleeping;
  }
}

export const redistributorRegisters = registerBlock<Redistributor>('gicr', 0x2_0000, {
  GICR_CTLR: {
    offset: 0x0000,
    width: 4,
    doc: 'Control: nothing to control without LPIs',
    status: 'reserved',
  },
  GICR_IIDR: { offset: 0x0004, width: 4, doc: 'Implementer identification', read: () => IIDR },
  GICR_TYPER: {
    offset: 0x0008,
    width: 8,
    doc: 'Redistributor type: affinity, processor number, whether it is the last one',
    read: (redistributor, _index, half) =>
      half === 1
        ? redistributor.affinity
        : (redistributor.cpu << TYPER_PROCESSOR_NUMBER_SHIFT) | (redistributor.isLast ? TYPER_LAST : 0),
  },
  GICR_STATUSR: { offset: 0x0010, width: 4, doc: 'Error reporting: none', status: 'reserved' },
  GICR_WAKER: {
    offset: 0x0014,
    width: 4,
    doc: 'Power management of the CPU interface',
    read: (redistributor) => (redistributor.sleeping ? WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP : 0),
    write: (redistributor, value) => {
      redistributor.sleeping = (value & WAKER_PROCESSOR_SLEEP) !== 0;
    },
  },
  GICR_MPAMIDR: { offset: 0x0018, width: 4, doc: 'MPAM: not implemented', status: 'reserved' },
  GICR_PARTIDR: { offset: 0x001c, width: 4, doc: 'MPAM: not implemented', status: 'reserved' },
  GICR_SETLPIR: { offset: 0x0040, width: 8, doc: 'LPIs: not implemented', status: 'reserved' },
  GICR_CLRLPIR: { offset: 0x0048, width: 8, doc: 'LPIs: not implemented', status: 'reserved' },
  GICR_PROPBASER: { offset: 0x0070, width: 8, doc: 'LPIs: not implemented', status: 'reserved' },
  GICR_PENDBASER: { offset: 0x0078, width: 8, doc: 'LPIs: not implemented', status: 'reserved' },
  GICR_INVLPIR: { offset: 0x00a0, width: 8, doc: 'LPIs: not implemented', status: 'reserved' },
  GICR_INVALLR: { offset: 0x00b0, width: 8, doc: 'LPIs: not implemented', status: 'reserved' },
  GICR_SYNCR: { offset: 0x00c0, width: 4, doc: 'LPIs: never busy', status: 'reserved' },
  GICR_PIDR: gicV3Identification(PART_REDISTRIBUTOR),
  ...interruptRegisters<Redistributor>(SGI_FRAME, 1),
  GICR_IGRPMODR0: {
    offset: SGI_FRAME + 0xd00,
    width: 4,
    doc: 'RES0 with one security state',
    status: 'reserved',
  },
  GICR_NSACR: {
    offset: SGI_FRAME + 0xe00,
    width: 4,
    doc: 'RES0 with one security state',
    status: 'reserved',
  },
});
