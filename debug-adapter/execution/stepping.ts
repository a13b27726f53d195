// Steps by instruction, by line and out of a function, as plans over "run to one of these places" and
// "execute one instruction".
//
// A step belongs to one vCPU and one activation of a function (step-activation.ts), so recursion, other tasks and
// interrupt handlers that come by a place are let through. Inside a line the guest runs at full speed to the
// exits of the line; only returns, register branches and calls to be entered are executed one at a time.

import type { GeneralRegisters } from '../../emulator/machine/messages.ts';
import { controlFlow, successors } from '../instructions/instructions.ts';
import type { ControlFlow } from '../instructions/instructions.ts';
import type { AddressRange, IsMeant, LineRange, SourceLine, StepContext, StepStop } from './step-context.ts';
import { activationOf, callerOf, isSame, sameStack } from './step-activation.ts';
import type { Activation, Caller } from './step-activation.ts';

const HERE = { kind: 'here' } as const;
/** Interrupts between two instructions of the program, and exits of a line, before we give up. */
const MAX_ROUNDS = 100_000;
/** Lines longer than this are left by their first exit inside. */
const MAX_LINE_BYTES = 0x1_0000;
/** Pieces of code that belong to a line, of which a run is taken at once. */
const MAX_PARTS = 32;

/** One instruction. `over`: calls and exceptions run to completion. Interrupts always do. */
export async function stepInstruction<R>(ctx: StepContext<R>, over: boolean): Promise<StepStop<R>> {
  const before = await ctx.registers();
  const { pc } = before;
  const flow = await flowAt(ctx, pc);
  const isBack = await sameStack(ctx, before);
  if (over && flow && comesBack(flow)) return runToSame(ctx, pc + 4n, isBack);
  if (flow?.kind === 'exception-return') return returnFromException(ctx, before);

  const after = flow && successors(flow, pc, (n) => before.x[n] ?? 0n);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const stop = await ctx.stepOnce();
    if (stop.kind === 'elsewhere') return stop;
    const now = await ctx.registers();
    if (!after || after.includes(now.pc)) return stop;
    const taken = await exceptionTaken(ctx, now, [pc, ...after]);
    if (!taken) return stop;
    // A page of a program that is not there yet is the kernel's business; what the kernel itself does is shown.
    const isShown = flow?.kind === 'exception' || elOf(before) > 0;
    if (taken.synchronous && !over && isShown) return stop;
    const back = await runBack(ctx, taken.returnAddress, isBack);
    if (back.kind === 'elsewhere' || taken.returnAddress !== pc) return back;
  }
  return HERE;
}

/** ERET. Interrupts that wait for it are over before the code that it leads to is shown. */
async function returnFromException<R>(ctx: StepContext<R>, before: GeneralRegisters): Promise<StepStop<R>> {
  const el = elOf(before);
  const place = await ctx.systemRegister(`ELR_EL${el}`);
  const spsr = (await ctx.systemRegister(`SPSR_EL${el}`)) ?? 0n;
  const stop = await ctx.stepOnce();
  if (stop.kind === 'elsewhere') return stop;
  const now = await ctx.registers();
  if (place === undefined || now.pc === place) return stop;
  if (!(await exceptionTaken(ctx, now, [place]))) return stop;
  const level = Number((spsr >> 2n) & 3n);
  return runBack(ctx, place, async (then) => {
    if (elOf(then) !== level) return false;
    return (level === 0 ? await ctx.systemRegister('SP_EL1') : then.sp) === before.sp;
  });
}

export interface LineStep {
  /** Functions with lines are entered. */
  readonly into: boolean;
  /** The call instruction to be entered, and no other; whatever is known of the function. */
  readonly target?: bigint | undefined;
  /** Every statement of a line is a step of its own. */
  readonly statements?: boolean;
}

