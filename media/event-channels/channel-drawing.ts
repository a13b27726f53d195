// A domain's channels as lines between its ports and those of other domains. The list of them is the drawing's twin.

import { type Column, css, html, nothing, svg, t, type TemplateResult } from '../panel/panel.ts';
import type { Channels, Link } from './views.ts';

const ROW = 26;
const TOP = 30;
const WIDTH = 420;
const LEFT = 118;
const RIGHT = WIDTH - 118;
/** More would be no drawing any more; the table has all. */
const MOST = 24;

export const linkKey = ({ from, to }: Link): string => `${from.domain}:${from.port}-${to.domain}:${to.port}`;

const stateOf = ({ pending, masked }: Link): string =>
  [pending ? t('pending') : '', masked ? t('masked') : ''].filter(Boolean).join(', ') || t('quiet');

export function summaryOf({ domain, links }: Channels): string {
  const others = new Set(links.map(({ to }) => to.domain));
  return t(
    'd{0} has {1} channels with {2} other domains; {3} pending, {4} masked.',
    domain,
    links.length,
    others.size,
    links.filter(({ pending }) => pending).length,
    links.filter(({ masked }) => masked).length,
  );
}

export function channelDrawing(
  { domain, links }: Channels,
  nameOf: (domain: number) => string,
  selected: number | undefined,
  choose: (port: number) => void,
): TemplateResult {
  const drawn = links
    .slice(0, MOST)
    .toSorted((a, b) => a.to.domain - b.to.domain || a.from.port - b.from.port);
  const groups = groupsOf(drawn);
  const height = TOP + (drawn.length + groups.length - 1) * ROW + 10;
  return html`<svg class="channels" viewBox="0 0 ${WIDTH} ${height}" aria-hidden="true">
      <text class="domain" x=${LEFT} y=${TOP - 12} text-anchor="end">${nameOf(domain)}</text>
      <rect class="box" x="4" y=${TOP - 6} width=${LEFT - 4} height=${height - TOP} rx="3"></rect>
      ${groups.map(({ to, first, rows }) => {
        const y = TOP + first * ROW;
        return svg`<rect class="box" x=${RIGHT} y=${y - 6} width=${WIDTH - RIGHT - 4} height=${rows.length * ROW} rx="3"></rect>
          <text class="domain" x=${RIGHT} y=${y - 12}>${nameOf(to)}</text>
          ${rows.map((link, index) => lineOf(link, y + index * ROW, link.from.port === selected, choose))}`;
      })}
    </svg>
    ${links.length > MOST ? html`<p class="quiet">${t('{0} of {1} channels are drawn; the table has all.', MOST, links.length)}</p>` : nothing}`;
}

function lineOf(
  link: Link,
  top: number,
  isSelected: boolean,
  choose: (port: number) => void,
): TemplateResult {
  const { from, to, use, pending, masked, raised, raisedBack } = link;
  const y = top + ROW / 2 - 4;
  const state = pending ? (masked ? 'pending masked' : 'pending') : masked ? 'masked' : 'quiet';
  const middle = (LEFT + RIGHT) / 2;
  const words = pending || masked ? stateOf(link) : `${raised} ← · → ${raisedBack}`;
  return svg`<g class=${`link ${state}${isSelected ? ' selected' : ''}`} @click=${() => choose(from.port)}>
    <title>${t('Port {0} and d{1} port {2}: {3}; {4} events here, {5} there', from.port, to.domain, to.port, stateOf(link), raised, raisedBack)}</title>
    <rect class="hit" x="4" y=${top - 4} width=${WIDTH - 8} height=${ROW - 2}></rect>
    <text x=${LEFT - 8} y=${y + 4} text-anchor="end">${shortened(use)} ${from.port}</text>
    <line x1=${LEFT} y1=${y} x2=${RIGHT} y2=${y}></line>
    <circle cx=${LEFT} cy=${y} r="4"></circle>
    <circle class="far" cx=${RIGHT} cy=${y} r="3"></circle>
    <text class="words" x=${middle} y=${y - 4} text-anchor="middle">${words}</text>
    <text x=${RIGHT + 8} y=${y + 4}>${to.port}</text>
  </g>`;
}

const shortened = (use = ''): string => (use.length > 12 ? `${use.slice(0, 11)}…` : use);

interface Group {
  readonly to: number;
  /** Row of its first link, with one free row before each further group. */
  readonly first: number;
  readonly rows: Link[];
}

function groupsOf(links: readonly Link[]): Group[] {
  const groups: Group[] = [];
  links.forEach((link, index) => {
    const last = groups.at(-1);
    if (last?.to === link.to.domain) last.rows.push(link);
    else groups.push({ to: link.to.domain, first: index + groups.length, rows: [link] });
  });
  return groups;
}

export const LINK_COLUMNS: readonly Column<Link>[] = [
  { key: 'from', title: t('Port'), text: ({ from }) => String(from.port), align: 'end', mono: true },
  { key: 'to', title: t('Other end'), text: ({ to }) => t('d{0} port {1}', to.domain, to.port) },
  { key: 'use', title: t('Used for'), text: ({ use = '' }) => use },
  { key: 'state', title: t('Now'), text: stateOf },
  { key: 'raised', title: t('Events here'), text: ({ raised }) => String(raised), align: 'end', mono: true },
  {
    key: 'back',
    title: t('Events there'),
    text: ({ raisedBack }) => String(raisedBack),
    align: 'end',
    mono: true,
  },
];

export const drawingStyles = css`
  .channels {
    display: block;
    width: 100%;
    max-width: 520px;
    font-size: 11px;
    fill: currentcolor;
  }
  .channels .domain {
    font-weight: 600;
  }
  .channels .box {
    fill: none;
    stroke: var(--vscode-panel-border, currentcolor);
  }
  .channels .hit {
    fill: transparent;
  }
  .channels .link {
    cursor: pointer;
  }
  .channels line {
    stroke: currentcolor;
    stroke-width: 1;
    opacity: 0.6;
  }
  .channels .words {
    fill: var(--vscode-descriptionForeground);
    font-size: 10px;
  }
  .channels .masked line {
    stroke-dasharray: 5 4;
  }
  .channels .masked circle:not(.far) {
    fill: var(--vscode-editor-background);
    stroke: currentcolor;
  }
  .channels .pending line {
    stroke: var(--vscode-charts-blue);
    stroke-width: 2;
    opacity: 1;
  }
  .channels .pending.masked line {
    stroke: var(--vscode-editorWarning-foreground);
  }
  .channels .selected .hit {
    stroke: var(--vscode-focusBorder);
  }
`;
