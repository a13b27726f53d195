// The machine: CPUs, RAM, devices and time on one thread, driven slice by slice.
//
// It is a pure function of its configuration and its input log. CPUs take turns in slices of an
// exact number of instructions; a slice ends earlier at a deadline of a device, an exit of the
// engine or a limit of the caller. What sits at EL2, or the firmware where nothing does, is a
// socket.

import type { Logger } from '../base/log.ts';
import { type CoreModel, type FeatureSet, featureSet } from '../cpu/features.ts';
import type { Monitor, TrapOutcome } from '../cpu/monitor.ts';
import { CpuState } from '../cpu/state.ts';
import { type RegisterObserver, SystemRegisters } from '../cpu/sysregs/system-registers.ts';
import type { GenericTimer } from '../devices/generic-timer.ts';
import type { ByteSink } from '../devices/pl011.ts';
import { Engine, type EngineModules, type TranslateOptions } from '../engine/engine.ts';
import * as layout from '../memory/layout.ts';
import { PhysicalMemory } from '../memory/physical-memory.ts';
import { affinityOf, type GicVersion } from './boards/board.ts';
import { BoardDevices } from './boards/board-devices.ts';
import { virt } from './boards/virt.ts';
import { MachineClock } from './clock.ts';
import { stuckReason } from './stuck.ts';

/** Instructions that one CPU executes before the next one has its turn. */
export const SLICE = 50_000;

const MPIDR_RES1 = 1n << 31n;

export interface MachineOptions {
  readonly core: CoreModel;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly gic: GicVersion;
  /** EL2 is implemented. Without it, HVC is the firmware's. Default: yes. */
  readonly el2?: boolean;
  /** Seconds since 1970 at moment 0. */
  readonly startTime: number;
  /** See EngineOptions. */
  readonly translate?: TranslateOptions | undefined;
}

export interface MachineSockets {
  /** What the board's UART sends. */
  readonly console: ByteSink;
  readonly log: Logger;
}

/** Takes HVC and SMC that no exception level takes. */
export interface Firmware {
  call(cpu: number): void;
}

/** Work on the machine as a whole that is due at a moment: between two instructions, when no CPU is being run. */
export interface Chores {
  /** Their moment has come: see Machine.setChoresDeadline(). */
  perform(): void;
}

/** Why runSlice() came back. */
export type SliceEnd =
  /** The slice is used up; call again. */
  | { readonly kind: 'ran' }
  /** Every CPU waits. `deadline`: virtual nanoseconds at which a device acts; Infinity when only input helps. */
  | { readonly kind: 'idle'; readonly deadline: number }
  | { readonly kind: 'breakpoint'; readonly cpu: number }
  | { readonly kind: 'watchpoint'; readonly cpu: number }
  /** Something in the machine asked for a stop: requestStop(). */
  | { readonly kind: 'requested'; readonly cpu: number }
  /** The monitor says that a guest can make no progress. */
  | { readonly kind: 'stuck'; readonly cpu: number; readonly reason: string };

type CpuWait = 'no' | 'monitor' | 'off';

export interface MachineState {
  /** Virtual nanoseconds. */
  readonly clock: number;
  /** The CPU whose turn it is, and how many instructions of its slice are left. */
  readonly turn: number;
  readonly sliceLeft: number;
  readonly waits: readonly CpuWait[];
  /** See runOnly(). */
  readonly only?: number;
}

export class Machine {
  readonly engine: Engine;
  readonly clock: MachineClock;
  readonly devices: BoardDevices;
  readonly memory: PhysicalMemory;
  readonly cpus: readonly CpuState[];
  readonly systemRegisters: SystemRegisters;
  readonly options: MachineOptions;
  readonly features: FeatureSet;
  /** What sits at EL2, unless guest code does. */
  monitor: Monitor | undefined;
  firmware: Firmware | undefined;
  chores: Chores | undefined;
  /** Slices so far, whoever had them: tells whether anything ran since. */
  slices = 0;
  private readonly exitCounts = new Float64Array(EXIT_NAMES.length);
  /** Accesses of generated code that TypeScript served: devices, and system registers that no kernel has. */
  readonly accesses = { deviceReads: 0, deviceWrites: 0, registerReads: 0, registerWrites: 0 };

  /** Whether what an instruction touched of what is watched stops the machine; see EngineHost. */
  judgeWatchpoints: (() => boolean) | undefined;
  /** Is told of exceptions as Engine.setExceptionEvents() says. */
  exceptionTaken: ((targetEl: number, fromEl: number, vector: number) => void) | undefined;

