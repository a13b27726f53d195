// Drives the workbench in the browser as a person would: keys, clicks, and waiting for what appears.
// The selectors are those of the VS Code that `install.ts` names.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Dialog, Frame, Locator, Page } from 'playwright-core';
import { newPage, startBrowser } from './browser.ts';
import { startVsCodeServer, type VsCodeServer } from './server.ts';
import type { Spy } from './spy.ts';

const SCREENSHOTS = join(import.meta.dirname, '../../../dist/screenshots');
const PATIENCE_MS = 60_000;
/** Of the shells in terminals. */
const PROMPT = '#';

export class Workbench {
  readonly page: Page;
  private readonly server: VsCodeServer;
  private readonly browser: Browser;

  private constructor(server: VsCodeServer, browser: Browser, page: Page) {
    this.server = server;
    this.browser = browser;
    this.page = page;
  }

  /** Opens a folder with the packaged extension installed. */
  static async open(
    folder: string,
    vsix: string,
    theme = 'Default Dark Modern',
    { spy }: { readonly spy?: Spy } = {},
  ): Promise<Workbench> {
    // Text that a canvas draws cannot be read.
    const settings = {
      'terminal.integrated.gpuAcceleration': 'off',
      'workbench.colorTheme': theme,
      // Values at the ends of lines are to be seen.
      'editor.minimap.enabled': false,
    };
    const server = await startVsCodeServer({
      vsix: spy ? [vsix, spy.vsix] : [vsix],
      settings,
      ...(spy && { env: spy.env }),
    });
    const browser = await startBrowser();
    const page = await newPage(browser);
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(server.url(folder));
    const workbench = new Workbench(server, browser, page);
    await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
    return workbench;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
  }

