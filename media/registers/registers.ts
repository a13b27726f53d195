// System registers: every register of a vCPU by group and exception level, its fields with their values in words,
// what changed since the last stop, and a place to change them.

import { guard } from 'lit/directives/guard.js';
import { keyed } from 'lit/directives/keyed.js';
import type { AddressSymbol, XenRequests } from '../../debug-adapter/protocol.ts';
import { choices, type Choice } from '../panel/choices.ts';
import { Memo } from '../panel/memo.ts';
import {
  Panel,
  type Column,
  type Detail,
  type MenuItem,
  type Query,
  type RowEvent,
  css,
  definePanel,
  host,
  html,
  nothing,
  t,
} from '../panel/panel.ts';
import {
  type Level,
  type RegistersView,
  type Row,
  addressesOf,
  bitsOf,
  docOf,
  fieldName,
  nameOf,
  rowsOf,
  valueOf,
  wordsOf,
} from './register-rows.ts';

type RegisterInfo = XenRequests['xen/registerInfo']['result']['view'];
type SetRegister = XenRequests['xen/setRegister']['arguments'];

interface Kept {
  readonly level: Level;
  readonly changedOnly: boolean;
}

/** Of a group how many registers it has. */
function textOf(row: Row): string {
  if (row.kind !== 'group') return wordsOf(row);
  return row.below.length === 1 ? t('1 register') : t('{0} registers', row.below.length);
}

const COLUMNS: readonly Column<Row>[] = [
  { key: 'name', title: t('Register'), text: nameOf, width: 30, mono: true },
  { key: 'bits', title: t('Bits'), text: bitsOf, width: 9, mono: true, sortValue: false },
  { key: 'value', title: t('Value'), text: valueOf, mono: true, sortValue: false },
  { key: 'words', title: t('In words'), text: textOf, width: 38, sortValue: false },
  { key: 'doc', title: t('Meaning'), text: docOf, grow: true, width: 30, sortValue: false },
];

/** Unfolded before the user unfolds anything. */
const UNFOLDED = ['control-el1', 'translation-el1'];

const LEVELS: readonly Choice<Level>[] = [
  { value: 'all', title: t('All') },
  { value: 'core', title: t('Core') },
  { value: '0', title: 'EL0' },
  { value: '1', title: 'EL1' },
  { value: '2', title: 'EL2' },
];

/** Symbols of addresses that are kept: more than all registers of some vCPUs hold. */
const MOST_SYMBOLS = 2000;

class RegistersPanel extends Panel<{ registers: RegistersView }, Kept> {
  static override picks = 'vcpu' as const;
  static override filters = true;

  private selected: Row | undefined;
  private info: RegisterInfo | undefined;
  /** What the user writes into the box, until it is written or the row is left. */
  private draft: string | undefined;
  private refusal = '';
  private readonly symbols = new Map<string, string>();
  private readonly asked = new Set<string>();
  private readonly shown = new Memo<readonly Row[]>();
  private readonly all = new Memo<readonly Row[]>();
  private readonly earlier = new Memo<readonly Row[] | undefined>();

  protected override queries(): { registers: Query } {
    const { domain, vcpu } = this;
    return { registers: { request: 'xen/registers', arguments: { domain, vcpu } } };
  }

  protected override show(args: Readonly<Record<string, unknown>>): void {
    if (typeof args['filter'] === 'string') this.filter = args['filter'];
  }

  protected override toolbar(): unknown {
    const { level = 'all', changedOnly = false } = this.kept;
    return html`${choices(t('Exception level'), LEVELS, level, (id) => this.keep({ level: id }))}
      <button
        aria-pressed=${String(changedOnly)}
        title=${t('Show only registers that changed since the last stop')}
        @click=${() => this.keep({ changedOnly: !changedOnly })}
      >${t('Changed')}</button>`;
  }

  protected override body(): unknown {
    const view = this.view('registers');
    if (!view) return nothing;
    void this.nameAddresses(view);
    const { level = 'all', changedOnly = false } = this.kept;
    const previous = this.comparable(view);
    const { symbols } = this;
    const changedSince = changedOnly ? previous : undefined;
    const rows = this.shown.of([view, level, changedSince, symbols.size], () =>
      rowsOf(view, { level, symbols, changedSince }),
    );
    const before = this.earlier.of(
      [previous, symbols.size],
      () => previous && rowsOf(previous, { level: 'all', symbols }),
    );
    const none = changedOnly && !previous;
    // What changed is a list of its own, in which nothing hides in a folded group.
    const table = html`<xs-table
        slot="start"
        label=${t('Registers')}
        keep=${changedOnly ? '' : 'registers'}
        .rows=${none ? [] : rows}
        .columns=${COLUMNS}
        .rowKey=${keyOf}
        .below=${belowOf}
        .expanded=${guard(changedOnly ? [rows] : [], () => (changedOnly ? rows.map(keyOf) : UNFOLDED))}
        .previous=${before}
        .filter=${this.filter}
        .rowClass=${classOf}
        emptyText=${
          changedOnly
            ? t('No register changed since the last stop. Step or continue, and what changes is shown here.')
            : t('This vCPU has no registers of that level.')
        }
        @xs-select=${(event: CustomEvent<RowEvent<Row>>) => this.select(event.detail.row)}
        @xs-activate=${() => this.edit()}
        @xs-menu=${(event: CustomEvent<RowEvent<Row> & { x: number; y: number }>) => this.onMenu(event.detail)}
      ></xs-table>`;
    return html`<xs-split keep="registers" .at=${72} ?stacked=${window.innerWidth < 900}>
      ${keyed(changedOnly, table)}
      <div slot="end" class="details">${this.details(view, before)}</div>
    </xs-split>`;
  }

