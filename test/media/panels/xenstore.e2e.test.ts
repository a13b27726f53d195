import { afterAll, expect } from 'vitest';
import { chromiumPath } from '../../extension/host/browser.ts';
import { external, testWith } from '../../tools/external.ts';
import { type PanelOptions, type PanelPage, closeBrowser, openPanel } from './harness.ts';
import canned, { CONNECTED, WAITING, nodes, storeView } from './xenstore.answers.ts';

const chromium = await external('Chromium', chromiumPath);
afterAll(closeBrowser);

function story(title: string, options: PanelOptions, body: (panel: PanelPage) => Promise<void>): void {
  testWith([chromium], title, async () => {
    const panel = await openPanel('xenstore', { ...canned, kept: undefined, width: 1300, ...options });
    try {
      await body(panel);
      expect(await panel.problems()).toEqual([]);
    } finally {
      await panel.close();
    }
  });
}

const actions = (panel: PanelPage) =>
  panel.sent.flatMap((message) => (message.type === 'action' ? [message] : []));
const node = (panel: PanelPage, name: string) =>
  panel.page.getByRole('treegrid').getByRole('row', { name, exact: false }).first();

async function reveal(panel: PanelPage, path: string): Promise<void> {
  await panel.show({ path });
  await panel.page.getByRole('treegrid').locator('.row.active').waitFor();
}

story('a node is told in words', {}, async (panel) => {
  await node(panel, 'domain').waitFor();
  await reveal(panel, '/local/domain/1/device/vbd/51712/state');
  const details = panel.page.locator('xs-details');
  await details.getByText('d1 owns it; d0 may read; others may nothing').waitFor();
  await details.getByText('d0 with the token blkback').waitFor();
});

story(
  'a node that is asked for before there is anything to see is shown then',
  { arguments: { path: '/local/domain/1/memory/target' } },
  async (panel) => {
    const active = panel.page.getByRole('treegrid').locator('.row.active');
    await active.waitFor();
    expect(await active.innerText()).toContain('target');
  },
);

story('a filter shows the way to what it finds', {}, async (panel) => {
  await node(panel, 'domain').waitFor();
  await panel.page.getByLabel('Filter').fill('target');
  await panel.page.getByText('65536').waitFor();
  expect(await panel.page.getByRole('treegrid').getByRole('row').count()).toBe(7);
});

story('what a guest wrote is text', {}, async (panel) => {
  await reveal(panel, '/local/domain/1/data');
  await panel.page.locator('xs-details').getByText('<b onmouseover=alert(1)>not markup</b>').waitFor();
  expect(await panel.page.locator('b').count()).toBe(0);
});

story('a value is changed after the user gave another', { inputs: ['131072'] }, async (panel) => {
  await reveal(panel, '/local/domain/1/memory/target');
  await panel.page.getByRole('button', { name: 'Edit value' }).click();
  const path = '/local/domain/1/memory/target';
  await expect
    .poll(() => actions(panel))
    .toMatchObject([
      { request: 'xen/act', arguments: { action: { kind: 'write-xenstore', path, value: '131072' } } },
    ]);
  expect(panel.sent).toContainEqual({
    type: 'input',
    id: expect.any(Number),
    input: { title: `Value of ${path}`, value: '65536' },
  });
});

story('a node is added with name and value', { inputs: ['online', '1'] }, async (panel) => {
  await reveal(panel, '/vm');
  await panel.page.getByRole('button', { name: 'Add a node below' }).click();
  await expect
    .poll(() => actions(panel))
    .toMatchObject([{ arguments: { action: { kind: 'write-xenstore', path: '/vm/online', value: '1' } } }]);
});

story('a node is removed only after a question', {}, async (panel) => {
  await reveal(panel, '/local/domain/1/device');
  await panel.page.getByRole('button', { name: 'Remove' }).click();
  await expect
    .poll(() => actions(panel))
    .toMatchObject([
      {
        arguments: { action: { kind: 'remove-xenstore', path: '/local/domain/1/device' } },
        confirm: { message: 'Remove /local/domain/1/device from xenstore?' },
      },
    ]);
});

