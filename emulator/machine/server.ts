// The machine's side of the border: serves the requests of messages.ts and runs the machine in
// between, so many slices at a time that a pause is answered at once.

import { describeBug, invariant, UserError } from '../base/errors.ts';
import type { HostFiles } from '../formats/disk-image/host-files.ts';
import type { Logger } from '../base/log.ts';
import type { CpuState } from '../cpu/state.ts';
import type { EngineModules } from '../engine/engine.ts';
import { ConsoleBuffer } from './console-buffer.ts';
import { type DomainEnded, DomainEnds } from './domain-ends.ts';
import type { LoadedMachine } from './guest.ts';
import { beginIdle } from './idle-pacing.ts';
import { loadMachine } from './load.ts';
import type { SliceEnd } from './machine.ts';
import { InputLog, type LoggedInput } from './input-log.ts';
import { MemoryAccess } from './memory-access.ts';
import {
  type Breakpoint,
  type EventBreakpoint,
  HYPERVISOR_CONSOLE,
  type Moment,
  type MachineEvents,
  type MachineServer,
  type RunOptions,
  type StoppedState,
  type StopInfo,
  type VcpuId,
  type VcpuInfo,
  type Watchpoint,
} from './messages.ts';
import { generalRegisters, readRegisters } from './registers.ts';
import { takeSnapshot } from './snapshot.ts';
import { stateHash } from './state-hash.ts';
import type { EventSource } from './stops/occurrence.ts';
import { type Hit, type JudgedStop, Stops } from './stops/stops.ts';

/** What the server needs of the thread it runs on. */
export interface ServerHost {
  /** Calls back after messages that wait have been served. */
  defer(action: () => void): void;
  /** Calls back after this many milliseconds of real time; the result cancels. */
  sleep(milliseconds: number, action: () => void): () => void;
  /** Real milliseconds: for pacing idle time, and for looking at the messages in time. */
  now(): number;
  emit<Name extends keyof MachineEvents>(name: Name, event: MachineEvents[Name]): void;
  /** Where the images of disks are. */
  readonly files?: HostFiles;
}

/** Answers what panels ask (emulator/debug stands above and is plugged in). */
export interface MachineInspector {
  /** Plain data. Throws UserErrors. */
  inspect(name: string, args: Readonly<Record<string, unknown>>): unknown;
  /** A view as text, for a line such as `gic vcpu=1`. Throws UserErrors. */
  command(line: string, focus: VcpuId): string;
  readonly events: EventSource;
  /** A guest has printed it: lines are events too. */
  consoleByte(domain: number, byte: number): void;
}

/** Real milliseconds between two looks at the messages, as far as slices are shorter than that. */
const TURN = 10;
const PAGE = 4096;
const PAGE_BASE = ~0xfffn;
/** Hits of log points that are told of in one turn; of more the last of each and the number. */
const HITS_PER_TURN = 500;

interface Step {
  readonly cpu: number;
  left: number;
}

export class MachineServerImplementation {
  private readonly modules: EngineModules;
  private readonly host: ServerHost;
  private readonly createInspector: (loaded: LoadedMachine) => MachineInspector;
  private inspector: MachineInspector | undefined;
  private loaded: LoadedMachine | undefined;
  private inputLog: InputLog | undefined;
  private stops: Stops | undefined;
  private breakpoints: readonly Breakpoint[] = [];
  private watchpoints: readonly Watchpoint[] = [];
  private events: readonly EventBreakpoint[] = [];
  /** Of this turn: hits of log points that were told of; of the others by breakpoint. */
  private hits = 0;
  private readonly moreHits = new Map<number, { last: Moment & Hit; count: number }>();
  private running = false;
  private pauseWanted = false;
  private step: Step | undefined;
  private domains = new DomainEnds([]);
  /** By CPU: whether its vCPU was on when that was last told. */
  private on: boolean[] = [];
  /** Ends the sleep of an idle machine; with it goes on or, when another one takes its place, not. */
  private cancelSleep: ((goOn: boolean) => void) | undefined;
  /** Counts runs: what was deferred for an earlier one does nothing. */
  private runs = 0;
  /** Why the machine cannot go on: our own mistake. What it holds can still be looked at. */
  private broken: string | undefined;
  private readonly console: ConsoleBuffer;
  private readonly log: Logger;

