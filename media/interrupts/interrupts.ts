// Interrupts: the controller of a vCPU with every INTID, why what is pending is not taken, the list registers, and
// the pulse of what came lately.

import type { AddressSymbol, Inspections } from '../../debug-adapter/protocol.ts';
import {
  Panel,
  type Column,
  type Detail,
  type Query,
  type RowEvent,
  css,
  definePanel,
  host,
  html,
  icon,
  nothing,
  t,
} from '../panel/panel.ts';
import { drawPulse, pulseStyles, summaryOf } from './pulse.ts';

type Gic = Inspections['gic']['view'];
type Trace = Inspections['gicTrace']['view'];
type Interrupt = Gic['interrupts'][number];
type ListRegister = NonNullable<Gic['listRegisters']>[number];
type Pending = Gic['pending'][number];
type Count = Trace['counts'][number];
type Injection = Trace['injections'][number];

type Show = 'used' | 'enabled' | 'pending' | 'active' | 'all';

interface Kept {
  readonly show: Show;
  readonly physical: boolean;
  readonly pulseAsTable: boolean;
}

/** Of the last injections; more are a question to the command line. */
const LISTED_INJECTIONS = 200;

/** Sentences above the table. */
const MOST_SENTENCES = 30;

const SHOWS = (): readonly (readonly [Show, string, string])[] => [
  ['used', t('In use'), t('Enabled, pending, active, counted, or named by the device tree')],
  ['enabled', t('Enabled'), t('Enabled in the distributor')],
  ['pending', t('Pending'), t('Pending')],
  ['active', t('Active'), t('Acknowledged and not ended')],
  ['all', t('All'), t('Every INTID that the controller has')],
];

const yes = (flag: boolean): string => (flag ? t('yes') : t('no'));

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
    text: ({ lastNanoseconds }) => secondsOf(lastNanoseconds),
    sortValue: ({ lastNanoseconds = -1 }) => lastNanoseconds,
    align: 'end',
    mono: true,
  },
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

const LIST_REGISTERS: readonly Column<ListRegister>[] = [
  { key: 'index', title: t('LR'), text: ({ index }) => String(index), align: 'end' },
  { key: 'raw', title: t('Value'), text: ({ raw }) => raw, mono: true },
  { key: 'state', title: t('State'), text: ({ state }) => state },
  { key: 'intid', title: t('INTID'), text: ({ intid }) => String(intid), align: 'end', mono: true },
  { key: 'name', title: t('Name'), text: ({ name = '' }) => name, grow: true },
  { key: 'priority', title: t('Priority'), text: ({ priority }) => priority, mono: true },
  { key: 'group', title: t('Group'), text: ({ group }) => String(group), align: 'end' },
  { key: 'hardware', title: t('HW'), text: ({ hardware }) => yes(hardware), width: 4 },
  {
    key: 'physical',
    title: t('Physical'),
    text: ({ physicalIntid }) => (physicalIntid === undefined ? '' : String(physicalIntid)),
    align: 'end',
  },
  { key: 'eoi', title: t('EOI maintenance'), text: ({ eoiMaintenance }) => yes(eoiMaintenance) },
];

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
    text: ({ nanoseconds }) => secondsOf(nanoseconds),
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

/** Keeps a result while what it was made from is the same: tables notice new arrays. */
class Memo<Result> {
  private key: readonly unknown[] | undefined;
  private result: Result | undefined;

  of(key: readonly unknown[], make: () => Result): Result {
    const { key: last } = this;
    if (!last || key.some((part, i) => part !== last[i])) {
      this.key = key;
      this.result = make();
    }
    return this.result as Result;
  }
}

class InterruptsPanel extends Panel<{ gic: Gic; trace: Trace }, Kept> {
  static override picks = 'vcpu' as const;
  static override filters = true;

  private selected: number | undefined;
  /** The name of the PC that was asked for last. */
  private symbol: { readonly pc: string; readonly name: string } | undefined;
  private readonly shown = new Memo<readonly Interrupt[]>();

