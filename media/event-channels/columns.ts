// The columns of the panel's tables.

import { type Column, html, nothing, t } from '../panel/panel.ts';
import type { Channels, Grant, Mapped, Port } from './views.ts';

export const portKey = ({ port }: Port): string => String(port);
export const grantKey = ({ reference }: Grant): string => String(reference);
export const mappedKey = ({ handle }: Mapped): string => String(handle);

const yesOrNothing = (flag: boolean, word: string): string => (flag ? word : '');

function nowText({ pending, masked, embedded }: Port): string {
  if (embedded) return t('served outside');
  return [yesOrNothing(pending, t('pending')), yesOrNothing(masked, t('masked'))].filter(Boolean).join(', ');
}

function nowChips(port: Port): unknown {
  const { pending, masked, embedded, delay } = port;
  if (embedded) return html`<span class="quiet">${t('served outside')}</span>`;
  return html`${
    pending
      ? html`<xs-chip state=${delay?.lasting ? 'warning' : 'active'}>${t('pending')}</xs-chip> `
      : nothing
  }${masked ? html`<xs-chip state="idle" .icon=${'bell-slash'}>${t('masked')}</xs-chip>` : nothing}`;
}

const PORT_COLUMNS: readonly Column<Port>[] = [
  {
    key: 'port',
    title: t('Port'),
    text: ({ port }) => String(port),
    sortValue: ({ port }) => port,
    align: 'end',
    mono: true,
  },
  { key: 'peer', title: t('Other end'), text: ({ peer, stateWords }) => peer?.words ?? stateWords },
  {
    key: 'use',
    title: t('Used for'),
    text: ({ use = '' }) => use,
    hint: t('From HVM parameters and xenstore'),
  },
  {
    key: 'vcpu',
    title: t('vCPU'),
    text: ({ vcpu }) => String(vcpu),
    align: 'end',
    hint: t('The vCPU that is told'),
  },
  { key: 'now', title: t('Now'), text: nowText, render: nowChips, width: 20 },
  {
    key: 'why',
    title: t('Not delivered because'),
    text: ({ delay }) => delay?.sentence ?? '',
    grow: true,
    width: 30,
  },
  {
    key: 'raised',
    title: t('Events'),
    text: ({ raised }) => String(raised),
    sortValue: ({ raised }) => raised,
    align: 'end',
    mono: true,
  },
  {
    key: 'coalesced',
    title: t('Again'),
    text: ({ coalesced }) => String(coalesced),
    sortValue: ({ coalesced }) => coalesced,
    align: 'end',
    mono: true,
    hint: t('Came while the port was pending: the guest sees them as one'),
  },
  {
    key: 'last',
    title: t('Last'),
    text: ({ last }) => last?.at ?? '',
    sortValue: ({ last }) => last?.virtualNanoseconds ?? -1,
    align: 'end',
    mono: true,
  },
  { key: 'sender', title: t('By'), text: ({ sender }) => sender?.words ?? '' },
  { key: 'state', title: t('State'), text: ({ stateWords }) => stateWords },
];

const PRIORITY: Column<Port> = {
  key: 'priority',
  title: t('Priority'),
  text: ({ priority }) => (priority === undefined ? '' : String(priority)),
  align: 'end',
  hint: t('FIFO queue: 0 is the most urgent, 15 the least'),
};

const FIFO_COLUMNS = [...PORT_COLUMNS.slice(0, 4), PRIORITY, ...PORT_COLUMNS.slice(4)];

export const portColumns = (abi: Channels['abi']): readonly Column<Port>[] =>
  abi === 'fifo' ? FIFO_COLUMNS : PORT_COLUMNS;

export const GRANT_COLUMNS: readonly Column<Grant>[] = [
  {
    key: 'reference',
    title: t('Ref'),
    text: ({ reference }) => String(reference),
    sortValue: ({ reference }) => reference,
    align: 'end',
    mono: true,
    hint: t('Grant reference'),
  },
  { key: 'to', title: t('To'), text: ({ to }) => to.words },
  {
    key: 'use',
    title: t('Used for'),
    text: ({ use = '' }) => use,
    hint: t('From HVM parameters and xenstore'),
  },
  { key: 'words', title: t('Flags'), text: ({ words }) => words, width: 40 },
  { key: 'gfn', title: t('gfn'), text: ({ gfn }) => gfn, mono: true, align: 'end', width: 11 },
  { key: 'page', title: t('Page'), text: ({ page }) => page },
  {
    key: 'mapped',
    title: t('Mapped by'),
    text: ({ mappedBy }) => mappedBy.map(({ words }) => words).join('; '),
    width: 24,
  },
  {
    key: 'maps',
    title: t('Maps'),
    text: ({ maps }) => String(maps),
    sortValue: ({ maps }) => maps,
    align: 'end',
    mono: true,
    hint: t('How often it was mapped since the machine was started'),
  },
  {
    key: 'copies',
    title: t('Copies'),
    text: ({ copies }) => String(copies),
    sortValue: ({ copies }) => copies,
    align: 'end',
    mono: true,
    hint: t('How often it was copied from or to'),
  },
  {
    key: 'last',
    title: t('Last use'),
    text: ({ lastUse }) => lastUse?.at ?? '',
    sortValue: ({ lastUse }) => lastUse?.virtualNanoseconds ?? -1,
    align: 'end',
    mono: true,
  },
  {
    key: 'finding',
    title: t('Finding'),
    text: ({ findings }) => findings.map(({ sentence }) => sentence).join(' '),
    grow: true,
    width: 30,
  },
];

export const MAPPED_COLUMNS: readonly Column<Mapped>[] = [
  {
    key: 'handle',
    title: t('Handle'),
    text: ({ handle }) => String(handle),
    sortValue: ({ handle }) => handle,
    align: 'end',
    mono: true,
  },
  { key: 'words', title: t('Mapped'), text: ({ words }) => words, grow: true },
];
