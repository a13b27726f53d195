// Names of Rust before RFC 2603: those of C++'s nested names, with a hash as the last part and escapes for what an
// assembler would not take.

import { NotMangled, Reader, tryParse } from './reader.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
};

/** Undefined: without a hash, a name of C++. */
export function demangleRustLegacy(symbol: string): string | undefined {
  return tryParse(() => {
    const reader = new Reader(symbol, '_ZN'.length);
    const parts: string[] = [];
    while (!reader.accept('E')) parts.push(reader.take(reader.decimal()));
    // What LLVM adds to copies of a function says nothing to a reader.
    if (!reader.atEnd && reader.peek() !== '.') throw new NotMangled();
    const hash = parts.pop();
    if (hash === undefined || parts.length === 0 || !/^h[0-9a-f]{16}$/.test(hash)) throw new NotMangled();
    const suffix = symbol.slice(reader.at).replace(/^\.llvm\.[0-9A-F@]+$/, '');
    return parts.map(unescape).join('::') + suffix;
  });
}

function unescape(part: string): string {
  return part
    .replace(/^_\$/, '$')
    .replaceAll('..', '::')
    .replace(/\$(u[0-9a-f]+|[A-Z]+)\$/g, (_, name: string) => {
      const character = name.startsWith('u')
        ? String.fromCodePoint(Number.parseInt(name.slice(1), 16))
        : ESCAPES[name];
      if (character === undefined) throw new NotMangled();
      return character;
    });
}
