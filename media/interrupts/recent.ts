// What came lately: the pulse, and as its twin the counts and the last interrupts.

import { type Column, css, html, nothing, t } from '../panel/panel.ts';
import { drawPulse, pulseStyles, summaryOf } from './pulse.ts';
import { microseconds, seconds } from './texts.ts';
import type { Count, Injection, Trace } from './views.ts';

const COUNTS: readonly Column<Count>[] = [
  { key: 'vcpu', title: t('vCPU'), text: ({ vcpu }) => String(vcpu), align: 'end' },
  { key: 'intid', title: t('INTID'), text: ({ intid }) => String(intid), align: 'end', mono: true },
  { key: 'name', title: t('Name'), text: ({ name = '' }) => name, grow: true },
  { key: 'count', title: t('Count'), text: ({ count }) => String(count), align: 'end', mono: true },
  {
    key: 'merged',
    title: t('Merged'),
    text: ({ merged }) => String(merged),
    align: 'end',
    mono: true,
    hint: t('Came while one was pending: the guest sees one interrupt'),
  },
  { key: 'ended', title: t('Ended'), text: ({ ended }) => String(ended), align: 'end', mono: true },
  {
    key: 'rate',
    title: t('Per second'),
    text: ({ perSecond }) => String(perSecond),
    align: 'end',
    mono: true,
    hint: t('In the time of the pulse, for each second of virtual time'),
  },
  {
    key: 'mean',
    title: t('Mean latency'),
    text: ({ latency }) => microseconds(latency?.mean),
    align: 'end',
    mono: true,
    hint: t('From the edge until the hypervisor found it ended'),
  },
  {
    key: 'most',
    title: t('Most'),
    text: ({ latency }) => microseconds(latency?.most),
    align: 'end',
    mono: true,
  },
];

const INJECTIONS: readonly Column<Injection>[] = [
  {
    key: 'time',
    title: t('Time'),
    text: ({ nanoseconds }) => seconds(nanoseconds),
    align: 'end',
    mono: true,
  },
  {
    key: 'instructions',
    title: t('Instruction'),
    text: ({ instructions }) => String(instructions),
    align: 'end',
    mono: true,
  },
  { key: 'vcpu', title: t('vCPU'), text: ({ vcpu }) => String(vcpu), align: 'end' },
  { key: 'intid', title: t('INTID'), text: ({ intid }) => String(intid), align: 'end', mono: true },
  { key: 'name', title: t('Name'), text: ({ name = '' }) => name, grow: true },
  { key: 'state', title: t('State'), text: ({ state }) => state },
  {
    key: 'latency',
    title: t('Latency'),
    text: ({ latency }) => microseconds(latency),
    align: 'end',
    mono: true,
  },
];

/** `twin`: the tables are shown in place of the drawing. */
export function recent(
  { pulse, counts, injections, note }: Trace,
  twin: boolean,
  setTwin: (twin: boolean) => void,
): unknown {
  return html`<section>
    <xs-drawing
      label=${t('Recent interrupts')}
      summary=${summaryOf(pulse.series)}
      .twin=${twin}
      @xs-twin=${(event: CustomEvent<{ twin: boolean }>) => setTwin(event.detail.twin)}
    >
      <div slot="drawing">
        ${note === undefined ? nothing : html`<p class="quiet">${note}</p>`}
        ${
          pulse.series.length === 0
            ? html`<p class="quiet">${t('No interrupt came in this time.')}</p>`
            : drawPulse(pulse)
        }
      </div>
      <div slot="table">
        <xs-table class="counts" label=${t('Counts')} .rows=${counts} .columns=${COUNTS} .rowKey=${countKey}
          emptyText=${t('No interrupt came since the machine was started.')}></xs-table>
        <xs-table class="injections" label=${t('The last interrupts')} .rows=${injections} .columns=${INJECTIONS}
          .rowKey=${injectionKey} emptyText=${t('No interrupt came since the machine was started.')}></xs-table>
      </div>
    </xs-drawing>
  </section>`;
}

const countKey = ({ vcpu, intid }: Count): string => `${vcpu} ${intid}`;
const injectionKey = ({ instructions, nanoseconds, vcpu, intid }: Injection): string =>
  `${instructions} ${nanoseconds} ${vcpu} ${intid}`;

export const recentStyles = [
  pulseStyles,
  css`
    .counts {
      height: 180px;
    }
    .injections {
      height: 260px;
    }
  `,
];
