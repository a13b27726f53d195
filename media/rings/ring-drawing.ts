// The drawing of a ring: an arc for each slot (or for each stretch of bytes), coloured, hatched and lettered by
// its state, and a hand for each index. Arrow keys go from part to part.

import { css, html, nothing, svg, t, type TemplateResult } from '../panel/panel.ts';
import { arcPath, type Band, type Point, pointAt, spread } from './arcs.ts';
import type { Ring, RingIndex, RingSlotsView } from './views.ts';

/** A part of the drawing that can be chosen. */
export interface Part {
  readonly key: string;
  readonly label: string;
  readonly state: string;
  /** Shares of the way around. */
  readonly from: number;
  readonly to: number;
  readonly band: Band;
}

const SLOTS: Band = { inner: 92, outer: 128 };
const OUTER: Band = { inner: 108, outer: 134 };
const INNER: Band = { inner: 78, outer: 104 };
/** Letters fit into as many slots. */
const MOST_LETTERS = 64;

/** Letter, and whether a pattern lies over the colour. */
const STATES: Readonly<Record<string, { readonly letter: string; readonly pattern?: string }>> = {
  free: { letter: '' },
  'request waiting': { letter: 'Q', pattern: 'rising' },
  taken: { letter: 'T', pattern: 'dots' },
  'response waiting': { letter: 'R', pattern: 'falling' },
  unpublished: { letter: '?', pattern: 'cross' },
  unknown: { letter: '!', pattern: 'cross' },
};

const stateText = (state: string): string => {
  switch (state) {
    case 'free':
      return t('free');
    case 'request waiting':
      return t('request waiting');
    case 'taken':
      return t('taken');
    case 'response waiting':
      return t('response waiting');
    case 'unpublished':
      return t('written, not published (a guess)');
    default:
      return t('unknown');
  }
};

export { stateText };

/** The parts of a ring, in the order in which arrow keys visit them. */
export function partsOf({ slots, streams }: RingSlotsView): Part[] {
  if (slots.length > 0) {
    return slots.map(({ slot, state, message }) => ({
      key: `slot ${slot}`,
      label: message
        ? t('Slot {0}, {1}: {2}', slot, stateText(state), message.summary)
        : t('Slot {0}, {1}', slot, stateText(state)),
      state,
      from: slot / slots.length,
      to: (slot + 1) / slots.length,
      band: SLOTS,
    }));
  }
  return streams.flatMap(({ name, from, size, stretches }) =>
    stretches.map(({ start, length, state }) => ({
      key: `${name} ${start}`,
      label: t('{0}, bytes {1} to {2}, {3}', name, start, start + length - 1, stateText(state)),
      state,
      from: start / size,
      to: (start + length) / size,
      band: from === 'frontend' ? OUTER : INNER,
    })),
  );
}

export interface DrawingEvents {
  readonly selected: string | undefined;
  select(key: string): void;
}

export function drawing(view: RingSlotsView, { selected, select }: DrawingEvents): TemplateResult {
  const parts = partsOf(view);
  const { ring, slots, streams } = view;
  const at = parts.findIndex(({ key }) => key === selected);
  const onKey = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: 1,
      ArrowDown: 1,
      ArrowLeft: -1,
      ArrowUp: -1,
    };
    const step = steps[event.key];
    const next =
      event.key === 'Home'
        ? 0
        : event.key === 'End'
          ? parts.length - 1
          : step === undefined
            ? undefined
            : at + step;
    if (next === undefined || parts.length === 0) return;
    event.preventDefault();
    const part = parts[(next + parts.length) % parts.length];
    if (part) select(part.key);
  };
  return html`<svg
    viewBox="-260 -180 520 360"
    role="listbox"
    tabindex="0"
    aria-label=${t('Parts of the ring {0}', ring.name)}
    aria-activedescendant=${at < 0 ? nothing : `part-${at}`}
    @keydown=${onKey}
  >
    <defs aria-hidden="true">
      <pattern id="rising" width="6" height="6" patternUnits="userSpaceOnUse">
        <path d="M 0 6 L 6 0" class="ink"></path>
      </pattern>
      <pattern id="falling" width="6" height="6" patternUnits="userSpaceOnUse">
        <path d="M 0 0 L 6 6" class="ink"></path>
      </pattern>
      <pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse">
        <circle cx="2.5" cy="2.5" r="0.9" class="ink dot"></circle>
      </pattern>
      <pattern id="cross" width="6" height="6" patternUnits="userSpaceOnUse">
        <path d="M 0 0 L 6 6 M 0 6 L 6 0" class="ink"></path>
      </pattern>
    </defs>
    ${parts.map((part, index) => partDrawing(part, index, part.key === selected, parts.length, () => select(part.key)))}
    <g aria-hidden="true">
      ${slots.length > 0 ? slotNumbers(ring, slots.length) : streams.map(({ name, from }) => streamName(name, from))}
      ${hands(view)}
      <text class="centre" y=${slots.length > 0 ? -6 : -10}>${ring.health.kind}</text>
      ${centreLines(view).map((line, index) => svg`<text class="centre small" y=${10 + index * 13}>${line}</text>`)}
    </g>
  </svg>`;
}

