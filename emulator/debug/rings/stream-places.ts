// Where the bytes of a stream lie in the pages of its ring.

import { PAGE_SIZE } from '../../base/address.ts';
import type { StreamLayout, StreamProtocol } from './protocol.ts';
import type { RingMemory } from './ring-memory.ts';

export interface StreamPlace {
  readonly layout: StreamLayout;
  readonly offset: number;
  readonly size: number;
}

/**
 * Both directions. With data pages (XEN_FLEX_RING) the backend writes into the first half of them and the
 * frontend into the second.
 */
export function streamPlaces({ streams, data }: StreamProtocol, memory: RingMemory): readonly StreamPlace[] {
  if (!data) return streams.map((layout) => ({ layout, offset: layout.offset, size: layout.size }));
  const size = (memory.size - PAGE_SIZE) / 2;
  return streams.map((layout) => ({
    layout,
    offset: PAGE_SIZE + (layout.from === 'backend' ? 0 : size),
    size,
  }));
}
