// PV rings: the list with what is the matter with each, one of them drawn, its messages decoded, and what passed
// through it.

import {
  type Column,
  Panel,
  type Detail,
  type Query,
  type RowEvent,
  css,
  definePanel,
  host,
  html,
  icon,
  nothing,
  styled,
  svg,
  t,
} from '../panel/panel.ts';
import { asCsv, asText, momentText, timeText } from './format.ts';
import { drawing, drawingStyles, legend, partsOf, stateText } from './ring-drawing.ts';
import type {
  HistoryMessage,
  HistoryView,
  Message,
  Ring,
  RingEnd,
  RingIndex,
  RingSlotsView,
  RingsView,
  Slot,
  WaitingMessage,
} from './views.ts';

interface Views {
  readonly rings: RingsView;
  readonly slots: RingSlotsView;
  readonly history: HistoryView;
}

interface Kept {
  readonly ring: string;
  /** Key of the chosen part of the drawing. */
  readonly part: string;
  /** The table instead of the drawing. */
  readonly asTable: boolean;
  /** History of all rings of the domain. */
  readonly allRings: boolean;
  readonly wholeHistory: boolean;
  /** Chosen message of the history. */
  readonly message: string;
}

/** While more are not asked for: a table that is refreshed while the machine runs. */
const SHORT_HISTORY = 200;

type HealthKind = Ring['health']['kind'];
const CHIPS: Readonly<Record<HealthKind, 'idle' | 'active' | 'error' | 'warning' | 'info'>> = {
  idle: 'idle',
  busy: 'active',
  stuck: 'error',
  suspicious: 'warning',
  'not connected': 'info',
  impossible: 'error',
  unreadable: 'warning',
};

const URGENT: readonly HealthKind[] = ['stuck', 'impossible', 'suspicious'];

const healthText = (kind: HealthKind): string => {
  switch (kind) {
    case 'idle':
      return t('idle');
    case 'busy':
      return t('under way');
    case 'stuck':
      return t('stuck');
    case 'suspicious':
      return t('suspicious');
    case 'not connected':
      return t('not connected');
    case 'impossible':
      return t('impossible');
    case 'unreadable':
      return t('unreadable');
  }
};

const ringColumns = (): readonly Column<Ring>[] => [
  { key: 'name', title: t('Ring'), text: ({ name }) => name, mono: true },
  {
    key: 'health',
    title: t('State'),
    text: ({ health }) => healthText(health.kind),
    render: ({ health }) => html`<xs-chip .state=${CHIPS[health.kind]}>${healthText(health.kind)}</xs-chip>`,
    width: 15,
  },
  {
    key: 'sentence',
    title: t('Who waits for whom'),
    text: ({ health }) => health.sentence,
    grow: true,
    width: 24,
  },
  { key: 'occupancy', title: t('Room'), text: ({ occupancy }) => occupancy, width: 24 },
  { key: 'protocol', title: t('Protocol'), text: ({ protocol }) => protocol },
  { key: 'backend', title: t('Backend'), text: ({ backend }) => endName(backend) },
];

const endName = ({ domain, domainName }: RingEnd): string =>
  domain === undefined ? t('unknown') : domainName === undefined ? `d${domain}` : `d${domain} ${domainName}`;

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

class RingsPanel extends Panel<Views, Kept> {
  static override picks = 'domain' as const;
  static override filters = true;

  private readonly narrow = matchMedia('(max-width: 900px)');

  override connectedCallback(): void {
    super.connectedCallback();
    this.narrow.addEventListener('change', () => this.requestUpdate());
  }

  protected override queries(): { rings: Query; slots: Query | undefined; history: Query | undefined } {
    const { domain } = this;
    const ring = this.chosenRing?.name;
    return {
      rings: { request: 'xen/rings', arguments: { domain } },
      slots: ring === undefined ? undefined : { request: 'xen/ringSlots', arguments: { domain, ring } },
      history:
        ring === undefined
          ? undefined
          : { request: 'xen/ringHistory', arguments: this.historyArguments(ring) },
    };
  }

  private historyArguments(ring: string): Readonly<Record<string, unknown>> {
    return {
      domain: this.domain,
      ...(!this.kept.allRings && { ring }),
      ...(!this.kept.wholeHistory && { last: SHORT_HISTORY }),
    };
  }

