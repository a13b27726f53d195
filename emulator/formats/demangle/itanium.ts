// Names of C++ (Itanium C++ ABI, section 5.1), the part that compilers write for functions and variables. Expressions
// in template arguments are left out: such a name stays as it is.

import {
  BUILTIN_TYPES,
  LITERAL_SUFFIXES,
  OPERATORS,
  SPECIAL,
  SPECIAL_NAMES,
  STANDARD,
} from './itanium-tables.ts';
import { NotMangled, Reader, tryParse } from './reader.ts';

export function demangleItanium(symbol: string): string | undefined {
  return tryParse(() => {
    const parser = new Parser(symbol);
    const name = parser.encoding();
    return name + parser.clones();
  });
}

/** A type around the name that it declares: `void (*` and `)(int)`. */
interface Type {
  readonly left: string;
  readonly right: string;
  readonly shape: 'plain' | 'function' | 'array' | 'lvalue' | 'rvalue';
  /** A pack of template arguments. */
  readonly pack?: readonly Type[];
}

interface Name {
  readonly text: string;
  /** What a constructor of it is called. */
  readonly base: string;
  /** Ends in template arguments. */
  readonly isTemplate: boolean;
  /** Constructors, destructors and conversions have no return type. */
  readonly hasNoResult: boolean;
  /** Of a member function: ` const`, ` &`. */
  readonly qualifiers: string;
}

const plain = (left: string): Type => ({ left, right: '', shape: 'plain' });
const textOf = ({ left, right }: Type): string => left + right;

class Parser {
  private readonly reader: Reader;
  private readonly substitutions: Type[] = [];
  /** The base names of substitutions, which constructors repeat. */
  private readonly bases = new Map<Type, string>();
  private templateArguments: readonly Type[] = [];
  /** Which one of a pack's elements stands for it now. */
  private element: number | undefined;
  private packSize: number | undefined;

  constructor(text: string) {
    this.reader = new Reader(text, '_Z'.length);
  }

  // ---------------------------------------------------------------- encodings

  /** `isLocal`: of what is inside of it, which does not repeat the result. */
  encoding(isLocal = false): string {
    const { reader } = this;
    return reader.nested(() => {
      const special = this.special();
      if (special !== undefined) return special;
      const name = this.name(true);
      if (this.atEncodingEnd()) return name.text;
      const result = name.isTemplate && !name.hasNoResult ? this.type() : undefined;
      const parameters = this.parameters();
      const call = `${name.text}(${parameters})${name.qualifiers}`;
      return result === undefined || isLocal ? call : `${result.left} ${call}${result.right}`;
    });
  }

  /** What optimisers append to copies of a function. */
  clones(): string {
    const { reader } = this;
    const rest = reader.text.slice(reader.at);
    if (rest === '') return '';
    const clones = rest.match(/\.[A-Za-z_]+(?:\.\d+)*|\.\d+/g);
    if (clones === null || clones.join('') !== rest) throw new NotMangled();
    return clones.map((clone) => ` [clone ${clone}]`).join('');
  }

  private atEncodingEnd(): boolean {
    const next = this.reader.peek();
    return next === '' || next === 'E' || next === '.';
  }

  private special(): string | undefined {
    const { reader } = this;
    const code = reader.peek() + reader.peek(1);
    const ofType = SPECIAL[code];
    const ofName = SPECIAL_NAMES[code];
    if (ofType !== undefined || ofName !== undefined) {
      reader.take(2);
      return ofType === undefined ? ofName + this.name(false).text : ofType + textOf(this.type());
    }
    if (reader.accept('GTt')) return `transaction clone for ${this.encoding()}`;
    if (reader.accept('GR')) {
      const name = this.name(false).text;
      const number = reader.accept('_') ? 0 : this.sequence() + 1;
      return `reference temporary #${number} for ${name}`;
    }
    if (reader.accept('TC')) {
      const inner = textOf(this.type());
      reader.decimal();
      reader.expect('_');
      return `construction vtable for ${textOf(this.type())}-in-${inner}`;
    }
    if (reader.accept('Th')) {
      this.callOffset('h');
      return `non-virtual thunk to ${this.encoding()}`;
    }
    if (reader.accept('Tv')) {
      this.callOffset('v');
      return `virtual thunk to ${this.encoding()}`;
    }
    if (reader.accept('Tc')) {
      this.callOffset(reader.next());
      this.callOffset(reader.next());
      return `covariant return thunk to ${this.encoding()}`;
    }
    return undefined;
  }

