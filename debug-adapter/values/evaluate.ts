// Evaluates an expression where the guest stands. Values are places, so nothing of the guest is read but
// what the result depends on, and nothing changes unless `effects` says that it may.

import { parseMemoryReference } from '../memory-reference.ts';
import type { AddressSpace } from '../../emulator/machine/messages.ts';
import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { compare, floatScalar, floatTypeOf, integerScalar, literalType, negated } from './arithmetic.ts';
import type { Scalar } from './arithmetic.ts';
import { assign } from './assign.ts';
import { callFunction } from './functions.ts';
import type { Lookup } from './functions.ts';
import {
  dereferenced,
  elementOf,
  memberOf,
  memberPointedTo,
  referent,
  repeated,
  sizeNeeded,
  slice,
  treePart,
} from './members.ts';
import {
  foreignValue,
  isTypeName,
  namedValue,
  pathValue,
  scopeOfDomain,
  staticValue,
  symbolValue,
} from './names.ts';
import { isObjectName, object, objects } from './objects.ts';
import { arithmeticOf, cast, promotedField } from './operators.ts';
import { fieldOf, registerValue } from './registers.ts';
import { rustView } from './rust-values.ts';
import { addressNeeded, integerOf, scalarOf, truthOf, valueOfScalar } from './scalars.ts';
import type { Scope } from './scope.ts';
import { parseWatch, possibleTypes } from './syntax.ts';
import { allTasks, currentTask } from './tasks.ts';
import type { Node, TypeSyntax, Watch } from './syntax.ts';
import {
  arrayOf,
  bare,
  builtInType,
  CHAR,
  INT,
  known,
  pointerTo,
  spell,
  UNSIGNED_LONG,
  WORD,
} from './types.ts';
import type { Type } from './types.ts';
import { ofBytes, ofInteger } from './value.ts';
import type { TypedValue, Value } from './value.ts';
import { narrowed } from './variants.ts';

export interface EvaluationOptions {
  /** Assignments are carried out. */
  readonly effects: boolean;
  readonly lookup: Lookup;
}

/** Types are looked up first: the grammar of C depends on them. */
export async function parseIn(scope: Scope, text: string): Promise<Watch> {
  const types = new Set<string>();
  for (const name of possibleTypes(text)) if (await isTypeName(scope, name)) types.add(name);
  return parseWatch(text, (name) => types.has(name));
}

export class Evaluator {
  readonly scope: Scope;
  private readonly options: EvaluationOptions;

  constructor(scope: Scope, options: EvaluationOptions) {
    this.scope = scope;
    this.options = options;
  }

