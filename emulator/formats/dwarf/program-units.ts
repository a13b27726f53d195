// The units of a program, read when an address or an entry in them is asked for, and kept as long as they are in
// use. A unit of vmlinux has 73 KB on average; .debug_info as a whole is never in memory.
//
// An entry is known by its offset in .debug_info. Behind the end of that come the type units of .debug_types
// (DWARF 4), then the split units, each in a range of 4 GB told by its skeleton, then the supplementary file.

import { UserError } from '../../base/errors.ts';
import { lastAtMost } from '../address-window.ts';
import type { ElfFile } from '../elf.ts';
import { UnitRanges, readAranges } from './aranges.ts';
import * as dw from './constants.ts';
import { supplementaryFile } from './debug-files.ts';
import type { DebugFiles } from './debug-files.ts';
import { LoadedUnit } from './entries.ts';
import type { Die, Links, Tables } from './entries.ts';
import { FunctionTable } from './function-table.ts';
import { Lru } from './lru.ts';
import type { EntryId } from './model.ts';
import { rangesOf } from './ranges.ts';
import { DwarfSections } from './sections.ts';
import { SourceFiles } from './source-files.ts';
import { SplitFiles } from './split-files.ts';
import { UnitSection } from './unit-section.ts';
import type { Sorted } from './unit-section.ts';
import { openUnit } from './units.ts';

const KEPT_UNITS = 64;
/** Their headers take some five milliseconds. */
const UNITS_BETWEEN_PAUSES = 128;
/** The room that a split unit has. */
const SPLIT_SIZE = 2 ** 32;
const SUPPLEMENT = 2 ** 52;

/** Called once for each damaged unit. */
export type DamageReport = (error: UserError) => void;

interface Supplement {
  readonly section: UnitSection;
  readonly strings: Uint8Array;
}

export class ProgramUnits {
  readonly sections: DwarfSections;
  private readonly elf: ElfFile;
  private readonly files: DebugFiles;
  private readonly report: DamageReport;
  private readonly reported = new Set<string>();
  private readonly info: UnitSection;
  private readonly split: SplitFiles;
  private readonly loaded = new Lru<EntryId, LoadedUnit>(KEPT_UNITS);
  private readonly functions = new Lru<EntryId, FunctionTable>(KEPT_UNITS);
  private readonly sourceFiles = new WeakMap<LoadedUnit, SourceFiles>();
  private types: Promise<UnitSection> | undefined;
  private aranges: Promise<UnitRanges> | undefined;
  private scanned: Promise<UnitRanges> | undefined;
  private signatures: Promise<ReadonlyMap<bigint, EntryId>> | undefined;
  private supplement: Promise<Supplement | undefined> | undefined;

  constructor(elf: ElfFile, files: DebugFiles, report: DamageReport) {
    this.elf = elf;
    this.files = files;
    this.report = report;
    this.sections = new DwarfSections(elf);
    this.info = new UnitSection(this.sections, 'info', 0);
    this.split = new SplitFiles(elf, this.sections, files);
  }

  // ---------------------------------------------------------------- by address

  /** The unit with code at a distance from the program's base. */
  async unitAt(at: number): Promise<LoadedUnit | undefined> {
    if (Number.isNaN(at)) return undefined;
    const aranges = await this.arangesOnce();
    let offset = aranges.unitAt(at);
    // Only code of the program is worth a scan of all units, not whatever a guest's pc holds.
    if (offset === undefined && this.sections.holdsCode(at)) {
      this.scanned ??= this.scan(aranges.unitOffsets());
      offset = (await this.scanned).unitAt(at);
    }
    return offset === undefined ? undefined : this.load(offset);
  }

  private arangesOnce(): Promise<UnitRanges> {
    this.aranges ??= this.tolerate(new UnitRanges([]), () => readAranges(this.sections));
    return this.aranges;
  }

  /** The ranges of units that .debug_aranges leaves out, from their first entries. */
  private async scan(known: ReadonlySet<number>): Promise<UnitRanges> {
    const rows: [start: number, end: number, unit: number][] = [];
    const all = await this.startsIn(this.info, (await this.arangesOnce()).sortedOffsets);
    for (const start of all) {
      if (known.has(start)) continue;
      const ranges = await this.tolerate([], async () => {
        const unit = await openUnit(this.sections, start);
        return rangesOf(this.sections, unit, unit.root);
      });
      for (const [from, to] of ranges) if (from >= 0) rows.push([from, to, start]);
    }
    return new UnitRanges(rows);
  }

