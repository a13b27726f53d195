// Values as variables of the protocol: text, type, references to expand, to read as memory, to go to where
// they are declared.

import { formatMemoryReference } from '../memory-reference.ts';
import type { XenSession } from '../session.ts';
import { childCounts } from './children.ts';
import type { Child } from './children.ts';
import type { Format } from './format.ts';
import { menuContextOf, treeReference } from './menu-context.ts';
import type { XenVariable } from './menu-context.ts';
import { Presenter, VIEW } from './present.ts';
import type { Limits } from './present.ts';
import { scalarOf } from './scalars.ts';
import type { Scope } from './scope.ts';
import { bare, spell } from './types.ts';
import type { Type } from './types.ts';
import { addressOf, Missing } from './value.ts';
import type { TypedValue, Value } from './value.ts';

/** What `variables`, `evaluate` and the two `set` requests answer of a value. */
export interface Shown {
  readonly value: string;
  readonly type?: string;
  readonly variablesReference: number;
  readonly namedVariables?: number;
  readonly indexedVariables?: number;
  readonly memoryReference?: string;
  readonly valueLocationReference?: number;
}

export interface Showing {
  readonly session: XenSession;
  readonly scope: Scope;
  readonly format: Format;
  readonly limits?: Limits;
}

/** `expression`: what children begin with. */
export async function show(
  { session, scope, format, limits = VIEW }: Showing,
  value: Value,
  expression: string | undefined,
): Promise<Shown> {
  const text = await new Presenter(scope, limits).text(value, format);
  const counts = await childCounts(value, scope);
  const { at } = scope;
  const hasChildren = counts.named + counts.indexed > 0;
  const children = hasChildren
    ? {
        variablesReference: session.handles.add({ kind: 'value', at, value, expression, format }),
        ...(counts.named > 0 && { namedVariables: counts.named }),
        ...(counts.indexed > 0 && { indexedVariables: counts.indexed }),
      }
    : { variablesReference: 0 };
  if (value.kind === 'list' && value.type !== undefined)
    return { value: text, type: value.type, ...children };
  if (value.kind === 'tree') {
    const reference = treeReference(value, expression);
    return { value: text, ...children, ...(reference !== undefined && { memoryReference: reference }) };
  }
  if (value.kind !== 'typed') return { value: text, ...children };
  const core = await bare(value.type);
  const memory = await memoryReferenceOf(value, core, scope);
  const code = await codeBehind(value, core, scope);
  return {
    value: text,
    type: await spell(value.type),
    ...children,
    ...(memory !== undefined && { memoryReference: memory }),
    ...(code !== undefined && {
      valueLocationReference: session.handles.add({ kind: 'code', domain: at.vcpu.domain, address: code }),
    }),
  };
}

/** One line of a list of variables. */
export async function variableOf(
  showing: Showing,
  child: Child,
  declared?: { readonly file: string; readonly line: number },
): Promise<XenVariable> {
  const { session } = showing;
  const shown = await show(showing, child.value, child.expression);
  const menuContext = await menuContextOf(child, shown);
  const isReadOnly = child.value.kind !== 'typed' || !isAssignable(child.value);
  return {
    name: child.name,
    ...shown,
    ...(child.expression !== undefined && child.isAnonymous !== true && { evaluateName: child.expression }),
    ...(declared && {
      declarationLocationReference: session.handles.add({
        kind: 'line',
        path: declared.file,
        line: declared.line,
      }),
    }),
    ...(menuContext !== undefined && { __vscodeVariableMenuContext: menuContext }),
    ...(child.value.kind === 'deferred'
      ? { presentationHint: { lazy: true } }
      : isReadOnly && { presentationHint: { attributes: ['readOnly'] } }),
  };
}

export function isAssignable({ storage }: TypedValue): boolean {
  if (storage.kind === 'pieces')
    return storage.pieces.every((p) => p.storage.kind === 'memory' || p.storage.kind === 'register');
  return storage.kind === 'memory' || (storage.kind === 'register' && !storage.isSaved);
}

/** Of a pointer where it leads, of anything else where it is. */
async function memoryReferenceOf(value: TypedValue, type: Type, scope: Scope): Promise<string | undefined> {
  const isPointer =
    type.kind === 'pointer' || (type.kind === 'integer' && type.role === 'word' && type.size === 8);
  if (isPointer && !value.bits && value.storage.kind !== 'points-to') {
    try {
      const { value: address } = await scalarOf(value, scope.memory);
      return formatMemoryReference({ space: value.space, address: BigInt(address) });
    } catch (error) {
      if (error instanceof Missing) return undefined;
      throw error;
    }
  }
  const address = addressOf(value);
  if (address === undefined || value.storage.kind !== 'memory') return undefined;
  return formatMemoryReference({ space: value.storage.space, address });
}

/** The code that a pointer to a function points to. */
async function codeBehind(value: TypedValue, type: Type, scope: Scope): Promise<bigint | undefined> {
  if (type.kind === 'function') return addressOf(value);
  if (type.kind !== 'pointer' || value.storage.kind === 'points-to') return undefined;
  if ((await bare(await type.target.resolve())).kind !== 'function') return undefined;
  try {
    const { value: address } = await scalarOf(value, scope.memory);
    return address === 0n ? undefined : BigInt(address);
  } catch (error) {
    if (error instanceof Missing) return undefined;
    throw error;
  }
}
