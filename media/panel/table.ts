// <xs-table>: rows and columns, of which only those in sight are in the document. Keyboard and screen reader
// get a grid (or, with `children`, a tree grid): arrows, Home, End, page keys, Enter, the context-menu key,
// and Ctrl+C, which copies the row; the whole table is copied with Ctrl+Shift+C.
//
//   html`<xs-table label=${t('Interrupts')} .rows=${view.interrupts} .columns=${COLUMNS}
//     .rowKey=${(row) => String(row.intid)} .previous=${before?.interrupts} .filter=${this.filter}
//     @xs-select=${...} @xs-activate=${...}></xs-table>`
//
// `previous` holds the rows of the last stop: cells whose text differs are marked, and so are new rows.
// Cells that change while they are shown flash, unless the user asked for less motion.
//
// With `keep="name"` the table keeps order, unfolded rows, cursor and scroll position while the panel is hidden
// and when the window reloads.
//
// Events, whose `detail` is `{ row, key }`: `xs-select` (the row with the cursor), `xs-activate` (Enter or
// double click), `xs-menu` (right click or the context-menu key; also `x` and `y`).

import { VirtualizerController } from '@tanstack/lit-virtual';
import { LitElement, type PropertyDeclarations, type TemplateResult, html, nothing } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { type Ref, createRef, ref } from 'lit/directives/ref.js';
import { host } from './host.ts';
import { icon } from './icons.ts';
import { t } from './l10n.ts';
import {
  type Column,
  type ListedRow,
  type SortOrder,
  listed,
  pathTo,
  rowsByKey,
  tabSeparated,
  widthOf,
} from './rows.ts';
import { styled } from './style-directive.ts';
import { changeMarks, shared } from './styles.ts';
import { trackSizes } from './table-columns.ts';
import { meaningOf } from './table-keys.ts';
import { tableStyles } from './table-styles.ts';

export type { Column, SortOrder } from './rows.ts';

/** CSS pixels. Rows have one line. */
const ROW_HEIGHT = 22;
const OVERSCAN = 6;
/** Scrolling is kept once it pauses. */
const SAVE_AFTER_MS = 200;

export interface RowEvent<Row> {
  readonly row: Row;
  readonly key: string;
}

/** What a table keeps. */
interface Kept {
  readonly sort?: SortOrder;
  readonly expanded: readonly string[];
  readonly selected?: string;
  readonly top: number;
}

export class XsTable<Row = unknown> extends LitElement {
  static override properties: PropertyDeclarations = {
    label: {},
    keep: {},
    rows: { attribute: false },
    columns: { attribute: false },
    rowKey: { attribute: false },
    previous: { attribute: false },
    below: { attribute: false },
    expanded: { attribute: false },
    sort: { attribute: false },
    unfolded: { state: true },
    order: { state: true },
    filter: {},
    rowClass: { attribute: false },
    selected: {},
    emptyText: {},
  };

  /** Name of the table for screen readers. */
  declare label: string;
  /** Name under which the table keeps its state; empty keeps nothing. */
  declare keep: string;
  declare rows: readonly Row[];
  declare columns: readonly Column<Row>[];
  declare rowKey: (row: Row) => string;
  /** Rows of the last stop, to mark what changed; undefined marks nothing. */
  declare previous: readonly Row[] | undefined;
  /** Makes the table a tree: what lies below a row, or undefined for a leaf. */
  declare below: ((row: Row) => readonly Row[] | undefined) | undefined;
  /** Keys of the rows that are unfolded to begin with; from then on the user decides. */
  declare expanded: readonly string[];
  /** The order to begin with. */
  declare sort: SortOrder | undefined;
  declare private unfolded: readonly string[];
  declare private order: SortOrder | undefined;
  declare filter: string;
  /** A class for a row: `warning`, `error`, `quiet`, or one of the panel's through `::part(name)`. */
  declare rowClass: ((row: Row) => string | undefined) | undefined;
  /** Key of the row with the cursor. */
  declare selected: string | undefined;
  /** Says why there is no row. */
  declare emptyText: string;

