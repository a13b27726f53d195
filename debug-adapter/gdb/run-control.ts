// Runs the machine for a gdb client: all threads of all processes go on and stop together. A resume has one end,
// which becomes one stop reply.

import { UserError } from '../../emulator/base/errors.ts';
import type { Breakpoint, DomainEnd, StopInfo, VcpuId } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import { stepInstruction } from '../execution/stepping.ts';
import type { AddressRange, StepContext, StepStop } from '../execution/step-context.ts';
import { waysOut } from './range-step.ts';
import { type StopPointKind, StopPoints, TEMPORARY } from './stop-points.ts';
import { sameVcpu } from './thread-ids.ts';

/** Numbers of the protocol (gdb/signals.def), which are those of POSIX here. */
export const SIGINT = 2;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGKILL = 9;

export interface ThreadStop {
  readonly kind: 'stopped';
  readonly vcpu: VcpuId;
  readonly signal: number;
  /** Set when a breakpoint or watchpoint was hit; the address is that of the data. */
  readonly cause?: { readonly kind: StopPointKind; readonly address: bigint };
  /** For the client's console. */
  readonly message?: string;
}

export type Stop =
  | ThreadStop
  /** The guest powered itself off, or asked for a reboot. */
  | { readonly kind: 'exited'; readonly domain: number }
  | { readonly kind: 'killed'; readonly domain: number; readonly signal: number };

/** What the machine is to do until the next stop. */
export type Resume =
  /** With `only`, the other vCPUs stand still. */
  { readonly kind: 'continue'; readonly only?: VcpuId } | Step;

/** One instruction of this vCPU; with a range, instructions until its PC is outside. */
interface Step {
  readonly kind: 'step';
  readonly vcpu: VcpuId;
  readonly range?: AddressRange;
  /** The other vCPUs stand still, but for interrupts that are served in between: those may wait for them. */
  readonly alone: boolean;
}

/** A process came to its end under a plan. */
class ProcessEnded extends Error {
  readonly end: DomainEnd;

  constructor(end: DomainEnd) {
    super(`the guest ended (${end.reason})`);
    this.end = end;
  }
}

/** Instructions of a range that are executed one by one before the rest runs freely: most ranges have fewer. */
const FEW = 16;
/** Bytes of a range; a line is shorter. */
const MAX_RANGE = 0x4000;

export class GdbRunControl {
  readonly points: StopPoints;
  private readonly debuggee: Debuggee;
  private readonly living: Set<number>;
  private current: Promise<Stop> | undefined;
  private interruptWanted = false;
  /** Ends that no stop has told yet. Of a crash the first stop tells that it happened, the next one that it is over. */
  private readonly ends: { readonly end: DomainEnd; isDue: boolean }[] = [];
  private waiting: { resolve(stop: StopInfo): void; reject(error: Error): void } | undefined;
  private focus: VcpuId;
  private latest: Stop;
  private readonly onStop: () => void;

  /** `onStop` is called behind every resume that came to a stop, whoever asked for it. */
  constructor(debuggee: Debuggee, onStop: () => void) {
    this.debuggee = debuggee;
    this.onStop = onStop;
    this.points = new StopPoints(debuggee.machine);
    this.living = new Set(debuggee.info.domains.map(({ domain }) => domain));
    this.focus = debuggee.vcpus[0] ?? { domain: 0, vcpu: 0 };
    this.latest = { kind: 'stopped', vcpu: this.focus, signal: SIGTRAP };
  }

  isAlive(domain: number): boolean {
    return this.living.has(domain);
  }

  /** No process is left. */
  get ended(): boolean {
    return this.living.size === 0;
  }

  get running(): boolean {
    return this.current !== undefined;
  }

  /** The last one; of a machine that has not run, its beginning. */
  get lastStop(): Stop {
    return this.latest;
  }

  // ---------------------------------------------------------------- events of the machine

