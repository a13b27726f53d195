// Steps by instruction, by line and out of a function, as plans over "run to one of these places" and
// "execute one instruction".
//
// A step belongs to one vCPU and one activation of a function. The activation is named by its caller: the
// return address and the caller's X29, which do not change while the function runs, so recursion, other
// tasks and interrupt handlers that come by a place are let through. Inside a line the guest runs at full
// speed to the exits of the line; only returns, register branches and calls to be entered are executed
// one at a time.

import type { GeneralRegisters, VcpuId } from '../emulator/machine/messages.ts';
import { controlFlow, successors } from './instructions.ts';
import type { ControlFlow } from './instructions.ts';
import { SP, walkStack } from './stack.ts';
import type { Frame, ReadGuest, StackSource } from './stack.ts';

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
}

/** The contiguous code of a line around an address. */
export interface LineRange extends AddressRange {
  readonly code: SourceLine;
  /** What is shown: the line that calls, as long as an inlined function has not begun. */
  readonly shown: SourceLine;
  /** Names of the functions shown, the real one first, inlined ones behind it. */
  readonly scope: readonly string[];
}

export interface StepContext<Report> {
  readonly vcpu: VcpuId;
  readonly read: ReadGuest;
  readonly stack: StackSource;
  /** Runs until this vCPU stands at one of the places. */
  runTo(places: readonly bigint[]): Promise<StepStop<Report>>;
  /** The same for an interrupted instruction: a breakpoint on it has been reported before. */
  runBackTo(place: bigint): Promise<StepStop<Report>>;
  /** Executes one instruction of this vCPU, or takes one exception. */
  stepOnce(): Promise<StepStop<Report>>;
  registers(): Promise<GeneralRegisters>;
  systemRegister(name: string): Promise<bigint | undefined>;
  lineAt(pc: bigint): Promise<LineRange | undefined>;
  functionAt(pc: bigint): AddressRange | undefined;
}

const X29 = 29;
const HERE = { kind: 'here' } as const;
/** Interrupts between two instructions of the program, and exits of a line, before we give up. */
const MAX_ROUNDS = 100_000;
/** Lines longer than this are left by their first exit inside. */
const MAX_LINE_BYTES = 0x1_0000;

/** One instruction. `over`: calls and exceptions run to completion. Interrupts always do. */
export async function stepInstruction<R>(ctx: StepContext<R>, over: boolean): Promise<StepStop<R>> {
  const before = await ctx.registers();
  const { pc, sp } = before;
  const flow = await flowAt(ctx, pc);
  if (over && flow && comesBack(flow)) return runToSame(ctx, pc + 4n, (now) => now.sp === sp);

  const after = flow && successors(flow, pc, (n) => before.x[n] ?? 0n);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const stop = await ctx.stepOnce();
    if (stop.kind === 'elsewhere') return stop;
    const now = await ctx.registers();
    if (!after || after.includes(now.pc)) return stop;
    const taken = await exceptionTaken(ctx, now, [pc, ...after]);
    if (!taken) return stop;
    if (taken.synchronous && !over) return stop;
    const back = await runBack(ctx, taken.returnAddress, sp);
    if (back.kind === 'elsewhere' || taken.returnAddress !== pc) return back;
  }
  return HERE;
}

/** One line of source; one instruction where there is no line information. */
export async function stepLine<R>(ctx: StepContext<R>, into: boolean): Promise<StepStop<R>> {
  const first = await ctx.registers();
  const origin = await ctx.lineAt(first.pc);
  if (!origin) return stepInstruction(ctx, !into);
  const caller = await callerOf(ctx);

  let pc = first.pc;
  let range: LineRange = origin;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const scope = ctx.functionAt(pc) ?? range;
    const flow = await flowAt(ctx, pc);
    if (flow && mustBeSeen(flow, into, scope)) {
      const crossed = await crossOver(ctx, flow, { into, scope, caller });
      if (crossed.kind !== 'inside') return crossed;
    } else {
      const exits = await exitsOf(ctx, range, { into, scope });
      const stop = await runInActivation(ctx, exits, caller);
      if (stop.kind === 'elsewhere') return stop;
    }
    pc = (await ctx.registers()).pc;
    const next = await ctx.lineAt(pc);
    if (!next) return HERE;
    // The middle of another line is the rest of something that began elsewhere: on to a beginning.
    if (pc === next.start && !isWithin(origin, next, into)) return HERE;
    range = next;
  }
  return HERE;
}

/** Runs until the caller goes on. Undefined: no caller is known. */
export async function stepOut<R>(ctx: StepContext<R>): Promise<StepStop<R> | undefined> {
  const caller = await callerOf(ctx);
  if (!caller) return undefined;
  return runToSame(ctx, caller.pc, caller.isBack);
}

/** True while a step that began at `origin` is not over: on its line, or in what is inlined there. */
function isWithin(origin: LineRange, now: LineRange, into: boolean): boolean {
  const sameScope = sameNames(origin.scope, now.scope);
  if (sameScope && sameLine(origin.shown, now.shown)) return true;
  if (into) return sameScope && sameLine(origin.code, now.code);
  return (
    now.scope.length > origin.scope.length && sameNames(origin.scope, now.scope.slice(0, origin.scope.length))
  );
}

