// Values as a person reads them: one line, bounded, the same at every stop as long as nothing changed (an
// editor marks what differs).

import { littleEndian } from '../../emulator/formats/dwarf/operations.ts';
import type { AddressSpace } from '../../emulator/machine/messages.ts';
import { registerWords } from '../register-fields.ts';

import { floatBytesText } from './floats.ts';
import { enumerationText, flagWords, integerText } from './format.ts';
import type { Format } from './format.ts';
import { elementOf } from './members.ts';
import { fieldBehind, VECTOR } from './registers.ts';
import { rustView } from './rust-values.ts';
import { scalarOf } from './scalars.ts';
import type { Scope } from './scope.ts';
import { charactersText, stringAt } from './strings.ts';
import { treeText } from './tree-text.ts';
import { bare, CHAR, spell } from './types.ts';
import type { ArrayType, MemberPointerType, PointerType, StructureType, Type } from './types.ts';
import { hasVariants, narrowed } from './variants.ts';
import { addressOf, inMemory, Missing, partOf, readBytes } from './value.ts';
import type { ListValue, TypedValue, Value } from './value.ts';

export interface Limits {
  /** Characters of a line. */
  readonly line: number;
  /** Bytes of a string; one within something else has a line at the most. */
  readonly text: number;
}

export const VIEW: Limits = { line: 200, text: 4096 };
export const CONSOLE: Limits = { line: 4096, text: 4096 };
/** Somebody copies it: all of it, as far as there is an end. */
export const WHOLE: Limits = { line: 1 << 20, text: 1 << 20 };

/** Structures within structures. */
const MAX_DEPTH = 4;
/** Equal elements are counted from so many on, as gdb does. */
const MIN_REPEATS = 10;

export class Presenter {
  private readonly scope: Scope;
  private readonly limits: Limits;

  constructor(scope: Scope, limits: Limits = VIEW) {
    this.scope = scope;
    this.limits = limits;
  }

  async text(value: Value, format: Format, depth = 0): Promise<string> {
    switch (value.kind) {
      case 'text':
        return value.text;
      case 'tree':
        return this.bounded(treeText(value.data, depth, this.limits.line));
      case 'list':
        return this.list(value, format, depth);
      case 'deferred':
        return value.type;
      case 'typed':
        try {
          return await this.typed(value, format, depth);
        } catch (error) {
          if (error instanceof Missing) return error.text;
          throw error;
        }
    }
  }

  private async list({ items, isArray, ended }: ListValue, format: Format, depth: number): Promise<string> {
    const parts: string[] = [];
    let used = 0;
    for (const [i, { name, value }] of items.entries()) {
      if (used > this.limits.line) {
        parts.push('…');
        break;
      }
      const text = await this.text(value, format, depth + 1);
      // An index is told where it is not the place.
      const part = isArray === true && name === `[${i}]` ? text : `${name} = ${text}`;
      parts.push(part);
      used += part.length + 2;
    }
    return `${this.bounded(`{${parts.join(', ')}}`)}${ended === undefined ? '' : ` <${ended}>`}`;
  }

  private bounded(text: string): string {
    return text.length <= this.limits.line ? text : `${text.slice(0, this.limits.line)}…`;
  }

  private async typed(value: TypedValue, format: Format, depth: number): Promise<string> {
    const type = await bare(value.type);
    switch (type.kind) {
      case 'integer':
      case 'enumeration':
      case 'float':
        return this.number(value, format, depth);
      case 'pointer':
        return this.pointer(value, type, format, depth);
      case 'array':
        return this.array(value, type, format, depth);
      case 'structure':
        if (type === VECTOR) return this.vector(value);
        return this.structure(value, type, format, depth);
      case 'function': {
        const scalar = await scalarOf(value, this.scope.memory);
        return this.address(BigInt(scalar.value), value);
      }
      case 'member-pointer':
        return this.memberPointer(value, type);
      case 'void':
        return 'void';
      case 'other':
        return type.isComplex === true ? this.complex(value, type.size) : `<${type.name}>`;
    }
  }

