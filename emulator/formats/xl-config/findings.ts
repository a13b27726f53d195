// What can be said about an xl.cfg file, and how grave it is.

/** The editor's four degrees. Only errors make `xenscope check` fail. */
export type XlSeverity = 'error' | 'warning' | 'information' | 'hint';

interface Rule {
  readonly severity: XlSeverity;
  /** For the reference page. */
  readonly doc: string;
}

const rules = {
  syntax: { severity: 'error', doc: 'xl cannot read the file.' },
  'missing-name': { severity: 'error', doc: 'The domain has no name.' },
  'missing-kernel': { severity: 'error', doc: 'Nothing is named that could boot.' },
  'missing-file': { severity: 'error', doc: 'A file named by a relative path is not there.' },
  'wrong-type': {
    severity: 'error',
    doc: 'A list where one value belongs, text where a number belongs, and so on: xl drops the setting.',
  },
  'wrong-value': { severity: 'error', doc: 'The value is none that xl, libxl or Xen takes.' },
  'wrong-option': { severity: 'error', doc: 'A device string that xl refuses.' },
  'not-on-arm': { severity: 'error', doc: 'The value is refused for Arm guests.' },
  'impossible-memory': {
    severity: 'error',
    doc: 'Memory that no Arm guest can have, or that does not hold what has to be in it.',
  },
  'impossible-vcpus': {
    severity: 'error',
    doc: 'More vCPUs than the interrupt controller serves, or fewer at most than at the start.',
  },
  conflict: { severity: 'error', doc: 'Two settings that exclude each other.' },
  'unknown-key': { severity: 'warning', doc: 'xl drops a key that it does not know without a word.' },
  'unknown-option': { severity: 'warning', doc: 'xl drops the option, at most with a message.' },
  'newer-xen': { severity: 'warning', doc: 'The key or option came after Xen 4.17, whose xl drops it.' },
  deprecated: { severity: 'warning', doc: 'There is another way to write it now.' },
  'x86-only': { severity: 'warning', doc: 'Means nothing to an Arm guest.' },
  duplicate: { severity: 'warning', doc: 'The key is set again, and the earlier value dropped.' },
  'ignored-setting': { severity: 'warning', doc: 'Another setting takes its place.' },
  'unclear-type': {
    severity: 'warning',
    doc: 'The kind of guest is abbreviated, or turned into another one on Arm.',
  },
  'file-elsewhere': {
    severity: 'warning',
    doc: 'A file named by an absolute path is not on this computer; it may be on the host that the configuration is for.',
  },
  'not-modelled': {
    severity: 'information',
    doc: 'Xen does it, and Xenscope does not: a run with it is refused.',
  },
  'beyond-machine': {
    severity: 'information',
    doc: 'Xen does it, and the emulated machine is too small: a run is refused.',
  },
  'without-effect': { severity: 'hint', doc: 'Accepted, and without effect in Xenscope.' },
  'old-prefix': { severity: 'hint', doc: 'A target is written as before Xen 4.2; it still works.' },
  'default-memory': { severity: 'hint', doc: 'No memory is given, and 32 MiB are little.' },
} as const satisfies Record<string, Rule>;

export type XlFindingCode = keyof typeof rules;
export const xlRules: Readonly<Record<XlFindingCode, Rule>> = rules;

export interface XlEdit {
  /** Offsets in the text. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A way to mend it that needs no thought. */
export interface XlFix {
  readonly title: string;
  readonly edits: readonly XlEdit[];
}

export interface XlFinding {
  readonly code: XlFindingCode;
  readonly severity: XlSeverity;
  /** What is wrong, without a full stop at its end. */
  readonly message: string;
  /** What to do about it: a sentence. */
  readonly hint: string;
  /** Offsets in the text, and the same in lines; what concerns the whole file stands at its beginning. */
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** The setting can go: it does nothing. */
  readonly unnecessary: boolean;
  readonly fixes: readonly XlFix[];
  readonly related: readonly XlRelated[];
}

/** Another place in the file that has to do with it. */
export interface XlRelated {
  readonly message: string;
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly column: number;
}
