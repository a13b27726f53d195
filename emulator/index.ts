// What the emulator offers to the floors above: the debug adapter imports from here and from
// `formats/` only.

export { hex } from './base/address.ts';
export { UserError } from './base/errors.ts';
export type { Logger, LogLevel } from './base/log.ts';
export { type EventCategory, eventCatalog, eventCategories, type EventRow } from './debug/events/catalog.ts';
export { inspectionNamed, inspections, type Inspections } from './debug/inspect/catalog.ts';
export { argumentValue } from './debug/inspect/command.ts';
export type { AnyInspection } from './debug/inspect/inspection.ts';
export { createInspector } from './debug/inspect/inspector.ts';
export type { HostFile, HostFiles } from './formats/disk-image/host-files.ts';
export type { EngineModules } from './engine/engine.ts';
export { bareDeviceTree } from './machine/bare.ts';
export {
  type HeadlessEnd,
  type HeadlessRun,
  type HeadlessStatistics,
  startHeadless,
} from './machine/headless-run.ts';
export {
  type CaseEnd,
  type CaseException,
  type CaseOutcome,
  CaseRunner,
  type CaseState,
  type InstructionCase,
  outcomeMatches,
} from './machine/instruction-cases.ts';
export type * from './machine/messages.ts';
export { BARE_DOMAIN, HYPERVISOR_CONSOLE } from './machine/messages.ts';
export type { LoadedMachine } from './machine/guest.ts';
export { loadMachine } from './machine/load.ts';
export { type MachineSnapshot, runToSnapshot, takeSnapshot } from './machine/snapshot.ts';
export { type MachineInspector, MachineServerImplementation, type ServerHost } from './machine/server.ts';