  /** The view at the last stop, if it is of the same vCPU. */
  private comparable({ domain, vcpu }: RegistersView): RegistersView | undefined {
    const previous = this.previous('registers');
    return previous?.domain === domain && previous.vcpu === vcpu ? previous : undefined;
  }

  // ------------------------------------------------------------------------------------ the register

  private details(view: RegistersView, before: readonly Row[] | undefined): unknown {
    // The row of the newest view, not the one that was clicked.
    const all = this.all.of([view, this.symbols.size], () =>
      rowsOf(view, { level: 'all', symbols: this.symbols }),
    );
    const row = this.selected && findRow(all, this.selected.key);
    if (!row)
      return html`<p class="quiet">${t('Choose a register to see what it is, and to change it.')}</p>`;
    if (row.kind === 'group') return html`<h2>${nameOf(row)}</h2><p class="quiet">${textOf(row)}</p>`;
    const old = before && findRow(before, row.key);
    const title = row.kind === 'field' ? `${row.register.name}.${nameOf(row)}` : row.register.name;
    return html`<h2 class="mono">${title}</h2>
      <p>${docOf(row)}</p>
      ${this.editor(row)}
      <xs-details .items=${this.items(row, old)}></xs-details>`;
  }

  private items(row: Exclude<Row, { kind: 'group' }>, old: Row | undefined): Detail[] {
    const { register } = row;
    const info = this.info?.name === register.name ? this.info : undefined;
    const text = (label: string, value: string | undefined, previous?: string): Detail[] =>
      value === undefined || value === ''
        ? []
        : [{ label, value, ...(previous !== undefined && { previous }) }];
    const values =
      row.kind === 'field' ? info?.fields.find(({ name }) => name === row.field.name)?.values : undefined;
    return [
      ...text(t('Value'), valueOf(row), old && valueOf(old)),
      ...text(t('Decimal'), decimalOf(valueOf(row))),
      ...text(t('In words'), wordsOf(row), old && wordsOf(old)),
      ...(row.kind === 'field' ? text(t('Bits'), bitsOf(row)) : []),
      ...(values ? text(t('Values'), values.join('; ')) : []),
      ...text(t('Note'), register.note),
      ...(info
        ? [
            ...text(t('Group'), `${info.group}, EL${info.el}`),
            ...text(t('Encoding'), info.encoding),
            ...text(t('Access'), t('{0}, from EL{1}', info.access, info.lowestEl)),
            ...text(t('Since'), info.since),
            ...text(t('After reset'), info.reset),
            ...text(t('Traps'), info.traps.join(' ')),
          ]
        : []),
    ];
  }

  private editor(row: Exclude<Row, { kind: 'group' }>): unknown {
    if (!isWritable(row)) return html`<p class="quiet">${t('It cannot be written.')}</p>`;
    const stopped = this.sessionState.phase === 'stopped';
    return html`<form @submit=${(event: Event) => this.write(event, row)}>
        <input
          id="value"
          type="text"
          class="mono"
          aria-label=${t('New value of {0}', nameOf(row))}
          aria-invalid=${this.refusal === '' ? 'false' : 'true'}
          aria-describedby="refusal"
          spellcheck="false"
          autocomplete="off"
          ?disabled=${!stopped}
          .value=${this.draft ?? valueOf(row)}
          @input=${(event: Event) => (this.draft = (event.target as HTMLInputElement).value)}
          @keydown=${this.onEditorKey}
        />
        <button class="secondary" ?disabled=${!stopped}>${t('Write')}</button>
      </form>
      <p id="refusal" role="alert" class="error">${this.refusal}</p>
      ${stopped ? nothing : html`<p class="quiet">${t('Pause the guest to change registers.')}</p>`}`;
  }

  private select(row: Row): void {
    if (this.selected?.key === row.key) return;
    this.selected = row;
    this.draft = undefined;
    this.refusal = '';
    this.requestUpdate();
    if (row.kind !== 'group') void this.explain(row.register.name);
  }

  private async explain(name: string): Promise<void> {
    if (this.info?.name === name || /^([xv]\d+|sp|pc|pstate)$/.test(name)) return;
    try {
      this.info = await this.ask<RegisterInfo>('xen/registerInfo', { name });
      this.requestUpdate();
    } catch {
      // The session has just ended: what the view says has to do.
    }
  }