  async evaluate(node: Node): Promise<Value> {
    const { scope } = this;
    const { memory, space } = scope;
    switch (node.kind) {
      case 'integer': {
        const type = literalType(node);
        return ofInteger(type, type.size, node.value, space);
      }
      case 'float':
        return valueOfScalar(floatScalar(floatTypeOf(node.single), node.value), space);
      case 'character':
        return ofInteger({ ...INT, role: 'character' }, 4, BigInt(node.code), space);
      case 'string':
        return ofBytes(arrayOf(CHAR, node.bytes.length + 1), Uint8Array.of(...node.bytes, 0), space);
      case 'name':
        return this.name(node);
      case 'foreign':
        return foreignValue(scope, node.program, node.name);
      case 'static':
        return staticValue(scope, node.file, node.name);
      case 'register':
        return this.register(node);
      case 'reference': {
        const reference = this.reference(node.text);
        return ofInteger(WORD, 8, reference.address, reference.space);
      }
      case 'space': {
        const value = await this.typed(node.of);
        const { space: other } = this.reference(`${node.space}:0`);
        if ((await bare(value.type)).kind !== 'integer') return { ...value, space: other };
        return ofInteger(WORD, 8, await integerOf(value, memory), other);
      }
      case 'unary':
        return this.unary(node);
      case 'arithmetic':
        return arithmeticOf(node.operator, await this.typed(node.left), await this.typed(node.right), memory);
      case 'comparison': {
        const left = await scalarOf(await this.typed(node.left), memory);
        const right = await scalarOf(await this.typed(node.right), memory);
        return valueOfScalar(compare(node.operator, left, right), space);
      }
      case 'and':
      case 'or': {
        const left = await truthOf(await this.typed(node.left), memory);
        const decided = node.kind === 'and' ? !left : left;
        return this.truth(decided ? left : await truthOf(await this.typed(node.right), memory));
      }
      case 'choose':
        return this.evaluate((await truthOf(await this.typed(node.condition), memory)) ? node.yes : node.no);
      case 'cast':
        return cast(await this.typed(node.of), await this.type(node.type), memory);
      case 'sizeof': {
        const type = node.of.kind === 'type' ? await this.type(node.of) : (await this.typed(node.of)).type;
        return ofInteger(UNSIGNED_LONG, 8, BigInt(await sizeNeeded(type)), space);
      }
      case 'member':
        return this.member(node);
      case 'member-pointer':
        return this.throughMemberPointer(node);
      case 'index':
        return this.index(node);
      case 'slice': {
        const start = node.start && (await this.typed(node.start));
        const end = node.end && (await this.typed(node.end));
        return slice(await this.typed(node.of), start, end, memory);
      }
      case 'repeat': {
        const count = await this.count(node.count);
        return repeated(await this.typed(node.of), count);
      }
      case 'call':
        return callFunction(this, node.name, node.args, this.options.lookup);
      case 'step':
      case 'assign':
        return this.assignment(node);
    }
  }

  /** A value of C; a list or an object of the hypervisor is none. */
  async typed(node: Node): Promise<TypedValue> {
    const value = await this.evaluate(node);
    if (value.kind === 'typed') return value;
    if (value.kind === 'tree') {
      const { data } = value;
      if (typeof data === 'number') return ofInteger(INT, 4, BigInt(data), this.scope.space);
      if (typeof data === 'boolean') return this.truth(data);
      if (typeof data === 'string' && /^0x[0-9a-f]{1,16}$/.test(data)) {
        return ofInteger(WORD, 8, BigInt(data), this.scope.space);
      }
    }
    throw errors.notComputable('Nothing can be computed with this object: take one of its members');
  }

  async count(node: Node): Promise<number> {
    const count = Number(await integerOf(await this.typed(node), this.scope.memory));
    if (count < 0 || count > 1 << 24) throw errors.notComputable(`${count} is no number of elements`);
    return count;
  }

  async type(syntax: TypeSyntax): Promise<Type> {
    let type = await this.scope.typeNamed(syntax.name);
    // Without debug information there are still the types that everybody has.
    if (!this.scope.target.types) type ??= builtInType(syntax.name);
    if (!type) throw errors.notComputable(`There is no type '${syntax.name}'`);
    for (let i = 0; i < syntax.pointers; i++) type = pointerTo(type);
    if (syntax.toFunction > 0) {
      type = { kind: 'function', returns: known(type), parameters: [], isVariadic: true };
      for (let i = 0; i < syntax.toFunction; i++) type = pointerTo(type);
    }
    for (const count of syntax.dimensions.toReversed()) type = arrayOf(type, count);
    return type;
  }

  private truth(value: boolean): TypedValue {
    return ofInteger(INT, 4, value ? 1n : 0n, this.scope.space);
  }

  private reference(text: string) {
    const reference = parseMemoryReference(text, this.scope.at.vcpu);
    checkSpace(this.scope, reference.space, text);
    return reference;
  }

  // ---------------------------------------------------------------- names

  private async name({ name, within }: Extract<Node, { kind: 'name' }>): Promise<Value> {
    if (within !== undefined) return pathValue(this.scope, within, name);
    const value = await namedValue(this.scope, name);
    if (value) return value;
    // gdb's commands take registers without a dollar sign, but here x0 may be anybody's variable.
    throw errors.unknownName(name);
  }