function partDrawing(
  part: Part,
  index: number,
  isSelected: boolean,
  count: number,
  choose: () => void,
): unknown {
  const { letter, pattern } = STATES[part.state] ?? { letter: '!' };
  const path = arcPath(part.from, part.to, part.band);
  const middle = pointAt((part.from + part.to) / 2, (part.band.inner + part.band.outer) / 2);
  const isLettered = letter !== '' && count <= MOST_LETTERS;
  return svg`<g id=${`part-${index}`} role="option" aria-selected=${String(isSelected)} aria-label=${part.label}
      class=${`part ${part.state.replace(' ', '-')}${isSelected ? ' selected' : ''}`} @click=${choose}>
    <title>${part.label}</title>
    <path class="area" fill-rule="evenodd" d=${path}></path>
    ${pattern === undefined ? nothing : svg`<path class="pattern" fill-rule="evenodd" fill=${`url(#${pattern})`} d=${path}></path>`}
    ${isLettered ? svg`<text class="letter" x=${middle.x} y=${middle.y}>${letter}</text>` : nothing}
  </g>`;
}

/** A few numbers for orientation. */
function slotNumbers({ indices }: Ring, count: number): unknown {
  const step = Math.max(1, count / 8);
  return Array.from({ length: Math.min(8, count) }, (_, index) => {
    const slot = index * step;
    const isCovered = indices.some(
      ({ place, writer }) => writer === 'backend' && Math.abs(place - slot - 0.5) < count / 20,
    );
    if (isCovered) return nothing;
    const { x, y } = pointAt((slot + 0.5) / count, SLOTS.inner - 8);
    return svg`<text class="number" x=${x} y=${y}>${slot}</text>`;
  });
}

const streamName = (name: string, from: string): unknown =>
  svg`<text class="number" x="0" y=${from === 'frontend' ? -(OUTER.inner + 13) : -(INNER.inner + 13)}>${name}</text>`;

const LABEL_GAP = 11;

/** Indices of the frontend (of a ring of bytes: of its stream) point from outside, the others from inside. */
function hands({ ring, slots, streams }: RingSlotsView): unknown {
  const isSlots = slots.length > 0;
  const isOutside = ({ writer, stream }: RingIndex): boolean =>
    isSlots ? writer === 'frontend' : streams.find(({ name }) => name === stream)?.from === 'frontend';
  return [true, false].map((outside) => {
    const own = ring.indices.filter((index) => isOutside(index) === outside);
    const size = isSlots
      ? slots.length
      : (streams.find(({ from }) => (from === 'frontend') === outside)?.size ?? 1);
    const band = isSlots ? SLOTS : outside ? OUTER : INNER;
    return placed(own, size, band, outside).map(
      ({ index, near, far, label, anchor }) => svg`<g class=${`hand ${index.kind}`}>
        <line x1=${near.x} y1=${near.y} x2=${far.x} y2=${far.y}></line>
        <line class="leader" x1=${far.x} y1=${far.y} x2=${label.x} y2=${label.y}></line>
        <circle cx=${near.x} cy=${near.y} r="2"></circle>
        <text x=${label.x} y=${label.y} dx=${anchor === 'start' ? 3 : anchor === 'end' ? -3 : 0}
          text-anchor=${anchor}>${index.name} ${index.value}${index.certainty === 'inferred' ? '?' : ''}</text>
      </g>`,
    );
  });
}

interface Hand {
  readonly index: RingIndex;
  readonly near: Point;
  readonly far: Point;
  readonly label: Point;
  readonly anchor: 'start' | 'middle' | 'end';
}

/** Labels keep apart: outside in columns left and right, inside above and below the text in the middle. */
function placed(indices: readonly RingIndex[], size: number, band: Band, outside: boolean): Hand[] {
  const radius = outside ? band.outer : band.inner;
  const towards = outside ? 1 : -1;
  const hands = indices.map((index) => {
    const share = index.place / size;
    const at = pointAt(share, outside ? band.outer + 14 : band.inner - 22);
    return { index, share, at, group: `${outside ? at.x >= 0 : ''} ${at.y >= 0}` };
  });
  const groups = new Map<string, typeof hands>();
  for (const hand of hands) groups.set(hand.group, [...(groups.get(hand.group) ?? []), hand]);
  return [...groups.values()].flatMap((group) => {
    const isBelow = (group[0]?.at.y ?? 0) >= 0;
    const wished = group.map(({ at }) =>
      outside ? at.y : isBelow ? Math.max(at.y, 34) : Math.min(at.y, -30),
    );
    // Outside away from the middle, inside towards it.
    const ys = spread(wished, LABEL_GAP, isBelow === outside ? 1 : -1);
    return group.map(({ index, share, at }, order): Hand => {
      const x = outside ? at.x : at.x / 2;
      return {
        index,
        near: pointAt(share, radius + towards),
        far: pointAt(share, radius + towards * 10),
        label: { x, y: ys[order] ?? at.y },
        anchor: outside ? (at.x >= 0 ? 'start' : 'end') : 'middle',
      };
    });
  });
}

