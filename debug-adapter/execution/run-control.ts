// Runs the machine for the session. There is one run state; a plan (continue, a step) drives the machine in
// parts and ends with what the user sees. A pause is answered in the part that is under way, or before
// the next one begins.

import type {
  Breakpoint,
  EventReport,
  MachineEvents,
  Moment,
  StopInfo,
  VcpuId,
} from '../../emulator/machine/messages.ts';
import { UserError } from '../../emulator/base/errors.ts';
import { AdapterError } from '../errors.ts';
import type { MachineBreakpoints } from '../breakpoints/breakpoints.ts';
import type { Debuggee } from '../debuggee.ts';
import type { ImageChange } from '../guest-os/loaded-images.ts';
import { Judge } from '../breakpoints/judge.ts';
import type { JudgeEvents, StopReport } from '../breakpoints/judge.ts';
import { MachineStops } from '../breakpoints/machine-stops.ts';
import { lineRange } from './line-range.ts';
import { stepInstruction } from './stepping.ts';
import type { IsMeant, StepContext, StepStop } from './step-context.ts';

export type Ended = MachineEvents['terminated'];

/** Machine breakpoint id of the places a plan runs to. */
const TEMPORARY = 0;

/** The machine ended under a plan: nothing is left to do for it. */
class MachineEnded extends Error {}

export interface RunEvents extends JudgeEvents {
  /** Whether a crashed guest is to be looked at. */
  stopsAtCrash(): boolean;
  /** It was learned where a program runs. */
  moved(): Promise<void>;
  /** A guest has loaded or freed modules or programs. */
  loaded(changes: readonly ImageChange[]): Promise<void>;
  stopped(report: StopReport, moment: Moment): void;
  ended(ended: Ended): void;
  /** What was asked cannot be; the machine stands as before. */
  refused(message: string): void;
  failed(message: string): void;
}

export class RunControl {
  private readonly debuggee: Debuggee;
  private readonly breakpoints: MachineBreakpoints;
  private readonly judge: Judge;
  private readonly events: RunEvents;
  private plan: 'none' | 'running' | 'ended' = 'none';
  private pauseWanted = false;
  /** The others stand still while it runs. */
  private only: VcpuId | undefined;
  private crashed: Ended | undefined;
  private waiting: { resolve(stop: StopInfo): void; reject(error: Error): void } | undefined;
  private readonly stops: MachineStops;
  /** Came where it stands other than to a breakpoint: the machine has not judged those that are there. */
  private unjudged: VcpuId | undefined;
  /** Breakpoints that were met where a part of the plan ended, and nobody was told of. */
  private metUnseen: StopInfo | undefined;
  /** The places of the plan that is under way. */
  private temporary: readonly Breakpoint[] = [];
  private focus: VcpuId;
  private moment: Moment = { instructions: 0, virtualNanoseconds: 0 };

  constructor(debuggee: Debuggee, breakpoints: MachineBreakpoints, events: RunEvents) {
    this.debuggee = debuggee;
    this.breakpoints = breakpoints;
    this.stops = new MachineStops(debuggee.machine, breakpoints);
    this.judge = new Judge(debuggee, breakpoints, events);
    this.events = events;
    this.focus = debuggee.vcpus[0] ?? { domain: 0, vcpu: 0 };
  }

  get running(): boolean {
    return this.plan === 'running';
  }

  get ended(): boolean {
    return this.plan === 'ended';
  }

  // ---------------------------------------------------------------- events of the machine

