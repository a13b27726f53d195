// Types and template arguments in names of C++ (Itanium C++ ABI, sections 5.1.5 and 5.1.6).

import { nameOf, ParserState, plain, textOf } from './itanium-state.ts';
import type { Name, Type } from './itanium-state.ts';
import { BUILTIN_TYPES, LITERAL_SUFFIXES } from './itanium-tables.ts';
import { NotMangled } from './reader.ts';

export abstract class TypeParser extends ParserState {
  protected templateArguments: readonly Type[] = [];
  /** Which one of a pack's elements stands for it now. */
  private element: number | undefined;
  private packSize: number | undefined;

  abstract encoding(isLocal?: boolean): string;

  /** `isOutermost`: template parameters refer to the arguments of this name. */
  protected abstract name(isOutermost: boolean): Name;

  protected sourceName(): string {
    const name = this.reader.take(this.reader.decimal());
    if (name === '') throw new NotMangled();
    return name.startsWith('_GLOBAL__N_') ? '(anonymous namespace)' : name;
  }

  // ---------------------------------------------------------------- types

  protected type(): Type {
    return this.reader.nested(() => {
      const { reader } = this;
      const builtin = this.builtin();
      if (builtin !== undefined) return builtin;
      if (reader.peek() === 'S' && reader.peek(1) !== 't') return this.substitutedType();
      const type = this.compound();
      return this.remember(type);
    });
  }

  private builtin(): Type | undefined {
    const { reader } = this;
    const one = reader.peek();
    const code = one === 'D' ? one + reader.peek(1) : one;
    const name = BUILTIN_TYPES[code];
    if (name === undefined) return undefined;
    reader.take(code.length);
    return plain(name);
  }

  private substitutedType(): Type {
    const { reader } = this;
    const type = this.substitution();
    if (reader.peek() !== 'I') return type;
    const name = this.withArguments(nameOf(textOf(type), this.bases.get(type)), false);
    return this.remember(plain(name.text), name.base);
  }

  private compound(): Type {
    const { reader } = this;
    switch (reader.peek()) {
      case 'r':
      case 'V':
      case 'K': {
        const qualifiers = this.qualifiers();
        const type = this.type();
        if (type.shape === 'function') return { ...type, right: type.right + qualifiers };
        return { ...type, left: type.left + qualifiers, shape: 'plain' };
      }
      case 'P':
        reader.next();
        return around(this.type(), '*', 'plain');
      case 'R':
        reader.next();
        return reference(this.type(), 'lvalue');
      case 'O':
        reader.next();
        return reference(this.type(), 'rvalue');
      case 'C':
        reader.next();
        return plain(`${textOf(this.type())} _Complex`);
      case 'M': {
        reader.next();
        const owner = textOf(this.type());
        const member = this.type();
        const mark = `${owner}::*`;
        return member.shape === 'plain'
          ? { ...member, left: `${member.left} ${mark}` }
          : around(member, mark, 'plain');
      }
      case 'A': {
        reader.next();
        const size = reader.isDigit() ? String(reader.decimal()) : '';
        reader.expect('_');
        const element = this.type();
        return { left: element.left, right: ` [${size}]${element.right.trimStart()}`, shape: 'array' };
      }
      case 'D':
        if (reader.accept('Do')) {
          const type = this.functionType();
          return { ...type, right: `${type.right} noexcept` };
        }
        throw new NotMangled();
      case 'F':
        return this.functionType();
      case 'T': {
        const type = this.templateParameter();
        if (reader.peek() !== 'I') return type;
        this.remember(type);
        return plain(this.withArguments(nameOf(textOf(type)), false).text);
      }
      case 'u':
        reader.next();
        return plain(this.sourceName());
      default: {
        const name = this.name(false);
        const type = plain(name.text);
        this.bases.set(type, name.base);
        return type;
      }
    }
  }

  private functionType(): Type {
    const { reader } = this;
    reader.expect('F');
    reader.accept('Y');
    const result = this.type();
    const types: string[] = [];
    while (reader.peek() !== 'E' && !this.refQualifierEnd()) types.push(...this.expanded());
    const referenceMark = reader.accept('R') ? ' &' : reader.accept('O') ? ' &&' : '';
    reader.expect('E');
    const parameters = types.length === 1 && types[0] === 'void' ? '' : types.join(', ');
    return { left: result.left, right: `(${parameters})${referenceMark}${result.right}`, shape: 'function' };
  }

  private refQualifierEnd(): boolean {
    const { reader } = this;
    return (reader.peek() === 'R' || reader.peek() === 'O') && reader.peek(1) === 'E';
  }

