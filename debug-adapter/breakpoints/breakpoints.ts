// The breakpoints of a session: what the client asked for, and what the machine is told of it. Ids are unique in
// a process and kept over a restart.

import type {
  EventBreakpoint,
  Breakpoint as MachineBreakpoint,
  Watchpoint,
} from '../../emulator/machine/messages.ts';
import type { Program, StopRules } from '../../emulator/machine/stop-programs.ts';
import type { LogMessage } from '../values/log-message.ts';
import type { Target } from '../symbols/target.ts';

/** A place of a breakpoint in one domain. */
export interface Place {
  readonly target: Target;
  /** `link` follows the program when it is moved; `va` and `ipa` are what the user said, whatever runs there. */
  readonly address: { readonly kind: 'link' | 'va' | 'ipa'; readonly value: bigint };
  /** The line, as far as one was asked for. */
  readonly source?: { readonly path: string; readonly line: number };
  readonly rules?: StopRules;
  /** Of a log point: what to say when it was passed. */
  readonly message?: LogMessage;
}

export type BreakpointKind = 'source' | 'function' | 'instruction' | 'data' | 'exception' | 'event';

/** What the user said beside where. */
export interface BreakpointOptions {
  readonly condition?: string;
  readonly hitCondition?: string;
  readonly logMessage?: string;
  readonly mode?: string;
}

/** What a data breakpoint watches, in words too. */
export interface Watch {
  readonly watchpoint: Omit<Watchpoint, 'id'>;
  /** The expression or variable, as the user knows it. */
  readonly name: string;
  readonly target: Target | undefined;
  /** Of what follows the program when it is moved. */
  readonly link?: bigint;
}

export type EventAction = 'stop' | 'log' | 'count';

export interface UserBreakpoint {
  readonly id: number;
  readonly kind: BreakpointKind;
  /** What belongs together: a source's path, or '' . A set request replaces a group. */
  readonly group: string;
  /** Where it was asked for, as text: the same text keeps its id. */
  readonly request: string;
  readonly options: BreakpointOptions;
  readonly places: readonly Place[];
  readonly watch?: Watch;
  readonly events?: readonly Omit<EventBreakpoint, 'id'>[];
  readonly action?: EventAction;
  /** Of an exception that the adapter finds itself, over what is known of it. */
  readonly eventCondition?: Program;
  /** Stops where the function has returned to. */
  readonly atReturn?: boolean;
  /** Goes after the first hit. */
  readonly once?: boolean;
}

/** A breakpoint as it is asked for: without an id. */
export type WantedBreakpoint = Omit<UserBreakpoint, 'id' | 'kind' | 'group' | 'options'> & {
  readonly options?: BreakpointOptions;
};

/** A function with a breakpoint at its return was entered. */
interface PendingReturn {
  readonly id: number;
  readonly target: Target;
  readonly returns: bigint;
  readonly sp: bigint;
  readonly name: string;
}

/** Where ids come from: several sessions set breakpoints in one machine. */
export interface BreakpointIds {
  nextBreakpointId(): number;
  /** Of what the client never sees, so that it takes none of the ids that people see. */
  nextHiddenId(): number;
}

const SLIDE_ID = 0x7fff_ffff;
/** More calls than this that have not returned are a guest that never returns. */
const MAX_RETURNS = 256;
/** Linux: a moved kernel has found its place by then. */
const AFTER_MOVE = 'start_kernel';

export class BreakpointTable {
  /** Counts changes of what the machine is told. */
  version = 0;
  private breakpoints: UserBreakpoint[] = [];
  private returns: PendingReturn[] = [];
  private readonly logIds = new Map<UserBreakpoint, Map<Place, number>>();
  private readonly logged = new Map<number, { readonly breakpoint: UserBreakpoint; readonly place: Place }>();
  private readonly ids: BreakpointIds;

  constructor(ids: BreakpointIds) {
    this.ids = ids;
  }

  get all(): readonly UserBreakpoint[] {
    return this.breakpoints;
  }