  async screenshot(name: string): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }

  /** The same, without what the mouse makes the editor show. */
  async picture(name: string): Promise<void> {
    await this.moveMouseAway();
    await this.screenshot(name);
  }

  /** Only the editors that have the focus, with their tabs. */
  async editorPicture(path: string): Promise<void> {
    await this.moveMouseAway();
    await this.page.locator('.editor-group-container.active').screenshot({ path });
  }

  private async moveMouseAway(): Promise<void> {
    await this.page.mouse.move(0, 0);
    await this.page.locator('.workbench-hover').waitFor({ state: 'hidden' });
  }

  /** Clicks on an entry of the context menu that opens. The editor's menus take no click in their first 100 ms. */
  async menuItem(text: string): Promise<void> {
    const item = this.page.locator('.monaco-menu .action-label', { hasText: text });
    await item.waitFor();
    await this.page.waitForTimeout(150);
    await item.click();
  }

  press(keys: string): Promise<void> {
    return this.page.keyboard.press(keys);
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
    await this.press('Enter');
  }

  /** Runs a command by its title. The palette is opened again until it has the command, and if it was closed. */
  async command(title: string): Promise<void> {
    const row = this.page.locator('.quick-input-widget .monaco-list-row', { hasText: title }).first();
    for (let attempt = 1; ; attempt++) {
      await this.press('F1');
      try {
        await this.quickInput().fill(`>${title}`, { timeout: 5000 });
        await row.click({ timeout: 5000 });
        return;
      } catch (error) {
        if (attempt === 10) throw error;
        await this.press('Escape');
      }
    }
  }

  /** Opens a file with the cursor in a line. */
  async openFile(path: string, line: number): Promise<void> {
    await this.press('Control+P');
    await this.quickInput().fill(path);
    const name = path.split('/').at(-1) ?? path;
    await this.page.locator('.quick-input-widget .monaco-list-row', { hasText: name }).first().waitFor();
    await this.quickInput().fill(`${path}:${line}`);
    await this.press('Enter');
    await this.page.locator('.tab.active', { hasText: name }).waitFor();
    await this.page.locator('.statusbar-item', { hasText: `Ln ${line},` }).waitFor();
  }

  /** F9 in the line of the cursor. */
  breakpoint(): Promise<void> {
    return this.pressUntil('F9', '.editor-instance .codicon-debug-breakpoint');
  }

  async functionBreakpoint(name: string): Promise<void> {
    const head = this.page.locator('.pane-header', { hasText: 'Breakpoints' });
    await head.hover();
    await head.locator('.action-label[aria-label^="Add Function Breakpoint"]').click();
    // The exception filters stand above, and only what is seen of the list is there.
    await this.page.locator('.debug-breakpoints').hover();
    const box = this.page.locator('.debug-breakpoints .breakpoint input[type=text]');
    for (let turn = 0; turn < 40 && (await box.count()) === 0; turn++) {
      await this.page.mouse.wheel(0, 100);
      await this.page.waitForTimeout(50);
    }
    await box.fill(name);
    await box.press('Enter');
    await this.page.locator('.debug-breakpoints .breakpoint', { hasText: name }).waitFor();
  }

  /** F5, until the Run icon counts a session or a message says why not. */
  debug(): Promise<void> {
    return this.pressUntil('F5', '.activitybar .badge:has-text("1"), .monaco-dialog-box');
  }

  /** F5 where nothing says what to debug: chooses the debugger that the editor then offers. */
  async debugWith(debuggerLabel: string): Promise<void> {
    const row = `.quick-input-widget .monaco-list-row:has-text("${debuggerLabel}")`;
    await this.pressUntil('F5', row);
    await this.page.locator(row).first().click();
  }

  /** Extensions come a little later than the window, and the keys of a debugger with them. */
  private async pressUntil(key: string, selector: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.press(key);
      try {
        await this.page.locator(selector).first().waitFor({ timeout: 10_000 });
        return;
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  /** The line at which the top frame stands, once there is one. */
  async stoppedLine(): Promise<void> {
    await this.page.locator('.editor-instance .debug-top-stack-frame-line').first().waitFor();
  }

  /**
   * After a step: the new stop, with its line in the editor. The editor takes the focus when it shows the
   * line, so what is opened before that is closed again.
   */
  async steppedTo(line: number): Promise<void> {
    await this.page.locator('.pane-header', { hasText: 'Paused on step' }).waitFor();
    await this.page.locator('.statusbar-item', { hasText: `Ln ${line},` }).waitFor();
    await this.stoppedLine();
  }

  async callStack(frame: string): Promise<string[]> {
    const rows = this.page.locator('.debug-call-stack .monaco-list-row');
    await rows.filter({ hasText: frame }).first().waitFor();
    return rows.allInnerTexts();
  }

  /** The rows of the Variables view once a scope is open and shows this name. */
  async variables(scope: string, name: string): Promise<string[]> {
    const rows = this.page.locator('.debug-variables .monaco-list-row');
    const head = rows.filter({ hasText: scope }).first();
    await head.waitFor();
    if ((await head.getAttribute('aria-expanded')) === 'false')
      await head.locator('.monaco-tl-twistie').click();
    await rows.filter({ hasText: name }).first().waitFor();
    return rows.allInnerTexts();
  }

  /** Waits until the terminal shows a text; answers all that it shows. */
  async terminal(text: string): Promise<string> {
    const rows = this.page.locator('.terminal-wrapper.active .xterm-rows');
    await rows.filter({ hasText: text }).first().waitFor();
    return rows.first().innerText();
  }

  terminalText(): Promise<string> {
    return this.page.locator('.terminal-wrapper.active .xterm-rows').innerText();
  }

  /** Clicks what begins a line of the terminal, until what it opens is there. */
  async followTerminalLink(text: string, opened: string): Promise<void> {
    const row = this.page.locator('.terminal-wrapper.active .xterm-rows > div').getByText(text);
    const line = row.filter({ hasNotText: PROMPT }).first();
    await line.waitFor();
    const { mouse, keyboard } = this.page;
    for (let attempt = 1; ; attempt++) {
      const box = await line.boundingBox();
      if (!box) throw new Error(`the terminal shows no '${text}'`);
      // A layer above the text takes the mouse. A link is looked for when the mouse moves.
      const [x, y] = [box.x + 20, box.y + box.height / 2];
      await mouse.move(x + attempt, y);
      await keyboard.down('Control');
      await mouse.move(x, y);
      await mouse.click(x, y);
      await keyboard.up('Control');
      try {
        await this.page.locator(opened).first().waitFor({ timeout: 5000 });
        return;
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  /** From here on keys go to the terminal. */
  async focusTerminal(): Promise<void> {
    await this.page.locator('.terminal-wrapper.active .xterm').click();
  }

  /** Opens a panel by its command, `Show Event Channels`, and answers its page. */
  async openPanel(id: string, command: string): Promise<Frame> {
    await this.command(command);
    return this.panelFrame(id);
  }

  /** The page inside a panel's tab, which the editor nests in two frames. */
  async panelFrame(id: string): Promise<Frame> {
    const element = this.page
      .frameLocator('iframe.webview.ready')
      .frameLocator('#active-frame')
      .locator(`body[data-panel="${id}"]`);
    await element.first().waitFor();
    const handle = await element.first().elementHandle();
    const frame = await handle?.ownerFrame();
    if (!frame) throw new Error(`the panel '${id}' has no page`);
    return frame;
  }

  /** Folds a view of the side bar, so that others have more room. */
  async fold(view: string): Promise<void> {
    const head = this.page.locator('.pane-header[aria-expanded=true]', { hasText: view });
    await head.click();
    await head.waitFor({ state: 'detached' });
  }

  async watch(expression: string): Promise<void> {
    const head = this.page.locator('.pane-header', { hasText: 'Watch' });
    await head.hover();
    await head.locator('.action-label[aria-label^="Add Expression"]').click();
    await this.page.locator('.debug-watch input').fill(expression);
    await this.press('Enter');
  }

  /** Opens a view of the side bar that is folded. */
  async unfold(view: string): Promise<void> {
    await this.page.locator('.pane-header[aria-expanded=false]', { hasText: view }).click();
    await this.page.locator('.pane-header[aria-expanded=true]', { hasText: view }).waitFor();
  }

  /** A row of the Domains view. */
  treeRow(text: string): Locator {
    return this.viewRow('Domains', text);
  }

  viewRow(view: string, text: string | RegExp): Locator {
    const pane = this.page
      .locator('.pane')
      .filter({ has: this.page.locator('.pane-header', { hasText: view }) });
    return pane.locator('.monaco-list-row', { hasText: text }).first();
  }

  /** Shows what is below a row. */
  async openRow(row: Locator): Promise<void> {
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) === 'false')
      await row.locator('.monaco-tl-twistie').click();
  }

  /** Presses a button that a row shows when the mouse is over it. */
  async rowAction(row: Locator, action: string): Promise<void> {
    await row.hover();
    await row.locator(`.action-label[aria-label^="${action}"]`).click();
  }

  /** Presses such a button and types into the box that it opens. */
  answer(row: Locator, action: string, text: string): Promise<void> {
    return this.untilDone(async () => {
      await this.rowAction(row, action);
      await this.quickInput().fill(text, { timeout: 5000 });
      await this.press('Enter');
      await this.quickInput().waitFor({ state: 'hidden' });
    });
  }

  /** Presses such a button and chooses from the list that it opens. */
  choose(row: Locator, action: string, choice: string): Promise<void> {
    return this.untilDone(async () => {
      await this.rowAction(row, action);
      const item = this.page.locator('.quick-input-widget .monaco-list-row', { hasText: choice });
      await item.first().click({ timeout: 5000 });
    });
  }

  /** An editor that shows a stop takes the focus, and what was open is closed. */
  private async untilDone(action: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  /** Presses a button that a row shows when the mouse is over it. */
  async treeAction(text: string, action: string): Promise<void> {
    await this.rowAction(this.treeRow(text), action);
  }

  /** Ends sessions, too: the window comes back with what the editor keeps. */
  async reload(): Promise<void> {
    const accept = (dialog: Dialog): void => void dialog.accept();
    // It may ask whether to leave.
    this.page.once('dialog', accept);
    const loaded = this.page.waitForEvent('load');
    await this.command('Developer: Reload Window');
    await loaded;
    this.page.off('dialog', accept);
    await this.page.locator('.monaco-workbench .part.editor').waitFor();
  }

  /** Chooses another colour theme, by its name in the list. */
  async theme(name: string): Promise<void> {
    await this.command('Preferences: Color Theme');
    await this.quickInput().fill(name);
    await this.page.locator('.quick-input-widget .monaco-list-row', { hasText: name }).first().click();
  }

  private quickInput(): Locator {
    return this.page.locator('.quick-input-widget input.input');
  }
}
