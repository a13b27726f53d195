// Entries of a launch.json for the command line: `launch.json#NAME`.

import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { UserError } from '../../emulator/base/errors.ts';
import { reasonOf } from './files.ts';
import { parseJsonc } from './jsonc.ts';

export interface LaunchFileEntry {
  /** As written, with variables replaced. */
  readonly configuration: Record<string, unknown>;
  /** The workspace folder, from which relative paths start. */
  readonly folder: string;
}

/** The file and the name in `FILE.json#NAME`; undefined for anything else. */
export function splitLaunchEntry(argument: string): { file: string; name: string } | undefined {
  const match = /^(.+\.json)#(.*)$/s.exec(argument);
  return match?.[1] === undefined ? undefined : { file: match[1], name: match[2] ?? '' };
}

export function readLaunchEntry(file: string, name: string): LaunchFileEntry {
  const refuse = (message: string, hint: string): never => {
    throw new UserError(message, hint, { file });
  };
  const parsed = parseJsonc(textOf(file), file);
  const configurations = isObject(parsed) ? parsed['configurations'] : undefined;
  if (!Array.isArray(configurations)) {
    return refuse("has no list 'configurations'", 'Give the launch.json of a workspace.');
  }
  const entries = configurations.filter(isObject);
  const entry = entries.find((candidate) => candidate['name'] === name);
  if (!entry) {
    const names = entries.map((candidate) => `'${String(candidate['name'])}'`).join(', ');
    const hint = names === '' ? 'It has none at all.' : `It has ${names}.`;
    return refuse(`has no configuration '${name}'`, hint);
  }
  if (entry['type'] !== 'xen') {
    return refuse(`'${name}' is of type '${String(entry['type'])}'`, "Only those of type 'xen' can be run.");
  }
  if (entry['request'] !== 'launch') {
    return refuse(`'${name}' has the request '${String(entry['request'])}'`, "Only 'launch' can be run.");
  }
  // Paths are meant from the workspace folder, which holds .vscode.
  const beside = dirname(resolve(file));
  const folder = basename(beside) === '.vscode' ? dirname(beside) : beside;
  const configuration = substitute(entry, folder, (variable) =>
    refuse(`'${name}' uses ${variable}, which only the editor knows`, 'Write out what it stands for.'),
  );
  return { configuration: configuration as Record<string, unknown>, folder };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot be read: ${reasonOf(error)}`, 'Check the path.', { file });
  }
}

function substitute(value: unknown, folder: string, unknown: (variable: string) => never): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([^}]*)\}/g, (variable, name: string) => {
      if (name === 'workspaceFolder' || name === 'workspaceRoot') return folder;
      if (name === 'userHome') return process.env['HOME'] ?? unknown(variable);
      if (name.startsWith('env:')) return process.env[name.slice(4)] ?? '';
      return unknown(variable);
    });
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, folder, unknown));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, substitute(item, folder, unknown)]),
  );
}