  private callOffset(kind: string): void {
    for (let numbers = kind === 'v' ? 2 : 1; numbers > 0; numbers--) {
      this.reader.accept('n');
      this.reader.decimal();
      this.reader.expect('_');
    }
  }

  private parameters(): string {
    const types: string[] = [];
    do types.push(...this.expanded());
    while (!this.atEncodingEnd());
    return types.length === 1 && types[0] === 'void' ? '' : types.join(', ');
  }

  // ---------------------------------------------------------------- names

  /** `isOutermost`: template parameters refer to the arguments of this name. */
  private name(isOutermost: boolean): Name {
    return this.reader.nested(() => {
      const { reader } = this;
      if (reader.accept('N')) return this.nestedName(isOutermost);
      if (reader.accept('Z')) return this.localName(isOutermost);
      if (reader.peek() === 'S' && reader.peek(1) !== 't') {
        const template = this.substitution();
        if (reader.peek() !== 'I') throw new NotMangled();
        return this.withArguments(nameOf(textOf(template), this.bases.get(template)), isOutermost);
      }
      const scope = reader.accept('St') ? 'std::' : '';
      const name = this.unqualified(undefined);
      const whole = { ...name, text: scope + name.text };
      if (reader.peek() !== 'I') return whole;
      this.remember(plain(whole.text), whole.base);
      return this.withArguments(whole, isOutermost);
    });
  }

  private nestedName(isOutermost: boolean): Name {
    const { reader } = this;
    let qualifiers = this.qualifiers();
    if (reader.accept('R')) qualifiers += ' &';
    else if (reader.accept('O')) qualifiers += ' &&';
    let name: Name | undefined;
    while (!reader.accept('E')) {
      name = this.prefix(name, isOutermost);
      if (reader.peek() !== 'E') continue;
      // The name as a whole is no prefix: where it is a type, that is what is referred to.
      this.substitutions.pop();
    }
    if (name === undefined) throw new NotMangled();
    return { ...name, qualifiers };
  }

  /** One more part of a nested name, which may be referred to from then on. */
  private prefix(outer: Name | undefined, isOutermost: boolean): Name {
    const { reader } = this;
    const scope = outer === undefined ? '' : `${outer.text}::`;
    if (reader.peek() === 'S' && outer === undefined) {
      const known = this.standardScope() ?? this.known();
      if (reader.peek() === 'E') throw new NotMangled();
      return known;
    }
    let name: Name;
    if (reader.peek() === 'I' && outer !== undefined) {
      name = this.withArguments(outer, isOutermost);
    } else if (reader.peek() === 'T' && outer === undefined) {
      const type = this.templateParameter();
      name = nameOf(textOf(type));
    } else {
      const part = this.unqualified(outer);
      name = { ...part, text: scope + part.text };
    }
    this.remember(plain(name.text), name.base);
    return name;
  }

  /** `std`, which is never referred to by a number. */
  private standardScope(): Name | undefined {
    return this.reader.accept('St') ? nameOf('std') : undefined;
  }

  private known(): Name {
    const { reader } = this;
    const standard = STANDARD[reader.peek() + reader.peek(1)];
    const type = this.substitution();
    if (standard === undefined) return nameOf(textOf(type), this.bases.get(type));
    const [short, base, whole] = standard;
    // A constructor shows what the short name stands for.
    const next = reader.peek();
    const isSpecial = (next === 'C' || next === 'D') && /[0-9]/.test(reader.peek(1));
    return nameOf(isSpecial && whole !== undefined ? whole : short, base);
  }

  private localName(isOutermost: boolean): Name {
    const { reader } = this;
    const kept = this.templateArguments;
    const outer = this.encoding(true);
    reader.expect('E');
    if (reader.accept('s')) {
      this.discriminator();
      return nameOf(`${outer}::string literal`);
    }
    if (reader.accept('d')) {
      const number = reader.accept('_') ? 1 : reader.decimal() + 2;
      if (number > 1) reader.expect('_');
      const inner = this.name(isOutermost);
      return { ...inner, text: `${outer}::{default arg#${number}}::${inner.text}` };
    }
    const inner = this.name(isOutermost);
    this.discriminator();
    if (!isOutermost) this.templateArguments = kept;
    return { ...inner, text: `${outer}::${inner.text}` };
  }

