// What every panel does, looked at with one that uses everything.

import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { external, testWith } from '../../tools/external.ts';
import { chromiumPath } from '../../extension/host/browser.ts';
import { type PanelOptions, type PanelPage, closeBrowser, openPanel } from './harness.ts';
import { THEME_NAMES } from './themes.ts';

const chromium = await external('Chromium', chromiumPath);
afterAll(closeBrowser);

const row = (port: number, peer = 'd0', below?: readonly object[]) => ({
  port,
  peer,
  address: `0x${(0x40000000 + port * 0x1000).toString(16)}`,
  ...(below && { below }),
});
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i));
const view = (...list: readonly object[]) => ({ 'xen/example': { rows: list } });

function example(options: PanelOptions): Promise<PanelPage> {
  return openPanel('example', { ...options, source: join(import.meta.dirname, 'example-panel.ts') });
}

function story(title: string, options: PanelOptions, body: (panel: PanelPage) => Promise<void>): void {
  testWith([chromium], title, async () => {
    const panel = await example(options);
    try {
      await body(panel);
      expect(await panel.problems()).toEqual([]);
    } finally {
      await panel.close();
    }
  });
}

const texts = (panel: PanelPage, selector: string): Promise<string[]> =>
  panel.page.locator(selector).allInnerTexts();
const sent = (panel: PanelPage, type: string) => panel.sent.filter((message) => message.type === type);

for (const theme of THEME_NAMES) {
  story(
    `the theme ${theme} has no serious finding`,
    { theme, answers: view(row(1), row(2)) },
    async (panel) => {
      await panel.page.getByRole('row', { name: 'd0' }).first().click();
      await panel.tell({ answers: view(row(1, 'd2'), row(2), row(3)), session: { phase: 'stopped' } });
      await panel.page.locator('.changed').first().waitFor();
      await panel.screenshot();
    },
  );
}

story(
  'of a hundred thousand rows only those in sight are in the page',
  { answers: view(...rows(100_000)) },
  async (panel) => {
    const grid = panel.page.getByRole('treegrid');
    await grid.getByText('0x40001000').waitFor();
    expect(await grid.getAttribute('aria-rowcount')).toBe('100001');
    expect(await grid.getByRole('row').count()).toBeLessThan(60);
    await grid.focus();
    await panel.page.keyboard.press('End');
    await grid.getByText(row(99_999).address).waitFor();
    expect(await grid.getByRole('row').count()).toBeLessThan(60);
  },
);

const TREE = { answers: view(row(1, 'root', [row(11, 'leaf'), row(12, 'leaf')]), row(2)) };

story('the keyboard moves, unfolds, opens links and the menu', TREE, async (panel) => {
  const { page } = panel;
  const { keyboard } = page;
  const active = () =>
    page.getByRole('treegrid').evaluate((grid) => {
      const id = grid.getAttribute('aria-activedescendant');
      return (grid.getRootNode() as ShadowRoot)
        .getElementById(id ?? '')
        ?.textContent?.replaceAll(/\s+/g, ' ')
        .trim();
    });
  await page.getByRole('treegrid').focus();
  await keyboard.press('ArrowRight');
  await page.getByRole('row', { name: '11' }).waitFor();
  await keyboard.press('ArrowDown');
  await expect.poll(active).toContain('11');
  await keyboard.press('ArrowLeft');
  await expect.poll(active).toContain('root');
  await keyboard.press('End');
  await keyboard.press('ArrowRight');
  await keyboard.press('ArrowRight');
  await keyboard.press('ArrowRight');
  await expect
    .poll(() => page.getByRole('treegrid').getAttribute('aria-activedescendant'))
    .toMatch(/^cell-\d+-2$/);
  await keyboard.press('Enter');
  expect(sent(panel, 'open')).toEqual([
    { type: 'open', link: { kind: 'memory', reference: 'd1/ipa:0x40002000' } },
  ]);
  await keyboard.press('ContextMenu');
  await page.getByRole('menuitem', { name: 'Send 2' }).waitFor();
  expect(await panel.problems()).toEqual([]);
  await keyboard.press('Enter');
  await page.getByText('sent 2').waitFor();
  // The focus is where it was.
  await keyboard.press('Control+C');
  await expect.poll(() => sent(panel, 'copy')).toEqual([{ type: 'copy', text: '2\td0\t0x40002000\n' }]);
  await keyboard.press('Control+Shift+C');
  await expect.poll(() => sent(panel, 'copy').length).toBe(2);
});