  protected override queries(): { gic: Query; trace: Query } {
    const { domain, vcpu } = this;
    const { show = 'used' } = this.kept;
    const all = show === 'all';
    return {
      gic: { request: 'xen/gic', arguments: { domain, vcpu, all, physical: this.isPhysical } },
      trace: { request: 'xen/gicTrace', arguments: { domain, limit: LISTED_INJECTIONS } },
    };
  }

  protected override toolbar(): unknown {
    const { show = 'used' } = this.kept;
    const choice = (physical: boolean, title: string, hint: string): unknown => html`<button
      aria-pressed=${String(this.isPhysical === physical)}
      title=${hint}
      @click=${() => this.keep({ physical })}
    >${title}</button>`;
    return html`${
      this.domain < 0
        ? nothing
        : html`<span role="group" aria-label=${t('Controller')}>
              ${choice(false, t('Guest'), t('What the guest sees: the virtual controller'))}
              ${choice(true, t('Machine'), t("The machine's own controller, which the hypervisor drives"))}
            </span>`
    }
      <span role="group" aria-label=${t('INTIDs')}>
        ${SHOWS().map(
          ([id, title, hint]) => html`<button
            aria-pressed=${String(show === id)}
            title=${hint}
            @click=${() => this.keep({ show: id })}
          >${title}</button>`,
        )}
      </span>`;
  }

  protected override body(): unknown {
    const view = this.view('gic');
    if (!view) return nothing;
    void this.namePc(view);
    const previous = this.comparable(view);
    const { show = 'used' } = this.kept;
    const rows = this.shown.of([view, show], () =>
      view.interrupts.filter((row) => show === 'used' || show === 'all' || row[show]),
    );
    return html`${this.head(view)}
      <xs-split keep="interrupts" .at=${56} ?stacked=${window.innerWidth < 1500}>
        <xs-table
          slot="start"
          label=${t('Interrupts')}
          keep="interrupts"
          .rows=${rows}
          .columns=${view.interrupts.some(hasHardware) ? COLUMNS_WITH_HARDWARE : COLUMNS}
          .rowKey=${keyOf}
          .previous=${previous?.interrupts}
          .filter=${this.filter}
          .rowClass=${classOf}
          emptyText=${t('No interrupt is in this state. Choose another one above, or All.')}
          @xs-select=${(event: CustomEvent<RowEvent<Interrupt>>) => this.select(event.detail.row)}
          @xs-menu=${(event: CustomEvent<RowEvent<Interrupt> & { x: number; y: number }>) => this.onMenu(event.detail)}
        ></xs-table>
        <div slot="end" class="more">
          ${this.details(view, previous)} ${this.listRegisters(view, previous)} ${this.recent()}
          ${this.registers(view, previous)}
        </div>
      </xs-split>`;
  }

  // ------------------------------------------------------------------------------------ what is above

  private head(view: Gic): unknown {
    const elsewhere = view.processors.filter(({ vcpu, pending }) => vcpu !== view.vcpu && pending > 0);
    const pending = [...view.pending, ...(view.virtualPending ?? [])];
    return html`<section class="head">
      <h2>${view.title}</h2>
      <p class="quiet">
        ${t('{0}, EL{1}, PC', view.state, view.el)}
        <xs-address kind="source" reference=${codeReference(view)}>${view.pc}</xs-address>${
          this.symbol?.pc === view.pc && this.symbol.name !== '' ? ` (${this.symbol.name})` : ''
        }
        · ${view.summary}
      </p>
      ${
        pending.length === 0
          ? html`<p>${icon('check')} ${t('No interrupt is pending.')}</p>`
          : html`<ul aria-label=${t('Pending interrupts, and why they are not taken')}>
              ${pending.slice(0, MOST_SENTENCES).map((one) => this.pendingItem(one, view))}
              ${
                pending.length > MOST_SENTENCES
                  ? html`<li class="quiet">${t('{0} more are in the table', pending.length - MOST_SENTENCES)}</li>`
                  : nothing
              }
            </ul>`
      }
      ${
        elsewhere.length === 0
          ? nothing
          : html`<p class="quiet">${t(
              'Pending elsewhere: {0}',
              elsewhere.map(({ vcpu, pending: count }) => t('v{0}: {1}', vcpu, count)).join(', '),
            )}</p>`
      }
    </section>`;
  }

