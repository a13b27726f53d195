// What a debugger asks of DWARF: the source line of an address, the addresses of a source line,
// the functions around an address. Everything is read when it is asked for, unit by unit; a
// 312 MB vmlinux opens at once.
//
// Addresses here are those of the running program: `loadOffset` says how far it runs from where
// it was linked (KASLR).

import { va } from '../../base/address.ts';
import type { Va } from '../../base/address.ts';
import type { ElfFile } from '../elf.ts';
import { readAranges, scanUnits } from './aranges.ts';
import type { UnitRanges } from './aranges.ts';
import * as dw from './constants.ts';
import { Cursor } from './cursor.ts';
import { FileIndex } from './file-index.ts';
import type { FileUse } from './file-index.ts';
import { readLineHeader, readLineUnitEnd } from './line-header.ts';
import { LineTable } from './line-table.ts';
import type { LineRow } from './line-table.ts';
import { Lru } from './lru.ts';
import type { FunctionAt, ProgramInfo } from './model.ts';
import { openProgramInfo } from './program-info.ts';
import { DwarfSections } from './sections.ts';
import { pathOf } from './source-files.ts';
import { numberOf, openUnit } from './units.ts';
import type { Unit } from './units.ts';

export interface SourceLocation {
  /** As the compiler saw it, without `.` and `..`. */
  readonly file: string;
  /** From 1; 0 where the compiler names no line. */
  readonly line: number;
  /** From 1; 0 when unknown. */
  readonly column: number;
  /** Of the file that was compiled, where the compiler recorded it: 32 hexadecimal digits. */
  readonly md5?: string;
  /** Of these, those of the same column. */
  readonly statement: { readonly start: Va; readonly end: Va };
  /** The run of instructions around the address that belong to this line: [start, end). */
  readonly start: Va;
  readonly end: Va;
}

export interface ResolvedLine {
  readonly file: string;
  /** The line asked for, or the next one below it that has code. */
  readonly line: number;
  /** Of the first statement there; 0 when unknown. */
  readonly column: number;
  /** One address for each function or inlined copy the line has code in, in order. */
  readonly addresses: readonly Va[];
}

/** Where a statement begins in the text. */
export interface Statement {
  readonly line: number;
  readonly column: number;
}

export type FunctionLookup = Pick<ProgramInfo, 'functionsAt'>;

interface RowsAt {
  readonly unit: Unit;
  readonly table: LineTable;
  readonly row: LineRow;
  /** The neighbouring rows of the same line as well; and those of the same column. */
  readonly run: LineRow;
  readonly statement: LineRow;
}

/** Whether to look at every unit for an address that .debug_aranges does not name. */
type Effort = 'aranges' | 'scan';

const KEPT_UNITS = 64;
const INSTRUCTION = 4;
/** The arm64 kernel reserves two instructions. */
const MAX_PATCH_AREA = 2 * INSTRUCTION;

/** The parts that views with different load offsets share. */
interface Shared {
  readonly sections: DwarfSections;
  readonly units: Lru<number, Unit>;
  readonly tables: Lru<number, LineTable>;
  /** Of the source files of a table, by their index there. */
  readonly paths: WeakMap<LineTable, Map<number, Promise<string>>>;
  readonly program: FunctionLookup | undefined;
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

  /** Undefined when the file has no line tables. `program`: of the same file. */
  static open(
    elf: ElfFile,
    program: FunctionLookup | undefined = openProgramInfo(elf),
  ): DebugInfo | undefined {
    const sections = new DwarfSections(elf);
    if (!sections.has('line')) return undefined;
    const shared = {
      sections,
      units: new Lru<number, Unit>(KEPT_UNITS),
      tables: new Lru<number, LineTable>(KEPT_UNITS),
      paths: new WeakMap<LineTable, Map<number, Promise<string>>>(),
    };
    return new DebugInfo({ ...shared, program }, 0n);
  }

  /** The same program, running `loadOffset` bytes above where it was linked. */
  relocated(loadOffset: bigint): DebugInfo {
    return new DebugInfo(this.shared, loadOffset);
  }

