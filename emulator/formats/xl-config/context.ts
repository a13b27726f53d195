// What diagnostics know beside the text, and the settings that hold in the end.

import type { XlRange, XlSetting, XlValue } from './syntax.ts';

/** What the host knows. What is left out is not checked. */
export interface XlContext {
  /** By path as it is written in the configuration. */
  readonly files?: ReadonlyMap<string, XlFileState>;
  /** What the emulated machine has for domains at most. */
  readonly machine?: { readonly vcpus: number; readonly memoryMib: number };
}

export type XlFileState =
  | { readonly kind: 'file'; readonly size: number }
  | { readonly kind: 'missing' }
  /** It is there and no file. */
  | { readonly kind: 'other' };

/** A key with the value that it has in the end. */
export interface XlEffective {
  readonly key: string;
  readonly value: XlValue;
  readonly keyRange: XlRange;
  /** The text of a value that is joined from several by +=; the value's own otherwise. */
  readonly text: string | undefined;
  /** All that make it up; the last one decides where findings stand. */
  readonly settings: readonly [XlSetting, ...XlSetting[]];
}

export type XlEffectiveSettings = ReadonlyMap<string, XlEffective>;
