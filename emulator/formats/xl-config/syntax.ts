// From the text of an xl.cfg file to its settings, in order. The grammar recovers from errors, so that an
// editor keeps working: `parseXlDocument` gives the settings that can be made out, and every problem with
// its place and how to mend it. A run takes nothing from a broken file: `parseXlSyntax` throws the first
// problem.

import type { SyntaxNode, Tree } from '@lezer/common';

import { UserError } from '../../base/errors.ts';
import type { Place } from '../../base/errors.ts';
import { parser } from './generated/xl-parser.ts';
import { Lines } from './lines.ts';
import type { XlFix } from './findings.ts';

/** Numbers and strings are one kind: xl stores both as text and converts when a key is read. */
export type XlValue = XlAtom | XlList;

/** Offsets in the text. */
export interface XlRange {
  readonly from: number;
  readonly to: number;
}

export interface XlAtom extends XlRange {
  readonly kind: 'atom';
  /** Without quotes and escapes. */
  readonly text: string;
  readonly quoted: boolean;
  readonly place: Place;
}

export interface XlList extends XlRange {
  readonly kind: 'list';
  readonly items: readonly XlValue[];
  readonly place: Place;
}

export interface XlSetting extends XlRange {
  readonly key: string;
  readonly keyRange: XlRange;
  readonly append: boolean;
  readonly value: XlValue;
  readonly place: Place;
}

/** Something that xl would refuse to read. */
export interface XlProblem extends XlRange {
  readonly message: string;
  readonly hint: string;
  readonly fix?: XlFix;
}

export interface XlDocument {
  readonly text: string;
  readonly lines: Lines;
  readonly tree: Tree;
  readonly settings: readonly XlSetting[];
  /** By place. */
  readonly problems: readonly XlProblem[];
}

/** vsnd nests three deep; a list of lists of lists is as far as xl goes. */
const MAX_NESTING = 8;
/** Of a file that is no xl.cfg at all, no more is told. */
const MAX_PROBLEMS = 100;

export function parseXlSyntax(text: string, file: string): readonly XlSetting[] {
  const { settings, problems, lines } = parseXlDocument(text, file);
  const [first] = problems;
  if (first === undefined) return settings;
  throw new UserError(first.message, first.hint, { file, ...lines.positionAt(first.from) });
}

export function parseXlDocument(text: string, file = ''): XlDocument {
  const tree = parser.parse(text);
  const reader = new Reader(text, file);
  const settings: XlSetting[] = [];
  for (let node = tree.topNode.firstChild; node !== null; node = node.nextSibling) {
    const setting = node.name === 'Setting' ? reader.setting(node) : undefined;
    if (setting !== undefined) settings.push(setting);
  }
  reader.explainErrors(tree);
  const problems = reader.problems.sort((a, b) => a.from - b.from).slice(0, MAX_PROBLEMS);
  return { text, lines: reader.lines, tree, settings, problems };
}

