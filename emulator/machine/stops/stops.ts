// What stops the machine, as the debugger asked: breakpoints, watchpoints and events, judged where they are met,
// between two instructions, so that what does not count costs next to nothing and changes nothing.
//
// A verdict that stops is kept here until the run loop has come out; the server then tells of it.

import { invariant, UserError } from '../../base/errors.ts';
import type { EngineBreakpoint } from '../../engine/engine.ts';
import { compilePrograms, type CompiledProgram, type ProgramSockets } from '../../engine/programs/compile.ts';
import type { Program } from '../../engine/programs/program.ts';
import * as layout from '../../memory/layout.ts';
import type { LoadedMachine } from '../guest.ts';
import { MemoryAccess } from '../memory-access.ts';
import type {
  Breakpoint,
  EventBreakpoint,
  EventReport,
  MachineEvents,
  StopInfo,
  VcpuId,
  Watchpoint,
} from '../messages.ts';
import type { Captured, StopRules } from '../stop-programs.ts';
import type { EventSource, EventText, Occurrence } from './occurrence.ts';
import { type Failure, Judged } from './judged.ts';
import { isCounted, Tally, TallyPlaces } from './tally.ts';
import { type Watch, WatchedMemory } from './watched-memory.ts';

/** Why the machine stops, as far as it was judged here. */
export type JudgedStop = Pick<StopInfo, 'reason' | 'breakpointIds' | 'watch' | 'event' | 'conditionError'> & {
  readonly cpu: number;
};

/** A `hit` event without its moment. */
export type Hit = Omit<MachineEvents['hit'], 'instructions' | 'virtualNanoseconds'>;

const ALL_CPUS = -1;

export class Stops {
  private readonly loaded: LoadedMachine;
  private readonly events: EventSource;
  private readonly tell: (hit: Hit) => void;
  private readonly tallies = new Map<number, { readonly rules: string; readonly tally: Tally }>();
  private readonly places = new TallyPlaces();
  private readonly watched: WatchedMemory;
  private breakpoints: readonly Breakpoint[] = [];
  /** Of each of them. */
  private judged: readonly Judged[] = [];
  private placed: readonly JudgedPlace[] = [];
  private watches: readonly Watch[] = [];
  /** Ends the watch over where guest physical addresses lead, which is there while it matters. */
  private unfollow: (() => void) | undefined;
  private hasMoved = false;
  private pending: JudgedStop | undefined;
  /** Of the event that is being judged. */
  private fields: EventReport['fields'] | undefined;

  /** `tell` gets what log points pass. */
  constructor(loaded: LoadedMachine, events: EventSource, tell: (hit: Hit) => void) {
    this.loaded = loaded;
    this.events = events;
    this.tell = tell;
    this.watched = new WatchedMemory(loaded, {
      cpusOf: (domain) => this.cpusOf(domain),
      judge: (judged, report) => this.judge(judged, { kind: 'watchpoint', watch: report }),
    });
  }

  // ---- what is asked for

  /** What was met, but not told yet, when it was taken away. */
  private forget(reason: JudgedStop['reason'], list: readonly { readonly id: number }[]): void {
    const { pending } = this;
    if (pending?.reason !== reason) return;
    const isWanted = pending.breakpointIds.some((id) => list.some((one) => one.id === id));
    if (!isWanted) this.pending = undefined;
  }

  setBreakpoints(list: readonly Breakpoint[]): void {
    if (list.length > layout.BREAKPOINTS_MAX) throw tooMany('breakpoints', layout.BREAKPOINTS_MAX);
    const judged = this.prepare(list, ({ domain, scope }) => this.cpusIn(domain, scope));
    this.breakpoints = list;
    this.judged = judged;
    this.forget('breakpoint', list);
    this.follow();
    this.place();
  }

  /** Guest physical addresses are met where they lead now. */
  private place(): void {
    const { machine, paOfIpa } = this.loaded;
    this.placed = this.breakpoints.flatMap(({ kind, domain, address }, i): JudgedPlace[] => {
      const one = this.judged[i] as Judged;
      const judge = (): boolean => this.judge(one, { kind: 'breakpoint' });
      const filter = one.filter;
      if (kind === 'va') return [{ kind, address, judge, filter }];
      const pa = paOfIpa(domain, Number(address));
      return pa === undefined ? [] : [{ kind: 'pa', address: BigInt(pa), judge, filter }];
    });
    machine.engine.setBreakpoints(this.placed);
  }

