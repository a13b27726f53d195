// What a debugger asks of DWARF: the source line of an address, the addresses of a source line,
// the functions around an address. Everything is read when it is asked for, unit by unit; a
// 312 MB vmlinux opens at once.
//
// Addresses here are those of the running program: `loadOffset` says how far it runs from where
// it was linked (KASLR).

import type { Va } from '../../base/address.ts';
import type { ElfFile } from '../elf.ts';
import { readAranges, scanUnits } from './aranges.ts';
import type { UnitRanges } from './aranges.ts';
import * as dw from './constants.ts';
import { Cursor } from './cursor.ts';
import { FileIndex, joinPath } from './file-index.ts';
import type { FileUse } from './file-index.ts';
import { nameOf, readFunctions } from './functions.ts';
import type { Scope } from './functions.ts';
import { readLineHeader, readLineUnitEnd } from './line-header.ts';
import type { Name } from './line-header.ts';
import { LineTable } from './line-table.ts';
import type { LineRow } from './line-table.ts';
import { Lru } from './lru.ts';
import { DwarfSections } from './sections.ts';
import { numberOf, openUnit, textOf } from './units.ts';
import type { Unit } from './units.ts';

export interface SourceLocation {
  /** As the compiler saw it, without `.` and `..`. */
  readonly file: string;
  /** From 1; 0 where the compiler names no line. */
  readonly line: number;
  /** From 1; 0 when unknown. */
  readonly column: number;
  /** The run of instructions around the address that belong to this line: [start, end). */
  readonly start: Va;
  readonly end: Va;
}

export interface ResolvedLine {
  readonly file: string;
  /** The line asked for, or the next one below it that has code. */
  readonly line: number;
  /** One address for each function or inlined copy the line has code in, in order. */
  readonly addresses: readonly Va[];
}

export interface FunctionAt {
  readonly name: string;
  readonly inlined: boolean;
  /** First address; a function may have several ranges. */
  readonly start: Va;
  readonly end: Va;
  /** Where an inlined function was called. */
  readonly call?: { readonly file: string; readonly line: number };
}

const KEPT_UNITS = 64;

/** The parts that views with different load offsets share. */
interface Shared {
  readonly sections: DwarfSections;
  readonly units: Lru<number, Unit>;
  readonly tables: Lru<number, LineTable>;
  readonly functions: Lru<number, Scope[]>;
  aranges?: Promise<UnitRanges>;
  scanned?: Promise<UnitRanges>;
  files?: Promise<FileIndex>;
}

export class DebugInfo {
  readonly loadOffset: bigint;
  private readonly shared: Shared;

  private constructor(shared: Shared, loadOffset: bigint) {
    this.shared = shared;
    this.loadOffset = loadOffset;
  }

  /** Undefined when the file has no line tables. */
  static open(elf: ElfFile): DebugInfo | undefined {
    const sections = new DwarfSections(elf);
    if (!sections.has('line')) return undefined;
    const shared = { sections, units: new Lru<number, Unit>(KEPT_UNITS), tables: new Lru<number, LineTable>(KEPT_UNITS) };
    return new DebugInfo({ ...shared, functions: new Lru<number, Scope[]>(KEPT_UNITS) }, 0n);
  }

  /** The same program, running `loadOffset` bytes above where it was linked. */
  relocated(loadOffset: bigint): DebugInfo {
    return new DebugInfo(this.shared, loadOffset);
  }

  /** The source line of an address. */
  async locate(address: bigint): Promise<SourceLocation | undefined> {
    const at = this.distance(address);
    const unit = await this.unitAt(at);
    const table = unit && (await this.tableOf(unit));
    const run = table?.lineRunAt(at);
    if (unit === undefined || table === undefined || run === undefined) return undefined;
    return {
      file: await this.pathOf(unit, table, run.file),
      line: run.line,
      column: table.rowAt(at)?.column ?? 0,
      start: this.address(run.start),
      end: this.address(run.end),
    };
  }

  /** Addresses at which a breakpoint on a line of a file stops, in every file of that name. */
  async addressesOf(file: string, line: number): Promise<Va[]> {
    const resolved = await this.resolve(file, line, true);
    return resolved.flatMap(({ addresses }) => addresses);
  }

  /**
   * Resolves a line of a file, named by its path or the last components of it; a line without
   * code moves down to the next one that has code. One result for each file of that name.
   */
  async resolveSourceLine(fileSuffix: string, line: number): Promise<ResolvedLine[]> {
    return this.resolve(fileSuffix, line, false);
  }

  /** All source files that line tables name. */
  async sourceFiles(): Promise<string[]> {
    return (await this.files()).paths;
  }

  /** The functions an address is in: inlined ones from the innermost on, the real one last. */
  async functionsAt(address: bigint): Promise<FunctionAt[]> {
    const at = this.distance(address);
    const unit = await this.unitAt(at);
    if (unit === undefined) return [];
    const chain = chainAt(await this.functionsOf(unit), at).reverse();
    return Promise.all(chain.map((scope) => this.describe(unit, scope, at)));
  }

  // ------------------------------------------------------------------ lines to addresses

  private async resolve(file: string, line: number, exact: boolean): Promise<ResolvedLine[]> {
    const resolved: ResolvedLine[] = [];
    for (const { path, uses } of (await this.files()).matching(file)) {
      const rows = await this.rowsFrom(uses, line);
      const lowest = rows.reduce((least, row) => Math.min(least, row.line), Number.POSITIVE_INFINITY);
      if (lowest === Number.POSITIVE_INFINITY || (exact && lowest !== line)) continue;
      const starts = rows.filter((row) => row.line === lowest).map((row) => row.start);
      const addresses = (await this.oneForEachScope(starts)).map((start) => this.address(start));
      resolved.push({ file: path, line: lowest, addresses });
    }
    return resolved;
  }

