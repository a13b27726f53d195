// Containers of Linux as arrays: lists, red-black trees, xarrays (include/linux/types.h, rbtree_types.h, xarray.h).
// Their shape is taken from the program's own types. What a guest has there may be anything: a walk ends at the
// first thing that makes no sense, and says so.

import * as errors from '../errors.ts';
import { argument, memberArgument, numberOf, offsetIn, typeArgument } from './function-arguments.ts';
import type { Argument } from './function-arguments.ts';
import type { Evaluator } from './evaluate.ts';
import { dereferenced, elementOf, memberOf } from './members.ts';
import { addressNeeded, integerOf } from './scalars.ts';
import type { Scope } from './scope.ts';
import { bare, pointerTo, spell, UNSIGNED_LONG, VOID, WORD } from './types.ts';
import type { StructureType, Type } from './types.ts';
import { inMemory, Missing, ofInteger } from './value.ts';
import type { TypedValue, Value } from './value.ts';

/** More elements than anybody looks at. */
const MOST_ELEMENTS = 10_000;
/** Of a tree of 64-bit addresses: a red-black tree is at most twice as high as a balanced one. */
const MAX_DEPTH = 128;

export const CONTAINERS = {
  list: '$list(head, type, member)',
  rbtree: '$rbtree(root, type, member)',
  xarray: '$xarray(array, type)',
} as const;
export type ContainerKind = keyof typeof CONTAINERS;

/** `struct list_head` and its like: what an expression does not have to say, since their names do. */
const HEADS: ReadonlyMap<string, ContainerKind> = new Map([
  ['list_head', 'list'],
  ['hlist_head', 'list'],
  ['hlist_nulls_head', 'list'],
  ['llist_head', 'list'],
  ['rb_root', 'rbtree'],
  ['rb_root_cached', 'rbtree'],
  ['xarray', 'xarray'],
]);

export const containerOfType = (type: Type): ContainerKind | undefined =>
  type.kind === 'structure' ? HEADS.get(type.name ?? '') : undefined;

/** What the links of a container belong to. */
interface Element {
  readonly type: Type;
  /** Of the link in it, in bytes. */
  readonly offset: number;
}

export async function containerFunction(
  kind: ContainerKind,
  evaluator: Evaluator,
  args: readonly Argument[],
): Promise<Value> {
  const form = CONTAINERS[kind];
  const head = await headOf(kind, evaluator, await evaluator.typed(argument(args, 0, form)), form);
  const type = args.length > 1 ? await typeArgument(evaluator, args[1], form) : undefined;
  if (kind === 'xarray') return xarray(evaluator.scope, head, type);
  const member = args[2];
  if (type && !member) throw errors.notComputable(`It is called like this: ${form}`);
  const offset = type ? await offsetIn(type, memberArgument(args, 2, form), form) : 0;
  const element = type && { type, offset };
  return kind === 'list' ? list(evaluator.scope, head, element) : tree(evaluator.scope, head, element);
}

/** What is in a container of which only the head is known: its links, or pointers. */
export function entriesOf(kind: ContainerKind, scope: Scope, head: TypedValue): Promise<Value> {
  if (kind === 'xarray') return xarray(scope, head, undefined);
  return kind === 'list' ? list(scope, head, undefined) : tree(scope, head, undefined);
}

/** Given itself or by a pointer; an address is that of the kind's usual structure. */
async function headOf(
  kind: ContainerKind,
  evaluator: Evaluator,
  given: TypedValue,
  form: string,
): Promise<TypedValue> {
  const type = await bare(given.type);
  if (type.kind === 'structure') return given;
  const pointee = type.kind === 'pointer' ? await bare(await type.target.resolve()) : undefined;
  if (pointee?.kind === 'structure') return dereferenced(given, evaluator.scope.memory);
  const usual = { list: 'list_head', rbtree: 'rb_root', xarray: 'xarray' }[kind];
  const isAddress = type.kind === 'integer' || pointee?.kind === 'void';
  const { target, link } = evaluator.scope;
  const named = isAddress ? await target.types?.named(`struct ${usual}`, link) : undefined;
  if (!named) throw errors.notComputable(`It is called like this: ${form}`);
  return inMemory(named, given.space, await numberOf(evaluator, given));
}

/** Elements as they are found, and why there are no more. */
class Walk {
  readonly items: { readonly name: string; readonly value: Value }[] = [];
  private readonly seen = new Set<bigint>();

  /** `visit` runs to the end, or up to what cannot be. */
  async run(visit: () => Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await visit();
    } catch (error) {
      if (error instanceof Missing) return error.message;
      throw error;
    }
  }

  /** Undefined: it may go on. */
  add(address: bigint, value: Value, key = this.items.length): string | undefined {
    if (this.seen.has(address)) return `leads back to 0x${address.toString(16)}`;
    if (this.items.length >= MOST_ELEMENTS) return `more than ${MOST_ELEMENTS} elements`;
    this.seen.add(address);
    this.items.push({ name: `[${key}]`, value });
    return undefined;
  }
}

const found = async (
  { items }: Walk,
  ended: string | undefined,
  type: Type,
): Promise<Extract<Value, { kind: 'list' }>> => ({
  kind: 'list',
  items,
  isArray: true,
  type: `${await spell(type)} [${items.length}]`,
  ...(ended !== undefined && { ended }),
});

/** The element around a link; without a type the link itself. */
function around(link: TypedValue, element: Element | undefined): TypedValue {
  if (!element) return link;
  return inMemory(element.type, link.space, addressNeeded(link) - BigInt(element.offset));
}

