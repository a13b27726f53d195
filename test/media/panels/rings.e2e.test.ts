// The panel of PV rings in a browser, with the rings of a real machine.

import { afterAll, expect, test } from 'vitest';
import type { ToHost } from '../../../media/messages.ts';
import { closeBrowser, openPanel, type PanelPage } from './harness.ts';
import { ringAnswers } from './rings.answers.ts';
import { THEME_NAMES } from './themes.ts';

afterAll(closeBrowser);

const lost = await ringAnswers('disk', 'trouble notify', 'trouble notify');
const SIZE = { width: 1300, height: 900 };

const row = (panel: PanelPage, text: string | RegExp) =>
  panel.page.getByRole('row').filter({ hasText: text });
const exported = (panel: PanelPage): (ToHost & { type: 'export' })[] =>
  panel.sent.filter((message) => message.type === 'export');

test.each(THEME_NAMES)('in %s: nothing is refused, and no serious finding', async (theme) => {
  const panel = await openPanel('rings', { ...lost, ...SIZE, theme });
  await panel.page.getByText('notification that the backend asked for has not been sent').first().waitFor();
  await panel.page.getByRole('option', { name: 'Slot 16, request waiting' }).click();
  await row(panel, 'console').first().click();
  await panel.page.getByRole('heading', { name: 'Inside console' }).waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('a stuck ring is shown first, and a slot of it decoded with a way to its memory and its grant', async () => {
  const panel = await openPanel('rings', { ...lost, ...SIZE });
  await panel.page.getByRole('heading', { name: 'Inside vbd-51712' }).waitFor();
  await panel.page.getByRole('option', { name: 'Slot 16, request waiting: read sector 0' }).click();
  const slot = panel.page.getByRole('region', { name: 'Slot 16' });
  await slot.getByText('seg[0].gref').waitFor();
  await slot.getByRole('button', { name: '0x', exact: false }).first().click();
  expect(panel.sent.at(-1)).toMatchObject({
    type: 'open',
    link: { kind: 'memory', reference: expect.stringMatching(/^d1\/ipa:0x/) as string },
  });
  await slot.getByTitle('Show the grant').click();
  expect(panel.sent.at(-1)).toMatchObject({
    type: 'open',
    link: { kind: 'panel', arguments: { domain: 1 } },
  });
  await panel.close();
});

test('the drawing takes arrow keys, and has a table with the same slots', async () => {
  const panel = await openPanel('rings', { ...lost, ...SIZE });
  const drawing = panel.page.getByRole('listbox', { name: 'Parts of the ring vbd-51712' });
  await drawing.focus();
  await drawing.press('End');
  await panel.page.getByRole('option', { name: 'Slot 31, free', selected: true }).waitFor();
  await drawing.press('ArrowRight');
  await panel.page.getByRole('option', { name: 'Slot 0, free', selected: true }).waitFor();
  expect(await drawing.getByRole('option').count()).toBe(32);
  await panel.page.getByRole('button', { name: 'Table' }).click();
  const table = panel.page.getByRole('grid', { name: 'Slots of vbd-51712' });
  await table.getByRole('row').filter({ hasText: 'free' }).first().click();
  for (let slot = 0; slot < 16; slot++) await panel.page.keyboard.press('ArrowDown');
  await panel.page.getByRole('region', { name: 'Slot 16' }).waitFor();
  await panel.close();
});

test('the history is filtered, and exported whole as JSON, CSV and text', async () => {
  const panel = await openPanel('rings', { ...lost, ...SIZE });
  const history = panel.page.getByRole('grid', { name: 'History' });
  await history.getByText('read sectors 1984..1991').waitFor();
  await panel.page.getByRole('searchbox').fill('write: okay');
  await history.getByText('write: okay').first().waitFor();
  expect(await history.getByText('read sectors').count()).toBe(0);
  for (const format of ['As JSON', 'As CSV', 'As text']) {
    await panel.page.getByRole('button', { name: 'Export' }).click();
    await panel.page.getByRole('menuitem', { name: format }).click();
  }
  await expect.poll(() => exported(panel).length).toBe(3);
  const [json, csv, text] = exported(panel);
  expect(json?.name).toBe('vbd-51712.json');
  const messages = JSON.parse(json?.text ?? '') as { summary: string }[];
  expect(messages).toHaveLength(32);
  expect(messages[0]?.summary).toBe('write sectors 1984..1991');
  expect(csv?.text.trimEnd().split('\r\n')).toHaveLength(33);
  expect(text?.text).toMatch(
    /d1 vbd-51712 #1 frontend request: write sectors 1984\.\.1991 \([\d.]+ µs\)\n {4}operation: 1 \(write\)\n/,
  );
  await panel.close();
});

test('the choice of ring and slot survives hiding', async () => {
  const panel = await openPanel('rings', { ...lost, ...SIZE });
  await row(panel, 'xenstore').first().click();
  await panel.page.getByRole('heading', { name: 'Inside xenstore' }).waitFor();
  const kept = await panel.kept();
  await panel.close();
  const again = await openPanel('rings', { ...lost, ...SIZE, kept });
  await again.page.getByRole('heading', { name: 'Inside xenstore' }).waitFor();
  await again.close();
});

test('a domain without rings is told what to do', async () => {
  const panel = await openPanel('rings', {
    ...SIZE,
    answers: { 'xen/rings': { rings: [], isIncomplete: false } },
  });
  await panel.page.getByText('No ring is connected').waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('what a guest wrote is text', async () => {
  const evil = '<img src=x onerror=alert(1)>"\'\u202e';
  const replaced = JSON.parse(
    JSON.stringify(await views())
      .replaceAll('Domain-0', JSON.stringify(evil).slice(1, -1))
      .replaceAll('read: okay', JSON.stringify(evil).slice(1, -1)),
  ) as Record<string, unknown>;
  const panel = await openPanel('rings', { ...lost, ...SIZE, answers: replaced });
  await panel.page.getByText('<img src=x').first().waitFor();
  expect(await panel.page.locator('img').count()).toBe(0);
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

/** The answers for the disk's ring, as data. */
async function views(): Promise<Record<string, unknown>> {
  const args: Readonly<Record<string, object>> = {
    'xen/rings': { domain: 1 },
    'xen/ringSlots': { domain: 1, ring: 'vbd-51712' },
    'xen/ringHistory': { domain: 1 },
  };
  const { answers } = await ringAnswers('disk');
  return Object.fromEntries(
    Object.entries(answers ?? {}).map(([name, answer]) => [
      name,
      (answer as (given: object) => unknown)(args[name] ?? {}),
    ]),
  );
}