  private edit(): void {
    const box = this.renderRoot.querySelector<HTMLInputElement>('#value');
    box?.focus();
    box?.select();
  }

  private onEditorKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    this.draft = undefined;
    this.refusal = '';
    this.requestUpdate();
    this.renderRoot
      .querySelector<HTMLElement>('xs-table')
      ?.shadowRoot?.querySelector<HTMLElement>('.scroller')
      ?.focus();
    event.preventDefault();
  }

  private async write(event: Event, row: Exclude<Row, { kind: 'group' }>): Promise<void> {
    event.preventDefault();
    const view = this.view('registers');
    const value = (this.draft ?? valueOf(row)).trim();
    if (!view) return;
    const { domain, vcpu } = view;
    const field = row.kind === 'field' ? { field: fieldName(row.field) } : {};
    const args: SetRegister = { domain, vcpu, name: row.register.name, ...field, value };
    try {
      await host.act('xen/setRegister', { ...args });
      this.draft = undefined;
      this.refusal = '';
      this.announce(t('{0} was written.', nameOf(row)));
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
    }
    this.requestUpdate();
  }

  // ------------------------------------------------------------------------------------- the rest

  private onMenu({ row, x, y }: RowEvent<Row> & { x: number; y: number }): void {
    if (row.kind === 'group') {
      const lines = row.below.map((one) => `${nameOf(one)}\t${valueOf(one)}\t${wordsOf(one)}`);
      this.menu({ x, y }, [
        { label: t('Copy group'), icon: 'copy', run: () => host.copy(`${lines.join('\n')}\n`) },
      ]);
      return;
    }
    const address = row.kind === 'register' ? addressOf(row) : undefined;
    const items: MenuItem[] = [
      { label: t('Copy value'), icon: 'copy', run: () => host.copy(valueOf(row)) },
      {
        label: t('Copy with words'),
        icon: 'copy',
        run: () => host.copy(`${nameOf(row)} = ${valueOf(row)} ${wordsOf(row)}`.trimEnd()),
      },
      {
        label: t('Change value'),
        icon: 'edit',
        run: isWritable(row) ? () => this.edit() : undefined,
        ...(isWritable(row) ? {} : { hint: t('It cannot be written.') }),
      },
    ];
    const view = this.view('registers');
    if (view && address !== undefined) {
      const reference = `${view.domain < 0 ? 'host' : `d${view.domain}`}/va@v${view.vcpu}:${address}`;
      items.push(
        { label: t('Show memory'), icon: 'go-to-file', run: () => this.open({ kind: 'memory', reference }) },
        { label: t('Show code'), icon: 'go-to-file', run: () => this.open({ kind: 'source', reference }) },
      );
    }
    this.menu({ x, y }, items);
  }

  /** Asks for the names of addresses that are new. */
  private async nameAddresses(view: RegistersView): Promise<void> {
    const addresses = addressesOf(view).filter((address) => !this.asked.has(address));
    if (addresses.length === 0) return;
    if (this.asked.size > MOST_SYMBOLS) {
      this.asked.clear();
      this.symbols.clear();
    }
    for (const address of addresses) this.asked.add(address);
    try {
      const { symbols } = await this.ask<{ symbols: readonly (AddressSymbol | null)[] }>('xen/symbols', {
        domain: view.domain,
        addresses,
      });
      symbols.forEach((symbol, i) => {
        if (symbol) this.symbols.set(addresses[i] as string, symbol.name);
      });
      if (symbols.some((symbol) => symbol !== null)) this.requestUpdate();
    } catch {
      // Without symbols the registers are there all the same.
    }
  }

  static override styles = [
    Panel.styles,
    css`
      .details {
        padding: 8px 12px;
      }
      .details p {
        margin: 6px 0;
      }
      form {
        display: flex;
        gap: 6px;
        margin: 6px 0;
      }
      form input {
        flex: 1;
      }
      #refusal:empty {
        display: none;
      }
    `,
  ];
}

const keyOf = (row: Row): string => row.key;
const belowOf = (row: Row): readonly Row[] | undefined => row.below;
const classOf = (row: Row): string | undefined =>
  row.kind === 'field' && (row.field.reserved || BigInt(row.field.value) === 0n) ? 'quiet' : undefined;

/** Depth first; parts of fields included. */
function findRow(rows: readonly Row[], key: string): Row | undefined {
  for (const row of rows) {
    const found = row.key === key ? row : findRow(row.below ?? [], key);
    if (found) return found;
  }
  return undefined;
}

const isWritable = (row: Exclude<Row, { kind: 'group' }>): boolean =>
  row.register.writable && (row.kind === 'register' || !(row.field.readOnly || row.field.reserved));

/** Whatever an X register holds may be an address. */
function addressOf({ register }: Extract<Row, { kind: 'register' }>): string | undefined {
  return register.space === 'va' || /^x\d+$/.test(register.name) ? register.value : undefined;
}

function decimalOf(value: string): string | undefined {
  return /^0x[0-9a-f]{1,16}$/.test(value) ? BigInt(value).toString() : undefined;
}

definePanel('xs-registers', RegistersPanel);
