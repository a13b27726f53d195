// `xenscope check`: what is wrong with xl.cfg files, as the editor shows it, for a terminal and for programs.

import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import { MAX_DOMAIN_MEMORY, MAX_VCPUS } from '../../../emulator/catalog.ts';
import { readAll } from '../../../emulator/formats/byte-source.ts';
import type { XlFileState } from '../../../emulator/formats/xl-config/context.ts';
import { diagnose, pathsNamed } from '../../../emulator/formats/xl-config/diagnose.ts';
import type { XlFinding } from '../../../emulator/formats/xl-config/findings.ts';
import { parseXlDocument } from '../../../emulator/formats/xl-config/syntax.ts';
import { openFile } from '../files.ts';
import type { SetStatus } from './status.ts';

const FOUND_ERRORS = 1;
const BYTES_PER_MIB = 1024 * 1024;
/** No configuration is larger: what is was named by mistake. */
const MAX_SIZE = BYTES_PER_MIB;

interface CheckOptions {
  readonly json?: boolean;
  readonly files: boolean;
}

interface Checked {
  readonly file: string;
  readonly findings: readonly XlFinding[];
}

export const checkCommand = (setStatus: SetStatus): Command =>
  new Command('check')
    .description('check xl.cfg files; status 1 when there are errors')
    .argument('<file...>', 'xl.cfg files')
    .option('--json', 'write findings as JSON')
    .option('--no-files', 'do not look whether the files that are named exist')
    .action(async (files: readonly string[], options: CheckOptions) => {
      const checked: Checked[] = [];
      for (const file of files) checked.push(await checkFile(file, options.files));
      process.stdout.write(options.json ? jsonOf(checked) : textOf(checked));
      if (checked.some(({ findings }) => findings.some(isError))) setStatus(FOUND_ERRORS);
    });

const isError = ({ severity }: XlFinding): boolean => severity === 'error';

async function checkFile(file: string, lookForFiles: boolean): Promise<Checked> {
  const document = parseXlDocument(await textIn(file), file);
  const findings = diagnose(document, {
    machine: { vcpus: MAX_VCPUS, memoryMib: Math.floor(MAX_DOMAIN_MEMORY / BYTES_PER_MIB) },
    ...(lookForFiles && { files: await statesOf(pathsNamed(document), file) }),
  });
  return { file, findings };
}

async function textIn(file: string): Promise<string> {
  const refuse = (message: string): never => {
    throw new UserError(message, 'Name an xl.cfg file, such as domu.cfg.', { file });
  };
  const source = await openFile(file).catch((error: Error) => refuse(`cannot be read: ${error.message}`));
  if (source.size > MAX_SIZE) refuse('is larger than an xl.cfg file can be (1 MiB)');
  const text = new TextDecoder().decode(await readAll(source));
  if (text.includes('\0')) refuse('this is not a text file');
  if (/^\s*\/dts-v1\/;/m.test(text)) refuse('this is a device tree, not an xl.cfg file');
  return text;
}

/** A run looks beside the configuration first, then where the program was started; so does this. */
async function statesOf(paths: readonly string[], file: string): Promise<Map<string, XlFileState>> {
  const states = new Map<string, XlFileState>();
  for (const path of paths) {
    const beside = await stateOf(resolve(dirname(resolve(file)), path));
    states.set(path, beside.kind === 'missing' ? await stateOf(resolve(path)) : beside);
  }
  return states;
}

async function stateOf(path: string): Promise<XlFileState> {
  try {
    const status = await stat(path);
    return status.isFile() ? { kind: 'file', size: status.size } : { kind: 'other' };
  } catch {
    return { kind: 'missing' };
  }
}

// ---------------------------------------------------------------- output

/** As compilers write it, so that every editor finds the places. */
const textOf = (checked: readonly Checked[]): string =>
  checked
    .flatMap(({ file, findings }) => findings.flatMap((finding) => linesOf(file, finding)))
    // What stands in a file must not drive the terminal.
    .map((line) => `${line.replaceAll(/\p{Cc}/gu, '\ufffd')}\n`)
    .join('');

function linesOf(file: string, finding: XlFinding): string[] {
  const { line, column, severity, message, hint, code, related } = finding;
  return [
    `${file}:${line}:${column}: ${severity}: ${message}. ${hint} [${code}]`,
    ...related.map((other) => `${file}:${other.line}:${other.column}: note: ${other.message}`),
  ];
}

function jsonOf(checked: readonly Checked[]): string {
  const files = checked.map(({ file, findings }) => ({
    file,
    findings: findings.map(
      ({ code, severity, message, hint, line, column, endLine, endColumn, related }) => ({
        code,
        severity,
        line,
        column,
        endLine,
        endColumn,
        message,
        hint,
        related: related.map((other) => ({ line: other.line, column: other.column, message: other.message })),
      }),
    ),
  }));
  return `${JSON.stringify(files, null, 2)}\n`;
}
