// Where the data of an expression lies, or why that is nowhere.

import { breakpointMessages } from '../errors.ts';
import type { MemoryReference } from '../memory-reference.ts';
import { frameOf, lookupOf } from '../requests/evaluate.ts';
import { childNamed } from '../requests/variables.ts';
import type { XenSession } from '../session.ts';
import { Evaluator, parseIn } from '../values/evaluate.ts';
import { scalarOf } from '../values/scalars.ts';
import { Scope } from '../values/scope.ts';
import { bare, sizeOf } from '../values/types.ts';
import type { TypedValue } from '../values/value.ts';

export interface Located {
  readonly reference: MemoryReference;
  /** Bytes. */
  readonly size: number;
  readonly name: string;
  /** It is there as long as the program is. */
  readonly lasts: boolean;
}

export type DataAnswer = Located | { readonly reason: string };

/** Of what is no variable in memory but an address, or has a size that nobody knows. */
const WORD_SIZE = 8;

/** A child of something that is shown. */
export async function dataOfChild(session: XenSession, container: number, name: string): Promise<DataAnswer> {
  const handle = session.handles.get(container);
  if (handle.kind !== 'variables' && handle.kind !== 'value')
    return { reason: breakpointMessages.nothingToWatch(name) };
  const scope = new Scope(session.debuggee, handle.at);
  const child = await childNamed(scope, handle, name);
  if (child?.value.kind !== 'typed') return { reason: breakpointMessages.nothingToWatch(name) };
  return dataOf(session, scope, child.value, child.expression ?? name, true);
}

export async function dataOfExpression(
  session: XenSession,
  text: string,
  frameId: number | undefined,
): Promise<DataAnswer> {
  const scope = new Scope(session.debuggee, await frameOf(session, frameId));
  const evaluator = new Evaluator(scope, { effects: false, lookup: lookupOf(session) });
  const { expression } = await parseIn(scope, text);
  const value = await evaluator.evaluate(expression);
  if (value.kind !== 'typed') return { reason: breakpointMessages.nothingToWatch(text) };
  const isName = ['name', 'static', 'foreign', 'member', 'index'].includes(expression.kind);
  return dataOf(session, scope, value, text.trim(), isName);
}

async function dataOf(
  session: XenSession,
  scope: Scope,
  value: TypedValue,
  name: string,
  isName: boolean,
): Promise<DataAnswer> {
  const { storage, type, offset, bits, space } = value;
  const located = (reference: MemoryReference, size: number): Located => {
    const { space: where, address } = reference;
    if (where.kind !== 'va') return { reference, size, name, lasts: true };
    // While the MMU is off a variable has its physical address, and another one as soon as it is on.
    const map = session.debuggee.targets.find(({ domain }) => domain === where.at.domain)?.map;
    const link = map?.toLink(address);
    if (!map || link === undefined) return { reference, size, name, lasts: false };
    return { reference: { space: where, address: map.toRuntime(link) }, size, name, lasts: true };
  };
  switch (storage.kind) {
    case 'memory': {
      const address = BigInt.asUintN(64, storage.address + BigInt(offset));
      const size = bits ? Math.ceil((bits.offset + bits.size) / 8) : await sizeOf(type);
      return located({ space: storage.space, address }, Math.max(1, size ?? WORD_SIZE));
    }
    case 'bytes': {
      // A symbol without a type is its address; so is what a pointer was computed to.
      const core = await bare(type);
      const isAddress = core.kind === 'pointer' || (core.kind === 'integer' && core.role === 'word');
      const scalar = isAddress ? await scalarOf(value, scope.memory) : undefined;
      if (!scalar || scalar.kind === 'float') return { reason: breakpointMessages.nothingToWatch(name) };
      const pointee =
        core.kind === 'pointer' && !isName ? await sizeOf(await core.target.resolve()) : undefined;
      const address = BigInt.asUintN(64, scalar.value);
      return located({ space, address }, pointee === undefined || pointee === 0 ? WORD_SIZE : pointee);
    }
    case 'register':
      return { reason: breakpointMessages.keptInRegister(name, storage.name) };
    case 'missing':
      return { reason: breakpointMessages.hasNoPlace(name, storage.reason) };
    case 'pieces':
    case 'points-to':
      return { reason: breakpointMessages.hasNoPlace(name, 'kept in pieces') };
  }
}
