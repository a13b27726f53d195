// Puts datagrams together that came in fragments: RFC 791, 3.2. What is incomplete is forgotten when room is needed.

import type { Ipv4 } from './headers.ts';

/** Datagrams that may be incomplete at once. */
const MOST_DATAGRAMS = 16;
const MOST_FRAGMENTS = 64;
const MOST_BYTES = 65_535;

export class Fragments {
  private readonly incomplete = new Map<string, Ipv4[]>();

  /** The whole datagram, once the last of its fragments is here. */
  add(fragment: Ipv4): Ipv4 | undefined {
    if (!fragment.moreFragments && fragment.fragmentOffset === 0) return fragment;
    const { source, destination, protocol, identification } = fragment;
    const key = `${source} ${destination} ${protocol} ${identification}`;
    const parts = [...(this.incomplete.get(key) ?? []), { ...fragment, payload: fragment.payload.slice() }];
    this.incomplete.delete(key);
    const whole = joined(parts);
    if (whole) return { ...fragment, fragmentOffset: 0, moreFragments: false, payload: whole };
    const bytes = parts.reduce((sum, { payload }) => sum + payload.length, 0);
    if (parts.length >= MOST_FRAGMENTS || bytes > MOST_BYTES) return undefined;
    if (this.incomplete.size >= MOST_DATAGRAMS) {
      const [oldest] = this.incomplete.keys();
      if (oldest !== undefined) this.incomplete.delete(oldest);
    }
    this.incomplete.set(key, parts);
    return undefined;
  }

  save(): unknown {
    return [...this.incomplete].map(([key, parts]) => ({
      key,
      parts: parts.map(({ fragmentOffset, moreFragments, payload }) => ({
        fragmentOffset,
        moreFragments,
        payload: [...payload],
      })),
    }));
  }
}

function joined(parts: readonly Ipv4[]): Uint8Array | undefined {
  const last = parts.find(({ moreFragments }) => !moreFragments);
  const length = last && last.fragmentOffset + last.payload.length;
  if (length === undefined || length > MOST_BYTES) return undefined;
  const bytes = new Uint8Array(length);
  let reached = 0;
  for (const { fragmentOffset, payload } of [...parts].sort((a, b) => a.fragmentOffset - b.fragmentOffset)) {
    if (fragmentOffset > reached || fragmentOffset + payload.length > length) return undefined;
    bytes.set(payload, fragmentOffset);
    reached = Math.max(reached, fragmentOffset + payload.length);
  }
  return reached === length ? bytes : undefined;
}
