// How kinds of ranges look: a colour of the theme and a pattern, so that no two depend on colour alone.

import { svg, type TemplateResult } from '../panel/panel.ts';

export type Pattern = 'plain' | 'dots' | 'rising' | 'falling' | 'lines' | 'grid' | 'sparse';

interface Look {
  /** A theme colour; none draws the outline only. */
  readonly colour?: string;
  readonly pattern: Pattern;
}

const LOOKS: Readonly<Record<string, Look>> = {
  // Guest physical.
  ram: { colour: 'charts-blue', pattern: 'plain' },
  magic: { colour: 'charts-yellow', pattern: 'dots' },
  'shared-info': { colour: 'charts-yellow', pattern: 'grid' },
  'grant-table': { colour: 'charts-green', pattern: 'grid' },
  xen: { colour: 'charts-red', pattern: 'rising' },
  grant: { colour: 'charts-green', pattern: 'rising' },
  foreign: { colour: 'charts-orange', pattern: 'falling' },
  device: { colour: 'charts-purple', pattern: 'plain' },
  emulated: { colour: 'charts-purple', pattern: 'lines' },
  'grant-window': { pattern: 'rising' },
  extended: { pattern: 'sparse' },
  // Physical.
  domain: { colour: 'charts-blue', pattern: 'plain' },
  free: { pattern: 'sparse' },
  // Stage 1.
  'kernel-code': { colour: 'charts-red', pattern: 'plain' },
  'kernel-data': { colour: 'charts-blue', pattern: 'plain' },
  'kernel-read-only': { colour: 'charts-blue', pattern: 'lines' },
  'user-code': { colour: 'charts-orange', pattern: 'dots' },
  'user-data': { colour: 'charts-green', pattern: 'dots' },
  'user-read-only': { colour: 'charts-green', pattern: 'lines' },
};

/** Address space without memory: an outline only. */
export const isHollow = (kind: string): boolean => LOOKS[kind]?.colour === undefined;

const fillOf = (kind: string): string => {
  const colour = LOOKS[kind]?.colour;
  return colour === undefined ? 'none' : `var(--vscode-${colour})`;
};

/** The patterns, for the `<defs>` of a drawing. */
export const patternDefinitions = (): TemplateResult => svg`<defs>
  ${Object.entries(SHAPES).map(
    ([name, shape]) =>
      svg`<pattern id=${`pattern-${name}`} width="8" height="8" patternUnits="userSpaceOnUse">${shape}</pattern>`,
  )}
</defs>`;

const SHAPES: Readonly<Record<string, TemplateResult>> = {
  dots: svg`<circle cx="2" cy="2" r="1.2"></circle><circle cx="6" cy="6" r="1.2"></circle>`,
  rising: svg`<path d="M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6"></path>`,
  falling: svg`<path d="M-2 6 L2 10 M0 0 L8 8 M6 -2 L10 2"></path>`,
  lines: svg`<path d="M0 2 H8 M0 6 H8"></path>`,
  grid: svg`<path d="M0 4 H8 M4 0 V8"></path>`,
  sparse: svg`<circle cx="4" cy="4" r="0.8"></circle>`,
};

/** A filled box of a kind. */
export function box(kind: string, x: number, y: number, width: number, height: number): TemplateResult {
  const pattern = LOOKS[kind]?.pattern ?? 'plain';
  return svg`<rect class="fill" x=${x} y=${y} width=${width} height=${height} fill=${fillOf(kind)}></rect>${
    pattern === 'plain'
      ? ''
      : svg`<rect class="texture" x=${x} y=${y} width=${width} height=${height} fill=${`url(#pattern-${pattern})`}></rect>`
  }`;
}
