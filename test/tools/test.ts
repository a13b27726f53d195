// `npm test`: builds, checks types, lint, format and dead code, and runs every test. The last line of
// output is `N passed, N failed, N skipped`. With CI set, a skip is a failure: there, every external
// input has to be there.
//
//   npm test [-- FILTER…]      only the tests whose path has FILTER in it, without the checks

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from './build.ts';
import { checks, runCheck } from './check.ts';
import { ensureBuilt } from './ensure-built.ts';

interface Tally {
  passed: number;
  failed: number;
  skipped: string[];
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: 'passed' | 'failed';
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const root = join(import.meta.dirname, '../..');
const filters = process.argv.slice(2);
const tally: Tally = { passed: 0, failed: 0, skipped: [] };

if (await built()) {
  if (filters.length === 0) await runChecks();
  for (const project of ['unit', 'e2e']) await runProject(project);
}
conclude();

async function built(): Promise<boolean> {
  try {
    await ensureBuilt(console.log);
    return true;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    tally.failed++;
    return false;
  }
}

async function runChecks(): Promise<void> {
  for (const check of checks) {
    const passed = await runCheck(check);
    console.log(`${passed ? 'passed' : 'FAILED'}  ${check.name}`);
    if (passed) tally.passed++;
    else tally.failed++;
  }
}

async function runProject(project: string): Promise<void> {
  const file = join(buildFolder, `test-report-${project}.json`);
  mkdirSync(buildFolder, { recursive: true });
  rmSync(file, { force: true });
  const status = await vitest([
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    '--passWithNoTests',
    ...filters,
  ]);
  const before = tally.failed;
  if (existsSync(file)) count(JSON.parse(readFileSync(file, 'utf8')) as Report);
  // Errors outside of tests, such as an unhandled rejection, are in the status alone.
  if (status !== 0 && tally.failed === before) tally.failed++;
}

function count(report: Report): void {
  tally.passed += report.numPassedTests;
  tally.failed += report.numFailedTests;
  for (const file of report.testResults) {
    // A file that could not be loaded has no tests to count.
    if (file.status === 'failed' && file.assertionResults.length === 0) tally.failed++;
    for (const { fullName, status } of file.assertionResults) {
      if (status !== 'passed' && status !== 'failed') tally.skipped.push(fullName);
    }
  }
}

function vitest(args: readonly string[]): Promise<number> {
  const entry = join(root, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [entry, 'run', ...args], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

function conclude(): void {
  const skipsFail =
    process.env['CI'] !== undefined && process.env['CI'] !== '' && process.env['CI'] !== 'false';
  if (tally.skipped.length > 0) {
    console.log(`Skipped for want of an external input${skipsFail ? ', which fails here' : ''}:`);
    for (const name of tally.skipped) console.log(`  ${name}`);
  }
  if (tally.passed === 0) tally.failed++;
  console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`);
  process.exitCode = tally.failed > 0 || (skipsFail && tally.skipped.length > 0) ? 1 : 0;
}
