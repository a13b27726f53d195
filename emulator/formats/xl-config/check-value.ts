// Whether a value is of the type that the table gives its key, and what to say when it is not.

import type { XlAtomType, XlOption, XlSpecification, XlType } from './keys/row.ts';
import { strtol } from './numbers.ts';
import { rangeInside, replacement, type Report } from './report.ts';
import { partsOf, type XlPart } from './specification-parts.ts';
import { suggestion } from './suggest.ts';
import type { XlAtom, XlRange, XlValue } from './syntax.ts';

export function checkValue(report: Report, key: string, type: XlType, value: XlValue): void {
  const candidates = type.kind === 'either' ? type.of : [type];
  const fitting = candidates.filter((one) => (one.kind === 'list') === (value.kind === 'list'));
  if (fitting.length === 0) {
    report.add('wrong-type', value, ...wrongShape(key, value), wrapped(report, value, candidates));
    return;
  }
  if (value.kind === 'list') {
    const [{ of }] = fitting as [Extract<XlType, { kind: 'list' }>];
    for (const item of value.items) checkElement(report, key, of, item);
  } else {
    checkAtom(report, key, fitting as readonly XlAtomType[], value);
  }
}

function checkElement(report: Report, key: string, type: XlType, item: XlValue): void {
  if (type.kind === 'list' || item.kind === 'atom') {
    checkValue(report, key, type, item);
    return;
  }
  report.add(
    'wrong-type',
    item,
    `'${key}' has a list inside its list`,
    'Write its elements as strings or numbers.',
  );
}

function wrongShape(key: string, value: XlValue): [message: string, hint: string] {
  return value.kind === 'list'
    ? [`'${key}' is a list`, 'Write a single value.']
    : [`'${key}' is not a list, and xl drops it`, 'Put it into [ ].'];
}

/** `disk = "…"` becomes `disk = [ "…" ]`. */
function wrapped(report: Report, value: XlValue, types: readonly XlType[]) {
  const { text } = report.document;
  if (value.kind === 'list') {
    const [only, second] = value.items;
    if (only?.kind !== 'atom' || second !== undefined) return {};
    return { fixes: [replacement(value, text.slice(only.from, only.to))] };
  }
  const list = types.find(({ kind }) => kind === 'list');
  if (list?.kind !== 'list' || list.of.kind === 'list') return {};
  return { fixes: [replacement(value, `[ ${text.slice(value.from, value.to)} ]`)] };
}

/** One of `types` has to fit; the first one's complaint is told. */
function checkAtom(report: Report, key: string, types: readonly XlAtomType[], atom: XlAtom): void {
  const [first] = types;
  if (first?.kind === 'specification') {
    checkSpecification(report, key, first.specification, atom);
    return;
  }
  const complaints = types.map((type) => complaintOf(type, atom.text));
  const complaint = complaints[0];
  if (complaint === undefined || complaints.includes(undefined)) return;
  const fixes = complaint.instead === undefined ? [] : [replacement(atom, complaint.instead)];
  report.add(complaint.code, atom, `'${key}' ${complaint.message}`, complaint.hint, { fixes });
}

interface Complaint {
  readonly code: 'wrong-type' | 'wrong-value';
  /** Behind the name of the key. */
  readonly message: string;
  readonly hint: string;
  /** As it would be written in the file. */
  readonly instead?: string;
}

export function complaintOf(type: XlAtomType, text: string): Complaint | undefined {
  switch (type.kind) {
    case 'string': {
      const { form } = type;
      if (form === undefined || form.pattern.test(text)) return undefined;
      return { code: 'wrong-value', message: `is '${shortened(text)}'`, hint: `Write ${form.words}.` };
    }
    case 'path':
      if (text !== '') return undefined;
      return { code: 'wrong-value', message: 'is empty', hint: 'Name a file, or drop the line.' };
    case 'number':
      return numberComplaint(text, type.lowest, type.highest, type.unit);
    case 'boolean':
      return booleanComplaint(text);
    case 'choice':
      return choiceComplaint(type, text);
    case 'specification':
      return undefined;
  }
}

function numberComplaint(
  text: string,
  lowest?: number,
  highest?: number,
  unit?: string,
): Complaint | undefined {
  const value = strtol(text);
  const range =
    highest !== undefined
      ? `from ${lowest ?? 0} to ${highest}`
      : lowest !== undefined
        ? `from ${lowest}`
        : '';
  if (value === undefined) {
    const hint = `Write a number${range && ` ${range}`}${unit === undefined ? '' : `, in ${unit}`}.`;
    return { code: 'wrong-type', message: `is '${shortened(text)}', not a number`, hint };
  }
  if (value >= (lowest ?? value) && value <= (highest ?? value)) return undefined;
  return { code: 'wrong-value', message: `is ${value}`, hint: `It must be ${range}.` };
}

const WORDS: Readonly<Record<string, string>> = {
  true: '1',
  yes: '1',
  on: '1',
  false: '0',
  no: '0',
  off: '0',
};

function booleanComplaint(text: string): Complaint | undefined {
  if (strtol(text) !== undefined) return undefined;
  const digit = WORDS[text.toLowerCase()];
  return {
    code: 'wrong-type',
    message: `is '${shortened(text)}'`,
    hint: `Switches are numbers: write ${digit ?? '0 or 1'}.`,
    ...(digit !== undefined && { instead: digit }),
  };
}

