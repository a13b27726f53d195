// The browser that shows the workbench: a Chromium of this machine.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Path of the browser, or undefined where the machine has none. `CHROMIUM` names another. */
export function chromiumPath(): string | undefined {
  const named = process.env['CHROMIUM'];
  if (named !== undefined) return existsSync(named) ? named : undefined;
  for (const name of NAMES) {
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

export function startBrowser(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('this machine has no Chromium');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', // Needed as root, as in most containers.
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** A page that reaches this machine only. */
export async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const outside = (url: URL): boolean =>
    /^(https?|wss?):$/.test(url.protocol) && !/^(127\.|localhost$|\[::1\]$)/.test(url.hostname);
  await context.route(outside, (route) => route.abort());
  return context.newPage();
}
