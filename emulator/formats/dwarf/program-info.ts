// Types, variables, scopes and names of a program: what a debugger asks of DWARF beside lines. Everything is read when
// it is asked for, unit by unit.

import type { UserError } from '../../base/errors.ts';
import type { ElfFile } from '../elf.ts';
import { callSiteIn } from './call-sites.ts';
import * as dw from './constants.ts';
import { NO_FILES } from './debug-files.ts';
import type { DebugFiles } from './debug-files.ts';
import type { Die, LoadedUnit } from './entries.ts';
import type { FunctionEntry } from './function-table.ts';
import { Lru } from './lru.ts';
import type {
  CallSite,
  DwarfType,
  EntryId,
  Enumerator,
  FunctionAt,
  FunctionType,
  LexicalScope,
  NamedEntry,
  ProgramInfo,
  Variable,
} from './model.ts';
import { localNames } from './local-names.ts';
import { NameColumns } from './name-columns.ts';
import { NameIndex } from './name-index.ts';
import { restoreIndex, saveIndex } from './name-index-file.ts';
import type { IndexedEntry } from './name-index.ts';
import { havingOf, withOrigins } from './origins.ts';
import { ProgramUnits } from './program-units.ts';
import { qualifiedName } from './qualified-names.ts';
import { readFunctionsAt, readScopes, scopeEntries } from './scopes.ts';
import { enumeratorOf, functionType, typeOf } from './types.ts';
import { variableOf } from './variables.ts';

const INSTRUCTION = 4;
/** The arm64 kernel reserves two instructions. */
const MAX_PATCH_AREA = 2 * INSTRUCTION;
/** Some five milliseconds. */
const BYTES_BETWEEN_PAUSES = 1 << 20;
const KEPT_TYPES = 4096;
const KEPT_CHAINS = 4096;
const KEPT_UNIT_INDEXES = 16;

/** Undefined when the file has no debug information. `report` hears of each damaged unit once. */
export function openProgramInfo(
  elf: ElfFile,
  report: (error: UserError) => void = () => {},
  options: ProgramOptions = {},
): ProgramInfo | undefined {
  const units = new ProgramUnits(elf, options.files ?? NO_FILES, report);
  return units.sections.has('info') ? new Program(elf, units, options) : undefined;
}

export interface ProgramOptions {
  /** Finds what stands in other files: split units and supplements. */
  readonly files?: DebugFiles;
  /** Lets others run; called every few milliseconds while all units are read for their names. */
  readonly pause?: () => Promise<void>;
  /** Keeps the index of names from session to session. */
  readonly cache?: IndexCache;
}

/** The host implements it. A key is a file name. */
export interface IndexCache {
  load(key: string): Promise<Uint8Array | undefined>;
  store(key: string, bytes: Uint8Array): Promise<void>;
}

class Program implements ProgramInfo {
  private readonly elf: ElfFile;
  private readonly options: ProgramOptions;
  private readonly units: ProgramUnits;
  private readonly types_ = new Lru<EntryId, DwarfType>(KEPT_TYPES);

  private readonly functionChains = new Lru<number, readonly FunctionAt[]>(KEPT_CHAINS);
  private readonly unitIndexes = new Lru<EntryId, NameIndex>(KEPT_UNIT_INDEXES);
  private allNames: Promise<NameIndex> | undefined;

  constructor(elf: ElfFile, units: ProgramUnits, options: ProgramOptions) {
    this.elf = elf;
    this.units = units;
    this.options = options;
  }

  type(entry: EntryId): Promise<DwarfType> {
    const { units } = this;
    return this.types_.get(entry, () =>
      units.sections.guardAsync('info', async () => typeOf(units, await units.die(entry))),
    );
  }

  async scopesAt(address: bigint): Promise<readonly LexicalScope[]> {
    const { units } = this;
    return units.tolerate<readonly LexicalScope[]>([], async () => {
      const at = this.distance(address);
      const found = await this.functionAt(at);
      return found === undefined ? [] : readScopes(units, found, insideOf(found, at));
    });
  }

