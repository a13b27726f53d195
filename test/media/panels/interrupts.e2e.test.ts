// The panel of interrupts in a browser, with what a real machine and a hostile one say.

import { afterAll, expect } from 'vitest';
import type { Inspections } from '../../../debug-adapter/protocol.ts';
import { chromiumPath } from '../../extension/host/browser.ts';
import { external, testWith } from '../../tools/external.ts';
import { closeBrowser, openPanel, type PanelPage } from './harness.ts';
import canned from './interrupts.answers.ts';

type Gic = Inspections['gic']['view'];
type Trace = Inspections['gicTrace']['view'];

const chromium = await external('Chromium', chromiumPath);
afterAll(closeBrowser);

const gic = (args: Record<string, unknown> = {}): Gic => canned.answers['xen/gic'](args);
const trace = (): Trace => canned.answers['xen/gicTrace']({}) as Trace;

const open = (options: Parameters<typeof openPanel>[1] = {}): Promise<PanelPage> =>
  openPanel('interrupts', { ...canned, width: 1300, height: 900, ...options });

const table = (panel: PanelPage, name: string) => panel.page.getByRole('grid', { name, exact: true });
const row = (panel: PanelPage, intid: number) =>
  table(panel, 'Interrupts')
    .getByRole('row')
    .filter({ has: panel.page.getByRole('rowheader', { name: String(intid), exact: true }) });

const choose = (panel: PanelPage, name: string): Promise<void> =>
  panel.page.getByRole('group', { name: 'INTIDs' }).getByRole('button', { name, exact: true }).click();

const queries = (panel: PanelPage): Record<string, unknown>[] =>
  panel.sent.flatMap((message) =>
    message.type === 'query' && message.request === 'xen/gic' ? [message.arguments] : [],
  );

testWith([chromium], 'what is pending stands on top, with the reason that the machine gives', async () => {
  const panel = await open();
  const list = panel.page.getByRole('list', { name: 'Pending interrupts, and why they are not taken' });
  await list.waitFor();
  const shown = await list.getByRole('listitem').allInnerTexts();
  expect(shown.map((text) => text.replace(/^\W*/, ''))).toEqual(
    gic().pending.map(({ intid, name, why }) =>
      name === undefined ? `INTID ${intid}: ${why}` : `INTID ${intid} (${name}): ${why}`,
    ),
  );
  expect(shown.length).toBeGreaterThan(5);
  await panel.close();
});

testWith(
  [chromium],
  'each choice shows the interrupts of that state; all of them are asked for',
  async () => {
    const panel = await open();
    await row(panel, 27).waitFor();
    const count = (): Promise<number> => table(panel, 'Interrupts').getByRole('row').count();
    for (const [button, pick] of [
      ['Enabled', ({ enabled }: Gic['interrupts'][number]) => enabled],
      ['Pending', ({ pending }: Gic['interrupts'][number]) => pending],
      ['Active', ({ active }: Gic['interrupts'][number]) => active],
    ] as const) {
      await choose(panel, button);
      await expect.poll(count).toBe(1 + gic().interrupts.filter(pick).length);
    }
    await choose(panel, 'All');
    await expect.poll(() => queries(panel).at(-1)).toMatchObject({ all: true, physical: false });
    await row(panel, 16).waitFor();
    expect(await panel.kept()).toMatchObject({ panel: { show: 'all' } });
    await panel.close();
  },
);

testWith([chromium], "the machine's own controller is one button away", async () => {
  const panel = await open();
  await row(panel, 27).waitFor();
  await panel.page.getByRole('button', { name: 'Machine' }).click();
  await panel.page.getByRole('heading', { name: 'GICv3 of the machine, CPU 0' }).waitFor();
  await row(panel, 33).getByText('pl011@9000000').waitFor();
  expect(queries(panel).at(-1)).toMatchObject({ physical: true });
  await panel.close();
});