  constructor(
    modules: EngineModules,
    host: ServerHost,
    createInspector: (loaded: LoadedMachine) => MachineInspector = notInspectable,
  ) {
    this.modules = modules;
    this.host = host;
    this.createInspector = createInspector;
    this.console = new ConsoleBuffer((domain, bytes) => host.emit('console', { domain, bytes }));
    this.log = { log: (level, source, message) => host.emit('log', { level, source, message }) };
  }

  readonly requests: MachineServer = {
    create: (config) => {
      this.cancelSleep?.(false);
      this.running = false;
      this.domains = new DomainEnds([]);
      this.broken = undefined;
      this.loaded?.close?.();
      this.loaded = loadMachine(
        this.modules,
        config,
        {
          console: (domain, byte) => {
            this.console.write(domain, byte);
            this.inspector?.consoleByte(domain, byte);
          },
          hypervisorConsole: (text) => {
            this.console.flush();
            this.host.emit('console', { domain: HYPERVISOR_CONSOLE, bytes: new TextEncoder().encode(text) });
          },
          ended: (domain, reason) => {
            this.domains.end(domain, reason);
            this.loaded?.machine.requestStop();
          },
        },
        this.log,
        this.host.files,
      );
      this.domains = new DomainEnds(this.loaded.info.domains.map(({ domain }) => domain));
      this.inputLog = new InputLog(this.loaded);
      this.on = this.loaded.machine.cpus.map((_, cpu) => this.isOn(cpu));
      this.inspector = this.createInspector(this.loaded);
      this.stops = this.createStops(this.loaded, this.inspector.events);
      return this.loaded.info;
    },
    close: () => {
      this.cancelSleep?.(false);
      this.running = false;
      this.loaded?.close?.();
    },
    run: (options) => this.start(undefined, options),
    step: ({ vcpu, count, ...options }) => {
      if (this.domains.hasEnded(vcpu.domain)) throw notSteppable(vcpu.domain);
      this.start({ cpu: this.cpuOf(vcpu), left: count }, options);
    },
    judgeHere: ({ vcpu }) => {
      const cpu = this.cpuOf(vcpu);
      const isNext = !this.running && this.machine.machine.currentCpu === cpu;
      return (isNext ? this.stops?.judgeAt(cpu) : undefined) ?? { breakpointIds: [] };
    },
    pause: () => {
      if (!this.running) return;
      this.pauseWanted = true;
      this.cancelSleep?.(true);
    },
    setBreakpoints: ({ breakpoints }) => this.setBreakpoints(breakpoints),
    setWatchpoints: ({ watchpoints }) => {
      this.stops?.setWatchpoints(watchpoints);
      this.watchpoints = watchpoints;
    },
    setEventBreakpoints: ({ events }) => {
      this.stops?.setEvents(events);
      this.events = events;
    },
    vcpus: () => this.vcpus(),
    readRegisters: ({ vcpu, groups }) => readRegisters(this.machine.machine, this.cpuOf(vcpu), groups),
    writeRegister: ({ vcpu, name, value }) =>
      this.toInputLog().enter({ kind: 'register', cpu: this.cpuOf(vcpu), name, value }),
    readMemory: ({ space, address, length }) => this.access.read(space, address, length),
    writeMemory: ({ space, address, bytes }) => {
      if (space.kind === 'va') this.cpuOf(space.at);
      return this.toInputLog().writeMemory(space, address, bytes);
    },
    translate: ({ space, address }) => this.access.translate(space, address),
    deviceTree: ({ domain }) => this.machine.deviceTree(domain),
    stage2Map: ({ domain }) => this.machine.stage2Map(domain),
    inspect: ({ name, args }) => {
      if (!this.inspector) throw noMachine();
      return { ...this.moment(), view: this.inspector.inspect(name, args) };
    },
    inspectCommand: ({ line, focus }) => {
      if (!this.inspector) throw noMachine();
      return this.inspector.command(line, focus);
    },
    act: ({ action }) => {
      this.toInputLog().enter({ kind: 'action', action });
      if (this.running) return;
      // Nobody has to let it run to hear that a domain is gone.
      this.step = undefined;
      const news = this.domains.takeNews();
      if (news.length > 0) this.tellEnds(news);
    },
    consoleInput: ({ domain, bytes }) => this.toInputLog().enter({ kind: 'console', domain, bytes }),
    stateHash: () => stateHash(this.machine),
    snapshot: () => {
      if (!this.inputLog) throw noMachine();
      if (this.running) throw new UserError('the machine runs', 'Pause it first.');
      return takeSnapshot(this.machine, this.inputLog);
    },
    statistics: () => ({ ...this.moment(), exits: { ...this.machine.machine.exits } }),
  };

