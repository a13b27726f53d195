// Every panel in a real workbench, with Debian's kernel as the domain that it shows: while it runs, when it stands
// and when it has crashed, in the editor's own themes. Pictures of each station are left in dist/screenshots;
// with PICTURES=1 (`node test/tools/pictures.ts`) those of the README are taken as well.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Frame } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { PANELS, type PanelRow } from '../../extension/panels/panels.ts';
import texts from '../../package.nls.json' with { type: 'json' };
import { seriousFindings } from '../media/panels/axe.ts';
import { external, testWith } from '../tools/external.ts';
import { linuxDomain, PROMPT } from '../tools/linux-domain.ts';
import { packageExtension } from '../tools/package.ts';
import { chromiumPath } from './host/browser.ts';
import { installVsCodeHost } from './host/install.ts';
import { Spy } from './host/spy.ts';
import { Workbench } from './host/workbench.ts';

/** Where the pictures of the README go, if they are wanted. */
const PICTURES = process.env['PICTURES'] === '1' && join(import.meta.dirname, '../../media/pictures');
if (PICTURES) mkdirSync(PICTURES, { recursive: true });

/** The editor's name, and ours for pictures. */
const THEMES = [
  ['Default Light Modern', 'light'],
  ['Default Dark Modern', 'dark'],
  ['Default High Contrast', 'high-contrast'],
] as const;

/** Linux on Arm calls it for the interrupt of event channels, before any handler of an event. */
const UPCALL = 'xen_evtchn_do_upcall';