  /** The source line of an address. */
  async locate(address: bigint): Promise<SourceLocation | undefined> {
    const at = this.distance(address);
    // Scanning units that .debug_aranges leaves out is the last resort: it takes a while.
    const found =
      (await this.rowsAt(at, 'aranges')) ??
      (await this.rowsBehindPatchArea(at)) ??
      (await this.rowsAt(at, 'scan'));
    if (found === undefined) return undefined;
    const { unit, table, row, run, statement } = found;
    const md5 = table.header.files[row.file]?.md5;
    return {
      ...(md5 && { md5: hexadecimal(md5) }),
      file: await this.pathOf(unit, table, row.file),
      line: row.line,
      column: row.column,
      start: this.address(Math.min(run.start, at)),
      end: this.address(run.end),
      statement: {
        start: this.address(Math.min(statement.start, at)),
        end: this.address(statement.end),
      },
    };
  }

  /** Addresses at which a breakpoint on a line of a file stops, in every file of that name. */
  async addressesOf(file: string, line: number): Promise<Va[]> {
    const resolved = await this.resolve(file, line, true);
    return resolved.flatMap(({ addresses }) => addresses);
  }

  /**
   * Resolves a line of a file, named by its path or the last components of it; a line without
   * code moves down to the next one that has code. One result for each file of that name. With a column, the
   * statement that begins there or behind it, if the line has one.
   */
  async resolveSourceLine(fileSuffix: string, line: number, column?: number): Promise<ResolvedLine[]> {
    return this.resolve(fileSuffix, line, false, column);
  }