function centreLines({ ring }: RingSlotsView): string[] {
  return ring.parts.flatMap(({ stream, size, counts }) => {
    const free = counts.find(({ state }) => state === 'free')?.count;
    const used = free === undefined ? '?' : String(size - free);
    const what =
      ring.unit === 'slots' ? t('{0} of {1} slots in use', used, size) : t('{0} of {1} bytes', used, size);
    return [stream === undefined ? what : `${stream}: ${what}`];
  });
}

/** What the letters mean, for the states that there are. */
export function legend(parts: readonly Part[]): TemplateResult {
  const states = [...new Set(parts.map(({ state }) => state))];
  return html`<ul class="legend">
    ${states.map(
      (state) => html`<li>
        <svg viewBox="0 0 16 12" class=${state.replace(' ', '-')} aria-hidden="true">
          <rect class="area" width="16" height="12"></rect>
          <text class="letter" x="8" y="6.5">${STATES[state]?.letter ?? '!'}</text>
        </svg>
        ${stateText(state)}
      </li>`,
    )}
  </ul>`;
}

export const drawingStyles = css`
  svg {
    font-family: var(--vscode-font-family);
    display: block;
  }
  svg[role='listbox'] {
    width: 100%;
    height: 100%;
    min-height: 220px;
    max-height: 520px;
  }
  svg text {
    text-rendering: geometricPrecision;
  }
  svg[role='listbox']:focus {
    outline: none;
  }
  svg[role='listbox']:focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
  }
  .part {
    cursor: pointer;
  }
  .area {
    stroke: var(--vscode-editor-background);
    stroke-width: 1;
  }
  .free .area {
    fill: transparent;
    stroke: var(--vscode-descriptionForeground);
    stroke-width: 0.5;
  }
  .request-waiting .area {
    fill: var(--vscode-charts-blue);
  }
  .taken .area {
    fill: var(--vscode-charts-yellow);
  }
  .response-waiting .area {
    fill: var(--vscode-charts-green);
  }
  .unpublished .area,
  .unknown .area {
    fill: var(--vscode-charts-red);
  }
  .ink {
    stroke: var(--vscode-editor-background);
    stroke-width: 0.9;
    opacity: 0.55;
    fill: none;
  }
  .ink.dot {
    fill: var(--vscode-editor-background);
    stroke: none;
  }
  .pattern {
    pointer-events: none;
  }
  .letter {
    font-size: 9px;
    font-weight: 700;
    text-anchor: middle;
    dominant-baseline: central;
    fill: var(--vscode-editor-background);
    stroke: var(--vscode-editor-background);
    stroke-width: 0.2;
    pointer-events: none;
  }
  .part.selected .area,
  .part:hover .area {
    stroke: var(--vscode-focusBorder);
    stroke-width: 2.5;
  }
  .number {
    font-size: 8px;
    text-anchor: middle;
    dominant-baseline: central;
    fill: var(--vscode-descriptionForeground);
  }
  .hand line {
    stroke: var(--vscode-foreground);
    stroke-width: 1.2;
  }
  .hand circle {
    fill: var(--vscode-foreground);
  }
  .hand.event line {
    stroke-dasharray: 3 2;
  }
  .hand line.leader {
    stroke: var(--vscode-descriptionForeground);
    stroke-width: 0.5;
    stroke-dasharray: none;
  }
  .hand.event circle {
    fill: none;
    stroke: var(--vscode-foreground);
  }
  .hand text {
    font-size: 10px;
    dominant-baseline: central;
    fill: var(--vscode-foreground);
  }
  .centre {
    font-size: 15px;
    font-weight: 600;
    text-anchor: middle;
    fill: var(--vscode-foreground);
  }
  .centre.small {
    font-size: 10px;
    font-weight: 400;
    fill: var(--vscode-descriptionForeground);
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    list-style: none;
    margin: 4px 0;
    padding: 0;
  }
  .legend li {
    display: flex;
    align-items: center;
    gap: 5px;
  }
  .legend svg {
    width: 16px;
    height: 12px;
  }
`;
