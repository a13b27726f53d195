// The views that the panel shows, by the names that it uses.

import type { Inspections } from '../../debug-adapter/protocol.ts';

export type RingsView = Inspections['rings']['view'];
export type Ring = RingsView['rings'][number];
export type RingEnd = Ring['frontend'];
export type RingIndex = Ring['indices'][number];
export type RingSlotsView = Inspections['ringSlots']['view'];
export type Slot = RingSlotsView['slots'][number];
export type Stream = RingSlotsView['streams'][number];
export type Stretch = Stream['stretches'][number];
export type WaitingMessage = Stream['messages'][number];
export type Message = NonNullable<Slot['message']>;
export type HistoryView = Inspections['ringHistory']['view'];
export type HistoryMessage = HistoryView['messages'][number];
