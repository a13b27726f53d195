// Words that the views of the hypervisor share: domains, moments, bytes that a guest wrote.

import { UserError } from '../../base/errors.ts';
import type { Moment } from '../../machine/messages.ts';
import type { DomainView } from '../../xen/hypervisor/view.ts';
import { momentOf } from '../../machine/input-log.ts';
import { hypervisorOf, type Subject } from './inspection.ts';

/** Of what is found to be wrong, or worth a look. */
export interface Finding {
  readonly severity: 'warning' | 'note';
  /** What it is, for filters and icons. */
  readonly kind: string;
  /** One sentence or two: what is so, since when, and what follows. */
  readonly sentence: string;
}

/** A moment of the record, seen from now. */
export interface MomentView {
  readonly instructions: number;
  readonly virtualNanoseconds: number;
  /** Of virtual time: `0.129034 s`. */
  readonly at: string;
  /** `1.25 ms ago`, of virtual time. */
  readonly ago: string;
}

export function momentView({ loaded }: Subject, moment: Moment): MomentView {
  const { instructions, virtualNanoseconds } = moment;
  const now = momentOf(loaded).virtualNanoseconds;
  return {
    instructions,
    virtualNanoseconds,
    at: `${(virtualNanoseconds / 1e9).toFixed(6)} s`,
    ago: `${durationText(now - virtualNanoseconds)} ago`,
  };
}

export const nanosecondsSince = ({ loaded }: Subject, { virtualNanoseconds }: Moment): number =>
  Math.max(0, momentOf(loaded).virtualNanoseconds - virtualNanoseconds);

/** Three digits and a unit: `1.25 ms`. */
export function durationText(nanoseconds: number): string {
  const value = Math.max(0, nanoseconds);
  if (value < 1000) return `${Math.round(value)} ns`;
  const [unit, scale] = value < 1e6 ? ['µs', 1e3] : value < 1e9 ? ['ms', 1e6] : ['s', 1e9];
  const scaled = value / (scale as number);
  return `${scaled < 10 ? scaled.toFixed(2) : scaled < 100 ? scaled.toFixed(1) : scaled.toFixed(0)} ${unit}`;
}

/** `d1`. */
export const shortDomain = (domid: number): string => `d${domid}`;

/** Any domain the hypervisor has, domain 0 included; the first with guest code when none was asked for. */
export function xenDomainOf(subject: Subject, domid: number | undefined): DomainView {
  const domains = hypervisorOf(subject).domains();
  const wanted = domid ?? subject.loaded.info.domains[0]?.domain;
  const found = domains.find(({ id }) => id === wanted);
  if (found) return found;
  throw new UserError(
    `there is no domain ${wanted ?? ''}`,
    `There is: ${domains.map(({ id, name }) => `${id} (${name})`).join(', ')}.`,
  );
}

/** A part of a long list, as it was asked for. */
export interface Page {
  readonly start: number;
  readonly count: number;
}

export const PAGE_ARGUMENTS = {
  start: { kind: 'number', doc: 'the first row; 0 when left out' },
  count: { kind: 'number', doc: 'rows at most' },
} as const;

export function pageOf(
  args: { readonly start?: number; readonly count?: number },
  usual: number,
  most: number,
): Page {
  const { start = 0, count = usual } = args;
  if (!Number.isInteger(start) || start < 0 || !Number.isInteger(count) || count < 0) {
    throw new UserError(
      `rows ${start} and ${count} further are not a part of a list`,
      "Give 'start' and 'count' as whole numbers from 0 on.",
    );
  }
  return { start, count: Math.min(count, most) };
}

/** Bytes that a guest wrote, as text. */
export interface TextOfBytes {
  /** Printable text as it is; anything else with `\xNN` for what is not, and `\\` for a backslash. */
  readonly text: string;
  /** Not printable text as a whole. */
  readonly binary: boolean;
  /** Bytes that are not shown. */
  readonly more: number;
}

export function textOfBytes(bytes: Uint8Array, most: number): TextOfBytes {
  const shown = bytes.subarray(0, most);
  const more = bytes.length - shown.length;
  const text = printable(shown, more > 0);
  if (text !== undefined) return { text, binary: false, more };
  let escaped = '';
  for (const byte of shown) {
    if (byte === BACKSLASH) escaped += '\\\\';
    else if (byte >= 0x20 && byte < 0x7f) escaped += String.fromCharCode(byte);
    else escaped += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return { text: escaped, binary: true, more };
}

const BACKSLASH = 0x5c;
/** Controls, what is invisible or turns the direction of text, and what stands for no character. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

/** UTF-8 without anything that does not print. A cut may go through the last character. */
function printable(bytes: Uint8Array, isCut: boolean): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut });
    return UNPRINTABLE.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
