// Takes a string with sub-keys apart, as libxlu's disk parser and xl's loops over commas do. Completion and
// diagnostics both work on the parts.

import type { XlSpecification } from './keys/row.ts';

export interface XlPart {
  /** Of an option that is named or stands by its position; undefined for a word that fits nowhere. */
  readonly option?: string;
  /** Its name is written. */
  readonly named: boolean;
  readonly value: string;
  /** Offsets in the string: the part, and its value. */
  readonly from: number;
  readonly to: number;
  readonly valueFrom: number;
  /** `phy:` in front of a target, `:cdrom` behind a device, as in old configurations. */
  readonly old?: { readonly text: string; readonly at: number };
}

/** An option that takes the rest of the text, commas included. */
const REST = 'target';
/** Where they stand, no format follows. */
const OLD_PREFIX = /^((raw|qcow2?|vhd|iscsi|e?nbd|drbd|tapdisk|tap2?|aio|ioemu|file|phy):)+/;
/** A kind of drive behind the device, as in `hdc:cdrom`. */
const OLD_SUFFIX = /:(cdrom|disk)$/;

export function partsOf(text: string, specification: XlSpecification): XlPart[] {
  const { options, positional } = specification;
  const parts: XlPart[] = [];
  const waiting = [...positional];
  const taken = (option: string): void => {
    const at = waiting.indexOf(option);
    if (at >= 0) waiting.splice(at, 1);
  };
  for (let at = 0; at <= text.length; ) {
    if (parts.length === MOST_PARTS) break;
    const from = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
    const takesRest = positional.includes(REST) && text.startsWith(`${REST}=`, from);
    const comma = takesRest ? -1 : text.indexOf(',', from);
    const to = comma < 0 ? text.length : comma;
    const part = text.slice(from, to);
    at = to + 1;

    const equals = part.indexOf('=');
    if (equals >= 0) {
      const option = part.slice(0, equals).trim();
      taken(option);
      parts.push({
        option,
        named: true,
        value: part.slice(equals + 1),
        from,
        to,
        valueFrom: from + equals + 1,
      });
    } else if (Object.hasOwn(options, part) && options[part]?.type === undefined) {
      parts.push({ option: part, named: true, value: '', from, to, valueFrom: to });
    } else if (positional.length > 0) {
      // An empty last part is what a comma at the end leaves, and no value.
      if (part === '' && to === text.length && parts.length > 0) break;
      const option = waiting.shift();
      const prefix = parts.length === 0 ? OLD_PREFIX.exec(part)?.[0] : undefined;
      const suffix = option === 'vdev' ? OLD_SUFFIX.exec(part)?.[0] : undefined;
      if (prefix !== undefined) taken('format');
      const valueFrom = from + (prefix?.length ?? 0);
      const value = part.slice(prefix?.length ?? 0, suffix === undefined ? undefined : -suffix.length);
      const old = prefix ?? suffix;
      parts.push({
        ...(option !== undefined && { option }),
        named: false,
        value,
        from,
        to,
        valueFrom,
        ...(old !== undefined && { old: { text: old, at: old === prefix ? from : to - old.length } }),
      });
    } else if (part.trim() !== '') {
      parts.push({ named: false, value: part, from, to, valueFrom: from });
    }
  }
  return parts;
}

/** A string is one line of a file that somebody wrote. */
const MOST_PARTS = 200;
