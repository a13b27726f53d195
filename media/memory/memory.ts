// Memory: where a domain's memory is. Its guest physical space, the machine's physical space and its own page
// tables, each as a strip with a table; how one address is translated; and a search by address or symbol.

import {
  Panel,
  type Column,
  type Query,
  type RowEvent,
  type TemplateResult,
  type XsTable,
  css,
  definePanel,
  host,
  html,
  icon,
  nothing,
  svg,
  t,
} from '../panel/panel.ts';
import { IPA_COLUMNS, PA_COLUMNS, VA_COLUMNS } from './columns.ts';
import { box, patternDefinitions } from './kinds.ts';
import {
  type Change,
  ipaMap,
  type IpaRange,
  type MemoryMapView,
  paMap,
  type PaRange,
  type PhysicalMapView,
  type SpaceMap,
  type Stage1MapView,
  vaMap,
  type VaRange,
} from './ranges.ts';
import { around, bounded, sizeText, type Zoom, zoomed, linearScale } from './scale.ts';
import { type SearchView, searchResults } from './search-results.ts';
import './strip.ts';
import type { Picked } from './strip.ts';
import { type Folds, walkChain, walkStyles, type WalkView } from './walk-view.ts';

type Space = 'ipa' | 'pa' | 'ttbr1' | 'ttbr0';
type Tab = Space | 'walk';

interface Kept {
  readonly tab: Tab;
  readonly compressed: boolean;
  readonly zooms: Readonly<Partial<Record<Space, Zoom>>>;
  readonly selected: Readonly<Partial<Record<Space, string>>>;
  /** What was searched for, in each space: marked in the strips, and looked at until the user zooms. */
  readonly targets: Readonly<Partial<Record<'ipa' | 'pa' | 'va', string>>>;
  readonly walk: WalkWanted;
}

interface WalkWanted {
  readonly space: 'va' | 'ipa';
  /** `0x…`. */
  readonly address: string;
  readonly access: 'read' | 'write' | 'execute';
  /** Undefined: that of the vCPU. */
  readonly el?: number;
}

interface Views {
  readonly ipa: MemoryMapView;
  readonly pa: PhysicalMapView;
  readonly va: Stage1MapView;
  readonly walk: WalkView;
  /** A part of a map of which the whole has too many ranges. */
  readonly ipaPart: MemoryMapView;
  readonly vaPart: Stage1MapView;
}

const TABS: readonly (readonly [Tab, string])[] = [
  ['ipa', t('Guest physical (IPA)')],
  ['pa', t('Machine (PA)')],
  ['ttbr1', t('Kernel (TTBR1)')],
  ['ttbr0', t('Process (TTBR0)')],
  ['walk', t('Walk')],
];

const NUMBER = /^(0x[0-9a-f]{1,16}|\d{1,19})$/i;
/** What `xen/search` reads by itself. */
const REFERENCE = /^((d\d{1,5}|host)\/)?(va|ipa|pa)(@[a-z0-9.]*)?:(0x[0-9a-f]{1,16}|\d{1,19})$/i;
const KEY_FACTOR = 2;
const CHANGES_SHOWN = 20;

const DEFAULT_WALK: WalkWanted = { space: 'va', address: '', access: 'read' };

/** What is drawn of one of the three spaces. */
interface Shown {
  readonly map: SpaceMap;
  readonly rows: readonly (IpaRange | PaRange | VaRange)[];
  readonly before: readonly (IpaRange | PaRange | VaRange)[] | undefined;
  readonly columns: readonly Column<never>[];
  readonly keyOf: (row: never) => string;
  readonly notes: readonly string[];
  readonly truncated?: string | undefined;
  readonly title: string;
}

class MemoryPanel extends Panel<Views, Kept> {
  static override picks = 'vcpu' as const;
  static override filters = true;

  private found: SearchView | undefined;
  private searching = '';
  private refusal = '';
  private readonly unfolded = new Map<string, boolean>();
  private readonly folds: Folds = {
    isOpen: (place) => this.unfolded.get(place),
    set: (place, open) => {
      this.unfolded.set(place, open);
      this.requestUpdate();
    },
  };
  private drawn: { readonly key: readonly unknown[]; readonly shown: Shown } | undefined;

  // ---------------------------------------------------------------------------------- what is asked

