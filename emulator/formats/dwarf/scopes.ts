// The scopes around an address, with their variables (DWARF 5, chapter 3). Of a function only those blocks and inlined
// calls are visited that hold the address.

import * as dw from './constants.ts';
import type { Die } from './entries.ts';
import { hasCode, inRanges } from './function-table.ts';
import type { FunctionEntry } from './function-table.ts';
import { locationOf } from './locations.ts';
import type { FunctionAt, LexicalScope, Location, Variable } from './model.ts';
import { havingOf, withOrigins } from './origins.ts';
import type { ProgramUnits } from './program-units.ts';
import { qualifiedName } from './qualified-names.ts';
import { rangesOf } from './ranges.ts';
import type { Range } from './ranges.ts';
import { variableOf } from './variables.ts';

/** Scopes nest this deep at most: inlining of inlining of … */
const MAX_DEPTH = 200;

/** From the innermost block to the function. `at` is a distance from the program's base. */
export async function readScopes(
  units: ProgramUnits,
  { die, ranges }: FunctionEntry,
  at: number,
): Promise<LexicalScope[]> {
  const scopes: LexicalScope[] = [];
  let next: { die: Die; ranges: readonly Range[] } | undefined = { die, ranges };
  while (next !== undefined && scopes.length < MAX_DEPTH) {
    const { inner, own } = await partsOf(next.die, at);
    scopes.push(await describe(units, next.die, next.ranges, own, at));
    next = inner;
  }
  // Blocks without variables are no news.
  return scopes.filter(({ kind, variables }) => kind !== 'block' || variables.length > 0).reverse();
}

/** Inlined functions from the innermost on, then the function itself. */
export async function readFunctionsAt(
  units: ProgramUnits,
  { die, ranges }: FunctionEntry,
  at: number,
): Promise<FunctionAt[]> {
  const functions: FunctionAt[] = [];
  let next: { die: Die; ranges: readonly Range[] } | undefined = { die, ranges };
  for (let depth = 0; next !== undefined && depth < MAX_DEPTH; depth++) {
    const { die: scope, ranges: parts }: { die: Die; ranges: readonly Range[] } = next;
    if (scope.tag !== dw.DW_TAG_lexical_block) {
      const chain = await withOrigins(units, scope);
      const part = parts.findIndex((range) => inRanges([range], at));
      const [start, end] = parts[part] ?? [at, at];
      const { window } = scope.unit.sections;
      functions.push({
        entry: scope.id,
        name: qualifiedName(chain),
        inlined: scope.tag === dw.DW_TAG_inlined_subroutine,
        start: window.addressOf(start),
        end: window.addressOf(end),
        part: Math.max(0, part),
        call: await callOf(units, scope),
      });
    }
    next = (await partsOf(scope, at)).inner;
  }
  return functions.reverse();
}

/** The entries of the scopes around an address, innermost first, each with what it is a copy of behind it. */
export async function scopeEntries(units: ProgramUnits, { die }: FunctionEntry, at: number): Promise<Die[]> {
  const scopes: (readonly Die[])[] = [];
  let next: Die | undefined = die;
  while (next !== undefined && scopes.length < MAX_DEPTH) {
    scopes.push(await withOrigins(units, next));
    next = (await partsOf(next, at)).inner?.die;
  }
  return scopes.reverse().flat();
}

interface Parts {
  /** Parameters and variables. */
  readonly own: readonly Die[];
  /** The block or inlined call that holds the address. */
  readonly inner: { readonly die: Die; readonly ranges: readonly Range[] } | undefined;
}

async function partsOf(scope: Die, at: number): Promise<Parts> {
  const own: Die[] = [];
  const inner = await visit(scope, at, own, 0);
  return { own, inner };
}

async function visit(scope: Die, at: number, own: Die[], depth: number): Promise<Parts['inner']> {
  const { unit } = scope;
  let inner: Parts['inner'];
  for (let child = unit.firstChild(scope); child; child = unit.nextSibling(child)) {
    if (child.tag === dw.DW_TAG_formal_parameter || child.tag === dw.DW_TAG_variable) {
      own.push(child);
    } else if (child.tag === dw.DW_TAG_lexical_block || child.tag === dw.DW_TAG_inlined_subroutine) {
      if (hasCode(child)) {
        if (inner !== undefined) continue;
        const ranges = await rangesOf(unit.sections, unit.unit, child);
        if (inRanges(ranges, at)) inner = { die: child, ranges };
      } else if (child.tag === dw.DW_TAG_lexical_block && depth < MAX_DEPTH) {
        // A block without code of its own only groups: what is in it belongs to the scope around it.
        inner ??= await visit(child, at, own, depth + 1);
      }
    }
  }
  return inner;
}

