// What a row of the table of xl.cfg keys says, and the words in which rows are written.

/** Values that a key or a sub-key takes. Numbers and strings are one kind in xl: `2` and `"2"` are the same. */
export type XlType =
  | XlAtomType
  /** Elements of one type, in [ ]. */
  | { readonly kind: 'list'; readonly of: XlType }
  /** Any of these; the first is the one to write. */
  | { readonly kind: 'either'; readonly of: readonly XlType[] };

export type XlAtomType =
  | {
      readonly kind: 'string';
      /** What it has to look like: a pattern of the whole text, and the same in words. */
      readonly form?: { readonly pattern: RegExp; readonly words: string };
      readonly example?: string;
    }
  /** A file on the host that builds the domain. */
  | { readonly kind: 'path'; readonly example?: string }
  | { readonly kind: 'number'; readonly lowest?: number; readonly highest?: number; readonly unit?: string }
  | { readonly kind: 'boolean' }
  | {
      readonly kind: 'choice';
      /** Value to its meaning. */
      readonly values: Readonly<Record<string, string>>;
      /** xl compares without regard to case. */
      readonly caseless: boolean;
    }
  /** A string with sub-keys. */
  | { readonly kind: 'specification'; readonly specification: XlSpecification };

/** A string such as "phy:/dev/x,raw,xvda,w": its parts are separated by commas. */
export interface XlSpecification {
  /** In a sentence: `a disk`. */
  readonly name: string;
  readonly example: string;
  readonly options: Readonly<Record<string, XlOption>>;
  /** Options that may stand without their name, in this order. */
  readonly positional: readonly string[];
  /** What xl does with an option that it does not know; `unchecked` where commas stand in values. */
  readonly unknown: 'refused' | 'ignored' | 'unchecked';
  /** One of each of these groups has to be there. */
  readonly required: readonly string[];
}

export interface XlOption {
  /** Undefined: a word that stands alone. */
  readonly type?: XlAtomType;
  readonly doc: string;
  readonly default?: string;
  readonly arm?: 'x86';
  readonly since?: string;
  /** What to write instead. */
  readonly deprecated?: string;
}

/** What a run of ours makes of a key. */
export type XlRun =
  | { readonly status: 'used' }
  /** Accepted, without effect: `why` completes "has no effect: …". */
  | { readonly status: 'no-effect'; readonly why: string }
  /** Refused unless its value is one of `neutral`, which ask for what happens anyway. */
  | {
      readonly status: 'unsupported';
      readonly what: string;
      readonly neutral: readonly string[];
      /** Elements of a list that are taken all the same, and the sentence that tells of them. */
      readonly except?: { readonly takes: (text: string) => boolean; readonly hint: string };
    };

export interface XlKey {
  readonly type: XlType;
  /** `meaningful` for an Arm guest, `parsed` there without being of use, or meant for `x86` guests only. */
  readonly arm: 'meaningful' | 'parsed' | 'x86';
  /** One or two sentences, in Markdown. */
  readonly doc: string;
  /** What holds without it, as it would be written, or in words. */
  readonly default?: string;
  /** Xen release that knows it first, for those later than 4.17. */
  readonly since?: string;
  /** What to write instead. */
  readonly deprecated?: string;
  readonly run: XlRun;
}

export type XlKeys = Readonly<Record<string, XlKey>>;

// ---------------------------------------------------------------- types

export const string: XlAtomType = { kind: 'string' };
export const boolean: XlAtomType = { kind: 'boolean' };
export const path = (example: string): XlAtomType => ({ kind: 'path', example });
export const text = (example: string): XlAtomType => ({ kind: 'string', example });
export const formed = (pattern: RegExp, words: string, example: string): XlAtomType => ({
  kind: 'string',
  form: { pattern, words },
  example,
});
export const number = (lowest?: number, highest?: number, unit?: string): XlAtomType => ({
  kind: 'number',
  ...(lowest !== undefined && { lowest }),
  ...(highest !== undefined && { highest }),
  ...(unit !== undefined && { unit }),
});
export const choice = (values: Readonly<Record<string, string>>): XlAtomType => ({
  kind: 'choice',
  values,
  caseless: true,
});
export const exactly = (values: Readonly<Record<string, string>>): XlAtomType => ({
  kind: 'choice',
  values,
  caseless: false,
});
export const list = (of: XlType): XlType => ({ kind: 'list', of });
export const either = (...of: readonly XlType[]): XlType => ({ kind: 'either', of });
export const specification = (
  name: string,
  example: string,
  options: Readonly<Record<string, XlOption>>,
  more: Partial<Pick<XlSpecification, 'positional' | 'unknown' | 'required'>> = {},
): XlAtomType => ({
  kind: 'specification',
  specification: { name, example, options, positional: [], unknown: 'refused', required: [], ...more },
});

// ---------------------------------------------------------------- what a run makes of it

export const used: XlRun = { status: 'used' };
export const noEffect = (why: string): XlRun => ({ status: 'no-effect', why });
export const unsupported = (what: string, ...neutral: string[]): XlRun => ({
  status: 'unsupported',
  what,
  neutral,
});

/** Rows of keys that concern x86 guests only. */
export function x86(rows: Readonly<Record<string, Omit<XlKey, 'arm' | 'run'>>>): XlKeys {
  const run = noEffect('it means nothing to an Arm guest');
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, { arm: 'x86', run, ...row }]));
}