class Reader {
  readonly lines: Lines;
  readonly problems: XlProblem[] = [];
  private readonly text: string;
  private readonly file: string;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
    this.lines = new Lines(text);
  }

  /** Undefined when something is missing: an error node beside it says what. */
  setting(node: SyntaxNode): XlSetting | undefined {
    const key = node.getChild('Key');
    const operator = node.getChild('Assign') ?? node.getChild('Append');
    const content = node.getChild('String') ?? node.getChild('Number') ?? node.getChild('List');
    if (key === null || operator === null || content === null) return undefined;
    // What follows a letter that begins no key is no key of its own.
    if (/[\w.]/.test(this.text[key.from - 1] ?? '')) return undefined;
    const value = this.value(content, 0);
    if (value === undefined) return undefined;
    return {
      key: this.of(key),
      keyRange: { from: key.from, to: key.to },
      append: operator.name === 'Append',
      value,
      from: node.from,
      to: Math.max(content.to, key.to),
      place: this.place(key.from),
    };
  }

  explainErrors(tree: Tree): void {
    let lastLine = 0;
    tree.iterate({
      enter: ({ type, node }) => {
        if (!type.isError || this.problems.length > MAX_PROBLEMS) return;
        const problem = explain(node, this.text);
        // What follows on the same line is most often a consequence.
        const { line } = this.lines.positionAt(problem.from);
        if (line !== lastLine) this.problems.push(problem);
        lastLine = line;
      },
    });
  }

  private value(node: SyntaxNode, depth: number): XlValue | undefined {
    const { from, to } = node;
    const place = this.place(from);
    if (node.name === 'Number') return { kind: 'atom', text: this.of(node), quoted: false, from, to, place };
    if (node.name === 'String') {
      return { kind: 'atom', text: this.unescaped(node), quoted: true, from, to, place };
    }
    if (depth === MAX_NESTING) {
      this.problems.push({ message: 'lists are nested too deep', hint: 'Flatten the list.', from, to });
      return undefined;
    }
    const items: XlValue[] = [];
    for (let child = node.firstChild; child !== null; child = child.nextSibling) {
      const item = VALUES.has(child.name) ? this.value(child, depth + 1) : undefined;
      if (item !== undefined) items.push(item);
    }
    return { kind: 'list', items, from, to, place };
  }

  /** The content of a quoted string. */
  private unescaped(node: SyntaxNode): string {
    return this.of(node)
      .slice(1, -1)
      .replace(/\\(.)/g, (sequence, letter: string, at: number) => {
        const character = ESCAPES[letter];
        if (character !== undefined) return character;
        const from = node.from + 1 + at;
        this.problems.push({
          message: `'${sequence}' is not an escape sequence that works`,
          // xl's own \x and octal escapes drop a character or read the wrong base.
          hint: 'Write the character itself; a backslash is written \\\\.',
          from,
          to: from + sequence.length,
        });
        return sequence;
      });
  }

  private of(node: SyntaxNode): string {
    return this.text.slice(node.from, node.to);
  }

  private place(offset: number): Place {
    return { file: this.file, ...this.lines.positionAt(offset) };
  }
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

// -------------------------------------------------------------------- errors