/** One line of source; one instruction where there is no line information. */
export async function stepLine<R>(ctx: StepContext<R>, how: LineStep): Promise<StepStop<R>> {
  const lineAt = async (pc: bigint): Promise<LineRange | undefined> => {
    const line = await ctx.lineAt(pc);
    return line && how.statements ? { ...line, ...line.statement } : line;
  };
  const first = await ctx.registers();
  const origin = await lineAt(first.pc);
  if (!origin) return stepInstruction(ctx, !how.into);
  const activation = await activationOf(ctx, first);

  let pc = first.pc;
  let range: LineRange = origin;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const crossing: Crossing = { ...how, scope: ctx.functionAt(pc) ?? range, caller: activation.caller };
    const flow = await flowAt(ctx, pc);
    if (flow && mustBeSeen(flow, pc, crossing)) {
      const crossed = await crossOver(ctx, flow, pc, crossing);
      if (crossed.kind !== 'inside') return crossed;
    } else {
      // Most steps are over after one run. The others went into code that belongs to the line.
      const isOurs = async (place: bigint): Promise<LineRange | undefined> => {
        const line = round === 0 ? undefined : await lineAt(place);
        return line && isWithin(origin, line, how) ? line : undefined;
      };
      const exits = await exitsOf(ctx, range, crossing, isOurs);
      const stop = await runInActivation(ctx, exits, activation);
      if (stop.kind === 'elsewhere') return stop;
    }
    pc = (await ctx.registers()).pc;
    const next = await lineAt(pc);
    if (!next) return HERE;
    // The middle of another line is the rest of something that began elsewhere: on to a beginning.
    if (pc === next.start && !isWithin(origin, next, how)) return HERE;
    range = next;
  }
  return HERE;
}

/** Runs until the caller goes on: behind the call, or where an exception interrupted it. Undefined: none is known. */
export async function stepOut<R>(ctx: StepContext<R>): Promise<StepStop<R> | undefined> {
  const caller = await callerOf(ctx);
  if (!caller) return undefined;
  // A breakpoint on an instruction that was interrupted has been reported before.
  return caller.frame.standing
    ? runBack(ctx, caller.pc, caller.isBack)
    : runToSame(ctx, caller.pc, caller.isBack);
}

/** Runs to the handler of the next exception that the line takes, or to its end. */
export async function stepIntoException<R>(ctx: StepContext<R>): Promise<StepStop<R>> {
  const first = await ctx.registers();
  const vectors = await vectorsOf(ctx, first);
  const origin = (await ctx.lineAt(first.pc)) ?? { start: first.pc, end: first.pc + 4n };
  const activation = await activationOf(ctx, first);
  const scope = ctx.functionAt(first.pc) ?? origin;
  const exits = await exitsOf(ctx, origin, { into: false, scope, caller: undefined });
  const level = elOf(first);
  for (;;) {
    const stop = await ctx.runTo([...exits, ...vectors], staysHere);
    if (stop.kind === 'elsewhere') return stop;
    const now = await ctx.registers();
    if (!vectors.includes(now.pc)) {
      if (isSame(await activationOf(ctx, now), activation)) return stop;
      continue;
    }
    // Of this line, or of what it called: not of somebody else whose turn it is.
    const returns = await ctx.systemRegister('ELR_EL1');
    const spsr = (await ctx.systemRegister('SPSR_EL1')) ?? 0n;
    const isOurs = Number((spsr >> 2n) & 3n) === level;
    if (isOurs && returns !== undefined && returns >= origin.start && returns <= origin.end) return stop;
  }
}

/** True while a step that began at `origin` is not over: on its line, or in what is inlined there. */
function isWithin(
  origin: LineRange,
  now: LineRange,
  { into, target, statements = false }: LineStep,
): boolean {
  const sameScope = sameNames(origin.scope, now.scope);
  if (sameScope && sameLine(origin.shown, now.shown, statements)) return true;
  if (into && target === undefined) return sameScope && sameLine(origin.code, now.code, statements);
  return (
    now.scope.length > origin.scope.length && sameNames(origin.scope, now.scope.slice(0, origin.scope.length))
  );
}

const sameLine = (a: SourceLine, b: SourceLine, statements: boolean): boolean =>
  a.line === b.line && a.path === b.path && (!statements || a.column === b.column);

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

