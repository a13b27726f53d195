// Decides what a stop of the machine means to the user: which breakpoint it is, a crash, a pause, or nothing.

import type { EventReport, StopInfo, VcpuId, WatchReport } from '../../emulator/machine/messages.ts';
import type { MachineBreakpoints, UserBreakpoint } from './breakpoints.ts';
import type { Debuggee } from '../debuggee.ts';
import { conditionHolds } from './event-condition.ts';
import { breakpointMessages } from '../errors.ts';
import { type Panic, panicAt } from './panics.ts';
import type { Target } from '../symbols/target.ts';

/** What the user is told about a stop. */
export interface StopReport {
  readonly reason:
    | 'entry'
    | 'breakpoint'
    | 'function breakpoint'
    | 'instruction breakpoint'
    | 'data breakpoint'
    | 'event'
    | 'step'
    | 'pause'
    | 'goto'
    | 'exception';
  readonly vcpu: VcpuId;
  readonly description: string;
  readonly hitBreakpointIds: readonly number[];
  /** Set for `exception` and `event`. */
  readonly exception?: ExceptionReport;
  /** Set for `data breakpoint`. */
  readonly watch?: WatchReport;
}

export interface ExceptionReport {
  /** `panic`, `crash`, or the name of an event. */
  readonly id: string;
  readonly description: string;
  /** What `$ev` shows. */
  readonly event?: EventReport;
}

/** What else follows from a stop. */
export interface JudgeEvents {
  /** A breakpoint was for one hit. */
  used(breakpoint: UserBreakpoint): void;
  /** Its condition cannot be computed, and is ignored from now on. */
  conditionFailed(breakpoint: UserBreakpoint, problem: string): void;
}

const REASONS = {
  source: 'breakpoint',
  function: 'function breakpoint',
  instruction: 'instruction breakpoint',
} as const;

export class Judge {
  private readonly debuggee: Debuggee;
  private readonly breakpoints: MachineBreakpoints;
  private readonly events: JudgeEvents;

  constructor(debuggee: Debuggee, breakpoints: MachineBreakpoints, events: JudgeEvents) {
    this.debuggee = debuggee;
    this.breakpoints = breakpoints;
    this.events = events;
  }

  /** Decides whether a stop is one to show. Undefined: it concerns the plan only, or nobody. */
  async reportOf(stop: StopInfo, focus: VcpuId): Promise<StopReport | undefined> {
    const report = await this.judge(stop, focus);
    const { conditionError } = stop;
    const ids = [...(report?.hitBreakpointIds ?? []), ...(report ? stop.breakpointIds : [])];
    const hits = [...new Set(ids)].map((id) => this.breakpoints.find(id)).filter(isThere);
    for (const hit of hits) {
      if (hit.once) this.events.used(hit);
      if (conditionError !== undefined && hit.options.condition !== undefined)
        this.events.conditionFailed(hit, conditionError);
    }
    if (!report || conditionError === undefined) return report;
    return { ...report, description: breakpointMessages.conditionFailed(conditionError) };
  }

  /** What the user sees of the breakpoints where a vCPU stands. `candidates`: ids that the machine reported. */
  async breakpointAt(vcpu: VcpuId, candidates?: readonly number[]): Promise<StopReport | undefined> {
    const { pc, sp, x } = await this.debuggee.general(vcpu);
    const target = this.debuggee.targetFor(vcpu);
    const returned = this.breakpoints.returned(target, pc, sp);
    if (returned) {
      const description = `${returned.name} returned ${valueText(x[0] ?? 0n)}`;
      return { reason: 'function breakpoint', vcpu, description, hitBreakpointIds: [returned.id] };
    }
    const hits: UserBreakpoint[] = [];
    for (const hit of this.breakpoints.at(target, pc, candidates)) {
      if (!hit.atReturn) hits.push(hit);
      else {
        const name = target.symbolAt(pc)?.name ?? hit.request;
        this.breakpoints.entered(hit, { target, returns: x[30] ?? 0n, sp, name });
      }
    }
    if (hits.length === 0) return undefined;
    const hitBreakpointIds = hits.filter(({ kind }) => kind !== 'exception').map(({ id }) => id);
    const filter = hits.find(({ kind }) => kind === 'exception');
    if (filter) {
      const panic = await panicAt(this.debuggee, vcpu, target.symbolAt(pc)?.name);
      const { description } = panic;
      const event = panicEvent(panic);
      const exception = { id: 'panic', description, event };
      if (this.isWanted(filter, event))
        return { reason: 'exception', vcpu, description, hitBreakpointIds, exception };
      if (hitBreakpointIds.length === 0) return undefined;
    }
    const shown = hits.find(({ kind }) => kind !== 'exception');
    const reason = REASONS[shown?.kind as keyof typeof REASONS] ?? 'breakpoint';
    return { reason, vcpu, description: `Paused on ${reason}`, hitBreakpointIds };
  }