  /** The rows of the first line at or below `line` that each table has code for. */
  private async rowsFrom(uses: readonly FileUse[], line: number): Promise<LineRow[]> {
    const rows: LineRow[] = [];
    for (const { table: offset, file } of uses) {
      const table = await this.table(offset);
      let best = Number.POSITIVE_INFINITY;
      let found: LineRow[] = [];
      table.forEachRun(file, (row) => {
        if (row.line < line || row.line > best) return;
        if (row.line < best) found = [];
        best = row.line;
        found.push(row);
      });
      rows.push(...found);
    }
    return rows;
  }

  /**
   * A line's code may be spread (a loop's condition and increment): the debugger stops where the
   * line is entered first in each function and in each inlined copy of it.
   */
  private async oneForEachScope(starts: readonly number[]): Promise<number[]> {
    const unique = [...new Set(starts)].sort((a, b) => a - b);
    if (unique.length < 2) return unique;
    const chosen = new Map<number, { start: number; part: number }>();
    const homeless: number[] = [];
    for (const start of unique) {
      const unit = await this.unitAt(start);
      const scope = unit && chainAt(await this.functionsOf(unit), start).at(-1);
      if (scope === undefined) {
        homeless.push(start);
        continue;
      }
      // Code moved out of line (.text.unlikely) may stand lower than the function itself.
      const part = scope.ranges.findIndex(([low, high]) => start >= low && start < high);
      const earlier = chosen.get(scope.entry);
      if (earlier === undefined || part < earlier.part) chosen.set(scope.entry, { start, part });
    }
    return [...homeless, ...[...chosen.values()].map(({ start }) => start)].sort((a, b) => a - b);
  }

  // ------------------------------------------------------------------ parts, read once

  private async unitAt(at: number): Promise<Unit | undefined> {
    if (Number.isNaN(at)) return undefined;
    const { shared } = this;
    shared.aranges ??= readAranges(shared.sections);
    const aranges = await shared.aranges;
    let offset = aranges.unitAt(at);
    // Only code of the program is worth a scan of all units, not whatever a guest's pc holds.
    if (offset === undefined && shared.sections.holdsCode(at)) {
      shared.scanned ??= scanUnits(shared.sections, aranges.unitOffsets());
      offset = (await shared.scanned).unitAt(at);
    }
    return offset === undefined ? undefined : this.unit(offset);
  }

  private unit(offset: number): Promise<Unit> {
    return this.shared.units.get(offset, () => openUnit(this.shared.sections, offset));
  }

  private functionsOf(unit: Unit): Promise<Scope[]> {
    return this.shared.functions.get(unit.unitOffset, () => readFunctions(this.shared.sections, unit));
  }

  private async tableOf(unit: Unit): Promise<LineTable | undefined> {
    const offset = numberOf(unit.root.get(dw.DW_AT_stmt_list));
    return offset === undefined ? undefined : this.table(offset);
  }

  private table(offset: number): Promise<LineTable> {
    const { sections, tables } = this.shared;
    return tables.get(offset, async () => {
      const end = await sections.parse('line', offset, readLineUnitEnd);
      return sections.parseRange('line', offset, end, (cursor) => {
        const header = readLineHeader(cursor, sections);
        const program = new Cursor(cursor.bytes.subarray(header.program - offset), header.program);
        return new LineTable(header, program, sections.window);
      });
    });
  }

  private files(): Promise<FileIndex> {
    this.shared.files ??= FileIndex.build(this.shared.sections);
    return this.shared.files;
  }

  // ------------------------------------------------------------------ presentation

  private async pathOf(unit: Unit, table: LineTable, index: number): Promise<string> {
    const { sections } = this.shared;
    const { files, directories } = table.header;
    const file = files[index];
    if (file === undefined) return '';
    const text = async (name: Name | undefined): Promise<string> =>
      typeof name === 'object' ? sections.stringIn(name.section, name.offset) : (name ?? '');
    const compileDirectory = await textOf(sections, unit, unit.root.get(dw.DW_AT_comp_dir));
    const base = (await text(directories[0])) || (compileDirectory ?? '');
    return joinPath(base, await text(directories[file.directory]), await text(file.name));
  }

  private async describe(unit: Unit, scope: Scope, at: number): Promise<FunctionAt> {
    const { sections } = this.shared;
    const name = (await nameOf(sections, unit, scope.attributes)) ?? '';
    const [start, end] = scope.ranges.find(([low, high]) => at >= low && at < high) ?? [at, at];
    const described = { name, inlined: scope.inlined, start: this.address(start), end: this.address(end) };
    const callFile = numberOf(scope.attributes.get(dw.DW_AT_call_file));
    const callLine = numberOf(scope.attributes.get(dw.DW_AT_call_line));
    const table = scope.inlined ? await this.tableOf(unit) : undefined;
    if (table === undefined || callFile === undefined || callLine === undefined) return described;
    return { ...described, call: { file: await this.pathOf(unit, table, callFile), line: callLine } };
  }

  private distance(address: bigint): number {
    return this.shared.sections.window.offsetOf(address - this.loadOffset);
  }

  private address(distance: number): Va {
    return this.shared.sections.window.addressOf(distance + Number(this.loadOffset));
  }
}

/** The scopes that hold an address, from the outermost on. */
function chainAt(scopes: readonly Scope[], at: number): Scope[] {
  const holds = (scope: Scope): boolean => scope.ranges.some(([low, high]) => at >= low && at < high);
  const chain: Scope[] = [];
  for (let scope = scopes.find(holds); scope !== undefined; scope = scope.children.find(holds)) chain.push(scope);
  return chain;
}