function choiceComplaint(type: Extract<XlAtomType, { kind: 'choice' }>, text: string): Complaint | undefined {
  const names = Object.keys(type.values);
  const wanted = type.caseless ? text.toLowerCase() : text;
  if (names.includes(wanted)) return undefined;
  const like = names.includes(text.toLowerCase()) ? text.toLowerCase() : suggestion(text, names);
  const shown = names.filter((name) => name !== '');
  return {
    code: 'wrong-value',
    message: `cannot be '${shortened(text)}'`,
    hint: `Use ${shown.map((name) => `"${name}"`).join(', ')}.`,
    ...(like !== undefined && { instead: `"${like}"` }),
  };
}

// ---------------------------------------------------------------- strings with sub-keys

function checkSpecification(report: Report, key: string, specification: XlSpecification, atom: XlAtom): void {
  const { options, required, positional, unknown } = specification;
  if (unknown === 'unchecked') return;
  const parts = partsOf(atom.text, specification);
  for (const part of parts) {
    const range = rangeInside(atom, part.from, part.to);
    const option = part.option === undefined ? undefined : own(options, part.option);
    if (part.option === undefined) {
      const message =
        positional.length > 0
          ? `'${shortened(part.value)}' is one part too many in ${specification.name}`
          : `'${shortened(part.value)}' has no '=' in ${specification.name}`;
      report.add(strange(specification), range, message, `Write it as in "${specification.example}".`);
    } else if (option === undefined) {
      unknownOption(
        report,
        specification,
        part.option,
        rangeInside(atom, part.from, part.from + part.option.length),
      );
    } else {
      const valueRange = rangeInside(atom, part.valueFrom, part.valueFrom + part.value.length);
      checkOption(report, key, part.option, option, part.value, range, valueRange, atom);
    }
    if (part.old !== undefined) oldStyle(report, atom, part, part.old);
  }
  const present = new Set(parts.map(({ option }) => option));
  // An empty string asks for an interface with all defaults.
  const missing = required.filter((name) => !present.has(name));
  for (const name of missing) {
    report.add(
      'wrong-option',
      atom,
      `${specification.name} needs '${name}'`,
      `Write it as in "${specification.example}".`,
    );
  }
}

/** Formats that an old prefix stands for. */
const FORMATS: Readonly<Record<string, string>> = {
  'phy:': 'raw',
  'file:': 'raw',
  'aio:': 'raw',
  'tap:aio:': 'raw',
  'raw:': 'raw',
  'qcow:': 'qcow',
  'qcow2:': 'qcow2',
  'vhd:': 'vhd',
};

function oldStyle(
  report: Report,
  atom: XlAtom,
  part: XlPart,
  { text, at }: { text: string; at: number },
): void {
  const range = rangeInside(atom, at, at + text.length);
  if (text.startsWith(':')) {
    const kind = text.slice(1);
    report.add('old-prefix', range, `'${text}' behind a device is an old way`, `Write devtype=${kind}.`);
    return;
  }
  const format = FORMATS[text];
  const end = rangeInside(atom, part.to, part.to).to;
  const plain = end !== atom.to;
  report.add(
    'old-prefix',
    range,
    `the prefix '${text}' of a target is an old way`,
    'Write the target without it, then the format, as in "/dev/vg/volume,raw,xvda,rw".',
    {
      fixes:
        format === undefined || !plain
          ? []
          : [
              {
                title: `Write the format ${format} behind the target`,
                edits: [
                  { ...range, text: '' },
                  { from: end, to: end, text: `,${format}` },
                ],
              },
            ],
    },
  );
}

const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

const strange = ({ unknown }: XlSpecification) => (unknown === 'refused' ? 'wrong-option' : 'unknown-option');

function unknownOption(report: Report, specification: XlSpecification, name: string, range: XlRange): void {
  const like = suggestion(name, Object.keys(specification.options));
  const does = specification.unknown === 'refused' ? 'is refused by xl' : 'is ignored by xl';
  report.add(
    strange(specification),
    range,
    `'${shortened(name)}' is not an option of ${specification.name} and ${does}`,
    like === undefined ? `Write it as in "${specification.example}".` : `Did you mean '${like}'?`,
    { fixes: like === undefined ? [] : [replacement(range, like)] },
  );
}

function checkOption(
  report: Report,
  key: string,
  name: string,
  option: XlOption,
  value: string,
  range: XlRange,
  valueRange: XlRange,
  atom: XlAtom,
): void {
  if (option.since !== undefined) {
    report.add(
      'newer-xen',
      range,
      `'${name}' of '${key}' came with Xen ${option.since}`,
      'The xl of Xen 4.17 does not know it.',
    );
  } else if (option.arm === 'x86') {
    report.add('x86-only', range, `'${name}' of '${key}' means nothing to an Arm guest`, 'Remove it.');
  } else if (option.deprecated !== undefined) {
    const renamed = option.deprecated !== 'nothing';
    const nameRange = rangeInside(atom, range.from - atom.from - 1, range.from - atom.from - 1 + name.length);
    report.add(
      'deprecated',
      range,
      `'${name}' of '${key}' is deprecated`,
      renamed ? `Write ${option.deprecated} instead.` : 'Remove it.',
      { fixes: renamed ? [replacement(nameRange, option.deprecated)] : [] },
    );
  }
  if (option.type === undefined) return;
  const complaint = complaintOf(option.type, value.trim());
  if (complaint === undefined) return;
  const fixes =
    complaint.instead === undefined ? [] : [replacement(valueRange, complaint.instead.replaceAll('"', ''))];
  report.add('wrong-option', valueRange, `'${name}' of '${key}' ${complaint.message}`, complaint.hint, {
    fixes,
  });
}

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
