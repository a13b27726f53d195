// A relocatable object such as a kernel module, as if it had been linked to where it is loaded: sections, symbols and
// debug information then have the addresses of the running program (ELF for the Arm 64-bit Architecture, IHI 0056,
// section 5.7). Code and data keep their bytes: whoever debugs reads them from memory.

import { memorySource, readAll } from './byte-source.ts';
import { ElfFile, SHF_ALLOC, SHF_COMPRESSED, SHF_EXECINSTR, SHT_SYMTAB, viewOf } from './elf.ts';
import type { ElfSection } from './elf.ts';

const ET_REL = 1;
const ET_EXEC = 2;
const SHT_RELA = 4;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const RELA_SIZE = 24;
/** Indexes of sections from here on stand for something else. */
const SHN_LORESERVE = 0xff00;

const R_AARCH64_ABS64 = 257;
const R_AARCH64_ABS32 = 258;
const R_AARCH64_ABS16 = 259;
const R_AARCH64_PREL64 = 260;
const R_AARCH64_PREL32 = 261;

/** `placeOf`: where a section was loaded; undefined: it was not, or is gone, as .init.text is. */
export async function placeObject(
  elf: ElfFile,
  placeOf: (section: string) => bigint | undefined,
): Promise<ElfFile> {
  if (elf.type !== ET_REL) return elf;
  const contents = await unpackedContents(elf);
  const original = await readAll(elf.source);
  const size = [...contents.values()].reduce((sum, bytes) => sum + bytes.length, original.length);
  const file = new Uint8Array(size);
  file.set(original);
  const view = viewOf(file);
  view.setUint16(16, ET_EXEC, true);

  const places = new Map<number, bigint>();
  const headers = Number(view.getBigUint64(40, true));
  let end = original.length;
  for (const section of elf.sections) {
    const header = headers + section.index * SECTION_HEADER_SIZE;
    const place = section.flags & SHF_ALLOC ? placeOf(section.name) : undefined;
    if (place !== undefined) {
      places.set(section.index, place);
      view.setBigUint64(header + 16, place, true);
    } else if (section.flags & SHF_ALLOC) {
      view.setBigUint64(header + 8, BigInt(section.flags & ~(SHF_ALLOC | SHF_EXECINSTR)), true);
    }
    const unpacked = contents.get(section.index);
    if (unpacked === undefined) continue;
    file.set(unpacked, end);
    view.setBigUint64(header + 8, BigInt(section.flags & ~SHF_COMPRESSED), true);
    view.setBigUint64(header + 24, BigInt(end), true);
    view.setBigUint64(header + 32, BigInt(unpacked.length), true);
    end += unpacked.length;
  }

  const placed = await ElfFile.open(memorySource(file, elf.source.name), elf.decompress);
  for (const section of placed.sections)
    if (section.type === SHT_SYMTAB) placeSymbols(file, section, placed, places);
  for (const section of placed.sections) {
    const target = placed.sections[view.getUint32(headers + section.index * SECTION_HEADER_SIZE + 44, true)];
    if (section.type === SHT_RELA && target !== undefined && isDebug(target))
      relocate(file, section, target, placed);
  }
  return placed;
}

const isDebug = ({ name }: ElfSection): boolean => name.startsWith('.debug_') || name === '.eh_frame';

/** Compressed sections, which relocations cannot reach. */
async function unpackedContents(elf: ElfFile): Promise<Map<number, Uint8Array>> {
  const contents = new Map<number, Uint8Array>();
  for (const section of elf.sections) {
    if (section.flags & SHF_COMPRESSED) contents.set(section.index, await elf.readSection(section));
  }
  return contents;
}

/** Values count from the section until then; what is in a section that is not there is undefined. */
function placeSymbols(
  file: Uint8Array,
  table: ElfSection,
  elf: ElfFile,
  places: ReadonlyMap<number, bigint>,
): void {
  const view = viewOf(file);
  const end = Math.min(table.offset + table.size, file.length) - SYMBOL_SIZE;
  for (let at = table.offset; at <= end; at += SYMBOL_SIZE) {
    const index = view.getUint16(at + 6, true);
    if (index === 0 || index >= SHN_LORESERVE) continue;
    const place = places.get(index);
    const isLoaded = ((elf.sections[index]?.flags ?? 0) & SHF_ALLOC) !== 0;
    if (place !== undefined) {
      view.setBigUint64(at + 8, BigInt.asUintN(64, view.getBigUint64(at + 8, true) + place), true);
    } else if (!isLoaded && !isDebugIndex(elf, index)) {
      view.setUint16(at + 6, 0, true);
    }
  }
}

const isDebugIndex = (elf: ElfFile, index: number): boolean => {
  const section = elf.sections[index];
  return section !== undefined && isDebug(section);
};

function relocate(file: Uint8Array, relocations: ElfSection, target: ElfSection, elf: ElfFile): void {
  const view = viewOf(file);
  const symbols = elf.sections[relocations.link];
  if (symbols === undefined) return;
  const end = Math.min(relocations.offset + relocations.size, file.length) - RELA_SIZE;
  for (let at = relocations.offset; at <= end; at += RELA_SIZE) {
    const offset = Number(view.getBigUint64(at, true));
    const kind = view.getUint32(at + 8, true);
    const symbol = symbols.offset + view.getUint32(at + 12, true) * SYMBOL_SIZE;
    if (symbol + SYMBOL_SIZE > file.length) continue;
    const value = view.getBigUint64(symbol + 8, true) + view.getBigInt64(at + 16, true);
    const width = widthOf(kind);
    const place = target.offset + offset;
    if (width === undefined || offset + width > target.size || place + width > file.length) continue;
    const isRelative = kind === R_AARCH64_PREL64 || kind === R_AARCH64_PREL32;
    write(view, place, width, isRelative ? value - (target.address + BigInt(offset)) : value);
  }
}

function widthOf(kind: number): 8 | 4 | 2 | undefined {
  if (kind === R_AARCH64_ABS64 || kind === R_AARCH64_PREL64) return 8;
  if (kind === R_AARCH64_ABS32 || kind === R_AARCH64_PREL32) return 4;
  return kind === R_AARCH64_ABS16 ? 2 : undefined;
}

function write(view: DataView, at: number, width: 8 | 4 | 2, value: bigint): void {
  if (width === 8) view.setBigUint64(at, BigInt.asUintN(64, value), true);
  else if (width === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
  else view.setUint16(at, Number(BigInt.asUintN(16, value)), true);
}
