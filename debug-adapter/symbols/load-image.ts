// Symbols of what a guest loads beside its kernel: modules, placed at the addresses of their sections, and programs,
// moved as far as their entry is from where it was linked to.

import { UserError } from '../../emulator/base/errors.ts';
import { decompressPart, memorySource, readAll } from '../../emulator/formats/byte-source.ts';
import type { ByteSource, Compression } from '../../emulator/formats/byte-source.ts';
import { ElfFile, PT_LOAD, SHF_ALLOC } from '../../emulator/formats/elf.ts';
import { placeObject } from '../../emulator/formats/placed-object.ts';
import { SymbolTable } from '../../emulator/formats/symbols.ts';
import * as errors from '../errors.ts';
import type { GuestModule, GuestProgram, ModuleContents } from '../guest-os/guest-os.ts';
import type { Host } from '../host.ts';
import { nameOfDomain } from '../memory-reference.ts';
import { ForgivingLines } from './forgiving-lines.ts';
import { LoadMap } from './load-map.ts';
import type { LoadedPart } from './load-map.ts';
import { hasDebugInformation, symbolsIn, withDebugInformation } from './load-target.ts';
import type { FileSymbols } from './load-target.ts';
import { TableSymbols } from './table-symbols.ts';
import type { Target } from './target.ts';

/** What a launch configuration names. */
export interface ImageFiles {
  readonly moduleFolders: readonly string[];
  readonly programs: readonly ProgramFile[];
}

export interface ProgramFile {
  readonly file: string;
  /** Its name in the guest, or its path. */
  readonly guest: string;
}

type Files = Pick<Host, 'openFile' | 'fileExists' | 'decompress' | 'kept' | 'listFiles'>;

/** What the file of a program says, wherever it runs. */
interface LinkedProgram extends FileSymbols {
  readonly parts: readonly LoadedPart[];
  readonly entry: bigint;
  /** Link address of the first of its code. */
  readonly code: bigint;
}

const PF_X = 1;
/** No module is larger. */
const MAX_MODULE_FILE = 1 << 30;
const COMPRESSIONS: Readonly<Record<string, Compression>> = { '.xz': 'xz', '.zst': 'zstd', '.gz': 'gzip' };
const MODULE_FILE = /^(.+?)\.ko(?:\.debug)?(\.(?:xz|zst|gz))?$/;
const PER_CPU = '.data..percpu';

export class ImageLoader {
  private readonly files: Files;
  private readonly report: (message: string) => void;
  /** By folder, and in it by the name of the module. */
  private readonly folders = new Map<string, Promise<ReadonlyMap<string, readonly string[]>>>();
  private readonly programs = new Map<string, Promise<LinkedProgram | undefined>>();

  /** `report` tells the user of damage and of files that do not fit. */
  constructor(files: Files, report: (message: string) => void) {
    this.files = files;
    this.report = report;
  }

  // ---------------------------------------------------------------- modules

  /** With what the kernel knows of it where it has no file. */
  async module(
    kernel: Target,
    folders: readonly string[],
    module: GuestModule,
    contents: ModuleContents,
  ): Promise<Target> {
    const { name } = module;
    const file = await this.moduleFile(folders, name, contents);
    const perCpu = file && perCpuOf(file, contents);
    const said = file && (await this.readable(() => this.placed(file, contents)));
    const symbols = said ?? ownSymbols(name, contents);
    const path = said ? file.source.name : name;
    const id = `${nameOfDomain(kernel.domain)}:module:${name}`;
    const as = { kind: 'module', name, ...(perCpu && { perCpu }) } as const;
    return kernel.beside(as, { name, path, id }, mapOf(module), symbols);
  }

  private async placed(elf: ElfFile, { sections }: ModuleContents): Promise<FileSymbols> {
    const { report } = this;
    // What the guest does not say stays where it was: nowhere.
    const placed = await placeObject(elf, (section) => sections.get(section));
    // Addresses are this guest's: nothing of them is worth keeping.
    const found = await symbolsIn(this.files, placed, report, undefined);
    return { ...found, lines: found.lines && new ForgivingLines(found.lines, report) };
  }

  /** The file that the guest's module was made of, rather one with debug information. */
  private async moduleFile(
    folders: readonly string[],
    name: string,
    { sections, buildId }: ModuleContents,
  ): Promise<ElfFile | undefined> {
    let best: ElfFile | undefined;
    let other: string | undefined;
    if (sections.size === 0) return undefined;
    for (const folder of folders) {
      for (const path of (await this.modulesIn(folder)).get(name) ?? []) {
        const elf = await this.opened(path);
        if (!elf) continue;
        const id = await this.readable(() => elf.buildId());
        if (buildId !== undefined && id !== undefined && id !== buildId) {
          other ??= path;
          continue;
        }
        const found = await withDebugInformation(this.files, elf, this.report, folders);
        if (hasDebugInformation(found)) return found;
        best ??= elf;
      }
    }
    if (!best && other !== undefined) this.report(errors.otherBuild(other, name).toString());
    return best;
  }

