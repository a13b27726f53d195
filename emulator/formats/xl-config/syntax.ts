// From the text of an xl.cfg file to its settings, in order. The grammar recovers from errors so
// that an editor keeps working; a run does not, so the first error is reported, at its place and
// in words, and nothing is returned.

import type { SyntaxNode, Tree } from '@lezer/common';

import { UserError } from '../../base/errors.ts';
import type { Place } from '../../base/errors.ts';
import { parser } from './generated/xl-parser.ts';

/** Numbers and strings are one kind: xl stores both as text and converts when a key is read. */
export type XlValue = XlAtom | XlList;

export interface XlAtom {
  readonly kind: 'atom';
  readonly text: string;
  readonly place: Place;
}

export interface XlList {
  readonly kind: 'list';
  readonly items: readonly XlValue[];
  readonly place: Place;
}

export interface XlSetting {
  readonly key: string;
  readonly append: boolean;
  readonly value: XlValue;
  readonly place: Place;
}

/** vsnd nests three deep; a list of lists of lists is as far as xl goes. */
const MAX_NESTING = 8;

export function parseXlSyntax(text: string, file: string): XlSetting[] {
  const tree = parser.parse(text);
  const source = new Source(text, file);
  const error = firstError(tree);
  if (error !== undefined) throw explain(error, source);

  const settings: XlSetting[] = [];
  for (let node = tree.topNode.firstChild; node !== null; node = node.nextSibling) {
    if (node.name === 'Setting') settings.push(setting(node, source));
  }
  return settings;
}

class Source {
  readonly text: string;
  private readonly file: string;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
  }

  of(node: SyntaxNode): string {
    return this.text.slice(node.from, node.to);
  }

  place(offset: number): Place {
    const before = this.text.slice(0, offset);
    const line = before.split('\n').length;
    return { file: this.file, line, column: offset - (before.lastIndexOf('\n') + 1) + 1 };
  }
}

function setting(node: SyntaxNode, source: Source): XlSetting {
  const key = node.getChild('Key');
  const operator = key?.nextSibling;
  const content = node.lastChild;
  if (key === null || operator === null || operator === undefined || content === null) {
    throw new UserError('the setting is incomplete', 'Write key = value.', source.place(node.from));
  }
  return {
    key: source.of(key),
    append: operator.name === 'Append',
    value: value(content, source, 0),
    place: source.place(key.from),
  };
}

function value(node: SyntaxNode, source: Source, depth: number): XlValue {
  const place = source.place(node.from);
  if (node.name === 'Number') return { kind: 'atom', text: source.of(node), place };
  if (node.name === 'String')
    return { kind: 'atom', text: unescape(source.of(node), node.from, source), place };
  if (depth === MAX_NESTING) throw new UserError('lists are nested too deep', 'Flatten the list.', place);
  const items: XlValue[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (VALUES.has(child.name)) items.push(value(child, source, depth + 1));
  }
  return { kind: 'list', items, place };
}

const VALUES = new Set(['String', 'Number', 'List']);

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The content of a quoted string. */
function unescape(quoted: string, from: number, source: Source): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, (sequence, letter: string, at: number) => {
    const character = ESCAPES[letter];
    if (character !== undefined) return character;
    throw new UserError(
      `'${sequence}' is not an escape sequence that works`,
      // xl's own \x and octal escapes drop a character or read the wrong base.
      'Write the character itself; a backslash is written \\\\.',
      source.place(from + 1 + at),
    );
  });
}

// -------------------------------------------------------------------- errors

function firstError(tree: Tree): SyntaxNode | undefined {
  let first: SyntaxNode | undefined;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError && (first === undefined || node.from < first.from)) first = node.node;
    },
  });
  return first;
}

/** Says what is wrong at the first token that fits nowhere. */
function explain(error: SyntaxNode, source: Source): UserError {
  const { text } = source;
  // A gap is reported where it begins; the offending text stands behind white space and comments.
  const gap = /^(?:[ \t\r]|#[^\n]*)*/.exec(text.slice(error.from))?.[0].length ?? 0;
  const insideList = error.parent?.name === 'List';
  const at = error.from + gap;
  const rest = text.slice(at);
  const found = describe(rest);
  const wrong = (message: string, hint: string, offset = at): UserError =>
    new UserError(message, hint, source.place(offset));

  const quote = /^["']/.exec(rest)?.[0];
  if (quote !== undefined && !closes(rest, quote)) {
    return wrong(
      'the string is not closed on its line',
      `Add ${quote} at its end; a string cannot span lines.`,
    );
  }
  if (insideList && error.parent !== null && /^(\s|#[^\n]*)*($|[a-z][._0-9a-z]*[ \t]*\+?=)/.test(rest)) {
    return wrong('the list is not closed', 'Add ] at its end.', error.parent.from);
  }
  if (insideList && VALUES.has(error.prevSibling?.name ?? '') && /^["'[0-9]/.test(rest)) {
    return wrong('a comma is missing between two elements of the list', 'Write [ a, b ].');
  }
  if (insideList) {
    return wrong(
      `${found} cannot stand here in a list`,
      'Write quoted strings or numbers, separated by commas.',
    );
  }
  const before = lastTokenBefore(text, error.from);
  if (before === '=') {
    return wrong(`a value is missing after '=', found ${found}`, valueHint(rest));
  }
  if (/^[A-Z]/.test(rest)) return wrong(`${found} is not a key`, 'Keys are written in lower case.');
  if (/^[+\-.():]/.test(rest)) {
    return wrong(`${found} cannot stand here`, 'The file is not Python: it holds only key = value lines.');
  }
  if (
    error.parent?.name === 'Setting' &&
    error.parent.getChild('Key') !== null &&
    error.prevSibling?.name === 'Key'
  ) {
    return wrong(
      `'=' is missing after '${source.of(error.prevSibling)}', found ${found}`,
      'Write key = value.',
    );
  }
  return wrong(`${found} cannot stand here`, 'Write one key = value a line.');
}

function valueHint(rest: string): string {
  if (/^(true|yes|on)\b/i.test(rest)) return 'Switches are numbers: write 1.';
  if (/^(false|no|off|none)\b/i.test(rest)) return 'Switches are numbers: write 0.';
  if (rest.startsWith('-')) return 'Numbers have no sign; put other text in quotes.';
  return 'Write a number, a list in [ ], or text in quotes.';
}

function closes(text: string, quote: string): boolean {
  const string = quote === '"' ? /^"([^"\\\n]|\\[^\n])*"/ : /^'([^'\\\n]|\\[^\n])*'/;
  return string.test(text);
}

function describe(rest: string): string {
  const token = /^(?:[A-Za-z0-9_./-]+|[^\n])/.exec(rest)?.[0];
  if (token !== undefined) return `'${token.slice(0, 40)}'`;
  return rest === '' ? 'the end of the file' : 'the end of the line';
}

function lastTokenBefore(text: string, offset: number): string | undefined {
  return /(\S)[ \t\r]*$/.exec(text.slice(0, offset))?.[1];
}