  // ---------------------------------------------------------------- numbers

  private async number(value: TypedValue, format: Format, depth: number): Promise<string> {
    const scalar = await scalarOf(value, this.scope.memory);
    // `()` of Rust has no bits.
    if (scalar.kind === 'integer' && scalar.type.size === 0) return scalar.type.name ?? '';
    if (scalar.kind === 'float') {
      if (format.radix === 'x')
        return `0x${littleEndian(await this.bytes(value, scalar.type.size)).toString(16)}`;
      return floatBytesText(await this.bytes(value, scalar.type.size));
    }
    if (scalar.kind === 'pointer') return this.address(scalar.value, value);
    const { type } = scalar;
    if (format.flags) return flagWords(BigInt.asUintN(8 * type.size, scalar.value), format.flags.enumerators);
    if (type.kind === 'enumeration') return enumerationText(scalar.value, type, format);
    if (format.text !== undefined && type.size === 8)
      return this.stringAt(value.space, scalar.value, CHAR, depth);
    const isSmall = type.role === 'character' && (await isNumberName(value.type));
    const text = integerText(scalar.value, isSmall ? { ...type, role: 'number' } : type, format);
    if (type.role !== 'word' || format.radix !== undefined || format.raw === true) return text;
    const words = this.wordsOf(value, scalar.value, type.size);
    return words === undefined ? text : `${text} <${words}>`;
  }

  /** Of a register or address: what it says, or what lies there. */
  private wordsOf(value: TypedValue, number: bigint, size: number): string | undefined {
    const { storage, space } = value;
    if (storage.kind === 'register') {
      const field = fieldBehind(value);
      if (field) return field.words;
      const words = value.bits ? undefined : registerWords(storage.name, littleEndian(storage.bytes));
      if (words !== undefined) return words;
    }
    return size === 8 && !value.bits ? this.describe(number, space) : undefined;
  }

  private describe(address: bigint, space: TypedValue['space']): string | undefined {
    if (space.kind !== 'va') return undefined;
    const { debuggee } = this.scope;
    return debuggee.shown.includes(space.at.domain)
      ? debuggee.targetFor(space.at).describeNear(address)
      : undefined;
  }

  private async vector(value: TypedValue): Promise<string> {
    return `0x${littleEndian(await this.bytes(value, 16)).toString(16)}`;
  }

  private bytes(value: TypedValue, length: number): Promise<Uint8Array> {
    return readBytes(value, length, this.scope.memory.read.bind(this.scope.memory));
  }

  // ---------------------------------------------------------------- pointers and texts

  private async pointer(
    value: TypedValue,
    type: PointerType,
    format: Format,
    depth: number,
  ): Promise<string> {
    if (value.storage.kind === 'points-to') {
      return `<synthetic pointer to ${await this.text(await value.storage.target(), format, depth + 1)}>`;
    }
    const scalar = await scalarOf({ ...value, type: { ...type, isReference: false } }, this.scope.memory);
    const address = BigInt(scalar.value);
    const target = await type.target.resolve();
    if (type.isReference) return this.text(inMemory(target, value.space, address), format, depth);
    if (format.radix !== undefined) return integerText(address, ADDRESS, format);
    if (format.raw === true || address === 0n) return `0x${address.toString(16)}`;
    const text = await this.address(address, value);
    const core = await bare(target);
    const isText = core.kind === 'integer' && core.role === 'character' && !(await isNumberName(target));
    if (!isText && format.text === undefined) return text;
    return `${text} ${await this.stringAt(value.space, address, core, depth)}`;
  }

  private async address(address: bigint, { space }: TypedValue): Promise<string> {
    const name = this.describe(address, space);
    return name === undefined ? `0x${address.toString(16)}` : `0x${address.toString(16)} <${name}>`;
  }

