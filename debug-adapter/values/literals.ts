// Literals of C (C17, section 6.4.4) as their values.

export interface IntegerLiteral {
  readonly value: bigint;
  readonly unsigned: boolean;
  /** With l or ll. */
  readonly long: boolean;
  /** Hexadecimal, octal and binary ones may become unsigned where decimal ones do not. */
  readonly decimal: boolean;
}

export interface FloatLiteral {
  readonly value: number;
  readonly single: boolean;
}

/** Undefined: more than 64 bits, or an octal number with an 8. */
export function numberOf(text: string): IntegerLiteral | undefined {
  const [, digits = '', suffix = ''] = /^(0x[0-9a-f]+|0b[01]+|\d+)([ul]*)$/i.exec(text) ?? [];
  const octal = /^0\d+$/.test(digits);
  if (octal && /[89]/.test(digits)) return undefined;
  const value = octal ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits.toLowerCase());
  if (value >= 1n << 64n) return undefined;
  return {
    value,
    unsigned: /u/i.test(suffix),
    long: /l/i.test(suffix),
    decimal: !/^0./.test(digits),
  };
}

export function floatOf(text: string): FloatLiteral {
  return { value: Number.parseFloat(text), single: /f$/i.test(text) };
}

/** Undefined: not exactly one character. */
export function characterOf(text: string): number | undefined {
  const bytes = unescaped(text.slice(1, -1));
  return bytes.length === 1 ? bytes[0] : undefined;
}

/** Without the NUL at its end. */
export const textOf = (text: string): Uint8Array => Uint8Array.from(unescaped(text.slice(1, -1)));

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, e: 27 };

function unescaped(text: string): readonly number[] {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [piece, hex, octal, letter] of text.matchAll(
    /\\x([0-9a-fA-F]+)|\\([0-7]{1,3})|\\([\s\S])|[^\\]+/g,
  )) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16) & 0xff);
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff);
    else if (letter !== undefined)
      bytes.push(...(ESCAPES[letter] === undefined ? encoder.encode(letter) : [ESCAPES[letter]]));
    else bytes.push(...encoder.encode(piece));
  }
  return bytes;
}
