// Modules and programs for the Linux that tests boot, made from sources of their own. The compiler is Debian's for
// arm64; what a module must know of its kernel is read from a module that belongs to it.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import { ElfFile, stringAt, viewOf } from '../../../emulator/formats/elf.ts';
import type { ElfSection } from '../../../emulator/formats/elf.ts';
import { decompress } from '../../../debug-adapter/node/files.ts';

export const SOURCES = join(import.meta.dirname, '../fixtures/loaded');
const GCC = 'aarch64-linux-gnu-gcc';
const LD = 'aarch64-linux-gnu-ld';

/** The module `probe` in a folder; `like`: the file of any module of the kernel. */
export async function buildModule(like: string, folder: string): Promise<string> {
  const { size, name, init, exit, vermagic, layout } = await traitsOf(like);
  const object = join(folder, 'probe.o');
  const file = join(folder, 'probe.ko');
  execFileSync(GCC, [
    ...['-c', '-g', '-O1', '-fno-pic', '-ffreestanding', '-fno-common', '-mgeneral-regs-only'],
    ...['-fno-asynchronous-unwind-tables', '-fno-unwind-tables', '-fno-omit-frame-pointer'],
    ...[`-DMODULE_SIZE=${size}`, `-DNAME_AT=${name}`, `-DINIT_AT=${init}`, `-DEXIT_AT=${exit}`],
    ...[`-DVERMAGIC="${vermagic}"`, `-DLAYOUT_CRC=${layout}`, '-o', object, join(SOURCES, 'probe.c')],
  ]);
  execFileSync(LD, ['-r', '--build-id=sha1', '-o', file, object]);
  return file;
}

/** The program `worker`, linked to a fixed place or to any. */
export function buildProgram(folder: string, name: string, kind: 'static' | 'static-pie'): string {
  const file = join(folder, name);
  const how = kind === 'static' ? ['-static', '-no-pie'] : ['-static-pie', '-fPIE'];
  execFileSync(GCC, [
    ...['-g', '-O1', '-nostdlib', '-ffreestanding', '-fno-stack-protector', '-Wl,--build-id=sha1'],
    ...[...how, '-o', file, join(SOURCES, 'worker.c')],
  ]);
  return file;
}

async function traitsOf(path: string) {
  const elf = await ElfFile.open(memorySource(readFileSync(path), path), decompress);
  const section = (name: string): ElfSection => {
    const found = elf.section(name);
    if (!found) throw new Error(`${path} has no ${name}`);
    return found;
  };
  const descriptor = section('.gnu.linkonce.this_module');
  const relocations = viewOf(await elf.readSection(section('.rela.gnu.linkonce.this_module')));
  const symtab = section('.symtab');
  const symbols = viewOf(await elf.readSection(symtab));
  const names = await elf.readSection(elf.sections[symtab.link] ?? symtab);
  const places = new Map<string, number>();
  for (let at = 0; at + 24 <= relocations.byteLength; at += 24) {
    const symbol = relocations.getUint32(at + 12, true) * 24;
    places.set(stringAt(names, symbols.getUint32(symbol, true)), Number(relocations.getBigUint64(at, true)));
  }
  const info = new TextDecoder().decode(await elf.readSection(section('.modinfo'))).split('\0');
  const known = info.find((line) => line.startsWith('name='))?.slice('name='.length) ?? '';
  const bytes = new TextDecoder('latin1').decode(await elf.readSection(descriptor));
  const versions = await elf.readSection(section('__versions'));
  const layout = Array.from({ length: versions.length / 64 }, (_, i) => i * 64).find(
    (at) => stringAt(versions, at + 8) === 'module_layout',
  );
  return {
    size: descriptor.size,
    name: bytes.indexOf(known),
    init: places.get('init_module') ?? 0,
    exit: places.get('cleanup_module') ?? 0,
    vermagic: info.find((line) => line.startsWith('vermagic=')) ?? '',
    layout: `0x${viewOf(versions)
      .getBigUint64(layout ?? 0, true)
      .toString(16)}`,
  };
}