  // ---------------------------------------------------------------- by entry

  async die(entry: EntryId): Promise<Die> {
    return (await this.unitOf(entry)).die(entry);
  }

  async unitOf(entry: EntryId): Promise<LoadedUnit> {
    if (entry >= SUPPLEMENT) {
      const supplement = await this.supplementOnce();
      return this.load((await supplement?.section.unitHolding(entry, [])) ?? this.nothing(entry));
    }
    if (entry >= SPLIT_SIZE) return this.load(Math.floor(entry / SPLIT_SIZE) - 1);
    const types = await this.typesOnce();
    if (entry >= types.id) return this.load((await types.unitHolding(entry, [])) ?? this.nothing(entry));
    // Only the headers between a unit that .debug_aranges names and the one that is looked for are read.
    const known = (await this.arangesOnce()).sortedOffsets;
    return this.load((await this.info.unitHolding(entry, known)) ?? this.nothing(entry));
  }

  /** The unit that starts there; of a skeleton, the unit that it stands for. */
  load(start: EntryId): Promise<LoadedUnit> {
    return this.loaded.get(start, () => this.read(start));
  }

  /** Where all units of the program start, in order, type units of DWARF 4 last. */
  async unitStarts(pause: () => Promise<void>): Promise<readonly EntryId[]> {
    const known = (await this.arangesOnce()).sortedOffsets;
    const types = await this.typesOnce();
    return [...(await this.startsIn(this.info, known, pause)), ...(await this.startsIn(types, [], pause))];
  }

  private async startsIn(
    section: UnitSection,
    known: Sorted,
    pause: () => Promise<void> = async () => {},
  ): Promise<readonly EntryId[]> {
    const behind = section.id + (await section.size());
    const starts: EntryId[] = [];
    for (let start = section.id; start < behind; ) {
      const here = start;
      const end = await this.tolerate(undefined, () => section.endOf(here));
      if (end !== undefined) starts.push(start);
      if (starts.length % UNITS_BETWEEN_PAUSES === 0) await pause();
      // Behind a damaged header the next unit is one that something else names.
      start = end ?? known[lastAtMost(known, known.length, start) + 1] ?? behind;
    }
    return starts;
  }

  private nothing(entry: EntryId): never {
    throw this.sections.damaged('info', entry, 'no unit is there');
  }

  private async typesOnce(): Promise<UnitSection> {
    this.types ??= this.info.size().then((size) => new UnitSection(this.sections, 'types', size));
    return this.types;
  }

  // ---------------------------------------------------------------- parts of units

  functionsOf(unit: LoadedUnit): Promise<FunctionTable> {
    return this.functions.get(unit.id, () => FunctionTable.read(unit));
  }

  filesOf(unit: LoadedUnit): SourceFiles {
    let files = this.sourceFiles.get(unit);
    if (files === undefined) {
      const { sections, unit: header } = unit.lines;
      files = new SourceFiles(sections, header);
      this.sourceFiles.set(unit, files);
    }
    return files;
  }

  // ---------------------------------------------------------------- damage

  /** Runs what concerns one unit; damage there is reported once and gives `otherwise`. */
  async tolerate<T>(otherwise: T, action: () => Promise<T>): Promise<T> {
    try {
      return await this.sections.guardAsync('info', action);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const place = await this.placeOf(error);
      if (!this.reported.has(place)) {
        this.reported.add(place);
        this.report(error);
      }
      return otherwise;
    }
  }

  /** What is damaged: a unit, as far as an error tells. */
  private async placeOf(error: UserError): Promise<string> {
    const start = this.elf.section('.debug_info')?.offset;
    const { file, offset } = error.place;
    if (start === undefined || offset === undefined || file !== this.sections.file) return error.toString();
    const distance = offset - start;
    if (distance < 0 || distance >= (await this.info.size())) return error.toString();
    const known = (await this.arangesOnce()).sortedOffsets;
    return `unit ${known[lastAtMost(known, known.length, distance)] ?? 0}`;
  }

  // ---------------------------------------------------------------- reading