  private discriminator(): void {
    const { reader } = this;
    if (reader.accept('__')) {
      reader.decimal();
      reader.expect('_');
    } else if (reader.peek() === '_' && reader.isDigit(1)) {
      reader.take(2);
    }
  }

  /** `outer`: the class of a constructor. */
  private unqualified(outer: Name | undefined): Name {
    const { reader } = this;
    reader.accept('L');
    let name: Name;
    const code = reader.peek();
    if (reader.isDigit()) name = nameOf(this.sourceName());
    else if (code === 'C' && outer !== undefined) name = this.constructorName(outer);
    else if (code === 'D' && outer !== undefined && reader.isDigit(1)) {
      reader.take(2);
      name = { ...nameOf(`~${outer.base}`), hasNoResult: true };
    } else if (code === 'U') name = this.unnamed();
    else name = this.operatorName();
    while (reader.accept('B')) name = { ...name, text: `${name.text}[abi:${this.sourceName()}]` };
    return name;
  }

  private sourceName(): string {
    const name = this.reader.take(this.reader.decimal());
    if (name === '') throw new NotMangled();
    return name.startsWith('_GLOBAL__N_') ? '(anonymous namespace)' : name;
  }

  private constructorName(outer: Name): Name {
    const { reader } = this;
    reader.expect('C');
    if (reader.peek() === 'I') throw new NotMangled();
    if (!reader.isDigit()) throw new NotMangled();
    reader.next();
    return { ...nameOf(outer.base), hasNoResult: true };
  }

  private unnamed(): Name {
    const { reader } = this;
    if (reader.accept('Ut')) {
      return nameOf(`{unnamed type#${this.counter()}}`);
    }
    reader.expect('Ul');
    const types: string[] = [];
    while (!reader.accept('E')) types.push(...this.expanded());
    const parameters = types.length === 1 && types[0] === 'void' ? '' : types.join(', ');
    return nameOf(`{lambda(${parameters})#${this.counter()}}`);
  }

  /** `_` is 1, `0_` is 2. */
  private counter(): number {
    const { reader } = this;
    const number = reader.peek() === '_' ? 1 : reader.decimal() + 2;
    reader.expect('_');
    return number;
  }

  private operatorName(): Name {
    const { reader } = this;
    if (reader.accept('cv')) return { ...nameOf(`operator ${textOf(this.type())}`), hasNoResult: true };
    if (reader.accept('li')) return nameOf(`operator"" ${this.sourceName()}`);
    const operator = OPERATORS[reader.take(2)];
    if (operator === undefined) throw new NotMangled();
    return nameOf(`operator${operator}`);
  }

  // ---------------------------------------------------------------- templates

  private withArguments(name: Name, isOutermost: boolean): Name {
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

  private templateParameter(): Type {
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
  private expanded(): string[] {
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

  // ---------------------------------------------------------------- types

  private type(): Type {
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

  /** `const` and its like, as they stand behind what they qualify. */
  private qualifiers(): string {
    const { reader } = this;
    const restrict = reader.accept('r') ? ' __restrict' : '';
    const volatile = reader.accept('V') ? ' volatile' : '';
    const constant = reader.accept('K') ? ' const' : '';
    return constant + volatile + restrict;
  }

  // ---------------------------------------------------------------- substitutions

  private remember(type: Type, base?: string): Type {
    this.substitutions.push(type);
    if (base !== undefined) this.bases.set(type, base);
    return type;
  }

  private substitution(): Type {
    const { reader } = this;
    reader.expect('S');
    const standard = STANDARD[`S${reader.peek()}`];
    if (standard !== undefined) {
      reader.next();
      const type = plain(standard[0]);
      this.bases.set(type, standard[1]);
      return type;
    }
    const index = reader.accept('_') ? 0 : this.sequence() + 1;
    const type = this.substitutions[index];
    if (type === undefined) throw new NotMangled();
    return type;
  }

  /** A number of base 36 and its underscore. */
  private sequence(): number {
    const { reader } = this;
    let value = 0;
    for (let c = reader.next(); c !== '_'; c = reader.next()) {
      const digit = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(c);
      if (digit < 0) throw new NotMangled();
      value = value * 36 + digit;
    }
    return value;
  }
}

const nameOf = (text: string, base = text): Name => ({
  text,
  base,
  isTemplate: false,
  hasNoResult: false,
  qualifiers: '',
});

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
