// Messages of log points: text with expressions in braces, `n = {n,x} of {name}`. The machine takes what they
// name as it passes, and the text is made here, afterwards, of plain bytes and numbers.

import type { Capture, Captured } from '../../emulator/machine/stop-programs.ts';
import * as errors from '../errors.ts';
import type { Target } from '../symbols/target.ts';
import { compileWith } from './compile.ts';
import { addressOf } from './compiled-values.ts';
import type { Compiler } from './compile.ts';
import type { Compiled } from './compiled-values.ts';
import { rendererOf } from './render-bytes.ts';
import type { Render } from './render-bytes.ts';
import { enumerationText, flagWords, integerText, stringText } from './format.ts';
import type { Format } from './format.ts';
import type { Watch } from './syntax.ts';
import { bare, sizeOf, WORD } from './types.ts';

export interface LogMessage {
  readonly captures: readonly Capture[];
  text(values: readonly Captured[]): string;
}

/** What the machine reads of a string, and of a structure or array. */
const MOST_TEXT = 256;
const MOST_BYTES = 4096;

interface Part {
  readonly capture: Capture;
  readonly render: (value: Captured) => string;
}

export async function compileLogMessage(
  text: string,
  target: Target | undefined,
  link: bigint | undefined,
): Promise<LogMessage> {
  const pieces: (string | number)[] = [];
  const parts: Part[] = [];
  for (const piece of piecesOf(text)) {
    if (piece.kind === 'text') {
      pieces.push(piece.text);
      continue;
    }
    pieces.push(parts.length);
    parts.push(await compileWith(piece.text, target, link, (compiler, watch) => partOf(compiler, watch)));
  }
  return {
    captures: parts.map(({ capture }) => capture),
    text: (values) =>
      pieces
        .map((piece) => (typeof piece === 'string' ? piece : (parts[piece]?.render(values[piece]) ?? '')))
        .join(''),
  };
}

interface Piece {
  readonly kind: 'text' | 'expression';
  readonly text: string;
}

/** `\{` is a brace; braces within an expression, as of an address space or a string, belong to it. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let plain = '';
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] ?? '';
    if (letter === '\\' && /[\\{}]/.test(text[i + 1] ?? '')) {
      plain += text[++i] ?? '';
      continue;
    }
    if (letter !== '{') {
      plain += letter;
      continue;
    }
    const end = endOfBraces(text, i);
    if (end === undefined) throw errors.notAnExpression(text, text.length, '}');
    if (plain !== '') pieces.push({ kind: 'text', text: plain });
    plain = '';
    pieces.push({ kind: 'expression', text: text.slice(i + 1, end) });
    i = end;
  }
  if (plain !== '') pieces.push({ kind: 'text', text: plain });
  return pieces;
}

function endOfBraces(text: string, start: number): number | undefined {
  let depth = 0;
  let quote: string | undefined;
  for (let i = start; i < text.length; i++) {
    const letter = text[i];
    if (quote !== undefined) {
      if (letter === '\\') i++;
      else if (letter === quote) quote = undefined;
    } else if (letter === '"') quote = letter;
    else if (letter === '{') depth++;
    else if (letter === '}' && --depth === 0) return i;
  }
  return undefined;
}

const UNREADABLE = '<unreadable>';

async function partOf(compiler: Compiler, watch: Watch): Promise<Part> {
  const event = eventField(watch);
  const compiled = await compiler.node(watch.expression);
  const format = await formatOf(watch);
  const type = await bare(compiled.type);
  const { target } = compiler;
  const describe = (address: bigint): string | undefined => target?.describeNear(address);

  if (type.kind === 'pointer' && format.radix === undefined && format.raw !== true) {
    const pointee = await bare(await type.target.resolve());
    const isText = pointee.kind === 'integer' && pointee.role === 'character';
    if (isText || format.text !== undefined) {
      const { program } = await compiler.scalar(compiled);
      return textPart({ kind: 'text', address: program, limit: MOST_TEXT });
    }
  }
  if (type.kind === 'array' || type.kind === 'structure' || type.kind === 'float') {
    return bytesPart(
      compiled,
      await sizeOf(compiled.type),
      await rendererOf(compiled.type, format, describe),
    );
  }
  const { program, type: scalar } = await compiler.scalar(compiled);
  const render = (value: Captured): string => {
    if (typeof value !== 'bigint') return UNREADABLE;
    if (scalar.kind === 'pointer') {
      if (format.radix !== undefined) return integerText(value, WORD, format);
      return named(value, format.raw === true ? undefined : describe(value));
    }
    const number = scalar.signed ? BigInt.asIntN(64, value) : BigInt.asUintN(8 * scalar.size, value);
    if (format.flags) return flagWords(number, format.flags.enumerators);
    if (scalar.kind === 'enumeration') return enumerationText(number, scalar, format);
    const isAddress = scalar.role === 'word' && scalar.size === 8 && format.radix === undefined && !event;
    return isAddress ? named(value, describe(value)) : integerText(number, scalar, format);
  };
  return { capture: { kind: 'value', program }, render };
}

const named = (address: bigint, name: string | undefined): string => {
  const number = `0x${BigInt.asUintN(64, address).toString(16)}`;
  return name === undefined ? number : `${number} <${name}>`;
};

const eventField = ({ expression }: Watch): boolean =>
  expression.kind === 'member' && expression.of.kind === 'register' && expression.of.name === 'ev';

/** A text in a message stands there without quotes. */
const textPart = (capture: Capture): Part => ({
  capture,
  render: (value) => (value instanceof Uint8Array ? stringText(upToNul(value)).slice(1, -1) : UNREADABLE),
});

function bytesPart({ place, bitOffset }: Compiled, size: number | undefined, render: Render): Part {
  if (place.kind !== 'memory' || size === undefined) {
    throw errors.notComputable('Only what lies in memory, and numbers, can be logged');
  }
  if (size > MOST_BYTES)
    throw errors.notComputable(`It has ${size} bytes, and at most ${MOST_BYTES} are logged`);
  return {
    capture: { kind: 'bytes', address: addressOf(place.address, bitOffset), length: size },
    render: (value) => (value instanceof Uint8Array && value.length >= size ? render(value) : UNREADABLE),
  };
}

function upToNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

const RADIXES = /^[xdobct]$/;

/** `,flags(type)` and `,[n]` need a stop. */
async function formatOf({ text, formats }: Watch): Promise<Format> {
  let format: Format = {};
  for (const { name = '' } of formats) {
    if (RADIXES.test(name)) format = { ...format, radix: name as NonNullable<Format['radix']> };
    else if (name === 's' || name === 'su') format = { ...format, text: name };
    else if (name === 'raw') format = { ...format, raw: true };
    else throw errors.notAnExpression(text, text.indexOf(','), 'one of x, d, o, b, c, s, su, t, raw');
  }
  return format;
}
