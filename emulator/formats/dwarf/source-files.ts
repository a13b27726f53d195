// The source files that a unit names by number (DW_AT_decl_file, DW_AT_call_file), from the header of its line table.

import * as dw from './constants.ts';
import { joinPath } from './file-index.ts';
import { readLineHeader } from './line-header.ts';
import type { LineHeader, Name } from './line-header.ts';
import type { DwarfSections } from './sections.ts';
import { textOf } from './units.ts';
import type { Unit } from './units.ts';

/** The path of a file as the compiler saw it, without `.` and `..`; empty when it is not named. */
export async function pathOf(
  sections: DwarfSections,
  unit: Unit,
  { files, directories }: Pick<LineHeader, 'files' | 'directories'>,
  index: number,
): Promise<string> {
  const file = files[index];
  if (file === undefined) return '';
  const text = async (name: Name | undefined): Promise<string> =>
    typeof name === 'object' ? sections.stringIn(name.section, name.offset) : (name ?? '');
  const compileDirectory = await textOf(sections, unit, unit.root.get(dw.DW_AT_comp_dir));
  const base = (await text(directories[0])) || (compileDirectory ?? '');
  return joinPath(base, await text(directories[file.directory]), await text(file.name));
}

/** The files of one unit. */
export class SourceFiles {
  private readonly sections: DwarfSections;
  private readonly unit: Unit;
  private header: Promise<LineHeader | undefined> | undefined;
  private readonly paths = new Map<number, Promise<string>>();

  constructor(sections: DwarfSections, unit: Unit) {
    this.sections = sections;
    this.unit = unit;
  }

  path(index: number): Promise<string> {
    let path = this.paths.get(index);
    if (path === undefined) {
      path = this.read(index);
      this.paths.set(index, path);
    }
    return path;
  }

  private async read(index: number): Promise<string> {
    this.header ??= this.readHeader();
    const header = await this.header;
    return header === undefined ? '' : pathOf(this.sections, this.unit, header, index);
  }

  private async readHeader(): Promise<LineHeader | undefined> {
    const list = this.unit.root.get(dw.DW_AT_stmt_list);
    if (list?.kind !== 'number') return undefined;
    return this.sections.parse('line', list.value, (cursor) => readLineHeader(cursor, this.sections));
  }
}