  private pendingItem({ intid, name, vcpu, obstacle, why }: Pending, view: Gic): unknown {
    const title = name === undefined ? t('INTID {0}', intid) : t('INTID {0} ({1})', intid, name);
    const other = vcpu === view.vcpu ? '' : t(' for v{0}', vcpu);
    return html`<li class=${obstacle === 'none' ? '' : 'held'}>
      ${icon(obstacle === 'none' ? 'check' : 'warning')} <strong>${title}${other}:</strong> ${why}
    </li>`;
  }

  // ------------------------------------------------------------------------------------ what is beside

  private details(view: Gic, previous: Gic | undefined): unknown {
    const row = view.interrupts.find(({ intid }) => intid === this.selected);
    if (!row) return nothing;
    const old = previous?.interrupts.find(({ intid }) => intid === row.intid);
    const item = (label: string, text: (one: Interrupt) => string | undefined): Detail[] => {
      const value = text(row);
      const before = old && text(old);
      return value === undefined || value === ''
        ? []
        : [{ label, value, ...(before !== undefined && { previous: before }) }];
    };
    const number = (value: number | undefined): string | undefined =>
      value === undefined ? undefined : String(value);
    return html`<section>
      <h2>${t('INTID {0}', row.intid)}${row.name === undefined ? '' : ` · ${row.name}`}</h2>
      <xs-details .items=${[
        ...item(t('State'), ({ state }) => state),
        ...item(t('Why it is not taken'), ({ why }) => why),
        ...item(t('Node'), ({ node }) => node),
        ...item(t('Enabled'), ({ enabled }) => yes(enabled)),
        ...item(t('Priority'), ({ priority }) => priority),
        ...item(t('List register'), placeOf),
        ...item(t('Count'), ({ count }) => number(count)),
        ...item(t('Merged'), ({ merged }) => number(merged)),
        ...item(t('Ended'), ({ ended }) => number(ended)),
        ...item(t('Last'), ({ lastNanoseconds }) => secondsOf(lastNanoseconds)),
      ]}></xs-details>
    </section>`;
  }

  private listRegisters(view: Gic, previous: Gic | undefined): unknown {
    if (!view.listRegisters) return nothing;
    return html`<section>
      <h2>${t('List registers')}</h2>
      <xs-table
        class="list-registers"
        label=${t('List registers')}
        .rows=${view.listRegisters}
        .columns=${LIST_REGISTERS}
        .rowKey=${indexOf}
        .previous=${previous?.listRegisters}
        .rowClass=${({ state }: ListRegister) => (state === 'invalid' ? 'quiet' : undefined)}
      ></xs-table>
    </section>`;
  }