interface Crossing extends LineStep {
  readonly scope: AddressRange;
  readonly caller: Caller | undefined;
}

/** Executes a return, a register branch or a call to be entered, and judges where that led. */
async function crossOver<R>(
  ctx: StepContext<R>,
  flow: ControlFlow,
  pc: bigint,
  { into, target, scope, caller }: Crossing,
): Promise<StepStop<R> | { readonly kind: 'inside' }> {
  if (flow.kind === 'exception-return') return crossExceptionReturn(ctx, into);
  const stop = await stepInstruction(ctx, false);
  if (stop.kind === 'elsewhere') return stop;
  const now = await ctx.registers();
  if (flow.kind === 'return') return HERE;
  const isCall = flow.kind === 'call' || flow.kind === 'call-register';
  if (!isCall && contains(scope, now.pc)) return { kind: 'inside' };

  // Another function, by a call or a tail call.
  if (target === pc || (into && target === undefined && (await ctx.lineAt(now.pc)))) return HERE;
  if (isCall) {
    const back = await runToSame(ctx, now.x[30] ?? 0n, await sameStack(ctx, now));
    return back.kind === 'elsewhere' ? back : { kind: 'inside' };
  }
  if (!caller) return HERE;
  return runToSame(ctx, caller.pc, caller.isBack);
}

/**
 * An ERET to a program leads there when asked to; else the step ends when the program is back in the kernel on this
 * stack, by an exception of its own and not by an interrupt.
 */
async function crossExceptionReturn<R>(ctx: StepContext<R>, into: boolean): Promise<StepStop<R>> {
  const before = await ctx.registers();
  const vectors = await vectorsOf(ctx, before);
  const stop = await returnFromException(ctx, before);
  if (stop.kind === 'elsewhere' || into || elOf(before) !== 1) return stop;
  if (elOf(await ctx.registers()) !== 0) return stop;
  const synchronous = vectors.filter((_, n) => n >= VECTORS_FROM_PROGRAM && n % 4 === 0);
  return runToAny(ctx, synchronous, async (now) => elOf(now) === 1 && now.sp === before.sp);
}

/** Whoever comes there on another vCPU is somebody else. */
const staysHere: IsMeant = () => Promise.resolve(false);

/** The vectors of EL1: four for each of four groups, 0x80 bytes each (DDI 0487, "Exception vectors"). */
async function vectorsOf<R>(ctx: StepContext<R>, now: GeneralRegisters): Promise<readonly bigint[]> {
  const base = elOf(now) > 1 ? undefined : await ctx.systemRegister('VBAR_EL1');
  if (base === undefined) return [];
  return Array.from({ length: 16 }, (_, n) => BigInt.asUintN(64, base + BigInt(0x80 * n)));
}

/** Of the sixteen, those behind the eight that are taken from EL1 itself. */
const VECTORS_FROM_PROGRAM = 8;

const elOf = ({ pstate }: GeneralRegisters): number => (pstate >>> 2) & 3;

/**
 * Where the code of a line can be left, or must be executed instruction by instruction. `isOurs` adds code that the
 * guest may run through as well.
 */
async function exitsOf<R>(
  ctx: StepContext<R>,
  range: AddressRange,
  crossing: Crossing,
  isOurs: (place: bigint) => Promise<AddressRange | undefined> = () => Promise.resolve(undefined),
): Promise<readonly bigint[]> {
  const parts: AddressRange[] = [range];
  const exits = new Set<bigint>();
  for (const part of parts) {
    const { seen, left } = await waysOut(ctx, part, crossing);
    for (const place of seen) exits.add(place);
    for (const place of left) {
      if (parts.some((known) => contains(known, place))) continue;
      const more = parts.length < MAX_PARTS ? await isOurs(place) : undefined;
      if (more) parts.push(more);
      else exits.add(place);
    }
  }
  return [...exits];
}

