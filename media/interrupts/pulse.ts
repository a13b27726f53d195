// The pulse: one row for each interrupt, one bar for each stretch of virtual time, as high as interrupts came in it.

import { css, svg, t, type TemplateResult } from '../panel/panel.ts';
import type { Pulse } from './views.ts';

/** Units of the drawing; the page scales it to its width. */
const WIDTH = 600;
const NAMES = 150;
const COUNTS = 56;
const ROW = 26;
const BAR_HEIGHT = 18;
const AXIS = 16;
/** Letters that fit beside the bars. */
const NAME_LENGTH = 24;

/** Below this a bar could not be seen. */
const LEAST_BAR = 1.5;

export function drawPulse({
  series,
  startNanoseconds,
  bucketNanoseconds,
  completeFromNanoseconds,
}: Pulse): TemplateResult {
  const buckets = series[0]?.counts.length ?? 1;
  const highest = Math.max(1, ...series.flatMap(({ counts }) => counts));
  const step = (WIDTH - NAMES - COUNTS) / buckets;
  const height = series.length * ROW + AXIS;
  const end = startNanoseconds + buckets * bucketNanoseconds;
  const incomplete =
    completeFromNanoseconds === undefined
      ? 0
      : (completeFromNanoseconds - startNanoseconds) / bucketNanoseconds;
  return svg`<svg class="pulse" viewBox=${`0 0 ${WIDTH} ${height}`} role="img" aria-label=${summaryOf(series)}>
    ${series.map(({ name, counts }, row) => {
      const base = row * ROW + ROW - 3;
      return svg`<g>
        <title>${name}</title>
        <text class="name" x="0" y=${base - 3}>${shortened(name)}</text>
        <line class="ground" x1=${NAMES} x2=${WIDTH - COUNTS} y1=${base} y2=${base}></line>
        ${counts.map((count, bucket) => {
          if (count === 0) return '';
          const barHeight = Math.max((count / highest) * BAR_HEIGHT, LEAST_BAR);
          return svg`<rect class="bar" x=${NAMES + bucket * step} y=${base - barHeight} width=${Math.max(step - 1, 1)}
            height=${barHeight}><title>${t('{0} at {1}', count, seconds(startNanoseconds + bucket * bucketNanoseconds))}</title></rect>`;
        })}
        <text class="count" x=${WIDTH} y=${base - 3}>${sum(counts)}</text>
      </g>`;
    })}
    ${
      incomplete > 0
        ? svg`<rect class="incomplete" x=${NAMES} y="0" width=${incomplete * step} height=${series.length * ROW}>
            <title>${t('The record reaches back to {0}.', seconds(completeFromNanoseconds ?? 0))}</title></rect>`
        : ''
    }
    <text class="axis" x=${NAMES} y=${height - 3}>${seconds(startNanoseconds)}</text>
    <text class="axis end" x=${WIDTH - COUNTS} y=${height - 3}>${seconds(end)}</text>
  </svg>`;
}

/** One sentence for those who do not see the drawing. */
export function summaryOf(series: Pulse['series']): string {
  if (series.length === 0) return t('No interrupt came in this time.');
  return series.map(({ name, counts }) => t('{0}: {1}', name, sum(counts))).join(', ');
}

export const pulseStyles = css`
  .pulse {
    width: 100%;
    max-width: 640px;
    height: auto;
    display: block;
  }
  .pulse text {
    fill: var(--vscode-foreground);
    font-size: 11px;
  }
  .pulse .count,
  .pulse .end {
    text-anchor: end;
  }
  .pulse .axis {
    fill: var(--vscode-descriptionForeground);
  }
  .pulse .bar {
    fill: var(--vscode-charts-blue, currentcolor);
  }
  .pulse .ground {
    stroke: var(--vscode-descriptionForeground);
    stroke-width: 0.5;
  }
  .pulse .incomplete {
    fill: var(--vscode-descriptionForeground);
    opacity: 0.15;
  }
`;

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

const seconds = (nanoseconds: number): string => `${(nanoseconds / 1e9).toFixed(3)} s`;

const shortened = (name: string): string =>
  name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 1)}…`;