  private get machine(): LoadedMachine {
    if (!this.loaded) throw noMachine();
    return this.loaded;
  }

  /** What came into the machine from outside so far. */
  get inputs(): readonly LoggedInput[] {
    return this.inputLog?.entries ?? [];
  }

  /** Where an input enters: virtual time has come up to now, should the machine sleep. */
  private toInputLog(): InputLog {
    if (!this.inputLog) throw noMachine();
    this.cancelSleep?.(true);
    return this.inputLog;
  }

  private get access(): MemoryAccess {
    return new MemoryAccess(this.machine);
  }

  // ---- running

  private start(step: Step | undefined, { only, judgesHere = false, breakpoints }: RunOptions): void {
    const { machine } = this.machine;
    if (breakpoints) this.setBreakpoints(breakpoints);
    if (this.broken !== undefined) throw new UserError(this.broken, 'Restart the machine.');
    if (this.running) return;
    const onlyCpu = only && this.cpuOf(only);
    if (machine.onlyCpu !== onlyCpu) this.toInputLog().enter({ kind: 'only', cpu: onlyCpu });
    this.running = true;
    this.pauseWanted = false;
    this.step = step;
    if (!judgesHere) machine.passBreakpoint();
    const run = ++this.runs;
    this.host.defer(() => this.turn(run));
  }

  /** A few slices, then whatever messages wait. */
  private turn(run: number): void {
    if (!this.running || run !== this.runs) return;
    const start = this.host.now();
    try {
      do {
        if (!this.slice()) return;
      } while (this.host.now() - start < TURN);
    } catch (error) {
      this.fail(error);
      return;
    } finally {
      this.endHits();
    }
    this.console.flush();
    this.tellVcpus();
    this.host.defer(() => this.turn(run));
  }

  /** Our own mistake: the machine stands for good, as it is, and can be looked at. */
  private fail(error: unknown): void {
    this.broken = describeBug(error);
    if (error instanceof Error) this.log.log('debug', 'machine', error.stack ?? error.message);
    this.stop('crash', this.machine.machine.currentCpu, { description: this.broken });
  }

  /** One slice; false when the machine stands or sleeps. */
  private slice(): boolean {
    const { machine } = this.machine;
    if (this.pauseWanted) return this.stop('pause', machine.currentCpu);
    // What came in from outside may have been watched for.
    const stop = this.stops?.take();
    if (stop) return this.stopAsJudged(stop);
    if (this.step) return this.stepSlice(this.step);
    return this.handle(machine.runSlice(Number.MAX_SAFE_INTEGER));
  }

  private handle(end: SliceEnd): boolean {
    const stop = this.stops?.take();
    if (stop) return this.stopAsJudged(stop);
    const news = this.domains.takeNews();
    if (news.length > 0 || this.domains.last) return this.tellEnds(news);
    switch (end.kind) {
      case 'ran':
      case 'watchpoint':
        return true;
      case 'requested':
        return true;
      case 'idle':
        return this.idle(end.deadline);
      case 'breakpoint':
        // It was set or lifted since it was judged.
        this.machine.machine.passBreakpoint();
        return true;
      case 'stuck':
        return this.stop('crash', end.cpu, { description: end.reason });
    }
  }

