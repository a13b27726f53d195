// Sources that are not on this machine under the path at which the guest was built: how to see it, and which key of a
// configuration leads to them. Nothing of the editor is in here, so that tests can look at it.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';

/** The path that is missing: a frame with a line shows instructions instead, and says where they come from. */
export function missingSource(frame: Dap.StackFrame | undefined): string | undefined {
  const { sourceReference = 0, origin = '' } = frame?.source ?? {};
  return sourceReference > 0 ? /^(.*[/\\].*):\d+$/.exec(origin)?.[1] : undefined;
}

/** From where it was built to where it is. */
export interface Mapping {
  readonly from: string;
  readonly to: string;
}

/** The longest end of the path that lies below the folder decides. Undefined: none does. */
export async function mappingInto(
  missing: string,
  folder: string,
  exists: (path: string) => Promise<boolean>,
): Promise<Mapping | undefined> {
  const parts = missing.split('/');
  for (let at = 1; at < parts.length; at++) {
    const from = parts.slice(0, at).join('/');
    if (from !== '' && (await exists(`${folder}/${parts.slice(at).join('/')}`))) return { from, to: folder };
  }
  return undefined;
}

/**
 * What a configuration says of it: an entry of `sourceMap`, or where the compiler was told to leave out the beginning
 * of paths, the folder as `sourceTree`, as such paths begin in many ways.
 */
export const keyOf = ({
  from,
  to,
}: Mapping): { sourceMap: Readonly<Record<string, string>> } | { sourceTree: string } =>
  /^(?:\/|[a-z]:)/i.test(from) ? { sourceMap: { [from]: to } } : { sourceTree: to };

/** launch.json with that in the configuration of that name; comments stay. Undefined: there is none. */
export function withMapping(text: string, name: string, mapping: Mapping): string | undefined {
  const keys = keysOf(text);
  const configuration = keys.find(
    ({ key, value, depth }) => depth === IN_CONFIGURATION && key === 'name' && value === name,
  );
  if (!configuration) return undefined;
  const [wanted, value] = Object.entries(keyOf(mapping))[0] ?? [];
  const { object, start, end } = configuration;
  const found = keys.find(({ key, object: around }) => key === wanted && around === object);
  if (!found) {
    const line = `"${wanted}": ${JSON.stringify(value, null, ' ').replaceAll(/\s*\n\s*/g, ' ')}`;
    return `${text.slice(0, end)},\n${indentAt(text, start)}${line}${text.slice(end)}`;
  }
  if (typeof value === 'string') {
    if (found.value === undefined) return undefined;
    const before = text.slice(0, found.end).replace(/"(?:\\.|[^"\\])*"$/, () => JSON.stringify(value));
    return before + text.slice(found.end);
  }
  const open = text.indexOf('{', found.start) + 1;
  const isEmpty = /^\s*\}/.test(text.slice(open));
  const entry = `${JSON.stringify(mapping.from)}: ${JSON.stringify(mapping.to)}`;
  return `${text.slice(0, open)} ${entry}${isEmpty ? ' ' : ','}${text.slice(open)}`;
}

/** `{ "configurations": [ {`: domains have names as well. */
const IN_CONFIGURATION = 3;

interface Key {
  readonly key: string;
  /** Of a text. */
  readonly value: string | undefined;
  readonly start: number;
  /** Behind the value, of a text. */
  readonly end: number;
  /** Where the object around it begins, and how deep that is. */
  readonly object: number;
  readonly depth: number;
}

/** The keys of JSON with comments. */
function keysOf(text: string): Key[] {
  const keys: Key[] = [];
  const open: number[] = [];
  /** The last token was a key. */
  let waiting = false;
  for (const { 0: token, index: start } of text.matchAll(
    /"(?:\\.|[^"\\])*"|\/\/.*|\/\*[\s\S]*?\*\/|[{}[\]]/g,
  )) {
    if (token.startsWith('/')) continue;
    const end = start + token.length;
    const key = keys.at(-1);
    const isKey = token.startsWith('"') && /^\s*:/.test(text.slice(end));
    if (isKey) keys.push({ ...known(open), key: textOf(token), value: undefined, start, end });
    else if (token === '{' || token === '[') open.push(start);
    else if (token === '}' || token === ']') open.pop();
    else if (waiting && key) keys.splice(-1, 1, { ...key, value: textOf(token), end });
    waiting = isKey;
  }
  return keys;
}

const known = (open: readonly number[]): { object: number; depth: number } => ({
  object: open.at(-1) ?? 0,
  depth: open.length,
});

function textOf(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    return token.slice(1, -1);
  }
}

const indentAt = (text: string, at: number): string =>
  /^\s*/.exec(text.slice(text.lastIndexOf('\n', at) + 1))?.[0] ?? '';
