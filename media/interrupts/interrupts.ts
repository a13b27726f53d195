// Interrupts: the controller of a vCPU with every INTID, why what is pending is not taken, the list registers, and
// the pulse of what came lately.

import type { AddressSymbol } from '../../debug-adapter/protocol.ts';
import { choices, type Choice } from '../panel/choices.ts';
import { Memo } from '../panel/memo.ts';
import {
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
  t,
} from '../panel/panel.ts';
import { classOf, columnsFor, keyOf, placeOf } from './interrupt-columns.ts';
import { listRegisters, listRegisterStyles } from './list-registers.ts';
import { recent, recentStyles } from './recent.ts';
import { seconds, yes } from './texts.ts';
import type { Gic, Interrupt, Pending, Trace } from './views.ts';

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

const SHOWS: readonly Choice<Show>[] = [
  {
    value: 'used',
    title: t('In use'),
    hint: t('Enabled, pending, active, counted, or named by the device tree'),
  },
  { value: 'enabled', title: t('Enabled'), hint: t('Enabled in the distributor') },
  { value: 'pending', title: t('Pending'), hint: t('Pending') },
  { value: 'active', title: t('Active'), hint: t('Acknowledged and not ended') },
  { value: 'all', title: t('All'), hint: t('Every INTID that the controller has') },
];

/** Whether what is shown is the machine's own controller. */
const CONTROLLERS: readonly Choice<boolean>[] = [
  { value: false, title: t('Guest'), hint: t('What the guest sees: the virtual controller') },
  {
    value: true,
    title: t('Machine'),
    hint: t("The machine's own controller, which the hypervisor drives"),
  },
];

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
    return html`${
      this.domain < 0
        ? nothing
        : choices(t('Controller'), CONTROLLERS, this.isPhysical, (physical) => this.keep({ physical }))
    }
      ${choices(t('INTIDs'), SHOWS, show, (id) => this.keep({ show: id }))}`;
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
          .columns=${columnsFor(view.interrupts)}
          .rowKey=${keyOf}
          .previous=${previous?.interrupts}
          .filter=${this.filter}
          .rowClass=${classOf}
          emptyText=${t('No interrupt is in this state. Choose another one above, or All.')}
          @xs-select=${(event: CustomEvent<RowEvent<Interrupt>>) => this.select(event.detail.row)}
          @xs-menu=${(event: CustomEvent<RowEvent<Interrupt> & { x: number; y: number }>) => this.onMenu(event.detail)}
        ></xs-table>
        <div slot="end" class="more">
          ${this.details(view, previous)} ${listRegisters(view, previous)} ${this.recent()}
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
        ...item(t('Last'), ({ lastNanoseconds }) => seconds(lastNanoseconds)),
      ]}></xs-details>
    </section>`;
  }

  private recent(): unknown {
    const trace = this.view('trace');
    if (!trace) return nothing;
    return recent(trace, this.kept.pulseAsTable ?? false, (pulseAsTable) => this.keep({ pulseAsTable }));
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
    listRegisterStyles,
    recentStyles,
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
    `,
  ];
}

const codeReference = ({ domain, vcpu, pc }: Gic): string =>
  `${domain < 0 ? 'host' : `d${domain}`}/va@v${vcpu}:${pc}`;

definePanel('xs-interrupts', InterruptsPanel);