  private async register(node: Extract<Node, { kind: 'register' }>): Promise<Value> {
    const { name, domain, vcpu } = node;
    const scope =
      vcpu === undefined ? this.scope : await scopeOfDomain(this.scope, this.domainNamed(domain), vcpu);
    if (isObjectName(name)) {
      const data = await objects(scope.debuggee, name, scope.at.vcpu.domain);
      return { kind: 'tree', data, space: scope.space };
    }
    if (name === 'ev') {
      const { event } = this.options.lookup;
      if (!event) throw errors.notComputable('The machine was not stopped by an event');
      return { kind: 'tree', data: event, space: scope.space };
    }
    if (name === 'old' || name === 'new' || name === 'hit') {
      throw errors.notComputable(`$${name} is only there in the conditions of breakpoints`);
    }
    if (name === 'current') return currentTask(scope);
    if (name === 'threads') return allTasks(scope);
    const value = await registerValue(scope, name);
    if (!value) throw errors.unknownRegister(name);
    return value;
  }

  private domainNamed(domain: string | undefined): number {
    if (domain === undefined) return this.scope.at.vcpu.domain;
    return domain === 'host' ? BARE_DOMAIN : Number(domain.slice(1));
  }

  // ---------------------------------------------------------------- parts

  private async member(node: Extract<Node, { kind: 'member' }>): Promise<Value> {
    const dotted = dottedName(node);
    let outer: Value;
    try {
      outer = await this.evaluate(node.of);
    } catch (error) {
      // Compilers name clones of functions so: `memset.isra.0`.
      const symbol = dotted === undefined ? undefined : await symbolValue(this.scope, dotted);
      if (symbol) return symbol;
      throw error;
    }
    return this.memberOfValue(outer, node);
  }

  private async memberOfValue(outer: Value, node: Extract<Node, { kind: 'member' }>): Promise<Value> {
    if (outer.kind === 'tree') return treePart(outer, node.name);
    if (outer.kind === 'list') {
      const items: { name: string; value: Value }[] = [];
      for (const { name, value } of outer.items) {
        items.push({ name, value: await this.memberOfValue(value, node) });
      }
      return { kind: 'list', items };
    }
    if (outer.kind !== 'typed') throw errors.notComputable(`It has no member '${node.name}'`);
    return this.memberOfTyped(await referent(outer, this.scope.memory), node);
  }

  private async memberOfTyped(outer: TypedValue, node: Extract<Node, { kind: 'member' }>): Promise<Value> {
    const field = fieldOf(outer, node.name, this.scope.space);
    if (field) return field;
    if (outer.storage.kind === 'register' && (await bare(outer.type)).kind === 'integer') {
      throw errors.unknownField(outer.storage.name, node.name);
    }
    // A dot is taken for an arrow: what is meant is clear.
    const type = await bare(outer.type);
    const isPointer = type.kind === 'pointer' || (type.kind === 'array' && node.arrow);
    if (node.arrow && !isPointer) throw errors.notComputable(`'${await spell(outer.type)}' is no pointer`);
    const whole = isPointer ? await dereferenced(outer, this.scope.memory) : outer;
    const named = await bare(whole.type);
    const isDirect = named.kind !== 'structure' || named.members.some(({ name }) => name === node.name);
    return memberOf(isDirect ? whole : await narrowed(whole, this.scope.memory), node.name);
  }

  private async throughMemberPointer({
    of,
    arrow,
    member,
  }: Extract<Node, { kind: 'member-pointer' }>): Promise<TypedValue> {
    const { memory } = this.scope;
    const outer = await referent(await this.typed(of), memory);
    const pointer = await this.typed(member);
    return memberPointedTo(arrow ? await dereferenced(outer, memory) : outer, pointer, memory);
  }

