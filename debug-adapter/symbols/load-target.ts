// Finds the symbols of a domain: those the configuration names, or those the kernel file has itself.

import { UserError } from '../../emulator/base/errors.ts';
import type { DomainInfo } from '../../emulator/machine/messages.ts';
import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import { bytesOf, readAll } from '../../emulator/formats/byte-source.ts';
import type { ByteSource } from '../../emulator/formats/byte-source.ts';
import { FrameInfo } from '../../emulator/formats/dwarf/frame-info.ts';
import { separateDebugFile } from '../../emulator/formats/dwarf/debug-files.ts';
import type { DebugFiles } from '../../emulator/formats/dwarf/debug-files.ts';
import type { ProgramInfo } from '../../emulator/formats/dwarf/model.ts';
import { openProgramInfo } from '../../emulator/formats/dwarf/program-info.ts';
import { ElfFile, PT_LOAD } from '../../emulator/formats/elf.ts';
import type { ElfSegment } from '../../emulator/formats/elf.ts';
import { readKallsyms } from '../../emulator/formats/kallsyms.ts';
import { loadKernel } from '../../emulator/formats/kernel.ts';
import type { Kernel } from '../../emulator/formats/kernel.ts';
import { SymbolTable } from '../../emulator/formats/symbols.ts';
import * as errors from '../errors.ts';
import type { Host } from '../host.ts';
import type { DomainSymbols } from '../machine/launch.ts';
import { nameOfDomain } from '../memory-reference.ts';
import { ForgivingLines } from './forgiving-lines.ts';
import { LoadMap } from './load-map.ts';
import type { LoadedPart } from './load-map.ts';
import { dwarfLines } from './dwarf-lines.ts';
import { SourceMap } from './source-map.ts';
import type { LineSource, SymbolSource } from './symbol-source.ts';
import { TableSymbols } from './table-symbols.ts';
import { Target } from './target.ts';
import { textHash } from '../text-hash.ts';

const ET_DYN = 3;
const ELF_MAGIC = 0x7f454c46;

interface Loaded {
  readonly symbols: SymbolSource | undefined;
  readonly lines: LineSource | undefined;
  readonly frames?: FrameInfo | undefined;
  readonly program?: ProgramInfo | undefined;
  readonly parts: readonly LoadedPart[];
  /** The program runs where it was linked. */
  readonly fixed: boolean;
  readonly buildId: string | undefined;
}

const NOTHING: Loaded = { symbols: undefined, lines: undefined, parts: [], fixed: true, buildId: undefined };

type Report = (message: string) => void;
type SymbolFiles = Pick<Host, 'openFile' | 'fileExists' | 'decompress' | 'kept'>;

/** What the file of a program says. */
export type FileSymbols = Pick<Loaded, 'symbols' | 'lines' | 'frames' | 'program'>;

/** Where distributions put debug files. */
const DEBUG_FOLDERS = ['/usr/lib/debug'];

/** What was read for the domains of a machine: those that run the same kernel at the same place share it. */
export type LoadedSymbols = Map<string, Promise<Loaded>>;

/** `report` tells the user of damage that shows later. */
export async function loadTarget(
  host: SymbolFiles,
  info: DomainInfo,
  about: DomainSymbols,
  report: Report,
  known: LoadedSymbols = new Map(),
): Promise<Target> {
  const key = JSON.stringify([about.symbols, about.kernelPath, info.segments]);
  const loading = known.get(key) ?? loadSymbols(host, info, about, report);
  known.set(key, loading);
  const loaded = await loading;
  const path = about.symbols ?? about.kernelPath;
  const image = {
    name: baseName(path),
    path,
    id: `${info.domain === BARE_DOMAIN ? 'host' : nameOfDomain(info.domain)}:${loaded.buildId ?? textHash(path).toString(16)}`,
    ...(loaded.buildId !== undefined && { buildId: loaded.buildId }),
  };
  const map = new LoadMap(loaded.parts, loaded.fixed);
  const lines = loaded.lines && new ForgivingLines(loaded.lines, report);
  const { symbols, frames, program } = loaded;
  const kernel = async (): Promise<Kernel> =>
    loadKernel(await opened(host, about.kernelPath), host.decompress);
  const { sourceTree } = about;
  const exists = (file: string): Promise<boolean> => host.fileExists(file);
  const tree = sourceTree === undefined ? undefined : { folder: sourceTree, exists };
  const sources = new SourceMap(about.sourceMap, tree);
  return new Target(info, image, map, symbols, lines, sources, frames, program, kernel);
}

async function loadSymbols(
  host: SymbolFiles,
  info: DomainInfo,
  about: DomainSymbols,
  report: Report,
): Promise<Loaded> {
  if (about.symbols !== undefined)
    return fromFile(host, await opened(host, about.symbols), info, about, report);
  const { kernel } = about.kernel;
  if (kernel.kind === 'elf') return fromElf(host, await opened(host, about.kernelPath), info, about, report);
  const file = await opened(host, about.kernelPath);
  if (await isElf(file)) return fromElf(host, file, info, about, report);
  const kallsyms = readKallsyms(bytesOf(kernel.segments[0].data));
  if (!kallsyms) return NOTHING;
  const symbols = new TableSymbols(kallsyms.symbols, `kallsyms of ${baseName(about.kernelPath)}`);
  return { ...NOTHING, symbols, parts: imageParts(info, kallsyms.imageBase), fixed: false };
}