  /** Judges what is at the PC of a CPU, as if it had come there by running. */
  judgeAt(cpu: number): Pick<StopInfo, 'breakpointIds' | 'conditionError'> | undefined {
    const { machine } = this.loaded;
    const state = machine.cpus[cpu];
    if (!state) return undefined;
    machine.withCpu(cpu, () => {
      const { pc, el } = state;
      const pa = machine.engine.kernels.probeExecute(pc, el);
      for (const { kind, address, judge } of this.placed) {
        if (BigInt.asUintN(64, address) === BigInt.asUintN(64, kind === 'va' ? pc : pa)) judge();
      }
    });
    const { breakpointIds, conditionError } = this.take() ?? { breakpointIds: [] };
    return { breakpointIds, ...(conditionError !== undefined && { conditionError }) };
  }

  setWatchpoints(list: readonly Watchpoint[]): void {
    const judged = this.prepare(list, ({ space, scope }) =>
      space.kind === 'va' || (space.kind === 'ipa' && scope?.vcpu !== undefined)
        ? this.cpusIn(space.domain, scope)
        : this.cpusOfVcpu(scope),
    );
    this.forget('watchpoint', list);
    this.watches = list.map((watchpoint, i) => ({ watchpoint, judged: judged[i] as Judged }));
    this.follow();
    this.watched.set(this.watches);
  }

  private follow(): void {
    const matters =
      this.breakpoints.some(({ kind }) => kind === 'ipa') ||
      this.watches.some(({ watchpoint }) => watchpoint.space.kind === 'ipa');
    if (matters === (this.unfollow !== undefined)) return;
    this.unfollow?.();
    this.unfollow = matters ? this.loaded.observe?.({ memoryMapped: () => this.moved() }) : undefined;
  }

  /** In the middle of a trap: before the next instruction everything is placed anew. */
  private moved(): void {
    this.hasMoved = true;
    this.loaded.machine.requestStop();
  }

  setEvents(list: readonly EventBreakpoint[]): void {
    for (const { event } of list) if (!this.events.stagesOf(event)) throw noEvent(event);
    this.forget('event', list);
    // Whose event it is, is judged by the event.
    const judged = this.prepare(list, ({ domain, scope }) =>
      domain === undefined || scope?.vcpu === undefined ? this.cpusOfVcpu(scope) : this.cpusIn(domain, scope),
    );
    const wanted = { pre: new Map<string, WantedEvent[]>(), post: new Map<string, WantedEvent[]>() };
    list.forEach((breakpoint, i) => {
      const [usual = 'pre'] = this.events.stagesOf(breakpoint.event) ?? [];
      const { stage = usual } = breakpoint;
      for (const each of stage === 'both' ? (['pre', 'post'] as const) : [stage]) {
        const one = { breakpoint, judged: judged[i] as Judged };
        const known = wanted[each].get(breakpoint.event) ?? [];
        wanted[each].set(breakpoint.event, [...known, one]);
      }
    });
    const names = { pre: new Set(wanted.pre.keys()), post: new Set(wanted.post.keys()) };
    this.events.listen(names, (occurrence) => this.happened(wanted[occurrence.stage], occurrence));
  }

  /** In the middle of a trap or an instruction: the machine stops behind it. */
  private happened(wanted: ReadonlyMap<string, readonly WantedEvent[]>, occurrence: Occurrence): void {
    const { machine } = this.loaded;
    const { names, domains, vcpu } = occurrence;
    const cpu = (vcpu && this.loaded.cpuOf(vcpu)) ?? machine.engine.selected;
    let text: EventText | undefined;
    let event: EventReport | undefined;
    const { event: own } = occurrence;
    for (const name of names) {
      for (const { breakpoint, judged } of wanted.get(name) ?? []) {
        if (breakpoint.domain !== undefined && !domains.includes(breakpoint.domain)) continue;
        text ??= occurrence.text();
        const { fields, description } = text;
        const report = (): EventReport => {
          // Some are looked for only now.
          event ??= { event: own, fields: { ...fields }, description: description() };
          return event;
        };
        if (this.judgeEvent(judged, cpu, fields, report)) machine.requestStop();
      }
    }
  }

