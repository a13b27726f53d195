// Names of Rust by RFC 2603 ("v0"): paths, types and constants, with references back to what stood before.

import { NotMangled, Reader, tryParse } from './reader.ts';

const BASIC_TYPES: Readonly<Record<string, string>> = {
  a: 'i8',
  b: 'bool',
  c: 'char',
  d: 'f64',
  e: 'str',
  f: 'f32',
  h: 'u8',
  i: 'isize',
  j: 'usize',
  l: 'i32',
  m: 'u32',
  n: 'i128',
  o: 'u128',
  s: 'i16',
  t: 'u16',
  u: '()',
  v: '...',
  x: 'i64',
  y: 'u64',
  z: '!',
  p: '_',
};

export function demangleRust(symbol: string): string | undefined {
  return tryParse(() => {
    const dot = symbol.indexOf('.');
    const parser = new Parser(dot < 0 ? symbol : symbol.slice(0, dot));
    // What LLVM adds to copies says nothing to a reader.
    return parser.symbol();
  });
}

class Parser {
  private readonly reader: Reader;
  /** Lifetimes that `for<'a, …>` around this place binds. */
  private bound = 0;

  constructor(text: string) {
    this.reader = new Reader(text, '_R'.length);
  }

  symbol(): string {
    const { reader } = this;
    // A version that is not yet made, should there be a number.
    if (reader.isDigit()) throw new NotMangled();
    const path = this.path(true);
    // The crate that the code was generated for.
    if (!reader.atEnd) this.path(false);
    if (!reader.atEnd) throw new NotMangled();
    return path;
  }

  private path(inValue: boolean): string {
    return this.reader.nested(() => this.pathPart(inValue));
  }

  private pathPart(inValue: boolean): string {
    const { reader } = this;
    switch (reader.next()) {
      case 'C':
        this.disambiguator();
        return this.identifier();
      case 'N':
        return this.nestedPath(inValue);
      case 'M':
        this.implementationPath();
        return `<${this.type()}>`;
      case 'X':
        this.implementationPath();
        return `<${this.type()} as ${this.path(false)}>`;
      case 'Y':
        return `<${this.type()} as ${this.path(false)}>`;
      case 'I': {
        const path = this.path(inValue);
        const list = this.until(() => this.genericArgument());
        return `${path}${inValue ? '::' : ''}<${list.join(', ')}>`;
      }
      case 'B':
        return this.back(() => this.path(inValue));
      default:
        throw new NotMangled();
    }
  }

  private nestedPath(inValue: boolean): string {
    const namespace = this.reader.next();
    const path = this.path(inValue);
    const disambiguator = this.disambiguator();
    const name = this.identifier();
    if (namespace >= 'A' && namespace <= 'Z') {
      const kind = { C: 'closure', S: 'shim' }[namespace] ?? namespace;
      return `${path}::{${kind}${name === '' ? '' : `:${name}`}#${disambiguator}}`;
    }
    if (namespace < 'a' || namespace > 'z') throw new NotMangled();
    return name === '' ? path : `${path}::${name}`;
  }

  /** Where an implementation stands is not shown. */
  private implementationPath(): void {
    this.disambiguator();
    this.path(false);
  }

  private genericArgument(): string {
    const { reader } = this;
    if (reader.accept('L')) return this.lifetime(this.base62());
    return reader.accept('K') ? this.constant() : this.type();
  }

  // ---------------------------------------------------------------- types

  private type(): string {
    return this.reader.nested(() => this.typePart());
  }

  private typePart(): string {
    const { reader } = this;
    const basic = BASIC_TYPES[reader.peek()];
    if (basic !== undefined) {
      reader.next();
      return basic;
    }
    switch (reader.peek()) {
      case 'R':
      case 'Q': {
        const mutable = reader.next() === 'Q' ? 'mut ' : '';
        const index = reader.accept('L') ? this.base62() : 0;
        const lifetime = index === 0 ? '' : `${this.lifetime(index)} `;
        return `&${lifetime}${mutable}${this.type()}`;
      }
      case 'P':
        reader.next();
        return `*const ${this.type()}`;
      case 'O':
        reader.next();
        return `*mut ${this.type()}`;
      case 'A': {
        reader.next();
        const element = this.type();
        return `[${element}; ${this.constant()}]`;
      }
      case 'S':
        reader.next();
        return `[${this.type()}]`;
      case 'T': {
        reader.next();
        const list = this.until(() => this.type());
        return list.length === 1 ? `(${list[0]},)` : `(${list.join(', ')})`;
      }
      case 'F':
        reader.next();
        return this.binder(() => this.functionType());
      case 'D': {
        reader.next();
        const bounds = this.binder(() => this.until(() => this.trait()).join(' + '));
        reader.expect('L');
        const index = this.base62();
        return `dyn ${bounds}${index === 0 ? '' : ` + ${this.lifetime(index)}`}`;
      }
      case 'B':
        reader.next();
        return this.back(() => this.type());
      default:
        return this.path(false);
    }
  }

