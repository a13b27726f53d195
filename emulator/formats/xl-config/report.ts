// Collects findings while a document is looked through, and completes them: positions in lines, their order.

import { type XlFinding, type XlFindingCode, type XlFix, xlRules } from './findings.ts';
import type { XlAtom, XlDocument, XlRange, XlSetting } from './syntax.ts';

interface Details {
  readonly fixes?: readonly XlFix[];
  readonly related?: readonly { readonly message: string; readonly range: XlRange }[];
  readonly unnecessary?: boolean;
}

/** Where findings go that concern the whole file: its beginning. */
export const WHOLE_FILE: XlRange = { from: 0, to: 0 };

export class Report {
  readonly document: XlDocument;
  private readonly findings: XlFinding[] = [];

  constructor(document: XlDocument) {
    this.document = document;
  }

  add(code: XlFindingCode, range: XlRange, message: string, hint: string, details: Details = {}): void {
    const { lines } = this.document;
    const { line, column } = lines.positionAt(range.from);
    const end = lines.positionAt(range.to);
    this.findings.push({
      code,
      severity: xlRules[code].severity,
      message,
      hint,
      from: range.from,
      to: range.to,
      line,
      column,
      endLine: end.line,
      endColumn: end.column,
      unnecessary: details.unnecessary ?? false,
      fixes: details.fixes ?? [],
      related: (details.related ?? []).map(({ message: why, range: { from, to } }) => ({
        message: why,
        from,
        to,
        ...lines.positionAt(from),
      })),
    });
  }

  /** In the order of the file. */
  sorted(): XlFinding[] {
    return this.findings.sort((a, b) => a.from - b.from);
  }

  /** The setting goes, with its line when nothing else is on it. */
  removal(setting: XlSetting, title = `Remove ${setting.key}`): XlFix {
    const { text, lines } = this.document;
    const line = lines.lineRange(setting.from);
    const before = text.slice(line.from, setting.from);
    const lastLine = lines.lineRange(setting.to);
    const behind = text.slice(setting.to, lastLine.to);
    const alone = /^\s*$/.test(before) && /^[ \t;]*(#.*)?\r?\n?$/.test(behind);
    const separator = /^[ \t]*;[ \t]*/.exec(behind)?.[0].length ?? 0;
    const edit = alone
      ? { from: line.from, to: lastLine.to, text: '' }
      : { from: setting.from, to: setting.to + separator, text: '' };
    return { title, edits: [edit] };
  }
}

export const replacement = (range: XlRange, text: string): XlFix => ({
  title: `Change to ${text}`,
  edits: [{ from: range.from, to: range.to, text }],
});

/** The place of a part of a string; the whole string where escapes stand in it. */
export function rangeInside(atom: XlAtom, from: number, to: number): XlRange {
  if (!atom.quoted) return { from: atom.from, to: atom.to };
  const plain = atom.to - atom.from === atom.text.length + 2;
  return plain ? { from: atom.from + 1 + from, to: atom.from + 1 + to } : { from: atom.from, to: atom.to };
}