  /** Reads a unit that nobody will ask for again. */
  async read(start: EntryId): Promise<LoadedUnit> {
    const section = await this.sectionOf(start);
    const { sections, name } = section;
    const offset = start - section.id;
    const bytes = await sections.range(name, offset, (await section.endOf(start)) - section.id);
    const unit = await openUnit(sections, offset, { section: name, bytes });
    const tables = await tablesOf(sections);
    const links = await this.linksOf(unit.links);
    const loaded = new LoadedUnit({ unit, sections, sectionId: section.id, bytes, tables, links });
    return section === this.info ? this.completed(loaded) : loaded;
  }

  private async sectionOf(start: EntryId): Promise<UnitSection> {
    if (start >= SUPPLEMENT) return (await this.supplementOnce())?.section ?? this.nothing(start);
    const types = await this.typesOnce();
    return start >= types.id ? types : this.info;
  }

  /** The unit that a skeleton stands for; the same for all others. */
  private async completed(skeleton: LoadedUnit): Promise<LoadedUnit> {
    const root = skeleton.root();
    const name = root.text(dw.DW_AT_dwo_name) ?? root.text(dw.DW_AT_GNU_dwo_name);
    const id = skeleton.unit.dwoId ?? root.constant(dw.DW_AT_GNU_dwo_id);
    if (name === undefined || id === undefined) return skeleton;
    return this.tolerate(skeleton, async () => {
      const folder = root.text(dw.DW_AT_comp_dir) ?? '';
      const sections = await this.split.sectionsOf(id, name, folder);
      const unit = await openUnit(sections, 0, { skeleton: skeleton.unit });
      const bytes = await sections.range('info', 0, unit.end);
      const sectionId = (skeleton.unit.unitOffset + 1) * SPLIT_SIZE;
      const tables = await tablesOf(sections);
      const links = await this.linksOf(unit.links);
      const split = new LoadedUnit({ unit, sections, sectionId, bytes, tables, links, skeleton });
      const found = unit.dwoId ?? split.root().constant(dw.DW_AT_GNU_dwo_id);
      if (found === id) return split;
      throw new UserError(`'${name}' belongs to another build of the program`, 'Build the program again.', {
        file: this.elf.source.name,
      });
    });
  }

  /** What a unit with values of these forms may refer to. */
  private async linksOf(forms: ReadonlySet<number>): Promise<Links> {
    const bySignature = forms.has(dw.DW_FORM_ref_sig8) ? await this.signaturesOnce() : undefined;
    const refersOut =
      forms.has(dw.DW_FORM_GNU_ref_alt) ||
      forms.has(dw.DW_FORM_GNU_strp_alt) ||
      forms.has(dw.DW_FORM_ref_sup4) ||
      forms.has(dw.DW_FORM_ref_sup8) ||
      forms.has(dw.DW_FORM_strp_sup);
    const supplement = refersOut ? await this.supplementOnce() : undefined;
    return {
      signature: (value) => bySignature?.get(value) ?? this.missing(value),
      supplementaryEntry: (offset) => supplement && SUPPLEMENT + offset,
      supplementaryStrings: supplement?.strings,
    };
  }

  /** Type units inside of .dwo files are not read. */
  private missing(signature: bigint): undefined {
    const text = `type unit ${signature.toString(16)}`;
    if (this.reported.has('type units')) return;
    this.reported.add('type units');
    this.report(
      new UserError(
        `a type is in ${text}, which is not in the program`,
        'Compile without -fdebug-types-section, or without -gsplit-dwarf.',
        { file: this.sections.file },
      ),
    );
  }

  private async signaturesOnce(): Promise<ReadonlyMap<bigint, EntryId>> {
    this.signatures ??= this.findSignatures();
    return this.signatures;
  }

  private async findSignatures(): Promise<ReadonlyMap<bigint, EntryId>> {
    const found = new Map<bigint, EntryId>();
    for (const section of [this.info, await this.typesOnce()]) {
      await this.tolerate(undefined, async () => {
        const size = await section.size();
        for (let start = section.id; start < section.id + size; start = await section.endOf(start)) {
          const { type } = await section.header(start);
          if (type !== undefined) found.set(type.signature, section.id + type.entry);
        }
      });
    }
    return found;
  }

  private supplementOnce(): Promise<Supplement | undefined> {
    this.supplement ??= this.tolerate(undefined, async () => {
      const elf = await supplementaryFile(this.elf, this.files);
      if (elf === undefined) return undefined;
      const sections = new DwarfSections(elf);
      return { section: new UnitSection(sections, 'info', SUPPLEMENT), strings: await sections.whole('str') };
    });
    return this.supplement;
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