  /** Executes instructions of one CPU; the others have their turns in full slices. */
  private stepSlice(step: Step): boolean {
    const { machine } = this.machine;
    if (machine.currentCpu !== step.cpu && machine.canRunNow(step.cpu)) {
      this.toInputLog().enter({ kind: 'turn', cpu: step.cpu });
    }
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
    const sleep = beginIdle(this.machine.machine, deadline, () => this.host.now());
    if (!sleep) return true;
    const run = this.runs;
    const wake = (): void => {
      this.cancelSleep = undefined;
      sleep.end();
      this.turn(run);
    };
    const cancel = this.host.sleep(sleep.milliseconds, wake);
    this.cancelSleep = (goOn) => {
      this.cancelSleep = undefined;
      cancel();
      if (!goOn) return;
      // What the caller has to say happens now, and before the next instruction.
      sleep.end();
      this.host.defer(() => this.turn(run));
    };
    return false;
  }

  private stop(reason: StopInfo['reason'], cpu: number, more: Partial<StopInfo> = {}): false {
    this.running = false;
    this.step = undefined;
    this.console.flush();
    this.tellVcpus();
    // Nothing is to happen between what is shown now and what a debugger changes then.
    if (reason === 'pause') this.machine.machine.settle();
    this.host.emit('stopped', {
      ...this.moment(),
      reason,
      vcpu: this.vcpuOf(cpu),
      breakpointIds: [],
      ...(this.broken === undefined && { state: this.stateOf(cpu) }),
      ...more,
    });
    return false;
  }

  private stateOf(cpu: number): StoppedState {
    const { machine } = this.machine;
    const { sp, pc } = machine.cpus[cpu] as CpuState;
    const space = { kind: 'va', at: this.vcpuOf(cpu) } as const;
    const { access } = this;
    const pages = new Set([sp & PAGE_BASE, pc & PAGE_BASE]);
    return {
      general: generalRegisters(machine, cpu),
      pages: Array.from(pages, (address) => ({ address, bytes: access.read(space, address, PAGE) })),
    };
  }

  private stopAsJudged({ reason, cpu, ...more }: JudgedStop): false {
    return this.stop(reason, cpu, more);
  }

  /** The machine goes on while a domain lives, except that a crash is to be looked at. */
  private tellEnds(news: readonly DomainEnded[]): boolean {
    this.console.flush();
    const { last } = this.domains;
    for (const end of news) {
      if (end !== last) this.host.emit('domainEnded', { ...this.moment(), ...end });
    }
    if (last) {
      this.running = false;
      this.host.emit('terminated', { ...this.moment(), ...last });
      return false;
    }
    const crash = news.find(({ reason }) => reason === 'crash');
    if (crash) return this.stop('crash', this.cpuIn(crash.domain), { description: 'The guest crashed' });
    const { step } = this;
    // Nothing is left to step.
    const isOver = step !== undefined && this.domains.hasEnded(this.vcpuOf(step.cpu).domain);
    return !isOver || this.stop('step', step.cpu);
  }

  // ---- breakpoints

  private setBreakpoints(breakpoints: readonly Breakpoint[]): void {
    this.stops?.setBreakpoints(breakpoints);
    this.breakpoints = breakpoints;
  }

  private createStops(loaded: LoadedMachine, events: EventSource): Stops {
    const stops = new Stops(loaded, events, (hit) => this.hit(hit));
    stops.setBreakpoints(this.breakpoints);
    stops.setWatchpoints(this.watchpoints);
    stops.setEvents(this.events);
    return stops;
  }