  /** Replaces a group by a new list, in its order. */
  replace(
    kind: BreakpointKind,
    group: string,
    wanted: readonly WantedBreakpoint[],
  ): readonly UserBreakpoint[] {
    const earlier = this.breakpoints.filter((b) => b.kind === kind && b.group === group);
    const added = wanted.map((one): UserBreakpoint => {
      const index = earlier.findIndex(({ request }) => request === one.request);
      const [known] = index < 0 ? [] : earlier.splice(index, 1);
      const id = known?.id ?? (kind === 'exception' ? this.ids.nextHiddenId() : this.ids.nextBreakpointId());
      return { options: {}, ...one, id, kind, group };
    });
    this.breakpoints = [...this.breakpoints.filter((b) => b.kind !== kind || b.group !== group), ...added];
    this.returns = this.returns.filter(({ id }) => this.find(id) !== undefined);
    this.changed();
    return added;
  }

  /** Whether a group still is this list. */
  isGroup(
    kind: BreakpointKind,
    group: string,
    list: readonly Pick<UserBreakpoint, 'request' | 'options'>[],
  ): boolean {
    const now = this.breakpoints.filter((b) => b.kind === kind && b.group === group);
    return (
      now.length === list.length &&
      now.every(({ request, options }, i) => list[i]?.request === request && list[i]?.options === options)
    );
  }

  /** The machine is another one. */
  forgetReturns(): void {
    this.returns = [];
    this.version++;
  }

  find(id: number): UserBreakpoint | undefined {
    return this.breakpoints.find((breakpoint) => breakpoint.id === id);
  }

  /** The breakpoint counts from now on without it. */
  dropCondition(id: number): void {
    this.breakpoints = this.breakpoints.map((breakpoint) => {
      if (breakpoint.id !== id) return breakpoint;
      const { places, watch, events } = breakpoint;
      return {
        ...breakpoint,
        places: places.map((place) =>
          place.rules ? { ...place, rules: unconditional(place.rules) } : place,
        ),
        ...(watch && { watch: { ...watch, watchpoint: unconditional(watch.watchpoint) } }),
        ...(events && { events: events.map(unconditional) }),
      };
    });
    this.changed();
  }

  remove(id: number): void {
    this.breakpoints = this.breakpoints.filter((breakpoint) => breakpoint.id !== id);
    this.changed();
  }

  // ---------------------------------------------------------------- for the machine

  forMachine(): readonly MachineBreakpoint[] {
    return [
      ...this.breakpoints.flatMap((breakpoint) =>
        breakpoint.places.flatMap((place) => machineBreakpoints(this.idOf(breakpoint, place), place)),
      ),
      ...this.moves(),
      ...this.returns.map(
        ({ id, target, returns, sp }): MachineBreakpoint => ({
          id,
          domain: target.domain,
          kind: 'va',
          address: returns,
          condition: isEqual('sp', sp),
        }),
      ),
    ];
  }

  watchpoints(): readonly Watchpoint[] {
    return this.breakpoints.flatMap(({ id, watch }): Watchpoint[] => {
      if (!watch) return [];
      const { watchpoint, target, link } = watch;
      const address = target && link !== undefined ? target.map.toRuntime(link) : watchpoint.address;
      return [{ ...watchpoint, address, id }];
    });
  }

  eventBreakpoints(): readonly EventBreakpoint[] {
    return this.breakpoints.flatMap(({ id, events = [] }) => events.map((event) => ({ ...event, id })));
  }

  /** The log point that an id of the machine means. */
  logPoint(id: number): { readonly breakpoint: UserBreakpoint; readonly place: Place } | undefined {
    return this.logged.get(id);
  }

  // ---------------------------------------------------------------- where the machine stands

  /**
   * Which breakpoints really are at this PC: a guest physical match may be another use of the same memory.
   * `candidates` are the ids the machine reported; without it, any that has no further rules may be.
   */
  at(target: Target, pc: bigint, candidates?: readonly number[]): readonly UserBreakpoint[] {
    return this.breakpoints.filter((breakpoint) =>
      breakpoint.places.some(
        (place) =>
          this.isAt(place, target, pc, candidates !== undefined) &&
          (candidates === undefined
            ? place.rules === undefined
            : candidates.includes(this.idOf(breakpoint, place))),
      ),
    );
  }

  /** Whether any breakpoint may be there, whatever else it asks for. */
  anyAt(target: Target, pc: bigint): boolean {
    return this.breakpoints.some(({ places }) => places.some((place) => this.isAt(place, target, pc, true)));
  }