const sameLine = (a: SourceLine, b: SourceLine): boolean => a.line === b.line && a.path === b.path;

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

/** The caller of an activation, which tells that activation from others of the same function. */
interface Caller {
  readonly pc: bigint;
  readonly frame: Frame;
  /** Whether these registers are the caller's own, once it goes on. */
  isBack(now: GeneralRegisters): boolean;
}

interface Crossing {
  readonly into: boolean;
  readonly scope: AddressRange;
  readonly caller: Caller | undefined;
}

/** Executes a return, a register branch or a call to be entered, and judges where that led. */
async function crossOver<R>(
  ctx: StepContext<R>,
  flow: ControlFlow,
  { into, scope, caller }: Crossing,
): Promise<StepStop<R> | { readonly kind: 'inside' }> {
  const stop = await stepInstruction(ctx, false);
  if (stop.kind === 'elsewhere') return stop;
  const now = await ctx.registers();
  if (flow.kind === 'return' || flow.kind === 'exception-return') return HERE;
  if (flow.kind !== 'call' && flow.kind !== 'call-register' && contains(scope, now.pc))
    return { kind: 'inside' };

  // Another function, by a call or a tail call.
  if (into && (await ctx.lineAt(now.pc))) return HERE;
  if (flow.kind === 'call' || flow.kind === 'call-register') {
    const { x, sp } = now;
    const back = await runToSame(ctx, x[30] ?? 0n, (then) => then.sp === sp);
    return back.kind === 'elsewhere' ? back : { kind: 'inside' };
  }
  if (!caller) return HERE;
  return runToSame(ctx, caller.pc, caller.isBack);
}

/** Where the code of a line can be left, or must be executed instruction by instruction. */
async function exitsOf<R>(
  ctx: StepContext<R>,
  range: AddressRange,
  { into, scope }: { into: boolean; scope: AddressRange },
): Promise<readonly bigint[]> {
  const length = Number(range.end - range.start);
  const bytes = await ctx.read(range.start, Math.min(length, MAX_LINE_BYTES));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length >>> 2;
  const exits = new Set<bigint>([range.start + BigInt(4 * count)]);
  for (let i = 0; i < count; i++) {
    const at = range.start + BigInt(4 * i);
    const flow = controlFlow(view.getUint32(4 * i, true), at);
    if (mustBeSeen(flow, into, scope)) exits.add(at);
    else if ((flow.kind === 'branch' || flow.kind === 'conditional') && !contains(range, flow.target))
      exits.add(flow.target);
  }
  return [...exits];
}

/** Where this leads is known only when it is executed, or must be looked at. */
function mustBeSeen(flow: ControlFlow, into: boolean, scope: AddressRange): boolean {
  switch (flow.kind) {
    case 'return':
    case 'branch-register':
    case 'exception-return':
      return true;
    case 'call':
    case 'call-register':
      return into;
    case 'branch':
    case 'conditional':
      return !contains(scope, flow.target);
    case 'next':
    case 'exception':
      return false;
  }
}

/** Runs to one of the places in the activation with this caller. */
async function runInActivation<R>(
  ctx: StepContext<R>,
  places: readonly bigint[],
  caller: Caller | undefined,
): Promise<StepStop<R>> {
  for (;;) {
    const stop = await ctx.runTo(places);
    if (stop.kind === 'elsewhere') return stop;
    const now = await callerOf(ctx);
    if (sameCaller(now, caller)) return stop;
  }
}

/** Runs to a place, and on while the registers there are not those of the same frame. */
async function runToSame<R>(
  ctx: StepContext<R>,
  place: bigint,
  same: (registers: GeneralRegisters) => boolean,
): Promise<StepStop<R>> {
  for (;;) {
    const stop = await ctx.runTo([BigInt.asUintN(64, place)]);
    if (stop.kind === 'elsewhere' || same(await ctx.registers())) return stop;
  }
}

/** Runs an exception handler to its end. */
async function runBack<R>(ctx: StepContext<R>, place: bigint, sp: bigint): Promise<StepStop<R>> {
  for (;;) {
    const stop = await ctx.runBackTo(place);
    if (stop.kind === 'elsewhere' || (await ctx.registers()).sp === sp) return stop;
  }
}

async function callerOf<R>(ctx: StepContext<R>): Promise<Caller | undefined> {
  const [, frame] = await walkStack(await ctx.registers(), ctx.stack, 2);
  if (!frame) return undefined;
  const sp = frame.register(SP);
  const x29 = frame.register(X29);
  return {
    pc: frame.pc,
    frame,
    isBack: (now) => (sp === undefined ? now.x[X29] === x29 : now.sp === sp),
  };
}

/** X29 of a caller does not change while the functions that it called run; neither does its SP, where known. */
function sameCaller(a: Caller | undefined, b: Caller | undefined): boolean {
  if (!a || !b) return a === b;
  if (a.pc !== b.pc || a.frame.register(X29) !== b.frame.register(X29)) return false;
  const [sp, other] = [a.frame.register(SP), b.frame.register(SP)];
  return sp === undefined || other === undefined || sp === other;
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
