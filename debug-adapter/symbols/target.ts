// An image in a domain as the debugger sees it: symbols and lines at the addresses where it runs. That of the kernel
// stands for the whole domain: it answers for what the guest has loaded beside it, too.

import type { DomainInfo } from '../../emulator/machine/messages.ts';
import type { FrameInfo } from '../../emulator/formats/dwarf/frame-info.ts';
import type { FrameRules } from '../../emulator/formats/dwarf/frame-rules.ts';
import type { ProgramInfo } from '../../emulator/formats/dwarf/model.ts';
import type { Kernel } from '../../emulator/formats/kernel.ts';
import type { LoadMap } from './load-map.ts';
import type { FileSymbols } from './load-target.ts';
import type { SourceMap } from './source-map.ts';
import type { LineLookup, LineSource, StatementPlace, SymbolSource } from './symbol-source.ts';
import { TypeTable } from '../values/type-table.ts';

/** A symbol at the addresses where it runs now. */
export interface RunningSymbol {
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
}

export interface RunningLine {
  /** On the user's disk, as far as sourceMap says. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** Of the file that was compiled, where the compiler recorded it. */
  readonly md5?: string;
  readonly start: bigint;
  readonly end: bigint;
  /** Of that, the code with the same column. */
  readonly statement: { readonly start: bigint; readonly end: bigint };
}

/** A function at an address, and the line of it that is being executed. */
export interface ScopeLine {
  /** Undefined where only the line is known. */
  readonly name: string | undefined;
  readonly inlined: boolean;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly md5?: string;
}

/** The image that symbols belong to: a module of the protocol. */
export interface TargetImage {
  readonly name: string;
  readonly path: string;
  /** `d1:<build-id or hash of the path>`. */
  readonly id: string;
  readonly buildId?: string;
}

/** An image that the guest has loaded itself: a module of its kernel, or a program. */
export interface LoadedImage {
  readonly kind: 'module' | 'program';
  /** As the guest calls it. */
  readonly name: string;
  /** Of a program: guest physical address of the translation table of its process. */
  readonly table?: bigint;
  /** Of a module: the pattern of its per-CPU variables. */
  readonly perCpu?: { readonly start: bigint; readonly end: bigint };
}

/** Of an address from its symbol, where the two may belong together. */
const MAX_OFFSET = 0x1_0000n;

export class Target {
  readonly info: DomainInfo;
  readonly image: TargetImage;
  readonly map: LoadMap;
  readonly symbols: SymbolSource | undefined;
  readonly lines: LineSource | undefined;
  private readonly sourceMap: SourceMap;
  private readonly frames: FrameInfo | undefined;
  /** Types, variables and scopes: what debug information says beside lines. */
  readonly program: ProgramInfo | undefined;
  readonly types: TypeTable | undefined;
  /** Reads the kernel file again, as it was loaded. */
  readonly kernel: (() => Promise<Kernel>) | undefined;
  /** Undefined: the kernel of the domain. */
  readonly as: LoadedImage | undefined;
  /** What lies beside the kernel, the newest first. */
  loaded: readonly Target[] = [];

  constructor(
    info: DomainInfo,
    image: TargetImage,
    map: LoadMap,
    symbols: SymbolSource | undefined,
    lines: LineSource | undefined,
    sourceMap: SourceMap,
    frames?: FrameInfo,
    program?: ProgramInfo,
    kernel?: () => Promise<Kernel>,
    as?: LoadedImage,
  ) {
    this.info = info;
    this.image = image;
    this.map = map;
    this.symbols = symbols;
    this.lines = lines;
    this.sourceMap = sourceMap;
    this.frames = frames;
    this.program = program;
    this.kernel = kernel;
    this.as = as;
    this.types = program && new TypeTable(program);
  }

  get domain(): number {
    return this.info.domain;
  }

  /** An image that the guest has loaded beside this one; its sources are where those of this one are. */
  beside(
    as: LoadedImage,
    image: TargetImage,
    map: LoadMap,
    { symbols, lines, frames, program }: FileSymbols,
  ): Target {
    return new Target(this.info, image, map, symbols, lines, this.sourceMap, frames, program, undefined, as);
  }

  /** The same image where some of its memory is there no more. */
  remapped(map: LoadMap): Target {
    const { info, image, symbols, lines, sourceMap, frames, program, kernel, as } = this;
    return new Target(info, image, map, symbols, lines, sourceMap, frames, program, kernel, as);
  }

  /** The same domain as a process sees it in which these programs run. */
  seenWith(programs: readonly Target[]): Target {
    const view = Object.create(Target.prototype) as Target;
    return Object.assign(view, this, { loaded: [...programs, ...this.loaded] });
  }

  /** The image that an address belongs to. */
  imageAt(address: bigint): Target {
    if (this.loaded.length === 0) return this;
    // A kernel is asked most often, and has nothing in the lower half while there are programs.
    if (isUpper(address) && this.map.toLink(address) !== undefined) return this;
    return this.loaded.find(({ map }) => map.toLink(address) !== undefined) ?? this;
  }

  symbolAt(address: bigint): RunningSymbol | undefined {
    const image = this.imageAt(address);
    if (image !== this) return image.symbolAt(address);
    const link = this.map.toLink(address);
    const symbol = link === undefined ? undefined : this.symbols?.symbolAt(link);
    if (link === undefined || !symbol) return undefined;
    const shift = address - link;
    return { name: symbol.name, start: symbol.start + shift, end: symbol.end + shift };
  }

