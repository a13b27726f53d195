// Names of C++ (Itanium C++ ABI, section 5.1), the part that compilers write for functions and variables. Expressions
// in template arguments are left out: such a name stays as it is.

import { nameOf, plain, textOf } from './itanium-state.ts';
import type { Name } from './itanium-state.ts';
import { OPERATORS, SPECIAL, SPECIAL_NAMES, STANDARD } from './itanium-tables.ts';
import { TypeParser } from './itanium-types.ts';
import { NotMangled, tryParse } from './reader.ts';

export function demangleItanium(symbol: string): string | undefined {
  return tryParse(() => {
    const parser = new Parser(symbol);
    const name = parser.encoding();
    return name + parser.clones();
  });
}

class Parser extends TypeParser {
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
  protected name(isOutermost: boolean): Name {
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
}
