// `xenscope cases`: executes instruction cases and prints what differs.

import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Command, Option } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import { CaseRunner, type CaseState, type InstructionCase, outcomeMatches } from '../../../emulator/index.ts';
import { loadEngineModules } from '../engine-modules.ts';

interface CasesOptions {
  readonly states?: string;
  readonly cpu: 'a53' | 'max';
  readonly results?: string;
}

export const casesCommand = (): Command =>
  new Command('cases')
    .description('execute instruction cases and print a JSON line for each mismatch, then a total')
    .argument('<file...>', 'JSON lines, .gz or plain')
    .option('--states <file>', 'start states (default: states.jsonl or states.jsonl.gz beside the cases)')
    .addOption(new Option('--cpu <model>', 'core to execute them on').choices(['a53', 'max']).default('max'))
    .option('--results <file>', "write every case's outcome, a JSON line each")
    .action((files: string[], options: CasesOptions) => {
      process.exitCode = runCases(files, options);
    });

function runCases(files: readonly string[], options: CasesOptions): number {
  const modules = loadEngineModules();
  const results = options.results === undefined ? undefined : createWriteStream(options.results);
  const total = { cases: 0, ok: 0, bad: 0, skipped: 0 };
  for (const file of files) {
    const states = readJsonLines<CaseState>(options.states ?? statesBeside(file));
    const runner = new CaseRunner(modules, options.cpu, states);
    for (const item of readJsonLines<InstructionCase>(file)) {
      total.cases++;
      const missing = runner.missingFeature(item);
      if (missing !== undefined) {
        total.skipped++;
        results?.write(`${JSON.stringify({ id: item.id, skip: `the core lacks ${missing}` })}\n`);
        continue;
      }
      const outcome = runner.run(item);
      results?.write(`${JSON.stringify({ id: item.id, ...outcome })}\n`);
      if (outcomeMatches(item, outcome)) {
        total.ok++;
      } else {
        total.bad++;
        const { id, enc, code, end, exc } = item;
        console.log(JSON.stringify({ id, enc, code, expected: { end, exc }, got: outcome }));
      }
    }
  }
  results?.end();
  console.log(JSON.stringify(total));
  return total.bad === 0 ? 0 : 1;
}

function statesBeside(file: string): string {
  const candidates = ['states.jsonl', 'states.jsonl.gz'].map((name) => join(dirname(file), name));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new UserError(
    `${basename(file)} has no states.jsonl beside it`,
    'Name the start states with --states FILE.',
    {
      file,
    },
  );
}

function readJsonLines<T>(file: string): T[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
    if (file.endsWith('.gz')) bytes = gunzipSync(bytes);
  } catch (error) {
    throw new UserError(`cannot be read: ${(error as Error).message}`, 'Check the path.', { file });
  }
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line, i) => {
      if (line.trim() === '') return [];
      try {
        return [JSON.parse(line) as T];
      } catch {
        throw new UserError('is not JSON', 'Every line holds one JSON object.', { file, line: i + 1 });
      }
    });
}
