// The table of INTIDs: its columns, and how a row looks.

import { type Column, html, t } from '../panel/panel.ts';
import { seconds, yes } from './texts.ts';
import type { Interrupt } from './views.ts';

const COLUMNS: readonly Column<Interrupt>[] = [
  {
    key: 'intid',
    title: t('INTID'),
    text: ({ intid }) => String(intid),
    sortValue: ({ intid }) => intid,
    align: 'end',
    mono: true,
  },
  { key: 'type', title: t('Type'), text: ({ type }) => type },
  {
    key: 'name',
    title: t('Name'),
    text: ({ name = '' }) => name,
    grow: true,
    width: 22,
    hint: t('From the device tree'),
  },
  { key: 'enabled', title: t('Enabled'), text: ({ enabled }) => yes(enabled) },
  { key: 'state', title: t('State'), text: ({ state }) => state, render: stateOf, width: 19 },
  {
    key: 'source',
    title: t('Source'),
    text: ({ pendingSource = '' }) => pendingSource,
    hint: t('What makes it pending'),
  },
  {
    key: 'count',
    title: t('Count'),
    text: ({ count }) => (count === undefined ? '' : String(count)),
    sortValue: ({ count = -1 }) => count,
    align: 'end',
    mono: true,
  },
  {
    key: 'last',
    title: t('Last'),
    text: ({ lastNanoseconds }) => seconds(lastNanoseconds),
    sortValue: ({ lastNanoseconds = -1 }) => lastNanoseconds,
    align: 'end',
    mono: true,
  },
  {
    key: 'priority',
    title: t('Priority'),
    text: ({ priority }) => priority,
    mono: true,
    hint: t('Lower values are more urgent'),
  },
  { key: 'group', title: t('Group'), text: ({ group }) => String(group), align: 'end' },
  {
    key: 'trigger',
    title: t('Trigger'),
    text: ({ trigger, lineHigh }) => (lineHigh ? t('{0}, line high', trigger) : trigger),
  },
  {
    key: 'target',
    title: t('Target'),
    text: ({ target, route }) => (route === undefined ? target : `${target} (${route})`),
  },
  { key: 'lr', title: t('LR'), text: placeOf, hint: t('List register that holds it, and its state there') },
];

/** Where a list register has a physical interrupt behind it. */
const COLUMNS_WITH_HARDWARE: readonly Column<Interrupt>[] = [
  ...COLUMNS,
  {
    key: 'physical',
    title: t('Physical'),
    text: ({ physicalIntid }) => (physicalIntid === undefined ? '' : String(physicalIntid)),
    hint: t('Physical interrupt that ends with it (HW)'),
  },
];

export const columnsFor = (interrupts: readonly Interrupt[]): readonly Column<Interrupt>[] =>
  interrupts.some(hasHardware) ? COLUMNS_WITH_HARDWARE : COLUMNS;

const hasHardware = ({ physicalIntid }: Interrupt): boolean => physicalIntid !== undefined;
function stateOf({ state, pending, active, obstacle }: Interrupt): unknown {
  if (!pending && !active) return html`<span class="quiet">${state}</span>`;
  const held = pending && obstacle !== undefined && obstacle !== 'none';
  return html`<xs-chip .state=${held ? 'warning' : 'active'}>${state}</xs-chip>`;
}

export function placeOf({ listRegister, listRegisterState, waiting }: Interrupt): string {
  if (listRegister !== undefined) return `${listRegister} ${listRegisterState ?? ''}`.trim();
  return waiting === true ? t('waits') : '';
}

export const keyOf = ({ intid }: Interrupt): string => String(intid);

export const classOf = ({ enabled, pending, active, obstacle }: Interrupt): string | undefined => {
  if (pending && obstacle !== 'none') return 'warning';
  return enabled || pending || active ? undefined : 'quiet';
};