  /** A log point was passed. What the guest printed until then comes first. */
  private hit(hit: Hit): void {
    if (this.hits === HITS_PER_TURN) {
      const count = (this.moreHits.get(hit.id)?.count ?? 0) + 1;
      this.moreHits.set(hit.id, { last: { ...this.moment(), ...hit }, count });
      return;
    }
    this.hits++;
    this.console.flush();
    this.host.emit('hit', { ...this.moment(), ...hit });
  }

  private endHits(): void {
    this.hits = 0;
    if (this.moreHits.size === 0) return;
    this.console.flush();
    let omitted = 0;
    for (const { last, count } of this.moreHits.values()) {
      omitted += count - 1;
      this.host.emit('hit', { ...last, omitted: count - 1 });
    }
    this.moreHits.clear();
    const words = `${omitted} more hits of log points came at once and are not shown`;
    if (omitted > 0) this.log.log('warn', 'machine', words);
  }

  // ---- who is who

  private cpuOf(vcpu: VcpuId): number {
    const cpu = this.machine.cpuOf(vcpu);
    if (cpu !== undefined) return cpu;
    throw new UserError(
      `there is no vCPU ${vcpu.vcpu} of domain ${vcpu.domain}`,
      'Ask for the list of vCPUs.',
    );
  }

  private vcpuOf(cpu: number): VcpuId {
    const vcpu = this.machine.vcpuOf(cpu);
    invariant(vcpu !== undefined, `CPU ${cpu} has a vCPU`);
    return vcpu;
  }

  /** The CPU that runs, if it is the domain's; otherwise that of vCPU 0. */
  private cpuIn(domain: number): number {
    const { currentCpu } = this.machine.machine;
    return this.machine.vcpuOf(currentCpu)?.domain === domain ? currentCpu : this.cpuOf({ domain, vcpu: 0 });
  }

  private isOn(cpu: number): boolean {
    const vcpu = this.machine.vcpuOf(cpu);
    return vcpu !== undefined && this.machine.isOn(vcpu);
  }

  /** Which vCPUs were switched on or off since the last time. */
  private tellVcpus(): void {
    for (const [cpu, was] of this.on.entries()) {
      const isOn = this.isOn(cpu);
      if (isOn === was) continue;
      this.on[cpu] = isOn;
      this.host.emit('vcpu', { ...this.vcpuOf(cpu), isOn });
    }
  }

  /** By domain and number; those of a domain that is gone are not there. */
  private vcpus(): VcpuInfo[] {
    const { machine, view, info } = this.machine;
    const known = view?.domains() ?? [];
    return info.domains.flatMap(({ domain, vcpus }) => {
      if (this.domains.isGone(domain)) return [];
      return Array.from({ length: vcpus }, (_, vcpu) => {
        const cpu = this.cpuOf({ domain, vcpu });
        const state = machine.cpus[cpu] as CpuState;
        // A CPU whose vCPU is paused is parked, as one is that was never started.
        const isPaused = known.find(({ id }) => id === domain)?.vcpus[vcpu]?.state === 'paused';
        const isOn = this.machine.isOn({ domain, vcpu });
        return {
          domain,
          vcpu,
          state: !isOn ? 'off' : isPaused ? 'paused' : machine.stateOf(cpu),
          el: state.el,
          pc: state.pc,
        };
      });
    });
  }

  private moment(): { instructions: number; virtualNanoseconds: number } {
    const { machine } = this.machine;
    return { instructions: machine.engine.instructions, virtualNanoseconds: machine.clock.nanoseconds() };
  }
}

const notSteppable = (domain: number): UserError =>
  new UserError(`domain ${domain} has ended`, 'Step a vCPU of another domain, or let the machine run.');

const noMachine = (): UserError => new UserError('there is no machine yet', 'Create one first.');

const notInspectable = (): MachineInspector => {
  const refuse = (): never => {
    throw new UserError('this machine cannot be inspected', 'It was started without inspections.');
  };
  const events = { stagesOf: () => undefined, listen: () => {} };
  return { inspect: refuse, command: refuse, events, consoleByte: () => {} };
};