  private async index({ of, index }: Extract<Node, { kind: 'index' }>): Promise<Value> {
    if (of.kind === 'register' && isObjectName(of.name)) {
      const key = index.kind === 'string' ? new TextDecoder().decode(index.bytes) : undefined;
      const number = key ?? (await integerOf(await this.typed(index), this.scope.memory));
      const { space, debuggee, at } = this.scope;
      return { kind: 'tree', data: await object(debuggee, of.name, number, at.vcpu.domain), space };
    }
    const outer = await this.evaluate(of);
    if (outer.kind === 'tree') {
      const key =
        index.kind === 'string'
          ? new TextDecoder().decode(index.bytes)
          : String(await integerOf(await this.typed(index), this.scope.memory));
      return treePart(outer, key);
    }
    const at = await integerOf(await this.typed(index), this.scope.memory);
    if (outer.kind === 'list') {
      const item = outer.items.find(({ name }) => name === `[${at}]`);
      if (!item) throw errors.notComputable(`It has no element ${at}`);
      return item.value;
    }
    if (outer.kind !== 'typed') throw errors.notComputable('It has no elements');
    const row = await referent(outer, this.scope.memory);
    const view = await rustView(row, this.scope.memory);
    return elementOf(view?.elements ?? row, at, this.scope.memory);
  }

  // ---------------------------------------------------------------- operators

  private async unary({ operator, of }: Extract<Node, { kind: 'unary' }>): Promise<TypedValue> {
    const { memory } = this.scope;
    const value = await referent(await this.typed(of), memory);
    switch (operator) {
      case '*':
        return dereferenced(value, memory);
      case '&': {
        // The value of a symbol without a type is its address already.
        if (of.kind === 'name' && value.storage.kind === 'bytes' && value.type === WORD) return value;
        const space = value.storage.kind === 'memory' ? value.storage.space : value.space;
        return ofInteger(pointerTo(value.type), 8, addressNeeded(value), space);
      }
      case '!':
        return this.truth(!(await truthOf(value, memory)));
      default: {
        const scalar = await scalarOf(value, memory);
        if (scalar.kind === 'pointer') throw errors.notComputable(`'${operator}' takes no pointer`);
        return valueOfScalar(negated(promotedField(scalar, value), operator), value.space);
      }
    }
  }

  // ---------------------------------------------------------------- changes

  private async assignment(node: Extract<Node, { kind: 'step' | 'assign' }>): Promise<TypedValue> {
    const to = node.kind === 'step' ? node.of : node.place;
    if (!this.options.effects) throw errors.hasSideEffects();
    const place = await this.typed(to);
    const operator = node.kind === 'step' ? '+' : node.operator;
    const operand =
      node.kind === 'step'
        ? ofInteger(INT, 4, BigInt(node.by), this.scope.space)
        : await this.typed(node.value);
    const before = valueOfScalar(await scalarOf(place, this.scope.memory).catch(() => NOTHING), place.space);
    const value =
      operator === undefined ? operand : await arithmeticOf(operator, place, operand, this.scope.memory);
    const changed = await assign(this.scope, place, value);
    return node.kind === 'step' && !node.before ? { ...before, type: place.type } : changed;
  }
}

const NOTHING: Scalar = integerScalar(INT, 0n);

function checkSpace({ debuggee }: Scope, space: AddressSpace, text: string): void {
  const domain = space.kind === 'va' ? space.at.domain : space.kind === 'ipa' ? space.domain : undefined;
  const info = debuggee.info.domains.find((candidate) => candidate.domain === domain);
  const vcpu = space.kind === 'va' ? space.at.vcpu : 0;
  if (domain !== undefined && (!info || vcpu >= info.vcpus)) throw errors.unknownSpace(text);
}

/** `memset.isra.0`, as far as it is only names and dots. */
function dottedName(node: Node): string | undefined {
  if (node.kind === 'name') return node.within === undefined ? node.name : undefined;
  if (node.kind !== 'member' || node.arrow) return undefined;
  const outer = dottedName(node.of);
  return outer === undefined ? undefined : `${outer}.${node.name}`;
}