  private textLimit(depth: number): number {
    return depth === 0 ? this.limits.text : Math.min(this.limits.text, this.limits.line);
  }

  private stringAt(space: AddressSpace, address: bigint, element: Type, depth: number): Promise<string> {
    const size = element.kind === 'integer' && element.role === 'character' ? element.size : 1;
    return stringAt(this.scope.memory, space, address, size, this.textLimit(depth));
  }

  // ---------------------------------------------------------------- arrays and structures

  private async array(value: TypedValue, type: ArrayType, format: Format, depth: number): Promise<string> {
    const element = await type.element.resolve();
    const core = await bare(element);
    const isText =
      core.kind === 'integer' &&
      ((format.text !== undefined && core.size === 1) ||
        (core.role === 'character' && !(await isNumberName(element))));
    if (isText && format.raw !== true) {
      const address = addressOf(value);
      if (type.count !== undefined) return this.characters(value, type.count, core.size, format, depth);
      if (address !== undefined) return this.stringAt(value.space, address, core, depth);
    }
    if (depth >= MAX_DEPTH) return '{…}';
    const { count } = type;
    // A flexible array member: nobody says where it ends.
    if (count === undefined) {
      const address = addressOf(value);
      return address === undefined ? '{…}' : this.address(address, value);
    }
    const parts = new Repeats();
    let used = 2;
    for (let i = 0; i < count; i++) {
      if (used > this.limits.line) {
        parts.add('…');
        break;
      }
      const part = await elementOf(value, BigInt(type.first + i), this.scope.memory);
      const text = await this.text(part, format, depth + 1);
      used += parts.add(text) ? text.length + 2 : 0;
      if (i >= MOST_ELEMENTS) {
        parts.add('…');
        break;
      }
    }
    return type.isRust === true ? `[${parts.text()}]` : `{${parts.text()}}`;
  }

  private async characters(
    value: TypedValue,
    count: number,
    size: number,
    format: Format,
    depth: number,
  ): Promise<string> {
    const length = Math.min(count, Math.ceil(this.textLimit(depth) / size));
    const bytes = await this.bytes(value, length * size);
    // `s`: all of the array, whatever is in it.
    return charactersText(bytes, size, format.text === 's', length < count);
  }

  private async structure(
    value: TypedValue,
    type: StructureType,
    format: Format,
    depth: number,
  ): Promise<string> {
    if (type.isDeclaration) return '<incomplete type>';
    if (depth >= MAX_DEPTH) return '{…}';
    if (value.storage.kind === 'memory' && type.size > 0) {
      // Nothing of it can be read: one sentence, not one for each member.
      await this.bytes(value, 1);
    }
    if (type.language === 'rust') return this.rustStructure(value, type, format, depth);
    const parts = await this.members(value, type, format, depth, ' = ');
    return this.bounded(`{${parts.join(', ')}}`);
  }

  /** `Shape::Circle(3)`, `Pair {left: 1, right: 2}`, `(5, true)`, `"text"`, `[1, 2, 3]`. */
  private async rustStructure(
    value: TypedValue,
    type: StructureType,
    format: Format,
    depth: number,
  ): Promise<string> {
    const { memory } = this.scope;
    const view = format.raw === true ? undefined : await rustView(value, memory);
    if (view) {
      const { elements, kind } = view;
      const { count = 0 } = elements.type as ArrayType;
      if (kind === 'text') return this.characters(elements, count, 1, { ...format, text: 's' }, depth);
      return this.bounded(`${type.name ?? ''} ${await this.text(elements, format, depth)}`);
    }
    const isVariant = hasVariants(type);
    const whole = await narrowed(value, memory);
    const core = await bare(whole.type);
    if (core.kind !== 'structure' || hasVariants(core)) return `${type.name ?? ''} {…}`;
    const name = core.name?.startsWith('(') ? '' : (core.name ?? '');
    const isTuple = core.members.every((member) => /^(?:__)?\d+$/.test(member.name ?? ''));
    const parts = await this.members(whole, core, format, depth, isTuple ? undefined : ': ');
    if (parts.length === 0) return name === '' ? '()' : name;
    const space = isVariant || name === '' ? '' : ' ';
    const list = parts.join(', ');
    return this.bounded(`${name}${space}${isTuple ? `(${list})` : `{${list}}`}`);
  }

