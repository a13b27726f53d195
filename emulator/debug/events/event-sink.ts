// Where those who know of events tell of them, and words that all of them need.

import { BARE_DOMAIN, type VcpuId } from '../../machine/messages.ts';
import type { EventStage, EventText } from '../../machine/stops/occurrence.ts';

/** What the parts are given: the way out, and whether it leads anywhere. */
export interface EventSink {
  wants(names: readonly string[], stage?: EventStage): boolean;
  /** The last name is the event's own, those before it are its groups. */
  tell(
    names: readonly string[],
    domains: readonly number[],
    vcpu: VcpuId | undefined,
    text: () => EventText,
    stage?: EventStage,
  ): void;
}

/** `d1v0`; of a bare machine `CPU 0`. */
export const vcpuText = (domain: number, vcpu: number): string =>
  domain === BARE_DOMAIN ? `CPU ${vcpu}` : `d${domain}v${vcpu}`;
export const domainText = (domain: number): string => {
  if (domain === -1) return 'Xen';
  return domain === 0 ? 'the toolstack' : `d${domain}`;
};
