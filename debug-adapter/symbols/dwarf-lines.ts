// Lines from DWARF, read as they are asked for.

import { DebugInfo } from '../../emulator/formats/dwarf/debug-info.ts';
import type { ProgramInfo } from '../../emulator/formats/dwarf/model.ts';
import type { ElfFile } from '../../emulator/formats/elf.ts';
import type { FunctionScope, LineLookup, LinePlace, LineSource, StatementPlace } from './symbol-source.ts';

/** Undefined: the file has no line tables. `program`: of the same file. */
export function dwarfLines(elf: ElfFile, program: ProgramInfo | undefined): LineSource | undefined {
  const info = DebugInfo.open(elf, program);
  return info && new DwarfLines(info, program);
}

class DwarfLines implements LineSource {
  private readonly info: DebugInfo;
  private readonly program: ProgramInfo | undefined;
  /** Recorded files by their last component. */
  private byName: Promise<ReadonlyMap<string, readonly string[]>> | undefined;

  constructor(info: DebugInfo, program: ProgramInfo | undefined) {
    this.info = info;
    this.program = program;
  }

  sourceFiles(): Promise<readonly string[]> {
    return this.info.sourceFiles();
  }

  async lineAt(address: bigint): Promise<LinePlace | undefined> {
    const location = await this.info.locate(address);
    // Line 0 is code that belongs to no line.
    if (!location || location.line === 0) return undefined;
    const { file, ...place } = location;
    return { path: file, ...place };
  }

  async functionsAt(address: bigint): Promise<readonly FunctionScope[]> {
    const functions = await (this.program ?? this.info).functionsAt(address);
    return functions.map(({ name = '', inlined, start, call }) => ({
      name,
      inlined,
      start,
      ...(call && { call: { path: call.file, line: call.line } }),
    }));
  }

  async addressesOfLine(paths: readonly string[], line: number, column?: number): Promise<LineLookup> {
    const file = await this.recordedAs(paths);
    if (file === undefined) return { kind: 'no-file' };
    const resolved = await this.info.resolveSourceLine(file, line, column);
    const code = resolved
      .filter((found) => found.file === file)
      .map(({ line: number, column: at, addresses }) => ({
        path: file,
        line: number,
        column: at,
        addresses,
      }));
    if (code.some(({ addresses }) => addresses.length > 0)) return { kind: 'found', code };
    // A line that has no code moves down to one that has, so there is none below.
    const above = (await this.info.statementsIn(file, 1, line)).at(-1);
    return { kind: 'no-code', ...(above && { nearest: above.line }) };
  }

  async statementsIn(
    paths: readonly string[],
    first: number,
    last: number,
  ): Promise<readonly StatementPlace[]> {
    const file = await this.recordedAs(paths);
    return file === undefined ? [] : this.info.statementsIn(file, first, last);
  }

  /**
   * The file that is meant: one recorded under one of these paths, or else the one that shares the longest end
   * with them. Of files that agree equally far none is taken, as a breakpoint in the wrong one misleads.
   */
  private async recordedAs(paths: readonly string[]): Promise<string | undefined> {
    const files = await this.files();
    for (const path of paths) {
      const parts = partsOf(path);
      const candidates = files.get(parts.at(-1) ?? '') ?? [];
      const exact = candidates.find((candidate) => candidate === path);
      if (exact !== undefined) return exact;
      let best: string[] = [];
      let length = 0;
      for (const candidate of candidates) {
        const common = commonEnd(parts, partsOf(candidate));
        if (common > length) best = [];
        if (common >= length) best.push(candidate);
        length = Math.max(length, common);
      }
      if (best.length === 1) return best[0];
    }
    return undefined;
  }

  private files(): Promise<ReadonlyMap<string, readonly string[]>> {
    this.byName ??= this.info.sourceFiles().then((files) => {
      const byName = new Map<string, string[]>();
      for (const file of files) {
        const name = partsOf(file).at(-1) ?? '';
        const known = byName.get(name);
        if (known) known.push(file);
        else byName.set(name, [file]);
      }
      return byName;
    });
    return this.byName;
  }
}

const partsOf = (path: string): readonly string[] => path.split(/[/\\]/).filter((part) => part !== '');

function commonEnd(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a.at(-1 - count) === b.at(-1 - count)) count++;
  return count;
}
