// One address space: where the zoom is, the strip, what the patterns mean, what changed, and the table of ranges.

import { choices, type Choice } from '../panel/choices.ts';
import { css, html, icon, nothing, type RowEvent, svg, t, type TemplateResult } from '../panel/panel.ts';
import { box, patternDefinitions } from './kinds.ts';
import type { Change, SpaceMap } from './ranges.ts';
import { linearScale, PAGE, sizeText, type Zoom, zoomed } from './scale.ts';
import type { AnyRange, Shown, Space } from './spaces.ts';
import './strip.ts';
import type { Picked } from './strip.ts';

export interface RowMenu extends RowEvent<AnyRange> {
  readonly x: number;
  readonly y: number;
}

/** How a space is looked at. */
export interface MapLook {
  readonly zoom: Zoom;
  readonly compressed: boolean;
  readonly selected: string | undefined;
  /** An offset that is marked. */
  readonly target: number | undefined;
  readonly filter: string;
}

export interface MapActions {
  zoomTo(zoom: Zoom): void;
  /** Zooms to a range. */
  zoomToKey(key: string): void;
  setCompressed(compressed: boolean): void;
  /** In the strip or the list of changes: the table follows. */
  pick(key: string): void;
  /** In the table. */
  select(key: string): void;
  menu(row: RowMenu): void;
}

const KEY_FACTOR = 2;
const CHANGES_SHOWN = 20;

const SCALES: readonly Choice<boolean>[] = [
  { value: false, title: t('To scale') },
  { value: true, title: t('Compressed'), hint: t('Room by the number of digits of a size') },
];

export function mapView(space: Space, shown: Shown, look: MapLook, actions: MapActions): TemplateResult {
  const { map, notes, truncated, title } = shown;
  const { zoom, selected } = look;
  return html`<div class="fill map" role="tabpanel" id="space" aria-labelledby=${`tab-${space}`}>
    ${[...notes, ...(truncated ? [truncated] : [])].map((note) => html`<p class="note">${icon('info')} ${note}</p>`)}
    <div class="bar">
      ${crumbs(map, zoom, actions)}
      <span class="space"></span>
      ${zoomButtons(map, look, actions)}
    </div>
    <xs-strip
      label=${title}
      .ranges=${map.ranges}
      .base=${map.base}
      .size=${map.size}
      .zoom=${zoom}
      ?compressed=${look.compressed}
      .selected=${selected}
      .target=${look.target}
      @xs-zoom=${(event: CustomEvent<Zoom>) => actions.zoomTo(event.detail)}
      @xs-pick=${(event: CustomEvent<Picked>) => actions.pick(event.detail.key)}
    ></xs-strip>
    ${legend(map)} ${changes(map.changes, actions)}
    <xs-table
      label=${title}
      keep=${`memory-${space}`}
      .rows=${shown.rows}
      .columns=${shown.columns}
      .rowKey=${shown.keyOf}
      .previous=${shown.before}
      .filter=${look.filter}
      .selected=${selected}
      .rowClass=${quietHoles}
      emptyText=${t('Nothing is mapped.')}
      @xs-select=${(event: CustomEvent<RowEvent<unknown>>) => actions.select(event.detail.key)}
      @xs-activate=${(event: CustomEvent<RowEvent<unknown>>) => actions.zoomToKey(event.detail.key)}
      @xs-menu=${(event: CustomEvent<RowMenu>) => actions.menu(event.detail)}
    ></xs-table>
  </div>`;
}

function crumbs(map: SpaceMap, zoom: Zoom, actions: MapActions): TemplateResult {
  const isWhole = zoom.from === 0 && zoom.to === map.size;
  const around = isWhole
    ? undefined
    : map.ranges.find((range) => range.from <= zoom.from && range.from + range.size >= zoom.to);
  const text = (offset: number): string => `0x${(map.base + BigInt(Math.floor(offset))).toString(16)}`;
  return html`<nav class="crumbs" aria-label=${t('What is looked at')}>
    <button class="link" @click=${() => actions.zoomTo({ from: 0, to: map.size })}>${sizeText(map.size)}</button>
    ${
      around
        ? html`<span>${icon('chevron-right')}</span>
          <button class="link" @click=${() => actions.zoomToKey(around.key)}>${around.name} (${sizeText(around.size)})</button>`
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

function zoomButtons(map: SpaceMap, { zoom, compressed }: MapLook, actions: MapActions): TemplateResult {
  const by = (factor: number): void =>
    actions.zoomTo(zoomed(zoom, linearScale(map.size), factor, 0.5, map.size));
  return html`${choices(t('Scale'), SCALES, compressed, (chosen) => actions.setCompressed(chosen))}
    <button aria-label=${t('Zoom in')} title=${t('Zoom in')} @click=${() => by(KEY_FACTOR)}>${icon('zoom-in')}</button>
    <button aria-label=${t('Zoom out')} title=${t('Zoom out')} @click=${() => by(1 / KEY_FACTOR)}>${icon('zoom-out')}</button>
    <button aria-label=${t('Show all')} title=${t('Show all')} @click=${() => actions.zoomTo({ from: 0, to: map.size })}>${icon('home')}</button>`;
}

function legend({ counts }: SpaceMap): TemplateResult {
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

function changes(all: readonly Change[], actions: MapActions): unknown {
  if (all.length === 0) return nothing;
  const words = { added: t('added'), removed: t('removed'), changed: t('changed') };
  return html`<details class="changes" open>
    <summary>${all.length === 1 ? t('1 change since the last stop') : t('{0} changes since the last stop', all.length)}</summary>
    <ul>
      ${all.slice(0, CHANGES_SHOWN).map(
        ({ kind, key, size, name, was, is }) => html`<li data-change=${kind}>
          ${icon(kind === 'added' ? 'add' : kind === 'removed' ? 'trash' : 'edit')} ${words[kind]}:
          ${
            kind === 'removed'
              ? html`<span class="mono">${key}</span>`
              : html`<button class="link mono" @click=${() => actions.pick(key)}>${key}</button>`
          }
          ${sizeText(size)} ${name}${was === undefined ? nothing : html` <span class="quiet">${t('was {0}; is {1}', was, is ?? '')}</span>`}
        </li>`,
      )}
      ${all.length > CHANGES_SHOWN ? html`<li class="quiet">${t('… and {0} more', all.length - CHANGES_SHOWN)}</li>` : nothing}
    </ul>
  </details>`;
}

const quietHoles = (row: unknown): string | undefined =>
  (row as { readonly kind: string }).kind === 'hole' ? 'quiet' : undefined;

export const mapStyles = css`
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
  .changes ul {
    list-style: none;
    margin: 2px 0;
    padding: 0 8px;
    max-height: 9em;
    overflow: auto;
  }
`;
