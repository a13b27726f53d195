// `xenscope cases`: executes instruction cases and prints what differs.

import { closeSync, openSync, writeSync } from 'node:fs';
import { Command, Option } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import { CaseRunner, outcomeMatches } from '../../../emulator/index.ts';
import { readCaseFile } from '../case-files.ts';
import { loadEngineModules } from '../engine-modules.ts';
import { reasonOf } from '../files.ts';
import type { SetStatus } from './status.ts';

interface CasesOptions {
  readonly states?: string;
  readonly cpu: 'a53' | 'max';
  readonly results?: string;
}

export const casesCommand = (setStatus: SetStatus): Command =>
  new Command('cases')
    .description('execute instruction cases; print a JSON line for each mismatch, then one with the total')
    .argument('<file...>', 'JSON lines, .gz or plain')
    .option('--states <file>', 'start states (default: states.jsonl or states.jsonl.gz beside the cases)')
    .addOption(new Option('--cpu <model>', 'core to execute them on').choices(['a53', 'max']).default('max'))
    .option('--results <file>', "write every case's outcome, a JSON line each")
    .option('--json', 'the output is JSON lines in any case')
    .addHelpText('after', '\nStatus: 0 when no case differs, 1 when one does, 2 for unusable input.')
    .action((files: string[], options: CasesOptions) => setStatus(runCases(files, options)));

function runCases(files: readonly string[], options: CasesOptions): number {
  // Everything is read, and found to be in order, before anything is written.
  const inputs = files.map((file) => readCaseFile(file, options.states));
  const modules = loadEngineModules();
  const results = options.results === undefined ? undefined : new LineFile(options.results);
  const total = { cases: 0, ok: 0, bad: 0, skipped: 0 };
  for (const { states, cases } of inputs) {
    const runner = new CaseRunner(modules, options.cpu, states);
    for (const item of cases) {
      total.cases++;
      const missing = runner.missingFeature(item);
      if (missing !== undefined) {
        total.skipped++;
        results?.write({ id: item.id, skip: `the core lacks ${missing}` });
        continue;
      }
      const outcome = runner.run(item);
      results?.write({ id: item.id, ...outcome });
      if (outcomeMatches(item, outcome)) {
        total.ok++;
      } else {
        total.bad++;
        const { id, enc, code, end, exc } = item;
        print({ id, enc, code, expected: { end, exc }, got: outcome });
      }
    }
  }
  results?.close();
  print(total);
  return total.bad === 0 ? 0 : 1;
}

const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

/** Written in pieces: tens of thousands of lines. */
const PIECE = 1 << 16;

class LineFile {
  private readonly path: string;
  private readonly file: number;
  private waiting = '';

  constructor(path: string) {
    this.path = path;
    this.file = this.orUserError(() => openSync(path, 'w'));
  }

  write(value: unknown): void {
    this.waiting += `${JSON.stringify(value)}\n`;
    if (this.waiting.length >= PIECE) this.flush();
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private flush(): void {
    const bytes = Buffer.from(this.waiting);
    this.waiting = '';
    for (let done = 0; done < bytes.length; ) {
      done += this.orUserError(() => writeSync(this.file, bytes, done));
    }
  }

  private orUserError<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const place = { file: this.path };
      throw new UserError(
        `cannot be written: ${reasonOf(error)}`,
        'Name another file with --results.',
        place,
      );
    }
  }
}
