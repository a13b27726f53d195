// The manifest's description of launch.json, rendered from the adapter's schema: the attributes go into
// package.json, their texts into package.nls.json, where they can be translated.
//
//   node test/tools/contributes.ts --write

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { configurationAttributes } from '../../debug-adapter/configuration.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'package.json');
const TEXTS = join(ROOT, 'package.nls.json');
/** What begins so in package.nls.json is rendered. */
const PREFIX = 'launch.';

interface Manifest {
  contributes: { debuggers: { configurationAttributes: unknown }[] };
}

/** Both files as they ought to be: path to content. */
export function renderedManifest(): ReadonlyMap<string, string> {
  const texts: Record<string, string> = {};
  const attributes = withoutTexts(configurationAttributes(), [], texts);

  const manifest = JSON.parse(readFileSync(PACKAGE, 'utf8')) as Manifest;
  for (const debugType of manifest.contributes.debuggers) debugType.configurationAttributes = attributes;

  const written = JSON.parse(readFileSync(TEXTS, 'utf8')) as Record<string, string>;
  const kept = Object.entries(written).filter(([key]) => !key.startsWith(PREFIX));
  return new Map([
    [PACKAGE, rendered(manifest)],
    [TEXTS, rendered({ ...Object.fromEntries(kept), ...texts })],
  ]);
}

const rendered = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The schema with each text replaced by its key, the texts collected. */
function withoutTexts(node: unknown, path: readonly string[], texts: Record<string, string>): unknown {
  if (Array.isArray(node)) return node.map((item, i) => withoutTexts(item, [...path, String(i)], texts));
  if (typeof node !== 'object' || node === null) return node;
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(node)) {
    // Every safe integer: says nothing to a reader.
    if ((name === 'maximum' || name === 'exclusiveMaximum') && value === Number.MAX_SAFE_INTEGER) continue;
    if (name === 'markdownDescription' && typeof value === 'string') {
      result[name] = keyed(value, keyOf(path), texts);
    } else if (name === 'enumDescriptions' && Array.isArray(value)) {
      result[name] = value.map((text: string, i) => keyed(text, `${keyOf(path)}.${i}`, texts));
    } else {
      result[name] = withoutTexts(value, [...path, name], texts);
    }
  }
  return result;
}

function keyed(text: string, key: string, texts: Record<string, string>): string {
  texts[key] = text;
  return `%${key}%`;
}

/** `launch.domains.kernel`: the attribute's place in launch.json. */
function keyOf(path: readonly string[]): string {
  const structure = new Set(['launch', 'properties']);
  return PREFIX + path.filter((part) => !structure.has(part)).join('.');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [path, text] of renderedManifest()) {
    if (process.argv.includes('--write')) writeFileSync(path, text);
    else if (readFileSync(path, 'utf8') !== text) {
      console.error(`${path} is not up to date: node test/tools/contributes.ts --write`);
      process.exitCode = 1;
    }
  }
}