  private async judge(stop: StopInfo, focus: VcpuId): Promise<StopReport | undefined> {
    const { vcpu } = stop;
    switch (stop.reason) {
      case 'pause':
        return { reason: 'pause', vcpu: focus, description: 'Paused', hitBreakpointIds: [] };
      case 'crash': {
        const description = stop.description ?? 'The guest crashed';
        const event = { event: 'crash', fields: { reason: 'crash' }, description };
        const filters = this.breakpoints.all.filter(
          ({ kind, request }) => kind === 'exception' && request === 'crash',
        );
        if (filters.length > 0 && !filters.some((filter) => this.isWanted(filter, event))) return undefined;
        const exception = { id: 'crash', description, event };
        return { reason: 'exception', vcpu, description, hitBreakpointIds: [], exception };
      }
      case 'step':
        return undefined;
      case 'watchpoint':
        return stop.watch && this.watched(vcpu, stop.watch);
      case 'event':
        return stop.event && this.happened(vcpu, stop.event, stop.breakpointIds);
      case 'breakpoint':
        return this.breakpointAt(vcpu, stop.breakpointIds);
    }
  }

  /** A condition that cannot be computed stops. */
  private isWanted({ eventCondition }: UserBreakpoint, event: EventReport): boolean {
    return eventCondition === undefined || conditionHolds(eventCondition, event) !== false;
  }

  private async watched(vcpu: VcpuId, report: WatchReport): Promise<StopReport | undefined> {
    const breakpoint = this.breakpoints.find(report.id);
    if (!breakpoint?.watch) return undefined;
    const { name } = breakpoint.watch;
    const what =
      report.access === 'read'
        ? `${name} was read: ${bytesText(report.after)}`
        : `${name} was written: ${bytesText(report.before)} → ${bytesText(report.after)}`;
    const who = report.va === undefined ? 'not by a vCPU' : await this.writer(vcpu);
    return {
      reason: 'data breakpoint',
      vcpu,
      description: who === undefined ? what : `${what}, ${who}`,
      hitBreakpointIds: [breakpoint.id],
      watch: report,
    };
  }

  /** `by say_hello+0x10, main.c:21`: the instruction that made the access is behind the vCPU. */
  private async writer(vcpu: VcpuId): Promise<string | undefined> {
    const target: Target = this.debuggee.targetFor(vcpu);
    const at = (await this.debuggee.general(vcpu)).pc - 4n;
    const name = target.describe(at);
    const line = await target.lineAt(at);
    if (name === undefined) return `by the instruction at 0x${at.toString(16)}`;
    return line ? `by ${name}, ${line.path.split(/[/\\]/).at(-1)}:${line.line}` : `by ${name}`;
  }

  private happened(vcpu: VcpuId, event: EventReport, ids: readonly number[]): StopReport | undefined {
    const hits = this.breakpoints.all.filter(
      ({ id, events }) =>
        events !== undefined &&
        (ids.length > 0 ? ids.includes(id) : events.some((one) => one.event === event.event)),
    );
    if (hits.length === 0) return undefined;
    const { description } = event;
    // A client shows what an exception is in the editor; a filter is one to it, an event breakpoint is not.
    const isA = (wanted: UserBreakpoint['kind']): boolean => hits.some(({ kind }) => kind === wanted);
    return {
      reason: isA('exception') ? 'exception' : isA('data') ? 'data breakpoint' : 'event',
      vcpu,
      description,
      hitBreakpointIds: hits.filter(({ kind }) => kind !== 'exception').map(({ id }) => id),
      exception: { id: event.event, description, event },
    };
  }
}

/** What is larger is an address or a mask. */
const MOST_DECIMAL = 1n << 32n;

const isThere = <T>(value: T | undefined): value is T => value !== undefined;

const panicEvent = ({ os, message, description }: Panic): EventReport => ({
  event: 'panic',
  fields: { os, message },
  description,
});

/** `0x2a (42)`; an int that is an error of Linux as the negative number that it is; addresses as they are. */
function valueText(value: bigint): string {
  const short = BigInt.asIntN(32, value);
  const isError = short < 0n && short >= -4095n && value < 1n << 32n;
  const decimal = isError ? short : BigInt.asIntN(64, value);
  const hex = `0x${value.toString(16)}`;
  return decimal > -MOST_DECIMAL && decimal < MOST_DECIMAL ? `${hex} (${decimal})` : hex;
}

/** Little-endian numbers in decimal and hexadecimal, longer ones as bytes. */
function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'unknown';
  if (bytes.length > 8) {
    const shown = [...bytes.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    return bytes.length > 16 ? `${shown} …` : shown;
  }
  const value = bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
  return value < 10n ? String(value) : `${value} (0x${value.toString(16)})`;
}
