// Units whose entries the compiler put beside the program (DWARF 5, section 7.3.2; GCC's -gsplit-dwarf of DWARF 4):
// one .dwo file for each unit, or a .dwp file with all of them (section 7.3.5).

import { UserError } from '../../base/errors.ts';
import { ElfFile, viewOf } from '../elf.ts';
import { Cursor } from './cursor.ts';
import type { DebugFiles } from './debug-files.ts';
import { folderOf } from './debug-files.ts';
import { joinPath } from './file-index.ts';
import { DwarfSections } from './sections.ts';

/** DW_SECT_*: columns of the index. */
const COLUMNS_5: Readonly<Record<number, string>> = {
  1: 'info',
  3: 'abbrev',
  4: 'line',
  5: 'loclists',
  6: 'str_offsets',
  8: 'rnglists',
};
const COLUMNS_2: Readonly<Record<number, string>> = {
  1: 'info',
  2: 'types',
  3: 'abbrev',
  4: 'line',
  5: 'loc',
  6: 'str_offsets',
};

type Parts = ReadonlyMap<string, readonly [offset: number, size: number]>;

interface Package {
  readonly elf: ElfFile;
  readonly common: DwarfSections;
  readonly units: ReadonlyMap<bigint, Parts>;
}

export class SplitFiles {
  private readonly elf: ElfFile;
  private readonly program: DwarfSections;
  private readonly files: DebugFiles;
  private package_: Promise<Package | undefined> | undefined;

  constructor(elf: ElfFile, program: DwarfSections, files: DebugFiles) {
    this.elf = elf;
    this.program = program;
    this.files = files;
  }

  /** The sections with a unit's entries. `folder`: where it was compiled. */
  async sectionsOf(id: bigint, name: string, folder: string): Promise<DwarfSections> {
    this.package_ ??= this.openPackage();
    const all = await this.package_;
    const parts = all?.units.get(id);
    if (all !== undefined && parts !== undefined) {
      return new DwarfSections(all.elf, { program: this.program, parts, common: all.common });
    }
    const beside = folderOf(this.elf.source.name);
    const paths = [joinPath('', folder, name), joinPath('', beside, name), `${beside}/${lastOf(name)}`];
    for (const path of new Set(paths)) {
      const source = await this.files.open(path);
      if (source === undefined) continue;
      return new DwarfSections(await ElfFile.open(source, this.elf.decompress), { program: this.program });
    }
    throw new UserError(
      `the debug information of a unit is in '${name}', which was not found`,
      'Put it beside the program, or link with -gdwarf and without -gsplit-dwarf.',
      { file: this.elf.source.name },
    );
  }

  private async openPackage(): Promise<Package | undefined> {
    const source = await this.files.open(`${this.elf.source.name}.dwp`);
    if (source === undefined) return undefined;
    const elf = await ElfFile.open(source, this.elf.decompress);
    const section = elf.section('.debug_cu_index');
    if (section === undefined) return undefined;
    const common = new DwarfSections(elf, { program: this.program });
    const bytes = await elf.readSection(section);
    return { elf, common, units: common.guard('cu_index', () => readIndex(bytes)) };
  }
}

const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function readIndex(bytes: Uint8Array): Map<bigint, Parts> {
  const cursor = new Cursor(bytes, 0);
  const names = cursor.u32() === 2 ? COLUMNS_2 : COLUMNS_5;
  const columns = cursor.u32();
  const rows = cursor.u32();
  const slots = cursor.u32();
  const signatures = cursor.at;
  const indexes = signatures + 8 * slots;
  const identifiers = indexes + 4 * slots;
  const offsets = identifiers + 4 * columns;
  const sizes = offsets + 4 * columns * rows;
  // Passing over all of it tells whether it is there.
  cursor.skip(12 * slots + 4 * columns + 8 * columns * rows);
  const view = viewOf(bytes);
  const units = new Map<bigint, Parts>();
  for (let slot = 0; slot < slots; slot++) {
    const row = view.getUint32(indexes + 4 * slot, true);
    if (row === 0 || row > rows) continue;
    const parts = new Map<string, readonly [offset: number, size: number]>();
    for (let column = 0; column < columns; column++) {
      const name = names[view.getUint32(identifiers + 4 * column, true)];
      const cell = 4 * ((row - 1) * columns + column);
      if (name === undefined) continue;
      parts.set(name, [view.getUint32(offsets + cell, true), view.getUint32(sizes + cell, true)]);
    }
    units.set(view.getBigUint64(signatures + 8 * slot, true), parts);
  }
  return units;
}
