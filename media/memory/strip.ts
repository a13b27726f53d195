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
} from 'lit';
import { t } from '../panel/l10n.ts';
import { shared } from '../panel/styles.ts';
import {
  around,
  bounded,
  compressedScale,
  linearScale,
  panned,
  partAt,
  type Scale,
  sizeText,
  withGaps,
  type Zoom,
  zoomed,
} from './scale.ts';
import {
  addressText,
  extent,
  LEAST_WIDTH,
  MINIMAP_HEIGHT,
  stripDrawing,
  type StripLook,
  type StripRange,
  stripStyles,
} from './strip-drawing.ts';

export interface Picked {
  readonly key: string;
  readonly offset: number;
}

const WHEEL_FACTOR = 1.25;
const KEY_FACTOR = 2;
const KEY_STEP = 0.25;
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
        ${stripDrawing(this.look)}
      </div>
      <div class="told" id="told" role="status">${this.told || this.selectedText() || html`&nbsp;`}</div>
      <span class="spoken" id="keys">${t('Arrow keys go from range to range, with Shift they move; plus and minus zoom; Enter shows the range; Home shows all.')}</span>`;
  }

  private get look(): StripLook {
    const { ranges, base, size, zoom, scale, compressed, selected, target, width } = this;
    return { ranges, base, size, zoom, scale, compressed, selected, target, width };
  }

  private describe(range: StripRange): string {
    const end = addressText(this.look, range.from + range.size - 1);
    return `${addressText(this.look, range.from)} – ${end} (${sizeText(range.size)}): ${range.name}${range.details === '' ? '' : `, ${range.details}`}`;
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
      const [start, end] = extent(this.look, { from: range.from, to: range.from + range.size }, this.zoom);
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
      : t('{0}: nothing mapped', addressText(this.look, this.offsetAt(event)));
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
    const [start, end] = extent(this.look, { from: range.from, to: range.from + range.size }, this.zoom);
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
    stripStyles,
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
