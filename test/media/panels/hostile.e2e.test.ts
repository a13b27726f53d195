// Panels of a guest that does its worst: what it wrote is text, nothing of it becomes part of the page, and a panel
// that cannot make sense of an answer says so and lives on.

import type { Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { PANELS, type PanelRow } from '../../../extension/panels/panels.ts';
import { MARKER, MARKUP } from '../../emulator/debug/inspect/hostile/deeds.ts';
import { chromiumPath } from '../../extension/host/browser.ts';
import { external, testWith } from '../../tools/external.ts';
import { type Answers, type PanelPage, closeBrowser, openPanel } from './harness.ts';
import { hostileAnswers, inflated, malformed } from './hostile-answers.ts';

const chromium = await external('Chromium', chromiumPath);
afterAll(closeBrowser);

const SEEDS = [2, 5];
const answersBySeed = new Map<number, Answers>();
const answersOf = (seed: number): Answers => {
  let answers = answersBySeed.get(seed);
  if (!answers) answersBySeed.set(seed, (answers = hostileAnswers(seed)));
  return answers;
};
const SESSION = {
  name: MARKUP[0] ?? '',
  domains: [{ domain: 1, name: MARKUP[1] ?? '', vcpus: 2 }],
  focus: { domain: 1, vcpu: 0 },
};
/** More than any panel needs, far less than what the guest has made. */
const MOST_ELEMENTS = 8000;

for (const row of PANELS) {
  for (const seed of SEEDS) {
    testWith(
      [chromium],
      `${row.id}, seed ${seed}: what the guest wrote is text, wherever one goes`,
      async () => {
        await withPanel(row, answersOf(seed), async (panel) => {
          await walk(panel);
          await expectOnlyText(panel);
          await panel.tell({ session: { phase: 'running' } });
          await panel.tell({ session: { phase: 'stopped' } });
          await settled(panel);
          await expectOnlyText(panel);
        });
      },
    );
  }

  testWith([chromium], `${row.id}: ten thousand rows cost no more than those in sight`, async () => {
    const good = answersOf(SEEDS[0] ?? 0);
    const many = Object.fromEntries(
      row.requests.map((request) => [
        request,
        request === 'xen/symbols' || request === 'xen/resolve'
          ? good[request]
          : (args: Record<string, unknown>) =>
              inflated((good[request] as (args: object) => unknown)(args), 10_000),
      ]),
    );
    await withPanel(row, many, async (panel) => {
      await walk(panel);
      await expectOnlyText(panel);
    });
  });

  testWith([chromium], `${row.id}: an answer that makes no sense is said to be so`, async () => {
    const good = answersOf(SEEDS[0] ?? 0);
    await withPanel(row, good, async (panel) => {
      const before = await outline(panel.page);
      for (const { what, answers } of malformed(row, good, questionsOf(panel))) {
        await panel.tell({ answers, session: { phase: 'stopped' } });
        await settled(panel);
        const now = await outline(panel.page);
        expect(now.text.length > 0 || now.alerts.length > 0, `${what}: an empty panel`).toBe(true);
        for (const alert of now.alerts) expect(alert, what).toMatch(/[a-z]{3}/);
        expect(panel.complaints(), what).toEqual([]);
      }
      // At the first of these stops the panel compares with nonsense still.
      for (const answers of [fixedAnswers(row, good), {}]) {
        await panel.tell({ answers, session: { phase: 'stopped' } });
        await settled(panel);
      }
      const after = await outline(panel.page);
      expect(after.alerts).toEqual(before.alerts);
      expect(after.grids).toBe(before.grids);
    });
  });
}

testWith([chromium], 'xenstore: markup of a guest is there to be read', async () => {
  const row = PANELS.find(({ id }) => id === 'xenstore');
  if (!row) throw new Error('there is a panel of xenstore');
  await withPanel(row, answersOf(SEEDS[0] ?? 0), async ({ page }) => {
    await page.locator('#filter').fill('markup-');
    const cells = page.getByRole('gridcell');
    for (const text of MARKUP) await cells.filter({ hasText: text }).first().waitFor();
  });
});

const fixedAnswers = ({ requests }: PanelRow, good: Answers): Answers =>
  Object.fromEntries(requests.map((request) => [request, good[request]]));

async function withPanel(
  row: PanelRow,
  answers: Answers,
  body: (panel: PanelPage) => Promise<void>,
): Promise<void> {
  const panel = await openPanel(row.id, { answers, session: SESSION, width: 1300, height: 800 });
  try {
    await panel.page.locator('main').locator('xs-table, svg, canvas').first().waitFor();
    await settled(panel);
    await body(panel);
  } finally {
    await panel.close();
  }
}

/** Every question so far, by request, with its last arguments. */
const questionsOf = ({ sent }: PanelPage): Map<string, Record<string, unknown>> =>
  new Map(
    sent.flatMap((message) => (message.type === 'query' ? [[message.request, message.arguments]] : [])),
  );

/** Nothing is asked or drawn any more. */
async function settled(panel: PanelPage): Promise<void> {
  let asked: number;
  do {
    asked = panel.sent.length;
    await panel.page.evaluate(async () => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      for (let frames = 0; frames < 5; frames++) await frame();
    });
  } while (panel.unanswered > 0 || panel.sent.length > asked);
}

