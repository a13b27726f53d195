// <xs-strip>: an address space along a line. What is looked at is moved and zoomed by wheel, keys and dragging,
// from the whole space to a page; a smaller line above shows where that is.
//
//   html`<xs-strip label=${t('…')} .ranges=${ranges} .base=${0n} .size=${2 ** 40} .zoom=${zoom}
//     ?compressed=${…} .selected=${key} .target=${offset} @xs-zoom=${…} @xs-pick=${…}></xs-strip>`
//
// Events: `xs-zoom` (a Zoom) and `xs-pick` (`{ key, offset }`: a click, or the arrow keys).

import {
  LitElement,
  type PropertyDeclarations,
  type PropertyValues,
  type TemplateResult,
  css,
  html,
  nothing,
  svg,
} from 'lit';
import { t } from '../panel/l10n.ts';
import { shared } from '../panel/styles.ts';
import { box, isHollow, patternDefinitions } from './kinds.ts';
import {
  around,
  bounded,
  compressedScale,
  linearScale,
  type Part,
  panned,
  partAt,
  type Scale,
  sizeText,
  ticksOf,
  withGaps,
  type Zoom,
  zoomed,
} from './scale.ts';

export interface StripRange extends Part {
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  /** What is said of the range while the pointer is on it, after its place and name. */
  readonly details: string;
  /** Differs from the last stop. */
  readonly changed: boolean;
}

export interface Picked {
  readonly key: string;
  readonly offset: number;
}

const MINIMAP_HEIGHT = 10;
const STRIP_TOP = 16;
const STRIP_HEIGHT = 52;
const HEIGHT = STRIP_TOP + STRIP_HEIGHT + 18;
/** Narrower than that nothing is seen. */
const LEAST_WIDTH = 2;
const CHARACTER = 7;
const WHEEL_FACTOR = 1.25;
const KEY_FACTOR = 2;
const KEY_STEP = 0.25;
const TICK_ROOM = 120;
/** Pointer movement that makes a click a drag. */
const DRAG = 4;

interface Drag {
  readonly x: number;
  readonly zoom: Zoom;
  moved: boolean;
}

export class XsStrip extends LitElement {
  static override properties: PropertyDeclarations = {
    label: {},
    ranges: { attribute: false },
    base: { attribute: false },
    size: { attribute: false },
    zoom: { attribute: false },
    compressed: { type: Boolean },
    selected: {},
    target: { attribute: false },
    width: { state: true },
    told: { state: true },
  };

  declare label: string;
  /** Lowest first; holes are left out. */
  declare ranges: readonly StripRange[];
  /** The address at offset 0. */
  declare base: bigint;
  /** Bytes. */
  declare size: number;
  declare zoom: Zoom;
  declare compressed: boolean;
  declare selected: string | undefined;
  /** An offset that is marked. */
  declare target: number | undefined;
  declare private width: number;
  /** What the pointer or the keys are at. */
  declare private told: string;

  private scale: Scale = linearScale(1);
  private drag: Drag | undefined;
  private readonly sizes = new ResizeObserver(([entry]) => {
    this.width = entry?.contentRect.width ?? this.width;
  });

  constructor() {
    super();
    this.label = '';
    this.ranges = [];
    this.base = 0n;
    this.size = 1;
    this.zoom = { from: 0, to: 1 };
    this.compressed = false;
    this.width = 800;
    this.told = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes.disconnect();
  }