async function describe(
  units: ProgramUnits,
  die: Die,
  ranges: readonly Range[],
  own: readonly Die[],
  at: number,
): Promise<LexicalScope> {
  const chain = await withOrigins(units, die);
  const { window } = die.unit.sections;
  const isBlock = die.tag === dw.DW_TAG_lexical_block;
  const variables: Variable[] = [];
  for (const entry of completed(chain, own)) {
    const variable = await variableOf(units, entry, at, 'local');
    if (variable !== undefined) variables.push(variable);
  }
  return {
    kind: isBlock ? 'block' : die.tag === dw.DW_TAG_inlined_subroutine ? 'inlined' : 'function',
    entry: die.id,
    name: isBlock ? undefined : qualifiedName(chain),
    returns: havingOf(chain, dw.DW_AT_type)?.reference(dw.DW_AT_type),
    variables,
    frameBase: await frameBaseOf(chain, at),
    ranges: ranges.map(([start, end]) => [window.addressOf(start), window.addressOf(end)]),
    call: await callOf(units, die),
  };
}

async function frameBaseOf(chain: readonly Die[], at: number): Promise<Location | undefined> {
  const holder = havingOf(chain, dw.DW_AT_frame_base);
  return holder && locationOf(holder, dw.DW_AT_frame_base, at);
}

async function callOf(units: ProgramUnits, die: Die): Promise<LexicalScope['call']> {
  const file = die.number(dw.DW_AT_call_file);
  const line = die.number(dw.DW_AT_call_line);
  if (file === undefined || line === undefined) return undefined;
  const column = die.number(dw.DW_AT_call_column) ?? 0;
  return { file: await units.filesOf(die.unit).path(file), line, column };
}

/**
 * The variables of a function's copy in the order of the abstract instance, together with those that the compiler
 * left out of the copy because nothing of them is left there.
 */
function completed(chain: readonly Die[], own: readonly Die[]): readonly Die[] {
  const [copy, abstract] = chain;
  if (abstract === undefined || !copy?.has(dw.DW_AT_abstract_origin)) return own;
  const copies = new Map<number, Die>();
  const others: Die[] = [];
  for (const die of own) {
    const origin = die.reference(dw.DW_AT_abstract_origin);
    if (origin === undefined) others.push(die);
    else copies.set(origin, die);
  }
  // A copy may have a block where the abstract instance has none.
  const inBlocks = new Set<number>();
  originsInBlocks(copy, inBlocks, 0);
  const result: Die[] = [];
  for (const die of abstract.unit.children(abstract)) {
    if (die.tag === dw.DW_TAG_lexical_block) staticsOfLost(die, inBlocks, others, 0);
    if (die.tag !== dw.DW_TAG_formal_parameter && die.tag !== dw.DW_TAG_variable) continue;
    const found = copies.get(die.id);
    if (found !== undefined || !inBlocks.has(die.id)) result.push(found ?? die);
    copies.delete(die.id);
  }
  return [...result, ...copies.values(), ...others];
}

/** What the blocks of a copy, and the variables in them, are copies of. */
function originsInBlocks(scope: Die, into: Set<number>, depth: number): void {
  const { unit } = scope;
  for (let child = unit.firstChild(scope); child; child = unit.nextSibling(child)) {
    const isBlock = child.tag === dw.DW_TAG_lexical_block;
    if (isBlock || (depth > 0 && child.tag === dw.DW_TAG_variable)) {
      const origin = child.reference(dw.DW_AT_abstract_origin);
      if (origin !== undefined) into.add(origin);
    }
    if (isBlock && depth < MAX_DEPTH) originsInBlocks(child, into, depth + 1);
  }
}

/** Of blocks that the compiler left out of a copy, what has a place for good is still there. */
function staticsOfLost(block: Die, copied: ReadonlySet<number>, into: Die[], depth: number): void {
  if (copied.has(block.id)) return;
  for (const die of block.unit.children(block)) {
    if (die.tag === dw.DW_TAG_lexical_block && depth < MAX_DEPTH) staticsOfLost(die, copied, into, depth + 1);
    if (die.tag !== dw.DW_TAG_variable || copied.has(die.id)) continue;
    if (die.has(dw.DW_AT_location)) into.push(die);
  }
}
