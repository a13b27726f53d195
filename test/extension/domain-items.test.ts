import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addressesIn, type Item, itemsOf } from '../../extension/domains/items.ts';
import { runCli } from '../cli/command-line.ts';
import { DEEDS } from '../emulator/debug/inspect/hostile/deeds.ts';
import { HostileGuest } from '../emulator/debug/inspect/hostile/hostile-guest.ts';

const HELLO = join(import.meta.dirname, '../../media/samples/hello-xen/hello.cfg');

async function domainsAt(...args: string[]) {
  const { stdout } = await runCli('inspect', HELLO, ...args, '--view', 'domains', '--json');
  return JSON.parse(stdout).views[0].view;
}

const all = (items: readonly Item[]): Item[] => items.flatMap((item) => [item, ...all(item.children)]);

test('a running guest: its vCPU with the PC as a symbol, what may be done to it', async () => {
  const view = await domainsAt('--until', 'hello>');
  const [{ addresses } = { addresses: [] as string[] }] = addressesIn(view);
  const items = itemsOf(view, (domain, address) =>
    domain === 1 && address === addresses[0] ? 'wait_for_event+0x8' : undefined,
  );
  expect(items.map(({ label }) => label)).toEqual(['d0 Domain-0', 'd1 hello-xen']);
  const [control, guest] = items as [Item, Item];
  expect(control.context).toBe('domain');
  expect(guest.context.split(' ')).toEqual(['domain', 'pause', 'shutdown', 'destroy', 'console', 'break']);
  expect(guest.description).toMatch(/^running · [\d.]+ MiB.* · GICv3$/);
  expect(guest.children[0]?.label).toBe('vCPU 0');
  expect(guest.children[0]?.description).toMatch(/^EL1 · wait_for_event\+0x8 · /);
});

test('every item has an id of its own', async () => {
  const items = all(itemsOf(await domainsAt('--until', 'hello>'), () => undefined));
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
});

test('a domain that powered itself off can only be destroyed', async () => {
  const view = await domainsAt('--until', 'hello>', '--type', 'poweroff\\n', '--until', 'never');
  const guest = itemsOf(view, () => undefined)[1];
  expect(guest?.description).toMatch(/^shut down: power off/);
  expect(guest?.context.split(' ')).toEqual(['domain', 'destroy', 'console', 'break']);
});

test('names that a guest chose are text, and no two things have one id', () => {
  const guest = new HostileGuest(3);
  for (const deed of ['diskRing', 'strangeRings', 'xenstoreTexts', 'fakeDevices']) DEEDS[deed]?.(guest);
  // Kinds and ids of devices may have a hyphen themselves.
  for (const path of ['vbd-1/2', 'vbd/1-2']) {
    const device = `/local/domain/1/device/${path}`;
    guest.loaded.act({ kind: 'write-xenstore', path: `${device}/backend`, value: '/<b>' });
    guest.loaded.act({ kind: 'write-xenstore', path: `${device}/backend-id`, value: '0' });
  }
  const view = guest.inspector.inspect('domains', {}) as Parameters<typeof itemsOf>[0];
  const items = all(itemsOf(view, () => '<img src=x onerror=alert(1)>'));
  expect(items.length).toBeGreaterThan(10);
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  for (const { label, description, tooltip, panel } of items) {
    expect(`${label}${description}`).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(tooltip.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    if (panel) expect(['registers', 'xenstore']).toContain(panel.id);
  }
});
