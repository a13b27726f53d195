// What becomes of domains while others run: they are made from what the machine was configured with, and when one ends
// that happens which its configuration says, as xl does. tools/xl/xl_vmcontrol.c, domain_wait_event().
//
// A domain ends in the middle of a hypercall of its own. What follows happens at the same moment, but between two
// instructions of the machine: see Machine.chores.

import { invariant, UserError } from '../base/errors.ts';
import {
  SHUTDOWN_CRASH,
  SHUTDOWN_POWEROFF,
  SHUTDOWN_REBOOT,
  SHUTDOWN_SUSPEND,
  SHUTDOWN_WATCHDOG,
} from '../xen/abi/sched.ts';
import type { GuestEnd } from './guest.ts';
import type { Chores } from './machine.ts';
import type { DomainConfig, EndAction } from './messages.ts';

/** What the machine does for it. */
export interface LifeCycleHost {
  nanoseconds(): number;
  /** Makes a domain; with the UUID of the one whose place it takes. */
  make(config: DomainConfig, domid: number, uuid: Uint8Array | undefined): void;
  uuidOf(domid: number): Uint8Array | undefined;
  destroy(domid: number): void;
  /** Another name, under which it stays. */
  rename(domid: number, name: string): void;
  ended(domid: number, reason: GuestEnd): void;
  /** The machine has a new domain; `replaces`: in the place of that one. */
  created(domid: number, replaces: number | undefined): void;
  warn(message: string): void;
  /** perform() is due then. */
  deadlineChanged(deadline: number): void;
}

interface Ending {
  readonly domid: number;
  readonly reason: GuestEnd;
  readonly action: EndAction;
}

const END_OF: Readonly<Record<number, GuestEnd>> = {
  [SHUTDOWN_POWEROFF]: 'poweroff',
  [SHUTDOWN_REBOOT]: 'reboot',
  [SHUTDOWN_SUSPEND]: 'suspend',
  [SHUTDOWN_CRASH]: 'crash',
};

export const endOf = (reason: number): GuestEnd => END_OF[reason] ?? 'crash';

export class DomainLifeCycle implements Chores {
  private deadline = Number.POSITIVE_INFINITY;
  private readonly configs = new Map<number, DomainConfig>();
  private readonly endings: Ending[] = [];
  private nextDomid = 1;
  private readonly guests: readonly DomainConfig[];
  private readonly host: LifeCycleHost;
  private readonly restarts: boolean;

  /** `restarts`: what the configurations say of ends is done; else every end is the domain's last. */
  constructor(guests: readonly DomainConfig[], restarts: boolean, host: LifeCycleHost) {
    this.guests = guests;
    this.restarts = restarts;
    this.host = host;
  }

  /** At moment 0: domids are 1, 2, … in the order of the configuration. */
  makeAll(): void {
    for (const guest of this.guests) if (guest.start !== false) this.make(guest, undefined, undefined);
  }

  /** As `xl create` with the configuration of this name. */
  create(name: string): void {
    const config = this.guests.find((guest) => guest.name === name);
    if (!config) {
      const names = this.guests.map((guest) => guest.name).join(', ');
      throw new UserError(`no domain '${name}' is configured`, `There is: ${names}.`);
    }
    const living = [...this.configs].find(([, known]) => known === config);
    if (living) throw new UserError(`the domain '${name}' is there: ${living[0]}`, 'Destroy it first.');
    this.host.created(this.make(config, undefined, undefined), undefined);
  }

  destroyed(domid: number): void {
    this.configs.delete(domid);
  }

  /** A domain was shut down. */
  ended(domid: number, code: number): void {
    const reason = endOf(code);
    const action = this.restarts ? this.actionFor(domid, code) : 'destroy';
    if (!remakes(action)) {
      if (action.startsWith('coredump')) this.host.warn(noDump(domid));
      this.host.ended(domid, reason);
      return;
    }
    this.endings.push({ domid, reason, action });
    this.setDeadline(this.host.nanoseconds());
  }

  /** Chores: what ended is made again. */
  perform(): void {
    this.setDeadline(Number.POSITIVE_INFINITY);
    for (const ending of this.endings.splice(0)) this.makeAgain(ending);
  }

  save(): unknown {
    return {
      nextDomid: this.nextDomid,
      deadline: this.deadline,
      endings: this.endings,
      configs: [...this.configs].map(([domid, { name }]) => ({ domid, name })),
    };
  }

  private setDeadline(deadline: number): void {
    this.deadline = deadline;
    this.host.deadlineChanged(deadline);
  }

  private makeAgain({ domid, reason, action }: Ending): void {
    const config = this.configs.get(domid);
    // Somebody destroyed it meanwhile.
    if (!config) return;
    const uuid = this.host.uuidOf(domid);
    const stays = action === 'rename-restart';
    if (action === 'coredump-restart') this.host.warn(noDump(domid));
    if (stays) {
      this.configs.delete(domid);
      this.host.rename(domid, `${config.name}-${domid}`);
    } else {
      this.host.destroy(domid);
      this.configs.delete(domid);
    }
    try {
      // The one that stays keeps its UUID.
      this.host.created(this.make(config, domid, stays ? undefined : uuid), domid);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.host.warn(`domain '${config.name}' could not be made again: ${error.message}`);
    }
    this.host.ended(domid, reason);
    if (!stays) this.host.ended(domid, 'destroyed');
  }

  private make(config: DomainConfig, replaces: number | undefined, uuid: Uint8Array | undefined): number {
    const domid = this.nextDomid++;
    invariant(replaces === undefined || replaces < domid, 'domids go up');
    this.host.make(config, domid, uuid);
    this.configs.set(domid, config);
    return domid;
  }

  private actionFor(domid: number, code: number): EndAction {
    const actions = this.configs.get(domid)?.actions ?? {};
    switch (code) {
      case SHUTDOWN_POWEROFF:
        return actions.poweroff ?? 'destroy';
      case SHUTDOWN_REBOOT:
        return actions.reboot ?? 'destroy';
      case SHUTDOWN_SUSPEND:
        return 'preserve';
      case SHUTDOWN_WATCHDOG:
        return actions.watchdog ?? 'destroy';
      default:
        return actions.crash ?? 'destroy';
    }
  }
}

const remakes = (action: EndAction): boolean =>
  action === 'restart' || action === 'rename-restart' || action === 'coredump-restart';

const noDump = (domid: number): string => `no core dump of domain ${domid} is written`;
