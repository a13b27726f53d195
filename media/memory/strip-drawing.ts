// The drawing of a strip: the whole space with a frame around what is looked at, and below it the ranges in sight
// with their names, the mark of what was searched for, and addresses.

import { css, html, nothing, svg, type TemplateResult } from 'lit';
import { box, isHollow, patternDefinitions } from './kinds.ts';
import { type Part, type Scale, ticksOf, type Zoom } from './scale.ts';

export interface StripRange extends Part {
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  /** What is said of the range while the pointer is on it, after its place and name. */
  readonly details: string;
  /** Differs from the last stop. */
  readonly changed: boolean;
}

/** What is drawn, and how. */
export interface StripLook {
  readonly ranges: readonly StripRange[];
  /** The address at offset 0. */
  readonly base: bigint;
  /** Bytes. */
  readonly size: number;
  readonly zoom: Zoom;
  readonly scale: Scale;
  readonly compressed: boolean;
  readonly selected: string | undefined;
  /** An offset that is marked. */
  readonly target: number | undefined;
  /** CSS pixels. */
  readonly width: number;
}

export const MINIMAP_HEIGHT = 10;
const STRIP_TOP = 16;
const STRIP_HEIGHT = 52;
const HEIGHT = STRIP_TOP + STRIP_HEIGHT + 18;
/** Narrower than that nothing is seen. */
export const LEAST_WIDTH = 2;
const CHARACTER = 7;
const TICK_ROOM = 120;

export function stripDrawing(strip: StripLook): TemplateResult {
  const { width } = strip;
  return html`<svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
    ${patternDefinitions()} ${minimap(strip)} ${visible(strip)} ${ticks(strip)}
  </svg>`;
}

/** The whole space, and a frame around what is looked at. */
function minimap(strip: StripLook): TemplateResult {
  const whole = { from: 0, to: strip.size };
  const [left, right] = extent(strip, strip.zoom, whole);
  return svg`<g>
    <rect class="ground" x="0" y="0" width=${strip.width} height=${MINIMAP_HEIGHT}></rect>
    ${pixels(strip, strip.ranges, whole).map(([range, start, end]) =>
      box(range.kind, start, 1, end - start, MINIMAP_HEIGHT - 2),
    )}
    <rect class="frame" x=${left} y="0.5" width=${Math.max(right - left, 3)} height=${MINIMAP_HEIGHT - 1}></rect>
  </g>`;
}

function visible(strip: StripLook): TemplateResult {
  const { from, to } = strip.zoom;
  const seen = strip.ranges.filter((range) => range.from < to && range.from + range.size > from);
  const boxes = pixels(strip, seen, strip.zoom);
  return svg`<rect class="ground" x="0" y=${STRIP_TOP} width=${strip.width} height=${STRIP_HEIGHT}></rect>
    ${boxes.map(([range, start, end]) => rangeBox(strip, range, start, end))} ${targetMark(strip)}`;
}

function targetMark(strip: StripLook): TemplateResult | typeof nothing {
  const { target } = strip;
  if (target === undefined || target < strip.zoom.from || target >= strip.zoom.to) return nothing;
  const [x] = extent(strip, { from: target, to: target }, strip.zoom);
  return svg`<path class="target" d=${`M${x} ${STRIP_TOP - 3} V${STRIP_TOP + STRIP_HEIGHT + 3}`}></path>`;
}

/** Ranges with where they begin and end in pixels: of those that share one pixel the first stands for all. */
function pixels(strip: StripLook, ranges: readonly StripRange[], seen: Zoom): [StripRange, number, number][] {
  const boxes: [StripRange, number, number][] = [];
  let free = Number.NEGATIVE_INFINITY;
  for (const range of ranges) {
    const [start, end] = extent(strip, { from: range.from, to: range.from + range.size }, seen);
    if (end < free && range.key !== strip.selected && !range.changed) continue;
    boxes.push([range, start, Math.max(end, start + LEAST_WIDTH)]);
    free = start + LEAST_WIDTH;
  }
  return boxes;
}

function rangeBox(strip: StripLook, range: StripRange, start: number, end: number): TemplateResult {
  const left = Math.max(start, -1);
  const width = Math.max(Math.min(end, strip.width + 1) - left, LEAST_WIDTH);
  const isSelected = range.key === strip.selected;
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

function ticks(strip: StripLook): TemplateResult {
  const most = Math.max(1, Math.floor(strip.width / TICK_ROOM));
  const y = STRIP_TOP + STRIP_HEIGHT;
  const offsets = strip.compressed ? rangeStarts(strip) : ticksOf(strip.zoom, most);
  let free = Number.NEGATIVE_INFINITY;
  return svg`${offsets.map((offset) => {
    const [x] = extent(strip, { from: offset, to: offset }, strip.zoom);
    if (x < free || x > strip.width - 20) return '';
    const text = addressText(strip, offset);
    free = x + text.length * CHARACTER + 8;
    return svg`<path class="tick" d=${`M${x} ${y} v4`}></path><text class="address" x=${x + 2} y=${y + 14}>${text}</text>`;
  })}`;
}

function rangeStarts(strip: StripLook): number[] {
  const { from, to } = strip.zoom;
  return strip.ranges.map((range) => range.from).filter((start) => start >= from && start < to);
}

/** Pixels of a part of the space. */
export function extent(strip: StripLook, { from, to }: Zoom, seen: Zoom): [number, number] {
  const first = strip.scale.toPlace(seen.from);
  const room = strip.scale.toPlace(seen.to) - first || 1;
  const x = (offset: number): number => ((strip.scale.toPlace(offset) - first) / room) * strip.width;
  return [x(from), x(to)];
}

export function addressText(strip: StripLook, offset: number): string {
  return `0x${(strip.base + BigInt(Math.floor(offset))).toString(16)}`;
}

export const stripStyles = css`
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
`;
