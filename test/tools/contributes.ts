// What is rendered in the manifest: the description of launch.json, from the adapter's schema, and the commands
// and menus of panels, from their table. Texts go into package.nls.json, where they can be translated.
//
//   node test/tools/contributes.ts --write

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { configurationAttributes } from '../../debug-adapter/configuration.ts';
import {
  type Contributions,
  PANELS_MENU,
  panelContributions,
  RENDERED_COMMANDS,
} from '../../extension/contributions.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'package.json');
const TEXTS = join(ROOT, 'package.nls.json');
/** What begins so in package.nls.json is rendered. */
const PREFIX = 'launch.';
const PANELS_PREFIX = 'command.panel';

interface MenuItem {
  readonly command?: string;
  readonly submenu?: string;
}

interface Manifest {
  activationEvents: string[];
  contributes: {
    debuggers: { configurationAttributes: unknown }[];
    commands: { command: string }[];
    submenus?: { id: string }[];
    menus?: Record<string, readonly MenuItem[]>;
  };
}

/** Both files as they ought to be: path to content. */
export function renderedManifest(): ReadonlyMap<string, string> {
  const texts: Record<string, string> = {};
  const attributes = withoutTexts(configurationAttributes(), [], texts);

  const manifest = JSON.parse(readFileSync(PACKAGE, 'utf8')) as Manifest;
  for (const debugType of manifest.contributes.debuggers) debugType.configurationAttributes = attributes;

  const panels = panelContributions();
  addPanels(manifest, panels);

  const written = JSON.parse(readFileSync(TEXTS, 'utf8')) as Record<string, string>;
  const kept = Object.entries(written).filter(
    ([key]) => !key.startsWith(PREFIX) && !key.startsWith(PANELS_PREFIX),
  );
  return new Map([
    [PACKAGE, rendered(manifest)],
    [TEXTS, rendered({ ...Object.fromEntries(kept), ...panels.texts, ...texts })],
  ]);
}

/** What others wrote stays, in its order; what belongs to panels follows. */
function addPanels(manifest: Manifest, panels: Contributions): void {
  const { contributes } = manifest;
  const events = manifest.activationEvents.filter((event) => !event.startsWith('onWebviewPanel:'));
  manifest.activationEvents = [...events, ...panels.activationEvents];
  contributes.commands = [
    ...contributes.commands.filter(({ command }) => !command.startsWith(RENDERED_COMMANDS)),
    ...panels.commands,
  ];
  contributes.submenus = [
    ...(contributes.submenus ?? []).filter(({ id }) => id !== PANELS_MENU),
    ...panels.submenus,
  ];
  const menus = { ...contributes.menus };
  for (const place of new Set([...Object.keys(menus), ...Object.keys(panels.menus)])) {
    const others = (menus[place] ?? []).filter(
      ({ command, submenu }) => submenu !== PANELS_MENU && !command?.startsWith(RENDERED_COMMANDS),
    );
    menus[place] = [...others, ...(panels.menus[place] ?? [])];
  }
  contributes.menus = menus;
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
