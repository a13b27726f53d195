// What a user clicks while debugging, in a real workbench: events as checkboxes, values beside code, breakpoints in
// assembly, what a Linux guest runs. Pictures of each station are left in dist/screenshots; with PICTURES=1
// (`node test/tools/pictures.ts`) those of the README are taken as well.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { external, testWith } from '../tools/external.ts';
import { linuxDomain, PROMPT } from '../tools/linux-domain.ts';
import { packageExtension } from '../tools/package.ts';
import { chromiumPath } from './host/browser.ts';
import { installVsCodeHost } from './host/install.ts';
import { Workbench } from './host/workbench.ts';

/** Where the pictures of the README go, if they are wanted. */
const PICTURES = process.env['PICTURES'] === '1' && join(import.meta.dirname, '../../media/pictures');

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen');

const work = mkdtempSync(join(tmpdir(), 'xenscope-debugging-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const chromium = await external('Chromium', chromiumPath);
const host = await external('VS Code host', () => installVsCodeHost(console.log));
const debian = await external("Debian's arm64 kernel with its block frontend", () => linuxDomain(work));

testWith([chromium, host], 'values stand beside C and assembly, and breakpoints beside both', () =>
  inWorkbench('values', sample('values'), async (workbench) => {
    const { page } = workbench;
    await workbench.openFile('hypercall.S', 11);
    await workbench.breakpoint();
    await workbench.debug();
    await workbench.stoppedLine();
    const stopped = page.locator('.view-line', { hasText: 'hvc #0xea1' });
    await stopped.waitFor();
    await page.locator('.statusbar-item', { hasText: 'Arm Assembly' }).waitFor();
    // The hypercall has no operands: the line before has.
    await workbench.callStack('hypercall+0x');
    await workbench.command('Debug: Step Over');
    await workbench.callStack('hypercall+0x14');
    await workbench.command('Remove All Breakpoints');

    await workbench.openFile('main.c', 93);
    await workbench.breakpoint();
    await workbench.press('F5');
    const line = page.locator('.view-line', { hasText: 'I am domain' });
    await line.filter({ hasText: 'greeting->domid = 1' }).waitFor();
    const head = page.locator('.view-line', { hasText: 'void say_hello' });
    expect(await head.innerText()).toMatch(/greeting\s=\s0x[0-9a-f]{16}/);
    await workbench.screenshot('values-in-code');

    await workbench.command('View: Hide Panel');
    await workbench.watch('$SCTLR_EL1.M');
    await workbench.watch('$evtchn[2]');
    const watched = workbench.viewRow('Watch', '$evtchn[2]');
    await watched.filter({ hasText: 'port = 2' }).waitFor();
    await workbench.variables('Locals', 'i =');
    await workbench.openRow(workbench.viewRow('Variables', 'greeting'));
    await workbench.viewRow('Variables', 'domid').waitFor();
    await pictureFor(workbench, 'debugging', [1440, 600]);

    // What the adapter says a variable is, and a menu makes of it.
    await workbench.fold('Call Stack');
    await workbench.fold('Breakpoints');
    const menu = page.locator('.monaco-menu .action-label');
    await workbench.viewRow('Variables', 'greeting').click({ button: 'right' });
    await menu.filter({ hasText: 'Show in Memory Map' }).waitFor();
    await workbench.screenshot('menu-pointer');
    await workbench.menuItem('Show Memory');
    await page.locator('.tab.active', { hasText: '0x' }).waitFor();
    await page
      .locator('.view-line', { hasText: /\|.*hello-xen.*\|/ })
      .first()
      .waitFor();
    await workbench.watch('greeting->name');
    const name = workbench.viewRow('Watch', 'greeting->name');
    await name.filter({ hasText: 'hello-xen' }).click({ button: 'right' });
    await workbench.menuItem('Show in Memory Map');
    const panel = await workbench.panelFrame('memory');
    await panel.getByText('Stage 2').first().waitFor();
    await workbench.screenshot('menu-walk');
  }),
);

testWith(
  [chromium, host],
  'events are ticked, given a condition, logged and counted; filters show in their tree',
  () =>
    inWorkbench('events', sample('events'), async (workbench) => {
      const { page } = workbench;
      // The editor shows what an exception is more surely where the file is open already.
      await workbench.openFile('hypercall.S', 11);
      await workbench.breakpoint();
      await workbench.debug();
      await workbench.stoppedLine();
      for (const view of ['Variables', 'Watch']) await workbench.fold(view);
      await workbench.unfold('Events');
      await workbench.openRow(workbench.viewRow('Events', 'Hypercalls'));
      const any = workbench.viewRow('Events', 'Any hypercall');
      await any.waitFor();

      // A filter of the view Breakpoints is the same event.
      const filter = workbench.viewRow('Breakpoints', 'Hypercall entry');
      await filter.locator('.monaco-checkbox').click();
      await any.filter({ hasText: 'filter' }).waitFor();
      expect(await any.locator('.monaco-checkbox').getAttribute('aria-checked')).toBe('true');
      await workbench.command('Remove All Breakpoints');
      await workbench.press('F5');
      const widget = page.locator('.exception-widget');
      await widget.waitFor();
      const text = await widget.innerText();
      const [sentence = ''] = /^Hypercall .* by d1v0$/m.exec(text) ?? [];
      expect(text.split(sentence)).toHaveLength(2);
      await workbench.screenshot('events-filter');
      await workbench.press('Control+J');
      await pictureFor(workbench, 'events', [1240, 860]);
      await workbench.press('Control+J');
      await filter.locator('.monaco-checkbox').click();
      await any.filter({ hasNotText: 'filter' }).waitFor();
      expect(await any.locator('.monaco-checkbox').getAttribute('aria-checked')).toBe('false');

      await any.locator('.monaco-checkbox').click();
      await workbench.answer(any, 'Edit Condition', '$ev.op == "EVTCHNOP_send" && $ev.port == 2');
      await any.filter({ hasText: 'port == 2' }).waitFor();
      await workbench.press('F5');
      await widget.waitFor({ state: 'detached' });
      const reason = page.locator('.pane-header', {
        hasText: 'Hypercall event_channel_op(send port 2) by d1v0',
      });
      await reason.waitFor();
      await workbench.screenshot('events-stop');

      await workbench.choose(any, 'Stop, Log or Count', 'Count');
      await any.filter({ hasText: 'count' }).waitFor();
      await workbench.press('F5');
      await workbench.terminal('hello>');
      await any.filter({ hasText: /[1-9]\d*× · count · if/ }).waitFor();
      await workbench.screenshot('events-counted');
      await workbench.choose(any, 'Stop, Log or Count', 'Log');
      await any.filter({ hasText: 'log' }).waitFor();
      await workbench.focusTerminal();
      await workbench.type('help');
      await workbench.terminal('hello> help');
      await workbench.command('Debug Console: Focus on Debug Console View');
      await page
        .locator('.repl-tree', { hasText: 'Hypercall event_channel_op(send port 2) by d1v0' })
        .waitFor();
      await workbench.screenshot('events-logged');
    }),
);

testWith(
  [chromium, host, debian],
  'a Linux guest shows its tasks with their stacks, its modules and its log',
  (_c, _h, configuration) => {
    const folder = join(work, 'linux');
    mkdirSync(join(folder, '.vscode'), { recursive: true });
    const launch = { version: '0.2.0', configurations: [configuration] };
    writeFileSync(join(folder, '.vscode/launch.json'), JSON.stringify(launch));
    writeFileSync(join(folder, 'notes.txt'), '');
    return inWorkbench('guest-os', folder, async (workbench) => {
      const { page } = workbench;
      await workbench.command('View: Show Run and Debug');
      await workbench.debug();
      await workbench.terminal(PROMPT);
      for (const view of ['Variables', 'Watch', 'Breakpoints', 'Call Stack']) await workbench.fold(view);
      await workbench.unfold('Guest OS');
      await workbench.press('F6');
      const row = (text: string | RegExp) => workbench.viewRow('Guest OS', text);
      await row('Processes').waitFor();
      const shell = row(/^1 sh/);
      await workbench.openRow(shell);
      await row('__schedule').waitFor();
      await workbench.screenshot('guest-os-stack');
      await pictureFor(workbench, 'guest-os', [900, 760]);
      await shell.locator('.monaco-tl-twistie').click();
      await workbench.openRow(row('Modules'));
      await row('xen_blkfront').waitFor();

      const head = page.locator('.pane-header', { hasText: 'Guest OS' });
      await workbench.answer(head, 'Filter Tasks', 'kthreadd');
      await row(/^2 kthreadd/).waitFor();
      await row('Processes').waitFor({ state: 'detached' });

      await workbench.rowAction(head, 'Show Kernel Log');
      await page.locator('.tab.active', { hasText: 'dmesg of d1 debian' }).waitFor();
      await page.locator('.view-line', { hasText: 'blkfront: xvda' }).waitFor();
      await workbench.screenshot('guest-os-log');
    });
  },
);

/** The upper left of the window, where it happens. */
async function pictureFor(
  { page }: Workbench,
  name: string,
  [width, height]: readonly [number, number],
): Promise<void> {
  if (!PICTURES) return;
  await page.mouse.move(0, 0);
  await page.locator('.workbench-hover').waitFor({ state: 'hidden' });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), clip: { x: 0, y: 0, width, height } });
}

function sample(name: string): string {
  const folder = join(work, name);
  cpSync(SAMPLE, folder, { recursive: true });
  return folder;
}

async function inWorkbench(
  name: string,
  folder: string,
  story: (workbench: Workbench) => Promise<void>,
): Promise<void> {
  const workbench = await Workbench.open(folder, packageExtension());
  try {
    await story(workbench);
  } catch (error) {
    await workbench.screenshot(`${name}-failed`);
    throw error;
  } finally {
    await workbench.close();
  }
}
