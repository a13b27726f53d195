// Memory: where a domain's memory is. Its guest physical space, the machine's physical space and its own page
// tables, each as a strip with a table; how one address is translated; and a search by address or symbol.

import { Memo } from '../panel/memo.ts';
import {
  Panel,
  type Query,
  type TemplateResult,
  type XsTable,
  css,
  definePanel,
  host,
  html,
  icon,
  nothing,
  t,
} from '../panel/panel.ts';
import { mapStyles, mapView, type RowMenu } from './map-view.ts';
import type { MemoryMapView, PhysicalMapView, SpaceMap, Stage1MapView } from './ranges.ts';
import { around, bounded, neighbourhood, type Zoom } from './scale.ts';
import { searchResults, searchStyles, type SearchView } from './search-results.ts';
import { type AnyMap, partOf, sameSpace, type Shown, shownOf, type Space, withDetail } from './spaces.ts';
import { DEFAULT_WALK, walkForm, type WalkWanted } from './walk-form.ts';
import { type Folds, walkChain, walkStyles, type WalkView } from './walk-view.ts';

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
  private readonly drawn = new Memo<Shown>();

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
    return view && partOf(view, (base, size) => this.zoomOf(space, base, size));
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
    const { map } = shown;
    const look = {
      zoom: this.zoomOf(space, map.base, map.size),
      compressed: this.kept.compressed ?? true,
      selected: this.kept.selected?.[space],
      target: this.targetIn(space, map.base, map.size),
      filter: this.filter,
    };
    return mapView(space, shown, look, {
      zoomTo: (zoom) => this.zoomTo(space, zoom),
      zoomToKey: (key) => this.zoomToKey(space, map, key),
      setCompressed: (compressed) => this.keep({ compressed }),
      pick: (key) => this.pick(space, key),
      select: (key) => this.select(space, key),
      menu: (row) => this.rowMenu(space, map, row),
    });
  }

  /** Made once for each answer: tables and strips notice new arrays. */
  private shown(space: Space): Shown | undefined {
    const parts = this.parts(space);
    if (!parts) return undefined;
    const [view, before] = parts;
    const detail = this.detail(space);
    return this.drawn.of([space, view, before, detail], () =>
      shownOf(space, detail ? withDetail(view, detail) : view, before, (domain) => this.domainName(domain)),
    );
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
    const { walk } = this;
    const view = this.view('walk');
    return html`<div class="fill walks" role="tabpanel" id="space" aria-labelledby="tab-walk">
      ${walkForm(walk, this.domain < 0, {
        set: (wanted) => this.keep({ walk: wanted }),
        walk: (text) => this.walkTo(text),
      })}
      ${
        walk.address === '' || !view
          ? html`<p class="pad quiet">${t('Give an address, or search for one: this shows each step of its translation.')}</p>`
          : walkChain(view, this.previous('walk'), this.folds)
      }
    </div>`;
  }

  private walkTo(text: string): void {
    if (NUMBER.test(text))
      this.keep({ walk: { ...this.walk, address: `0x${BigInt.asUintN(64, BigInt(text)).toString(16)}` } });
    else void this.search(text);
  }

  static override styles = [
    Panel.styles,
    mapStyles,
    searchStyles,
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
    `,
  ];
}

definePanel('xs-memory', MemoryPanel);