  /** Where statements begin in these lines of a file, in order; of a file that several units have, in any of them. */
  async statementsIn(file: string, first: number, last: number): Promise<Statement[]> {
    const statements = new Map<string, Statement>();
    for (const { uses } of (await this.files()).matching(file)) {
      for (const { table: offset, file: index } of uses) {
        (await this.table(offset)).forEachStatement(index, ({ line, column }) => {
          if (line >= first && line <= last) statements.set(`${line}:${column}`, { line, column });
        });
      }
    }
    return [...statements.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  /** All source files that line tables name. */
  async sourceFiles(): Promise<string[]> {
    return (await this.files()).paths;
  }

  /** The functions an address is in: inlined ones from the innermost on, the real one last. */
  async functionsAt(address: bigint): Promise<FunctionAt[]> {
    const { loadOffset, shared } = this;
    const functions = (await shared.program?.functionsAt(address - loadOffset)) ?? [];
    return functions.map((f) => ({ ...f, start: va(f.start + loadOffset), end: va(f.end + loadOffset) }));
  }

  // ------------------------------------------------------------------ lines to addresses

  private async resolve(
    file: string,
    line: number,
    exact: boolean,
    column?: number,
  ): Promise<ResolvedLine[]> {
    const resolved: ResolvedLine[] = [];
    for (const { path, uses } of (await this.files()).matching(file)) {
      const atColumn = column === undefined ? [] : await this.rowsAtColumn(uses, line, column);
      const rows = atColumn.length > 0 ? atColumn : await this.rowsFrom(uses, line);
      const lowest = rows.reduce((least, row) => Math.min(least, row.line), Number.POSITIVE_INFINITY);
      if (lowest === Number.POSITIVE_INFINITY || (exact && lowest !== line)) continue;
      const entries = rows.filter((row) => row.line === lowest);
      const addresses = (await this.oneForEachScope(entries)).map((start) => this.address(start));
      resolved.push({ file: path, line: lowest, column: entries[0]?.column ?? 0, addresses });
    }
    return resolved;
  }

  /** The rows of the first statement of the line at or behind a column, in any unit. */
  private async rowsAtColumn(uses: readonly FileUse[], line: number, column: number): Promise<LineRow[]> {
    let best = Number.POSITIVE_INFINITY;
    let found: LineRow[] = [];
    for (const { table: offset, file } of uses) {
      (await this.table(offset)).forEachStatement(file, (row) => {
        if (row.line !== line || row.column < column || row.column > best) return;
        if (row.column < best) found = [];
        best = row.column;
        found.push(row);
      });
    }
    return found;
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
  private async oneForEachScope(rows: readonly LineRow[]): Promise<number[]> {
    const starts = new Set(rows.map((row) => row.start));
    if (starts.size < 2) return [...starts];
    const byUnit = new Map<number, number[]>();
    for (const start of [...starts].sort((a, b) => a - b)) {
      const unit = (await this.unitOffsetAt(start)) ?? -1;
      const others = byUnit.get(unit);
      if (others === undefined) byUnit.set(unit, [start]);
      else others.push(start);
    }
    const chosen: number[] = [];
    for (const candidates of byUnit.values()) {
      // A unit with one candidate needs no look at its functions, which costs more than the rest.
      chosen.push(...(candidates.length === 1 ? candidates : await this.firstInEachFunction(candidates)));
    }
    return chosen.sort((a, b) => a - b);
  }

  /** Of places in ascending order, the best one to stop at in each function or inlined copy. */
  private async firstInEachFunction(places: readonly number[]): Promise<number[]> {
    const chosen = new Map<number, { start: number; part: number }>();
    const homeless: number[] = [];
    for (const start of places) {
      const [innermost] = await this.functionsHolding(start);
      if (innermost === undefined) {
        homeless.push(start);
        continue;
      }
      // Code moved out of line (.text.unlikely) may stand lower than the function itself.
      const { entry, part } = innermost;
      const earlier = chosen.get(entry);
      if (earlier === undefined || part < earlier.part) chosen.set(entry, { start, part });
    }
    return [...homeless, ...[...chosen.values()].map(({ start }) => start)];
  }

  private async functionsHolding(at: number): Promise<readonly FunctionAt[]> {
    const { program, sections } = this.shared;
    return (await program?.functionsAt(sections.window.addressOf(at))) ?? [];
  }

  // ------------------------------------------------------------------ addresses to lines

  private async rowsAt(at: number, effort: Effort): Promise<RowsAt | undefined> {
    const unit = await this.unitAt(at, effort);
    const table = unit && (await this.tableOf(unit));
    const row = table?.rowAt(at);
    const run = table?.lineRunAt(at);
    const statement = table?.lineRunAt(at, true);
    return unit && table && row && run && statement && { unit, table, row, run, statement };
  }

  /**
   * With -fpatchable-function-entry a function's symbol stands before the room that the tracer
   * patches, and GCC's line table and DW_AT_low_pc only begin behind it. A stop at the symbol is
   * a stop at the function's first line all the same.
   */
  private async rowsBehindPatchArea(at: number): Promise<RowsAt | undefined> {
    for (let next = at + INSTRUCTION; next <= at + MAX_PATCH_AREA; next += INSTRUCTION) {
      const found = await this.rowsAt(next, 'aranges');
      if (found === undefined) continue;
      const outermost = (await this.functionsHolding(next)).at(-1);
      return outermost?.start === this.shared.sections.window.addressOf(next) ? found : undefined;
    }
    return undefined;
  }

  // ------------------------------------------------------------------ parts, read once

  private async unitAt(at: number, effort: Effort = 'scan'): Promise<Unit | undefined> {
    const offset = await this.unitOffsetAt(at, effort);
    return offset === undefined ? undefined : this.unit(offset);
  }

  private async unitOffsetAt(at: number, effort: Effort = 'scan'): Promise<number | undefined> {
    if (Number.isNaN(at)) return undefined;
    const { shared } = this;
    shared.aranges ??= readAranges(shared.sections);
    const aranges = await shared.aranges;
    let offset = aranges.unitAt(at);
    // Only code of the program is worth a scan of all units, not whatever a guest's pc holds.
    if (offset === undefined && effort === 'scan' && shared.sections.holdsCode(at)) {
      shared.scanned ??= scanUnits(shared.sections, aranges.unitOffsets());
      offset = (await shared.scanned).unitAt(at);
    }
    return offset;
  }

  private unit(offset: number): Promise<Unit> {
    return this.shared.units.get(offset, () => openUnit(this.shared.sections, offset));
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

  private pathOf(unit: Unit, table: LineTable, index: number): Promise<string> {
    const { paths, sections } = this.shared;
    let known = paths.get(table);
    if (known === undefined) paths.set(table, (known = new Map()));
    let path = known.get(index);
    if (path === undefined) known.set(index, (path = pathOf(sections, unit, table.header, index)));
    return path;
  }

  private distance(address: bigint): number {
    return this.shared.sections.window.offsetOf(address - this.loadOffset);
  }

  private address(distance: number): Va {
    return va(this.shared.sections.window.addressOf(distance) + this.loadOffset);
  }
}

const hexadecimal = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