testWith(
  [chromium],
  'a row shows everything about its interrupt; the list registers stand beside',
  async () => {
    const panel = await open();
    await row(panel, 31).click();
    await panel.page.getByRole('heading', { name: 'INTID 31 · Xen event channel' }).waitFor();
    await panel.page.locator('xs-details').first().getByText('/hypervisor').waitFor();
    const registers = await table(panel, 'List registers').getByRole('row').allInnerTexts();
    expect(registers).toHaveLength(5);
    gic().listRegisters?.forEach(({ raw, state }, index) => {
      expect(registers[index + 1]).toContain(raw);
      expect(registers[index + 1]).toContain(state);
    });
    await panel.close();
  },
);

testWith([chromium], 'the pulse has a bar for each stretch with interrupts, and a table', async () => {
  const panel = await open();
  await panel.page.locator('svg.pulse').waitFor();
  const { series } = trace().pulse;
  expect(series.length).toBeGreaterThan(1);
  const bars = series.flatMap(({ counts }) => counts.filter((count) => count > 0));
  expect(await panel.page.locator('svg.pulse .bar').count()).toBe(bars.length);
  await panel.page.getByRole('button', { name: 'Table' }).click();
  const counts = trace().counts[0];
  await table(panel, 'Counts')
    .getByText(counts?.name ?? '')
    .waitFor();
  await table(panel, 'The last interrupts').getByText(String(trace().injections[0]?.instructions)).waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

testWith([chromium], 'what changed since the last stop is marked; another vCPU is no change', async () => {
  const panel = await open();
  await row(panel, 27).waitFor();
  const view = structuredClone(gic());
  Object.assign(view.interrupts.find(({ intid }) => intid === 27) ?? {}, { count: 4711, priority: '0x10' });
  await panel.tell({ answers: { 'xen/gic': view }, session: { phase: 'stopped' } });
  await row(panel, 27).locator('.changed').getByText('4711').waitFor();
  expect(await row(panel, 27).locator('.changed').allInnerTexts()).toEqual([
    expect.stringMatching(/^4711\b/),
    expect.stringMatching(/^0x10\b/),
  ]);
  const other = { ...view, title: 'vGICv3 of another vCPU' };
  await panel.tell({ answers: { 'xen/gic': other }, session: { phase: 'stopped' } });
  await panel.page.getByRole('heading', { name: other.title }).waitFor();
  expect(await table(panel, 'Interrupts').locator('.changed').count()).toBe(0);
  await panel.close();
});

testWith([chromium], 'nothing pending is said, and so is how a bare machine records', async () => {
  const note = 'On a bare machine an interrupt is recorded otherwise.';
  const panel = await open({
    answers: {
      ...canned.answers,
      'xen/gic': { ...gic(), pending: [] },
      'xen/gicTrace': { ...trace(), note },
    },
  });
  await panel.page.getByText('No interrupt is pending.').waitFor();
  await panel.page.getByText(note).waitFor();
  await panel.close();
});

testWith(
  [chromium],
  'hostile state is text: markup, absurd numbers, a thousand pending interrupts',
  async () => {
    const markup = '<img src=x onerror="window.owned=1"><b>bold</b>';
    const [first] = gic().interrupts;
    const interrupts = Array.from({ length: 1020 }, (_, intid) => ({
      ...first,
      intid,
      name: markup,
      node: markup,
      count: Number.MAX_SAFE_INTEGER,
      lastNanoseconds: Number.MAX_SAFE_INTEGER,
    }));
    const pending = interrupts.map(({ intid }) => ({
      intid,
      name: markup,
      vcpu: 7,
      obstacle: 'masked',
      why: markup,
    }));
    const series = [{ name: markup.repeat(50), counts: [Number.MAX_SAFE_INTEGER, 0, 1] }];
    const panel = await open({
      answers: {
        ...canned.answers,
        'xen/gic': { ...gic(), interrupts, pending, title: markup, summary: markup },
        'xen/gicTrace': { ...trace(), pulse: { startNanoseconds: 0, bucketNanoseconds: 1, series } },
      },
    });
    await panel.page.getByText('990 more are in the table').waitFor();
    await row(panel, 0).click();
    await panel.page.getByRole('heading', { name: `INTID 0 · ${markup}` }).waitFor();
    expect(await panel.page.evaluate(() => 'owned' in window)).toBe(false);
    expect(await panel.page.locator('img').count()).toBe(0);
    expect(await panel.problems()).toEqual([]);
    await panel.close();
  },
);