  private readonly scroller: Ref<HTMLElement> = createRef();
  private readonly virtual: VirtualizerController<HTMLElement, HTMLElement>;
  private list: ListedRow<Row>[] = [];
  private rowsBefore: Map<string, Row> | undefined;
  /** Texts of the cells in sight before the rows were last given, and now, to notice changes. */
  private shown: ReadonlyMap<string, readonly string[]> = new Map();
  private drawn = new Map<string, readonly string[]>();
  private updates = 0;
  private activeColumn: number | undefined;
  private saving: ReturnType<typeof setTimeout> | undefined;
  /** Scroll position to return to, once there are enough rows for it. */
  private returnTo = 0;

  constructor() {
    super();
    this.label = '';
    this.keep = '';
    this.rows = [];
    this.columns = [];
    this.rowKey = String;
    this.expanded = [];
    this.unfolded = [];
    this.filter = '';
    this.emptyText = '';
    this.virtual = new VirtualizerController<HTMLElement, HTMLElement>(this, {
      getScrollElement: () => this.scroller.value ?? null,
      count: 0,
      estimateSize: () => ROW_HEIGHT,
      overscan: OVERSCAN,
      scrollPaddingStart: ROW_HEIGHT + 2,
    });
  }

  /** All rows that pass the filter, as text. */
  asText(): string {
    return tabSeparated(
      this.list.map(({ row }) => row),
      this.columns,
    );
  }

  /** Moves the cursor to a row, unfolding what is above it, and scrolls there. */
  async reveal(key: string): Promise<void> {
    const path = pathTo(key, { rows: this.rows, rowKey: this.rowKey, children: this.below });
    if (!path) return;
    const missing = path.filter((above) => !this.unfolded.includes(above));
    if (missing.length > 0) this.setExpanded([...this.unfolded, ...missing]);
    this.selected = key;
    await this.updateComplete;
    this.scrollToRow(this.indexOf(key));
  }

  protected override updated(): void {
    if (this.returnTo === 0 || this.list.length === 0 || !this.scroller.value) return;
    this.scroller.value.scrollTop = this.returnTo;
    this.returnTo = 0;
  }

  protected override willUpdate(changed: ReadonlyMap<PropertyKey, unknown>): void {
    if (!this.hasUpdated) {
      const kept = this.keep === '' ? {} : host.kept<Kept>(`table ${this.keep}`);
      this.unfolded = kept.expanded ?? this.expanded;
      this.order = kept.sort ?? this.sort;
      this.selected ??= kept.selected;
      this.returnTo = kept.top ?? 0;
    }
    if (changed.has('previous') || changed.has('below') || changed.has('rowKey')) {
      this.rowsBefore =
        this.previous && rowsByKey({ rows: this.previous, rowKey: this.rowKey, children: this.below });
    }
    if (changed.has('rows')) {
      this.shown = this.drawn;
      this.updates++;
    }
    const inputs = ['rows', 'columns', 'rowKey', 'below', 'unfolded', 'order', 'filter'];
    if (inputs.some((name) => changed.has(name))) {
      const expanded = new Set(this.unfolded);
      this.list = listed({
        rows: this.rows,
        columns: this.columns,
        rowKey: this.rowKey,
        children: this.below,
        isExpanded: (key) => expanded.has(key),
        sort: this.order,
        filter: this.filter,
      });
      const virtualizer = this.virtual.getVirtualizer();
      virtualizer.setOptions({ ...virtualizer.options, count: this.list.length });
    }
  }

  protected override render(): TemplateResult {
    const virtualizer = this.virtual.getVirtualizer();
    const isTree = this.below !== undefined;
    const { columns, total } = trackSizes(this.columns, this.list);
    const active = this.selected === undefined ? -1 : this.indexOf(this.selected);
    const items = virtualizer.getVirtualItems();
    this.drawn = new Map();
    const inSight = items.some(({ index }) => index === active);
    return html`
      <div
        ${ref(this.scroller)}
        class="scroller"
        role=${isTree ? 'treegrid' : 'grid'}
        aria-label=${this.label}
        aria-rowcount=${this.list.length + 1}
        aria-colcount=${this.columns.length}
        aria-activedescendant=${inSight ? this.cellId(active) : nothing}
        tabindex="0"
        .style=${styled({ '--columns': columns, '--total': total })}
        @keydown=${this.onKeyDown}
        @focus=${this.onFocus}
        @scroll=${this.saveSoon}
      >
        <div class="head row" role="row" aria-rowindex="1">${this.columns.map((column) => this.head(column))}</div>
        <div
          class="body"
          role="rowgroup"
          .style=${styled({ height: `${virtualizer.getTotalSize()}px` })}
        >
          ${items.map(({ index, start }) => {
            const item = this.list[index];
            return item && this.row(item, index, start, index === active);
          })}
        </div>
        ${this.list.length === 0 ? this.nothingToShow() : nothing}
      </div>
    `;
  }