  machineStopped(stop: StopInfo): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve(stop);
  }

  /** `isLast`: the machine stands, as nothing is left in it. */
  domainEnded(end: DomainEnd, isLast: boolean): void {
    if (!this.living.has(end.domain)) return;
    this.ends.push({ end, isDue: end.reason !== 'crash' });
    if (!isLast) {
      // A crash stops the machine by itself.
      if (end.reason !== 'crash') void this.debuggee.machine.request('pause', {}).catch(() => {});
      return;
    }
    const vcpu = { domain: end.domain, vcpu: 0 };
    const description = 'The guest crashed';
    const reason = end.reason === 'crash' ? 'crash' : 'pause';
    const { instructions, virtualNanoseconds } = end;
    this.machineStopped({ instructions, virtualNanoseconds, reason, vcpu, breakpointIds: [], description });
  }

  failed(message: string): void {
    const { waiting } = this;
    this.waiting = undefined;
    this.living.clear();
    waiting?.reject(new UserError(message, 'The machine is gone.'));
  }

  // ---------------------------------------------------------------- requests

  /** Resolves when the machine stands again. The vCPU in focus is named by an interrupt. */
  resume(how: Resume, focus: VcpuId): Promise<Stop> {
    if (this.current) return this.current;
    if (this.ended) return Promise.resolve(this.latest);
    this.focus = focus;
    this.interruptWanted = false;
    const plan = how.kind === 'continue' ? this.continue(how.only) : this.step(how);
    this.current = plan
      .catch((error: unknown): Stop => {
        if (!(error instanceof ProcessEnded)) throw error;
        return this.endOf(error.end);
      })
      .then(
        (stop) => {
          this.latest = stop;
          this.current = undefined;
          this.onStop();
          return stop;
        },
        (error: unknown) => {
          this.current = undefined;
          throw error;
        },
      );
    return this.current;
  }

  interrupt(): void {
    if (!this.running) return;
    this.interruptWanted = true;
    void this.debuggee.machine.request('pause', {}).catch(() => {});
  }

  /** Makes the machine stand, whatever it does. */
  async halt(): Promise<void> {
    const { current } = this;
    this.interrupt();
    await current?.catch(() => {});
  }

  /** Ends a process. */
  async kill(domain: number): Promise<void> {
    if (!this.living.has(domain)) return;
    await this.halt();
    this.points.removeAll(domain);
    this.living.delete(domain);
    if (!this.debuggee.isBare) {
      await this.debuggee.machine.request('act', { action: { kind: 'destroy', domain } });
    }
    this.latest = { kind: 'killed', domain, signal: SIGKILL };
  }

  // ---------------------------------------------------------------- plans

  private async continue(only: VcpuId | undefined): Promise<Stop> {
    for (;;) {
      const stop = await this.judge(await this.go('run', [], only));
      if (stop) return stop;
    }
  }

  private async step({ vcpu, range, alone }: Step): Promise<Stop> {
    const vcpus = await this.debuggee.machine.request('vcpus', {});
    const state = vcpus.find((known) => sameVcpu(known, vcpu))?.state;
    if (state === 'off' || state === 'paused') {
      const message = `This vCPU is ${state}: nothing was executed.\n`;
      return { kind: 'stopped', vcpu, signal: SIGTRAP, message };
    }
    const context = this.contextFor(vcpu, alone);
    for (let steps = 0; ; steps++) {
      const free = range && steps > FEW ? await this.runInside(vcpu, range, alone) : undefined;
      const stop = free ?? (await stepInstruction(context, false));
      if (stop.kind === 'elsewhere') return stop.report;
      const { pc } = await this.debuggee.general(vcpu);
      const isInside = range && pc >= range.start && pc < range.end;
      if (!isInside || this.points.breakpointAt(vcpu.domain, pc)) {
        return { kind: 'stopped', vcpu, signal: SIGTRAP };
      }
    }
  }

  /** Lets the code of a range run until it is left, or comes to what must be executed alone. Undefined: it stands there. */
  private async runInside(
    vcpu: VcpuId,
    range: AddressRange,
    alone: boolean,
  ): Promise<StepStop<Stop> | undefined> {
    const { debuggee } = this;
    const { pc, sp } = await debuggee.general(vcpu);
    const length = Number(range.end - range.start);
    if (length > MAX_RANGE) return undefined;
    const ways = waysOut(await debuggee.reader(vcpu)(range.start, length), range);
    if (ways.alone.has(pc)) return undefined;
    for (;;) {
      const stop = await this.runTo(vcpu, [...ways.exits, ...ways.alone], alone ? vcpu : undefined);
      if (stop.kind === 'elsewhere' || (await debuggee.general(vcpu)).sp === sp) return stop;
    }
  }

  private contextFor(vcpu: VcpuId, alone: boolean): StepContext<Stop> {
    const { debuggee } = this;
    return {
      vcpu,
      read: debuggee.reader(vcpu),
      stack: { read: debuggee.reader(vcpu) },
      runTo: (places) => this.runTo(vcpu, places),
      runBackTo: (place) => this.runTo(vcpu, [place]),
      stepOnce: () => this.stepOnce(vcpu, alone),
      registers: () => debuggee.general(vcpu),
      systemRegister: (name) => debuggee.systemRegister(vcpu, name),
      // Lines and functions are the client's business.
      lineAt: async () => undefined,
      functionAt: () => undefined,
    };
  }

  private async runTo(vcpu: VcpuId, places: readonly bigint[], only?: VcpuId): Promise<StepStop<Stop>> {
    const temporary = places.map(
      (address): Breakpoint => ({ id: TEMPORARY, domain: vcpu.domain, kind: 'va', address }),
    );
    for (;;) {
      const info = await this.go('run', temporary, only);
      if (info.breakpointIds.includes(TEMPORARY) && sameVcpu(info.vcpu, vcpu)) return { kind: 'here' };
      const report = await this.judge(info);
      if (report) return { kind: 'elsewhere', report };
    }
  }

  private async stepOnce(vcpu: VcpuId, alone: boolean): Promise<StepStop<Stop>> {
    for (;;) {
      const info = await this.go({ vcpu, count: 1 }, [], alone ? vcpu : undefined);
      const report = await this.judge(info);
      if (report) return { kind: 'elsewhere', report };
      if (info.reason === 'step') return { kind: 'here' };
    }
  }

  /** One run of the machine, to its next stop. */
  private async go(
    how: 'run' | { readonly vcpu: VcpuId; readonly count: number },
    temporary: readonly Breakpoint[],
    only?: VcpuId,
  ): Promise<StopInfo> {
    const { debuggee } = this;
    await this.points.send(temporary);
    for (const end of this.ends) end.isDue = true;
    this.tellEnd();
    if (this.interruptWanted) {
      const moment = { instructions: 0, virtualNanoseconds: 0 };
      return { ...moment, reason: 'pause', vcpu: this.focus, breakpointIds: [] };
    }
    debuggee.forgetRegisters();
    const stopped = new Promise<StopInfo>((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
    const { machine } = debuggee;
    const options = only && { only };
    const request =
      how === 'run'
        ? machine.request('run', { ...options })
        : machine.request('step', { ...how, ...options });
    request.catch((error: Error) => this.waiting?.reject(error));
    const stop = await stopped.finally(() => debuggee.forgetRegisters());
    // Whatever else it stopped for is told first: the machine would not stop for that again.
    if (stop.reason === 'pause') this.tellEnd();
    return stop;
  }

  private tellEnd(): void {
    const index = this.ends.findIndex(({ isDue }) => isDue);
    const [due] = index < 0 ? [] : this.ends.splice(index, 1);
    if (due) throw new ProcessEnded(due.end);
  }

  /** Undefined: the stop concerns the plan only, or nobody. */
  private async judge(info: StopInfo): Promise<Stop | undefined> {
    const { vcpu } = info;
    switch (info.reason) {
      case 'pause':
        return { kind: 'stopped', vcpu: this.focus, signal: SIGINT };
      case 'crash': {
        const message = info.description === undefined ? {} : { message: `${info.description}.\n` };
        return { kind: 'stopped', vcpu, signal: SIGABRT, ...message };
      }
      case 'breakpoint': {
        const hit = this.hitBy(info.breakpointIds);
        if (!hit) return undefined;
        const { kind, address } = hit;
        return { kind: 'stopped', vcpu, signal: SIGTRAP, cause: { kind, address } };
      }
      case 'watchpoint': {
        const point = info.watch && this.points.byId(info.watch.id);
        if (!point || !info.watch) return undefined;
        const { kind, address, size } = point;
        const { va } = info.watch;
        // The client looks the address up among those that it watches.
        const isInside = va !== undefined && va >= address && va < address + BigInt(size);
        return {
          kind: 'stopped',
          vcpu,
          signal: SIGTRAP,
          cause: { kind, address: isInside ? va : address },
        };
      }
      case 'step':
      case 'event':
        return undefined;
    }
  }

  private hitBy(ids: readonly number[]) {
    return ids.map((id) => this.points.byId(id)).find((point) => point !== undefined);
  }

  private endOf({ domain, reason }: DomainEnd): Stop {
    this.living.delete(domain);
    this.points.removeAll(domain);
    switch (reason) {
      case 'poweroff':
      case 'reboot':
      case 'suspend':
        return { kind: 'exited', domain };
      case 'crash':
        return { kind: 'killed', domain, signal: SIGABRT };
      case 'destroyed':
        return { kind: 'killed', domain, signal: SIGKILL };
    }
  }
}