  /** `between`: of name and value; undefined: values alone. */
  private async members(
    value: TypedValue,
    type: StructureType,
    format: Format,
    depth: number,
    between: string | undefined,
  ): Promise<readonly string[]> {
    const parts: string[] = [];
    let used = 2;
    for (const member of type.members) {
      if (used > this.limits.line) {
        parts.push('…');
        break;
      }
      const memberType = await member.type.resolve();
      const part = partOf(value, memberType, member.bitOffset, member.bitSize);
      const text = await this.text(part, format, depth + 1);
      const name = member.isBase ? `<${await spell(memberType)}>` : member.name;
      const whole = name === undefined || between === undefined ? text : `${name}${between}${text}`;
      parts.push(whole);
      used += whole.length + 2;
    }
    return parts;
  }

  // ---------------------------------------------------------------- what is rare

  private async complex(value: TypedValue, size: number): Promise<string> {
    const bytes = await this.bytes(value, size);
    const [real, imaginary] = [bytes.subarray(0, size / 2), bytes.subarray(size / 2)].map(floatBytesText);
    return `${real} + ${imaginary}i`;
  }

  /** `&Point::y`, or the function (Itanium C++ ABI, section 2.3, with the AArch64 variant of its second word). */
  private async memberPointer(value: TypedValue, type: MemberPointerType): Promise<string> {
    const bytes = await this.bytes(value, type.size);
    const first = littleEndian(bytes.subarray(0, 8));
    const owner = await bare(await type.owner.resolve());
    if (type.size > 8) {
      if ((littleEndian(bytes.subarray(8)) & 1n) === 1n) return `<virtual, ${first} in the vtable>`;
      return first === 0n ? 'NULL' : this.address(first, value);
    }
    if (first === 2n ** 64n - 1n) return 'NULL';
    const offset = 8 * Number(first);
    const member =
      owner.kind === 'structure' ? owner.members.find(({ bitOffset }) => bitOffset === offset) : undefined;
    return member?.name === undefined ? `<offset ${first}>` : `&${await spell(owner)}::${member.name}`;
  }
}

const ADDRESS = { kind: 'integer', name: 'address', size: 8, signed: false, role: 'word' } as const;
/** Of an array in one line, whatever they are. */
const MOST_ELEMENTS = 4096;

/** `0 <repeats 12 times>`. */
class Repeats {
  private readonly parts: { text: string; count: number }[] = [];

  /** Whether it was another one. */
  add(text: string): boolean {
    const last = this.parts.at(-1);
    if (last?.text === text) {
      last.count++;
      return last.count < MIN_REPEATS;
    }
    this.parts.push({ text, count: 1 });
    return true;
  }

  text(): string {
    return this.parts
      .map(({ text, count }) =>
        count >= MIN_REPEATS ? `${text} <repeats ${count} times>` : Array(count).fill(text).join(', '),
      )
      .join(', ');
  }
}

/** `u8` and its kin are numbers, though C has one type for them and for characters. */
async function isNumberName(type: Type): Promise<boolean> {
  let at = type;
  for (let i = 0; i < 16 && (at.kind === 'typedef' || at.kind === 'qualified'); i++) {
    if (
      at.kind === 'typedef' &&
      /^(?:__)?(?:u|s|le|be)8$|^u?int(?:_least|_fast)?8_t$|^(?:__)?u?int8(?:_t)?$/.test(at.name)
    ) {
      return true;
    }
    at = await at.target.resolve();
  }
  return false;
}