story('heads sort, and say so', { answers: view(row(2), row(10), row(1)) }, async (panel) => {
  const first = () => texts(panel, '.body .row .cell:first-child');
  const head = panel.page.getByRole('columnheader', { name: 'Port' });
  await expect.poll(first).toEqual(['2', '10', '1']);
  await head.getByRole('button').click();
  await expect.poll(first).toEqual(['1', '2', '10']);
  expect(await head.getAttribute('aria-sort')).toBe('ascending');
  await head.getByRole('button').click();
  await expect.poll(first).toEqual(['10', '2', '1']);
  await head.getByRole('button').click();
  await expect.poll(first).toEqual(['2', '10', '1']);
});

story(
  'what differs from the last stop is marked, for eyes and for screen readers',
  { answers: view(row(1), row(2)) },
  async (panel) => {
    await panel.page.getByText('0x40001000').waitFor();
    await panel.tell({ answers: view(row(1, 'd7'), row(2), row(3)), session: { phase: 'stopped' } });
    await panel.page.getByText('d7').waitFor();
    expect(await texts(panel, '.cell.changed')).toEqual(['d7\n(changed)', '3\n(new)', 'd0\n(new)', '(new)']);
    expect(await texts(panel, 'xs-details .changed')).toEqual(['3 (was 2)']);
    await panel.tell({ session: { phase: 'stopped' } });
    await expect.poll(() => texts(panel, '.cell.changed')).toEqual([]);
  },
);

story(
  'the machine runs: changes are asked for, one at a time',
  { answers: view(row(1)), session: { phase: 'running' } },
  async (panel) => {
    await panel.page.getByText('Running').first().waitFor();
    await panel.tell({ answers: view(row(1), row(5)), changed: ['example'] });
    await panel.page.getByText('0x40005000').waitFor();
    const asked = sent(panel, 'query').length;
    await panel.tell({ changed: ['other'] });
    await panel.tell({ session: { phase: 'stopped' }, changed: ['other'] });
    await panel.page.getByText('Stopped').first().waitFor();
    expect(sent(panel, 'query').length).toBe(asked);
  },
);

story(
  'without a session the panel says what to do',
  { session: { phase: 'none', domains: [] } },
  async (panel) => {
    await panel.page.getByRole('button', { name: 'Debug the Bundled Guest' }).click();
    expect(sent(panel, 'command')).toEqual([{ type: 'command', command: 'xenscope.debugBundledGuest' }]);
    expect(sent(panel, 'query')).toEqual([]);
  },
);

story('what was seen last stays when the session ends', { answers: view(row(1)) }, async (panel) => {
  await panel.page.getByText('0x40001000').waitFor();
  await panel.tell({ session: { phase: 'ended' } });
  await panel.page.getByText('Session ended; shown as it was last').first().waitFor();
  expect(await panel.page.getByText('0x40001000').isVisible()).toBe(true);
});

story(
  "an error is the adapter's sentence, with a way to try again",
  {
    answers: {
      'xen/example': () => {
        throw new Error('there is no domain 1');
      },
    },
  },
  async (panel) => {
    await panel.page.getByText('there is no domain 1').waitFor();
    await panel.tell({ answers: view(row(4)) });
    await panel.page.getByRole('button', { name: 'Try again' }).click();
    await panel.page.getByText('0x40004000').waitFor();
  },
);

