// Shows a panel in a headless Chromium, on the page that the extension gives it, with a stand-in for the
// extension that answers from a table. For tests:
//
//   const panel = await openPanel('ports', { answers: { 'xen/event-channels': VIEW }, theme: 'light' });
//   await panel.page.getByText('bound to d0').waitFor();
//   await panel.tell({ answers: { … }, session: { phase: 'stopped' } });   // the machine stopped again
//   await panel.tell({ answers: { … }, changed: ['event-channels'] });     // or told that something changed
//   expect(await panel.problems()).toEqual([]);                          // policy, console, axe
//   await panel.close();
//
// and `afterAll(closeBrowser)`. To look at a panel: `node test/media/panels/look.ts ports`.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { panelPage } from '../../../extension/panels/page.ts';
import { PANELS, areasOf } from '../../../extension/panels/panels.ts';
import type { PanelArguments, SessionState, ToHost, ToView } from '../../../media/messages.ts';
import { MESSAGES_VERSION } from '../../../media/messages.ts';
import { startBrowser } from '../../extension/host/browser.ts';
import { buildPanels, panelEntries } from '../../tools/bundle.ts';
import { seriousFindings } from './axe.ts';
import { THEMES, type ThemeName, themeVariables } from './themes.ts';

const ORIGIN = 'http://panel.test';
const PATIENCE_MS = 15_000;
const SCREENSHOTS = join(import.meta.dirname, '../../../dist/screenshots/panels');

/** Views by request. A function gets the request's arguments and may throw the adapter's sentence. */
export type Answers = Readonly<Record<string, unknown>>;

export interface PanelOptions {
  readonly answers?: Answers;
  readonly session?: Partial<SessionState>;
  readonly theme?: ThemeName;
  /** What an earlier page kept: `panel.kept()`. */
  readonly kept?: unknown;
  readonly arguments?: PanelArguments;
  /** What the user gives when the panel asks for a text, in order. */
  readonly inputs?: readonly string[];
  /** The panel's file, where it is none of media/. */
  readonly source?: string;
  readonly width?: number;
  readonly height?: number;
  readonly reducedMotion?: boolean;
  readonly texts?: Readonly<Record<string, string>>;
}

export interface Change {
  readonly answers?: Answers;
  /** Areas that `xen/changed` names; all of the panel's when the session stopped. */
  readonly changed?: readonly string[];
  /** Set: a stop (a new generation unless given) or a run. */
  readonly session?: Partial<SessionState>;
}

/** A stopped session with domain 1. */
export const STOPPED: SessionState = {
  phase: 'stopped',
  id: 'session',
  name: 'test',
  domains: [
    { domain: 0, name: 'Domain-0', vcpus: 0 },
    { domain: 1, name: 'hello', vcpus: 2 },
  ],
  focus: { domain: 1, vcpu: 0 },
  generation: 1,
};

let browser: Promise<Browser> | undefined;

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

export class PanelPage {
  readonly page: Page;
  /** What the panel told the extension, in order. */
  readonly sent: ToHost[] = [];
  /** Queries that the page waits for. */
  unanswered = 0;
  private readonly found: string[] = [];
  private readonly options: PanelOptions;
  private readonly id: string;
  private answers: Answers;
  private session: SessionState;

  constructor(id: string, page: Page, options: PanelOptions) {
    this.id = id;
    this.page = page;
    this.options = options;
    this.answers = options.answers ?? {};
    this.session = { ...STOPPED, ...options.session };
  }

