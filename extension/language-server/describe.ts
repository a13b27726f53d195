// Rows of the table in words, as Markdown: for hover and beside completions.

import type { XlAtomType, XlKey, XlOption, XlType } from '../../emulator/formats/xl-config/keys/row.ts';

export function describeKey(name: string, key: XlKey): string {
  return [
    `**${name}** = ${typeInWords(key.type)}`,
    key.doc,
    ...valuesOf(key.type),
    ...(key.default === undefined ? [] : [`Default: ${key.default}`]),
    ...standing(key),
    ...running(name, key),
  ].join('\n\n');
}

export function describeOption(name: string, option: XlOption): string {
  const syntax = option.type === undefined ? `**${name}**` : `**${name}** = ${typeInWords(option.type)}`;
  return [
    syntax,
    option.doc,
    ...(option.type === undefined ? [] : valuesOf(option.type)),
    ...(option.default === undefined ? [] : [`Default: ${option.default}`]),
    ...standing(option),
  ].join('\n\n');
}

export function typeInWords(type: XlType): string {
  switch (type.kind) {
    case 'list':
      return type.of.kind === 'list' ? 'list of lists' : `list, each ${typeInWords(type.of)}`;
    case 'either':
      return type.of.map(typeInWords).join(' or ');
    case 'string':
      return type.form === undefined ? 'text' : `text: ${type.form.words}`;
    case 'path':
      return 'path of a file';
    case 'number':
      return numberInWords(type);
    case 'boolean':
      return 'switch: 0 or 1';
    case 'choice':
      return 'one of the words below';
    case 'specification':
      return `text, ${type.specification.name} such as \`"${type.specification.example}"\``;
  }
}

function numberInWords({ lowest, highest, unit }: Extract<XlAtomType, { kind: 'number' }>): string {
  const range =
    highest !== undefined
      ? ` from ${lowest ?? 0} to ${highest}`
      : lowest !== undefined && lowest > 0
        ? ` from ${lowest}`
        : '';
  return `number${range}${unit === undefined ? '' : ` (${unit})`}`;
}

function valuesOf(type: XlType): string[] {
  if (type.kind === 'list') return valuesOf(type.of);
  if (type.kind === 'either') return type.of.flatMap(valuesOf);
  if (type.kind === 'choice') {
    const entries = Object.entries(type.values).filter(([value]) => value !== '');
    return [entries.map(([value, meaning]) => `- \`"${value}"\`: ${meaning}`).join('\n')];
  }
  if (type.kind !== 'specification') return [];
  const options = Object.entries(type.specification.options).filter(([, { arm }]) => arm !== 'x86');
  return [options.map(([name, { doc }]) => `- \`${name}\`: ${doc}`).join('\n')];
}

function standing({ arm, since, deprecated }: Pick<XlKey, 'since' | 'deprecated'> & { arm?: XlKey['arm'] }) {
  return [
    ...(arm === 'x86' ? ['*For x86 guests: it means nothing to an Arm guest.*'] : []),
    ...(arm === 'parsed' ? ['*Read on Arm, and of little use there.*'] : []),
    ...(since === undefined ? [] : [`*Since Xen ${since}; the xl of Xen 4.17 drops it.*`]),
    ...(deprecated === undefined
      ? []
      : [`*Deprecated: ${deprecated === 'nothing' ? 'remove it' : `write \`${deprecated}\` instead`}.*`]),
  ];
}

function running(name: string, { run, arm, since }: XlKey): string[] {
  if (arm === 'x86' || since !== undefined || run.status === 'used') return [];
  if (run.status === 'no-effect') return [`*In Xenscope it has no effect: ${run.why}.*`];
  const { except } = run;
  if (except !== undefined) return [`*In Xenscope: ${except.hint}*`];
  const neutral = run.neutral.filter((value) => value !== '');
  const allowed = neutral.length > 0 ? `, but with ${neutral.join(' or ')}` : '';
  return [`*Xenscope does not model it yet, and refuses to run a configuration with \`${name}\`${allowed}.*`];
}
