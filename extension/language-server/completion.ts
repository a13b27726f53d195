// What can be written where the cursor stands: keys with what they take, words that a key knows, sub-keys of
// device strings.

import {
  type CompletionItem,
  CompletionItemKind,
  CompletionItemTag,
  InsertTextFormat,
} from 'vscode-languageserver';
import { xlKeys } from '../../emulator/formats/xl-config/keys.ts';
import type {
  XlAtomType,
  XlKey,
  XlOption,
  XlSpecification,
  XlType,
} from '../../emulator/formats/xl-config/keys/row.ts';
import { partsOf } from '../../emulator/formats/xl-config/specification-parts.ts';
import { describeKey, describeOption } from './describe.ts';
import { placeAt } from './place.ts';

/** With offsets instead of positions. */
export interface Completion {
  readonly label: string;
  readonly kind: CompletionItemKind;
  readonly detail?: string;
  /** Markdown. */
  readonly documentation?: string;
  /** A snippet. */
  readonly insert: string;
  readonly from: number;
  readonly to: number;
  readonly sortText: string;
  readonly deprecated: boolean;
  /** More is to be chosen once it stands there. */
  readonly continues: boolean;
}

export function completionsAt(text: string, offset: number): Completion[] {
  const place = placeAt(text, offset);
  switch (place.kind) {
    case 'nothing':
      return [];
    case 'key':
      return keyCompletions(text, place.from, place.to);
    case 'value': {
      const key = xlKeys.get(place.key);
      return key === undefined
        ? []
        : valueCompletions(elementType(key.type, place.depth), place, place.depth);
    }
    case 'string': {
      const key = xlKeys.get(place.key);
      const type = key && atomOf(elementType(key.type, place.depth));
      if (type === undefined) return [];
      return type.kind === 'specification'
        ? specificationCompletions(text, offset, type.specification, place)
        : choiceCompletions(type, place, false);
    }
  }
}

export function toCompletionItem(
  completion: Completion,
  rangeOf: (from: number, to: number) => CompletionRange,
): CompletionItem {
  const { label, kind, detail, documentation, insert, from, to, sortText, deprecated, continues } =
    completion;
  return {
    label,
    kind,
    sortText,
    insertTextFormat: InsertTextFormat.Snippet,
    textEdit: { range: rangeOf(from, to), newText: insert },
    ...(detail !== undefined && { detail }),
    ...(documentation !== undefined && { documentation: { kind: 'markdown', value: documentation } }),
    ...(deprecated && { tags: [CompletionItemTag.Deprecated] }),
    ...(continues && { command: { title: '', command: 'editor.action.triggerSuggest' } }),
  };
}

type CompletionRange = NonNullable<Extract<CompletionItem['textEdit'], { range: unknown }>>['range'];

interface Range {
  readonly from: number;
  readonly to: number;
}

// ---------------------------------------------------------------- keys

function keyCompletions(text: string, from: number, to: number): Completion[] {
  // Behind a key that is completed stands its value already.
  const followed = /^[ \t]*\+?=/.test(text.slice(to, to + 80));
  return [...xlKeys].map(([name, key]) => ({
    label: name,
    kind: CompletionItemKind.Property,
    ...(detailOf(key) !== undefined && { detail: detailOf(key) as string }),
    documentation: describeKey(name, key),
    insert: followed ? name : `${name} = ${snippetOf(key.type)}`,
    from,
    to,
    sortText: `${rankOf(key)}${name}`,
    deprecated: key.deprecated !== undefined,
    continues: !followed && offersWords(key.type),
  }));
}

function detailOf(key: XlKey): string | undefined {
  if (key.arm === 'x86') return 'x86';
  return key.since === undefined ? undefined : `Xen ${key.since}`;
}

/** What an Arm guest here can use comes first. */
function rankOf({ arm, since, run, deprecated }: XlKey): number {
  if (arm === 'x86') return 4;
  if (deprecated !== undefined) return 3;
  if (since !== undefined || arm === 'parsed') return 2;
  return run.status === 'used' ? 0 : 1;
}

function snippetOf(type: XlType): string {
  switch (type.kind) {
    case 'list':
      return type.of.kind === 'list' ? '[ [ ${1} ] ]' : `[ ${snippetOf(type.of)} ]`;
    case 'either':
      return snippetOf(type.of[0] ?? { kind: 'string' });
    case 'string':
    case 'path':
      return type.example === undefined ? '"${1}"' : `"\${1:${escaped(type.example)}}"`;
    case 'number':
      return '${1}';
    case 'boolean':
      return '${1|1,0|}';
    case 'choice':
      return `"\${1|${Object.keys(type.values)
        .filter((value) => value !== '')
        .join(',')}|}"`;
    case 'specification':
      return '"${1}"';
  }
}

const escaped = (text: string): string => text.replaceAll(/[\\$}]/g, (sign) => `\\${sign}`);

/** Whether a list opens by itself once the cursor is in the value. */
function offersWords(type: XlType): boolean {
  if (type.kind === 'list') return offersWords(type.of);
  return type.kind === 'specification';
}

