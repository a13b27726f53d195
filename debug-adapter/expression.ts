// The expressions of watches, hovers and the debug console, as far as they need no types:
//
//   expression := [ '$'register '=' ] sum [ ',' format ]
//   sum        := term (('+' | '-') term)*
//   term       := '*' term | '&' term | '-' term | '(' sum ')' | number | reference | '$'name | symbol
//   symbol     := [ 'd'domid '!' ] name          its address
//   format     := 'x' | 'd' | 'b'
//
// `*term` is the 64-bit value in guest memory. A reference is one of `memory-reference.ts`.

import * as errors from './errors.ts';

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'reference'; readonly text: string }
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'symbol'; readonly domain: string | undefined; readonly name: string }
  | { readonly kind: 'load'; readonly address: Expression }
  | { readonly kind: 'negate'; readonly of: Expression }
  | { readonly kind: 'sum'; readonly left: Expression; readonly right: Expression; readonly sign: 1 | -1 };

export interface Parsed {
  /** `$x0 = …` writes this register. */
  readonly assign?: string;
  readonly expression: Expression;
  readonly format: 'x' | 'd' | 'b' | undefined;
}

const MAX_DEPTH = 64;
const REGISTER = /\$([a-z_][a-z0-9_]*)/iy;
const REFERENCE = /(?:(?:d\d+|host)\/)?(?:va|ipa|pa)(?:@[a-z0-9.]+)?:(?:0x[0-9a-f]+|\d+)/iy;
const NUMBER = /0x[0-9a-f]+|0b[01]+|\d+/iy;
const SYMBOL = /(?:(d\d+|host)!)?([A-Za-z_][A-Za-z0-9_.$]*)/y;

export function parseExpression(text: string): Parsed {
  const parser = new Parser(text);
  const assign = /^\s*\$([a-z_][a-z0-9_]*)\s*=(?!=)/i.exec(text);
  if (assign) parser.skip(assign[0].length);
  const expression = parser.sum(0);
  const format = parser.format();
  parser.expectEnd();
  return { ...(assign?.[1] !== undefined && { assign: assign[1] }), expression, format };
}

class Parser {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  skip(count: number): void {
    this.at += count;
  }

  sum(depth: number): Expression {
    let left = this.term(depth);
    for (;;) {
      const sign = this.take('+') ? 1 : this.take('-') ? -1 : undefined;
      if (sign === undefined) return left;
      left = { kind: 'sum', left, right: this.term(depth), sign };
    }
  }

  format(): 'x' | 'd' | 'b' | undefined {
    if (!this.take(',')) return undefined;
    for (const letter of ['x', 'd', 'b'] as const) if (this.take(letter)) return letter;
    throw this.expected('x, d or b');
  }

  expectEnd(): void {
    this.space();
    if (this.at < this.text.length) throw this.expected('the end');
  }

  private term(depth: number): Expression {
    if (depth > MAX_DEPTH) throw this.expected('fewer levels');
    if (this.take('*')) return { kind: 'load', address: this.term(depth + 1) };
    // The value of a symbol is its address already.
    if (this.take('&')) return this.term(depth + 1);
    if (this.take('-')) return { kind: 'negate', of: this.term(depth + 1) };
    if (this.take('(')) {
      const inner = this.sum(depth + 1);
      if (!this.take(')')) throw this.expected(')');
      return inner;
    }
    const register = this.match(REGISTER);
    if (register) return { kind: 'register', name: register[1] ?? '' };
    const reference = this.match(REFERENCE);
    if (reference) return { kind: 'reference', text: reference[0] };
    const number = this.match(NUMBER);
    if (number) return { kind: 'number', value: BigInt(number[0].toLowerCase()) };
    const symbol = this.match(SYMBOL);
    if (symbol) return { kind: 'symbol', domain: symbol[1], name: symbol[2] ?? '' };
    throw this.expected('a register, a number, a symbol or *');
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    this.space();
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  private take(token: string): boolean {
    this.space();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }

  private expected(what: string): errors.AdapterError {
    return errors.notAnExpression(this.text, this.at, what);
  }
}