async function fromFile(
  host: SymbolFiles,
  file: ByteSource,
  info: DomainInfo,
  about: DomainSymbols,
  report: Report,
): Promise<Loaded> {
  if (await isElf(file)) return fromElf(host, file, info, about, report);
  const head = new TextDecoder('latin1').decode(await file.read(0, 64));
  if (!/^[0-9a-f]{16} [A-Za-z] \S/.test(head)) throw errors.unknownSymbolFile(file.name);
  const text = new TextDecoder('latin1').decode(await readAll(file));
  const symbols = new TableSymbols(SymbolTable.fromSystemMap(text, file.name), file.name);
  return { ...NOTHING, symbols, parts: imageParts(info, symbols.addressesOf('_text')[0]), fixed: false };
}

async function fromElf(
  host: SymbolFiles,
  file: ByteSource,
  info: DomainInfo,
  about: DomainSymbols,
  report: Report,
): Promise<Loaded> {
  const elf = await ElfFile.open(file, host.decompress);
  const loads = elf.segments.filter((segment) => segment.type === PT_LOAD && segment.memorySize > 0);
  const parts = about.kernel.kernel.kind === 'elf' ? segmentParts(info, loads) : flattenedParts(info, loads);
  const moves = elf.type === ET_DYN;
  const debug = await withDebugInformation(host, elf, report);
  return {
    ...(await symbolsIn(host, debug, report, host.kept)),
    parts,
    fixed: !moves,
    buildId: await elf.buildId(),
  };
}

/** `cache`: keeps what was found for the next session, for files whose addresses are always the same. */
export async function symbolsIn(
  host: SymbolFiles,
  elf: ElfFile,
  report: Report,
  cache: Host['kept'],
): Promise<FileSymbols> {
  const told = (error: UserError): void => report(error.toString());
  const program = openProgramInfo(elf, told, { files: debugFiles(host), pause, ...(cache && { cache }) });
  return {
    symbols: new TableSymbols(await SymbolTable.fromElf(elf), elf.source.name),
    lines: dwarfLines(elf, program),
    frames: FrameInfo.open(elf, report),
    program,
  };
}

export const hasDebugInformation = ({ sections }: ElfFile): boolean =>
  sections.some(({ name }) => /^\.z?debug_info$/.test(name));

/** The file itself, or the one that has what was stripped from it. */
export async function withDebugInformation(
  host: SymbolFiles,
  elf: ElfFile,
  report: Report,
  folders: readonly string[] = [],
): Promise<ElfFile> {
  if (hasDebugInformation(elf)) return elf;
  try {
    return (await separateDebugFile(elf, debugFiles(host, folders))) ?? elf;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report(error.toString());
    return elf;
  }
}

const debugFiles = (host: SymbolFiles, folders: readonly string[] = []): DebugFiles => ({
  open: (path) => openIfThere(host, path),
  folders: [...folders, ...DEBUG_FOLDERS],
});

async function openIfThere(host: SymbolFiles, path: string): Promise<ByteSource | undefined> {
  try {
    return await host.openFile(path);
  } catch {
    return undefined;
  }
}

/** Lets requests in between while all of a kernel's names are collected. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** An ELF kernel is loaded segment by segment. */
function segmentParts(info: DomainInfo, loads: readonly ElfSegment[]): readonly LoadedPart[] {
  return loads.flatMap((segment, i): LoadedPart[] => {
    const place = info.segments[i];
    return place ? [{ link: segment.virtualAddress, ipa: place.ipa, size: place.size }] : [];
  });
}

/** An Image was made of the segments of its ELF, each as far from the start as its physical address says. */
function flattenedParts(info: DomainInfo, loads: readonly ElfSegment[]): readonly LoadedPart[] {
  const [image] = info.segments;
  const [first] = loads;
  if (!image || !first) return [];
  const start = loads.reduce(
    (low, s) => (s.physicalAddress < low ? s.physicalAddress : low),
    first.physicalAddress,
  );
  return loads.flatMap(({ virtualAddress, physicalAddress, memorySize }): LoadedPart[] => {
    const offset = Number(physicalAddress - start);
    return offset < image.size ? [{ link: virtualAddress, ipa: image.ipa + offset, size: memorySize }] : [];
  });
}

function imageParts(info: DomainInfo, base: bigint | undefined): readonly LoadedPart[] {
  const [place] = info.segments;
  return base === undefined || !place ? [] : [{ link: base, ipa: place.ipa, size: place.size }];
}

async function isElf(file: ByteSource): Promise<boolean> {
  const head = await file.read(0, 4);
  return head.length === 4 && new DataView(head.buffer, head.byteOffset, 4).getUint32(0, false) === ELF_MAGIC;
}

async function opened(host: SymbolFiles, path: string): Promise<ByteSource> {
  try {
    return await host.openFile(path);
  } catch (error) {
    throw errors.missingFile(path, 'symbols', error instanceof Error ? error.message : String(error));
  }
}

const baseName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;
