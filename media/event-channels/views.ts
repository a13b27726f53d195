// The views that the panel shows, by short names.

import type { Inspections } from '../../debug-adapter/protocol.ts';

export type Channels = Inspections['eventChannels']['view'];
export type Port = Channels['ports'][number];
export type Link = Channels['links'][number];
export type Grants = Inspections['grants']['view'];
export type Grant = Grants['grants'][number];
export type Mapped = Grants['mapped'][number];

export interface Finding {
  readonly severity: 'warning' | 'note';
  readonly sentence: string;
}