  /** Is told when what sits at EL2 has served a trap of this CPU, which goes on, waits or is off. */
  trapServed: ((cpu: number) => void) | undefined;

  /** When the monitor and chores are due, and the earlier of both. */
  private monitorDeadline = Number.POSITIVE_INFINITY;
  private choresDeadline = Number.POSITIVE_INFINITY;
  private otherDeadline = Number.POSITIVE_INFINITY;
  private readonly waits: CpuWait[];
  private only: number | undefined;
  /** The CPU whose turn it is, and where its slice ends (in instructions of the machine). */
  private turn = 0;
  private sliceEnd = 0;
  /** Where the caller's limit ends, in instructions of the machine. */
  private stopAt = 0;
  /** An exit that was served within run() ends the slice so. */
  private servedEnd: SliceEnd | undefined;
  /** The CPU whose next instruction does not stop at its breakpoint. */
  private passing: number | undefined;
  private stopRequested = false;
  private inSlice = false;
  /** Whether SYSREG_ACCESS was computed for the selected CPU. */
  private accessKnown = false;

  constructor(modules: EngineModules, options: MachineOptions, sockets: MachineSockets) {
    this.options = options;
    const features = featureSet(options.core, { gicV3: options.gic === 3, el2: options.el2 ?? true });
    this.features = features;
    const engine = new Engine(
      modules,
      {
        cpus: options.cpus,
        ramBase: virt.ram.base,
        ramSize: options.memory,
        features,
        translate: options.translate,
      },
      {
        readDevice: (pa, size) => {
          this.accesses.deviceReads++;
          return this.devices.bus.read(pa, size, engine.selected);
        },
        readDeviceHigh: () => this.devices.bus.high,
        writeDevice: (pa, size, low, high) => {
          this.accesses.deviceWrites++;
          const result = this.devices.bus.write(pa, size, low, high, engine.selected);
          this.deadlineMayHaveMoved();
          return result;
        },
        readSystemRegister: (index) => {
          this.accesses.registerReads++;
          this.systemRegisters.read(index);
        },
        writeSystemRegister: (index) => {
          this.accesses.registerWrites++;
          this.systemRegisters.write(index);
          this.deadlineMayHaveMoved();
        },
        serveExit: (reason) => this.serveExit(reason),
        exceptionTaken: (target, from, vector) => this.exceptionTaken?.(target, from, vector),
        judgeWatchpoints: () => this.judgeWatchpoints?.() ?? true,
      },
    );
    this.engine = engine;
    this.clock = new MachineClock(() => engine.instructions);
    this.memory = new PhysicalMemory(engine.memory, virt.ram.base, options.memory, (pa, length) =>
      engine.kernels.invalidateRange(BigInt(pa), length),
    );
    const indexes = Array.from({ length: options.cpus }, (_, cpu) => cpu);
    this.cpus = indexes.map((cpu) => new CpuState(engine.memory, cpu, (n) => engine.blockOf(n)));
    this.waits = indexes.map(() => 'no');
    this.devices = new BoardDevices(
      virt,
      { gic: options.gic, startTime: options.startTime },
      {
        clock: this.clock,
        processors: indexes.map((cpu) => this.linesOf(cpu)),
        console: sockets.console,
        log: sockets.log,
      },
    );
    this.systemRegisters = new SystemRegisters({
      memory: engine.memory,
      kernels: engine.kernels,
      features,
      clock: this.clock,
      currentCpu: () => engine.selected,
      timerOf: (cpu) => this.devices.timers[cpu] as GenericTimer,
      gicOf: (cpu) => this.devices.gicV3?.cpus[cpu],
      blockOf: (cpu) => engine.blockOf(cpu),
    });
    for (const cpu of indexes) this.resetCpu(cpu);
    engine.select(0);
  }

  /** Sets all registers of a CPU to their values after reset. */
  resetCpu(cpu: number): void {
    const state = this.cpus[cpu] as CpuState;
    for (let n = 0; n < 31; n++) state.setX(n, 0n);
    for (let n = 0; n < 32; n++) state.setV(n, 0n);
    state.sp = 0n;
    state.nzcv = 0;
    state.write32(layout.PSTATE_OTHER, 0);
    state.write32(layout.FPCR, 0);
    state.write32(layout.FPSR, 0);
    state.write32(layout.EXCLUSIVE_VALID, 0);
    this.systemRegisters.reset(cpu);
    state.setSysreg(layout.MPIDR_EL1, MPIDR_RES1 | BigInt(affinityOf(virt, this.options.gic, cpu)));
  }