const work = mkdtempSync(join(tmpdir(), 'xenscope-panels-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const chromium = await external('Chromium', chromiumPath);
const host = await external('VS Code host', () => installVsCodeHost(console.log));
const debian = await external("Debian's arm64 kernel with its block frontend", () => linuxDomain(work));

/** What each panel has to show of this domain, whatever it does at the moment. A new panel has rows, at least. */
const EVIDENCE: Readonly<Record<string, readonly string[]>> = {
  xenstore: ['n0,r1', 'Devices (2)'],
  registers: ['TTBR1_EL1', 'SCTLR_EL1'],
  interrupts: ['Xen event channel', 'timer (virtual)'],
  rings: ['vbd-51712', 'block'],
  memory: ['GIC distributor', 'console ring'],
  'event-channels': ['vbd xvda', 'xenstore daemon'],
};

/** What a user would open to see more: each of it works in the real editor, and makes the better picture. */
const POSES: Readonly<Record<string, (frame: Frame) => Promise<void>>> = {
  xenstore: async (frame) => {
    await frame.getByRole('row', { name: /^1 n0,r1/ }).click();
    await frame.page().keyboard.press('ArrowRight');
    await frame.getByRole('tab', { name: 'Devices' }).click();
    await frame.getByText('Connected').first().waitFor();
  },
  rings: async (frame) => {
    // The queue of the first vCPU, or the only one.
    await frame
      .getByRole('row', { name: /vbd-51712/ })
      .first()
      .click();
    await frame.getByText('Inside vbd-51712').waitFor();
  },
  'event-channels': async (frame) => {
    await frame
      .getByRole('row', { name: /vbd xvda/ })
      .first()
      .click();
  },
  registers: async (frame) => {
    await frame.getByRole('row', { name: /^TCR_EL1/ }).click();
    await frame.page().keyboard.press('ArrowRight');
    await frame.getByRole('row', { name: /^TG1/ }).waitFor();
  },
};

for (const [name, theme] of THEMES) {
  testWith([chromium, host, debian], `${theme}: every panel shows the Linux domU`, (_c, _h, configuration) =>
    inWorkbench(`panels-${theme}`, configuration, name, async (bench, spy) => {
      await bench.debug();
      await bench.terminal(PROMPT);
      await bench.command('View: Hide Panel');
      await bench.press('Control+b');
      for (const row of PANELS) {
        const frame = await open(bench, row);
        await phase(frame, 'Running');
        await shows(frame, row);
        expect(await seriousFindings(frame), `${row.id}, running`).toEqual([]);
        await bench.picture(`panel-${row.id}-${theme}-running`);
      }

      await bench.command('Debug: Pause');
      await bench.stoppedLine();
      for (const row of PANELS) {
        const frame = await open(bench, row);
        await phase(frame, 'Stopped');
        await shows(frame, row);
        await bench.picture(`panel-${row.id}-${theme}-stopped`);
      }

      // The next thing that the disk's backend says.
      await bench.command('View: Show Run and Debug');
      await bench.functionBreakpoint(UPCALL);
      await bench.command('Debug: Continue');
      await bench.callStack(UPCALL);
      await bench.stoppedLine();
      await bench.press('Control+b');
      await bench.command('View: Close All Editors in Group');
      await bench.page.setViewportSize({ width: 1200, height: 760 });
      for (const row of PANELS) {
        const frame = await open(bench, row);
        await phase(frame, 'Stopped');
        await shows(frame, row);
        await POSES[row.id]?.(frame);
        expect(await seriousFindings(frame), `${row.id}, stopped`).toEqual([]);
        await bench.picture(`panel-${row.id}-${theme}`);
        if (PICTURES) await bench.editorPicture(join(PICTURES, `${row.id}-${theme}.png`));
      }

      const memory = await open(bench, rowOf('memory'));
      await memory.getByRole('searchbox', { name: 'Search' }).fill(UPCALL);
      await bench.press('Enter');
      await memory.locator('.walk').waitFor();
      expect(await seriousFindings(memory), 'walk').toEqual([]);
      await bench.picture(`panel-walk-${theme}`);
      if (PICTURES) await bench.editorPicture(join(PICTURES, `walk-${theme}.png`));

      const registers = await open(bench, rowOf('registers'));
      await registers.getByRole('button', { name: 'Changed' }).click();
      await registers.getByText('No register changed since the last stop').waitFor();
      await bench.command('Debug: Step Into');
      await registers.locator('[aria-level="2"] .cell.changed').first().waitFor();
      expect(await seriousFindings(registers), 'changed registers').toEqual([]);
      await bench.picture(`panel-changed-${theme}`);
      expect(spy.refusals()).toEqual([]);
    }),
  );
}

testWith(
  [chromium, host, debian],
  'the Domains view names what runs and acts on it',
  (_c, _h, configuration) =>
    inWorkbench('domains', configuration, 'Default Dark Modern', async (bench, spy) => {
      await bench.debug();
      await bench.terminal(PROMPT);
      await bench.command('Focus on Domains View');
      const domain = bench.treeRow('d1 debian');
      await domain.filter({ hasText: 'running' }).waitFor();
      await bench.treeRow('vCPU 1').waitFor();
      await bench.treeRow('xvda').filter({ hasText: 'Connected ↔ Connected' }).waitFor();

      await bench.treeAction('d1 debian', 'Pause Domain');
      await domain.filter({ hasText: 'paused' }).waitFor();
      await bench.picture('domains-paused');
      const line = 'echo $((6*7))';
      await bench.focusTerminal();
      await bench.type(line);
      // Every key went to the guest, which does not even echo them.
      await expect.poll(() => answersTo(spy, 'xen/console'), PATIENT).toBeGreaterThan(line.length);
      expect(await bench.terminalText()).not.toContain('echo');
      await bench.treeAction('d1 debian', 'Unpause Domain');
      await bench.terminal('42');
      await domain.filter({ hasText: 'running' }).waitFor();

      await bench.treeAction('vCPU 1', 'Break into Domain');
      await bench.stoppedLine();
      // Wherever it is: a function of the kernel, or an address of the shell.
      await bench
        .treeRow('vCPU 1')
        .filter({ hasText: /EL1 · [A-Za-z_][\w.]*(\+0x| )|EL0 · 0x/ })
        .waitFor();
      for (const view of ['Variables', 'Watch']) await bench.fold(view);
      await bench.picture('domains-stopped');
      if (PICTURES) await bench.page.screenshot({ path: join(PICTURES, 'workbench.png') });
      expect(spy.refusals()).toEqual([]);
    }),
);

testWith(
  [chromium, host, debian],
  'an address on the console is a link to its code',
  (_c, _h, configuration) =>
    inWorkbench('link', configuration, 'Default Dark Modern', async (bench) => {
      await bench.debug();
      await bench.terminal(PROMPT);
      await bench.focusTerminal();
      await bench.type('echo panic+0x10/0x40');
      await bench.followTerminalLink('panic+0x10/0x40', '.tab.active[data-resource-name*="0x"]');
      await bench.page.locator('.editor-instance .view-line', { hasText: /^panic:/ }).waitFor();
      await bench.picture('console-link');
    }),
);

testWith(
  [chromium, host, debian],
  'a hidden panel asks nothing; a crashed guest, the end and a reload leave what was seen',
  (_c, _h, configuration) =>
    inWorkbench('life', configuration, 'Default Dark Modern', async (bench, spy) => {
      const [registers, interrupts] = [rowOf('registers'), rowOf('interrupts')];
      let frame = await open(bench, registers);
      await frame.getByRole('button', { name: 'Debug the Bundled Guest' }).waitFor();
      await bench.picture('panel-empty');
      await bench.debug();
      await bench.terminal(PROMPT);
      await phase(frame, 'Running');
      await frame.locator('header select').first().selectOption('1');
      await frame.getByRole('searchbox').fill('TTBR1');
      await frame.getByRole('row', { name: /^TTBR1_EL1/ }).waitFor();
      await bench.page.locator('.tab', { hasText: 'System Registers · d1' }).waitFor();

      await open(bench, interrupts);
      await expect.poll(() => spy.requests().filter(isUnsubscription).length, PATIENT).toBe(1);
      const asked = asks(spy, 'xen/registers');
      const others = answersTo(spy, 'xen/gic');
      await expect.poll(() => answersTo(spy, 'xen/gic'), PATIENT).toBeGreaterThan(others + 10);
      expect(asks(spy, 'xen/registers')).toBe(asked);

      const tab = bench.page.locator('.tab', { hasText: 'System Registers · d1' });
      await tab.click();
      frame = await bench.panelFrame('registers');
      await frame.getByRole('row', { name: /^TTBR1_EL1/ }).waitFor();
      await bench.focusTerminal();
      await bench.type('echo c > /proc/sysrq-trigger');
      await phase(frame, 'Stopped');
      await bench.page.locator('.exception-widget', { hasText: 'sysrq triggered crash' }).waitFor();
      for (const row of PANELS) {
        if (row.id === 'registers') continue;
        frame = await open(bench, row);
        await phase(frame, 'Stopped');
        await shows(frame, row);
        await bench.picture(`panel-${row.id}-crashed`);
      }

      await tab.click();
      frame = await bench.panelFrame('registers');
      await frame.getByRole('row', { name: /^TTBR1_EL1/ }).waitFor();
      await bench.command('Debug: Stop');
      await phase(frame, 'Session ended');
      await frame.getByRole('row', { name: /^TTBR1_EL1/ }).waitFor();
      await bench.picture('panel-ended');

      await bench.reload();
      await tab.click();
      frame = await bench.panelFrame('registers');
      await frame.getByRole('button', { name: 'Debug the Bundled Guest' }).waitFor();
      await tab.waitFor();
      expect(await frame.getByRole('searchbox').inputValue()).toBe('TTBR1');
      await bench.picture('panel-reloaded');
      await bench.debug();
      await phase(frame, 'Running');
      await frame.getByRole('row', { name: /^TTBR1_EL1/ }).waitFor();
      expect(spy.refusals()).toEqual([]);
    }),
);

const PATIENT = { timeout: 60_000 };

function rowOf(id: string): PanelRow {
  const row = PANELS.find((each) => each.id === id);
  if (!row) throw new Error(`there is no panel '${id}'`);
  return row;
}

const answersTo = (spy: Spy, command: string): number =>
  spy
    .messages()
    .filter((message) => message.type === 'response' && 'command' in message && message.command === command)
    .length;

const asks = (spy: Spy, name: string): number =>
  spy.requests().filter(({ command }) => command === name).length;

const isUnsubscription = ({ command, arguments: args }: DebugProtocol.Request): boolean =>
  command === 'xen/subscribe' && args.subscriber.startsWith('panel') && args.areas.length === 0;

const open = (bench: Workbench, { id }: PanelRow): Promise<Frame> =>
  bench.openPanel(id, (texts as Record<string, string>)[`command.panel.${id}`] ?? id);

/** Waits until the chip in the panel's tool bar says so. */
async function phase(frame: Frame, words: string): Promise<void> {
  await frame.locator('header xs-chip', { hasText: words }).waitFor();
}

async function shows(frame: Frame, { id }: PanelRow): Promise<void> {
  for (const text of EVIDENCE[id] ?? [])
    await frame.getByText(text).filter({ visible: true }).first().waitFor();
  await frame.locator('.body [role=row]').first().waitFor();
}

async function inWorkbench(
  name: string,
  configuration: Readonly<Record<string, unknown>>,
  theme: string,
  story: (bench: Workbench, spy: Spy) => Promise<void>,
): Promise<void> {
  const folder = join(work, name);
  mkdirSync(join(folder, '.vscode'), { recursive: true });
  const configurations = [configuration];
  writeFileSync(join(folder, '.vscode/launch.json'), JSON.stringify({ version: '0.2.0', configurations }));
  writeFileSync(join(folder, 'notes.txt'), '');

  const spy = new Spy(join(work, `${name}-spy`));
  const bench = await Workbench.open(folder, packageExtension(), theme, { spy });
  const problems = problemsOf(bench);
  try {
    await story(bench, spy);
    expect(problems).toEqual([]);
  } catch (error) {
    await bench.screenshot(`${name}-failed`);
    throw error;
  } finally {
    await bench.close();
  }
}

/** What webviews complain about, refusals of their content security policy among it, and who asks the network. */
function problemsOf({ page }: Workbench): string[] {
  const problems: string[] = [];
  page.on('console', (message) => {
    const { url } = message.location();
    const text = message.text();
    // Of the workbench's own complaints, which come from a script of its or from loading one, only what names us.
    const ofWebview =
      url === '' ? !/when fetching the script/.test(text) : /\/webview\/|vscode-resource/.test(url);
    const ours = ofWebview || /xenscope\.xenscope/i.test(text);
    if (message.type() === 'error' && ours) problems.push(`${url}: ${text}`);
  });
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  // Requests beyond this machine are aborted; a webview's own files come from its service worker.
  page.on('requestfailed', (request) => {
    if (!/^https?:\/\/127\.0\.0\.1[:/]/.test(request.url())) problems.push(`asked for ${request.url()}`);
  });
  return problems;
}