  machineStopped(stop: StopInfo): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve(stop);
  }

  machineEnded(ended: Ended): void {
    if (this.plan === 'ended') return;
    // A crashed guest is there to be looked at; the session ends when it is told to go on.
    if (ended.reason === 'crash' && !this.crashed && this.events.stopsAtCrash()) {
      this.crashed = ended;
      const vcpu = { domain: ended.domain, vcpu: 0 };
      const description = 'The guest crashed';
      this.machineStopped({ ...ended, reason: 'crash', vcpu, breakpointIds: [], description });
      return;
    }
    this.plan = 'ended';
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.reject(new MachineEnded());
    this.events.ended(ended);
  }

  // ---------------------------------------------------------------- requests

  pause(vcpu: VcpuId): void {
    if (!this.running) return;
    this.focus = vcpu;
    this.pauseWanted = true;
    void this.debuggee.machine.request('pause', {}).catch(() => {});
  }

  /** The machine is being replaced: whatever it still says is of no interest. */
  abandon(): void {
    this.plan = 'ended';
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.reject(new MachineEnded());
  }

  /** Breakpoints may be set while the machine runs. */
  async breakpointsChanged(): Promise<void> {
    if (this.plan !== 'ended') await this.sendBreakpoints();
  }

  /** Runs until there is something to see. */
  continue(vcpu: VcpuId, alone = false): void {
    this.perform(alone ? vcpu : undefined, async () => {
      const left = await this.leaveBreakpoint(vcpu);
      if (left?.kind === 'elsewhere') return left.report;
      for (;;) {
        const stop = await this.go('run', []);
        const report = await this.judge.reportOf(stop, this.focus);
        if (report) return report;
      }
    });
  }

  /** Runs to the link addresses of the entry symbol, or to whatever stops the machine before. */
  runToEntry(places: readonly Breakpoint[], description: string): void {
    const temporary = places.map((place) => ({ ...place, id: TEMPORARY }));
    this.perform(undefined, async () => {
      for (;;) {
        const stop = await this.go('run', temporary);
        const report = await this.judge.reportOf(stop, this.focus);
        if (report) return report;
        if (stop.reason === 'breakpoint' && stop.breakpointIds.includes(TEMPORARY)) {
          return { reason: 'entry', vcpu: stop.vcpu, description, hitBreakpointIds: [] };
        }
      }
    });
  }

  /** Carries out a step of one vCPU. */
  step(
    vcpu: VcpuId,
    plan: (context: StepContext<StopReport>) => Promise<StepStop<StopReport> | undefined>,
    alone = false,
  ): void {
    this.perform(alone ? vcpu : undefined, async () => {
      this.focus = vcpu;
      const context = this.contextFor(vcpu);
      const stop = await plan(context);
      if (stop?.kind === 'elsewhere') return stop.report;
      return { reason: 'step', vcpu: context.vcpu, description: 'Paused on step', hitBreakpointIds: [] };
    });
  }

  /** Executes the call of the hypervisor at which a vCPU stands, and shows what it did there. */
  stepIntoHypervisor(vcpu: VcpuId, event: string, alone = false): void {
    this.perform(alone ? vcpu : undefined, async () => {
      this.focus = vcpu;
      this.stops.setPlanEvents([{ id: TEMPORARY, event, domain: vcpu.domain }]);
      try {
        const stop = await stepInstruction(this.contextFor(vcpu), false);
        if (stop.kind === 'elsewhere') return stop.report;
        return { reason: 'step', vcpu, description: 'Paused on step', hitBreakpointIds: [] };
      } finally {
        this.stops.setPlanEvents([]);
      }
    });
  }

  /** The vCPU goes on elsewhere; nothing is executed. */
  goTo(vcpu: VcpuId, address: bigint): void {
    this.perform(undefined, async () => {
      await this.debuggee.writeRegister(vcpu, 'pc', address);
      this.debuggee.forgetRegisters();
      this.unjudged = vcpu;
      return { reason: 'goto', vcpu, description: 'Moved to another statement', hitBreakpointIds: [] };
    });
  }

  // ---------------------------------------------------------------- plans

  /** `only`: the other vCPUs stand still meanwhile. */
  private perform(only: VcpuId | undefined, plan: () => Promise<StopReport>): void {
    // Two sessions may let it run at once.
    if (this.plan !== 'none') return;
    this.plan = 'running';
    this.only = only;
    this.pauseWanted = false;
    const settled = async (): Promise<StopReport> => {
      const report = await this.withBreakpointsHere(await plan());
      const { images } = this.debuggee;
      const changes = this.ended || !images ? [] : await images.settle(this.debuggee);
      if (changes.length > 0) await this.events.loaded(changes);
      return report;
    };
    settled().then(
      (report) => {
        if (this.ended) return;
        this.plan = 'none';
        this.temporary = [];
        this.events.stopped(report, this.moment);
      },
      (error: unknown) => {
        if (this.ended) return;
        this.plan = 'none';
        this.temporary = [];
        // The machine does not do what is wanted, and stands where it stood.
        if (error instanceof UserError && !(error instanceof AdapterError)) {
          this.events.refused(error.toString());
          const { focus: vcpu, moment } = this;
          this.events.stopped(
            { reason: 'pause', vcpu, description: error.message, hitBreakpointIds: [] },
            moment,
          );
          return;
        }
        this.events.failed(error instanceof Error ? error.message : String(error));
      },
    );
  }

  private contextFor(vcpu: VcpuId): StepContext<StopReport> {
    const { debuggee } = this;
    const target = debuggee.targetFor(vcpu);
    const stepped = { vcpu };
    return {
      get vcpu() {
        return stepped.vcpu;
      },
      get stack() {
        return debuggee.stackSource(stepped.vcpu);
      },
      read: (address, length) => debuggee.reader(stepped.vcpu)(address, length),
      runTo: (places, isMeant) => this.runTo(stepped, places, false, isMeant),
      runBackTo: (place, isMeant) => this.runTo(stepped, [place], true, isMeant),
      stepOnce: () => this.stepOnce(stepped.vcpu),
      registers: () => debuggee.general(stepped.vcpu),
      systemRegister: (name) => debuggee.systemRegister(stepped.vcpu, name),
      lineAt: (pc) => lineRange(target, pc),
      functionAt: (pc) => target.symbolAt(pc),
    };
  }

  /**
   * The machine lets the instruction at which a vCPU stands pass, but an interrupt may come first, and then the
   * return from it would report a breakpoint there a second time: so that instruction is executed alone.
   */
  private async leaveBreakpoint(vcpu: VcpuId): Promise<StepStop<StopReport> | undefined> {
    const { pc } = await this.debuggee.general(vcpu);
    if (!this.breakpoints.anyAt(this.debuggee.targetOf(vcpu.domain), pc)) return undefined;
    const stop = await stepInstruction(this.contextFor(vcpu), false);
    if (stop.kind === 'elsewhere') return stop;
    const report = await this.judge.breakpointAt(vcpu);
    return report && { kind: 'elsewhere', report };
  }

  /** `stepped`: follows the task to another vCPU of its domain, should the guest's kernel move it. */
  private async runTo(
    stepped: { vcpu: VcpuId },
    places: readonly bigint[],
    quiet: boolean,
    isMeant: IsMeant,
  ): Promise<StepStop<StopReport>> {
    const { domain } = stepped.vcpu;
    const temporary = places.map((address): Breakpoint => ({ id: TEMPORARY, domain, kind: 'va', address }));
    for (;;) {
      const stop = await this.go('run', temporary);
      const isHere = sameVcpu(stop.vcpu, stepped.vcpu);
      if (quiet && isHere && stop.breakpointIds.includes(TEMPORARY)) {
        if (stop.breakpointIds.length > 1) this.metUnseen = stop;
        return { kind: 'here' };
      }
      const report = await this.judge.reportOf(stop, this.focus);
      if (report) return { kind: 'elsewhere', report };
      const { pc } = await this.debuggee.general(stop.vcpu);
      if (stop.vcpu.domain !== domain || !places.includes(pc)) continue;
      if (isHere || (await this.hasMovedTo(stop.vcpu, stepped, isMeant))) return { kind: 'here' };
    }
  }

  private async hasMovedTo(vcpu: VcpuId, stepped: { vcpu: VcpuId }, isMeant: IsMeant): Promise<boolean> {
    const before = stepped.vcpu;
    // What tells the task asks by way of the context.
    stepped.vcpu = vcpu;
    if (await isMeant(await this.debuggee.general(vcpu))) return true;
    stepped.vcpu = before;
    return false;
  }

  private async stepOnce(vcpu: VcpuId): Promise<StepStop<StopReport>> {
    for (;;) {
      const stop = await this.go({ vcpu, count: 1 }, []);
      const report = await this.judge.reportOf(stop, this.focus);
      if (report) return { kind: 'elsewhere', report };
      if (stop.reason === 'event' && stop.event && sameVcpu(stop.vcpu, vcpu)) {
        return { kind: 'elsewhere', report: stepReport(vcpu, stop.event) };
      }
      if (stop.reason === 'step') return { kind: 'here' };
    }
  }

  /** One run of the machine, from sending the breakpoints to its next stop. */
  private async go(
    how: 'run' | { readonly vcpu: VcpuId; readonly count: number },
    temporary: readonly Breakpoint[],
  ): Promise<StopInfo> {
    this.temporary = temporary;
    if (this.crashed) this.machineEnded(this.crashed);
    if (this.ended) throw new MachineEnded();
    const judgesHere = await this.isUnjudged();
    this.unjudged = undefined;
    this.metUnseen = undefined;
    await this.stops.sendOthers();
    if (this.pauseWanted) {
      return { ...this.moment, reason: 'pause', vcpu: this.focus, breakpointIds: [] };
    }
    this.debuggee.forgetRegisters();
    const stopped = new Promise<StopInfo>((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
    const { machine } = this.debuggee;
    const breakpoints = this.stops.takeBreakpoints(this.withHidden(temporary));
    const options = {
      ...(this.only && { only: this.only }),
      ...(judgesHere && { judgesHere }),
      ...(breakpoints && { breakpoints }),
    };
    const request =
      how === 'run' ? machine.request('run', options) : machine.request('step', { ...how, ...options });
    request.catch((error: Error) => this.waiting?.reject(error));
    const stop = await stopped;
    this.moment = stop;
    this.unjudged = stop.reason === 'breakpoint' ? undefined : stop.vcpu;
    this.debuggee.forgetRegisters();
    this.debuggee.remember(stop);
    // Where a moved kernel runs is learned before anything else: breakpoints and names depend on it.
    const moved = await this.debuggee.learnSlide(stop.vcpu);
    const changes = (await this.debuggee.images?.noticed(this.debuggee, stop)) ?? [];
    if (changes.length > 0) await this.events.loaded(changes);
    else if (moved) await this.events.moved();
    if (moved || changes.length > 0) await this.sendBreakpoints();
    return stop;
  }

  /** A breakpoint in the middle of a plan counts though the plan came to it by a single step. */
  private async isUnjudged(): Promise<boolean> {
    const { unjudged, breakpoints, debuggee } = this;
    if (!unjudged) return false;
    const { pc } = await debuggee.general(unjudged);
    return breakpoints.anyAt(debuggee.targetOf(unjudged.domain), pc);
  }

  /**
   * A plan that ends at a breakpoint says so: the stop is that of the plan, but the breakpoint counts, logs, goes when it
   * was for once, and is not met again when the guest goes on. What is an exception is shown as one.
   */
  private async withBreakpointsHere(report: StopReport): Promise<StopReport> {
    const stop = this.ended ? undefined : await this.stopHere();
    this.unjudged = undefined;
    const found = stop && (await this.judge.reportOf(stop, this.focus));
    if (!found) return report;
    if (report.reason === 'step' && (found.exception || stop.conditionError !== undefined)) return found;
    return {
      ...report,
      hitBreakpointIds: [...new Set([...report.hitBreakpointIds, ...found.hitBreakpointIds])],
    };
  }

  private async stopHere(): Promise<StopInfo | undefined> {
    const { unjudged: vcpu, metUnseen } = this;
    if (metUnseen) return metUnseen;
    if (!vcpu || !(await this.isUnjudged())) return undefined;
    const judged = await this.debuggee.machine.request('judgeHere', { vcpu });
    return judged.breakpointIds.length === 0
      ? undefined
      : { ...this.moment, reason: 'breakpoint', vcpu, ...judged };
  }

  private async sendBreakpoints(): Promise<void> {
    await this.stops.send(this.withHidden(this.temporary));
  }

  /** With those by which it is noticed what guests load. */
  private withHidden(temporary: readonly Breakpoint[]): readonly Breakpoint[] {
    const { images, allTargets } = this.debuggee;
    return [...(images?.breakpointsIn(allTargets) ?? []), ...temporary];
  }
}

/** A step into the hypervisor ends with what it did. */
const stepReport = (vcpu: VcpuId, event: EventReport): StopReport => ({
  reason: 'step',
  vcpu,
  description: event.description,
  hitBreakpointIds: [],
  exception: { id: event.event, description: event.description, event },
});

const sameVcpu = (a: VcpuId, b: VcpuId): boolean => a.domain === b.domain && a.vcpu === b.vcpu;

/** Where the machine stands on its clock: `t=1.204381 s  insn 48112904`. */
export const momentText = ({ instructions, virtualNanoseconds }: Moment): string =>
  `t=${(virtualNanoseconds / 1e9).toFixed(6)} s  insn ${instructions}`;