  /** Starts a CPU at this address. `pstate` as SPSR_ELx holds it. Everything else is as after reset. */
  startCpu(cpu: number, pc: bigint, pstate: number): void {
    const state = this.cpus[cpu] as CpuState;
    state.pc = pc;
    state.pstate = pstate;
    state.write32(layout.WAITING, layout.WAIT_NONE);
    this.waits[cpu] = 'no';
    this.accessKnown = false;
  }

  /** A CPU executes nothing until it is started. */
  stopCpu(cpu: number): void {
    this.waits[cpu] = 'off';
    this.cpus[cpu]?.write32(layout.WAITING, layout.WAIT_OFF);
    if (cpu === this.engine.selected) this.engine.requestExit();
  }

  isOff(cpu: number): boolean {
    return this.waits[cpu] === 'off';
  }

  /** The CPU waits as after the outcome `wait` of a trap. */
  parkCpu(cpu: number): void {
    this.waits[cpu] = 'monitor';
  }

  /** The CPU returns from EL2 by ELR_EL2 and SPSR_EL2, and runs when its turn comes. */
  returnFromEl2(cpu: number): void {
    this.cpus[cpu]?.write32(layout.PSTATE_EL, 2);
    this.withCpu(cpu, () => this.engine.kernels.exceptionReturn());
    this.waits[cpu] = 'no';
  }

  /** The monitor lets a CPU go on that it had told to wait. */
  wakeCpu(cpu: number): void {
    this.waits[cpu] = 'no';
  }

  /** Stops the run after the present instruction: runSlice() returns `requested`. */
  requestStop(): void {
    this.stopRequested = true;
    this.engine.requestExit();
  }

  /** The next instruction of the CPU whose turn it is does not stop at its breakpoint. */
  passBreakpoint(): void {
    this.passing = this.turn;
  }

  /** Exits out of generated code, by kind. */
  get exits(): Readonly<Record<string, number>> {
    const counted = EXIT_NAMES.map((name, reason) => [name, this.exitCounts[reason] as number] as const);
    return Object.fromEntries(counted.filter(([, count]) => count > 0));
  }

  get currentCpu(): number {
    return this.turn;
  }

  /** Whether the CPU would execute an instruction if it had its turn. */
  canRunNow(cpu: number): boolean {
    return this.canRun(cpu);
  }

  /** The CPU's slice begins now. */
  giveTurnTo(cpu: number): void {
    this.turn = cpu;
    this.sliceEnd = this.engine.instructions + SLICE;
  }

  /** The other CPUs stand still until they are let go on: by undefined, all are. */
  runOnly(cpu: number | undefined): void {
    this.only = cpu;
    this.monitor?.runAlone?.(cpu);
  }

  get onlyCpu(): number | undefined {
    return this.only;
  }

  /** What the CPU does, for people. */
  stateOf(cpu: number): 'running' | 'wfi' | 'wfe' | 'off' | 'blocked' {
    if (this.waits[cpu] === 'off') return 'off';
    if (this.waits[cpu] === 'monitor') return 'blocked';
    return this.cpus[cpu]?.read32(layout.WAITING) === layout.WAIT_WFI ? 'wfi' : 'running';
  }

  /** Who is told of accesses to system registers: see SystemRegisters.observe(). Not while a slice is under way. */
  observeRegisters(
    reads: readonly number[],
    writes: readonly number[],
    observer: RegisterObserver | undefined,
  ): void {
    this.systemRegisters.observe(reads, writes, observer);
    this.accessKnown = false;
  }

  /** Calls back with this CPU selected. */
  withCpu<T>(cpu: number, action: () => T): T {
    const before = this.engine.selected;
    if (cpu !== before) this.accessKnown = false;
    this.engine.select(cpu);
    try {
      return action();
    } finally {
      this.engine.select(before);
    }
  }

  /** What the run loop remembers beside registers, RAM and devices. */
  save(): MachineState {
    const left = Math.max(this.sliceEnd - this.engine.instructions, 0);
    return {
      clock: this.clock.nanoseconds(),
      turn: this.turn,
      sliceLeft: left,
      waits: [...this.waits],
      ...(this.only !== undefined && { only: this.only }),
    };
  }

  /** Executes up to the end of a slice, and at most `limit` instructions. */
  runSlice(limit: number): SliceEnd {
    this.inSlice = true;
    const end = this.slice(limit);
    this.inSlice = false;
    return end;
  }

  /** What happens now is the machine's own doing, and nobody's outside. */
  get isInSlice(): boolean {
    return this.inSlice;
  }

