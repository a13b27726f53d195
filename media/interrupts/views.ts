// The views that the panel shows, by short names.

import type { Inspections } from '../../debug-adapter/protocol.ts';

export type Gic = Inspections['gic']['view'];
export type Interrupt = Gic['interrupts'][number];
export type ListRegister = NonNullable<Gic['listRegisters']>[number];
export type Pending = Gic['pending'][number];
export type Trace = Inspections['gicTrace']['view'];
export type Pulse = Trace['pulse'];
export type Count = Trace['counts'][number];
export type Injection = Trace['injections'][number];