  protected override queries(): { readonly [Key in keyof Views]?: Query | undefined } {
    const { domain, vcpu, tab } = this;
    switch (tab) {
      case 'ipa': {
        const args = { domain, vcpu };
        const part = this.partOf(tab);
        return {
          ipa: { request: 'xen/memoryMap', arguments: args },
          ipaPart: part && { request: 'xen/memoryMap', arguments: { ...args, ...part } },
        };
      }
      case 'pa':
        return { pa: { request: 'xen/physicalMap' } };
      case 'ttbr0':
      case 'ttbr1': {
        const args = { domain, vcpu, which: tab };
        const part = this.partOf(tab);
        return {
          va: { request: 'xen/stage1Map', arguments: args },
          vaPart: part && { request: 'xen/stage1Map', arguments: { ...args, ...part } },
        };
      }
      case 'walk':
        return this.walk.address === '' ? {} : { walk: this.walkQuery(domain, vcpu) };
    }
  }

  /** What to ask for beside the whole, when that has more ranges than it shows and a part is looked at. */
  private partOf(space: 'ipa' | 'ttbr0' | 'ttbr1'): { from: string; size: string } | undefined {
    const view = space === 'ipa' ? this.view('ipa') : this.view('va');
    if (!view?.truncated) return undefined;
    const { base, size } = spaceOf(view);
    const { from, to } = this.zoomOf(space, base, size);
    if (to - from >= size / 2) return undefined;
    // Asked again only when the view leaves a window twice as wide.
    const width = 2 ** Math.ceil(Math.log2(to - from));
    const start = from - (from % width);
    return { from: hex(base + BigInt(start)), size: hex(BigInt(2 * width)) };
  }

  /** What is looked at: where the user zoomed to, else around what was searched for, else everything. */
  private zoomOf(space: Space, base: bigint, size: number): Zoom {
    const target = this.targetIn(space, base, size);
    const whole = { from: 0, to: size };
    const wanted = this.kept.zooms?.[space] ?? (target === undefined ? whole : neighbourhood(target));
    return bounded(wanted, size);
  }

  /** Where what was searched for is in a space, as an offset. */
  private targetIn(space: Space, base: bigint, size: number): number | undefined {
    const text = this.kept.targets?.[space === 'ipa' || space === 'pa' ? space : 'va'];
    if (text === undefined) return undefined;
    const offset = BigInt(text) - base;
    return offset >= 0n && offset < BigInt(size) ? Number(offset) : undefined;
  }

  private walkQuery(domain: number, vcpu: number): Query {
    const { space, address, access, el } = this.walk;
    const place = space === 'ipa' ? { ipa: address } : { address };
    // EL2 is there on a bare machine only.
    const level = el === undefined || space === 'ipa' || (el === 2 && domain >= 0) ? {} : { el };
    return { request: 'xen/walk', arguments: { domain, vcpu, access, ...place, ...level } };
  }

  private get tab(): Tab {
    return this.kept.tab ?? 'ipa';
  }

  private get walk(): WalkWanted {
    return this.kept.walk ?? DEFAULT_WALK;
  }

  protected override show(args: Readonly<Record<string, unknown>>): void {
    const { tab, search } = args;
    const wanted = TABS.find(([id]) => id === tab);
    if (wanted) this.keep({ tab: wanted[0] });
    if (typeof search === 'string') void this.search(search);
  }

  // ---------------------------------------------------------------------------------------- drawing

  protected override toolbar(): TemplateResult {
    return html`<form class="search" role="search" @submit=${this.onSearch}>
      <input
        type="search"
        name="text"
        aria-label=${t('Search address or symbol')}
        placeholder=${t('VA, IPA, PA or symbol')}
        .value=${this.searching}
        @input=${(event: Event) => (this.searching = (event.target as HTMLInputElement).value)}
      />
      <button type="submit" title=${t('Search')} aria-label=${t('Search')}>${icon('search')}</button>
    </form>`;
  }

  protected override body(): unknown {
    return html`${this.tabs()} ${this.searchBox()} ${this.tab === 'walk' ? this.walkTab() : this.mapTab(this.tab)}`;
  }

  private tabs(): TemplateResult {
    return html`<div class="tabs" role="tablist" aria-label=${t('Address space')} @keydown=${this.onTabKey}>
      ${TABS.map(
        ([id, title]) => html`<button
          role="tab"
          id=${`tab-${id}`}
          aria-selected=${String(this.tab === id)}
          aria-controls="space"
          tabindex=${this.tab === id ? 0 : -1}
          @click=${() => this.keep({ tab: id })}
        >${title}</button>`,
      )}
    </div>`;
  }

