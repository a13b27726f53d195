// The units of a program, read when an address or an entry in them is asked for, and kept as long as they are in
// use. A unit of vmlinux has 73 KB on average; .debug_info as a whole is never in memory.

import { UserError } from '../../base/errors.ts';
import { lastAtMost } from '../address-window.ts';
import type { ElfFile } from '../elf.ts';
import { readAranges, scanUnits } from './aranges.ts';
import type { UnitRanges } from './aranges.ts';
import { LoadedUnit } from './entries.ts';
import type { Die, Links, Tables } from './entries.ts';
import { FunctionTable } from './function-table.ts';
import { Lru } from './lru.ts';
import type { EntryId } from './model.ts';
import { DwarfSections } from './sections.ts';
import { SourceFiles } from './source-files.ts';
import { openUnit, readUnitHeader } from './units.ts';

const KEPT_UNITS = 64;

/** Called once for each damaged unit. */
export type DamageReport = (error: UserError) => void;

export class ProgramUnits {
  readonly sections: DwarfSections;
  private readonly report: DamageReport;
  private readonly reported = new Set<string>();
  private readonly loaded = new Lru<number, LoadedUnit>(KEPT_UNITS);
  private readonly functions = new Lru<EntryId, FunctionTable>(KEPT_UNITS);
  private readonly files = new WeakMap<LoadedUnit, SourceFiles>();
  private readonly ends = new Map<number, number>();
  private known: Promise<Float64Array> | undefined;
  private aranges: Promise<UnitRanges> | undefined;
  private scanned: Promise<UnitRanges> | undefined;
  private starts: Promise<Float64Array> | undefined;

  constructor(elf: ElfFile, report: DamageReport) {
    this.sections = new DwarfSections(elf);
    this.report = report;
  }

  /** The unit with code at a distance from the program's base. */
  async unitAt(at: number): Promise<LoadedUnit | undefined> {
    if (Number.isNaN(at)) return undefined;
    const aranges = await this.arangesOnce();
    let offset = aranges.unitAt(at);
    // Only code of the program is worth a scan of all units, not whatever a guest's pc holds.
    if (offset === undefined && this.sections.holdsCode(at)) {
      this.scanned ??= scanUnits(this.sections, aranges.unitOffsets());
      offset = (await this.scanned).unitAt(at);
    }
    return offset === undefined ? undefined : this.load(offset);
  }

  async die(entry: EntryId): Promise<Die> {
    return (await this.unitOf(entry)).die(entry);
  }

  async unitOf(entry: EntryId): Promise<LoadedUnit> {
    // Only the headers between a unit that .debug_aranges names and the one that is looked for are read.
    this.known ??= this.arangesOnce().then((aranges) => Float64Array.from(aranges.unitOffsets()).sort());
    const known = await this.known;
    const size = await this.sections.size('info');
    for (let start = known[lastAtMost(known, known.length, entry)] ?? 0; start <= entry && start < size; ) {
      const end = await this.endOf(start);
      if (entry < end) return this.load(start);
      start = end;
    }
    throw this.sections.damaged('info', entry, 'no unit is there');
  }

  /** Where all units start, in order. */
  async unitStarts(): Promise<Float64Array> {
    this.starts ??= this.findStarts();
    return this.starts;
  }

  load(offset: number): Promise<LoadedUnit> {
    return this.loaded.get(offset, () => this.read(offset));
  }

  functionsOf(unit: LoadedUnit): Promise<FunctionTable> {
    return this.functions.get(unit.id, () => FunctionTable.read(unit));
  }

  filesOf(unit: LoadedUnit): SourceFiles {
    let files = this.files.get(unit);
    if (files === undefined) {
      files = new SourceFiles(unit.sections, unit.unit);
      this.files.set(unit, files);
    }
    return files;
  }

  /** Runs what concerns one unit; damage there is reported once and gives `otherwise`. */
  async tolerate<T>(otherwise: T, action: () => Promise<T>): Promise<T> {
    try {
      return await this.sections.guardAsync('info', action);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const text = error.toString();
      if (!this.reported.has(text)) {
        this.reported.add(text);
        this.report(error);
      }
      return otherwise;
    }
  }

  /** Reads a unit that nobody will ask for again. */
  async read(offset: number): Promise<LoadedUnit> {
    const { sections } = this;
    const unit = await openUnit(sections, offset);
    const [bytes, tables] = await Promise.all([
      sections.range('info', unit.unitOffset, unit.end),
      tablesOf(sections),
    ]);
    return new LoadedUnit({ unit, sections, sectionId: 0, bytes, tables, links: NO_LINKS });
  }

  private arangesOnce(): Promise<UnitRanges> {
    this.aranges ??= readAranges(this.sections);
    return this.aranges;
  }

  private async endOf(start: number): Promise<number> {
    let end = this.ends.get(start);
    if (end === undefined) {
      ({ end } = await this.sections.parse('info', start, readUnitHeader));
      this.ends.set(start, end);
    }
    return end;
  }

  private async findStarts(): Promise<Float64Array> {
    const size = await this.sections.size('info');
    const starts: number[] = [];
    for (let offset = 0; offset < size; ) {
      const here = offset;
      const header = await this.tolerate(undefined, () => this.sections.parse('info', here, readUnitHeader));
      if (header === undefined) break;
      starts.push(offset);
      offset = header.end;
    }
    return Float64Array.from(starts);
  }
}

async function tablesOf(sections: DwarfSections): Promise<Tables> {
  const [str, line_str, str_offsets, addr] = await Promise.all([
    sections.whole('str'),
    sections.whole('line_str'),
    sections.whole('str_offsets'),
    sections.whole('addr'),
  ]);
  return { str, line_str, str_offsets, addr };
}

const NO_LINKS: Links = {
  signature: () => undefined,
  supplementaryEntry: () => undefined,
  supplementaryString: () => undefined,
};
