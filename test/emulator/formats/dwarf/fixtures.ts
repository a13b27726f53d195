// Opens the programs under fixtures/dwarf, with the files that stand beside them.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync, zstdDecompressSync } from 'node:zlib';
import type { UserError } from '../../../../emulator/base/errors.ts';
import { memorySource } from '../../../../emulator/formats/byte-source.ts';
import type { Decompress } from '../../../../emulator/formats/byte-source.ts';
import type { DebugFiles } from '../../../../emulator/formats/dwarf/debug-files.ts';
import type { ProgramInfo } from '../../../../emulator/formats/dwarf/model.ts';
import { openProgramInfo } from '../../../../emulator/formats/dwarf/program-info.ts';
import { ElfFile } from '../../../../emulator/formats/elf.ts';
import type { Answers, Questions } from './gdb-comparison.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/dwarf');

const unpack: Decompress = async (compression, data, limit) => {
  const options = { maxOutputLength: limit };
  return new Uint8Array(
    compression === 'zstd' ? zstdDecompressSync(data, options) : inflateSync(data, options),
  );
};

export const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name)));

/** The fixtures are in one folder, /fixture; those of two programs that have the same name have it prefixed. */
export function filesFor(program: string): DebugFiles {
  const prefix = program.replace(/\.elf$/, '-');
  const open: DebugFiles['open'] = async (path) => {
    if (!path.startsWith('/fixture/')) return undefined;
    const name = path.slice('/fixture/'.length);
    const found = [name, prefix + name].find((candidate) => existsSync(join(FOLDER, candidate)));
    return found === undefined ? undefined : memorySource(fixture(found), path);
  };
  return { open, folders: [] };
}

export const openElf = (bytes: Uint8Array, name: string): Promise<ElfFile> =>
  ElfFile.open(memorySource(bytes, `/fixture/${name}`), unpack);

export async function openProgram(
  name: string,
  reports: UserError[] = [],
  files: DebugFiles = filesFor(name),
): Promise<ProgramInfo> {
  const elf = await openElf(fixture(name), name);
  const info = openProgramInfo(elf, (error) => reports.push(error), { files });
  if (info === undefined) throw new Error(`${name} has no debug information`);
  return info;
}

export const gdbAnswers = (name: string): { questions: Questions; answers: Answers } =>
  JSON.parse(new TextDecoder().decode(fixture(`${name}.gdb.json`))) as {
    questions: Questions;
    answers: Answers;
  };