// ---------------------------------------------------------------- values

/** The type of what stands inside so many lists. */
function elementType(type: XlType, depth: number): XlType {
  if (type.kind === 'either') {
    const fitting = type.of.find(({ kind }) => (kind === 'list') === depth > 0);
    return fitting === undefined ? { kind: 'string' } : elementType(fitting, depth);
  }
  if (depth === 0) return type;
  return type.kind === 'list' ? elementType(type.of, depth - 1) : { kind: 'string' };
}

function atomOf(type: XlType): XlAtomType | undefined {
  return type.kind === 'list' || type.kind === 'either' ? undefined : type;
}

function valueCompletions(type: XlType, range: Range, depth: number): Completion[] {
  if (type.kind === 'list' && depth === 0) {
    return [item('[ ]', snippetOf(type), range, CompletionItemKind.Snippet, undefined, offersWords(type))];
  }
  const atom = atomOf(type);
  if (atom === undefined) return [];
  if (atom.kind === 'boolean') {
    return [
      item('1', '1', range, CompletionItemKind.Value, 'on'),
      item('0', '0', range, CompletionItemKind.Value, 'off'),
    ];
  }
  if (atom.kind === 'specification') {
    const { example } = atom.specification;
    return [item(`"${example}"`, `"\${1:${escaped(example)}}"`, range, CompletionItemKind.Snippet)];
  }
  if (atom.kind === 'string' || atom.kind === 'path') {
    if (atom.example === undefined) return [];
    const { example } = atom;
    return [item(`"${example}"`, `"\${1:${escaped(example)}}"`, range, CompletionItemKind.Snippet)];
  }
  return choiceCompletions(atom, range, true);
}

/** Words that the value can be, with quotes around them or inside of quotes. */
function choiceCompletions(type: XlAtomType, range: Range, quotes: boolean): Completion[] {
  if (type.kind === 'boolean' && !quotes) return ['1', '0'].map((value) => item(value, value, range));
  if (type.kind !== 'choice') return [];
  return Object.entries(type.values)
    .filter(([value]) => value !== '')
    .map(([value, meaning]) => {
      const written = quotes ? `"${value}"` : value;
      return item(written, written, range, CompletionItemKind.EnumMember, meaning);
    });
}

function item(
  label: string,
  insert: string,
  { from, to }: Range,
  kind: CompletionItemKind = CompletionItemKind.Value,
  documentation?: string,
  continues = false,
): Completion {
  return {
    label,
    kind,
    insert,
    from,
    to,
    sortText: label,
    deprecated: false,
    continues,
    ...(documentation !== undefined && { documentation }),
  };
}

// ---------------------------------------------------------------- sub-keys

function specificationCompletions(
  text: string,
  offset: number,
  specification: XlSpecification,
  { from, to }: Range,
): Completion[] {
  const { options, positional } = specification;
  const before = text.slice(from, offset);
  const parts = partsOf(before, specification);
  const last = before.lastIndexOf(',') + 1;
  const start = last + (/^\s*/.exec(before.slice(last))?.[0].length ?? 0);
  const part = before.slice(start);
  // What stands behind the cursor up to the next comma is replaced as well.
  const rest = /^[^,]*/.exec(text.slice(offset, to))?.[0].length ?? 0;
  const range = { from: from + start, to: offset + rest };

  const equals = part.indexOf('=');
  if (equals >= 0) {
    const type = own(options, part.slice(0, equals).trim())?.type;
    return type === undefined
      ? []
      : choiceCompletions(type, { from: range.from + equals + 1, to: range.to }, false);
  }

  const complete = last === 0 ? [] : partsOf(before.slice(0, last), specification);
  const present = new Set(complete.map(({ option }) => option));
  const named = Object.entries(options)
    .filter(([name]) => !present.has(name))
    .map(([name, option]) => optionCompletion(name, option, range));
  // The part may also be the next one that needs no name.
  const waiting =
    parts.at(-1)?.from === start ? parts.at(-1)?.option : positional.find((name) => !present.has(name));
  const type =
    waiting !== undefined && positional.includes(waiting) ? own(options, waiting)?.type : undefined;
  return [...(type === undefined ? [] : choiceCompletions(type, range, false)), ...named];
}

function optionCompletion(name: string, option: XlOption, range: Range): Completion {
  const { type } = option;
  const words = type?.kind === 'choice' || type?.kind === 'boolean';
  const example = type !== undefined && 'example' in type ? type.example : undefined;
  const value = example === undefined ? '${1}' : `\${1:${escaped(example)}}`;
  return {
    label: type === undefined ? name : `${name}=`,
    kind: type === undefined ? CompletionItemKind.Keyword : CompletionItemKind.Field,
    documentation: describeOption(name, option),
    insert: type === undefined ? name : `${name}=${words ? '' : value}`,
    ...range,
    sortText: `${option.arm === 'x86' || option.since !== undefined ? 2 : 1}${name}`,
    deprecated: option.deprecated !== undefined,
    continues: words,
  };
}

const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
