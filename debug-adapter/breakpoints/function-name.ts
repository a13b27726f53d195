// How functions are named in breakpoints:
//
//   name      := [ domain "!" ] [ module "!" ] ( [ file "'" ] symbol | path | glob | "/" regex "/" ) suffix*
//   path      := symbol ( "::" symbol )+ [ "(" parameters ")" ]      of C++ and Rust
//   suffix    := "@el0" | "@el1" | "+" number | ":return"
//
// `d1!vfs_read`, `main.c'init`, `vfs_*`, `/^xen_.*_irq$/`, `do_exit+0x10`, `kmalloc:return`. A domain is meant
// by its number or its name, a module by the name of its file.

import * as errors from '../errors.ts';

export interface FunctionName {
  /** What stands before a `!`: domains and modules, in any order. */
  readonly qualifiers: readonly string[];
  /** The end of the path of the source file. */
  readonly file: string | undefined;
  /** One name, or all that match. */
  readonly symbol: string | RegExp;
  readonly el: 0 | 1 | undefined;
  readonly offset: bigint;
  /** Where the function has returned to, not where it begins. */
  readonly atReturn: boolean;
}

const NAME = /^(.*?)((?:@el[01]|\+(?:0x[0-9a-f]{1,15}|\d{1,18})|:return)*)$/i;

/** `ns::Class::method(char const *, int) const`, `<Type as Trait>::method`, `operator new`: spaces belong to it. */
const PATH =
  /^(?:([^'():<>]+)')?((?=[^\s]*(?:::|\(|<|operator))[A-Za-z_<(~:$][\w\s:<>(),*&~$[\]{}#'=+\-|^%!@]*)$/;

/** Stars of parameters and of operators are none. */
const isGlob = (symbol: string): boolean => /[*?[]/.test(symbol.replace(/(?:[<(]|\boperator\b).*$/s, ''));

/** Throws for what is no such name. */
export function parseFunctionName(text: string): FunctionName {
  const [, head = '', suffixes = ''] = NAME.exec(text.trim()) ?? [];
  const pattern = /\/(.+)\/$/.exec(head);
  // A regular expression may contain anything, so it is what is left after the qualifiers.
  const start = pattern && /^(?:[^!/]*!)*\//.test(head) ? head.indexOf('/') : -1;
  const qualified = start >= 0 ? head.slice(0, start) + 'x' : head;
  const qualifiers = qualified.split('!').map((part) => part.trim());
  const last = qualifiers.pop() ?? '';
  const plain = /^(?:(.+)')?([^\s'"!/]+)$/.exec(last) ?? PATH.exec(last);
  if (!plain || qualifiers.includes('')) throw errors.notAFunctionName(text);
  const [, file, symbol = ''] = plain;
  const el = /@el([01])/i.exec(suffixes)?.[1];
  return {
    qualifiers,
    file,
    symbol: start >= 0 ? regexOf(head.slice(start + 1, -1)) : isGlob(symbol) ? globOf(symbol) : symbol,
    el: el === undefined ? undefined : el === '0' ? 0 : 1,
    offset: BigInt(/\+(0x[0-9a-f]+|\d+)/i.exec(suffixes)?.[1]?.toLowerCase() ?? 0),
    atReturn: /:return/i.test(suffixes),
  };
}

function regexOf(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw errors.notARegularExpression(source, error instanceof Error ? error.message : String(error));
  }
}

/** `*` any text, `?` any character, `[abc]` one of them. */
function globOf(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return regexOf(`^${source}$`);
}