  private judgeEvent(
    judged: Judged,
    cpu: number,
    fields: EventReport['fields'],
    report: () => EventReport,
  ): boolean {
    const { machine } = this.loaded;
    const before = this.fields;
    this.fields = fields;
    this.setOldAndNew(fields);
    const judge = (): boolean => this.judge(judged, { kind: 'event', report });
    // Programs see the registers of the CPU that is selected.
    const stops = cpu === machine.engine.selected ? judge() : machine.withCpu(cpu, judge);
    this.fields = before;
    return stops;
  }

  /** Of an event that changes something, for a data breakpoint's condition. */
  private setOldAndNew({ old, value }: EventReport['fields']): void {
    if (typeof old !== 'bigint' || typeof value !== 'bigint') return;
    const view = new DataView(this.loaded.machine.engine.memory.buffer);
    view.setBigUint64(layout.PROGRAM_OLD, old, true);
    view.setBigUint64(layout.PROGRAM_NEW, value, true);
  }

  // ---- what was judged

  /** Why the machine is to stop now, once. */
  take(): JudgedStop | undefined {
    this.watched.judgeOutside();
    if (this.hasMoved) {
      this.hasMoved = false;
      this.place();
      this.watched.set(this.watches);
    }
    const { pending } = this;
    this.pending = undefined;
    // Translated code tests its condition no longer.
    if (pending?.conditionError !== undefined) this.setBreakpoints(this.breakpoints);
    return pending;
  }

  /** Judges one that was met; true when the machine stops. */
  private judge(judged: Judged, cause: Cause): boolean {
    const cpu = this.loaded.machine.engine.selected;
    const failure: Failure = { message: undefined };
    switch (judged.judge(cpu, failure)) {
      case 'no':
        return false;
      case 'log':
        this.log(judged, cpu, cause);
        return false;
      case 'stop':
        this.stop(judged, cpu, cause, failure.message);
        return true;
    }
  }

  private log(judged: Judged, cpu: number, cause: Cause): void {
    this.tell({
      id: judged.id,
      vcpu: this.vcpuOf(cpu),
      values: this.capture(judged, cpu),
      ...(cause.kind === 'event' && { event: cause.report() }),
    });
  }

  /** The first cause is the one that is told; breakpoints at the same place are told together. */
  private stop(judged: Judged, cpu: number, cause: Cause, conditionError: string | undefined): void {
    const { pending } = this;
    if (pending && !isSameCause(pending, cause)) return;
    const known = pending?.breakpointIds ?? [];
    const error = conditionError ?? pending?.conditionError;
    this.pending = {
      reason: cause.kind,
      cpu,
      breakpointIds: known.includes(judged.id) ? known : [...known, judged.id],
      ...(cause.kind === 'watchpoint' && { watch: cause.watch }),
      ...(cause.kind === 'event' && { event: cause.report() }),
      ...(error !== undefined && { conditionError: error }),
    };
  }

  private capture(judged: Judged, cpu: number): Captured[] {
    const access = new MemoryAccess(this.loaded);
    const at = this.vcpuOf(cpu);
    return (judged.rules.log ?? []).map((capture, i) => {
      const value = judged.captures[i]?.value();
      if (value === undefined || capture.kind === 'value') return value;
      const address = BigInt.asUintN(64, value);
      if (capture.kind === 'bytes') return access.read({ kind: 'va', at }, address, capture.length);
      const bytes = access.read({ kind: 'va', at }, address, capture.limit);
      const end = bytes.indexOf(0);
      return end < 0 ? (bytes.length > 0 ? bytes : undefined) : bytes.subarray(0, end);
    });
  }

  // ---- what was asked for, ready to be judged

  private prepare<T extends StopRules & { readonly id: number }>(
    list: readonly T[],
    cpusOf: (stop: T) => number,
  ): Judged[] {
    const { engine } = this.loaded.machine;
    const programs: Program[] = [];
    const add = (program: Program): number => programs.push(program) - 1;
    const places = list.map(({ condition, log }) => ({
      condition: condition && add(condition),
      captures: (log ?? []).map((capture) =>
        add(capture.kind === 'value' ? capture.program : capture.address),
      ),
    }));
    const compiled = compilePrograms(
      programs,
      engine.memory,
      engine.kernels as unknown as WebAssembly.Exports,
      this.programSockets(),
    );
    const tallies = this.talliesOf(list);
    return list.map((stop, i) => {
      const { condition, captures } = places[i] as (typeof places)[number];
      return new Judged(stop.id, stop, tallies.get(stop.id) as Tally, cpusOf(stop), engine.memory, {
        condition: condition === undefined ? undefined : compiled[condition],
        captures: captures.map((place) => compiled[place] as CompiledProgram),
      });
    });
  }

