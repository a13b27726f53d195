// Every panel, with its canned answers, in every theme: no serious finding of the accessibility checker, nothing
// that the content security policy refused, no request elsewhere. Pictures are left in dist/screenshots/panels.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { PANELS } from '../../../extension/panels/panels.ts';
import { chromiumPath } from '../../extension/host/browser.ts';
import { external, testWith } from '../../tools/external.ts';
import { type PanelOptions, type PanelPage, closeBrowser, openPanel } from './harness.ts';
import { THEME_NAMES } from './themes.ts';

const chromium = await external('Chromium', chromiumPath);
afterAll(closeBrowser);

const answersOf = (id: string): string => join(import.meta.dirname, `${id}.answers.ts`);

test('every panel has canned answers to be looked at with', () => {
  expect(PANELS.length).toBeGreaterThan(0);
  expect(PANELS.filter(({ id }) => !existsSync(answersOf(id))).map(({ id }) => id)).toEqual([]);
});

for (const { id, requests } of PANELS.filter((row) => existsSync(answersOf(row.id)))) {
  testWith([chromium], `${id}: every theme, high contrast ones too`, async () => {
    const canned = ((await import(pathToFileURL(answersOf(id)).href)) as { default: PanelOptions }).default;
    for (const theme of THEME_NAMES) {
      await withPanel(id, { ...canned, theme }, async (panel) => {
        await panel.page.locator('main').locator('xs-table, svg, canvas').first().waitFor();
        await panel.screenshot();
      });
    }
  });

  testWith([chromium], `${id}: narrow, and enlarged twice`, async () => {
    const canned = ((await import(pathToFileURL(answersOf(id)).href)) as { default: PanelOptions }).default;
    await withPanel(id, { ...canned, width: 500, height: 400 }, async (panel) => {
      await panel.page.locator('main').locator('xs-table, svg, canvas').first().waitFor();
    });
  });

  testWith([chromium], `${id}: without a session it says what to do`, async () => {
    await withPanel(id, { session: { phase: 'none', domains: [] } }, async (panel) => {
      await panel.page.getByRole('button', { name: 'Debug the Bundled Guest' }).waitFor();
      expect(panel.sent.filter(({ type }) => type === 'query')).toEqual([]);
    });
  });

  testWith([chromium], `${id}: an error is the adapter's sentence`, async () => {
    await withPanel(id, { answers: refusals(requests) }, async (panel) => {
      await panel.page.getByText('this is a bare machine').first().waitFor();
    });
  });
}

const refusals = (requests: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(requests.map((request) => [request, refuse]));

function refuse(): never {
  throw new Error('this is a bare machine, without a hypervisor of ours');
}

async function withPanel(
  id: string,
  options: PanelOptions,
  body: (panel: PanelPage) => Promise<void>,
): Promise<void> {
  const panel = await openPanel(id, options);
  try {
    await body(panel);
    expect(await panel.problems(), `${id} ${options.theme ?? ''}`).toEqual([]);
  } finally {
    await panel.close();
  }
}
