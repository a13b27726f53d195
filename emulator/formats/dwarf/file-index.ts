// Which line tables know which source file. Built once, from the headers of all line tables:
// a breakpoint in `init/main.c` then decodes one table of 2,757.

import type { DwarfSections } from './sections.ts';
import { Cursor } from './cursor.ts';
import { readLineHeader, readLineUnitEnd } from './line-header.ts';
import type { LineHeader, Name } from './line-header.ts';

export interface FileUse {
  /** Offset of the line table in .debug_line. */
  readonly table: number;
  /** Index of the file in that table. */
  readonly file: number;
}

export class FileIndex {
  private readonly uses = new Map<string, FileUse[]>();

  static async build(sections: DwarfSections): Promise<FileIndex> {
    const index = new FileIndex();
    const names = new Names(await sections.whole('line_str'), await sections.whole('str'));
    const lines = await sections.whole('line');
    sections.guard('line', () => {
      for (let offset = 0; offset < lines.length; ) {
        const end = readLineUnitEnd(new Cursor(lines.subarray(offset), offset));
        index.add(offset, readLineHeader(new Cursor(lines.subarray(offset, end), offset), sections), names);
        offset = end;
      }
    });
    return index;
  }

  /** Paths as the compiler saw them, without `.` and `..`. */
  get paths(): string[] {
    return [...this.uses.keys()].sort();
  }

  /** The files whose path is, or ends in the components of, `path`. */
  matching(path: string): { path: string; uses: readonly FileUse[] }[] {
    const wanted = `/${normalizePath(path).replace(/^\/+/, '')}`;
    const matches: { path: string; uses: readonly FileUse[] }[] = [];
    for (const [known, uses] of this.uses) {
      if (`/${known}`.endsWith(wanted)) matches.push({ path: known, uses });
    }
    return matches;
  }

  private add(table: number, header: LineHeader, names: Names): void {
    header.files.forEach(({ name, directory }, file) => {
      if (name === '') return;
      const path = names.path(header.directories[0] ?? '', header.directories[directory] ?? '', name);
      let uses = this.uses.get(path);
      if (uses === undefined) {
        uses = [];
        this.uses.set(path, uses);
      }
      // Version 5 tables name the unit's own file twice, as 0 and 1.
      uses.push({ table, file });
    });
  }
}

/** Joins directory and name; a path from two string offsets is joined once for all tables. */
class Names {
  private readonly lineStrings: Uint8Array;
  private readonly strings: Uint8Array;
  private readonly texts = new Map<string, string>();
  private readonly paths = new Map<number, Map<number, string>>();

  constructor(lineStrings: Uint8Array, strings: Uint8Array) {
    this.lineStrings = lineStrings;
    this.strings = strings;
  }

  path(base: Name, directory: Name, name: Name): string {
    if (typeof directory === 'string' || typeof name === 'string') return this.join(base, directory, name);
    let byName = this.paths.get(directory.offset);
    if (byName === undefined) {
      byName = new Map();
      this.paths.set(directory.offset, byName);
    }
    let path = byName.get(name.offset);
    if (path === undefined) {
      path = this.join(base, directory, name);
      byName.set(name.offset, path);
    }
    return path;
  }

  private join(base: Name, directory: Name, name: Name): string {
    return joinPath(this.text(base), this.text(directory), this.text(name));
  }

  private text(name: Name): string {
    if (typeof name === 'string') return name;
    const key = `${name.section}:${name.offset}`;
    let text = this.texts.get(key);
    if (text === undefined) {
      const table = name.section === 'str' ? this.strings : this.lineStrings;
      const end = table.indexOf(0, name.offset);
      text = new TextDecoder().decode(table.subarray(name.offset, end === -1 ? table.length : end));
      this.texts.set(key, text);
    }
    return text;
  }
}

/** `name` in `directory`, itself in `base`, as far as they are relative. */
export function joinPath(base: string, directory: string, name: string): string {
  if (name.startsWith('/')) return normalizePath(name);
  const relative = directory === '' ? name : `${directory}/${name}`;
  if (relative.startsWith('/') || base === '' || base === directory) return normalizePath(relative);
  return normalizePath(`${base}/${relative}`);
}

export function normalizePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.replaceAll('\\', '/').split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else parts.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + parts.join('/');
}