  private recent(): unknown {
    const trace = this.view('trace');
    if (!trace) return nothing;
    const { pulse, counts, injections, note } = trace;
    return html`<section>
      <xs-drawing
        label=${t('Recent interrupts')}
        summary=${summaryOf(pulse.series)}
        .twin=${this.kept.pulseAsTable ?? false}
        @xs-twin=${(event: CustomEvent<{ twin: boolean }>) => this.keep({ pulseAsTable: event.detail.twin })}
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

  private registers(view: Gic, previous: Gic | undefined): unknown {
    const items = view.registers.map(({ name, value, meaning }): Detail => {
      const old = previous?.registers.find((register) => register.name === name);
      return {
        label: name,
        value: html`<span class="mono">${value}</span> <span class="quiet">${meaning}</span>`,
        text: value,
        ...(old && { previous: old.value }),
      };
    });
    return html`<section>
      <h2>${t('Registers')}</h2>
      <xs-details .items=${items}></xs-details>
    </section>`;
  }

  // ------------------------------------------------------------------------------------ the rest

  private get isPhysical(): boolean {
    return this.domain >= 0 && (this.kept.physical ?? false);
  }

  /** The view at the last stop, if it is of the same controller and vCPU. */
  private comparable({ title }: Gic): Gic | undefined {
    const previous = this.previous('gic');
    return previous?.title === title ? previous : undefined;
  }

  private select({ intid }: Interrupt): void {
    this.selected = intid;
    this.requestUpdate();
  }

  private async namePc({ domain, pc }: Gic): Promise<void> {
    if (this.symbol?.pc === pc) return;
    this.symbol = { pc, name: '' };
    try {
      const { symbols } = await this.ask<{ symbols: readonly (AddressSymbol | null)[] }>('xen/symbols', {
        domain,
        addresses: [pc],
      });
      if (this.symbol.pc !== pc || !symbols[0]) return;
      this.symbol = { pc, name: symbols[0].name };
      this.requestUpdate();
    } catch {
      // The address does without a name.
    }
  }

  private onMenu({ row, x, y }: RowEvent<Interrupt> & { x: number; y: number }): void {
    const sentence = `INTID ${row.intid}${row.name === undefined ? '' : ` (${row.name})`}: ${row.why ?? row.state}`;
    this.menu({ x, y }, [
      { label: t('Copy as a sentence'), icon: 'copy', run: () => host.copy(`${sentence}\n`) },
    ]);
  }

  static override styles = [
    Panel.styles,
    pulseStyles,
    css`
      .head {
        padding: 6px 12px;
        border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
        max-height: 40vh;
        overflow: auto;
      }
      .head p {
        margin: 4px 0;
      }
      ul {
        margin: 4px 0;
        padding: 0;
        list-style: none;
      }
      li {
        padding: 1px 0;
      }
      .held .icon {
        color: var(--vscode-editorWarning-foreground);
      }
      xs-table[slot='start'] {
        height: 100%;
      }
      .more section {
        padding: 8px 12px;
      }
      .more h2 {
        margin-bottom: 4px;
      }
      .list-registers {
        height: 126px;
      }
      .counts {
        height: 180px;
      }
      .injections {
        height: 260px;
      }
    `,
  ];
}

function stateOf({ state, pending, active, obstacle }: Interrupt): unknown {
  if (!pending && !active) return html`<span class="quiet">${state}</span>`;
  const held = pending && obstacle !== undefined && obstacle !== 'none';
  return html`<xs-chip .state=${held ? 'warning' : 'active'}>${state}</xs-chip>`;
}

function placeOf({ listRegister, listRegisterState, waiting }: Interrupt): string {
  if (listRegister !== undefined) return `${listRegister} ${listRegisterState ?? ''}`.trim();
  return waiting === true ? t('waits') : '';
}

const codeReference = ({ domain, vcpu, pc }: Gic): string =>
  `${domain < 0 ? 'host' : `d${domain}`}/va@v${vcpu}:${pc}`;

const secondsOf = (nanoseconds: number | undefined): string =>
  nanoseconds === undefined ? '' : `${(nanoseconds / 1e9).toFixed(6)} s`;

const microseconds = (nanoseconds: number | undefined): string =>
  nanoseconds === undefined ? '' : `${(nanoseconds / 1000).toFixed(1)} µs`;

const hasHardware = ({ physicalIntid }: Interrupt): boolean => physicalIntid !== undefined;
const keyOf = ({ intid }: Interrupt): string => String(intid);
const indexOf = ({ index }: ListRegister): string => String(index);
const countKey = ({ vcpu, intid }: Count): string => `${vcpu} ${intid}`;
const injectionKey = ({ instructions, nanoseconds, vcpu, intid }: Injection): string =>
  `${instructions} ${nanoseconds} ${vcpu} ${intid}`;

const classOf = ({ enabled, pending, active, obstacle }: Interrupt): string | undefined => {
  if (pending && obstacle !== 'none') return 'warning';
  return enabled || pending || active ? undefined : 'quiet';
};

definePanel('xs-interrupts', InterruptsPanel);
