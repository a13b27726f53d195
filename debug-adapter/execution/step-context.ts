// What a step needs of the machine, and what it answers.

import type { GeneralRegisters, VcpuId } from '../../emulator/machine/messages.ts';
import type { ReadGuest, StackSource } from '../frames/stack.ts';

/** Why a part of a step ended: this vCPU is where it should be, or something else must be shown first. */
export type StepStop<Report> =
  | { readonly kind: 'here' }
  | { readonly kind: 'elsewhere'; readonly report: Report };

export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

export interface SourceLine {
  readonly path: string;
  readonly line: number;
  readonly column?: number;
}

/** The contiguous code of a line around an address. */
export interface LineRange extends AddressRange {
  /** The part of it with the same column. */
  readonly statement: AddressRange;
  readonly code: SourceLine;
  /** What is shown: the line that calls, as long as an inlined function has not begun. */
  readonly shown: SourceLine;
  /** Names of the functions shown, the real one first, inlined ones behind it. */
  readonly scope: readonly string[];
}

/** Whether the registers at a place are those of the activation or the stack that a step belongs to. */
export type IsMeant = (now: GeneralRegisters) => Promise<boolean>;

export interface StepContext<Report> {
  /** Another one once the task that is stepped has been moved there. */
  readonly vcpu: VcpuId;
  readonly read: ReadGuest;
  readonly stack: StackSource;
  /** Runs until this vCPU stands at one of the places, or another one where it is what is meant. */
  runTo(places: readonly bigint[], isMeant: IsMeant): Promise<StepStop<Report>>;
  /** The same for an interrupted instruction: a breakpoint on it has been reported before. */
  runBackTo(place: bigint, isMeant: IsMeant): Promise<StepStop<Report>>;
  /** Executes one instruction of this vCPU, or takes one exception. */
  stepOnce(): Promise<StepStop<Report>>;
  registers(): Promise<GeneralRegisters>;
  systemRegister(name: string): Promise<bigint | undefined>;
  lineAt(pc: bigint): Promise<LineRange | undefined>;
  functionAt(pc: bigint): AddressRange | undefined;
}
