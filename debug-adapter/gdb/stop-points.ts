// Breakpoints and watchpoints that a client has inserted (packets Z and z), as the machine takes them. Both kinds of
// breakpoints are the machine's: nothing is written into guest memory, and each belongs to one domain.

import type { Breakpoint, Watchpoint } from '../../emulator/machine/messages.ts';
import type { MachineClient } from '../machine/machine-client.ts';

/** By the digit of the Z packet. */
export const STOP_POINT_KINDS = ['swbreak', 'hwbreak', 'watch', 'rwatch', 'awatch'] as const;
export type StopPointKind = (typeof STOP_POINT_KINDS)[number];

export interface StopPoint {
  readonly id: number;
  readonly kind: StopPointKind;
  readonly domain: number;
  readonly address: bigint;
  /** Bytes that are watched. */
  readonly size: number;
}

/** Machine breakpoint id of the places a plan runs to. */
export const TEMPORARY = 0;

const ACCESS = { watch: 'write', rwatch: 'read', awatch: 'access' } as const;

export class StopPoints {
  private readonly machine: MachineClient;
  private readonly points = new Map<string, StopPoint>();
  private nextId = TEMPORARY + 1;
  /** What the machine was last told, as text: most parts of a plan change nothing. */
  private readonly sent = { breakpoints: '', watchpoints: '' };

  constructor(machine: MachineClient) {
    this.machine = machine;
  }

  /** Inserting one that is there changes nothing. */
  insert(point: Omit<StopPoint, 'id'>): void {
    const key = keyOf(point);
    if (!this.points.has(key)) this.points.set(key, { ...point, id: this.nextId++ });
  }

  remove(point: Omit<StopPoint, 'id'>): void {
    this.points.delete(keyOf(point));
  }

  removeAll(domain?: number): void {
    for (const [key, point] of this.points) {
      if (domain === undefined || point.domain === domain) this.points.delete(key);
    }
  }

  get count(): number {
    return this.points.size;
  }

  byId(id: number): StopPoint | undefined {
    return [...this.points.values()].find((point) => point.id === id);
  }

  breakpointAt(domain: number, address: bigint): StopPoint | undefined {
    return [...this.points.values()].find(
      (point) => !isWatch(point) && point.domain === domain && point.address === address,
    );
  }

  /** Tells the machine, if something changed. `places`: where the plan under way is to stop. */
  async send(places: readonly Breakpoint[]): Promise<void> {
    const all = [...this.points.values()];
    const breakpoints: Breakpoint[] = [
      ...all
        .filter((point) => !isWatch(point))
        .map(({ id, domain, address }): Breakpoint => ({ id, domain, kind: 'va', address })),
      ...places,
    ];
    const watchpoints = all.flatMap(({ id, kind, domain, address, size }): Watchpoint[] =>
      kind === 'swbreak' || kind === 'hwbreak'
        ? []
        : [{ id, space: { kind: 'va', domain }, address, size, access: ACCESS[kind] }],
    );
    const text = {
      breakpoints: breakpoints.map(({ id, domain, address }) => `${id} ${domain} ${address}`).join('\n'),
      watchpoints: watchpoints.map(({ id }) => id).join(' '),
    };
    if (text.breakpoints !== this.sent.breakpoints) {
      this.sent.breakpoints = text.breakpoints;
      await this.machine.request('setBreakpoints', { breakpoints });
    }
    if (text.watchpoints !== this.sent.watchpoints) {
      await this.machine.request('setWatchpoints', { watchpoints });
      this.sent.watchpoints = text.watchpoints;
    }
  }
}

const isWatch = ({ kind }: Pick<StopPoint, 'kind'>): boolean => kind !== 'swbreak' && kind !== 'hwbreak';

const keyOf = ({ kind, domain, address, size }: Omit<StopPoint, 'id'>): string =>
  isWatch({ kind }) ? `${kind} ${domain} ${address} ${size}` : `${kind} ${domain} ${address}`;
