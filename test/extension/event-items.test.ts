import { expect, test } from 'vitest';
import { exceptionFilters } from '../../debug-adapter/breakpoints/exception-filters.ts';
import {
  type Choice,
  type EventItem,
  type EventStates,
  eventItems,
  OTHER_FILTERS,
  requestsOf,
} from '../../extension/events/items.ts';
import { launch } from '../debug-adapter/support/drive.ts';
import { b } from '../debug-adapter/support/assemble.ts';

async function catalog() {
  const session = await launch(['start', b('start')]);
  return (await session.send('xen/eventCatalog', {})).categories;
}

const all = (items: readonly EventItem[]): EventItem[] =>
  items.flatMap((item) => [item, ...all(item.children)]);

/** A catalogue of which all can happen, as with Xen. */
const possible = async () =>
  (await catalog()).map((category) => ({
    ...category,
    events: category.events.map((event) => ({ ...event, available: true })),
  }));

const states = (more: Partial<EventStates> = {}): EventStates => ({
  choices: new Map(),
  answers: new Map(),
  filters: new Map(),
  ...more,
});

test('every event of the catalogue stands once in the tree, groups above their members', async () => {
  const categories = await possible();
  const items = all(eventItems(categories, states()));
  const events = items.filter(({ event }) => event !== undefined);
  const names = categories.flatMap(({ events: rows }) => rows.map(({ name }) => name));
  expect(events.map(({ id }) => id).toSorted()).toEqual(names.toSorted());
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  for (const { id, children } of events) {
    for (const child of children) expect(child.id.startsWith(`${id}.`)).toBe(true);
  }
});

test('all of a category stands above its parts, not around them', async () => {
  const [hypercalls] = eventItems(await possible(), states());
  expect(hypercalls?.children.slice(0, 3).map(({ id, children }) => [id, children.length])).toEqual([
    ['hypercall', 0],
    ['hypercall.error', 0],
    ['hypercall.sched_op_compat', 3],
  ]);
});

test('a bare machine shows what can happen in it', async () => {
  const items = eventItems(await catalog(), states());
  expect(items.map(({ id }) => id)).not.toContain('category hypercall');
  expect(all(items).map(({ id }) => id)).toContain('psci.CPU_ON');
});

test('what is set as an exception filter is on, and says where and when', async () => {
  const filters = new Map([
    ['hypercall', ''],
    ['evtchn', '$ev.port == 3'],
  ]);
  const request = { event: 'hypercall', action: 'log' } as const;
  const choices = new Map<string, Choice>([['hypercall', { on: true, request }]]);
  const items = all(eventItems(await possible(), states({ filters, choices })));
  const of = (name: string) => items.find(({ id }) => id === name);
  expect(of('hypercall')).toMatchObject({ isOn: true, isFilter: true, description: 'log · filter' });
  expect(of('evtchn')).toMatchObject({ isOn: true, description: 'filter if $ev.port == 3' });
  expect(of('grant')).toMatchObject({ isOn: false, isFilter: false, description: '' });
  expect(requestsOf(choices)).toEqual([request]);
});

test('every filter is called as the event that it stands for', async () => {
  const names = new Set((await possible()).flatMap(({ events }) => events.map(({ name }) => name)));
  for (const { filter } of exceptionFilters)
    expect(names.has(filter) || OTHER_FILTERS.has(filter)).toBe(true);
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
  const items = eventItems(await possible(), states({ choices, answers }));
  const found = all(items).find(({ id }) => id === request.event);
  expect(found).toMatchObject({ isOn: true, description: '12× · log · both · if $ev.port == 3' });
  const opened = items.filter(({ holdsChoices }) => holdsChoices);
  expect(opened.map(({ id }) => id)).toEqual(['category hypercall']);
  expect(requestsOf(choices)).toEqual([request]);
  expect(requestsOf(new Map([[request.event, { on: false, request }]]))).toEqual([]);
});
