// The machine's side of the border: serves the requests of messages.ts and runs the machine in
// between, so many slices at a time that a pause is answered at once.

import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { CpuState } from '../cpu/state.ts';
import type { EngineModules } from '../engine/engine.ts';
import { ConsoleBuffer } from './console-buffer.ts';
import type { GuestEnd, LoadedMachine } from './guest.ts';
import { loadMachine } from './load.ts';
import type { SliceEnd } from './machine.ts';
import { MemoryAccess } from './memory-access.ts';
import {
  type Breakpoint,
  type MachineEvents,
  type MachineServer,
  type StopInfo,
  type VcpuId,
  type VcpuInfo,
} from './messages.ts';
import { readRegisters, writeRegister } from './registers.ts';
import { stateHash } from './state-hash.ts';

/** What the server needs of the thread it runs on. */
export interface ServerHost {
  /** Calls back after messages that wait have been served. */
  defer(action: () => void): void;
  /** Calls back after this many milliseconds of real time; the result cancels. */
  sleep(milliseconds: number, action: () => void): () => void;
  /** Real milliseconds, for pacing idle time only. */
  now(): number;
  emit<Name extends keyof MachineEvents>(name: Name, event: MachineEvents[Name]): void;
}

/** Slices between two looks at the messages: some milliseconds. */
const SLICES_PER_TURN = 8;
const NANOSECONDS = 1e6;

interface Step {
  readonly cpu: number;
  left: number;
}

export class MachineServerImplementation {
  private readonly modules: EngineModules;
  private readonly host: ServerHost;
  private loaded: LoadedMachine | undefined;
  private breakpoints: readonly Breakpoint[] = [];
  private running = false;
  private pauseWanted = false;
  private step: Step | undefined;
  private ended: { readonly domain: number; readonly reason: GuestEnd } | undefined;
  private cancelSleep: (() => void) | undefined;
  private readonly console: ConsoleBuffer;
  private readonly log: Logger;

  constructor(modules: EngineModules, host: ServerHost) {
    this.modules = modules;
    this.host = host;
    this.console = new ConsoleBuffer((domain, bytes) => host.emit('console', { domain, bytes }));
    this.log = { log: (level, source, message) => host.emit('log', { level, source, message }) };
  }

  readonly requests: MachineServer = {
    create: (config) => {
      this.stopPacing();
      this.running = false;
      this.ended = undefined;
      this.loaded = loadMachine(
        this.modules,
        config,
        {
          console: (domain, byte) => this.console.write(domain, byte),
          ended: (domain, reason) => {
            this.ended ??= { domain, reason };
            this.loaded?.machine.requestStop();
          },
        },
        this.log,
      );
      this.applyBreakpoints();
      return this.loaded.info;
    },
    run: () => this.start(undefined),
    step: ({ vcpu, count }) => this.start({ cpu: this.cpuOf(vcpu), left: count }),
    pause: () => {
      if (!this.running) return;
      this.pauseWanted = true;
      if (this.cancelSleep) this.wake();
    },
    setBreakpoints: ({ breakpoints }) => {
      this.breakpoints = breakpoints;
      this.applyBreakpoints();
    },
    vcpus: () => this.vcpus(),
    readRegisters: ({ vcpu, groups }) => readRegisters(this.machine.machine, this.cpuOf(vcpu), groups),
    writeRegister: ({ vcpu, name, value }) =>
      writeRegister(this.machine.machine, this.cpuOf(vcpu), name, value),
    readMemory: ({ space, address, length }) => this.access.read(space, address, length),
    writeMemory: ({ space, address, bytes }) => this.access.write(space, address, bytes),
    translate: ({ space, address }) => this.access.translate(space, address),
    stage2Map: ({ domain }) => this.machine.stage2Map(domain),
    consoleInput: ({ domain, bytes }) => {
      if (this.cancelSleep) this.wake();
      this.machine.consoleInput(domain, bytes);
    },
    stateHash: () => stateHash(this.machine),
    statistics: () => ({ ...this.moment(), exits: { ...this.machine.machine.exits } }),
  };

  private get machine(): LoadedMachine {
    if (!this.loaded) throw new UserError('there is no machine yet', 'Create one first.');
    return this.loaded;
  }

  private get access(): MemoryAccess {
    return new MemoryAccess(this.machine, (vcpu) => this.cpuOf(vcpu));
  }

  // ---- running

  private start(step: Step | undefined): void {
    const { machine } = this.machine;
    if (this.running) return;
    this.running = true;
    this.pauseWanted = false;
    this.step = step;
    machine.passBreakpoint();
    this.host.defer(() => this.turn());
  }

  /** A few slices, then whatever messages wait. */
  private turn(): void {
    if (!this.running) return;
    try {
      for (let i = 0; i < SLICES_PER_TURN; i++) {
        if (!this.slice()) return;
      }
    } catch (error) {
      this.running = false;
      this.console.flush();
      this.host.emit('failed', { message: (error as Error).stack ?? String(error) });
      return;
    }
    this.console.flush();
    this.host.defer(() => this.turn());
  }

  /** One slice; false when the machine stands or sleeps. */
  private slice(): boolean {
    const { machine } = this.machine;
    if (this.pauseWanted) return this.stop('pause', machine.currentCpu);
    if (this.step) return this.stepSlice(this.step);
    return this.handle(machine.runSlice(Number.MAX_SAFE_INTEGER));
  }