  private slice(limit: number): SliceEnd {
    this.update();
    this.doChores();
    const { engine } = this;
    this.stopAt = engine.instructions + limit;
    const cpu = this.beginTurn();
    if (cpu === undefined) return { kind: 'idle', deadline: this.deadline() };
    this.slices++;
    for (;;) {
      const budget = this.budgetOf(cpu, this.deadline());
      if (budget === 0) break;
      const isPassing = this.passing === cpu;
      if (isPassing) this.passing = undefined;
      const reason = isPassing ? engine.runPastBreakpoint(budget) : engine.run(budget, true);
      const stop = this.endOfExit(cpu, reason);
      if (stop) return stop;
      if (this.stopRequested) {
        this.stopRequested = false;
        return { kind: 'requested', cpu };
      }
      if (this.cpus[cpu]?.read32(layout.WAITING) !== layout.WAIT_NONE) break;
    }
    const reason = stuckReason(this.cpus[cpu] as CpuState);
    return reason === undefined ? { kind: 'ran' } : { kind: 'stuck', cpu, reason };
  }

  /** Instructions that the CPU may execute in one run() call; 0 when its slice is over or it waits. */
  private budgetOf(cpu: number, deadline: number): number {
    if (this.waits[cpu] !== 'no' || this.hasChores) return 0;
    // An exit may have given up the rest of the slice.
    const left = Math.min(this.sliceEnd, this.stopAt) - this.engine.instructions;
    if (left <= 0) return 0;
    const untilDeadline = Math.ceil(deadline - this.clock.nanoseconds());
    return Math.min(left, Math.max(untilDeadline, 1));
  }

  /** Why the slice ends with this exit, if it does. */
  private endOfExit(cpu: number, reason: number): SliceEnd | undefined {
    if (reason !== layout.EXIT_SERVED) {
      const stop = this.handleExit(cpu, reason);
      this.update();
      return stop;
    }
    const stop = this.servedEnd;
    this.servedEnd = undefined;
    return stop;
  }

  /** A trap or a call of the firmware within run(): see EngineHost. */
  private serveExit(reason: number): number {
    const cpu = this.engine.selected;
    this.servedEnd = this.handleExit(cpu, reason);
    let deadline = this.deadline();
    if (deadline <= this.clock.nanoseconds()) {
      this.update();
      deadline = this.deadline();
    }
    if (this.servedEnd || this.stopRequested) return 0;
    return this.cpus[cpu]?.read32(layout.WAITING) === layout.WAIT_NONE ? this.budgetOf(cpu, deadline) : 0;
  }

  /**
   * Takes the interrupts that are pending, as the next slice would before its first instruction. Where
   * the machine stands is then a matter of the moment alone, not of how the run up to it was cut.
   * False when every CPU waits.
   */
  settle(): boolean {
    this.update();
    this.doChores();
    for (let cpu = this.beginTurn(); cpu !== undefined; cpu = this.beginTurn()) {
      const reason = this.engine.run(0);
      if (reason === layout.EXIT_BUDGET) return true;
      this.handleExit(cpu, reason);
      this.update();
    }
    return false;
  }

  /** Lets idle time pass up to a moment, and what is due by then happen. */
  skipTo(nanoseconds: number): void {
    this.clock.skipTo(nanoseconds);
    this.update();
    this.doChores();
  }

  /** When a device or the monitor acts next by itself, in virtual nanoseconds. */
  deadline(): number {
    return Math.min(this.devices.nextDeadline(), this.otherDeadline);
  }

  /** Virtual nanoseconds at which Monitor.expire() is due: a multiple of the counter's tick, or Infinity. */
  setMonitorDeadline(nanoseconds: number): void {
    this.monitorDeadline = nanoseconds;
    this.otherDeadline = Math.min(this.monitorDeadline, this.choresDeadline);
  }

  setChoresDeadline(nanoseconds: number): void {
    this.choresDeadline = nanoseconds;
    this.otherDeadline = Math.min(this.monitorDeadline, this.choresDeadline);
  }

  private get hasChores(): boolean {
    return (
      this.choresDeadline !== Number.POSITIVE_INFINITY && this.choresDeadline <= this.clock.nanoseconds()
    );
  }

  private doChores(): void {
    while (this.hasChores) this.chores?.perform();
  }

  /** What is due by now happens. */
  private update(): void {
    this.devices.update();
    if (this.monitorDeadline <= this.clock.nanoseconds()) this.monitor?.expire?.();
  }