  private onTabKey(event: KeyboardEvent): void {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const at = TABS.findIndex(([id]) => id === this.tab);
    const [next] = TABS[(at + step + TABS.length) % TABS.length] ?? TABS[0] ?? ['ipa'];
    this.keep({ tab: next as Tab });
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${next}`)?.focus());
    event.preventDefault();
  }

  private mapTab(space: Space): unknown {
    const shown = this.shown(space);
    if (!shown)
      return html`<div class="fill" role="tabpanel" id="space" aria-labelledby=${`tab-${space}`}></div>`;
    const { map, notes, truncated, title } = shown;
    const zoom = this.zoomOf(space, map.base, map.size);
    const selected = this.kept.selected?.[space];
    return html`<div class="fill map" role="tabpanel" id="space" aria-labelledby=${`tab-${space}`}>
      ${[...notes, ...(truncated ? [truncated] : [])].map((note) => html`<p class="note">${icon('info')} ${note}</p>`)}
      <div class="bar">
        ${this.crumbs(space, map, zoom)}
        <span class="space"></span>
        ${this.zoomButtons(space, map, zoom)}
      </div>
      <xs-strip
        label=${title}
        .ranges=${map.ranges}
        .base=${map.base}
        .size=${map.size}
        .zoom=${zoom}
        ?compressed=${this.kept.compressed ?? true}
        .selected=${selected}
        .target=${this.targetIn(space, map.base, map.size)}
        @xs-zoom=${(event: CustomEvent<Zoom>) => this.zoomTo(space, event.detail)}
        @xs-pick=${(event: CustomEvent<Picked>) => this.pick(space, event.detail.key)}
      ></xs-strip>
      ${this.legend(map)} ${this.changes(space, map.changes)}
      <xs-table
        label=${title}
        keep=${`memory-${space}`}
        .rows=${shown.rows}
        .columns=${shown.columns}
        .rowKey=${shown.keyOf}
        .previous=${shown.before}
        .filter=${this.filter}
        .selected=${selected}
        .rowClass=${quietHoles}
        emptyText=${t('Nothing is mapped.')}
        @xs-select=${(event: CustomEvent<RowEvent<unknown>>) => this.select(space, event.detail.key)}
        @xs-activate=${(event: CustomEvent<RowEvent<unknown>>) => this.zoomToKey(space, map, event.detail.key)}
        @xs-menu=${(event: CustomEvent<RowMenu>) => this.rowMenu(space, map, event.detail)}
      ></xs-table>
    </div>`;
  }

  /** Made once for each answer: tables and strips notice new arrays. */
  private shown(space: Space): Shown | undefined {
    const parts = this.parts(space);
    if (!parts) return undefined;
    const [view, before] = parts;
    const detail = this.detail(space);
    const key = [space, view, before, detail];
    if (!this.drawn || key.some((part, i) => part !== this.drawn?.key[i])) {
      const shown = this.make(space, detail ? withDetail(view, detail) : view, before);
      this.drawn = { key, shown };
    }
    return this.drawn.shown;
  }

  private parts(space: Space): readonly [AnyMap, AnyMap | undefined] | undefined {
    const key = space === 'ipa' || space === 'pa' ? space : 'va';
    const view = this.view(key);
    // The answer for the other table base may still be there.
    if (!view || (key === 'va' && (view as Stage1MapView).which !== space)) return undefined;
    const before = this.previous(key);
    return [view, before && sameSpace(view, before) ? before : undefined];
  }

  /** The part that was asked for beside the whole. */
  private detail(space: Space): MemoryMapView | Stage1MapView | undefined {
    if (space === 'pa' || this.partOf(space) === undefined) return undefined;
    if (space === 'ipa') return this.view('ipaPart');
    const part = this.view('vaPart');
    return part?.which === space ? part : undefined;
  }

  private make(space: Space, view: AnyMap, before: AnyMap | undefined): Shown {
    const common = { notes: view.notes, truncated: view.truncated };
    switch (space) {
      case 'ipa': {
        const [now, then] = [view as MemoryMapView, before as MemoryMapView | undefined];
        return {
          ...common,
          map: ipaMap(now, then),
          rows: now.ranges,
          before: then?.ranges,
          columns: IPA_COLUMNS,
          keyOf: (row: IpaRange) => row.ipa,
          notes: [
            ...(now.stage2 ? [t('Stage 2 of VMID {0}: {1}.', now.stage2.vmid, now.stage2.words)] : []),
            ...now.notes,
          ],
          title: t('Guest physical address space of {0}', this.domainName(now.domain)),
        };
      }
      case 'pa': {
        const [now, then] = [view as PhysicalMapView, before as PhysicalMapView | undefined];
        return {
          ...common,
          map: paMap(now, then),
          rows: now.ranges,
          before: then?.ranges,
          columns: PA_COLUMNS,
          keyOf: (row: PaRange) => row.pa,
          title: t('Physical address space of the machine'),
        };
      }
      default: {
        const [now, then] = [view as Stage1MapView, before as Stage1MapView | undefined];
        const { tables, off } = now;
        return {
          ...common,
          map: vaMap(now, then),
          rows: now.ranges,
          before: then?.ranges,
          columns: VA_COLUMNS,
          keyOf: (row: VaRange) => row.va,
          notes: [
            ...(off ? [off] : []),
            ...(tables
              ? [t('{0} is {1}: {2}, ASID {3}.', tables.register, tables.value, tables.words, tables.asid)]
              : []),
            ...now.notes,
          ],
          title: t(
            'Virtual addresses of vCPU {0} by {1}',
            now.vcpu,
            space === 'ttbr1' ? 'TTBR1_EL1' : 'TTBR0_EL1',
          ),
        };
      }
    }
  }

  private crumbs(space: Space, map: SpaceMap, zoom: Zoom): TemplateResult {
    const isWhole = zoom.from === 0 && zoom.to === map.size;
    const around = isWhole
      ? undefined
      : map.ranges.find((range) => range.from <= zoom.from && range.from + range.size >= zoom.to);
    const text = (offset: number): string => `0x${(map.base + BigInt(Math.floor(offset))).toString(16)}`;
    return html`<nav class="crumbs" aria-label=${t('What is looked at')}>
      <button class="link" @click=${() => this.zoomTo(space, { from: 0, to: map.size })}>${sizeText(map.size)}</button>
      ${
        around
          ? html`<span>${icon('chevron-right')}</span>
            <button class="link" @click=${() => this.zoomToKey(space, map, around.key)}>${around.name} (${sizeText(around.size)})</button>`
          : nothing
      }
      ${
        isWhole
          ? nothing
          : html`<span>${icon('chevron-right')}</span>
            <span class="mono" aria-current="true">${text(zoom.from)} – ${text(zoom.to - 1)} (${sizeText(Math.floor(zoom.to - zoom.from))})</span>`
      }
    </nav>`;
  }

  private zoomButtons(space: Space, map: SpaceMap, zoom: Zoom): TemplateResult {
    const compressed = this.kept.compressed ?? true;
    const by = (factor: number): void =>
      this.zoomTo(space, zoomed(zoom, linearScale(map.size), factor, 0.5, map.size));
    return html`<span role="group" aria-label=${t('Scale')}>
        <button aria-pressed=${String(!compressed)} @click=${() => this.keep({ compressed: false })}>${t('To scale')}</button>
        <button aria-pressed=${String(compressed)} title=${t('Room by the number of digits of a size')} @click=${() => this.keep({ compressed: true })}>${t('Compressed')}</button>
      </span>
      <button aria-label=${t('Zoom in')} title=${t('Zoom in')} @click=${() => by(KEY_FACTOR)}>${icon('zoom-in')}</button>
      <button aria-label=${t('Zoom out')} title=${t('Zoom out')} @click=${() => by(1 / KEY_FACTOR)}>${icon('zoom-out')}</button>
      <button aria-label=${t('Show all')} title=${t('Show all')} @click=${() => this.zoomTo(space, { from: 0, to: map.size })}>${icon('home')}</button>`;
  }

  private legend({ counts }: SpaceMap): TemplateResult {
    return html`<svg class="definitions" width="0" height="0" aria-hidden="true">${patternDefinitions()}</svg>
      <ul class="legend" aria-label=${t('Legend')}>
      ${counts
        .filter(({ kind }) => kind !== 'hole')
        .map(
          ({ kind, label, pages }) => html`<li>
            <svg width="22" height="12" aria-hidden="true">${box(kind, 0, 0, 22, 12)}${svg`<rect class="key" x="0.5" y="0.5" width="21" height="11"></rect>`}</svg>
            ${label} <span class="quiet">${sizeText(pages * PAGE)}</span>
          </li>`,
        )}
    </ul>`;
  }

  private changes(space: Space, changes: readonly Change[]): unknown {
    if (changes.length === 0) return nothing;
    const words = { added: t('added'), removed: t('removed'), changed: t('changed') };
    return html`<details class="changes" open>
      <summary>${changes.length === 1 ? t('1 change since the last stop') : t('{0} changes since the last stop', changes.length)}</summary>
      <ul>
        ${changes.slice(0, CHANGES_SHOWN).map(
          ({ kind, key, size, name, was, is }) => html`<li data-change=${kind}>
            ${icon(kind === 'added' ? 'add' : kind === 'removed' ? 'trash' : 'edit')} ${words[kind]}:
            ${
              kind === 'removed'
                ? html`<span class="mono">${key}</span>`
                : html`<button class="link mono" @click=${() => this.pick(space, key)}>${key}</button>`
            }
            ${sizeText(size)} ${name}${was === undefined ? nothing : html` <span class="quiet">${t('was {0}; is {1}', was, is ?? '')}</span>`}
          </li>`,
        )}
        ${changes.length > CHANGES_SHOWN ? html`<li class="quiet">${t('… and {0} more', changes.length - CHANGES_SHOWN)}</li>` : nothing}
      </ul>
    </details>`;
  }

  // ------------------------------------------------------------------------------- zoom and selection

  private zoomTo(space: Space, zoom: Zoom): void {
    this.keep({ zooms: { ...this.kept.zooms, [space]: zoom } });
  }

  private zoomToKey(space: Space, map: SpaceMap, key: string): void {
    const range = map.ranges.find((each) => each.key === key);
    if (range) this.zoomTo(space, around(range, map.size));
  }

  /** From the table. */
  private select(space: Space, key: string): void {
    if (this.kept.selected?.[space] !== key) this.keep({ selected: { ...this.kept.selected, [space]: key } });
  }

  /** From the strip: the table follows. */
  private pick(space: Space, key: string): void {
    this.select(space, key);
    void this.renderRoot.querySelector<XsTable>('xs-table')?.reveal(key);
  }

  private rowMenu(space: Space, map: SpaceMap, { row, key, x, y }: RowMenu): void {
    const isHole = row.kind === 'hole';
    const walk = (): void =>
      this.openWalk({ space: space === 'ipa' ? 'ipa' : 'va', address: key, access: 'read' });
    this.menu({ x, y }, [
      {
        label: t('Show in the strip'),
        icon: 'zoom-in',
        run: isHole ? undefined : () => this.zoomToKey(space, map, key),
      },
      {
        label: t('Show memory'),
        icon: 'go-to-file',
        run: isHole ? undefined : () => this.open({ kind: 'memory', reference: row.reference }),
      },
      { label: t('Walk'), icon: 'references', run: space === 'pa' ? undefined : walk },
      { label: t('Where else it is'), icon: 'search', run: () => void this.search(row.reference) },
      { label: t('Copy address'), icon: 'copy', run: () => host.copy(key) },
    ]);
  }

  // ------------------------------------------------------------------------------------------- search

  private onSearch(event: Event): void {
    event.preventDefault();
    void this.search(this.searching);
  }

  private async search(text: string): Promise<void> {
    const wanted = text.trim();
    this.searching = wanted;
    this.refusal = '';
    if (wanted === '') {
      this.found = undefined;
      this.requestUpdate();
      return;
    }
    const { domain, vcpu } = this;
    try {
      const asked =
        NUMBER.test(wanted) || REFERENCE.test(wanted) ? wanted : await this.resolved(domain, wanted);
      this.found = await this.ask<SearchView>('xen/search', { domain, vcpu, text: asked });
      this.reveal(this.found);
    } catch (error) {
      this.found = undefined;
      this.refusal = error instanceof Error ? error.message : String(error);
    }
    this.changed();
  }

  /** A symbol or an expression is a virtual address. */
  private async resolved(domain: number, text: string): Promise<string> {
    const { memoryReference } = await this.ask<{ memoryReference: string }>('xen/resolve', { domain, text });
    return NUMBER.test(memoryReference) ? `va:${memoryReference}` : memoryReference;
  }

  /** Zooms the maps to what was found, and opens the walk of a virtual address. */
  private reveal({ hits }: SearchView): void {
    const [hit] = hits;
    if (!hit) return;
    const places = [hit, ...hit.aliases].filter(({ domain }) => domain === hit.domain);
    const targets: Partial<Record<'ipa' | 'pa' | 'va', string>> = {};
    for (const { space, address } of places) targets[space] ??= address;
    const walk = hit.space === 'pa' ? this.walk : { ...this.walk, space: hit.space, address: hit.address };
    this.keep({ tab: hit.space === 'pa' ? 'pa' : 'walk', walk, targets, zooms: {} });
    this.announce(hit.words);
  }

  private searchBox(): unknown {
    if (this.refusal !== '') return html`<p class="note" role="alert">${icon('error')} ${this.refusal}</p>`;
    if (!this.found) return nothing;
    return searchResults(this.found, {
      walk: (space, address) => this.openWalk({ ...this.walk, space, address }),
      map: (space, address) => {
        this.keep({ tab: space, targets: { ...this.kept.targets, [space]: address }, zooms: {} });
      },
      close: () => {
        this.found = undefined;
        this.requestUpdate();
      },
    });
  }

  // --------------------------------------------------------------------------------------------- walk

  private openWalk(walk: WalkWanted): void {
    this.keep({ tab: 'walk', walk });
  }

  private walkTab(): TemplateResult {
    const { space, address, access, el } = this.walk;
    const view = this.view('walk');
    const levels = this.domain < 0 ? [0, 1, 2] : [0, 1];
    const set = (parts: Partial<WalkWanted>): void => this.keep({ walk: { ...this.walk, ...parts } });
    return html`<div class="fill walks" role="tabpanel" id="space" aria-labelledby="tab-walk">
      <form class="bar" @submit=${this.onWalk}>
        <label>${t('Space')}
          <select @change=${(event: Event) => set({ space: valueOf(event) as 'va' | 'ipa' })}>
            <option value="va" ?selected=${space === 'va'}>VA</option>
            <option value="ipa" ?selected=${space === 'ipa'}>IPA</option>
          </select>
        </label>
        <label>${t('Address')} <input class="mono" name="address" type="text" size="22" .value=${address} /></label>
        <label>${t('Access')}
          <select @change=${(event: Event) => set({ access: valueOf(event) as WalkWanted['access'] })}>
            ${(['read', 'write', 'execute'] as const).map(
              (each) =>
                html`<option value=${each} ?selected=${access === each}>${ACCESS_TITLES[each]}</option>`,
            )}
          </select>
        </label>
        <label>${t('At')}
          <select ?disabled=${space === 'ipa'} @change=${(event: Event) => this.setLevel(valueOf(event))}>
            <option value="" ?selected=${el === undefined}>${t('EL of the vCPU')}</option>
            ${levels.map((each) => html`<option value=${each} ?selected=${el === each}>EL${each}</option>`)}
          </select>
        </label>
        <button class="secondary" type="submit">${t('Walk')}</button>
      </form>
      ${
        address === '' || !view
          ? html`<p class="pad quiet">${t('Give an address, or search for one: this shows each step of its translation.')}</p>`
          : walkChain(view, this.previous('walk'), this.folds)
      }
    </div>`;
  }

  private setLevel(value: string): void {
    const { el: _, ...rest } = this.walk;
    this.keep({ walk: value === '' ? rest : { ...rest, el: Number(value) } });
  }

  private onWalk(event: Event): void {
    event.preventDefault();
    const text = (event.target as HTMLFormElement)
      .querySelector<HTMLInputElement>('[name=address]')
      ?.value.trim();
    if (text === undefined || text === '') return;
    if (NUMBER.test(text))
      this.keep({ walk: { ...this.walk, address: `0x${BigInt.asUintN(64, BigInt(text)).toString(16)}` } });
    else void this.search(text);
  }

  static override styles = [
    Panel.styles,
    walkStyles,
    css`
      .search {
        display: flex;
      }
      .tabs {
        display: flex;
        gap: 2px;
        padding: 4px 8px 0;
        border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
      }
      .tabs button {
        border-radius: 3px 3px 0 0;
        border-bottom: 2px solid transparent;
        padding: 4px 10px;
      }
      .tabs button[aria-selected='true'] {
        border-bottom-color: var(--vscode-focusBorder);
        font-weight: 600;
      }
      .map {
        display: flex;
        flex-direction: column;
        padding: 4px 8px;
        gap: 4px;
      }
      .map > * {
        flex: none;
      }
      .map > xs-table {
        flex: 1;
        min-height: 120px;
      }
      .walks {
        overflow: auto;
      }
      .note {
        margin: 0;
        padding: 2px 0;
      }
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
      }
      .walks > .bar {
        padding: 6px 8px;
      }
      .crumbs {
        display: flex;
        align-items: center;
        flex-wrap: wrap;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 14px;
        list-style: none;
        margin: 0;
        padding: 0;
      }
      .legend svg {
        vertical-align: middle;
      }
      .definitions {
        position: absolute;
      }
      .definitions pattern {
        fill: var(--vscode-editor-foreground);
        stroke: var(--vscode-editor-foreground);
      }
      .definitions path {
        fill: none;
      }
      .legend .fill {
        opacity: 0.75;
      }
      .legend .key {
        fill: none;
        stroke: var(--vscode-descriptionForeground);
      }
      .changes ul,
      .hits {
        list-style: none;
        margin: 2px 0;
        padding: 0 8px;
        max-height: 9em;
        overflow: auto;
      }
      .found {
        display: flex;
        align-items: start;
        padding: 4px 8px;
        border-bottom: 1px solid var(--vscode-panel-border, transparent);
      }
      .found .hits {
        flex: 1;
      }
    `,
  ];
}

interface RowMenu extends RowEvent<IpaRange | PaRange | VaRange> {
  readonly x: number;
  readonly y: number;
}

type AnyMap = MemoryMapView | PhysicalMapView | Stage1MapView;

/** Changes are told between views of one space: not between two domains or two processes. */
function sameSpace(view: AnyMap, before: AnyMap): boolean {
  if ('which' in view && 'which' in before) {
    return (
      view.which === before.which &&
      view.domain === before.domain &&
      view.tables?.root === before.tables?.root
    );
  }
  if ('bits' in view && 'domain' in view && 'domain' in before) return view.domain === before.domain;
  return true;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Where the space of a map begins, and its bytes. */
const spaceOf = (view: MemoryMapView | Stage1MapView): { base: bigint; size: number } =>
  'which' in view
    ? { base: BigInt(view.window.from), size: Number(view.window.size) }
    : { base: 0n, size: Number(view.size) };

/** A map with the ranges of a part in place of those it had there. */
function withDetail(view: AnyMap, detail: MemoryMapView | Stage1MapView): AnyMap {
  const placeOf = (row: { readonly ipa?: string; readonly va?: string }): bigint =>
    BigInt(('which' in detail ? row.va : row.ipa) ?? 0);
  const first = detail.ranges[0];
  const last = detail.ranges.at(-1);
  if (!first || !last) return view;
  const [from, to] = [placeOf(first), placeOf(last) + BigInt(last.size)];
  const rows = view.ranges as readonly (IpaRange & VaRange)[];
  const outside = rows.filter((row) => placeOf(row) + BigInt(row.size) <= from || placeOf(row) >= to);
  const ranges = [...outside, ...detail.ranges] as (IpaRange & VaRange)[];
  ranges.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const { truncated: _, ...rest } = view;
  return { ...rest, ranges, ...(detail.truncated && { truncated: detail.truncated }) } as AnyMap;
}

const PAGE = 4096;
/** Around an address that was searched for: wide enough to see what is beside it. */
const NEIGHBOURHOOD = 64 * PAGE;
const neighbourhood = (offset: number): Zoom => {
  const page = offset - (offset % PAGE);
  return { from: Math.max(0, page - NEIGHBOURHOOD / 2), to: page + NEIGHBOURHOOD / 2 };
};

const ACCESS_TITLES = { read: t('Read'), write: t('Write'), execute: t('Execute') } as const;

const quietHoles = (row: unknown): string | undefined =>
  (row as { readonly kind: string }).kind === 'hole' ? 'quiet' : undefined;

const valueOf = (event: Event): string => (event.target as HTMLSelectElement).value;

definePanel('xs-memory', MemoryPanel);