  /** The one that was chosen; else the first that needs a look, else the first. */
  private get chosenRing(): Ring | undefined {
    const rings = this.view('rings')?.rings ?? [];
    const byUrgency = URGENT.flatMap((kind) => rings.filter(({ health }) => health.kind === kind));
    return rings.find(({ name }) => name === this.kept.ring) ?? byUrgency[0] ?? rings[0];
  }

  /** A link names a ring. */
  protected override show({ ring }: Readonly<Record<string, unknown>>): void {
    if (typeof ring === 'string') this.keep({ ring, part: '' });
  }

  protected override body(): unknown {
    const view = this.view('rings');
    if (!view) return nothing;
    if (view.rings.length === 0) {
      return html`<p class="pad quiet">
        ${t('No ring is connected in {0}. A guest connects its first ones when its console and xenstore drivers start; run it a little further.', this.domainName(this.domain))}
      </p>`;
    }
    const ring = this.chosenRing;
    return html`<xs-split keep="rings" .at=${22} stacked>
      <div slot="start" class="column">
        <xs-table
          class="fill"
          label=${t('Rings')}
          keep="rings"
          .rows=${view.rings}
          .columns=${ringColumns()}
          .rowKey=${({ name }: Ring) => name}
          .previous=${this.previous('rings')?.rings}
          .selected=${ring?.name}
          .rowClass=${({ health }: Ring) => (health.kind === 'stuck' || health.kind === 'impossible' ? 'error' : undefined)}
          @xs-select=${({ detail }: CustomEvent<RowEvent<Ring>>) => this.choose(detail.key)}
        ></xs-table>
        ${view.isIncomplete ? html`<p class="quiet pad">${t('There are more rings than are looked for.')}</p>` : nothing}
      </div>
      <div slot="end" class="column">${ring ? this.ringBody(ring) : nothing}</div>
    </xs-split>`;
  }

  private choose(ring: string): void {
    if (ring !== this.chosenRing?.name) this.keep({ ring, part: '', message: '' });
  }

  private ringBody(ring: Ring): unknown {
    const slots = this.view('slots');
    const view = slots?.ring.name === ring.name ? slots : undefined;
    const shown = view?.ring ?? ring;
    return html`
      <p class="health" role="status">
        <xs-chip .state=${CHIPS[shown.health.kind]}>${healthText(shown.health.kind)}</xs-chip>
        <strong>${shown.name}</strong> ${shown.health.sentence}
      </p>
      <xs-split class="fill" keep="ring" .at=${52} ?stacked=${this.narrow.matches}>
        <div slot="start" class="column">${view ? this.inside(view) : this.unread(shown)}</div>
        <div slot="end" class="column">${this.history(shown)}</div>
      </xs-split>
    `;
  }

  private unread(ring: Ring): unknown {
    const failure = this.failure('slots');
    return html`<div class="scroll">${failure === undefined ? nothing : html`<p class="error">${failure}</p>`} ${this.ends(ring)}</div>`;
  }

  private inside(view: RingSlotsView): unknown {
    const { ring } = view;
    const parts = partsOf(view);
    const selected = this.kept.part;
    const before = this.previous('slots');
    const select = (part: string): void => {
      this.keep({ part });
      const label = parts.find(({ key }) => key === part)?.label;
      if (label !== undefined) this.announce(label);
    };
    return html`<div class="scroll">
      ${
        parts.length === 0
          ? html`<p class="quiet">${t('There is nothing to draw: {0}.', ring.health.sentence)}</p>`
          : html`<xs-drawing
              label=${t('Inside {0}', ring.name)}
              summary=${`${ring.occupancy}. ${ring.health.sentence}.`}
              .twin=${this.kept.asTable ?? false}
              @xs-twin=${({ detail }: CustomEvent<{ twin: boolean }>) => this.keep({ asTable: detail.twin })}
            >
              <div slot="drawing">
                ${drawing(view, { selected, select })}
                ${legend(parts)}
              </div>
              <div slot="table" class="twin">${this.twin(view, before, select)}</div>
            </xs-drawing>`
      }
      ${this.chosenPart(view)} ${this.ends(ring)}
    </div>`;
  }

