// Evaluation of watches, hovers and console input against a frame, and assignment to what they name.

import type { VcpuId } from '../../emulator/machine/messages.ts';
import { eventTree } from '../breakpoints/event-tree.ts';
import * as errors from '../errors.ts';
import { guestCommand, guestHelp } from '../guest-os/commands.ts';
import { nameOfDomain } from '../memory-reference.ts';
import type { MemoryReference } from '../memory-reference.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import { assign } from '../values/assign.ts';
import { Evaluator, parseIn } from '../values/evaluate.ts';
import { formatOf, shaped } from '../values/format-suffix.ts';
import type { Lookup } from '../values/functions.ts';
import { GuestMemory, VIEW_ALLOWANCE } from '../values/guest-memory.ts';
import { scalarOf } from '../values/scalars.ts';
import { CONSOLE, VIEW, WHOLE } from '../values/present.ts';
import { Scope } from '../values/scope.ts';
import type { FrameOfVcpu } from '../values/scope.ts';
import { show } from '../values/show.ts';
import type { Shown } from '../values/show.ts';
import { bare } from '../values/types.ts';
import { addressOf, Missing } from '../values/value.ts';
import type { TypedValue } from '../values/value.ts';

export const evaluateRequests = [
  request('evaluate', {
    capabilities: { supportsEvaluateForHovers: true, supportsClipboardContext: true },
    needs: 'machine',
    quiet: true,
    async handle(session, { expression: text, frameId, context, format }) {
      // Views of the machine can be had while it runs; values cannot.
      if (context === 'repl' && text.trimStart().startsWith(':')) {
        const line = text.trim().slice(1).trim();
        const answer = await guestCommand(session.debuggee, session.focus.domain, line);
        if (answer !== undefined) return { result: answer, variablesReference: 0 };
        const result = await session.machine.client.request('inspectCommand', { line, focus: session.focus });
        const isHelp = /^(help|views)?$/.test(line);
        return { result: isHelp ? `${result}${guestHelp()}` : result, variablesReference: 0 };
      }
      if (session.machine.run.running) throw errors.notStopped();
      const isView = context !== 'repl' && context !== 'clipboard';
      const memory = new GuestMemory(session.debuggee, isView ? VIEW_ALLOWANCE : undefined);
      const scope = new Scope(session.debuggee, await frameOf(session, frameId), memory);
      const { value, ...shown } = await evaluated(session, scope, text, {
        effects: context === 'repl',
        limits: context === 'clipboard' ? WHOLE : context === 'repl' ? CONSOLE : VIEW,
        hex: format?.hex === true,
      });
      return { result: value, ...shown };
    },
  }),

  request('setExpression', {
    capabilities: { supportsSetExpression: true },
    needs: 'stopped',
    quiet: true,
    async handle(session, { expression, value: text, frameId, format }) {
      const scope = new Scope(session.debuggee, await frameOf(session, frameId));
      const evaluator = new Evaluator(scope, { effects: false, lookup: lookupOf(session) });
      const place = await evaluator.typed((await parseIn(scope, expression)).expression);
      const value = await evaluator.typed((await parseIn(scope, text)).expression);
      const changed = await assign(scope, place, value);
      session.afterResponse(() => session.changedByUser());
      return show(
        { session, scope, format: { ...(format?.hex === true && { hex: true }) } },
        changed,
        expression,
      );
    },
  }),
];

interface How {
  readonly effects: boolean;
  readonly limits: typeof VIEW;
  readonly hex: boolean;
}

async function evaluated(session: XenSession, scope: Scope, text: string, how: How): Promise<Shown> {
  const watch = await parseIn(scope, text);
  const evaluator = new Evaluator(scope, { effects: how.effects, lookup: lookupOf(session) });
  try {
    const found = await evaluator.evaluate(watch.expression);
    const format = { ...(await formatOf(evaluator, watch)), ...(how.hex && { hex: true }) };
    const value = await shaped(evaluator, found, watch);
    const { from, to } = watch.expression;
    const isChange = watch.expression.kind === 'assign' || watch.expression.kind === 'step';
    if (isChange) session.afterResponse(() => session.changedByUser());
    // What was counted out by `, [20]` begins anew in its children.
    const expression = value === found && !isChange ? text.slice(from, to) : undefined;
    return await show({ session, scope, format, limits: how.limits }, value, expression);
  } catch (error) {
    if (error instanceof Missing) return { value: error.text, variablesReference: 0 };
    throw error;
  }
}

export const lookupOf = (session: XenSession): Lookup => ({
  event: eventTree(session.lastStop),
  async disassemble(word, address) {
    const [line] = (await session.disassembler()).disassemble([word], address);
    return line?.text ?? '';
  },
  previous: (key, now, scope) => session.previousValues.exchange(key, now, scope),
});

/** The frame of the client's id, or the innermost one of the vCPU that it looks at. */
export async function frameOf(session: XenSession, frameId: number | undefined): Promise<FrameOfVcpu> {
  const handle = frameId === undefined ? undefined : session.handles.get(frameId);
  if (handle?.kind === 'frame') return handle;
  return innermost(session, session.focus);
}

async function innermost(session: XenSession, vcpu: VcpuId): Promise<FrameOfVcpu> {
  const isKnown = session.debuggee.targets.some(({ domain }) => domain === vcpu.domain);
  if (!isKnown) throw errors.unknownSpace(nameOfDomain(vcpu.domain));
  const [frame] = await session.debuggee.walk(vcpu, 1);
  if (!frame) throw errors.notComputable('The vCPU has no state');
  return { vcpu, index: 0, frame, inlined: 0 };
}

/** What an expression names: a place in memory, or the address that it computes. */
export async function evaluateAddress(
  session: XenSession,
  text: string,
  vcpu: VcpuId,
): Promise<MemoryReference> {
  const scope = new Scope(session.debuggee, await innermost(session, vcpu));
  const { expression } = await parseIn(scope, text);
  const value = await new Evaluator(scope, { effects: false, lookup: lookupOf(session) }).typed(expression);
  return (await ownPlace(value, expression.kind)) ?? addressed(value, scope);
}

/** A variable is meant by its name, even if it is a pointer; what a pointer computes to is an address. */
async function ownPlace(value: TypedValue, kind: string): Promise<MemoryReference | undefined> {
  const { storage } = value;
  const address = addressOf(value);
  if (storage.kind !== 'memory' || address === undefined) return undefined;
  const type = await bare(value.type);
  const isAddress = type.kind === 'pointer' || (type.kind === 'integer' && type.role === 'word');
  const isNamed = kind === 'name' || kind === 'foreign' || kind === 'static' || kind === 'member';
  return isAddress && !isNamed ? undefined : { space: storage.space, address };
}

async function addressed(value: TypedValue, { memory }: Scope): Promise<MemoryReference> {
  const scalar = await scalarOf(value, memory);
  if (scalar.kind === 'float') throw errors.notComputable('A floating-point number is no address');
  return { space: value.space, address: BigInt.asUintN(64, scalar.value) };
}
