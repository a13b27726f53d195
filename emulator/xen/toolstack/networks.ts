// The bridges of domain 0, made when the first interface asks for one. What leads out of a bridge is the user network.

import { parseMac } from '../network/addresses.ts';
import { Bridge } from '../network/bridge.ts';
import type { HostStreams } from '../network/tcp-streams.ts';
import type { Timers } from '../network/timers.ts';
import { UserNetwork } from '../network/user-network.ts';
import type { ObserverCalls } from '../observer.ts';

/** Locally administered, as the address of a bridge that nobody gave one. */
const FIRST_GATEWAY_MAC = parseMac('52:54:00:12:35:02') ?? 0;

/** Different ones that are told of. */
const MOST_REFUSALS = 64;

interface Network {
  readonly bridge: Bridge;
  readonly user: UserNetwork;
}

export class Networks {
  private readonly byName = new Map<string, Network>();
  private readonly timers: Timers;
  private readonly observer: ObserverCalls;
  private readonly refused: (what: string) => void;
  private readonly refusals = new Set<string>();

  /** `refused` is told what a guest wanted to reach and may not. */
  constructor(timers: Timers, observer: ObserverCalls, refused: (what: string) => void) {
    this.timers = timers;
    this.observer = observer;
    this.refused = refused;
  }

  bridge(name: string): Bridge {
    const known = this.byName.get(name);
    if (known) return known.bridge;
    const bridge = new Bridge(name, ({ bytes, isChecksumBlank }, port) =>
      this.observer.packetSent(name, port, bytes, isChecksumBlank),
    );
    const user = new UserNetwork({
      mac: FIRST_GATEWAY_MAC + this.byName.size,
      timers: this.timers,
      streams: noHostStreams,
      refused: (what) => this.refuse(`${name}: ${what}`),
    });
    user.connect(bridge.attach('gateway', user));
    this.byName.set(name, { bridge, user });
    return bridge;
  }

  /** Each thing once, and no more than a bound: a guest can make up addresses without end. */
  private refuse(what: string): void {
    if (this.refusals.size >= MOST_REFUSALS || this.refusals.has(what)) return;
    this.refusals.add(what);
    this.refused(this.refusals.size < MOST_REFUSALS ? what : `${what} (more is not said)`);
  }

  save(): unknown {
    return [...this.byName.values()].map(({ bridge, user }) => ({
      bridge: bridge.save(),
      user: user.save(),
    }));
  }
}

/** Nothing of the host is reached. */
const noHostStreams: HostStreams = {
  destinationOf: () => undefined,
  open: () => {},
  send: () => {},
  end: () => {},
  abort: () => {},
};