story(
  'what is no text cannot be edited',
  { answers: { ...canned.answers, 'xen/xenstore': binary() } },
  async (panel) => {
    await reveal(panel, '/vm');
    expect(await panel.page.getByRole('button', { name: 'Edit value' }).isDisabled()).toBe(true);
    await panel.page.locator('xs-details').getByText('300 more bytes').waitFor();
  },
);

function binary() {
  const view = storeView({ '/': '', '/vm': '\\x00\\xff' }, []);
  return { ...view, nodes: view.nodes.map((row) => ({ ...row, binary: true, truncated: 300 })) };
}

story('changes since the last stop are marked in the tree and in the state machines', {}, async (panel) => {
  const { page } = panel;
  await reveal(panel, '/local/domain/1/device/vbd/51712/state');
  await page.getByRole('tab', { name: 'Devices (2)' }).click();
  await page
    .getByText('the backend waits in InitWait for the frontend to reach Initialised')
    .first()
    .waitFor();
  const drawn = () => page.locator('xs-device-states').first().locator('text').allTextContents();
  const words = async () => (await drawn()).join(' ').replaceAll(/\s+/g, ' ');
  await expect.poll(words).toContain('frontend d1 Initialising is here InitWait Initialised may go here');
  await panel.tell({ answers: { 'xen/xenstore': CONNECTED }, session: { phase: 'stopped' } });
  await expect.poll(words).toContain('Initialising was here');
  await expect.poll(words).toContain('Connected is here now');
  const changed = page.getByRole('treegrid').locator('.cell.changed');
  await expect.poll(async () => (await changed.allInnerTexts()).join(' ')).toContain('4');
  await page
    .getByRole('button', { name: 'Show Frontends and backends as a table' })
    .or(page.getByRole('button', { name: 'Table' }))
    .first()
    .click();
  await page.getByRole('row', { name: 'frontend d1' }).getByText('4 Connected').waitFor();
});

story('a device without states has its sentence alone', {}, async (panel) => {
  await panel.page.getByRole('tab', { name: 'Devices (2)' }).click();
  await panel.page.getByText('the toolstack made the ring of the first console').first().waitFor();
  expect(await panel.page.locator('xs-device-states').count()).toBe(1);
});

story('only the chosen domain', {}, async (panel) => {
  await panel.page.getByRole('button', { name: 'Only this domain' }).click();
  await expect
    .poll(() => panel.sent.filter(({ type }) => type === 'query').at(-1))
    .toMatchObject({ arguments: { path: '/local/domain/1' } });
});

story('who waits for whom among the clients, and what changed last', {}, async (panel) => {
  await panel.page.getByRole('tab', { name: 'Clients (2)' }).click();
  await panel.page.getByText('4 messages wait for room in its ring').first().waitFor();
  await panel.page.getByRole('tab', { name: 'History' }).click();
  await panel.page.getByText('permissions set by d0 (toolstack)').waitFor();
  await panel.page.getByRole('button', { name: 'Save …' }).click();
  await expect.poll(() => panel.sent.some(({ type }) => type === 'export')).toBe(true);
});

const many = Object.fromEntries(
  Array.from({ length: 4000 }, (_, i) => [`/local/domain/1/data/${i}`, `value ${i}`]),
);
const flood = {
  ...WAITING,
  total: 9000,
  nodes: [...WAITING.nodes, ...nodes(many).map((row) => ({ ...row, value: row.value.repeat(50) }))],
};

story(
  'a guest that fills xenstore costs nothing',
  { answers: { ...canned.answers, 'xen/xenstore': flood } },
  async (panel) => {
    await panel.page.getByText(/The first \d+ of 9000 nodes are shown/).waitFor();
    expect(await panel.page.getByRole('treegrid').getByRole('row').count()).toBeLessThan(60);
  },
);
