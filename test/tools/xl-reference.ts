// The reference page of xl.cfg, rendered from the table of keys and the rules of its diagnostics.
//
//   node test/tools/xl-reference.ts --write

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { xlRules } from '../../emulator/formats/xl-config/findings.ts';
import { xlKeys } from '../../emulator/formats/xl-config/keys.ts';
import type { XlKey, XlOption, XlSpecification, XlType } from '../../emulator/formats/xl-config/keys/row.ts';
import { typeInWords } from '../../extension/language-server/describe.ts';

const PAGE = join(import.meta.dirname, '../../emulator/reference/xl-cfg.md');

export function renderedReference(): { readonly committed: string; readonly rendered: string } {
  return { committed: existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '', rendered: rendered() };
}

function rendered(): string {
  const rows = [...xlKeys];
  const forArm = rows.filter(([, { arm, since }]) => arm !== 'x86' && since === undefined);
  const newer = rows.filter(([, { arm, since }]) => arm !== 'x86' && since !== undefined);
  const x86 = rows.filter(([, { arm }]) => arm === 'x86').map(([name]) => `\`${name}\``);
  return [
    '<!-- Rendered from emulator/formats/xl-config/keys.ts by test/tools/xl-reference.ts. -->',
    '# xl.cfg',
    'What the keys of a domain configuration mean to an Arm guest, as `xl` of Xen 4.17 reads them, and what a run ' +
      'in Xenscope makes of them. The editor and `xenscope check` work from the same table.',
    '## Keys',
    ...table(
      ['key', 'value', 'default', 'meaning', 'in Xenscope'],
      forArm.map(([name, key]) => [
        `\`${name}\``,
        valueOf(key.type),
        key.default ?? '',
        `${key.doc}${key.deprecated === undefined ? '' : ` *Deprecated: \`${key.deprecated}\`.*`}`,
        inXenscope(key),
      ]),
    ),
    '## Keys of later releases',
    'The `xl` of Xen 4.17 drops them without a word.',
    ...table(
      ['key', 'since', 'value', 'meaning'],
      newer.map(([name, key]) => [`\`${name}\``, key.since ?? '', valueOf(key.type), key.doc]),
    ),
    '## Keys for x86 guests',
    `They mean nothing to an Arm guest: ${x86.join(', ')}.`,
    '## Device strings',
    ...specificationsOf(rows).flatMap(([name, specification]) => [
      `### ${name}`,
      `For example \`"${specification.example}"\`.${inOrder(specification)}`,
      ...table(
        ['option', 'value', 'default', 'meaning'],
        Object.entries(specification.options)
          .filter(([, { arm }]) => arm !== 'x86')
          .map(([option, row]) => [`\`${option}\``, optionValue(row), row.default ?? '', optionDoc(row)]),
      ),
    ]),
    '## Findings',
    '`xenscope check` ends with status 1 when there is an error.',
    ...table(
      ['code', 'degree', 'meaning'],
      Object.entries(xlRules).map(([code, { severity, doc }]) => [`\`${code}\``, severity, doc]),
    ),
    '',
  ].join('\n\n');
}

/** One string: rows of a table stand without empty lines between them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')];
}

function inXenscope({ run }: XlKey): string {
  if (run.status === 'used') return 'used';
  if (run.status === 'no-effect') return `no effect: ${run.why}`;
  if (run.except !== undefined) return run.except.hint;
  const neutral = run.neutral.map((value) => (value === '' ? 'empty' : `\`${value}\``));
  return neutral.length > 0 ? `refused, unless ${neutral.join(' or ')}` : 'refused';
}

function valueOf(type: XlType): string {
  if (type.kind === 'list') return type.of.kind === 'list' ? 'list of lists' : `list: ${valueOf(type.of)}`;
  if (type.kind === 'either') return type.of.map(valueOf).join(' or ');
  if (type.kind === 'specification') return 'device strings, see below';
  if (type.kind !== 'choice') return typeInWords(type);
  const values = Object.keys(type.values).filter((value) => value !== '');
  const shown = values.length > 8 ? [...values.slice(0, 3), '…', ...values.slice(-1)] : values;
  return shown.map((value) => (value === '…' ? value : `\`"${value}"\``)).join(', ');
}

const optionValue = ({ type }: XlOption): string => (type === undefined ? 'stands alone' : valueOf(type));

const optionDoc = ({ doc, since, deprecated }: XlOption): string =>
  [
    doc,
    ...(since === undefined ? [] : [`*Since Xen ${since}.*`]),
    ...(deprecated === undefined ? [] : ['*Deprecated.*']),
  ].join(' ');

const inOrder = ({ positional }: XlSpecification): string =>
  positional.length === 0 ? '' : ` Without names, in this order: ${positional.join(', ')}.`;

function specificationsOf(rows: readonly (readonly [string, XlKey])[]): [string, XlSpecification][] {
  return rows.flatMap(([name, { type }]) => {
    const inner = type.kind === 'list' ? type.of : type;
    return inner.kind === 'specification' ? [[name, inner.specification] as [string, XlSpecification]] : [];
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { committed, rendered: page } = renderedReference();
  if (process.argv.includes('--write')) {
    mkdirSync(dirname(PAGE), { recursive: true });
    writeFileSync(PAGE, page);
  } else if (committed !== page) {
    console.error(`${PAGE} is not up to date: node test/tools/xl-reference.ts --write`);
    process.exitCode = 1;
  }
}