  private twin(
    view: RingSlotsView,
    before: RingSlotsView | undefined,
    select: (part: string) => void,
  ): unknown {
    const same = before?.ring.name === view.ring.name ? before : undefined;
    if (view.slots.length > 0) {
      return html`<xs-table
        label=${t('Slots of {0}', view.ring.name)}
        keep="slots"
        .rows=${view.slots}
        .columns=${slotColumns()}
        .rowKey=${({ slot }: Slot) => `slot ${slot}`}
        .previous=${same?.slots}
        .selected=${this.kept.part}
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
      .selected=${this.kept.part}
      @xs-select=${({ detail }: CustomEvent<RowEvent<StreamRow>>) => select(detail.key)}
    ></xs-table>`;
  }

  /** The decoded message of the part that was chosen. */
  private chosenPart(view: RingSlotsView): unknown {
    const { domain } = view.ring;
    const slot = view.slots.find((candidate) => `slot ${candidate.slot}` === this.kept.part);
    if (slot) {
      const about: Detail[] = [
        { label: t('State'), value: stateText(slot.state) },
        { label: t('Index'), value: String(slot.index), mono: true },
        ...(slot.ipa === undefined
          ? []
          : [{ label: t('Address'), value: memoryLink(domain, slot.ipa), text: slot.ipa }]),
        ...(slot.age === undefined ? [] : [{ label: t('Age'), value: timeText(slot.age) }]),
        ...(slot.latency === undefined ? [] : [{ label: t('Latency'), value: timeText(slot.latency) }]),
        ...(slot.note === undefined ? [] : [{ label: t('Note'), value: slot.note }]),
      ];
      return html`<section aria-label=${t('Slot {0}', slot.slot)}>
        <h2>${t('Slot {0}', slot.slot)}${slot.message ? html`: ${slot.message.summary}` : nothing}</h2>
        <xs-details .items=${[...about, ...this.fieldsOf(slot.message, domain)]}></xs-details>
      </section>`;
    }
    const stream = view.streams.find(({ name }) => this.kept.part?.startsWith(`${name} `));
    if (!stream || stream.messages.length === 0) return nothing;
    return html`<section aria-label=${t('Messages in {0}', stream.name)}>
      ${stream.messages.slice(0, 20).map(
        (message) => html`<h2>
            ${message.message.summary || t('(empty line)')}
            ${message.isComplete ? nothing : html`<span class="quiet">${t('incomplete')}</span>`}
          </h2>
          <xs-details .items=${this.fieldsOf(message.message, domain)}></xs-details>`,
      )}
      ${stream.messages.length + stream.more > 20 ? html`<p class="quiet">${t('{0} messages more', stream.messages.length + stream.more - 20)}</p>` : nothing}
    </section>`;
  }

  private fieldsOf(message: Pick<Message, 'fields'> | undefined, domain: number): Detail[] {
    return (message?.fields ?? []).map(({ name, value, words, grantReference }) => ({
      label: name,
      mono: true,
      text: value,
      value: html`${
        grantReference === undefined
          ? value
          : html`<button class="link mono" title=${t('Show the grant')} @click=${() => this.showGrant(domain, grantReference)}>${value}</button>`
      }${words === undefined ? nothing : html` <span class="quiet">${words}</span>`}`,
    }));
  }

  private showGrant(domain: number, reference: number): void {
    this.open({ kind: 'panel', panel: 'event-channels', arguments: { domain, reference } });
  }

  private ends(ring: Ring): unknown {
    return html`<section aria-label=${t('Both sides')}>
      <h2>${t('Both sides')}</h2>
      <xs-details .items=${[...this.endItems(t('Frontend'), ring.frontend), ...this.endItems(t('Backend'), ring.backend), ...this.pageItems(ring), ...this.noteItems(ring)]}></xs-details>
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
                .previous=${this.previousRing(ring)?.indices}
              ></xs-table>
            </div>`
      }
    </section>`;
  }

  private previousRing(ring: Ring): Ring | undefined {
    return this.previous('rings')?.rings.find(
      ({ name, domain }) => name === ring.name && domain === ring.domain,
    );
  }

  private endItems(label: string, end: RingEnd): Detail[] {
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
        value: html`${endName(end)}: ${this.portLink(end)}${words
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
              value: html`<button class="link mono" @click=${() => this.open({ kind: 'panel', panel: 'xenstore', arguments: { path: directory } })}>${directory}</button>`,
            },
          ]),
    ];
  }

  private portLink({ domain, port }: RingEnd): unknown {
    if (port === undefined) return nothing;
    const link = { kind: 'panel', panel: 'event-channels', arguments: { domain, port } } as const;
    return html`<button class="link" title=${t('Show the event channel')} @click=${() => this.open(link)}>${t('port {0}', port)}</button>`;
  }

  private pageItems({ pages, domain }: Ring): Detail[] {
    return pages.map(({ reference, ipa, pa }, index) => ({
      label: pages.length === 1 ? t('Page') : t('Page {0}', index),
      value: html`${ipa === undefined ? t('not mapped') : memoryLink(domain, ipa)}
      ${pa === undefined ? nothing : html`<span class="quiet">${t('at PA {0}', pa)}</span>`}
      ${
        reference === undefined
          ? nothing
          : html`<button class="link" @click=${() => this.showGrant(domain, reference)}>${t('grant reference {0}', reference)}</button>`
      }`,
    }));
  }

  private noteItems({ notifications, recorded }: Ring): Detail[] {
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

  // ----------------------------------------------------------------------------------- history

  private history(ring: Ring): unknown {
    const view = this.view('history');
    const { allRings = false, wholeHistory = false } = this.kept;
    const chosen = view?.messages.find((message) => messageKey(message) === this.kept.message);
    return html`
      <div class="bar">
        <h2>${t('History')}</h2>
        <span class="space"></span>
        <button aria-pressed=${String(allRings)} @click=${() => this.keep({ allRings: !allRings })}>${t('All rings')}</button>
        <button aria-pressed=${String(wholeHistory)} title=${t('The last thousand messages instead of the last {0}', SHORT_HISTORY)} @click=${() => this.keep({ wholeHistory: !wholeHistory })}>
          ${t('Whole')}
        </button>
        <button @click=${(event: MouseEvent) => this.exportMenu(event, ring)} aria-haspopup="menu">${icon('export')} ${t('Export')}</button>
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
        .filter=${this.filter}
        .sort=${{ column: 'moment', descending: true }}
        .selected=${this.kept.message}
        emptyText=${view ? t('Nothing passed through this ring yet.') : t('Asking the machine …')}
        @xs-select=${({ detail }: CustomEvent<RowEvent<HistoryMessage>>) => this.keep({ message: detail.key })}
      ></xs-table>
      ${
        chosen
          ? html`<section class="chosen" aria-label=${t('Message {0}', chosen.number)}>
              <xs-details
                .items=${[
                  { label: t('Message'), value: `${chosen.ring} #${chosen.number}` },
                  ...(chosen.counterpart === undefined
                    ? []
                    : [
                        {
                          label: chosen.kind === 'request' ? t('Answered by') : t('Answers'),
                          value: `#${chosen.counterpart}`,
                        },
                      ]),
                  ...this.fieldsOf(chosen, chosen.domain),
                ]}
              ></xs-details>
            </section>`
          : nothing
      }
    `;
  }

  private exportMenu({ clientX, clientY }: MouseEvent, ring: Ring): void {
    const name = this.kept.allRings ? `rings of domain ${this.domain}` : ring.name;
    const save = (extension: string, write: (messages: readonly HistoryMessage[]) => string) => (): void => {
      void this.exportAs(`${name}.${extension}`, ring, write);
    };
    this.menu({ x: clientX, y: clientY }, [
      { label: t('As JSON'), run: save('json', (messages) => `${JSON.stringify(messages, undefined, 2)}\n`) },
      { label: t('As CSV'), run: save('csv', asCsv) },
      { label: t('As text'), run: save('txt', asText) },
    ]);
  }

  /** All that is known, whatever is shown. */
  private async exportAs(
    name: string,
    ring: Ring,
    write: (messages: readonly HistoryMessage[]) => string,
  ): Promise<void> {
    const { domain, kept } = this;
    try {
      const args = { domain, ...(!kept.allRings && { ring: ring.name }) };
      const { messages } = await this.ask<HistoryView>('xen/ringHistory', args);
      host.export(name, write(messages));
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
    }
  }

  static override styles = [
    Panel.styles,
    drawingStyles,
    css`
      .column {
        display: flex;
        flex-direction: column;
        height: 100%;
        min-height: 0;
      }
      .fill {
        flex: 1;
        min-height: 60px;
      }
      .scroll {
        flex: 1;
        min-height: 0;
        overflow: auto;
        padding: 4px 8px;
      }
      .health {
        margin: 0;
        padding: 6px 8px;
        border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
      }
      .twin,
      .indices {
        display: flex;
      }
      .twin {
        height: 320px;
      }
      .twin > *,
      .indices > * {
        flex: 1;
      }
      section {
        padding: 6px 0;
      }
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
    `,
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

const memoryLink = (domain: number, ipa: string): unknown =>
  html`<xs-address reference=${`d${domain}/ipa:${ipa}`}>${ipa}</xs-address>`;

definePanel('xs-rings', RingsPanel);
