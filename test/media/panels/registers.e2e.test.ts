// The panel of registers in a browser, with the registers of a real machine.

import { afterAll, expect, test } from 'vitest';
import type { ToHost } from '../../../media/messages.ts';
import { closeBrowser, openPanel, type PanelPage } from './harness.ts';
import canned from './registers.answers.ts';
import { THEME_NAMES } from './themes.ts';

afterAll(closeBrowser);

type View = { groups: { registers: { name: string; value?: string; fields: object[] }[] }[] };
const registersView = canned.answers['xen/registers'] as (args: object) => View;

/** The machine's view with some values replaced. */
function changedView(values: Readonly<Record<string, string>>): View {
  const view = structuredClone(registersView({}));
  for (const register of view.groups.flatMap(({ registers }) => registers)) {
    const value = values[register.name];
    if (value !== undefined) register.value = value;
  }
  return view;
}

const row = (panel: PanelPage, name: string) =>
  panel.page.getByRole('row').filter({ has: panel.page.getByRole('rowheader', { name, exact: true }) });

const actions = (panel: PanelPage): ToHost[] => panel.sent.filter(({ type }) => type === 'action');

test.each(THEME_NAMES)('in %s: nothing is refused, and no serious finding', async (theme) => {
  const panel = await openPanel('registers', { ...canned, theme, width: 1300 });
  await row(panel, 'TCR_EL1').click();
  await panel.page.getByText('S3_0_C2_C0_2').waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('a register unfolds to its fields with their values in words', async () => {
  const panel = await openPanel('registers', { ...canned, width: 1300 });
  await row(panel, 'SCTLR_EL1').click();
  await panel.page.keyboard.press('ArrowRight');
  await row(panel, 'SPAN').getByText('yes').waitFor();
  await panel.page.getByText('A write from EL1 traps to EL2').waitFor();
  await panel.close();
});

test('the filter finds fields by name and by words', async () => {
  const panel = await openPanel('registers', { ...canned, width: 1300 });
  await panel.page.getByRole('searchbox').fill('granule 4 kib');
  await row(panel, 'TG0').first().waitFor();
  expect(await row(panel, 'SCTLR_EL1').count()).toBe(0);
  await panel.page.getByRole('searchbox').fill('no such register');
  await panel.page.getByText('Nothing matches the filter.').waitFor();
  await panel.close();
});

test('a level shows only its registers', async () => {
  const panel = await openPanel('registers', { ...canned, width: 1300 });
  await panel.page.getByRole('button', { name: 'EL2' }).click();
  await panel.page.getByText('Translation, EL2').waitFor();
  expect(await panel.page.getByText('Translation, EL1').count()).toBe(0);
  expect(await panel.kept()).toMatchObject({ panel: { level: '2' } });
  await panel.close();
});

test('what changed since the last stop is marked, and shown alone on request', async () => {
  const panel = await openPanel('registers', { ...canned, width: 1300, height: 1400 });
  await row(panel, 'TCR_EL1').click();
  await panel.page.keyboard.press('ArrowRight');
  await row(panel, 'T0SZ').waitFor();
  const view = changedView({ FAR_EL1: '0x00000000deadbeef' });
  await panel.tell({ answers: { 'xen/registers': view }, session: { phase: 'stopped' } });
  await row(panel, 'FAR_EL1').getByText('(changed)').waitFor({ state: 'attached' });
  expect(await row(panel, 'T0SZ').count(), 'what is unfolded stays so').toBe(1);
  await panel.page.getByRole('button', { name: 'Changed' }).click();
  await row(panel, 'FAR_EL1').waitFor();
  expect(await row(panel, 'TCR_EL1').count()).toBe(0);
  await panel.close();
});

test('a register and a field are written through the adapter', async () => {
  const panel = await openPanel('registers', { ...canned, width: 1300 });
  await row(panel, 'CONTEXTIDR_EL1').dblclick();
  const box = panel.page.getByRole('textbox', { name: 'New value of CONTEXTIDR_EL1' });
  await box.fill('0x1234');
  await panel.page.keyboard.press('Enter');
  await expect.poll(() => actions(panel).length).toBe(1);
  expect(actions(panel)[0]).toMatchObject({
    request: 'xen/setRegister',
    arguments: { domain: 1, vcpu: 0, name: 'CONTEXTIDR_EL1', value: '0x1234' },
  });
  await row(panel, 'SCTLR_EL1').click();
  await panel.page.keyboard.press('ArrowRight');
  await row(panel, 'WXN').click();
  await panel.page.keyboard.press('Enter');
  const field = panel.page.getByRole('textbox', { name: 'New value of WXN' });
  await field.fill('1');
  await panel.page.getByRole('button', { name: 'Write' }).click();
  await expect.poll(() => actions(panel).length).toBe(2);
  expect(actions(panel)[1]).toMatchObject({ arguments: { name: 'SCTLR_EL1', field: 'WXN', value: '1' } });
  await panel.close();
});

test('addresses in registers have the names of their symbols', async () => {
  const panel = await openPanel('registers', {
    ...canned,
    width: 1300,
    height: 1400,
    answers: {
      ...canned.answers,
      'xen/registers': changedView({ FAR_EL1: '0xffff800080010000' }),
      'xen/symbols': ({ addresses }: { addresses: string[] }) => ({
        symbols: addresses.map((address) =>
          address === '0xffff800080010000' ? { name: 'vectors+0x8' } : null,
        ),
      }),
    },
  });
  await row(panel, 'FAR_EL1').getByText('vectors+0x8').waitFor();
  await row(panel, 'FAR_EL1').click({ button: 'right' });
  await panel.page.getByRole('menuitem', { name: 'Show memory' }).click();
  expect(panel.sent.at(-1)).toEqual({
    type: 'open',
    link: { kind: 'memory', reference: 'd1/va@v0:0xffff800080010000' },
  });
  await panel.close();
});

test('a running guest is shown, but not written', async () => {
  const panel = await openPanel('registers', {
    ...canned,
    width: 1300,
    session: { ...canned.session, phase: 'running' },
  });
  await row(panel, 'FAR_EL1').click();
  expect(await panel.page.getByRole('textbox', { name: 'New value of FAR_EL1' }).isDisabled()).toBe(true);
  await panel.page.getByText('Pause the guest to change registers.').waitFor();
  await panel.close();
});

test('hostile values are text', async () => {
  const view = changedView({ FAR_EL1: '<img src=x onerror=alert(1)>', TCR_EL1: '0x'.padEnd(5000, 'f') });
  const panel = await openPanel('registers', {
    ...canned,
    answers: { ...canned.answers, 'xen/registers': view },
  });
  await row(panel, 'FAR_EL1').getByText('<img src=x onerror=alert(1)>').waitFor();
  expect(await panel.page.locator('img').count()).toBe(0);
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});