  private nothingToShow(): TemplateResult {
    const text =
      this.rows.length > 0 ? t('Nothing matches the filter.') : this.emptyText || t('There is nothing here.');
    return html`<div class="nothing" role="row"><span role="gridcell">${text}</span></div>`;
  }

  private head(column: Column<Row>): TemplateResult {
    const { key, title, hint, align, sortValue } = column;
    const order = this.order?.column === key ? this.order : undefined;
    const sorted = order ? (order.descending ? 'descending' : 'ascending') : 'none';
    const mark = order ? icon(order.descending ? 'arrow-down' : 'arrow-up') : nothing;
    return html`<div
      class=${classMap({ cell: true, end: align === 'end' })}
      role="columnheader"
      title=${hint ?? nothing}
      aria-sort=${sortValue === false ? nothing : sorted}
    >
      ${
        sortValue === false
          ? html`<span>${title}</span>`
          : html`<button tabindex="-1" @click=${() => this.sortBy(key)}>${title}${mark}</button>`
      }
    </div>`;
  }

  private row(item: ListedRow<Row>, index: number, start: number, active: boolean): TemplateResult {
    const { row, key, level, expanded } = item;
    const before = this.rowsBefore?.get(key);
    const isNew = this.rowsBefore !== undefined && before === undefined;
    const texts = this.columns.map((column) => column.text(row));
    const shown = this.shown.get(key);
    this.drawn.set(key, texts);
    const extra = this.rowClass?.(row);
    return html`<div
      class=${`row${active ? ' active' : ''}${isNew ? ' new' : ''}${extra ? ` ${extra}` : ''}`}
      part=${extra ?? nothing}
      role="row"
      id=${`row-${index}`}
      aria-rowindex=${index + 2}
      aria-selected=${active ? 'true' : 'false'}
      aria-level=${this.below ? level : nothing}
      aria-expanded=${expanded === undefined ? nothing : String(expanded)}
      .style=${styled({ transform: `translateY(${start}px)`, '--level': level - 1 })}
      @mousedown=${() => this.select(index)}
      @dblclick=${() => this.activate(index)}
      @contextmenu=${(event: MouseEvent) => this.menu(event, index, event.clientX, event.clientY)}
    >
      ${this.columns.map((column, at) => {
        const text = texts[at] ?? '';
        const changed = isNew || (before !== undefined && column.text(before) !== text);
        const flash = shown !== undefined && shown[at] !== text;
        return html`<div
          class=${classMap({
            cell: true,
            end: column.align === 'end',
            mono: column.mono === true,
            changed,
            // An animation starts again only under another name.
            flash: flash && this.updates % 2 === 0,
            'flash-again': flash && this.updates % 2 === 1,
            current: active && this.activeColumn === at,
          })}
          role=${at === 0 ? 'rowheader' : 'gridcell'}
          id=${`cell-${index}-${at}`}
          title=${text.length > widthOf(column, []) ? text : nothing}
        >
          ${at === 0 && this.below ? this.twistie(item) : nothing}${column.render?.(row) ?? text}${
            changed ? html`<span class="spoken">${isNew ? t('(new)') : t('(changed)')}</span>` : nothing
          }
        </div>`;
      })}
    </div>`;
  }

  private twistie({ key, expanded }: ListedRow<Row>): TemplateResult {
    const shape = expanded === undefined ? nothing : icon(expanded ? 'chevron-down' : 'chevron-right');
    return html`<span class="twistie" @click=${() => expanded !== undefined && this.toggle(key)}>${shape}</span>`;
  }

  private sortBy(column: string): void {
    const { order: sort } = this;
    // Ascending, descending, as it came.
    if (sort?.column !== column) this.order = { column, descending: false };
    else if (!sort.descending) this.order = { column, descending: true };
    else this.order = undefined;
    this.save();
  }

  private toggle(key: string): void {
    const unfolded = this.unfolded.includes(key);
    this.setExpanded(unfolded ? this.unfolded.filter((other) => other !== key) : [...this.unfolded, key]);
  }

