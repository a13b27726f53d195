// Debug information is read when it is asked for, so damage shows late: in the middle of a stack. It is told
// once, and what cannot be read counts as not known.

import { UserError } from '../../emulator/base/errors.ts';
import type { FunctionScope, LineLookup, LinePlace, LineSource, StatementPlace } from './symbol-source.ts';

export class ForgivingLines implements LineSource {
  private readonly lines: LineSource;
  private readonly report: (message: string) => void;
  private readonly told = new Set<string>();

  constructor(lines: LineSource, report: (message: string) => void) {
    this.lines = lines;
    this.report = report;
  }

  sourceFiles(): Promise<readonly string[]> {
    return this.known(this.lines.sourceFiles(), []);
  }

  lineAt(address: bigint): Promise<LinePlace | undefined> {
    return this.known(this.lines.lineAt(address), undefined);
  }

  functionsAt(address: bigint): Promise<readonly FunctionScope[]> {
    return this.known(this.lines.functionsAt(address), []);
  }

  addressesOfLine(paths: readonly string[], line: number, column?: number): Promise<LineLookup> {
    return this.known(this.lines.addressesOfLine(paths, line, column), { kind: 'no-file' });
  }

  statementsIn(paths: readonly string[], first: number, last: number): Promise<readonly StatementPlace[]> {
    return this.known(this.lines.statementsIn(paths, first, last), []);
  }

  private async known<T>(answer: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const message = error.toString();
      if (!this.told.has(message)) this.report(message);
      this.told.add(message);
      return otherwise;
    }
  }
}
