// Every inspection. Requests of the adapter, commands of the command line and their help follow from this table.

import { UserError } from '../../base/errors.ts';
import { domainsInspection } from './domains.ts';
import { eventChannelsInspection } from './event-channels.ts';
import { gicInspection } from './gic/gic.ts';
import { gicTraceInspection } from './gic/gic-trace.ts';
import { grantsInspection } from './grants.ts';
import { machineInspection } from './machine.ts';
import { memoryMapInspection } from './memory/memory-map.ts';
import { physicalMapInspection } from './memory/physical-map.ts';
import { searchInspection } from './memory/search.ts';
import { stage1MapInspection } from './memory/stage1-map.ts';
import { walkInspection } from './memory/walk.ts';
import type { AnyInspection, ArgumentsOf, Inspection } from './inspection.ts';
import { registerInfoInspection } from './register-info.ts';
import { registersInspection } from './registers.ts';
import { ringHistoryInspection } from './ring-history.ts';
import { ringSlotsInspection } from './ring-slots.ts';
import { ringsInspection } from './rings.ts';
import { schedulerInspection } from './scheduler.ts';
import { xenstoreInspection } from './xenstore.ts';
import { xenstoreHistoryInspection } from './xenstore-history.ts';

/** In the order of help texts. */
export const inspections = [
  machineInspection,
  domainsInspection,
  schedulerInspection,
  eventChannelsInspection,
  grantsInspection,
  xenstoreInspection,
  xenstoreHistoryInspection,
  registersInspection,
  registerInfoInspection,
  gicInspection,
  gicTraceInspection,
  memoryMapInspection,
  physicalMapInspection,
  stage1MapInspection,
  walkInspection,
  searchInspection,
  ringsInspection,
  ringSlotsInspection,
  ringHistoryInspection,
] as const;

type Row = (typeof inspections)[number];

/** Arguments and view of each inspection, by name. */
export type Inspections = {
  [R in Row as R['name']]: R extends Inspection<string, infer Specs, infer View>
    ? { readonly arguments: ArgumentsOf<Specs>; readonly view: View }
    : never;
};

export type InspectionName = keyof Inspections;

const byName = new Map(inspections.map((row) => [row.name as string, row as unknown as AnyInspection]));

/** Throws a UserError for a name that is none. */
export function inspectionNamed(name: string): AnyInspection {
  const row = byName.get(name);
  if (row) return row;
  throw new UserError(`there is no inspection '${name}'`, `There are: ${[...byName.keys()].join(', ')}.`);
}
