// The breakpoints of a session: what the client asked for, and the link addresses that came of it. Ids are
// unique in a process and kept over a restart.

import type { Breakpoint as MachineBreakpoint } from '../emulator/machine/messages.ts';
import type { Target } from './target.ts';

/** A place of a breakpoint in one domain. */
export interface Place {
  readonly target: Target;
  /** `link` follows the program when it is moved; `va` is what the user said, whatever runs there. */
  readonly address: { readonly kind: 'link' | 'va'; readonly value: bigint };
}

export type BreakpointKind = 'source' | 'function' | 'instruction' | 'panic';

export interface UserBreakpoint {
  readonly id: number;
  readonly kind: BreakpointKind;
  /** What belongs together: a source's path, or '' . A set request replaces a group. */
  readonly group: string;
  /** What the user asked for, as text: the same text keeps its id. */
  readonly request: string;
  readonly places: readonly Place[];
}

/** The client never sees this one, so it takes none of the ids that people see. */
const PANIC_ID = 0x7fff_ffff;

export class BreakpointTable {
  private breakpoints: UserBreakpoint[] = [];
  private readonly nextId: () => number;

  constructor(nextId: () => number) {
    this.nextId = nextId;
  }

  get all(): readonly UserBreakpoint[] {
    return this.breakpoints;
  }

  /** Replaces a group by a new list, in its order. */
  replace(
    kind: BreakpointKind,
    group: string,
    wanted: readonly { readonly request: string; readonly places: readonly Place[] }[],
  ): readonly UserBreakpoint[] {
    const earlier = this.breakpoints.filter((b) => b.kind === kind && b.group === group);
    const added = wanted.map(({ request, places }): UserBreakpoint => {
      const index = earlier.findIndex((candidate) => candidate.request === request);
      const [known] = index < 0 ? [] : earlier.splice(index, 1);
      const id = kind === 'panic' ? PANIC_ID : (known?.id ?? this.nextId());
      return { id, kind, group, request, places };
    });
    this.breakpoints = [...this.breakpoints.filter((b) => b.kind !== kind || b.group !== group), ...added];
    return added;
  }

  forMachine(): readonly MachineBreakpoint[] {
    return this.breakpoints.flatMap(({ id, places }) =>
      places.flatMap((place) => machineBreakpoints(id, place)),
    );
  }

  /**
   * Which breakpoints really are at this PC: a guest physical match may be another use of the same memory.
   * `candidates` are the ids the machine reported; without it, any may be.
   */
  at(target: Target, pc: bigint, candidates?: readonly number[]): readonly UserBreakpoint[] {
    const link = target.map.toLink(pc);
    return this.breakpoints.filter(
      ({ id, places }) =>
        (candidates === undefined || candidates.includes(id)) &&
        places.some(
          (place) =>
            place.target === target && place.address.value === (place.address.kind === 'link' ? link : pc),
        ),
    );
  }
}

/** What a machine is told of breakpoints, and what says which of them it stopped at: of all sessions that share it. */
export type MachineBreakpoints = Pick<BreakpointTable, 'forMachine' | 'at'>;

function machineBreakpoints(id: number, { target, address }: Place): readonly MachineBreakpoint[] {
  if (address.kind === 'link') return target.map.breakpointsFor(id, target.domain, address.value);
  return [{ id, domain: target.domain, kind: 'va', address: address.value }];
}
