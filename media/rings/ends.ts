// Both sides of a ring, its pages, and its indices.

import {
  type Column,
  css,
  type Detail,
  host,
  html,
  nothing,
  styled,
  t,
  type TemplateResult,
} from '../panel/panel.ts';
import { timeText } from './format.ts';
import { memoryLink, showGrant } from './message.ts';
import type { Ring, RingEnd, RingIndex } from './views.ts';

export const endName = ({ domain, domainName }: RingEnd): string =>
  domain === undefined ? t('unknown') : domainName === undefined ? `d${domain}` : `d${domain} ${domainName}`;

const indexColumns = (): readonly Column<RingIndex>[] => [
  { key: 'name', title: t('Index'), text: ({ name }) => name, mono: true },
  {
    key: 'value',
    title: t('Value'),
    text: ({ value }) => String(value),
    align: 'end',
    sortValue: ({ value }) => value,
  },
  {
    key: 'place',
    title: t('Place'),
    text: ({ place }) => String(place),
    align: 'end',
    sortValue: ({ place }) => place,
    hint: t('The slot or byte that the index points at'),
  },
  { key: 'writer', title: t('Written by'), text: ({ writer }) => writer },
  {
    key: 'how',
    title: t('Known from'),
    text: ({ certainty, how }) => how ?? (certainty === 'shared' ? t("the ring's page") : certainty),
    grow: true,
  },
];

/** `before` is the ring at the last stop. */
export function ends(ring: Ring, before: Ring | undefined): TemplateResult {
  return html`<section aria-label=${t('Both sides')}>
    <h2>${t('Both sides')}</h2>
    <xs-details .items=${[...endItems(t('Frontend'), ring.frontend), ...endItems(t('Backend'), ring.backend), ...pageItems(ring), ...noteItems(ring)]}></xs-details>
    ${
      ring.indices.length === 0
        ? nothing
        : html`<h2>${t('Indices')}</h2>
          <div class="indices" .style=${styled({ height: `${(ring.indices.length + 1) * 22 + 8}px` })}>
            <xs-table
              label=${t('Indices of {0}', ring.name)}
              .rows=${ring.indices}
              .columns=${indexColumns()}
              .rowKey=${({ name }: RingIndex) => name}
              .previous=${before?.indices}
            ></xs-table>
          </div>`
    }
  </section>`;
}

function endItems(label: string, end: RingEnd): Detail[] {
  const { port, pending, masked, isEmbedded, state, events, lastEventAge, directory } = end;
  const words = [
    ...(port === undefined ? [t('no event channel')] : []),
    ...(pending === true ? [t('pending')] : []),
    ...(masked === true ? [t('masked')] : []),
    ...(isEmbedded === true ? [t('handled at once by the emulator')] : []),
    ...(state === undefined ? [] : [state]),
    ...(events === undefined ? [] : [t('{0} events', events)]),
    ...(lastEventAge === undefined ? [] : [t('the last one {0} ago', timeText(lastEventAge))]),
  ];
  return [
    {
      label,
      value: html`${endName(end)}: ${portLink(end)}${words
        .map((word, order) => `${order > 0 || port !== undefined ? ', ' : ''}${word}`)
        .join('')}`,
    },
    ...(directory === undefined
      ? []
      : [
          {
            label: t('{0} in xenstore', label),
            mono: true,
            text: directory,
            value: html`<button class="link mono" @click=${() => host.open({ kind: 'panel', panel: 'xenstore', arguments: { path: directory } })}>${directory}</button>`,
          },
        ]),
  ];
}

function portLink({ domain, port }: RingEnd): unknown {
  if (port === undefined) return nothing;
  const link = { kind: 'panel', panel: 'event-channels', arguments: { domain, port } } as const;
  return html`<button class="link" title=${t('Show the event channel')} @click=${() => host.open(link)}>${t('port {0}', port)}</button>`;
}

function pageItems({ pages, domain }: Ring): Detail[] {
  return pages.map(({ reference, ipa, pa }, index) => ({
    label: pages.length === 1 ? t('Page') : t('Page {0}', index),
    value: html`${ipa === undefined ? t('not mapped') : memoryLink(domain, ipa)}
    ${pa === undefined ? nothing : html`<span class="quiet">${t('at PA {0}', pa)}</span>`}
    ${
      reference === undefined
        ? nothing
        : html`<button class="link" @click=${() => showGrant(domain, reference)}>${t('grant reference {0}', reference)}</button>`
    }`,
  }));
}

function noteItems({ notifications, recorded }: Ring): Detail[] {
  return [
    ...notifications.map(({ to, sentence }) => ({
      label: to === 'frontend' ? t('Event owed to the frontend') : t('Event owed to the backend'),
      value: sentence,
    })),
    ...(recorded
      ? [
          {
            label: t('Recorded'),
            value: t(
              '{0} messages, {1} not seen, {2} requests without a response',
              recorded.messages,
              recorded.lost,
              recorded.unanswered,
            ),
          },
        ]
      : []),
  ];
}

export const endStyles = css`
  .indices {
    display: flex;
  }
  .indices > * {
    flex: 1;
  }
`;
