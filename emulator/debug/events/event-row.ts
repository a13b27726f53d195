// What a row of the catalogue of events says, and words that rows have in common.

import type { EventStage } from '../../machine/stops/occurrence.ts';

export type EventCategory =
  | 'hypercall'
  | 'stage2'
  | 'trap'
  | 'exception'
  | 'interrupt'
  | 'event-channel'
  | 'grant'
  | 'xenstore'
  | 'ring'
  | 'firmware'
  | 'domain'
  | 'vcpu'
  | 'timer'
  | 'task'
  | 'translation'
  | 'cache'
  | 'sanitizer'
  | 'register'
  | 'console';

export interface EventField {
  /** `$ev.<name>`. */
  readonly name: string;
  readonly type: 'number' | 'text';
  readonly doc: string;
}

export interface EventRow {
  /** As EventBreakpoint.event has it. Dots lead from a group to its members: `hypercall.event_channel_op.send`. */
  readonly name: string;
  readonly category: EventCategory;
  readonly label: string;
  /** One sentence. */
  readonly description: string;
  /** The first one is meant where none is named. */
  readonly stages: readonly EventStage[];
  /** Does it happen on a bare machine too? */
  readonly onBareMachine: boolean;
  readonly fields: readonly EventField[];
}

export const number = (name: string, doc: string): EventField => ({ name, type: 'number', doc });
export const text = (name: string, doc: string): EventField => ({ name, type: 'text', doc });

export const DOM = number('dom', 'the domain');
export const VCPU = number('vcpu', 'the vCPU');
export const PC = number('pc', 'address of the instruction');

export function row(
  name: string,
  category: EventCategory,
  label: string,
  description: string,
  fields: readonly EventField[],
  more: { readonly stages?: readonly EventStage[]; readonly onBareMachine?: boolean } = {},
): EventRow {
  const { stages = ['pre'], onBareMachine = false } = more;
  return { name, category, label, description, stages, onBareMachine, fields };
}

export const BOTH = { stages: ['pre', 'post'] } as const;
/** Of what CPUs do with a hypervisor and without one. */
export const bare = { onBareMachine: true };