/** Through tabs, buttons and every table, by mouse and keyboard. */
async function walk(panel: PanelPage): Promise<void> {
  const { page } = panel;
  await keys(panel);
  const tabs = page.locator('vscode-tab-header');
  for (let tab = 0; tab < (await tabs.count()); tab++) {
    await tabs.nth(tab).click();
    await settled(panel);
    await keys(panel);
  }
  const toggles = page.locator('main').getByRole('button', { name: /^(Table|Drawing)$/ });
  for (let toggle = 0; toggle < (await toggles.count()); toggle++) {
    const button = toggles.nth(toggle);
    if (await button.isVisible()) await button.click();
    await settled(panel);
  }
  await keys(panel);
  const filter = page.locator('#filter');
  if ((await filter.count()) > 0) {
    for (const text of ['<img', '\\', '.*', ' ']) {
      await filter.fill(text);
      await settled(panel);
    }
    await filter.fill('');
    await settled(panel);
  }
}

async function keys(panel: PanelPage): Promise<void> {
  const { page } = panel;
  const grids = page.locator('[role=grid], [role=treegrid]');
  for (let grid = 0; grid < (await grids.count()); grid++) {
    const table = grids.nth(grid);
    if (!(await table.isVisible())) continue;
    await table.focus();
    for (const key of [
      'ArrowDown',
      'ArrowRight',
      'ArrowDown',
      'PageDown',
      'End',
      'ArrowRight',
      'ArrowUp',
      'Home',
      'Enter',
      'ArrowLeft',
    ]) {
      await page.keyboard.press(key);
    }
    await settled(panel);
    await page.keyboard.press('Escape');
  }
}

interface Outline {
  readonly text: string;
  readonly alerts: readonly string[];
  readonly grids: number;
  readonly elements: number;
  readonly rows: number;
  /** Elements that only markup of the guest could have made. */
  readonly strange: readonly string[];
  readonly scripts: number;
  readonly tricked: boolean;
}

/** What the page consists of, shadow roots included. */
function outline(page: Page): Promise<Outline> {
  return page.evaluate((marker) => {
    const elements: Element[] = [];
    const collect = (root: ParentNode): void => {
      for (const element of root.querySelectorAll('*')) {
        elements.push(element);
        if (element.shadowRoot) collect(element.shadowRoot);
      }
    };
    collect(document);
    const isHandler = ({ name }: Attr): boolean => name.startsWith('on');
    const strange = elements.filter(
      (element) =>
        element.matches(
          'img, iframe, object, embed, base, a[href^="javascript:"], link[href^="http://example"]',
        ) ||
        [...element.attributes].some(isHandler) ||
        element.hasAttribute('srcdoc'),
    );
    const main = elements.find((element) => element.localName === 'main');
    return {
      text: (main instanceof HTMLElement ? main.innerText : '').trim(),
      alerts: elements
        .filter((element) => element.getAttribute('role') === 'alert')
        .map((element) => (element as HTMLElement).innerText.trim()),
      grids: elements.filter((element) => /^(tree)?grid$/.test(element.getAttribute('role') ?? '')).length,
      elements: elements.length,
      rows: elements.filter((element) => element.getAttribute('role') === 'row').length,
      strange: strange.map((element) => element.outerHTML.slice(0, 200)),
      scripts: document.scripts.length,
      tricked: marker in window,
    };
  }, MARKER);
}

async function expectOnlyText(panel: PanelPage): Promise<void> {
  const found = await outline(panel.page);
  expect(found.strange).toEqual([]);
  expect(found.tricked).toBe(false);
  expect(found.elements).toBeLessThan(MOST_ELEMENTS);
  expect(found.rows).toBeLessThan(400);
  expect(await panel.problems()).toEqual([]);
}