  private setExpanded(expanded: readonly string[]): void {
    this.unfolded = expanded;
    this.save();
  }

  private save(): void {
    if (this.keep === '') return;
    const { order: sort, unfolded: expanded, selected } = this;
    const top = this.scroller.value?.scrollTop ?? 0;
    const kept: Kept = { expanded, top, ...(sort && { sort }), ...(selected !== undefined && { selected }) };
    host.keep(`table ${this.keep}`, kept);
  }

  private saveSoon(): void {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  private onFocus(): void {
    if (this.selected === undefined || this.indexOf(this.selected) < 0) this.select(0);
  }

  private onKeyDown(event: KeyboardEvent): void {
    const { key, ctrlKey, metaKey, shiftKey, altKey } = event;
    if (ctrlKey || metaKey) {
      if (key.toLowerCase() !== 'c' || altKey) return;
      if (!shiftKey && String(getSelection()) !== '') return;
      this.copy(shiftKey);
      event.preventDefault();
      return;
    }
    const index = this.selected === undefined ? -1 : this.indexOf(this.selected);
    if (this.move(key, index, shiftKey)) event.preventDefault();
  }

  /** True when the key meant something here. */
  private move(key: string, index: number, shift: boolean): boolean {
    const page = Math.max(1, Math.floor((this.scroller.value?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    const meaning = meaningOf(key, shift, { index, column: this.activeColumn, item: this.list[index], page });
    if (!meaning) return false;
    switch (meaning.to) {
      case 'row':
        this.moveTo(meaning.index);
        break;
      case 'parent':
        this.moveTo(this.indexOf(meaning.key));
        break;
      case 'column':
        this.toColumn(meaning.column);
        break;
      case 'fold':
        this.toggle(meaning.key);
        break;
      case 'enter':
        this.enter(index);
        break;
      case 'menu':
        this.menuAt(index);
        break;
      case 'nowhere':
        break;
    }
    return true;
  }

  private moveTo(index: number): void {
    const at = Math.max(0, Math.min(index, this.list.length - 1));
    this.select(at);
    this.scrollToRow(at);
  }

  private toColumn(column: number): void {
    this.activeColumn = column < 0 ? undefined : Math.min(column, this.columns.length - 1);
    this.requestUpdate();
  }

  private enter(index: number): void {
    const column = this.activeColumn;
    const cell = column === undefined ? null : this.renderRoot.querySelector(`#cell-${index}-${column}`);
    // A link in the cell under the cursor is what Enter means there.
    const inCell = cell?.querySelector<HTMLElement>('xs-address, button, select, input');
    if (inCell) inCell.click();
    else this.activate(index);
  }

  private select(index: number): void {
    const item = this.list[index];
    if (!item || item.key === this.selected) return;
    this.selected = item.key;
    this.saveSoon();
    this.tell('xs-select', item);
  }

  private activate(index: number): void {
    const item = this.list[index];
    if (item) this.tell('xs-activate', item);
  }

  private menu(event: Event, index: number, x: number, y: number): void {
    const item = this.list[index];
    if (!item) return;
    this.select(index);
    event.preventDefault();
    this.tell('xs-menu', item, { x, y });
  }

  private menuAt(index: number): void {
    const item = this.list[index];
    const place = this.renderRoot.querySelector(`#row-${index}`)?.getBoundingClientRect();
    if (item && place) this.tell('xs-menu', item, { x: place.left + 24, y: place.bottom });
  }

  private tell(name: string, { row, key }: ListedRow<Row>, more: object = {}): void {
    this.dispatchEvent(new CustomEvent(name, { detail: { row, key, ...more } }));
  }

  private copy(everything: boolean): void {
    const item = this.list.find(({ key }) => key === this.selected);
    if (everything) host.copy(this.asText());
    else if (item) host.copy(tabSeparated([item.row], this.columns).split('\n').slice(1).join('\n'));
  }

  private cellId(index: number): string {
    return this.activeColumn === undefined ? `row-${index}` : `cell-${index}-${this.activeColumn}`;
  }

  private indexOf(key: string): number {
    return this.list.findIndex((item) => item.key === key);
  }

  private scrollToRow(index: number): void {
    if (index >= 0) this.virtual.getVirtualizer().scrollToIndex(index);
  }

  static override styles = [shared, changeMarks, tableStyles];
}

customElements.define('xs-table', XsTable);