  private handleExit(cpu: number, reason: number): SliceEnd | undefined {
    this.exitCounts[reason] = (this.exitCounts[reason] as number) + 1;
    switch (reason) {
      case layout.EXIT_WAIT:
        return this.handleWait(cpu);
      case layout.EXIT_TRAP:
        return this.handleTrap(cpu);
      case layout.EXIT_YIELD:
        this.sliceEnd = this.engine.instructions;
        return undefined;
      case layout.EXIT_FIRMWARE:
        this.firmware?.call(cpu);
        return undefined;
      case layout.EXIT_BREAKPOINT:
        return { kind: 'breakpoint', cpu };
      case layout.EXIT_WATCHPOINT:
        return { kind: 'watchpoint', cpu };
      default:
        return undefined;
    }
  }

  /** WFE gives up the rest of the slice only: what it waits for may be another CPU's store. */
  private handleWait(cpu: number): undefined {
    const state = this.cpus[cpu] as CpuState;
    if (state.read32(layout.WAITING) === layout.WAIT_WFE) {
      state.write32(layout.WAITING, layout.WAIT_NONE);
      this.sliceEnd = this.engine.instructions;
    }
  }

  private handleTrap(cpu: number): SliceEnd | undefined {
    const outcome: TrapOutcome = this.monitor?.onTrap(cpu) ?? { kind: 'stop', reason: 'nothing sits at EL2' };
    this.engine.select(cpu);
    this.engine.kernels.exceptionReturn();
    // The monitor may have changed what the guest may access.
    this.systemRegisters.controlsMayHaveChanged();
    this.trapServed?.(cpu);
    switch (outcome.kind) {
      case 'resume':
        return undefined;
      case 'wait':
        this.waits[cpu] = 'monitor';
        return undefined;
      case 'off':
        this.waits[cpu] = 'off';
        return undefined;
      case 'yield':
        this.sliceEnd = this.engine.instructions;
        return undefined;
      case 'stop':
        return { kind: 'stuck', cpu, reason: outcome.reason };
    }
  }

  /** The CPU to run: the one whose turn it is while its slice lasts, else the next that can run. */
  private nextCpu(): number | undefined {
    const count = this.cpus.length;
    const unfinished = this.engine.instructions < this.sliceEnd;
    for (let i = unfinished ? 0 : 1; i <= count; i++) {
      const cpu = (this.turn + i) % count;
      if (this.canRun(cpu)) return cpu;
    }
    return undefined;
  }

  private canRun(cpu: number): boolean {
    const state = this.cpus[cpu] as CpuState;
    if (this.waits[cpu] === 'off' || (this.only !== undefined && this.only !== cpu)) return false;
    // An interrupt ends the wait, whatever PSTATE masks; a physical one brings the monitor back.
    if (this.waits[cpu] === 'monitor') return state.read32(layout.LINES) !== 0;
    if (state.read32(layout.WAITING) === layout.WAIT_NONE) return true;
    return this.withCpu(cpu, () => this.engine.kernels.hasWakeEvent()) !== 0;
  }

  /** A CPU that can run waits no more. */
  private endWait(cpu: number): void {
    this.waits[cpu] = 'no';
    this.cpus[cpu]?.write32(layout.WAITING, layout.WAIT_NONE);
  }

  /** The CPU that goes on now; undefined when every one waits. */
  private beginTurn(): number | undefined {
    const cpu = this.nextCpu();
    if (cpu === undefined) return undefined;
    if (cpu !== this.turn || this.engine.instructions >= this.sliceEnd) this.giveTurnTo(cpu);
    this.endWait(cpu);
    this.turnTo(cpu);
    return cpu;
  }

  private turnTo(cpu: number): void {
    if (cpu === this.engine.selected && this.accessKnown) return;
    this.engine.select(cpu);
    this.systemRegisters.accessChanged();
    this.accessKnown = true;
  }

  /** A register access may have brought the next deadline nearer than the end of the present run. */
  private deadlineMayHaveMoved(): void {
    const left = Math.ceil(this.deadline() - this.clock.nanoseconds());
    this.engine.limitBudget(Math.max(left, 0));
  }

  private linesOf(cpu: number): {
    irq: { set(high: boolean): void };
    fiq: { set(high: boolean): void };
    virq: { set(high: boolean): void };
    vfiq: { set(high: boolean): void };
  } {
    const line = (bit: number): { set(high: boolean): void } => ({
      set: (high) => this.engine.setLine(cpu, bit, high),
    });
    return {
      irq: line(layout.LINE_IRQ),
      fiq: line(layout.LINE_FIQ),
      virq: line(layout.LINE_VIRQ),
      vfiq: line(layout.LINE_VFIQ),
    };
  }
}

/** Of EXIT_*, in their order. */
const EXIT_NAMES = ['slice', 'wait', 'trap', 'breakpoint', 'watchpoint', 'request', 'yield', 'firmware'];
