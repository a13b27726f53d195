// Stands in for VS Code's executable where desktop VS Code cannot be downloaded: takes the arguments that
// @vscode/test-electron passes, and runs the test module in the extension host of a VS Code server.
// Exit status: that of the tests, 124 when they take too long.
//
//   stand-in.ts --extensionDevelopmentPath=DIR --extensionTestsPath=FILE [WORKSPACE]

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { newPage, startBrowser } from './browser.ts';
import { startVsCodeServer } from './server.ts';

const LIMIT_MS = 10 * 60_000;
const SCREENSHOTS = join(import.meta.dirname, '../../../dist/screenshots');

const args = process.argv.slice(2);
const option = (name: string): string => {
  const found = args.find((arg) => arg.startsWith(`--${name}=`));
  if (found === undefined) throw new Error(`--${name} is missing`);
  return resolve(found.slice(name.length + 3));
};
const workspace = resolve(args.find((arg) => !arg.startsWith('-')) ?? '.');

const server = await startVsCodeServer({ automation: true });
const browser = await startBrowser();
try {
  const page = await newPage(browser);
  // The workbench calls these by name, as in VS Code's own integration tests in a browser.
  const finished = new Promise<number>((done) => {
    void page.exposeFunction('codeAutomationExit', (code: number) => done(code));
    page.on('crash', () => done(98));
    setTimeout(() => done(124), LIMIT_MS).unref();
  });
  await page.exposeFunction('codeAutomationLog', () => {});
  await page.goto(
    server.url(workspace, [
      ['extensionDevelopmentPath', server.uri(option('extensionDevelopmentPath'))],
      ['extensionTestsPath', server.uri(option('extensionTestsPath'))],
      ['logLevel', 'off'],
    ]),
  );
  process.exitCode = await finished;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, 'suite-end.png') });
} finally {
  await browser.close();
  await server.stop();
}
process.exit();