  /** For `openPanel` only. */
  async load(folder: string): Promise<void> {
    const { page, options } = this;
    const theme = options.theme ?? 'dark';
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.found.push(message.text());
    });
    page.on('pageerror', (error) => this.found.push(error.stack ?? error.message));
    page.on('requestfailed', (request) => this.found.push(`could not load ${request.url()}`));
    await page.exposeFunction('toExtension', (message: ToHost) => this.received(message));
    await page.exposeFunction('policyViolation', (text: string) => this.found.push(text));
    await page.addInitScript(editorStandIn, {
      kept: options.kept,
      variables: themeVariables(theme),
      kind: THEMES[theme].kind,
    });
    await page.route(`${ORIGIN}/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === '/') await route.fulfill({ contentType: 'text/html', body: this.html() });
      else await route.fulfill({ path: join(folder, pathname) });
    });
    await page.goto(ORIGIN);
    await page.locator(`xs-${this.id}`).waitFor();
  }

  /** The machine stopped, ran on or changed. A session's generation counts up unless it is given. */
  async tell({ answers, changed, session }: Change): Promise<void> {
    this.answers = { ...this.answers, ...answers };
    if (session) {
      const generation = this.session.generation + (session.phase === 'running' ? 0 : 1);
      this.session = { ...this.session, generation, ...session };
      await this.post({ type: 'session', session: this.session });
    }
    const { generation, phase } = this.session;
    const row = PANELS.find(({ id }) => id === this.id);
    const all = row ? areasOf(row) : [this.id];
    const areas = changed ?? (session !== undefined && phase === 'stopped' ? all : []);
    if (areas.length > 0) {
      await this.post({ type: 'changed', areas, generation, running: phase === 'running' });
    }
  }

  async show(args: PanelArguments): Promise<void> {
    await this.post({ type: 'show', arguments: args });
  }

  /** Everything that is wrong with the page: policy, console, and serious findings of axe. */
  async problems(): Promise<string[]> {
    const confusions = await this.page.locator('.confusion').allInnerTexts();
    return [...this.complaints(), ...confusions, ...(await seriousFindings(this.page))];
  }

  /** What the page told by itself: policy and console. */
  complaints(): string[] {
    // A violation is told by its event, with the place.
    return this.found.filter((text) => !/content security policy/i.test(text));
  }

  /** Milliseconds from the arrival of each answer to the frame after it was painted. */
  paintTimes(): Promise<number[]> {
    return this.page.evaluate(() => (window as unknown as { paintTimes: number[] }).paintTimes);
  }

  kept(): Promise<unknown> {
    return this.page.evaluate(() => (window as unknown as { keptState: unknown }).keptState);
  }

  /** Leaves a picture in dist/screenshots/panels and answers its path. */
  async screenshot(name = `${this.id}-${this.options.theme ?? 'dark'}`): Promise<string> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const path = join(SCREENSHOTS, `${name}.png`);
    await this.page.screenshot({ path });
    return path;
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  private async received(message: ToHost): Promise<void> {
    this.sent.push(message);
    if (message.type === 'ready') {
      const { arguments: args } = this.options;
      await this.post({
        type: 'init',
        version: MESSAGES_VERSION,
        panel: this.id,
        session: this.session,
        ...(args && { arguments: args }),
      });
    }
    if (message.type === 'query') {
      this.unanswered++;
      await this.post(this.answerTo(message));
      this.unanswered--;
    }
    if (message.type === 'input') {
      const text = this.options.inputs?.[this.sent.filter(({ type }) => type === 'input').length - 1];
      await this.post({ type: 'answer', id: message.id, result: text ?? null });
    }
    if (message.type === 'action') await this.post({ type: 'answer', id: message.id, result: {} });
  }

  private answerTo({ id, request, arguments: args }: Extract<ToHost, { type: 'query' }>): ToView {
    const answer = this.answers[request];
    if (answer === undefined) return { type: 'answer', id, error: `the test has no answer to ${request}` };
    try {
      const view = typeof answer === 'function' ? (answer(args) as unknown) : answer;
      const { generation, phase } = this.session;
      const instructions = generation * 1000;
      const result = {
        generation,
        running: phase === 'running',
        instructions,
        virtualNanoseconds: instructions,
        view,
      };
      return { type: 'answer', id, result: request.startsWith('xen/') ? result : view };
    } catch (error) {
      return { type: 'answer', id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  private async post(message: ToView): Promise<void> {
    // As one text: for a hundred thousand rows as values the browser's protocol takes many seconds.
    await this.page.evaluate((text) => window.postMessage(JSON.parse(text), '*'), JSON.stringify(message));
  }

  private html(): string {
    return panelPage({
      id: this.id,
      title: this.id,
      language: 'en',
      nonce: 'test',
      source: ORIGIN,
      script: `${ORIGIN}/${this.id}.js`,
      icons: `${ORIGIN}/codicon.css`,
      texts: this.options.texts ?? {},
    });
  }
}

const folders = new Map<string, Promise<string>>();

/** Builds the panel as it is now, shows it and waits until its element is there. */
export async function openPanel(id: string, options: PanelOptions = {}): Promise<PanelPage> {
  let folder = folders.get(id);
  if (!folder) {
    folder = builtPanel(id, options.source);
    folders.set(id, folder);
  }
  browser ??= startBrowser();
  const context = await (await browser).newContext({
    viewport: { width: options.width ?? 1000, height: options.height ?? 700 },
    reducedMotion: options.reducedMotion ? 'reduce' : 'no-preference',
  });
  const panel = new PanelPage(id, await context.newPage(), options);
  await panel.load(await folder);
  return panel;
}

async function builtPanel(id: string, source = panelEntries()[id]): Promise<string> {
  if (source === undefined) throw new Error(`there is no media/${id}/${id}.ts`);
  const folder = mkdtempSync(join(tmpdir(), 'xenscope-panel-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  await buildPanels(folder, { [id]: source });
  return folder;
}

/** Runs in the page before anything else: what the editor gives to a webview. */
function editorStandIn({
  kept,
  variables,
  kind,
}: {
  kept: unknown;
  variables: Record<string, string>;
  kind: string;
}): void {
  const global = window as unknown as Record<string, unknown>;
  const toExtension = (message: unknown): unknown =>
    (global['toExtension'] as (m: unknown) => unknown)(message);
  const paintTimes: number[] = [];
  global['paintTimes'] = paintTimes;
  global['keptState'] = kept;
  global['acquireVsCodeApi'] = () => ({
    postMessage: toExtension,
    getState: () => global['keptState'],
    setState: (state: unknown) => (global['keptState'] = structuredClone(state)),
  });
  window.addEventListener(
    'message',
    ({ data }: MessageEvent<{ type?: string }>) => {
      if (data.type !== 'answer') return;
      const arrived = performance.now();
      requestAnimationFrame(() => setTimeout(() => paintTimes.push(performance.now() - arrived)));
    },
    true,
  );
  document.addEventListener(
    'securitypolicyviolation',
    ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => {
      const text = `${violatedDirective} refused ${blockedURI} at ${sourceFile}:${lineNumber}`;
      (global['policyViolation'] as (t: string) => void)(text);
    },
  );
  document.addEventListener('DOMContentLoaded', () => {
    for (const [name, value] of Object.entries(variables))
      document.documentElement.style.setProperty(name, value);
    document.body.classList.add(kind);
  });
}