/** Says what is wrong at a token that fits nowhere. */
function explain(error: SyntaxNode, text: string): XlProblem {
  // A gap is reported where it begins; the offending text stands behind white space and comments.
  const gap = /^(?:[ \t\r]|#[^\n]*)*/.exec(text.slice(error.from))?.[0].length ?? 0;
  const insideList = error.parent?.name === 'List';
  const at = error.from + gap;
  const rest = text.slice(at, at + LOOK_AHEAD);
  const found = describe(rest);
  const length = TOKEN.exec(rest)?.[0].length ?? 0;
  const wrong = (message: string, hint: string, fix?: XlFix, offset = at): XlProblem => {
    const to = offset === at ? at + length : offset + 1;
    return { message, hint, from: offset, to, ...(fix && { fix }) };
  };

  const quote = /^["']/.exec(rest)?.[0];
  if (quote !== undefined && !closes(text.slice(at), quote)) {
    const end = at + lineLength(text, at);
    return wrong(
      'the string is not closed on its line',
      `Add ${quote} at its end; a string cannot span lines.`,
      {
        title: `Add ${quote}`,
        edits: [{ from: end, to: end, text: quote }],
      },
    );
  }
  if (insideList && error.parent !== null && /^(\s|#[^\n]*)*($|[a-z][._0-9a-z]*[ \t]*\+?=)/.test(rest)) {
    const { from, lastChild } = error.parent;
    const end = lastChild?.prevSibling?.to ?? error.from;
    const fix = { title: 'Add ]', edits: [{ from: end, to: end, text: ' ]' }] };
    return wrong('the list is not closed', 'Add ] at its end.', fix, from);
  }
  if (insideList && VALUES.has(error.prevSibling?.name ?? '') && /^["'[0-9]/.test(rest)) {
    const before = error.prevSibling?.to ?? at;
    return wrong('a comma is missing between two elements of the list', 'Write [ a, b ].', {
      title: 'Add a comma',
      edits: [{ from: before, to: before, text: ',' }],
    });
  }
  if (insideList) {
    return wrong(
      `${found} cannot stand here in a list`,
      'Write quoted strings or numbers, separated by commas.',
      quoted(rest, at),
    );
  }
  const before = lastTokenBefore(text, error.from);
  if (before === '=') {
    return wrong(`a value is missing after '=', found ${found}`, valueHint(rest), valueFix(rest, at));
  }
  if (/^[A-Zg-wyz]/.test(rest) && /[=\s,[][0-9][0-9a-fx]*$/.test(text.slice(Math.max(0, at - 20), at))) {
    return wrong(`${found} cannot stand behind a number`, 'Numbers have no unit; put other text in quotes.');
  }
  if (/^[A-Z]/.test(rest)) {
    const word = /^[\w.]+/.exec(rest)?.[0] ?? '';
    return wrong(`${found} is not a key`, 'Keys are written in lower case.', {
      title: `Change to ${word.toLowerCase()}`,
      edits: [{ from: at, to: at + word.length, text: word.toLowerCase() }],
    });
  }
  if (/^[+\-.():]/.test(rest)) {
    return wrong(`${found} cannot stand here`, 'The file is not Python: it holds only key = value lines.');
  }
  if (
    error.parent?.name === 'Setting' &&
    error.parent.getChild('Key') !== null &&
    error.prevSibling?.name === 'Key'
  ) {
    const key = text.slice(error.prevSibling.from, error.prevSibling.to);
    return wrong(`'=' is missing after '${key}', found ${found}`, 'Write key = value.');
  }
  return wrong(`${found} cannot stand here`, 'Write one key = value a line.');
}

/** As much of the text behind an error as its explanation looks at. */
const LOOK_AHEAD = 400;
const TOKEN = /^(?:[A-Za-z0-9_./-]+|[^\n])/;
const TRUE = /^(true|yes|on)\b/i;
const FALSE = /^(false|no|off|none)\b/i;

function valueHint(rest: string): string {
  if (TRUE.test(rest)) return 'Switches are numbers: write 1.';
  if (FALSE.test(rest)) return 'Switches are numbers: write 0.';
  if (rest.startsWith('-')) return 'Numbers have no sign; put other text in quotes.';
  return 'Write a number, a list in [ ], or text in quotes.';
}

function valueFix(rest: string, at: number): XlFix | undefined {
  const word = TRUE.exec(rest)?.[0] ?? FALSE.exec(rest)?.[0];
  if (word === undefined) return quoted(rest, at);
  const digit = TRUE.test(rest) ? '1' : '0';
  return { title: `Change to ${digit}`, edits: [{ from: at, to: at + word.length, text: digit }] };
}

/** A bare word becomes a string. */
function quoted(rest: string, at: number): XlFix | undefined {
  const word = /^[A-Za-z/_.-][\w./:-]*/.exec(rest)?.[0];
  if (word === undefined) return undefined;
  return { title: `Change to "${word}"`, edits: [{ from: at, to: at + word.length, text: `"${word}"` }] };
}

function closes(text: string, quote: string): boolean {
  const string = quote === '"' ? /^"([^"\\\n]|\\[^\n])*"/ : /^'([^'\\\n]|\\[^\n])*'/;
  return string.test(text);
}

function lineLength(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  const line = text.slice(at, end < 0 ? text.length : end);
  return line.replace(/\s+$/, '').length;
}

function describe(rest: string): string {
  const token = TOKEN.exec(rest)?.[0];
  if (token !== undefined) return `'${token.slice(0, 40)}'`;
  return rest === '' ? 'the end of the file' : 'the end of the line';
}

function lastTokenBefore(text: string, offset: number): string | undefined {
  return /(\S)[ \t\r]*$/.exec(text.slice(Math.max(0, offset - LOOK_AHEAD), offset))?.[1];
}
