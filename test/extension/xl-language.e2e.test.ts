// xl.cfg in a real workbench, with the packaged extension: the language is known, the server's findings and
// lenses are there, a word completes, and a lens debugs the guest. Pictures are left in dist/screenshots.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { external, testWith } from '../tools/external.ts';
import { packageExtension } from '../tools/package.ts';
import { chromiumPath } from './host/browser.ts';
import { installVsCodeHost } from './host/install.ts';
import { Workbench } from './host/workbench.ts';

const KERNEL = join(import.meta.dirname, '../../media/samples/hello-xen/hello-xen.elf');

const chromium = await external('Chromium', chromiumPath);
const host = await external('VS Code host', () => installVsCodeHost(console.log));

const work = mkdtempSync(join(tmpdir(), 'xenscope-xl-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const CONFIGURATION = `# A guest
name = "hello"
kernel = "hello-xen.elf"
memory = 64
memroy = 1
vif = [ "bridgge=xenbr0" ]
gic_version = "v9"
`;

testWith(
  [chromium, host],
  'an xl.cfg file has findings, lenses and completion, and its lens debugs it',
  async () => {
    const folder = join(work, 'guests');
    mkdirSync(folder);
    cpSync(KERNEL, join(folder, 'hello-xen.elf'));
    writeFileSync(join(folder, 'domu.cfg'), CONFIGURATION);
    const workbench = await Workbench.open(folder, packageExtension());
    const { page } = workbench;
    try {
      await workbench.openFile('domu.cfg', 4);
      await page.locator('.statusbar-item', { hasText: 'xl.cfg' }).waitFor();

      await page.locator('.editor-instance .squiggly-error').first().waitFor();
      await page.locator('.editor-instance .squiggly-warning').first().waitFor();
      const lenses = page.locator('.editor-instance .codelens-decoration a');
      await lenses.filter({ hasText: 'Debug' }).first().waitFor();
      expect(await lenses.allInnerTexts()).toEqual([
        expect.stringContaining('Run'),
        expect.stringContaining('Debug'),
      ]);
      await workbench.command('Problems: Focus on Problems View');
      const problems = page.locator('.markers-panel .monaco-list-row');
      await problems.filter({ hasText: "Did you mean 'memory'?" }).first().waitFor();
      await problems.filter({ hasText: "'gic_version' cannot be 'v9'" }).first().waitFor();
      await workbench.screenshot('xl-config-findings');

      // What cannot run goes, and what completes comes instead.
      await workbench.openFile('domu.cfg', 5);
      for (let line = 5; line <= 7; line++) await workbench.press('Control+Shift+K');
      await page.locator('.editor-instance .squiggly-error').first().waitFor({ state: 'detached' });
      await page.keyboard.type('on_cr');
      const suggestion = page.locator('.suggest-widget .monaco-list-row', { hasText: 'on_crash' }).first();
      await suggestion.waitFor();
      await workbench.screenshot('xl-config-completion');
      await workbench.press('Tab');
      await page.locator('.view-line', { hasText: 'on_crash = "destroy"' }).first().waitFor();
      await workbench.press('Escape');

      await lenses.filter({ hasText: 'Debug' }).first().click();
      await workbench.terminal('hello>');
      await workbench.screenshot('xl-config-debugged');
      await workbench.press('Shift+F5');
      await workbench.terminal('[the machine has ended]');
    } catch (error) {
      await workbench.screenshot('xl-config-failed');
      throw error;
    } finally {
      await workbench.close();
    }
  },
);
