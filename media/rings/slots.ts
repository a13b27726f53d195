// The inside of a ring as tables, the twins of its drawing: slots of a ring of requests, stretches of bytes.

import { type Column, html, type RowEvent, t, type TemplateResult } from '../panel/panel.ts';
import { timeText } from './format.ts';
import { stateText } from './ring-drawing.ts';
import type { RingSlotsView, Slot, WaitingMessage } from './views.ts';

const slotColumns = (): readonly Column<Slot>[] => [
  {
    key: 'slot',
    title: t('Slot'),
    text: ({ slot }) => String(slot),
    align: 'end',
    sortValue: ({ slot }) => slot,
  },
  { key: 'state', title: t('State'), text: ({ state }) => stateText(state), width: 18 },
  {
    key: 'index',
    title: t('Index'),
    text: ({ index }) => String(index),
    align: 'end',
    sortValue: ({ index }) => index,
  },
  { key: 'message', title: t('Message'), text: ({ message }) => message?.summary ?? '', grow: true },
  {
    key: 'age',
    title: t('Age'),
    text: ({ age }) => timeText(age),
    align: 'end',
    sortValue: ({ age }) => age ?? -1,
  },
  {
    key: 'latency',
    title: t('Latency'),
    text: ({ latency }) => timeText(latency),
    align: 'end',
    sortValue: ({ latency }) => latency ?? -1,
  },
  { key: 'note', title: t('Note'), text: ({ note }) => note ?? '' },
];

/** A stretch of bytes, or a message that waits in it. */
interface StreamRow {
  readonly key: string;
  readonly stream: string;
  readonly start: number;
  readonly length: number;
  readonly state: string;
  readonly message?: WaitingMessage;
  readonly below?: readonly StreamRow[];
}

const streamColumns = (): readonly Column<StreamRow>[] => [
  { key: 'stream', title: t('Direction'), text: ({ stream }) => stream, mono: true },
  {
    key: 'start',
    title: t('From byte'),
    text: ({ start }) => String(start),
    align: 'end',
    sortValue: ({ start }) => start,
  },
  {
    key: 'length',
    title: t('Bytes'),
    text: ({ length }) => String(length),
    align: 'end',
    sortValue: ({ length }) => length,
  },
  { key: 'state', title: t('State'), text: ({ state }) => state, width: 18 },
  { key: 'message', title: t('Message'), text: ({ message }) => message?.message.summary ?? '', grow: true },
];

function streamRows({ streams }: RingSlotsView): StreamRow[] {
  return streams.flatMap(({ name, stretches, messages }) =>
    stretches.map(({ start, length, state }): StreamRow => {
      const own =
        state === 'free'
          ? []
          : messages.filter((message) => message.start >= start && message.start < start + length);
      return {
        key: `${name} ${start}`,
        stream: name,
        start,
        length,
        state: stateText(state),
        ...(own.length > 0 && {
          below: own.map((message) => ({
            key: `${name} message ${message.start}`,
            stream: name,
            start: message.start,
            length: message.length,
            state: message.isComplete ? t('complete') : t('incomplete'),
            message,
          })),
        }),
      };
    }),
  );
}

/** `select` is given the key of a part, as the drawing names it. */
export function twinTable(
  view: RingSlotsView,
  before: RingSlotsView | undefined,
  { selected, select }: { readonly selected: string | undefined; select(part: string): void },
): TemplateResult {
  const same = before?.ring.name === view.ring.name ? before : undefined;
  if (view.slots.length > 0) {
    return html`<xs-table
      label=${t('Slots of {0}', view.ring.name)}
      keep="slots"
      .rows=${view.slots}
      .columns=${slotColumns()}
      .rowKey=${({ slot }: Slot) => `slot ${slot}`}
      .previous=${same?.slots}
      .selected=${selected}
      @xs-select=${({ detail }: CustomEvent<RowEvent<Slot>>) => select(detail.key)}
    ></xs-table>`;
  }
  const rows = streamRows(view);
  return html`<xs-table
    label=${t('Bytes of {0}', view.ring.name)}
    keep="bytes"
    .rows=${rows}
    .columns=${streamColumns()}
    .rowKey=${({ key }: StreamRow) => key}
    .below=${({ below }: StreamRow) => below}
    .previous=${same && streamRows(same)}
    .selected=${selected}
    @xs-select=${({ detail }: CustomEvent<RowEvent<StreamRow>>) => select(detail.key)}
  ></xs-table>`;
}
