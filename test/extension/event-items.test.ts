import { expect, test } from 'vitest';
import { type Choice, type EventItem, eventItems, requestsOf } from '../../extension/events/items.ts';
import { launch } from '../debug-adapter/support/drive.ts';
import { b } from '../debug-adapter/support/assemble.ts';

async function catalog() {
  const session = await launch(['start', b('start')]);
  return (await session.send('xen/eventCatalog', {})).categories;
}

const all = (items: readonly EventItem[]): EventItem[] =>
  items.flatMap((item) => [item, ...all(item.children)]);

test('every event of the catalogue stands once in the tree, groups above their members', async () => {
  const categories = await catalog();
  const items = all(eventItems(categories, new Map(), new Map()));
  const events = items.filter(({ event }) => event !== undefined);
  const names = categories.flatMap(({ events: rows }) => rows.map(({ name }) => name));
  expect(events.map(({ id }) => id).toSorted()).toEqual(names.toSorted());
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  for (const { id, children } of events) {
    for (const child of children) expect(child.id.startsWith(`${id}.`)).toBe(true);
  }
});

test('an event says what was chosen for it, and groups open where something is on', async () => {
  const request = {
    event: 'hypercall.event_channel_op.send',
    action: 'log',
    stage: 'both',
    condition: '$ev.port == 3',
  } as const;
  const choices = new Map<string, Choice>([[request.event, { on: true, request }]]);
  const answers = new Map([[request.event, { id: 7, verified: true, count: 12 }]]);
  const items = eventItems(await catalog(), choices, answers);
  const found = all(items).find(({ id }) => id === request.event);
  expect(found).toMatchObject({ isOn: true, description: 'log · both · if $ev.port == 3 · 12×' });
  const opened = items.filter(({ holdsChoices }) => holdsChoices);
  expect(opened.map(({ id }) => id)).toEqual(['category hypercall']);
  expect(requestsOf(choices)).toEqual([request]);
  expect(requestsOf(new Map([[request.event, { on: false, request }]]))).toEqual([]);
});
