// What a parser of C++ names keeps: types and names as texts, and the substitutions by which a name refers back to
// parts of itself (Itanium C++ ABI, section 5.1.8).

import { STANDARD } from './itanium-tables.ts';
import { NotMangled, Reader } from './reader.ts';

/** A type around the name that it declares: `void (*` and `)(int)`. */
export interface Type {
  readonly left: string;
  readonly right: string;
  readonly shape: 'plain' | 'function' | 'array' | 'lvalue' | 'rvalue';
  /** A pack of template arguments. */
  readonly pack?: readonly Type[];
}

export interface Name {
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

export const plain = (left: string): Type => ({ left, right: '', shape: 'plain' });
export const textOf = ({ left, right }: Type): string => left + right;

export const nameOf = (text: string, base = text): Name => ({
  text,
  base,
  isTemplate: false,
  hasNoResult: false,
  qualifiers: '',
});

export class ParserState {
  protected readonly reader: Reader;
  protected readonly substitutions: Type[] = [];
  /** The base names of substitutions, which constructors repeat. */
  protected readonly bases = new Map<Type, string>();

  constructor(text: string) {
    this.reader = new Reader(text, '_Z'.length);
  }

  /** `const` and its like, as they stand behind what they qualify. */
  protected qualifiers(): string {
    const { reader } = this;
    const restrict = reader.accept('r') ? ' __restrict' : '';
    const volatile = reader.accept('V') ? ' volatile' : '';
    const constant = reader.accept('K') ? ' const' : '';
    return constant + volatile + restrict;
  }

  protected remember(type: Type, base?: string): Type {
    this.substitutions.push(type);
    if (base !== undefined) this.bases.set(type, base);
    return type;
  }

  protected substitution(): Type {
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
  protected sequence(): number {
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
