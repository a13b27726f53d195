// Debug information that stands in other files: found by build-id or .gnu_debuglink (GDB manual, "Separate Debug
// Files"), and what dwz moved into a file for several programs (DWARF 5, section 7.3.6).

import { UserError } from '../../base/errors.ts';
import { readAll } from '../byte-source.ts';
import type { ByteSource } from '../byte-source.ts';
import { ElfFile, stringAt, viewOf } from '../elf.ts';
import { joinPath } from './file-index.ts';

/** How other files are found. The host implements it. */
export interface DebugFiles {
  /** Undefined when there is no such file. */
  open(path: string): Promise<ByteSource | undefined>;
  /** Where debug files may be, as /usr/lib/debug. */
  readonly folders: readonly string[];
}

/** Only the program's own file. */
export const NO_FILES: DebugFiles = { open: async () => undefined, folders: [] };

/** The file with the debug information of a program that has none itself. */
export async function separateDebugFile(elf: ElfFile, files: DebugFiles): Promise<ElfFile | undefined> {
  const buildId = await elf.buildId();
  if (buildId !== undefined) {
    for (const folder of files.folders) {
      const found = await withBuildId(elf, files, buildIdPath(folder, buildId), buildId);
      if (found !== undefined) return found;
    }
  }
  return linked(elf, files, buildId);
}

/** The file that several programs share, as dwz writes them. */
export async function supplementaryFile(elf: ElfFile, files: DebugFiles): Promise<ElfFile | undefined> {
  const section = elf.section('.gnu_debugaltlink');
  if (section === undefined) return undefined;
  const link = await elf.readSection(section);
  const name = stringAt(link, 0);
  const buildId = hexadecimal(link.subarray(link.indexOf(0) + 1));
  const beside = joinPath('', folderOf(elf.source.name), name);
  const candidates = [beside, ...files.folders.map((folder) => buildIdPath(folder, buildId))];
  for (const path of candidates) {
    const found = await withBuildId(elf, files, path, buildId);
    if (found !== undefined) return found;
  }
  throw new UserError(
    `a part of the debug information is in '${name}', which was not found`,
    'Name the folder that has it, or put it where the link says.',
    { file: elf.source.name, offset: section.offset },
  );
}

export const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0)) || '.';

const buildIdPath = (folder: string, buildId: string): string =>
  `${folder}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;

async function withBuildId(
  elf: ElfFile,
  files: DebugFiles,
  path: string,
  buildId: string,
): Promise<ElfFile | undefined> {
  const source = await files.open(path);
  if (source === undefined) return undefined;
  const found = await ElfFile.open(source, elf.decompress);
  return (await found.buildId()) === buildId ? found : undefined;
}

/** By the name in .gnu_debuglink, beside the program or in the same place under a folder of debug files. */
async function linked(
  elf: ElfFile,
  files: DebugFiles,
  buildId: string | undefined,
): Promise<ElfFile | undefined> {
  const section = elf.section('.gnu_debuglink');
  if (section === undefined) return undefined;
  const link = await elf.readSection(section);
  const end = link.indexOf(0);
  const at = Math.ceil((end + 1) / 4) * 4;
  if (end <= 0 || at + 4 > link.length) return undefined;
  const name = stringAt(link, 0);
  const checksum = viewOf(link).getUint32(at, true);
  const folder = folderOf(elf.source.name);
  const under = files.folders.map((root) => `${root}/${folder.replace(/^\/+/, '')}/${name}`);
  for (const path of [`${folder}/${name}`, `${folder}/.debug/${name}`, ...under]) {
    const source = path === elf.source.name ? undefined : await files.open(path);
    if (source === undefined) continue;
    const found = await ElfFile.open(source, elf.decompress);
    const foundId = await found.buildId();
    // Where both have one, the build-id says as much, and is not over 300 MB.
    if (buildId !== undefined && foundId !== undefined) {
      if (foundId === buildId) return found;
    } else if (crc32(await readAll(source)) === checksum) {
      return found;
    }
  }
  return undefined;
}

const hexadecimal = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Of ISO 3309, as .gnu_debuglink has it. */
function crc32(bytes: Uint8Array): number {
  const table = Int32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb8_8320 : c >>> 1;
    return c;
  });
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number);
  }
  return ~crc >>> 0;
}