  /** Asked for every frame of a stack at every step. */
  functionsAt(address: bigint): Promise<readonly FunctionAt[]> {
    const { units } = this;
    const at = this.distance(address);
    if (Number.isNaN(at)) return Promise.resolve([]);
    return this.functionChains.get(at, () =>
      units.tolerate<readonly FunctionAt[]>([], async () => {
        const found = await this.functionAt(at);
        return found === undefined ? [] : readFunctionsAt(units, found, at);
      }),
    );
  }

  async staticsAt(address: bigint): Promise<readonly Variable[]> {
    const { units } = this;
    return units.tolerate<readonly Variable[]>([], async () => {
      const unit = await units.unitAt(this.distance(address));
      if (unit === undefined) return [];
      const variables: Variable[] = [];
      for (const die of variablesOf(unit)) {
        const variable = await units.tolerate(undefined, () => variableOf(units, die, undefined, 'unit'));
        if (variable !== undefined) variables.push(variable);
      }
      return variables;
    });
  }

  async callSiteBefore(returns: bigint): Promise<CallSite | undefined> {
    return this.units.tolerate(undefined, async () => {
      const at = this.distance(returns);
      // The call may be the last instruction of a function.
      const found = await this.functionAt(at - INSTRUCTION);
      return found && callSiteIn(found.die, at);
    });
  }

  async variables(name: string, near?: bigint): Promise<readonly Variable[]> {
    const { units } = this;
    const found: Variable[] = [];
    for (const { entry } of await this.named(name, near, 'variable')) {
      const variable = await units.tolerate(undefined, async () =>
        variableOf(units, await units.die(entry), undefined, 'unit'),
      );
      if (variable !== undefined) found.push(variable);
    }
    return found;
  }

  async types(name: string, near?: bigint): Promise<readonly EntryId[]> {
    const { tags, text } = typeWords(name);
    const found = await this.named(text, near, 'type', tags);
    return found.map(({ entry }) => entry);
  }

  async definitionOf(entry: EntryId): Promise<EntryId> {
    const { units } = this;
    return units.tolerate(entry, async () => {
      const die = await units.die(entry);
      const name = qualifiedName(await withOrigins(units, die));
      if (!die.flag(dw.DW_AT_declaration) || name === undefined) return entry;
      const wanted = isTypeTag(die.tag) ? 'type' : die.tag === dw.DW_TAG_subprogram ? 'function' : 'variable';
      const candidates = (await this.index()).lookup(name);
      for (const candidate of candidates) {
        if (candidate.kind !== wanted || candidate.isDeclaration) continue;
        if ((await units.die(candidate.entry)).tag === die.tag) return candidate.entry;
      }
      return entry;
    });
  }

