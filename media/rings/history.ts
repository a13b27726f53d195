// What passed through a ring: messages with their latencies, the one that was chosen, and the way to a file.

import {
  type Column,
  css,
  html,
  icon,
  type MenuItem,
  nothing,
  type RowEvent,
  svg,
  t,
  type TemplateResult,
} from '../panel/panel.ts';
import { asCsv, asText, momentText, timeText } from './format.ts';
import { fieldItems } from './message.ts';
import type { HistoryMessage, HistoryView } from './views.ts';

/** While more are not asked for: a table that is refreshed while the machine runs. */
export const SHORT_HISTORY = 200;

export interface HistoryChoices {
  /** History of all rings of the domain. */
  readonly allRings: boolean;
  readonly wholeHistory: boolean;
  /** Chosen message. */
  readonly message: string;
}

export interface HistoryActions {
  keep(choices: Partial<HistoryChoices>): void;
  exportMenu(event: MouseEvent): void;
}

const historyColumns = (withRing: boolean): readonly Column<HistoryMessage>[] => [
  {
    key: 'moment',
    title: t('Moment'),
    text: ({ nanoseconds }) => momentText(nanoseconds),
    sortValue: ({ nanoseconds, number }) => nanoseconds + number / 1e6,
    align: 'end',
    mono: true,
    width: 15,
  },
  ...(withRing
    ? [{ key: 'ring', title: t('Ring'), text: ({ ring }: HistoryMessage) => ring, mono: true }]
    : []),
  {
    key: 'number',
    title: t('Number'),
    text: ({ number }) => String(number),
    sortValue: ({ number }) => number,
    align: 'end',
  },
  {
    key: 'from',
    title: t('From'),
    text: ({ from }) => (from === 'frontend' ? t('frontend →') : t('← backend')),
    width: 11,
  },
  { key: 'kind', title: t('Kind'), text: ({ kind }) => kind },
  { key: 'summary', title: t('Message'), text: ({ summary }) => summary, grow: true, width: 16, mono: true },
  {
    key: 'latency',
    title: t('Latency'),
    text: ({ latency }) => timeText(latency?.nanoseconds),
    sortValue: ({ latency }) => latency?.nanoseconds ?? -1,
    align: 'end',
    hint: t('From the request to its response, in virtual time'),
  },
];

const messageKey = ({ domain, ring, number }: HistoryMessage): string => `${domain} ${ring} ${number}`;

/** `view` is undefined until the first answer. */
export function history(
  view: HistoryView | undefined,
  { allRings = false, wholeHistory = false, message }: Partial<HistoryChoices>,
  filter: string,
  { keep, exportMenu }: HistoryActions,
): TemplateResult {
  const chosen = view?.messages.find((candidate) => messageKey(candidate) === message);
  return html`
    <div class="bar">
      <h2>${t('History')}</h2>
      <span class="space"></span>
      <button aria-pressed=${String(allRings)} @click=${() => keep({ allRings: !allRings })}>${t('All rings')}</button>
      <button aria-pressed=${String(wholeHistory)} title=${t('The last thousand messages instead of the last {0}', SHORT_HISTORY)} @click=${() => keep({ wholeHistory: !wholeHistory })}>
        ${t('Whole')}
      </button>
      <button @click=${exportMenu} aria-haspopup="menu">${icon('export')} ${t('Export')}</button>
    </div>
    ${view?.note === undefined ? nothing : html`<p class="quiet note">${view.note}</p>`}
    ${view?.latencies ? latencyDrawing(view.latencies) : nothing}
    <xs-table
      class="fill"
      label=${t('History')}
      keep="history"
      .rows=${view?.messages ?? []}
      .columns=${historyColumns(allRings)}
      .rowKey=${messageKey}
      .filter=${filter}
      .sort=${{ column: 'moment', descending: true }}
      .selected=${message}
      emptyText=${view ? t('Nothing passed through this ring yet.') : t('Asking the machine …')}
      @xs-select=${({ detail }: CustomEvent<RowEvent<HistoryMessage>>) => keep({ message: detail.key })}
    ></xs-table>
    ${chosen ? chosenMessage(chosen) : nothing}
  `;
}

function chosenMessage(message: HistoryMessage): TemplateResult {
  const { domain, ring, number, counterpart, kind } = message;
  const items = [
    { label: t('Message'), value: `${ring} #${number}` },
    ...(counterpart === undefined
      ? []
      : [{ label: kind === 'request' ? t('Answered by') : t('Answers'), value: `#${counterpart}` }]),
    ...fieldItems(message, domain),
  ];
  return html`<section class="chosen" aria-label=${t('Message {0}', number)}>
    <xs-details .items=${items}></xs-details>
  </section>`;
}

/** The forms a history can be saved in; `save` is given the name of a file and what writes it. */
export function exportItems(
  name: string,
  save: (file: string, write: (messages: readonly HistoryMessage[]) => string) => void,
): MenuItem[] {
  return [
    {
      label: t('As JSON'),
      run: () => save(`${name}.json`, (messages) => `${JSON.stringify(messages, undefined, 2)}\n`),
    },
    { label: t('As CSV'), run: () => save(`${name}.csv`, asCsv) },
    { label: t('As text'), run: () => save(`${name}.txt`, asText) },
  ];
}

/** A bar for each power of ten, and the figures in words. */
function latencyDrawing({
  count,
  shortest,
  median,
  longest,
  buckets,
}: NonNullable<HistoryView['latencies']>): unknown {
  const most = Math.max(1, ...buckets.map((bucket) => bucket.count));
  const text = t(
    '{0} responses: median {1}, from {2} to {3}',
    count,
    timeText(median),
    timeText(shortest),
    timeText(longest),
  );
  return html`<p class="latencies">
    <svg viewBox=${`0 0 ${buckets.length * 10} 24`} preserveAspectRatio="none" aria-hidden="true">
      ${buckets.map((bucket, index) => latencyBar(index, bucket.count / most))}
    </svg>
    <span class="quiet">${text}</span>
  </p>`;
}

function latencyBar(index: number, share: number): unknown {
  const height = share === 0 ? 0 : Math.max(2, share * 22);
  return svg`<rect x=${index * 10 + 1} y=${23 - height} width="8" height=${height}></rect>
    <rect class="axis" x=${index * 10 + 1} y="23" width="8" height="1"></rect>`;
}

export const historyStyles = css`
  section h2 {
    padding: 4px 0;
    overflow-wrap: anywhere;
  }
  .chosen {
    max-height: 45%;
    overflow: auto;
    padding: 4px 8px;
    border-top: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px;
    padding: 2px 8px;
  }
  .note {
    margin: 0;
    padding: 0 8px 4px;
  }
  .latencies {
    display: flex;
    align-items: end;
    gap: 8px;
    margin: 0;
    padding: 0 8px 4px;
  }
  .latencies svg {
    width: 120px;
    height: 24px;
  }
  .latencies rect {
    fill: var(--vscode-charts-blue);
  }
  .latencies .axis {
    fill: var(--vscode-descriptionForeground);
  }
`;