  private isAt({ target, address }: Place, where: Target, pc: bigint, reported: boolean): boolean {
    if (target.domain !== where.domain) return false;
    switch (address.kind) {
      case 'link':
        return address.value === target.map.toLink(pc);
      case 'va':
        return address.value === pc;
      case 'ipa':
        // Only the machine knows where a PC leads.
        return reported;
    }
  }

  // ---------------------------------------------------------------- returns of functions

  entered(breakpoint: UserBreakpoint, pending: Omit<PendingReturn, 'id'>): void {
    this.returns = [...this.returns.slice(1 - MAX_RETURNS), { ...pending, id: breakpoint.id }];
    this.version++;
  }

  /** The breakpoint whose function has just returned to this place, if one has. */
  returned(target: Target, pc: bigint, sp: bigint): PendingReturn | undefined {
    const found = this.returns.findLast(
      (one) => one.target.domain === target.domain && one.returns === pc && one.sp === sp,
    );
    if (found) {
      this.returns = this.returns.filter((one) => one !== found);
      this.version++;
    }
    return found;
  }

  // ---------------------------------------------------------------- parts

  /**
   * Programs and watched addresses are made for where a kernel runs. One that moves itself is looked at once more
   * before it does what people have an interest in.
   */
  private moves(): readonly MachineBreakpoint[] {
    const depends = (target: Target): boolean =>
      target.map.slide === undefined &&
      this.breakpoints.some(
        ({ places, watch }) =>
          places.some((place) => place.target === target && place.rules !== undefined) ||
          (watch?.target === target && watch.link !== undefined),
      );
    const targets = new Set(
      this.breakpoints.flatMap(({ places, watch }) => [
        ...places.map(({ target }) => target),
        ...(watch?.target ? [watch.target] : []),
      ]),
    );
    return [...targets]
      .filter(depends)
      .flatMap((target) =>
        target
          .addressesOf(AFTER_MOVE)
          .flatMap((link) => target.map.breakpointsFor(SLIDE_ID, target.domain, link)),
      );
  }

  private idOf(breakpoint: UserBreakpoint, place: Place): number {
    return this.logIds.get(breakpoint)?.get(place) ?? breakpoint.id;
  }

  private changed(): void {
    this.version++;
    for (const breakpoint of this.logIds.keys()) {
      if (this.breakpoints.includes(breakpoint)) continue;
      for (const id of this.logIds.get(breakpoint)?.values() ?? []) this.logged.delete(id);
      this.logIds.delete(breakpoint);
    }
    for (const breakpoint of this.breakpoints) {
      if (this.logIds.has(breakpoint)) continue;
      const ids = new Map<Place, number>();
      for (const place of breakpoint.places) {
        if (!place.message) continue;
        // What was captured at a place is told by its id alone.
        const id = this.ids.nextHiddenId();
        ids.set(place, id);
        this.logged.set(id, { breakpoint, place });
      }
      if (ids.size > 0) this.logIds.set(breakpoint, ids);
    }
  }
}

/** What a machine is told of breakpoints, and what says which of them it stopped at: of all sessions that share it. */
export type MachineBreakpoints = Pick<
  BreakpointTable,
  | 'all'
  | 'version'
  | 'forMachine'
  | 'watchpoints'
  | 'eventBreakpoints'
  | 'at'
  | 'anyAt'
  | 'find'
  | 'entered'
  | 'returned'
>;

function machineBreakpoints(
  id: number,
  { target, address, rules = {} }: Place,
): readonly MachineBreakpoint[] {
  const { domain } = target;
  if (address.kind !== 'link') return [{ ...rules, id, domain, kind: address.kind, address: address.value }];
  return target.map.breakpointsFor(id, domain, address.value).map((one) => ({ ...one, ...rules }));
}

function unconditional<Rules extends StopRules>(rules: Rules): Omit<Rules, 'condition'> {
  const { condition: _, ...others } = rules;
  return others;
}

const isEqual = (register: string, value: bigint): Program => ({
  kind: 'binary',
  operator: '==',
  left: { kind: 'register', name: register },
  right: { kind: 'constant', value },
});