  private functionType(): string {
    const { reader } = this;
    const unsafe = reader.accept('U') ? 'unsafe ' : '';
    let abi = '';
    if (reader.accept('K')) {
      const name = reader.accept('C') ? 'C' : this.identifier().replaceAll('_', '-');
      abi = `extern "${name}" `;
    }
    const parameters = this.until(() => this.type()).join(', ');
    const result = this.type();
    return `${unsafe}${abi}fn(${parameters})${result === '()' ? '' : ` -> ${result}`}`;
  }

  /** A trait with its associated types inside the angle brackets. */
  private trait(): string {
    const { reader } = this;
    const path = this.path(false);
    const associated: string[] = [];
    while (reader.accept('p')) {
      const name = this.identifier();
      associated.push(`${name} = ${this.type()}`);
    }
    if (associated.length === 0) return path;
    const list = associated.join(', ');
    return path.endsWith('>') ? `${path.slice(0, -1)}, ${list}>` : `${path}<${list}>`;
  }

  private binder(parse: () => string): string {
    const { reader } = this;
    const count = reader.accept('G') ? this.base62() + 1 : 0;
    if (count > 26) throw new NotMangled();
    this.bound += count;
    const names = Array.from({ length: count }, (_, i) => this.lifetime(count - i));
    const text = parse();
    this.bound -= count;
    return count === 0 ? text : `for<${names.join(', ')}> ${text}`;
  }

  /** From the innermost binder outwards; 0 is the one that was not named. */
  private lifetime(index: number): string {
    if (index === 0) return "'_";
    const depth = this.bound - index;
    if (depth < 0) throw new NotMangled();
    return depth < 26 ? `'${String.fromCharCode(97 + depth)}` : `'_${depth}`;
  }

  // ---------------------------------------------------------------- constants

  private constant(): string {
    const { reader } = this;
    return reader.nested(() => {
      if (reader.accept('B')) return this.back(() => this.constant());
      const type = reader.next();
      if (type === 'p') return '_';
      const sign = reader.accept('n') ? '-' : '';
      const start = reader.at;
      while (/[0-9a-f]/.test(reader.peek())) reader.next();
      const digits = reader.text.slice(start, reader.at);
      reader.expect('_');
      const value = BigInt(`0x${digits || '0'}`);
      if (type === 'b') return value === 0n ? 'false' : 'true';
      if (type === 'c')
        return JSON.stringify(String.fromCodePoint(Number(value & 0xf_ffffn))).replaceAll('"', "'");
      if (!'ahijlmnostxy'.includes(type)) throw new NotMangled();
      return `${sign}${value}`;
    });
  }

  // ---------------------------------------------------------------- pieces

  private until(parse: () => string): string[] {
    const list: string[] = [];
    while (!this.reader.accept('E')) list.push(parse());
    return list;
  }

  private back<T>(parse: () => T): T {
    const { reader } = this;
    const here = reader.at - 1;
    const target = '_R'.length + this.base62();
    if (target >= here) throw new NotMangled();
    const behind = reader.at;
    reader.at = target;
    const result = reader.nested(parse);
    reader.at = behind;
    return result;
  }

  private disambiguator(): number {
    return this.reader.accept('s') ? this.base62() + 1 : 0;
  }

  private base62(): number {
    const { reader } = this;
    if (reader.accept('_')) return 0;
    let value = 0;
    for (let c = reader.next(); c !== '_'; c = reader.next()) {
      const digit = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(c);
      if (digit < 0) throw new NotMangled();
      value = value * 62 + digit;
    }
    return value + 1;
  }

  private identifier(): string {
    const { reader } = this;
    const isUnicode = reader.accept('u');
    const length = reader.decimal();
    reader.accept('_');
    const bytes = reader.take(length);
    return isUnicode ? fromPunycode(bytes) : bytes;
  }
}

/** RFC 3492, with `_` for the delimiter. */
function fromPunycode(text: string): string {
  const delimiter = text.lastIndexOf('_');
  const output = delimiter < 0 ? [] : [...text.slice(0, delimiter)];
  let code = 128;
  let i = 0;
  let bias = 72;
  for (let at = delimiter + 1; at < text.length; ) {
    const before = i;
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = 'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf(text[at++] ?? ' ');
      if (digit < 0) throw new NotMangled();
      i += digit * weight;
      const threshold = Math.min(Math.max(k - bias, 1), 26);
      if (digit < threshold) break;
      weight *= 36 - threshold;
    }
    const count = output.length + 1;
    bias = adapted(i - before, count, before === 0);
    code += Math.floor(i / count);
    i %= count;
    if (code > 0x10_ffff) throw new NotMangled();
    output.splice(i++, 0, String.fromCodePoint(code));
  }
  return output.join('');
}

function adapted(delta: number, count: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / 700) : Math.floor(delta / 2);
  rest += Math.floor(rest / count);
  let k = 0;
  for (; rest > 455; k += 36) rest = Math.floor(rest / 35);
  return k + Math.floor((36 * rest) / (rest + 38));
}
