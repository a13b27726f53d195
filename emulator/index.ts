// What the emulator offers to the floors above: the debug adapter imports from here and from
// `formats/` only.

export type { EngineModules } from './engine/engine.ts';
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