  // ---------------------------------------------------------------- templates

  protected withArguments(name: Name, isOutermost: boolean): Name {
    const list = this.argumentList();
    if (isOutermost) this.templateArguments = list;
    const texts = list.flatMap((argument) => (argument.pack ?? [argument]).map(textOf));
    const space = name.text.endsWith('<') ? ' ' : '';
    return { ...name, text: `${name.text}${space}<${closed(texts.join(', '))}`, isTemplate: true };
  }

  private argumentList(): Type[] {
    const { reader } = this;
    reader.expect('I');
    return reader.nested(() => {
      const list: Type[] = [];
      while (!reader.accept('E')) list.push(this.argument());
      return list;
    });
  }

  private argument(): Type {
    const { reader } = this;
    // `I` is what GCC wrote before C++11 was settled.
    if (reader.accept('J') || reader.accept('I')) {
      const pack: Type[] = [];
      while (!reader.accept('E')) pack.push(this.argument());
      return { ...plain(pack.map(textOf).join(', ')), pack };
    }
    if (reader.accept('L')) return plain(this.literal());
    if (reader.accept('XT')) {
      reader.at--;
      const parameter = this.templateParameter();
      reader.expect('E');
      return parameter;
    }
    if (reader.peek() === 'X') throw new NotMangled();
    if (reader.accept('Dp')) return this.packOf(this.expandPattern());
    return this.type();
  }

  private packOf(pack: readonly Type[]): Type {
    return { ...plain(pack.map(textOf).join(', ')), pack };
  }

  private literal(): string {
    const { reader } = this;
    if (reader.accept('_Z')) {
      const name = this.encoding();
      reader.expect('E');
      return name;
    }
    const type = textOf(this.type());
    const sign = reader.accept('n') ? '-' : '';
    const start = reader.at;
    while (reader.peek() !== 'E') reader.next();
    const digits = reader.text.slice(start, reader.at);
    reader.expect('E');
    if (type === 'bool' && (digits === '0' || digits === '1')) return digits === '1' ? 'true' : 'false';
    const suffix = LITERAL_SUFFIXES[type];
    return suffix === undefined ? `(${type})${sign}${digits}` : `${sign}${digits}${suffix}`;
  }

  protected templateParameter(): Type {
    const { reader } = this;
    reader.expect('T');
    const index = reader.accept('_') ? 0 : reader.decimal() + 1;
    if (index > 0) reader.expect('_');
    const argument = this.templateArguments[index];
    if (argument === undefined) throw new NotMangled();
    if (argument.pack === undefined || this.element === undefined) return argument;
    this.packSize = argument.pack.length;
    return argument.pack[this.element] ?? plain('');
  }

  /** A parameter's type, or the types that a pack stands for. */
  protected expanded(): string[] {
    if (this.reader.accept('Dp')) return this.expandPattern().map(textOf);
    const type = this.type();
    return (type.pack ?? [type]).map(textOf);
  }

  /** The pattern is read once for each element of the packs in it. */
  private expandPattern(): Type[] {
    const { reader } = this;
    const start = reader.at;
    const outer = { element: this.element, packSize: this.packSize };
    this.element = 0;
    this.packSize = undefined;
    const first = this.type();
    const size: number | undefined = this.packSize;
    const behind = reader.at;
    const known = this.substitutions.length;
    const types = size === 0 ? [] : [first];
    for (let i = 1; i < (size ?? 1); i++) {
      reader.at = start;
      this.element = i;
      types.push(this.type());
      this.substitutions.length = known;
    }
    reader.at = behind;
    ({ element: this.element, packSize: this.packSize } = outer);
    return types;
  }
}

const closed = (list: string): string => (list.endsWith('>') ? `${list} >` : `${list}>`);

/** A pointer or reference; to a function or an array it needs parentheses. */
function around(type: Type, mark: string, shape: Type['shape']): Type {
  if (type.shape === 'function' || type.shape === 'array') {
    return { left: `${type.left} (${mark}`, right: `)${type.right}`, shape };
  }
  return { left: type.left + mark, right: type.right, shape };
}

/** References to references collapse: only `&&` to `&&` stays one. */
function reference(type: Type, shape: 'lvalue' | 'rvalue'): Type {
  if (type.shape === 'lvalue') return type;
  if (type.shape === 'rvalue') {
    return shape === 'rvalue' ? type : { ...type, left: type.left.replace(/&&$/, '&'), shape };
  }
  return around(type, shape === 'lvalue' ? '&' : '&&', shape);
}
