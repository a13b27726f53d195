// The texts that the code shows to a user, `l10n.t('…')` in the extension and `t('…')` in panels, as the bundle
// that translations start from.
//
//   node test/tools/l10n.ts --write

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PANELS } from '../../extension/panels/panels.ts';
import { ROOT, sourceFiles } from '../repo/imports.ts';

const BUNDLE = join(ROOT, 'extension/l10n/bundle.l10n.json');
/** A call with a literal, which may hold escaped quotes. */
const LITERAL = String.raw`\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")`;
const IN_EXTENSION = new RegExp(String.raw`\bl10n\.t${LITERAL}`, 'g');
const IN_PANELS = new RegExp(String.raw`(?<![\w.])t${LITERAL}`, 'g');

/** Sorted, each once. */
export function textsInCode(): string[] {
  const found = [
    ...sourceFiles('extension').flatMap((file) => textsIn(file, IN_EXTENSION)),
    ...sourceFiles('media')
      .filter((file) => !file.startsWith('media/samples/'))
      .flatMap((file) => textsIn(file, IN_PANELS)),
    ...PANELS.map(({ title }) => title),
  ];
  return [...new Set(found)].sort();
}

function textsIn(file: string, call: RegExp): string[] {
  const code = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(call)].map(([, single, double]) => unescaped(single ?? double ?? ''));
}

const unescaped = (literal: string): string =>
  literal.replaceAll(/\\u\{?([0-9a-f]{4,6})\}?|\\(.)/gi, (_, code: string | undefined, character: string) =>
    code === undefined
      ? character === 'n'
        ? '\n'
        : character
      : String.fromCodePoint(Number.parseInt(code, 16)),
  );

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const texts = Object.fromEntries(textsInCode().map((text) => [text, text]));
  const bundle = `${JSON.stringify(texts, null, 2)}\n`;
  if (process.argv.includes('--write')) writeFileSync(BUNDLE, bundle);
  else if (readFileSync(BUNDLE, 'utf8') !== bundle) {
    console.error(`${BUNDLE} is not up to date: node test/tools/l10n.ts --write`);
    process.exitCode = 1;
  }
}
