// The panel of event channels and grants in a browser, with what a real machine and a hostile one say.

import { afterAll, expect, test } from 'vitest';
import type { Inspections } from '../../../debug-adapter/protocol.ts';
import type { ToHost } from '../../../media/messages.ts';
import canned from './event-channels.answers.ts';
import { closeBrowser, openPanel, type PanelPage } from './harness.ts';
import { THEME_NAMES } from './themes.ts';

afterAll(closeBrowser);

type Channels = Inspections['eventChannels']['view'];
type Grants = Inspections['grants']['view'];

const channels = (domain = 1): Channels => canned.answers['xen/eventChannels']({ domain }) as Channels;
const grants = (domain = 1): Grants => canned.answers['xen/grants']({ domain }) as Grants;

const open = (options: Parameters<typeof openPanel>[1] = {}): Promise<PanelPage> =>
  openPanel('event-channels', { ...canned, width: 1300, height: 800, ...options });

const row = (panel: PanelPage, name: string) =>
  panel.page.getByRole('row').filter({ has: panel.page.getByRole('rowheader', { name, exact: true }) });

const actions = (panel: PanelPage): ToHost[] => panel.sent.filter(({ type }) => type === 'action');

test.each(THEME_NAMES)('in %s: nothing is refused, and no serious finding', async (theme) => {
  const panel = await open({ theme });
  await row(panel, '3').click();
  await panel.page.getByRole('heading', { name: 'Port 3' }).waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.page.getByRole('button', { name: 'Grants' }).click();
  await row(panel, '8').click();
  await panel.page.getByRole('heading', { name: 'Grant 8' }).waitFor();
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('what is held up stands on top, and leads to its port', async () => {
  const panel = await open();
  await panel.page.getByRole('button', { name: /^Port 3 \(vbd xvda\) is pending and masked for/ }).click();
  await panel.page.getByRole('heading', { name: 'Port 3' }).waitFor();
  expect(await panel.kept()).toMatchObject({ panel: { section: 'channels', port: 3 } });
  await panel.close();
});

test('an event is sent, and a port unmasked, with a question first', async () => {
  const panel = await open();
  await row(panel, '3').click();
  await panel.page.getByRole('button', { name: 'Send', exact: true }).click();
  await panel.page.getByRole('button', { name: 'Unmask', exact: true }).click();
  await expect.poll(() => actions(panel)).toHaveLength(2);
  expect(actions(panel)).toMatchObject([
    {
      request: 'xen/act',
      arguments: { action: { kind: 'send-event', domain: 1, port: 3 } },
      confirm: { message: 'Send an event to port 3 (vbd xvda) of d1 hello?', button: 'Send' },
    },
    {
      request: 'xen/act',
      arguments: { action: { kind: 'mask-event', domain: 1, port: 3, masked: false } },
      confirm: { message: 'Unmask port 3 (vbd xvda) of d1 hello?', button: 'Unmask' },
    },
  ]);
  await panel.close();
});

test('the context menu, by keyboard: go to the other end', async () => {
  const panel = await open();
  await row(panel, '2').click();
  await panel.page.keyboard.press('ContextMenu');
  await panel.page.getByRole('menuitem', { name: 'Go to the other end' }).click();
  await panel.page.getByText('served by the daemons and backends').waitFor();
  const far = channels(1).ports[1]?.peer?.port;
  await panel.page.getByRole('heading', { name: `Port ${far}` }).waitFor();
  // The table's cursor is there as well.
  await panel.page.locator('[role=row][aria-selected=true]').getByText(`bound to d1 port 2`).waitFor();
  await panel.close();
});

test('the drawing has a table with the same channels', async () => {
  const panel = await open();
  expect(await panel.page.locator('svg.channels g.link').count()).toBe(3);
  await panel.page.getByRole('button', { name: 'Table' }).click();
  const table = panel.page.getByRole('grid', { name: 'Channels between domains' });
  await table.getByText('d0 port 3').waitFor();
  expect(await table.getByRole('row').count()).toBe(4);
  await panel.close();
});

test('what changed since the last stop is marked', async () => {
  const panel = await open();
  await row(panel, '1').waitFor();
  const view = structuredClone(channels());
  Object.assign(view.ports[0]!, { raised: 99 });
  await panel.tell({ answers: { 'xen/eventChannels': view }, session: { phase: 'stopped' } });
  await row(panel, '1').locator('.changed').getByText('99').waitFor();
  await panel.close();
});

test('grants: findings on top, page and mappers beside, a page as a link', async () => {
  const panel = await open({ arguments: { domain: 1, reference: 8 } });
  await panel.page.getByRole('button', { name: /took back grant 8 \(ring of vbd xvda\)/ }).click();
  await panel.page.getByRole('heading', { name: 'Grant 8' }).waitFor();
  await panel.page.locator('xs-details xs-address').first().click();
  await expect
    .poll(() => panel.sent.filter(({ type }) => type === 'open'))
    .toMatchObject([{ link: { kind: 'memory', reference: `d1/ipa:${grants().grants[2]?.ipa}` } }]);
  await panel.close();
});

test('hostile state is text: markup, absurd numbers, thousands of rows', async () => {
  const markup = '<img src=x onerror="window.owned=1"><b>bold</b>';
  const view = structuredClone(channels());
  const [first] = view.ports;
  const ports = Array.from({ length: 4000 }, (_, index) => ({
    ...first!,
    port: index + 1,
    use: markup,
    peer: { domain: 0x7fff_ffff, port: 0xffff_ffff, words: markup },
    pending: true,
    raised: Number.MAX_SAFE_INTEGER,
    delay: { sentence: markup, lasting: true },
  }));
  const links = ports.map(({ port }) => ({
    from: { domain: 1, port },
    to: { domain: port % 3, port: 0xffff_ffff },
    use: markup,
    pending: true,
    masked: true,
    raised: 1,
    raisedBack: 2,
  }));
  const findings = [{ severity: 'warning' as const, kind: 'masked', port: 1, sentence: markup }];
  const hostile = { ...view, ports, links, findings, name: markup, total: 10 ** 9 };
  const table = structuredClone(grants());
  const garbage = {
    ...table,
    grants: Array.from({ length: 4000 }, (_, reference) => ({
      ...table.grants[0]!,
      reference,
      words: markup,
      gfn: '0xffffffff',
      use: markup,
    })),
    findings: [{ severity: 'warning' as const, kind: 'unused', reference: 3999, sentence: markup }],
  };
  const panel = await open({
    answers: { 'xen/eventChannels': hostile, 'xen/grants': garbage, 'xen/symbols': { symbols: [null] } },
  });
  await panel.page.getByText('24 of 4000 channels are drawn').waitFor();
  await panel.page.getByRole('button', { name: markup }).click();
  await panel.page.getByRole('heading', { name: 'Port 1', exact: true }).waitFor();
  expect(await panel.page.getByRole('row').count()).toBeLessThan(200);
  await panel.page.getByRole('button', { name: 'Grants' }).click();
  await panel.page.getByRole('button', { name: markup }).click();
  await panel.page.getByRole('heading', { name: 'Grant 3999' }).waitFor();
  expect(await panel.page.evaluate(() => (window as unknown as { owned?: number }).owned)).toBeUndefined();
  expect(await panel.page.locator('b').count()).toBe(0);
  expect(await panel.problems()).toEqual([]);
  await panel.close();
});

test('a domain without ports and grants says what is missing', async () => {
  const none = { ...channels(), ports: [], links: [], findings: [], total: 0 };
  const empty = { ...grants(), grants: [], findings: [], total: 0 };
  const panel = await open({ answers: { 'xen/eventChannels': none, 'xen/grants': empty } });
  await panel.page.getByText('The domain has no event channels.').waitFor();
  await panel.page.getByText('Nothing is held up or leaks.').waitFor();
  await panel.page.getByRole('button', { name: 'Grants' }).click();
  await panel.page.getByText('The domain grants nothing.').waitFor();
  await panel.close();
});