  /** Symbols with a byte in a range of addresses, where they are now. */
  symbolsWithin(from: bigint, to: bigint, limit: number): readonly RunningSymbol[] {
    const link = this.map.toLink(from);
    if (link === undefined) return [];
    const shift = from - link;
    const symbols = this.symbols?.symbolsWithin(link, to - shift, limit) ?? [];
    return symbols.map(({ name, start, end }) => ({ name, start: start + shift, end: end + shift }));
  }

  /** Data between code, as far as the symbols tell. */
  isData(address: bigint): boolean {
    const link = this.map.toLink(address);
    return link !== undefined && (this.symbols?.isData(link) ?? false);
  }

  /** `start_kernel+0x10`, or undefined where nothing is known. */
  describe(address: bigint): string | undefined {
    const symbol = this.symbolAt(address);
    if (!symbol) return undefined;
    const offset = address - symbol.start;
    return offset === 0n ? symbol.name : `${symbol.name}+0x${offset.toString(16)}`;
  }

  /** The same, but nothing of what lies far behind a symbol: that has nothing to do with it. */
  describeNear(address: bigint): string | undefined {
    const symbol = this.symbolAt(address);
    return symbol && address - symbol.start < MAX_OFFSET ? this.describe(address) : undefined;
  }

  /** Link addresses of a name in this image. */
  addressesOf(name: string): readonly bigint[] {
    return this.present(this.symbols?.addressesOf(name) ?? []);
  }

  /** The same for a breakpoint, which may leave out the first parts of a path of C++ or Rust. */
  functionsNamed(name: string): readonly bigint[] {
    return this.present(this.symbols?.functionsNamed(name) ?? []);
  }

  /** Link addresses where functions of this image begin whose name matches. */
  functionsMatching(pattern: RegExp, limit: number): readonly bigint[] {
    return this.present(this.symbols?.functionsMatching(pattern, limit) ?? []);
  }

  /** Linux frees what a module needs in its beginning only. */
  private present(links: readonly bigint[]): readonly bigint[] {
    return this.as ? links.filter((link) => this.map.holds(link)) : links;
  }

  /** Where the patterns of per-CPU variables lie (Linux), in link addresses. */
  get perCpu(): { readonly start: bigint; readonly end: bigint } | undefined {
    if (this.as) return this.as.perCpu;
    const [start] = this.addressesOf('__per_cpu_start');
    const [end] = this.addressesOf('__per_cpu_end');
    return start === undefined || end === undefined ? undefined : { start, end };
  }

  /** On the user's disk, as far as sourceMap says. */
  async sourceFiles(): Promise<readonly string[]> {
    const files = (await this.lines?.sourceFiles()) ?? [];
    return Promise.all(files.map((path) => this.sourceMap.toUser(path)));
  }

  async lineAt(address: bigint): Promise<RunningLine | undefined> {
    const image = this.imageAt(address);
    if (image !== this) return image.lineAt(address);
    const link = this.map.toLink(address);
    const place = link === undefined ? undefined : await this.lines?.lineAt(link);
    if (link === undefined || !place) return undefined;
    const shift = address - link;
    const path = await this.sourceMap.toUser(place.path);
    const statement = { start: place.statement.start + shift, end: place.statement.end + shift };
    return { ...place, path, start: place.start + shift, end: place.end + shift, statement };
  }

  /**
   * The functions at an address with their lines, the innermost inlined one first. `standing`: execution is about to
   * enter what begins here, so an inlined function is not shown before its first instruction has run.
   */
  async scopesAt(address: bigint, standing: boolean): Promise<readonly ScopeLine[]> {
    const image = this.imageAt(address);
    if (image !== this) return image.scopesAt(address, standing);
    const line = await this.lineAt(address);
    const link = this.map.toLink(address);
    if (!line || link === undefined) return [];
    const functions = (await this.lines?.functionsAt(link)) ?? [];
    const { path, column, md5 } = line;
    let place: Omit<ScopeLine, 'name' | 'inlined'> = { path, line: line.line, column, ...(md5 && { md5 }) };
    if (functions.length === 0) return [{ name: undefined, inlined: false, ...place }];
    const scopes: ScopeLine[] = [];
    for (const { name, inlined, start, call } of functions) {
      if (!(standing && inlined && start === link && scopes.length === 0)) {
        scopes.push({ name, inlined, ...place });
      }
      if (!call) continue;
      place = { path: await this.sourceMap.toUser(call.path), line: call.line, column: 0 };
    }
    return scopes;
  }

  /** A file as debug information names it, on the user's disk. */
  pathToUser(path: string): Promise<string> {
    return this.sourceMap.toUser(path);
  }

  /** How to leave the frame of the code at an address. */
  async rulesAt(address: bigint): Promise<FrameRules | undefined> {
    const image = this.imageAt(address);
    if (image !== this) return image.rulesAt(address);
    const link = this.map.toLink(address);
    return link === undefined ? undefined : this.frames?.rulesAt(link);
  }

  /** Link addresses of the code of a line. */
  async addressesOfLine(path: string, line: number, column?: number): Promise<LineLookup | undefined> {
    const found = await this.lines?.addressesOfLine(this.sourceMap.toRecorded(path), line, column);
    if (found?.kind !== 'found' || !this.as) return found;
    const code = found.code.map((one) => ({ ...one, addresses: this.present(one.addresses) }));
    return { kind: 'found', code };
  }

  /** Where statements begin in lines of a file. */
  async statementsIn(path: string, first: number, last: number): Promise<readonly StatementPlace[]> {
    return (await this.lines?.statementsIn(this.sourceMap.toRecorded(path), first, last)) ?? [];
  }
}

const isUpper = (address: bigint): boolean => ((address >> 55n) & 1n) === 1n;