  private modulesIn(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
    let found = this.folders.get(folder);
    if (!found) {
      found = this.listed(folder);
      this.folders.set(folder, found);
    }
    return found;
  }

  private async listed(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const byName = new Map<string, string[]>();
    let paths: readonly string[] = [];
    try {
      paths = await this.files.listFiles(folder);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.report(errors.badModuleFolder(folder, problem).toString());
    }
    for (const path of paths) {
      const [, name] = MODULE_FILE.exec(path.split(/[/\\]/).at(-1) ?? '') ?? [];
      if (name === undefined) continue;
      // As kbuild makes a module's name of its file's.
      const key = name.replaceAll('-', '_');
      byName.set(key, [...(byName.get(key) ?? []), path]);
    }
    return byName;
  }

  private opened(path: string): Promise<ElfFile | undefined> {
    return this.readable(async () => {
      const file = await this.files.openFile(path).catch((error: unknown) => {
        throw errors.missingFile(path, 'symbols', error instanceof Error ? error.message : String(error));
      });
      return ElfFile.open(await this.unpacked(file), this.files.decompress);
    });
  }

  /** Undefined: a file is damaged, which has been told. */
  private async readable<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.report(error.toString());
      return undefined;
    }
  }

  private async unpacked(source: ByteSource): Promise<ByteSource> {
    const compression = COMPRESSIONS[/\.\w+$/.exec(source.name)?.[0] ?? ''];
    if (compression === undefined) return source;
    const place = { file: source.name, offset: 0 };
    const packed = await readAll(source);
    const { decompress } = this.files;
    return memorySource(
      await decompressPart(decompress, compression, packed, MAX_MODULE_FILE, place),
      source.name,
    );
  }

  // ---------------------------------------------------------------- programs

  /** Undefined: the file is not there, or is of another build than what runs. Both are told once. */
  async program(
    kernel: Target,
    { file, guest }: ProgramFile,
    running: GuestProgram,
  ): Promise<Target | undefined> {
    const known = this.programs.get(file) ?? this.readable(() => this.linked(file));
    this.programs.set(file, known);
    const linked = await known;
    if (!linked) return undefined;
    const slide = BigInt.asUintN(64, running.entry - linked.entry);
    if (BigInt.asUintN(64, linked.code + slide) !== running.code) {
      this.report(errors.otherBuild(file, running.path).toString());
      this.programs.set(file, Promise.resolve(undefined));
      return undefined;
    }
    const name = guest.split('/').at(-1) ?? guest;
    const as = { kind: 'program', name, table: running.table } as const;
    const id = `${nameOfDomain(kernel.domain)}:program:${name}`;
    return kernel.beside(as, { name, path: file, id }, new LoadMap(linked.parts, true, slide), linked);
  }

  private async linked(file: string): Promise<LinkedProgram | undefined> {
    const { files, report } = this;
    const elf = await this.opened(file);
    if (!elf) return undefined;
    const loads = elf.segments.filter(({ type, memorySize }) => type === PT_LOAD && memorySize > 0);
    const [code = 0n] = loads.flatMap(({ flags, virtualAddress }) => (flags & PF_X ? [virtualAddress] : []));
    const found = await symbolsIn(files, await withDebugInformation(files, elf, report), report, files.kept);
    return {
      ...found,
      lines: found.lines && new ForgivingLines(found.lines, report),
      parts: loads.map(({ virtualAddress, memorySize }) => ({
        link: virtualAddress,
        ipa: undefined,
        size: memorySize,
      })),
      entry: elf.entry,
      code,
    };
  }
}

export const mapOf = ({ ranges }: GuestModule): LoadMap =>
  new LoadMap(
    ranges.map(({ start, size }) => ({ link: start, ipa: undefined, size })),
    true,
  );

function perCpuOf(
  elf: ElfFile,
  { sections }: ModuleContents,
): { readonly start: bigint; readonly end: bigint } | undefined {
  const start = sections.get(PER_CPU);
  const section = elf.section(PER_CPU);
  if (start === undefined || section === undefined || !(section.flags & SHF_ALLOC)) return undefined;
  return { start, end: start + BigInt(section.size) };
}

/** In the form that other tables of a kernel have. */
function ownSymbols(name: string, { symbols }: ModuleContents): FileSymbols {
  const rows = symbols.map(
    ({ address, isFunction, name: symbol }) =>
      `${address.toString(16).padStart(16, '0')} ${isFunction ? 't' : 'd'} ${symbol}`,
  );
  const table = symbols.some(({ isFunction }) => isFunction)
    ? new TableSymbols(SymbolTable.fromSystemMap(rows.join('\n'), name), `kallsyms of ${name}`)
    : undefined;
  return { symbols: table, lines: undefined, frames: undefined, program: undefined };
}
