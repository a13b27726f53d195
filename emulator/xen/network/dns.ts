// A name server that knows the names of this network and no others: nothing is asked outside, so that a run depends on
// its configuration alone. RFC 1035.

import type { Ipv4Address } from './addresses.ts';

export const DNS_PORT = 53;

const HEADER = 12;
const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
const FORMAT_ERROR = 1;
const NAME_ERROR = 3;
const NOT_IMPLEMENTED = 4;

const TYPE_A = 1;
const CLASS_IN = 1;
const TIME_TO_LIVE = 60;
/** A pointer to the name of the question, which stands right behind the header. */
const NAME_OF_QUESTION = 0xc000 + HEADER;

/** The answer to a query; undefined for what is none. `find` is given names in lower case, without a last dot. */
export function answerQuery(
  query: Uint8Array,
  find: (name: string) => Ipv4Address | undefined,
): Uint8Array | undefined {
  const view = new DataView(query.buffer, query.byteOffset, query.length);
  if (query.length < HEADER || (view.getUint16(2) & RESPONSE) !== 0) return undefined;
  const question = view.getUint16(4) === 1 ? readQuestion(query) : undefined;
  if (!question) return reply(query, HEADER, FORMAT_ERROR, undefined);
  if ((view.getUint16(2) & 0x7800) !== 0) return reply(query, question.end, NOT_IMPLEMENTED, undefined);
  const address = find(question.name.toLowerCase());
  if (address === undefined) return reply(query, question.end, NAME_ERROR, undefined);
  // A name that is there, without a record of the type that is asked for.
  const isAddress = question.type === TYPE_A && question.class === CLASS_IN;
  return reply(query, question.end, 0, isAddress ? address : undefined);
}

interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Byte behind it. */
  readonly end: number;
}

function readQuestion(query: Uint8Array): Question | undefined {
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = query[at];
    // Compression has no place in the first name of a message.
    if (length === undefined || length > 63 || at + length + 5 > query.length) return undefined;
    at++;
    if (length === 0) break;
    labels.push(String.fromCharCode(...query.subarray(at, at + length)));
    at += length;
  }
  const view = new DataView(query.buffer, query.byteOffset, query.length);
  return { name: labels.join('.'), type: view.getUint16(at), class: view.getUint16(at + 2), end: at + 4 };
}

function reply(query: Uint8Array, end: number, code: number, address: Ipv4Address | undefined): Uint8Array {
  const message = new Uint8Array(end + (address === undefined ? 0 : 16));
  message.set(query.subarray(0, end));
  const view = new DataView(message.buffer);
  const desired = view.getUint16(2) & (RECURSION_DESIRED | 0x7800);
  view.setUint16(2, RESPONSE | AUTHORITATIVE | RECURSION_AVAILABLE | desired | code);
  view.setUint16(4, end > HEADER ? 1 : 0);
  view.setUint16(6, address === undefined ? 0 : 1);
  view.setUint32(8, 0);
  if (address !== undefined) {
    view.setUint16(end, NAME_OF_QUESTION);
    view.setUint16(end + 2, TYPE_A);
    view.setUint16(end + 4, CLASS_IN);
    view.setUint32(end + 6, TIME_TO_LIVE);
    view.setUint16(end + 10, 4);
    view.setUint32(end + 12, address);
  }
  return message;
}