  private handle(end: SliceEnd): boolean {
    if (this.ended) return this.finish(this.ended);
    switch (end.kind) {
      case 'ran':
      case 'watchpoint':
        return true;
      case 'requested':
        return true;
      case 'idle':
        return this.idle(end.deadline);
      case 'breakpoint': {
        const ids = this.breakpointIdsAt(end.cpu);
        if (ids.length > 0) return this.stop('breakpoint', end.cpu, { breakpointIds: ids });
        this.machine.machine.passBreakpoint();
        return true;
      }
      case 'stuck':
        return this.stop('crash', end.cpu, { description: end.reason });
    }
  }

  /** Executes instructions of one CPU; the others have their turns in full slices. */
  private stepSlice(step: Step): boolean {
    const { machine } = this.machine;
    if (machine.currentCpu !== step.cpu && machine.canRunNow(step.cpu)) machine.giveTurnTo(step.cpu);
    const before = machine.engine.instructions;
    const limit = machine.canRunNow(step.cpu) ? step.left : Number.MAX_SAFE_INTEGER;
    const end = machine.runSlice(limit);
    if (machine.currentCpu === step.cpu) step.left -= machine.engine.instructions - before;
    if (end.kind === 'idle') return this.idle(end.deadline);
    if (end.kind === 'ran' && step.left <= 0) return this.stop('step', step.cpu);
    return this.handle(end);
  }

  /** Every CPU waits: idle time is paced to real time, so that a console is live. */
  private idle(deadline: number): boolean {
    this.console.flush();
    const { machine } = this.machine;
    const now = machine.clock.nanoseconds();
    const since = this.host.now();
    const wait = deadline === Number.POSITIVE_INFINITY ? MAX_SLEEP : (deadline - now) / NANOSECONDS;
    if (wait <= PACED_FROM) {
      machine.skipTo(deadline);
      return true;
    }
    const wake = (): void => {
      this.cancelSleep = undefined;
      const elapsed = (this.host.now() - since) * NANOSECONDS;
      machine.skipTo(Math.min(deadline, now + Math.round(elapsed)));
      this.turn();
    };
    const cancel = this.host.sleep(Math.min(wait, MAX_SLEEP), wake);
    this.cancelSleep = () => {
      cancel();
      wake();
    };
    return false;
  }

  private wake(): void {
    const cancel = this.cancelSleep;
    this.cancelSleep = undefined;
    // The caller goes on first: what it has to say belongs before the next instruction.
    if (cancel) this.host.defer(cancel);
  }

  private stopPacing(): void {
    this.cancelSleep = undefined;
  }

  private stop(
    reason: StopInfo['reason'],
    cpu: number,
    more: { breakpointIds?: readonly number[]; description?: string } = {},
  ): false {
    this.running = false;
    this.step = undefined;
    this.console.flush();
    this.host.emit('stopped', {
      ...this.moment(),
      reason,
      vcpu: this.vcpuOf(cpu),
      breakpointIds: more.breakpointIds ?? [],
      ...(more.description === undefined ? {} : { description: more.description }),
    });
    return false;
  }

  private finish({ domain, reason }: { domain: number; reason: GuestEnd }): false {
    this.running = false;
    this.console.flush();
    this.host.emit('terminated', { ...this.moment(), domain, reason });
    return false;
  }

  // ---- breakpoints

  private applyBreakpoints(): void {
    if (!this.loaded) return;
    const { machine, paOfIpa } = this.loaded;
    machine.engine.setBreakpoints(
      this.breakpoints.flatMap(({ kind, domain, address }): { kind: 'va' | 'pa'; address: bigint }[] => {
        if (kind === 'va') return [{ kind, address }];
        const pa = paOfIpa(domain, Number(address));
        return pa === undefined ? [] : [{ kind: 'pa', address: BigInt(pa) }];
      }),
    );
  }

  private breakpointIdsAt(cpu: number): number[] {
    const { machine, paOfIpa } = this.machine;
    const { domain } = this.vcpuOf(cpu);
    const state = machine.cpus[cpu] as CpuState;
    const pa = machine.withCpu(cpu, () => machine.engine.kernels.probe(state.pc, Math.max(state.el, 1), 0));
    return this.breakpoints
      .filter((breakpoint) => {
        if (breakpoint.domain !== domain) return false;
        if (breakpoint.kind === 'va') return breakpoint.address === state.pc;
        return BigInt(paOfIpa(domain, Number(breakpoint.address)) ?? -2) === pa;
      })
      .map(({ id }) => id);
  }

  // ---- who is who

  private cpuOf(vcpu: VcpuId): number {
    const known = this.machine.info.domains.find(({ domain }) => domain === vcpu.domain);
    if (!known || vcpu.vcpu < 0 || vcpu.vcpu >= known.vcpus) {
      throw new UserError(`there is no vCPU ${vcpu.vcpu} of domain ${vcpu.domain}`, 'Ask for the list of vCPUs.');
    }
    return vcpu.vcpu;
  }

  private vcpuOf(cpu: number): VcpuId {
    return { domain: this.machine.info.domains[0]?.domain ?? 0, vcpu: cpu };
  }

  private vcpus(): VcpuInfo[] {
    const { machine } = this.machine;
    return machine.cpus.map((state, cpu) => ({
      ...this.vcpuOf(cpu),
      state: machine.stateOf(cpu),
      el: state.el,
      pc: state.pc,
    }));
  }

  private moment(): { instructions: number; virtualNanoseconds: number } {
    const { machine } = this.machine;
    return { instructions: machine.engine.instructions, virtualNanoseconds: machine.clock.nanoseconds() };
  }
}

/** Real milliseconds that a sleeping machine is left alone at most. */
const MAX_SLEEP = 1000;
/** Waits shorter than this are skipped: a timer of the host is no finer. */
const PACED_FROM = 1;

