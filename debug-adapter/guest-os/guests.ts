// The operating systems in the domains of a machine, recognized when somebody asks.

import type { Debuggee } from '../debuggee.ts';
import type { GuestOs } from './guest-os.ts';
import { openLinux } from './linux/linux.ts';

export class Guests {
  private readonly known = new Map<number, Promise<GuestOs | undefined>>();
  private readonly ready = new Map<number, GuestOs>();

  /** Undefined: nothing is known of what runs there. */
  of(debuggee: Debuggee, domain: number): Promise<GuestOs | undefined> {
    let guest = this.known.get(domain);
    if (!guest) {
      const target = debuggee.allTargets.find((candidate) => candidate.domain === domain);
      guest = target ? openLinux(debuggee, target) : Promise.resolve(undefined);
      this.known.set(domain, guest);
      guest.then((found) => found && this.ready.set(domain, found)).catch(() => {});
    }
    return guest;
  }

  /** The same for the first who asks; undefined for others. */
  once(debuggee: Debuggee, domain: number): Promise<GuestOs | undefined> | undefined {
    return this.known.has(domain) ? undefined : this.of(debuggee, domain);
  }

  /** If it has been recognized already: that takes a while, in which nobody shall wait for a name. */
  ifKnown(domain: number): GuestOs | undefined {
    return this.ready.get(domain);
  }
}