story('the panel follows the focus until it is pinned', { answers: view(row(1)) }, async (panel) => {
  const asked = () => sent(panel, 'query').at(-1);
  const domain = panel.page.getByLabel('Domain');
  await domain.waitFor();
  await panel.tell({ session: { focus: { domain: 1, vcpu: 1 } } });
  await expect.poll(asked).toMatchObject({ arguments: { domain: 1, vcpu: 1 } });
  await domain.selectOption('d0 Domain-0');
  await expect.poll(asked).toMatchObject({ arguments: { domain: 0 } });
  expect(sent(panel, 'pin')).toEqual([{ type: 'pin', pin: { domain: 0 } }]);
  await panel.tell({ session: { focus: { domain: 1, vcpu: 0 } } });
  expect(asked()).toMatchObject({ arguments: { domain: 0 } });
  await domain.selectOption({ index: 0 });
  await expect.poll(asked).toMatchObject({ arguments: { domain: 1, vcpu: 0 } });
});

testWith([chromium], 'filter, pin, order, cursor and unfolded rows outlive the page', async () => {
  const panel = await example(TREE);
  await panel.page.getByRole('treegrid').focus();
  await panel.page.keyboard.press('ArrowRight');
  await panel.page.getByLabel('Domain').selectOption('d1 hello');
  await panel.page.keyboard.press('/');
  await panel.page.keyboard.type('root');
  await panel.page.getByRole('button', { name: 'Table' }).click();
  await panel.page.getByRole('columnheader', { name: 'Peer' }).getByRole('button').click();
  await expect.poll(async () => JSON.stringify(await panel.kept())).toContain('"sort"');
  const kept = await panel.kept();
  await panel.close();

  const again = await example({ ...TREE, kept });
  await again.page.getByRole('row', { name: '12' }).waitFor();
  expect(await again.page.getByLabel('Filter').inputValue()).toBe('root');
  expect(await again.page.getByLabel('Domain').locator('option:checked').innerText()).toBe('d1 hello');
  await again.page.getByText('one square').waitFor();
  expect(await again.page.getByRole('columnheader', { name: 'Peer' }).getAttribute('aria-sort')).toBe(
    'ascending',
  );
  await again.close();
});

story(
  'links, arguments, confirmations and texts go through the extension',
  { answers: view(row(1)), arguments: { what: 'port 1' }, inputs: ['typed'] },
  async (panel) => {
    const { page } = panel;
    await page.getByText('port 1').waitFor();
    await panel.show({ what: 'port 2' });
    await page.getByText('port 2').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect
      .poll(() => sent(panel, 'action'))
      .toMatchObject([{ request: 'xen/act', confirm: { message: 'Pause d1?', button: 'Pause' } }]);
    await page.getByText('0x40001000').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Ask', exact: true }).click();
    await page.getByText('typed').waitFor();
  },
);

story(
  'what a guest wrote is text',
  { answers: view(row(1, '<img src=x onerror=alert(1)>')) },
  async (panel) => {
    await panel.page.getByText('<img src=x onerror=alert(1)>').first().waitFor();
    expect(await panel.page.locator('img').count()).toBe(0);
  },
);

story(
  "texts are in the user's language",
  { answers: view(row(1)), texts: { Port: 'Anschluss', 'Filter (/)': 'Filtern (/)' } },
  async (panel) => {
    await panel.page.getByRole('columnheader', { name: 'Anschluss' }).waitFor();
    expect(await panel.page.getByPlaceholder('Filtern (/)').count()).toBe(1);
  },
);

story(
  'nothing moves for those who asked for that',
  { answers: view(row(1)), reducedMotion: true },
  async (panel) => {
    await panel.page.getByText('0x40001000').waitFor();
    await panel.tell({ answers: view(row(1, 'd9')), session: { phase: 'stopped' } });
    const cell = panel.page.locator('.cell.flash, .cell.flash-again');
    await cell.waitFor();
    expect(await cell.evaluate((element) => getComputedStyle(element).animationName)).toBe('none');
  },
);
