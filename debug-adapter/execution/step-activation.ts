// Which activation of a function a step belongs to. At EL1 every task has a stack of its own, so that the
// canonical frame address names task and activation, which is SP of the caller at the call; without call frame
// information the caller's X29 does. Programs at EL0 may share addresses, but not the kernel's stack for
// them: SP_EL1 tells them apart, and nothing must be known of the kernel for that.

import type { GeneralRegisters } from '../../emulator/machine/messages.ts';
import { SP, walkStack } from '../frames/stack.ts';
import type { Frame } from '../frames/stack.ts';
import type { StepContext } from './step-context.ts';

type Context = Pick<StepContext<unknown>, 'stack' | 'registers' | 'systemRegister'>;

export interface Activation {
  readonly cfa: bigint | undefined;
  readonly caller: Caller | undefined;
  /** SP_EL1 of a program. */
  readonly kernelStack: bigint | undefined;
}

export interface Caller {
  readonly pc: bigint;
  readonly frame: Frame;
  /** Whether these registers are the caller's own, once it goes on. */
  isBack(now: GeneralRegisters): Promise<boolean>;
}

const X29 = 29;
/** What a kernel saves on its stack for a program lies this close to where SP_EL1 is then. */
const SAVED_REACH = 4096n;

export async function activationOf(ctx: Context, now: GeneralRegisters): Promise<Activation> {
  const [frame, caller] = await walkStack(now, ctx.stack, 2);
  return {
    cfa: frame?.cfa,
    caller: caller && callerAs(ctx, caller, await kernelStackOf(ctx, now)),
    kernelStack: await kernelStackOf(ctx, now),
  };
}

export function isSame(a: Activation, b: Activation): boolean {
  if (a.kernelStack !== b.kernelStack) return false;
  if (a.cfa !== undefined && b.cfa !== undefined) return a.cfa === b.cfa;
  if (!a.caller || !b.caller) return a.caller === b.caller;
  return a.caller.pc === b.caller.pc && a.caller.frame.register(X29) === b.caller.frame.register(X29);
}

export async function callerOf(ctx: Context): Promise<Caller | undefined> {
  return (await activationOf(ctx, await ctx.registers())).caller;
}

/** Whether registers are those of the same task with the same stack as now. */
export async function sameStack(
  ctx: Context,
  { sp, pstate }: GeneralRegisters,
): Promise<(then: GeneralRegisters) => Promise<boolean>> {
  const el = elOf(pstate);
  const kernelStack = await kernelStackOf(ctx, { pstate });
  return async (then) =>
    then.sp === sp && elOf(then.pstate) === el && (await kernelStackOf(ctx, then)) === kernelStack;
}

function callerAs(ctx: Context, frame: Frame, kernelStack: bigint | undefined): Caller {
  const sp = frame.register(SP);
  const x29 = frame.register(X29);
  const isBack = async (now: GeneralRegisters): Promise<boolean> => {
    if (elOf(now.pstate) !== frame.el) return false;
    // Of what a handler has interrupted, maybe neither is left.
    if (sp !== undefined ? now.sp !== sp : x29 !== undefined && now.x[X29] !== x29) return false;
    if (frame.el !== 0) return true;
    const stack = await kernelStackOf(ctx, now);
    if (kernelStack !== undefined) return stack === kernelStack;
    const saved = frame.taken?.savedAt;
    return saved === undefined || stack === undefined || (stack >= saved && stack - saved < SAVED_REACH);
  };
  return { pc: frame.pc, frame, isBack };
}

async function kernelStackOf(
  ctx: Context,
  { pstate }: Pick<GeneralRegisters, 'pstate'>,
): Promise<bigint | undefined> {
  return elOf(pstate) === 0 ? ctx.systemRegister('SP_EL1') : undefined;
}

const elOf = (pstate: number): number => (pstate >>> 2) & 3;