  /** By id. What is set again unchanged goes on counting. */
  private talliesOf(list: readonly (StopRules & { readonly id: number })[]): Map<number, Tally> {
    const rules = new Map<number, { text: string; isCounted: boolean }>();
    for (const stop of list) {
      const { id, scope, condition, hits, log } = stop;
      const text = JSON.stringify([scope, condition, hits, log], (_key, value: unknown) =>
        typeof value === 'bigint' ? `${value}n` : value,
      );
      const known = rules.get(id) ?? { text: '', isCounted: false };
      rules.set(id, { text: known.text + text, isCounted: known.isCounted || isCounted(stop) });
    }
    const { memory } = this.loaded.machine.engine;
    const tallies = new Map<number, Tally>();
    for (const [id, { text, isCounted: wantsPlace }] of rules) {
      const known = this.tallies.get(id);
      let tally = known?.rules === text ? known.tally : undefined;
      if (!tally) {
        const address = known?.tally.address ?? (wantsPlace ? this.places.next() : undefined);
        tally = new Tally(memory, address);
      }
      this.tallies.set(id, { rules: text, tally });
      tallies.set(id, tally);
    }
    return tallies;
  }

  /** Of the domain's vCPUs, in their order. */
  private cpusOf(domain: number): number[] {
    const { info } = this.loaded;
    const vcpus = info.domains.find((known) => known.domain === domain)?.vcpus ?? 0;
    const all = Array.from({ length: vcpus }, (_, vcpu) => this.loaded.cpuOf({ domain, vcpu }));
    return all.filter((cpu) => cpu !== undefined);
  }

  private vcpuOf(cpu: number): VcpuId {
    const vcpu = this.loaded.vcpuOf(cpu);
    invariant(vcpu !== undefined, 'what executes instructions is a vCPU');
    return vcpu;
  }

  private cpusIn(domain: number, scope: StopRules['scope']): number {
    const cpus = this.cpusOf(domain);
    const chosen = scope?.vcpu === undefined ? cpus : cpus.slice(scope.vcpu, scope.vcpu + 1);
    return chosen.reduce((bits, cpu) => bits | (1 << cpu), 0);
  }

  /** Of a space without vCPUs of its own. */
  private cpusOfVcpu(scope: StopRules['scope']): number {
    return scope?.vcpu === undefined ? ALL_CPUS : 1 << scope.vcpu;
  }

  private programSockets(): ProgramSockets {
    return {
      readRegister: (name) => this.loaded.machine.systemRegisters.peek(name),
      eventNumber: (field) => {
        const value = this.fields?.[field];
        return typeof value === 'bigint' ? value : undefined;
      },
      eventText: (field) => {
        const value = this.fields?.[field];
        return typeof value === 'string' ? value : undefined;
      },
    };
  }
}

type Cause =
  | { readonly kind: 'breakpoint' }
  | { readonly kind: 'watchpoint'; readonly watch: NonNullable<StopInfo['watch']> }
  | { readonly kind: 'event'; report(): EventReport };

type JudgedPlace = EngineBreakpoint & Required<Pick<EngineBreakpoint, 'judge'>>;

interface WantedEvent {
  readonly breakpoint: EventBreakpoint;
  readonly judged: Judged;
}

/** Several breakpoints at one place, or for one event, stop together. */
/** A trap is served as a whole: what began in it is told with its result. */
const isSameCause = (pending: JudgedStop, cause: Cause): boolean =>
  cause.kind === 'event'
    ? pending.event?.event === cause.report().event
    : pending.reason === 'breakpoint' && cause.kind === 'breakpoint';

const noEvent = (name: string): UserError =>
  new UserError(`there is no event '${name}'`, 'Take one of the event catalogue.');

const tooMany = (what: string, limit: number): UserError =>
  new UserError(`more than ${limit} ${what}`, 'Remove some that are not needed.');