  async enumerator(name: string, near?: bigint): Promise<Enumerator | undefined> {
    const { units } = this;
    for (const { entry } of await this.named(name, near, 'enumerator')) {
      const found = await units.tolerate(undefined, async () => enumeratorOf(units, await units.die(entry)));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async functionType(name: string, near?: bigint): Promise<FunctionType | undefined> {
    const { units } = this;
    for (const { entry } of await this.named(name, near, 'function')) {
      const type = await units.tolerate(undefined, async () => {
        const chain = await withOrigins(units, await units.die(entry));
        return functionType(chain[0] as Die, havingOf(chain, dw.DW_AT_type));
      });
      if (type !== undefined) return type;
    }
    return undefined;
  }

  async names(prefix: string, limit: number): Promise<readonly NamedEntry[]> {
    return (await this.index()).withPrefix(prefix, limit);
  }

  async indexedAddress(entry: EntryId, index: number): Promise<bigint> {
    const { units } = this;
    return units.sections.guardAsync('info', async () => (await units.unitOf(entry)).indexedValue(index));
  }

  /**
   * Entries of a name: those of the unit around `near` if that has any that are definitions, or else those of all
   * units. Definitions come first.
   */
  private async named(
    name: string,
    near: bigint | undefined,
    kind: NamedEntry['kind'],
    tags?: ReadonlySet<number>,
  ): Promise<readonly IndexedEntry[]> {
    const here = near === undefined ? [] : await this.inUnitAt(near, name, kind, tags);
    if (here.some(({ isDeclaration }) => !isDeclaration)) return here;
    const found = await this.ofKind((await this.index()).lookup(name), kind, tags);
    const all = found.length > 0 ? found : await this.outsideOfClass(name, kind);
    return all.some(({ isDeclaration }) => !isDeclaration) || here.length === 0 ? all : here;
  }

  /** Members of classes that are defined outside of them stand in the index by their own name alone. */
  private async outsideOfClass(path: string, kind: NamedEntry['kind']): Promise<readonly IndexedEntry[]> {
    const last = path.lastIndexOf('::');
    if (last < 0 || (kind !== 'variable' && kind !== 'function')) return [];
    const { units } = this;
    const found: IndexedEntry[] = [];
    for (const candidate of await this.ofKind(
      (await this.index()).lookup(path.slice(last + 2)),
      kind,
      undefined,
    )) {
      const name = await units.tolerate(undefined, async () =>
        qualifiedName(await withOrigins(units, await units.die(candidate.entry))),
      );
      if (name === path) found.push(candidate);
    }
    return found;
  }

  private async inUnitAt(
    near: bigint,
    name: string,
    kind: NamedEntry['kind'],
    tags: ReadonlySet<number> | undefined,
  ): Promise<readonly IndexedEntry[]> {
    const { units } = this;
    return units.tolerate<readonly IndexedEntry[]>([], async () => {
      const unit = await units.unitAt(this.distance(near));
      if (unit === undefined) return [];
      const index = await this.unitIndexes.get(unit.id, async () => {
        const columns = new NameColumns(unit.tables.str);
        columns.scan(unit);
        return NameIndex.build(columns, unit.tables.str, async () => {});
      });
      const known = index.lookup(name);
      return this.ofKind([...(await this.inFunctionAt(near, name, kind)), ...known], kind, tags);
    });
  }

  private async inFunctionAt(
    near: bigint,
    name: string,
    kind: NamedEntry['kind'],
  ): Promise<readonly IndexedEntry[]> {
    if (kind !== 'type' && kind !== 'enumerator') return [];
    const at = this.distance(near);
    const found = await this.functionAt(at);
    return found === undefined ? [] : localNames(await scopeEntries(this.units, found, at), name, kind);
  }

  private async ofKind(
    entries: readonly IndexedEntry[],
    kind: NamedEntry['kind'],
    tags: ReadonlySet<number> | undefined,
  ): Promise<readonly IndexedEntry[]> {
    const found: IndexedEntry[] = [];
    for (const entry of entries) {
      if (entry.kind !== kind) continue;
      if (tags === undefined || tags.has(await this.tagOf(entry.entry))) found.push(entry);
    }
    return found.sort((a, b) => Number(a.isDeclaration) - Number(b.isDeclaration));
  }

  private async tagOf(entry: EntryId): Promise<number> {
    return this.units.tolerate(0, async () => (await this.units.die(entry)).tag);
  }

  private index(): Promise<NameIndex> {
    this.allNames ??= this.readIndex();
    return this.allNames;
  }

  private async readIndex(): Promise<NameIndex> {
    const { units } = this;
    const { cache } = this.options;
    const strings = await units.sections.whole('str');
    const id = cache === undefined ? undefined : await this.elf.buildId();
    const key = `${id}-${await units.sections.size('info')}.names`;
    const saved = id === undefined ? undefined : await cache?.load(key);
    const parts = saved && restoreIndex(saved, strings.length);
    if (parts !== undefined) return new NameIndex(parts, strings);
    const { index, isWhole } = await this.buildIndex(strings);
    if (id !== undefined && isWhole) await cache?.store(key, saveIndex(index.parts, strings.length));
    return index;
  }

  private async buildIndex(strings: Uint8Array): Promise<{ index: NameIndex; isWhole: boolean }> {
    const { units } = this;
    const pause = this.options.pause ?? (async () => {});
    const columns = new NameColumns(strings);
    let isWhole = true;
    let scanned = 0;
    for (const start of await units.unitStarts(pause)) {
      await units.tolerate(undefined, async () => {
        const unit = await units.read(start);
        columns.scan(unit);
        scanned += unit.cursor.bytes.length;
        // What is in other files is not told by the build-id alone.
        isWhole &&= !isSplit(unit);
      });
      if (scanned < BYTES_BETWEEN_PAUSES) continue;
      await pause();
      scanned = 0;
    }
    return { index: await NameIndex.build(columns, strings, pause), isWhole };
  }

  private async functionAt(at: number): Promise<FunctionEntry | undefined> {
    const { units } = this;
    const unit = await units.unitAt(at);
    const found = unit && (await units.functionsOf(unit)).at(at);
    if (found !== undefined) return found;
    // With -fpatchable-function-entry a function's symbol stands before the room that the tracer patches, and what GCC
    // says of the function begins behind it.
    for (let next = at + INSTRUCTION; next <= at + MAX_PATCH_AREA; next += INSTRUCTION) {
      const behind = await units.unitAt(next);
      const patched = behind && (await units.functionsOf(behind)).at(next);
      if (patched?.ranges.some(([start]) => start === next)) return patched;
    }
    return undefined;
  }

  private distance(address: bigint): number {
    return this.units.sections.window.offsetOf(address);
  }
}

/** In the room before a function nothing has happened yet: variables are where they are at its beginning. */
function insideOf({ ranges }: FunctionEntry, at: number): number {
  if (ranges.some(([start, end]) => at >= start && at < end)) return at;
  return Math.min(...ranges.map(([start]) => start).filter((start) => start > at));
}

function isSplit(unit: LoadedUnit): boolean {
  const root = unit.root();
  return root.has(dw.DW_AT_dwo_name) || root.has(dw.DW_AT_GNU_dwo_name);
}

/** Variables of a unit outside of functions. */
function variablesOf(unit: LoadedUnit): Die[] {
  const found: Die[] = [];
  const visit = (parent: Die, depth: number): void => {
    for (let die = unit.firstChild(parent); die; die = unit.nextSibling(die)) {
      if (die.tag === dw.DW_TAG_variable) found.push(die);
      else if (die.tag === dw.DW_TAG_namespace && depth < MAX_NAMESPACES) visit(die, depth + 1);
    }
  };
  visit(unit.root(), 0);
  return found;
}

const MAX_NAMESPACES = 64;

const WORDS: Readonly<Record<string, readonly number[]>> = {
  struct: [dw.DW_TAG_structure_type, dw.DW_TAG_class_type],
  class: [dw.DW_TAG_structure_type, dw.DW_TAG_class_type],
  union: [dw.DW_TAG_union_type],
  enum: [dw.DW_TAG_enumeration_type],
};

/** `struct task_struct`: a name that only structures have. Without a word, tags of C count as well: as in C++. */
function typeWords(name: string): { text: string; tags: ReadonlySet<number> | undefined } {
  const words = name.trim().split(/\s+/);
  const tags = WORDS[words[0] ?? ''];
  if (tags !== undefined && words.length > 1) return { text: words.slice(1).join(' '), tags: new Set(tags) };
  return { text: words.join(' '), tags: undefined };
}

function isTypeTag(tag: number): boolean {
  return (
    tag === dw.DW_TAG_structure_type ||
    tag === dw.DW_TAG_class_type ||
    tag === dw.DW_TAG_union_type ||
    tag === dw.DW_TAG_interface_type ||
    tag === dw.DW_TAG_enumeration_type
  );
}
