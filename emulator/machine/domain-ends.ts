// Which domains of a machine have come to their end. The machine has, when the last one has.

import type { GuestEnd } from './guest.ts';

export interface DomainEnded {
  readonly domain: number;
  readonly reason: GuestEnd;
}

export class DomainEnds {
  private readonly living: Set<number>;
  private readonly gone = new Set<number>();
  private readonly ends: DomainEnded[] = [];
  private news: DomainEnded[] = [];

  constructor(domains: readonly number[]) {
    this.living = new Set(domains);
  }

  begin(domain: number): void {
    this.living.add(domain);
  }

  /** False for one that had ended before: what was shut down, and is looked at, may be destroyed later. */
  end(domain: number, reason: GuestEnd): boolean {
    if (reason === 'destroyed') this.gone.add(domain);
    if (!this.living.delete(domain)) return false;
    const ended = { domain, reason };
    this.ends.push(ended);
    this.news.push(ended);
    return true;
  }

  /** What came since the last time. */
  takeNews(): readonly DomainEnded[] {
    const { news } = this;
    this.news = [];
    return news;
  }

  /** The end that was the machine's: undefined while a domain lives. */
  get last(): DomainEnded | undefined {
    return this.living.size === 0 ? this.ends.at(-1) : undefined;
  }

  /** How the machine ended, in a word: as the domain whose end was the least orderly. */
  get verdict(): GuestEnd | undefined {
    if (this.living.size > 0) return undefined;
    return ORDERLINESS.find((reason) => this.ends.some((end) => end.reason === reason));
  }

  /** While others live: a machine that has ended is told so when it is to run. */
  hasEnded(domain: number): boolean {
    return this.living.size > 0 && !this.living.has(domain);
  }

  /** Destroyed: its number names nobody any more. */
  isGone(domain: number): boolean {
    return this.gone.has(domain);
  }
}

const ORDERLINESS: readonly GuestEnd[] = ['crash', 'destroyed', 'suspend', 'reboot', 'poweroff'];
