// Headers of line number programs (DWARF 5, section 6.2.4; DWARF 4, same section): the files a
// unit names, and the parameters its program is decoded with.

import * as dw from './constants.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { readForm } from './forms.ts';
import type { Encoding, FormValue } from './forms.ts';
import type { DwarfSections } from './sections.ts';

/** The name of a file or directory: a text, or where it stands in a string section. */
export type Name = string | { readonly section: 'str' | 'line_str'; readonly offset: number };

export interface LineFile {
  readonly name: Name;
  readonly directory: number;
  /** Of the text that was compiled; clang records it. */
  readonly md5?: Uint8Array;
}

export interface LineHeader {
  readonly version: number;
  readonly addressSize: number;
  readonly directories: readonly Name[];
  /** Indexed as the program does: version 5 counts from 0, older ones from 1 (0 is a hole). */
  readonly files: readonly LineFile[];
  readonly minInstructionLength: number;
  readonly defaultIsStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  readonly operandCounts: Uint8Array;
  /** Offsets in .debug_line. */
  readonly program: number;
  readonly end: number;
}

/** Reads the two fields that tell how long the unit is. */
export function readLineUnitEnd(cursor: Cursor): number {
  const { length } = cursor.initialLength();
  return cursor.offset + length;
}

export function readLineHeader(cursor: Cursor, sections: DwarfSections): LineHeader {
  const start = cursor.offset;
  const { length, offsetSize } = cursor.initialLength();
  const end = cursor.offset + length;
  const version = cursor.u16();
  if (version < 2 || version > 5) throw new BadDwarf(`a line table has version ${version}`, start);
  const addressSize = version >= 5 ? cursor.u8() : 8;
  if (version >= 5) cursor.skip(1); // segment selectors do not exist on this architecture
  if (addressSize !== 4 && addressSize !== 8) {
    throw new BadDwarf(`a line table has addresses of ${addressSize} bytes`, start);
  }
  const headerLength = cursor.unsigned(offsetSize);
  const program = cursor.offset + headerLength;
  if (program > end) throw new BadDwarf('a line table header is longer than its unit', start);

  const minInstructionLength = cursor.u8();
  if (version >= 4) cursor.skip(1); // operations per instruction: 1 but on VLIW
  const defaultIsStatement = cursor.u8() !== 0;
  const lineBase = cursor.i8();
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0)
    throw new BadDwarf('a line table header has a zero parameter', start);
  const operandCounts = new Uint8Array(opcodeBase);
  for (let opcode = 1; opcode < opcodeBase; opcode++) operandCounts[opcode] = cursor.u8();

  const encoding = { version, addressSize, offsetSize, unitOffset: start };
  const names = version >= 5 ? readNames(cursor, encoding, sections) : readOldNames(cursor);
  const parameters = {
    minInstructionLength,
    defaultIsStatement,
    lineBase,
    lineRange,
    opcodeBase,
    operandCounts,
  };
  return { version, addressSize, ...names, ...parameters, program, end };
}

type Names = Pick<LineHeader, 'directories' | 'files'>;

function readNames(cursor: Cursor, encoding: Encoding, sections: DwarfSections): Names {
  const directories = readEntries(cursor, encoding, sections).map((entry) => entry.name);
  const files = readEntries(cursor, encoding, sections);
  return { directories, files };
}

function readEntries(cursor: Cursor, encoding: Encoding, sections: DwarfSections): LineFile[] {
  const formats: [content: number, form: number][] = [];
  for (let count = cursor.u8(); count > 0; count--) formats.push([cursor.uleb(), cursor.uleb()]);
  const entries: LineFile[] = [];
  for (let count = cursor.uleb(); count > 0; count--) {
    const before = cursor.at;
    let name: Name = '';
    let directory = 0;
    let md5: Uint8Array | undefined;
    for (const [content, form] of formats) {
      const value = readForm(cursor, form, 0, encoding, sections.window);
      if (content === dw.DW_LNCT_path) name = nameOf(value);
      if (content === dw.DW_LNCT_directory_index && value.kind === 'number') directory = value.value;
      if (content === dw.DW_LNCT_MD5 && value.kind === 'block') md5 = value.bytes.slice();
    }
    // An entry without bytes could be repeated 2^53 times by a short header.
    if (cursor.at === before) throw new BadDwarf('a list of names has empty entries', cursor.offset);
    entries.push({ name, directory, ...(md5 && { md5 }) });
  }
  return entries;
}

function nameOf(value: FormValue): Name {
  if (value.kind === 'text') return value.value;
  return value.kind === 'str' || value.kind === 'line_str'
    ? { section: value.kind, offset: value.value }
    : '';
}

function readOldNames(cursor: Cursor): Names {
  // Directory 0 is the unit's DW_AT_comp_dir, which the line table does not repeat.
  const directories: Name[] = [''];
  for (let name = cursor.string(); name !== ''; name = cursor.string()) directories.push(name);
  const files: LineFile[] = [{ name: '', directory: 0 }];
  for (let name = cursor.string(); name !== ''; name = cursor.string()) {
    const directory = cursor.uleb();
    cursor.skipLeb(); // time
    cursor.skipLeb(); // length
    files.push({ name, directory });
  }
  return { directories, files };
}
