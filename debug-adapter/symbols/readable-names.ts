// Functions of C++ and Rust by the names that people know: `ns::Class::method(int) const`, with or without the
// parameters and with or without the first parts of the path, as gdb takes them.

import { demangle } from '../../emulator/formats/demangle/demangle.ts';

interface ReadableName {
  /** As it is shown. */
  readonly full: string;
  /** Without parameters and the type of the result. */
  readonly path: string;
  readonly address: bigint;
}

export class ReadableNames {
  /** By the last part of the path. */
  private readonly names = new Map<string, ReadableName[]>();

  constructor(symbols: Iterable<{ readonly name: string; readonly address: bigint }>) {
    for (const { name, address } of symbols) {
      const full = demangle(name);
      if (full === undefined) continue;
      const path = pathOf(full);
      const last = lastPart(path);
      const known = this.names.get(last);
      const entry = { full, path, address };
      if (known) known.push(entry);
      else this.names.set(last, [entry]);
    }
  }

  /** `isWhole`: no part of the path is left out. */
  addressesOf(written: string, isWhole: boolean): readonly bigint[] {
    const wanted = spaced(written);
    const hasParameters = pathOf(wanted) !== wanted;
    // A leading `::` or the name of a crate's root says that it is all of the path.
    const path = (hasParameters ? pathOf(wanted) : wanted).replace(/^(?:crate)?::/, '');
    const found = (this.names.get(lastPart(path)) ?? []).filter((name) => {
      const text = hasParameters ? withoutResult(name.full) : name.path;
      const sought = hasParameters ? wanted.replace(/^(?:crate)?::/, '') : path;
      return text === sought || (!isWhole && text.endsWith(`::${sought}`));
    });
    return unique(found.map(({ address }) => address));
  }

  matching(pattern: RegExp, limit: number): readonly bigint[] {
    const found: bigint[] = [];
    for (const names of this.names.values()) {
      for (const { path, full, address } of names) {
        if (found.length >= limit) return unique(found);
        if (pattern.test(path) || pattern.test(full)) found.push(address);
      }
    }
    return unique(found);
  }
}

const unique = (addresses: readonly bigint[]): readonly bigint[] => [...new Set(addresses)];

/** As demanglers write it: no space but between words and behind commas, and `> >` as they have it. */
function spaced(written: string): string {
  return written
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([(),<>*&]) ?/g, '$1')
    .replaceAll(',', ', ')
    .replaceAll(/\)(const|volatile|&)/g, ') $1')
    .replaceAll('>>', '> >')
    .replaceAll(/(?:\boperator)> >/g, 'operator>>');
}

/** Where the bracket is opened that closes at `end`. */
function openingAt(text: string, end: number): number {
  let depth = 0;
  for (let i = end; i >= 0; i--) {
    const c = text[i];
    if (c === ')' || c === '>') depth++;
    else if ((c === '(' || c === '<') && --depth === 0) return i;
  }
  return -1;
}

/** Without parameters, qualifiers, marks of clones, and the type of the result. */
function pathOf(full: string): string {
  const call = full.replace(/(?: \[clone [^\]]*\]| const| volatile| &&?)+$/, '');
  // The parameters of a function; `(anonymous namespace)` and `operator()` belong to the path.
  const open = call.endsWith(')') ? openingAt(call, call.length - 1) : -1;
  const isCall = open > 0 && !/(?:::|\boperator)$/.test(call.slice(0, open));
  return withoutResult(isCall ? call.slice(0, open) : call);
}

/** Functions that are made of templates tell what they return: `int ns::f<int>`. */
function withoutResult(text: string): string {
  if (/\boperator /.test(text)) return text;
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '(' && depth === 0 && !text.startsWith('(anonymous namespace)', i)) break;
    if (c === '<' || c === '(' || c === '{' || c === '[') depth++;
    else if (c === '>' || c === ')' || c === '}' || c === ']') depth--;
    else if (c === ' ' && depth === 0) start = i + 1;
  }
  return text.slice(start).replace(/^[*&]+/, '');
}

function lastPart(path: string): string {
  let depth = 0;
  for (let i = path.length - 1; i > 0; i--) {
    const c = path[i];
    if (c === '>' || c === ')' || c === '}') depth++;
    else if (c === '<' || c === '(' || c === '{') depth--;
    else if (c === ':' && depth <= 0 && path[i - 1] === ':') return path.slice(i + 1);
  }
  return path;
}
