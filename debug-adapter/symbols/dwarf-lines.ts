import type { ElfFile } from '../../emulator/formats/elf.ts';
import type { LineSource } from './symbol-source.ts';

export async function dwarfLines(_elf: ElfFile): Promise<LineSource | undefined> {
  return undefined;
}