async function pointerIn(
  scope: Scope,
  value: TypedValue,
  member: string,
): Promise<{ address: bigint; node: Type }> {
  const pointer = await memberOf(value, member);
  const type = await bare(pointer.type);
  if (type.kind !== 'pointer')
    throw errors.notComputable(`'${await spell(value.type)}' is no such container`);
  return {
    address: await integerOf(pointer, scope.memory),
    node: await type.target.resolve(),
  };
}

async function structureOf(value: TypedValue): Promise<StructureType> {
  const type = await bare(value.type);
  if (type.kind === 'structure') return type;
  throw errors.notComputable(`'${await spell(value.type)}' is no such container`);
}

/** A ring with its head in it, or (hlist, llist) a chain that ends at NULL. */
async function list(scope: Scope, head: TypedValue, element: Element | undefined): Promise<Value> {
  const isChain = (await structureOf(head)).members.some(({ name }) => name === 'first');
  const start = addressNeeded(head);
  const first = await pointerIn(scope, head, isChain ? 'first' : 'next').catch(unlessMissing);
  const walk = new Walk();
  const ended = await walk.run(async () => {
    if ('missing' in first) throw first.missing;
    // An hlist_nulls ends at an odd number (include/linux/list_nulls.h), and a ring that was never initialised at NULL.
    for (let at = first.address; at !== start && at !== 0n && (at & 1n) === 0n; ) {
      const node = inMemory(first.node, head.space, at);
      const next = await pointerIn(scope, node, 'next');
      const end = walk.add(at, around(node, element));
      if (end !== undefined) return end;
      at = next.address;
    }
    return undefined;
  });
  return found(walk, ended, element?.type ?? ('missing' in first ? head.type : first.node));
}

const unlessMissing = (error: unknown): { missing: Missing } => {
  if (error instanceof Missing) return { missing: error };
  throw error;
};

/** In order: from the leftmost node to the rightmost one. */
async function tree(scope: Scope, given: TypedValue, element: Element | undefined): Promise<Value> {
  const isCached = (await structureOf(given)).members.some(({ name }) => name === 'rb_root');
  const root = isCached ? await memberOf(given, 'rb_root') : given;
  const top = await pointerIn(scope, root, 'rb_node').catch(unlessMissing);
  const walk = new Walk();
  const ended = await walk.run(async () => {
    if ('missing' in top) throw top.missing;
    const waiting: TypedValue[] = [];
    let at = top.address;
    for (;;) {
      while (at !== 0n) {
        if (waiting.length >= MAX_DEPTH) return `deeper than ${MAX_DEPTH} nodes`;
        const node = inMemory(top.node, given.space, at);
        waiting.push(node);
        at = (await pointerIn(scope, node, 'rb_left')).address;
      }
      const node = waiting.pop();
      if (!node) return undefined;
      const end = walk.add(addressNeeded(node), around(node, element));
      if (end !== undefined) return end;
      at = (await pointerIn(scope, node, 'rb_right')).address;
    }
  });
  return found(walk, ended, element?.type ?? ('missing' in top ? given.type : top.node));
}

/** Entries with bit 1 set are the array's own; with bit 0 set, numbers (lib/xarray.c). */
const INTERNAL = 2n;
/** Internal entries from here on are addresses of nodes. */
const FIRST_NODE = 4096n;
/** Six levels of 64 slots are more than an index has bits. */
const MAX_LEVELS = 11;

async function xarray(scope: Scope, given: TypedValue, type: Type | undefined): Promise<Value> {
  const node = await scope.target.types?.named('struct xa_node', scope.link);
  if (!node) throw errors.notComputable("The program has no 'struct xa_node'");
  const walk = new Walk();
  const pointer = pointerTo(type ?? VOID);
  const visit = async (
    entry: bigint,
    index: number,
    span: number,
    level: number,
  ): Promise<string | undefined> => {
    if (entry === 0n) return undefined;
    if ((entry & 3n) === INTERNAL) {
      // Retry marks, reserved entries, and what repeats the slot before.
      if (entry <= FIRST_NODE) return undefined;
      if (level >= MAX_LEVELS) return `deeper than ${MAX_LEVELS} nodes`;
      const inner = inMemory(node, given.space, entry - INTERNAL);
      const shift = await integerOf(await memberOf(inner, 'shift'), scope.memory);
      const slots = await memberOf(inner, 'slots');
      const array = await bare(slots.type);
      const count = array.kind === 'array' ? (array.count ?? 0) : 0;
      const each = 2 ** Number(shift);
      if (each >= span) return 'a node that is as large as the one above it';
      for (let i = 0; i < count; i++) {
        const slot = await elementOf(slots, BigInt(i), scope.memory);
        const end = await visit(
          await integerOf({ ...slot, type: WORD }, scope.memory),
          index + i * each,
          each,
          level + 1,
        );
        if (end !== undefined) return end;
      }
      return undefined;
    }
    const isNumber = (entry & 1n) === 1n;
    const value = isNumber
      ? ofInteger(UNSIGNED_LONG, 8, entry >> 1n, given.space)
      : ofInteger(pointer, 8, entry & ~3n, given.space);
    // The same thing may stand at several indices.
    return walk.add(BigInt(index), value, index);
  };
  const ended = await walk.run(async () => {
    const head = await memberOf(given, 'xa_head');
    return visit(await integerOf(head, scope.memory), 0, Number.POSITIVE_INFINITY, 0);
  });
  return found(walk, ended, pointer);
}
