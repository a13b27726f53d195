// Messages of rings, taken apart by the tables of their protocols. Whatever the bytes are, there is a result of
// limited size.

import { plainText } from '../plain-text.ts';
import type { DecodedMessage, FieldLayout, HeaderFraming, MessageLayout, SlotMessage } from './protocol.ts';

/** A message as panels show it. */
export interface MessageView {
  /** In a few words: `read sectors 0..7`. */
  readonly summary: string;
  /** `request`, `extra info`. */
  readonly layout: string;
  readonly fields: readonly FieldView[];
}

export interface FieldView {
  /** As the public header names it; of a part of a list with its place: `seg[0].gref`. */
  readonly name: string;
  /** In the message; left out for what has no fixed place. */
  readonly offset?: number;
  /** A decimal number, or text. */
  readonly value: string;
  /** What the value means. */
  readonly words?: string;
  /** The value is a grant reference of the frontend's domain. */
  readonly grantReference?: number;
}

/** Texts longer than this are cut. */
const LONGEST_TEXT = 1024;

export function decodeSlot(
  message: SlotMessage,
  bytes: Uint8Array,
  previous: Uint8Array | undefined,
): MessageView {
  const layout = message.layoutOf(dataView(bytes), previous && dataView(previous));
  return messageView(layout, decoded(layout, bytes));
}

/** A message with its header; bytes that are missing yet read as 0. */
export function decodeFramed({ layout, headerSize, payload }: HeaderFraming, bytes: Uint8Array): MessageView {
  const header = new Uint8Array(headerSize);
  header.set(bytes.subarray(0, headerSize));
  const message = decoded(layout, header);
  const view = messageView(layout, message);
  const rest = bytes.subarray(headerSize);
  if (rest.length === 0) return view;
  const parts = payload?.(message, rest) ?? [{ name: 'payload', value: `${rest.length} bytes` }];
  const fields = parts.map(({ name, value }) => ({ name, value: plainText(shortened(value)) }));
  const texts = fields.map(({ value }) => value).filter((value) => value !== '');
  return {
    ...view,
    summary: shortened([view.summary, ...texts].join(' '), 200),
    fields: [...view.fields, ...fields],
  };
}

export function decodeText(bytes: Uint8Array): MessageView {
  const line = new TextDecoder().decode(bytes).replace(/[\r\n]+$/, '');
  const text = plainText(shortened(line));
  return { summary: text, layout: 'text', fields: [{ name: 'text', value: text }] };
}

/** The number by which requests and responses are matched. */
export function identifier(
  layout: MessageLayout,
  name: string,
  bytes: Uint8Array,
): number | bigint | undefined {
  const field = layout.fields.find((candidate) => candidate.name === name);
  if (!field || field.offset + field.size > bytes.length) return undefined;
  return numberOf(field, dataView(bytes), 0);
}

interface DecodedField {
  readonly view: FieldView;
  readonly number: number | bigint;
}

interface Decoded extends DecodedMessage {
  readonly all: readonly DecodedField[];
}

function decoded(layout: MessageLayout, bytes: Uint8Array): Decoded {
  const view = dataView(bytes);
  const own = layout.fields.map((field) => decodeField(field, view, 0, ''));
  const lists = new Map<string, Decoded[]>();
  for (const list of layout.lists ?? []) {
    const count = Number(own.find(({ view: { name } }) => name === list.count)?.number ?? 0);
    const parts: Decoded[] = [];
    for (let index = 0; index < Math.min(count, list.maximum); index++) {
      const at = list.offset + index * list.stride;
      parts.push(
        accessors(
          list.fields.map((field) => decodeField(field, view, at, `${list.name}[${index}].`)),
          new Map(),
        ),
      );
    }
    lists.set(list.name, parts);
  }
  return accessors(own, lists);
}

function accessors(own: readonly DecodedField[], lists: ReadonlyMap<string, readonly Decoded[]>): Decoded {
  // A part of a list asks for its fields by their own names.
  const find = (name: string) =>
    own.find(({ view }) => view.name === name || view.name.endsWith(`].${name}`));
  return {
    all: [...own, ...[...lists.values()].flat().flatMap(({ all }) => all)],
    value: (name) => find(name)?.number ?? 0,
    word(name) {
      const view = find(name)?.view;
      return view ? (view.words ?? view.value) : '';
    },
    list: (name) => lists.get(name) ?? [],
  };
}

function messageView(layout: MessageLayout, message: Decoded): MessageView {
  return {
    summary: layout.summary(message),
    layout: layout.name,
    fields: message.all.map(({ view }) => view),
  };
}

function decodeField(field: FieldLayout, view: DataView, base: number, prefix: string): DecodedField {
  const offset = base + field.offset;
  const number = offset + field.size <= view.byteLength ? numberOf(field, view, base) : 0;
  const words = wordsOf(field, number);
  return {
    number,
    view: {
      name: `${prefix}${field.name}`,
      offset,
      value: number.toString(),
      ...(words !== undefined && { words }),
      ...(field.is === 'grant reference' && { grantReference: Number(number) }),
    },
  };
}

function numberOf({ offset, size, signed }: FieldLayout, view: DataView, base: number): number | bigint {
  const at = base + offset;
  switch (size) {
    case 1:
      return signed ? view.getInt8(at) : view.getUint8(at);
    case 2:
      return signed ? view.getInt16(at, true) : view.getUint16(at, true);
    case 4:
      return signed ? view.getInt32(at, true) : view.getUint32(at, true);
    case 8:
      return signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
  }
}

function wordsOf({ words, bits, is }: FieldLayout, number: number | bigint): string | undefined {
  if (words) return words[Number(number)];
  if (bits) {
    const set = Object.entries(bits).filter(([bit]) => ((BigInt(number) >> BigInt(bit)) & 1n) === 1n);
    return set.length > 0 ? set.map(([, word]) => word).join(', ') : undefined;
  }
  if (is === 'sector') return `byte ${BigInt(number) * 512n}`;
  if (is === 'bytes') return number === 1 ? '1 byte' : `${number} bytes`;
  return undefined;
}

const shortened = (text: string, longest = LONGEST_TEXT): string =>
  text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;

const dataView = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