  protected override firstUpdated(): void {
    const place = this.renderRoot.querySelector('.strip');
    if (place) this.sizes.observe(place);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('ranges') || changed.has('size') || changed.has('compressed')) {
      this.scale = this.compressed
        ? compressedScale(withGaps(this.ranges, this.size), this.size)
        : linearScale(this.size);
    }
  }

  protected override render(): TemplateResult {
    const { width } = this;
    return html`<div
        class="strip"
        role="application"
        tabindex="0"
        aria-label=${this.label}
        aria-describedby="keys told"
        @keydown=${this.onKeyDown}
        @wheel=${this.onWheel}
        @pointerdown=${this.onPointerDown}
        @pointermove=${this.onPointerMove}
        @pointerup=${this.onPointerUp}
        @pointerleave=${() => (this.told = '')}
        @dblclick=${this.onDoubleClick}
      >
        <svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
          ${patternDefinitions()} ${this.minimap()} ${this.visible()} ${this.ticks()}
        </svg>
      </div>
      <div class="told" id="told" role="status">${this.told || this.selectedText() || html`&nbsp;`}</div>
      <span class="spoken" id="keys">${t('Arrow keys go from range to range, with Shift they move; plus and minus zoom; Enter shows the range; Home shows all.')}</span>`;
  }

  /** The whole space, and a frame around what is looked at. */
  private minimap(): TemplateResult {
    const whole = { from: 0, to: this.size };
    const [left, right] = this.extent(this.zoom, whole);
    return svg`<g>
      <rect class="ground" x="0" y="0" width=${this.width} height=${MINIMAP_HEIGHT}></rect>
      ${this.pixels(this.ranges, whole).map(([range, start, end]) =>
        box(range.kind, start, 1, end - start, MINIMAP_HEIGHT - 2),
      )}
      <rect class="frame" x=${left} y="0.5" width=${Math.max(right - left, 3)} height=${MINIMAP_HEIGHT - 1}></rect>
    </g>`;
  }

  private visible(): TemplateResult {
    const { from, to } = this.zoom;
    const seen = this.ranges.filter((range) => range.from < to && range.from + range.size > from);
    const boxes = this.pixels(seen, this.zoom);
    return svg`<rect class="ground" x="0" y=${STRIP_TOP} width=${this.width} height=${STRIP_HEIGHT}></rect>
      ${boxes.map(([range, start, end]) => this.box(range, start, end))} ${this.targetMark()}`;
  }

  private targetMark(): TemplateResult | typeof nothing {
    const { target } = this;
    if (target === undefined || target < this.zoom.from || target >= this.zoom.to) return nothing;
    const [x] = this.extent({ from: target, to: target }, this.zoom);
    return svg`<path class="target" d=${`M${x} ${STRIP_TOP - 3} V${STRIP_TOP + STRIP_HEIGHT + 3}`}></path>`;
  }

  /** Ranges with where they begin and end in pixels: of those that share one pixel the first stands for all. */
  private pixels(ranges: readonly StripRange[], seen: Zoom): [StripRange, number, number][] {
    const boxes: [StripRange, number, number][] = [];
    let free = Number.NEGATIVE_INFINITY;
    for (const range of ranges) {
      const [start, end] = this.extent({ from: range.from, to: range.from + range.size }, seen);
      if (end < free && range.key !== this.selected && !range.changed) continue;
      boxes.push([range, start, Math.max(end, start + LEAST_WIDTH)]);
      free = start + LEAST_WIDTH;
    }
    return boxes;
  }

  private box(range: StripRange, start: number, end: number): TemplateResult {
    const left = Math.max(start, -1);
    const width = Math.max(Math.min(end, this.width + 1) - left, LEAST_WIDTH);
    const isSelected = range.key === this.selected;
    const middle = left + width / 2;
    return svg`<g class=${`range${isSelected ? ' selected' : ''}${isHollow(range.kind) ? ' hollow' : ''}`}>
      ${box(range.kind, left, STRIP_TOP, width, STRIP_HEIGHT)}
      <rect class="outline" x=${left} y=${STRIP_TOP} width=${width} height=${STRIP_HEIGHT}></rect>
      ${
        width > range.name.length * CHARACTER + 10
          ? svg`<rect class="plate" x=${middle - (range.name.length * CHARACTER) / 2 - 4} y=${STRIP_TOP + STRIP_HEIGHT / 2 - 10} width=${range.name.length * CHARACTER + 8} height="20" rx="3"></rect>
            <text class="name" x=${middle} y=${STRIP_TOP + STRIP_HEIGHT / 2 + 4} text-anchor="middle">${range.name}</text>`
          : ''
      }
      ${range.changed ? svg`<path class="mark" d=${`M${left} ${STRIP_TOP - 1} l-4 -5 h8 z`}></path>` : ''}
    </g>`;
  }

  private ticks(): TemplateResult {
    const most = Math.max(1, Math.floor(this.width / TICK_ROOM));
    const y = STRIP_TOP + STRIP_HEIGHT;
    const offsets = this.compressed ? this.rangeStarts() : ticksOf(this.zoom, most);
    let free = Number.NEGATIVE_INFINITY;
    return svg`${offsets.map((offset) => {
      const [x] = this.extent({ from: offset, to: offset }, this.zoom);
      if (x < free || x > this.width - 20) return '';
      const text = this.addressText(offset);
      free = x + text.length * CHARACTER + 8;
      return svg`<path class="tick" d=${`M${x} ${y} v4`}></path><text class="address" x=${x + 2} y=${y + 14}>${text}</text>`;
    })}`;
  }

  private rangeStarts(): number[] {
    const { from, to } = this.zoom;
    return this.ranges.map((range) => range.from).filter((start) => start >= from && start < to);
  }

  /** Pixels of a part of the space. */
  private extent({ from, to }: Zoom, seen: Zoom): [number, number] {
    const first = this.scale.toPlace(seen.from);
    const room = this.scale.toPlace(seen.to) - first || 1;
    const x = (offset: number): number => ((this.scale.toPlace(offset) - first) / room) * this.width;
    return [x(from), x(to)];
  }

  private addressText(offset: number): string {
    return `0x${(this.base + BigInt(Math.floor(offset))).toString(16)}`;
  }

  private describe(range: StripRange): string {
    const end = this.addressText(range.from + range.size - 1);
    return `${this.addressText(range.from)} – ${end} (${sizeText(range.size)}): ${range.name}${range.details === '' ? '' : `, ${range.details}`}`;
  }

  private selectedText(): string {
    const range = this.ranges.find(({ key }) => key === this.selected);
    return range ? this.describe(range) : '';
  }

  // ---------------------------------------------------------------------------- pointer and keys

  private shareAt({ clientX }: MouseEvent): number {
    const { left, width } = this.getBoundingClientRect();
    return Math.max(0, Math.min(1, (clientX - left) / (width || 1)));
  }

  private offsetAt(event: MouseEvent): number {
    const first = this.scale.toPlace(this.zoom.from);
    const room = this.scale.toPlace(this.zoom.to) - first;
    return this.scale.toOffset(first + this.shareAt(event) * room);
  }

  /** A range of a few pixels is met in its neighbourhood. */
  private rangeAt(event: MouseEvent): StripRange | undefined {
    const offset = this.offsetAt(event);
    const exact = partAt(this.ranges, offset);
    if (exact) return exact;
    const x = this.shareAt(event) * this.width;
    return this.ranges.find((range) => {
      const [start, end] = this.extent({ from: range.from, to: range.from + range.size }, this.zoom);
      return x >= start - 1 && x <= Math.max(end, start + LEAST_WIDTH) + 1;
    });
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.show(panned(this.zoom, this.scale, (event.deltaX || event.deltaY) / this.width, this.size));
      return;
    }
    const factor = event.deltaY < 0 ? WHEEL_FACTOR : 1 / WHEEL_FACTOR;
    this.show(zoomed(this.zoom, this.scale, factor, this.shareAt(event), this.size));
  }

  private onPointerDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.drag = { x: event.clientX, zoom: this.zoom, moved: false };
    if (this.isOnMinimap(event)) this.centre(event);
  }

  private isOnMinimap(event: MouseEvent): boolean {
    return event.clientY - this.getBoundingClientRect().top < MINIMAP_HEIGHT;
  }

  /** Brings the place of the pointer on the smaller line into the middle. */
  private centre(event: MouseEvent): void {
    const first = this.scale.toPlace(this.zoom.from);
    const room = this.scale.toPlace(this.zoom.to) - first;
    const by = (this.shareAt(event) * this.scale.length - first - room / 2) / room;
    this.show(panned(this.zoom, this.scale, by, this.size));
  }

  private onPointerMove(event: PointerEvent): void {
    const { drag } = this;
    if (drag) {
      const by = (drag.x - event.clientX) / this.width;
      if (Math.abs(drag.x - event.clientX) > DRAG) drag.moved = true;
      if (drag.moved) this.show(panned(drag.zoom, this.scale, by, this.size));
      return;
    }
    const range = this.rangeAt(event);
    this.told = range
      ? this.describe(range)
      : t('{0}: nothing mapped', this.addressText(this.offsetAt(event)));
  }

  private onPointerUp(event: PointerEvent): void {
    const { drag } = this;
    this.drag = undefined;
    if (!drag || drag.moved || this.isOnMinimap(event)) return;
    const range = this.rangeAt(event);
    if (range) this.pick(range, Math.max(range.from, Math.floor(this.offsetAt(event))));
  }

  private onDoubleClick(event: MouseEvent): void {
    const range = this.rangeAt(event);
    if (range) this.show(around(range, this.size));
  }

  private onKeyDown(event: KeyboardEvent): void {
    const { zoom, scale, size } = this;
    switch (event.key) {
      case '+':
      case '=':
        this.show(zoomed(zoom, scale, KEY_FACTOR, this.selectedShare(), size));
        break;
      case '-':
        this.show(zoomed(zoom, scale, 1 / KEY_FACTOR, this.selectedShare(), size));
        break;
      case 'ArrowLeft':
      case 'ArrowRight': {
        const sign = event.key === 'ArrowLeft' ? -1 : 1;
        if (event.shiftKey) this.show(panned(zoom, scale, sign * KEY_STEP, size));
        else this.step(sign);
        break;
      }
      case 'Home':
        this.show({ from: 0, to: size });
        break;
      case 'Enter': {
        const range = this.ranges.find(({ key }) => key === this.selected);
        if (range) this.show(around(range, size));
        break;
      }
      default:
        return;
    }
    event.preventDefault();
  }

  /** Where the selected range is in the view; the middle if it is not. */
  private selectedShare(): number {
    const range = this.ranges.find(({ key }) => key === this.selected);
    if (!range) return 0.5;
    const [start, end] = this.extent({ from: range.from, to: range.from + range.size }, this.zoom);
    const share = (start + end) / 2 / this.width;
    return share >= 0 && share <= 1 ? share : 0.5;
  }

  private step(sign: -1 | 1): void {
    const at = this.ranges.findIndex(({ key }) => key === this.selected);
    const { zoom } = this;
    const first = this.ranges.findIndex((range) => range.from + range.size > zoom.from);
    const next = this.ranges[at < 0 ? first : at + sign];
    if (!next) return;
    this.pick(next, next.from);
    if (next.from + next.size <= zoom.from || next.from >= zoom.to) {
      const width = zoom.to - zoom.from;
      const middle = next.from + next.size / 2;
      this.show(bounded({ from: middle - width / 2, to: middle + width / 2 }, this.size));
    }
  }

  private pick({ key }: StripRange, offset: number): void {
    this.dispatchEvent(new CustomEvent<Picked>('xs-pick', { detail: { key, offset } }));
  }

  private show(zoom: Zoom): void {
    this.dispatchEvent(new CustomEvent<Zoom>('xs-zoom', { detail: zoom }));
  }

  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      .strip {
        overflow: hidden;
        touch-action: none;
        cursor: grab;
        user-select: none;
      }
      svg {
        display: block;
      }
      pattern {
        fill: var(--vscode-editor-foreground);
        stroke: var(--vscode-editor-foreground);
      }
      pattern path {
        fill: none;
        stroke-width: 1;
      }
      pattern circle {
        stroke: none;
      }
      .ground {
        fill: var(--vscode-editorWidget-background, transparent);
        stroke: var(--vscode-contrastBorder, var(--vscode-panel-border, transparent));
      }
      .fill {
        opacity: 0.75;
      }
      .texture {
        opacity: 0.6;
      }
      .outline {
        fill: none;
        stroke: var(--vscode-editor-background);
        stroke-width: 1;
      }
      .hollow .outline {
        stroke: var(--vscode-descriptionForeground);
        stroke-dasharray: 3 3;
      }
      .selected .outline {
        stroke-dasharray: none;
        stroke: var(--vscode-focusBorder);
        stroke-width: 3;
      }
      .plate {
        fill: var(--vscode-editor-background);
        opacity: 0.85;
      }
      .name {
        fill: var(--vscode-editor-foreground);
        font-size: 12px;
      }
      .address {
        fill: var(--vscode-descriptionForeground);
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 11px;
      }
      .tick {
        stroke: var(--vscode-descriptionForeground);
      }
      .frame {
        fill: none;
        stroke: var(--vscode-focusBorder);
        stroke-width: 2;
      }
      .mark {
        fill: var(--vscode-editorGutter-modifiedBackground, var(--vscode-editor-foreground));
      }
      .target {
        stroke: var(--vscode-editor-foreground);
        stroke-width: 2;
        stroke-dasharray: 5 2;
      }
      .told {
        min-height: 1.5em;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ];
}

customElements.define('xs-strip', XsStrip);
