// Call frame information of a program: .debug_frame, and .eh_frame for code that has no other. Read when
// the first frame is unwound.

import { UserError } from '../../base/errors.ts';
import type { ElfFile } from '../elf.ts';
import { BadDwarf, OutOfBytes } from './cursor.ts';
import { FrameIndex } from './frame-index.ts';
import type { FrameSection } from './frame-index.ts';
import { rulesOf } from './frame-rules.ts';
import type { FrameRules } from './frame-rules.ts';

interface Indexed {
  readonly section: FrameSection;
  readonly index: FrameIndex;
}

const KINDS = ['debug_frame', 'eh_frame'] as const;

export class FrameInfo {
  private readonly elf: ElfFile;
  private readonly report: (message: string) => void;
  private sections: Promise<readonly Indexed[]> | undefined;
  private readonly told = new Set<string>();

  /** Undefined: the file has none. `report` tells, once, of damage that shows later. */
  static open(elf: ElfFile, report: (message: string) => void): FrameInfo | undefined {
    return KINDS.some((kind) => sectionOf(elf, kind)) ? new FrameInfo(elf, report) : undefined;
  }

  private constructor(elf: ElfFile, report: (message: string) => void) {
    this.elf = elf;
    this.report = report;
  }

  /** How to leave the frame of the code at a link address. Undefined where nothing says so. */
  async rulesAt(address: bigint): Promise<FrameRules | undefined> {
    this.sections ??= this.load();
    const at = this.elf.window.offsetOf(address);
    for (const { section, index } of await this.sections) {
      const rules = this.guard(section.kind, () => {
        const entry = index.entryAt(at);
        return entry && rulesOf(section.bytes, entry, at);
      });
      if (rules) return rules;
    }
    return undefined;
  }

  private async load(): Promise<readonly Indexed[]> {
    const loaded: Indexed[] = [];
    for (const kind of KINDS) {
      const found = sectionOf(this.elf, kind);
      if (!found) continue;
      try {
        const bytes = await this.elf.readSection(found);
        const { window } = this.elf;
        const section: FrameSection = { kind, bytes, window, loadedAt: window.offsetOf(found.address) };
        const index = new FrameIndex(section);
        if (index.damage) this.tell(this.damaged(kind, index.damage));
        loaded.push({ section, index });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        this.tell(error.toString());
      }
    }
    return loaded;
  }

  /** Damage counts as nothing known. */
  private guard<T>(kind: FrameSection['kind'], read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof BadDwarf || error instanceof OutOfBytes)) throw error;
      this.tell(this.damaged(kind, error));
      return undefined;
    }
  }

  private damaged(kind: FrameSection['kind'], error: Error): string {
    const what = error instanceof BadDwarf ? error.message : 'it ends too early';
    return `section .${kind} of ${this.elf.source.name} is damaged: ${what}`;
  }

  private tell(message: string): void {
    if (this.told.has(message)) return;
    this.told.add(message);
    this.report(message);
  }
}

function sectionOf(elf: ElfFile, kind: (typeof KINDS)[number]) {
  return elf.section(`.${kind}`) ?? elf.section(`.z${kind}`);
}
