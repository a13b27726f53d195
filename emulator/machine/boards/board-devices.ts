// The devices of a board, made and wired: interrupt controller, timers, UART and clock on one bus.

import { invariant } from '../../base/errors.ts';
import { type Logger, OnceLogger } from '../../base/log.ts';
import { Bus } from '../../devices/bus.ts';
import type { Clock, TimedDevice } from '../../devices/clock.ts';
import { GenericTimer, type GenericTimerState } from '../../devices/generic-timer.ts';
import {
  GicV2,
  type GicV2State,
  GICC_SIZE,
  GICD_SIZE as GICV2_GICD_SIZE,
  GICH_SIZE,
  GICV_SIZE,
} from '../../devices/gic-v2/gic-v2.ts';
import {
  GicV3,
  type GicV3State,
  GICD_SIZE as GICV3_GICD_SIZE,
  GICR_STRIDE,
} from '../../devices/gic-v3/gic-v3.ts';
import type { CpuInterruptLines } from '../../devices/irq-line.ts';
import { type ByteSink, Pl011, type Pl011State } from '../../devices/pl011.ts';
import { Pl031, type Pl031State } from '../../devices/pl031.ts';
import { mmioDevice } from '../../devices/register-block.ts';
import { affinityOf, type Board, type BoardPart, type GicVersion } from './board.ts';

export interface BoardSockets {
  readonly clock: Clock;
  /** Interrupt inputs of the processors, one element for each CPU of the machine. */
  readonly processors: readonly CpuInterruptLines[];
  /** What the UART sends. */
  readonly console: ByteSink;
  readonly log: Logger;
}

export interface BoardDevicesOptions {
  readonly gic: GicVersion;
  /** Seconds since 1970 at moment 0. */
  readonly startTime: number;
}

export interface BoardDevicesState {
  readonly gicV2?: GicV2State;
  readonly gicV3?: GicV3State;
  readonly timers: GenericTimerState[];
  readonly uart: Pl011State;
  readonly rtc: Pl031State;
}

export class BoardDevices implements TimedDevice {
  readonly bus: Bus;
  /** One of the two is there. */
  readonly gicV2: GicV2 | undefined;
  readonly gicV3: GicV3 | undefined;
  /** One for each CPU. */
  readonly timers: readonly GenericTimer[];
  readonly uart: Pl011;
  readonly rtc: Pl031;

  constructor(board: Board, options: BoardDevicesOptions, sockets: BoardSockets) {
    const log = new OnceLogger(sockets.log);
    const { clock, processors } = sockets;
    const limit = options.gic === 2 ? board.gicV2.maxCpus : board.gicV3.maxCpus;
    invariant(processors.length <= limit, `the board has at most ${limit} CPUs`);

    const bus = new Bus(log);
    this.bus = bus;
    const gic =
      options.gic === 2 ? mapGicV2(bus, board, processors, log) : mapGicV3(bus, board, processors, log);
    this.gicV2 = gic instanceof GicV2 ? gic : undefined;
    this.gicV3 = gic instanceof GicV3 ? gic : undefined;

    const { physicalTimer, virtualTimer, hypervisorTimer } = board.privateInterrupts;
    this.timers = processors.map(
      (_, cpu) =>
        new GenericTimer(clock, {
          physical: gic.ppi(cpu, physicalTimer),
          virtual: gic.ppi(cpu, virtualTimer),
          hypervisor: gic.ppi(cpu, hypervisorTimer),
        }),
    );

    const uart = partOf(board, 'pl011');
    this.uart = new Pl011(gic.spi(uart.interrupt.spi), sockets.console);
    bus.map(uart.base, uart.size, mmioDevice(Pl011.registers, this.uart, log));

    const rtc = partOf(board, 'pl031');
    this.rtc = new Pl031(clock, gic.spi(rtc.interrupt.spi), options.startTime);
    bus.map(rtc.base, rtc.size, mmioDevice(Pl031.registers, this.rtc, log));
  }

  /** Virtual nanoseconds at which a device acts by itself next; Infinity when none will. */
  nextDeadline(): number {
    const { timers } = this;
    let deadline = this.rtc.nextDeadline();
    for (let cpu = 0; cpu < timers.length; cpu++) {
      deadline = Math.min(deadline, (timers[cpu] as GenericTimer).nextDeadline());
    }
    return deadline;
  }

  /** To be called whenever time has passed a deadline. */
  update(): void {
    for (const timer of this.timers) timer.update();
    this.rtc.update();
  }

  save(): BoardDevicesState {
    return {
      ...(this.gicV2 === undefined ? {} : { gicV2: this.gicV2.save() }),
      ...(this.gicV3 === undefined ? {} : { gicV3: this.gicV3.save() }),
      timers: this.timers.map((timer) => timer.save()),
      uart: this.uart.save(),
      rtc: this.rtc.save(),
    };
  }

  /** Preconditions: a state of the same board and options; the clock shows its time. */
  restore(state: BoardDevicesState): void {
    state.timers.forEach((timer, cpu) => this.timers[cpu]?.restore(timer));
    this.uart.restore(state.uart);
    this.rtc.restore(state.rtc);
    // Last: restoring the others has moved their interrupt lines.
    if (state.gicV2 !== undefined) this.gicV2?.restore(state.gicV2);
    if (state.gicV3 !== undefined) this.gicV3?.restore(state.gicV3);
  }
}

function mapGicV2(bus: Bus, board: Board, processors: readonly CpuInterruptLines[], log: OnceLogger): GicV2 {
  const { gicV2 } = board;
  const gic = new GicV2(processors, { spis: gicV2.spis, log });
  bus.map(gicV2.distributor.base, GICV2_GICD_SIZE, gic.distributorDevice);
  bus.map(gicV2.cpuInterface.base, GICC_SIZE, gic.cpuInterfaceDevice);
  bus.map(gicV2.hypervisorInterface.base, GICH_SIZE, gic.hypervisorDevice);
  bus.map(gicV2.virtualCpuInterface.base, GICV_SIZE, gic.virtualCpuInterfaceDevice);
  return gic;
}

function mapGicV3(bus: Bus, board: Board, processors: readonly CpuInterruptLines[], log: OnceLogger): GicV3 {
  const { gicV3 } = board;
  const gic = new GicV3(
    processors.map((lines, cpu) => ({ lines, affinity: affinityOf(board, 3, cpu) })),
    { spis: gicV3.spis, log },
  );
  bus.map(gicV3.distributor.base, GICV3_GICD_SIZE, gic.distributorDevice);
  bus.map(gicV3.redistributors.base, GICR_STRIDE * processors.length, gic.redistributorDevice);
  return gic;
}

function partOf(board: Board, device: BoardPart['device']): BoardPart {
  const part = board.parts.find((candidate) => candidate.device === device);
  invariant(part !== undefined, `the board ${board.name} has a ${device}`);
  return part;
}