/** Instructions of a range that must be seen, and the places outside that the others lead to. */
async function waysOut<R>(
  ctx: StepContext<R>,
  range: AddressRange,
  crossing: Crossing,
): Promise<{ readonly seen: readonly bigint[]; readonly left: readonly bigint[] }> {
  const length = Number(range.end - range.start);
  const bytes = await ctx.read(range.start, Math.min(length, MAX_LINE_BYTES));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length >>> 2;
  const seen: bigint[] = [];
  const left = [range.start + BigInt(4 * count)];
  for (let i = 0; i < count; i++) {
    const at = range.start + BigInt(4 * i);
    const flow = controlFlow(view.getUint32(4 * i, true), at);
    if (mustBeSeen(flow, at, crossing)) seen.push(at);
    else if ((flow.kind === 'branch' || flow.kind === 'conditional') && !contains(range, flow.target))
      left.push(flow.target);
  }
  return { seen, left };
}

/** Where this leads is known only when it is executed, or must be looked at. */
function mustBeSeen(flow: ControlFlow, at: bigint, { into, target, scope }: Crossing): boolean {
  switch (flow.kind) {
    case 'return':
    case 'branch-register':
    case 'exception-return':
      return true;
    case 'call':
    case 'call-register':
      return target === undefined ? into : target === at;
    case 'branch':
    case 'conditional':
      return !contains(scope, flow.target);
    case 'next':
    case 'exception':
      return false;
  }
}

/** Runs to one of the places in an activation. */
async function runInActivation<R>(
  ctx: StepContext<R>,
  places: readonly bigint[],
  activation: Activation,
): Promise<StepStop<R>> {
  return runToAny(ctx, places, async (now) => isSame(await activationOf(ctx, now), activation));
}

/** Runs to a place, and on while the registers there are not those of the same frame. */
function runToSame<R>(ctx: StepContext<R>, place: bigint, isBack: IsMeant): Promise<StepStop<R>> {
  return runToAny(ctx, [BigInt.asUintN(64, place)], isBack);
}

async function runToAny<R>(
  ctx: StepContext<R>,
  places: readonly bigint[],
  isMeant: IsMeant,
): Promise<StepStop<R>> {
  for (;;) {
    const stop = await ctx.runTo(places, isMeant);
    if (stop.kind === 'elsewhere' || (await isMeant(await ctx.registers()))) return stop;
  }
}

/** Runs an exception handler to its end. */
async function runBack<R>(ctx: StepContext<R>, place: bigint, isBack: IsMeant): Promise<StepStop<R>> {
  for (;;) {
    const stop = await ctx.runBackTo(place, isBack);
    if (stop.kind === 'elsewhere' || (await isBack(await ctx.registers()))) return stop;
  }
}

async function flowAt<R>(ctx: StepContext<R>, pc: bigint): Promise<ControlFlow | undefined> {
  const bytes = await ctx.read(pc, 4);
  if (bytes.length < 4) return undefined;
  return controlFlow(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true), pc);
}

/** True when execution goes on behind the instruction after others have run. */
const comesBack = (flow: ControlFlow): boolean =>
  flow.kind === 'call' || flow.kind === 'call-register' || flow.kind === 'exception';

/** The exception that took the PC away, if one did: its return address is one of `expected`. */
async function exceptionTaken<R>(
  ctx: StepContext<R>,
  now: GeneralRegisters,
  expected: readonly bigint[],
): Promise<{ readonly returnAddress: bigint; readonly synchronous: boolean } | undefined> {
  const el = (now.pstate >>> 2) & 3;
  if (el === 0) return undefined;
  const returnAddress = await ctx.systemRegister(`ELR_EL${el}`);
  const vectors = await ctx.systemRegister(`VBAR_EL${el}`);
  if (returnAddress === undefined || vectors === undefined || !expected.includes(returnAddress))
    return undefined;
  // Each of the four groups of vectors has synchronous, IRQ, FIQ and SError, 0x80 bytes each.
  const offset = now.pc - vectors;
  return { returnAddress, synchronous: offset >= 0n && offset < 0x800n && (offset & 0x180n) === 0n };
}

const contains = (range: AddressRange, address: bigint): boolean =>
  address >= range.start && address < range.end;
