// The memory panel in a browser, with the memory of a real machine.

import { afterAll, expect, test } from 'vitest';
import type { ToHost } from '../../../media/messages.ts';
import { closeBrowser, openPanel, type PanelPage } from './harness.ts';
import canned from './memory.answers.ts';
import { THEME_NAMES } from './themes.ts';

afterAll(closeBrowser);

type Answer = (args: object) => Record<string, unknown>;
const answer = (name: keyof typeof canned.answers, args: object = {}): Record<string, unknown> =>
  (canned.answers[name] as Answer)(args);

const open = (tab = 'ipa', more: object = {}): Promise<PanelPage> =>
  openPanel('memory', { ...canned, width: 1300, height: 900, kept: { panel: { tab, ...more } } });

const strip = (panel: PanelPage) => panel.page.locator('xs-strip .strip');
const told = (panel: PanelPage) => panel.page.locator('xs-strip .told');
const crumbs = (panel: PanelPage) => panel.page.locator('.crumbs');
const queries = (panel: PanelPage, request: string): ToHost[] =>
  panel.sent.filter((message) => message.type === 'query' && message.request === request);

test.each(THEME_NAMES)('in %s: nothing is refused, and no serious finding, in any tab', async (theme) => {
  const panel = await openPanel('memory', { ...canned, theme, width: 1300, height: 900 });
  for (const tab of ['Guest physical (IPA)', 'Machine (PA)', 'Kernel (TTBR1)', 'Process (TTBR0)']) {
    await panel.page.getByRole('tab', { name: tab }).click();
    await panel.page.locator('xs-table').waitFor();
    expect(await panel.problems()).toEqual([]);
  }
  await panel.page.getByRole('searchbox', { name: 'Search' }).fill('0x40008000');
  await panel.page.keyboard.press('Enter');
  await panel.page.getByRole('region', { name: 'Found' }).waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('the strip and the table show the same ranges, and select each other', async () => {
  const panel = await open();
  await panel.page.getByRole('row').filter({ hasText: 'xenstore ring' }).click();
  expect(await told(panel).textContent()).toContain('0x39001000 – 0x39001fff (4 KiB): xenstore ring');
  await strip(panel).focus();
  await panel.page.keyboard.press('ArrowRight');
  expect(await told(panel).textContent()).toContain('memory access ring');
  await panel.page.locator('xs-table .row.active').filter({ hasText: 'memory access ring' }).waitFor();
  await panel.close();
});

test('keys, wheel and buttons zoom from a tebibyte to a page and back', async () => {
  const panel = await open('ipa', { compressed: false, selected: { ipa: '0x39001000' } });
  await strip(panel).focus();
  await panel.page.keyboard.press('Enter');
  await crumbs(panel).getByText('0x39000e00 – 0x390021ff').waitFor();
  for (let i = 0; i < 40; i++) await panel.page.keyboard.press('+');
  await crumbs(panel).getByText('(4 KiB)').first().waitFor();
  await panel.page.keyboard.press('Home');
  expect((await crumbs(panel).textContent())?.trim()).toBe('1 TiB');
  await strip(panel).hover({ position: { x: 300, y: 40 } });
  await panel.page.mouse.wheel(0, -100);
  await crumbs(panel).getByText('(819.2 GiB)').waitFor();
  await panel.page.getByRole('button', { name: 'Show all' }).click();
  expect((await crumbs(panel).textContent())?.trim()).toBe('1 TiB');
  await panel.close();
});

test('the pointer says what is under it, and dragging moves', async () => {
  const panel = await open('ipa', {
    compressed: false,
    zooms: { ipa: { from: 0x4000_0000, to: 0x4100_0000 } },
  });
  await strip(panel).hover({ position: { x: 900, y: 40 } });
  expect(await told(panel).textContent()).toMatch(
    /0x40200000 – 0x40ffffff \(14 MiB\): RAM, PA 0x\w+, rwx, 2 MiB block/,
  );
  const before = await crumbs(panel).textContent();
  await panel.page.mouse.down();
  await panel.page.mouse.move(600, 200, { steps: 4 });
  await panel.page.mouse.up();
  expect(await crumbs(panel).textContent()).not.toBe(before);
  await panel.close();
});

test('a symbol is resolved, its walk is opened, and the maps are zoomed to it', async () => {
  const panel = await open();
  await panel.page.getByRole('searchbox', { name: 'Search' }).fill('main');
  await panel.page.keyboard.press('Enter');
  await panel.page.getByRole('region', { name: 'Found' }).getByText('VA 0x40010000').waitFor();
  expect(queries(panel, 'xen/resolve')).toMatchObject([{ arguments: { domain: 1, text: 'main' } }]);
  await panel.page.getByRole('tab', { name: 'Walk', selected: true }).waitFor();
  await panel.page.locator('.walk').waitFor();
  await panel.close();
});

test('a walk shows each level with its fields, marks where it ends, and leads to memory', async () => {
  const panel = await open('walk', { walk: { space: 'va', address: '0x1000', access: 'write' } });
  await panel.page.locator('.step.failed').getByText('The walk ends here.').waitFor();
  await panel.page.getByText('nothing is mapped in the', { exact: false }).first().waitFor();
  await panel.page.locator('.step').first().locator('xs-address').first().click();
  expect(panel.sent.at(-1)).toMatchObject({
    type: 'open',
    link: { kind: 'memory', reference: /^d1\/ipa:0x/ },
  });
  await panel.page.locator('.walks select').first().selectOption('ipa');
  await panel.page.getByLabel('Address', { exact: true }).fill('0x3001000');
  await panel.page.getByRole('button', { name: 'Walk', exact: true }).click();
  await panel.page.getByText('Xen emulates the GIC distributor').waitFor();
  await panel.page.getByLabel('Address', { exact: true }).fill('0x40008123');
  await panel.page.keyboard.press('Enter');
  await panel.page.getByRole('heading', { name: 'Result' }).waitFor();
  await panel.page.locator('.fields').getByText('S2AP').waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('what changed since the last stop is marked and listed', async () => {
  const panel = await open();
  await panel.page.locator('xs-table').waitFor();
  const view = structuredClone(answer('xen/memoryMap')) as { ranges: Record<string, unknown>[] };
  const at = view.ranges.findIndex(({ name }) => name === 'xenstore ring');
  view.ranges[at] = { ...view.ranges[at], permissions: 'r--', writeProtected: true };
  const gone = view.ranges.findIndex(({ name }) => name === 'memory access ring');
  view.ranges.splice(gone, 1);
  await panel.tell({ answers: { 'xen/memoryMap': view }, session: { phase: 'stopped' } });
  await panel.page.getByText('2 changes since the last stop').waitFor();
  await panel.page.locator('.changes [data-change=removed]').getByText('0x39002000').waitFor();
  await panel.page.locator('.changes [data-change=changed]').getByText('0x39001000').waitFor();
  await panel.page.getByText('was rwx; is r--').waitFor();
  await panel.page
    .locator('xs-table .row')
    .filter({ hasText: 'xenstore ring' })
    .locator('.changed')
    .first()
    .waitFor();
  expect(await panel.page.locator('xs-strip .mark').count()).toBe(1);
  await panel.close();
});

test('a descriptor that changed is marked with what it was', async () => {
  const walk = { space: 'va', address: '0x400000', access: 'read', el: 0 };
  const panel = await open('walk', { walk });
  await panel.page.locator('.walk').waitFor();
  const view = structuredClone(answer('xen/walk', { address: '0x400000', access: 'read', el: 0 })) as {
    stages: { steps: { value?: string; fields: { name: string; value: string }[] }[] }[];
  };
  const step = view.stages[0]?.steps.at(-1);
  const field = step?.fields.find(({ name }) => name === 'AP');
  if (!step || !field) throw new Error('the last descriptor of stage 1 has AP');
  const was = step.value ?? '';
  step.value = '0x0000000000000000';
  field.value = '0x0';
  await panel.tell({ answers: { 'xen/walk': view }, session: { phase: 'stopped' } });
  await panel.page.getByText(`(was ${was})`).waitFor();
  await panel.page.locator('tr.changed').filter({ hasText: 'AP' }).waitFor();
  await panel.close();
});

test('text from a hostile guest stays text, and a thousand ranges stay quick', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  const ranges = Array.from({ length: 1000 }, (_, n) => ({
    ipa: `0x${(n * 8192).toString(16)}`,
    size: '0x1000',
    pages: 1,
    kind: n % 2 === 0 ? 'ram' : 'no such kind',
    name: evil,
    reference: `d1/ipa:0x${(n * 8192).toString(16)}`,
  }));
  const view = {
    ...answer('xen/memoryMap'),
    ranges,
    truncated: 'There are 70000 ranges; the first 1000 are shown.',
  };
  const panel = await openPanel('memory', {
    ...canned,
    answers: { ...canned.answers, 'xen/memoryMap': view },
  });
  await panel.page.getByText('the first 1000 are shown').waitFor();
  await panel.page.locator('xs-table').getByText(evil).first().waitFor();
  expect(await panel.page.locator('img').count()).toBe(0);
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('of a map with too many ranges the part that is looked at is asked for', async () => {
  const whole = { ...answer('xen/memoryMap'), truncated: 'There are 70000 ranges.' };
  const map = (args: { from?: string }): unknown =>
    args.from === undefined ? whole : answer('xen/memoryMap', args);
  const panel = await openPanel('memory', {
    ...canned,
    answers: { ...canned.answers, 'xen/memoryMap': map },
    kept: { panel: { tab: 'ipa', zooms: { ipa: { from: 0x4000_0000, to: 0x4003_0000 } } } },
  });
  await panel.page.locator('xs-table .row').filter({ hasText: 'shared info' }).waitFor();
  await panel.page.getByText('There are 70000 ranges.').waitFor({ state: 'detached' });
  const asked = queries(panel, 'xen/memoryMap');
  expect(asked.at(-1)).toMatchObject({ arguments: { from: '0x40000000', size: '0x80000' } });
  await panel.close();
});

test('what was searched for is marked in every space', async () => {
  const panel = await open();
  await panel.page.getByRole('searchbox', { name: 'Search' }).fill('0x400000');
  await panel.page.keyboard.press('Enter');
  await panel.page.getByRole('region', { name: 'Found' }).waitFor();
  for (const name of ['Guest physical (IPA)', 'Machine (PA)', 'Process (TTBR0)']) {
    await panel.page.getByRole('tab', { name }).click();
    await panel.page.locator('xs-strip .target').waitFor({ state: 'attached' });
    expect(await crumbs(panel).textContent()).toContain('(256 KiB)');
  }
  await panel.close();
});

test('the choice of tab, scale and place is kept', async () => {
  const panel = await open();
  await panel.page.getByRole('tab', { name: 'Machine (PA)' }).click();
  await panel.page.getByRole('button', { name: 'To scale' }).click();
  expect(await panel.kept()).toMatchObject({ panel: { tab: 'pa', compressed: false } });
  expect(queries(panel, 'xen/walk')).toEqual([]);
  await panel.close();
});
